"""A page on its own, answered at once by the concepts themselves, without a desk, an engine or a thread."""

from __future__ import annotations

from typing import Any, TypeVar

from pytestqt.qtbot import QtBot

from app.page import Page
from tests.concepts.answering import answer

P = TypeVar("P", bound=Page)


def opened(qtbot: QtBot, kind: type[P], size: tuple[int, int] = (1000, 640), **settings: Any) -> P:
    """A page that is seen, with settings, whose wishes are answered as soon as they are made."""
    page = kind()
    qtbot.addWidget(page)
    page.wished.connect(lambda purpose, query: page.receive(purpose, answer(query)))
    page.resize(*size)
    page.show()
    page.set(**settings)
    return page
