"""Help: one screen for each panel and model, found by keys and by the buttons of docks."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from app.panel import find_panels
from app.shell.help import HelpWindow, find_topics
from gm_core import api

TOPICS = find_topics()
MOST_LINES, WIDEST = 60, 200


@pytest.mark.parametrize("key", TOPICS)
def test_a_text_has_a_title_and_fits_one_screen(key: str) -> None:
    lines = TOPICS[key].path.read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("# ") and len(lines[0]) < 60
    assert 8 <= len(lines) <= MOST_LINES and sum(map(len, lines)) < 4500


def test_texts_name_panels_and_models_that_exist() -> None:
    panels = set(find_panels())
    models = {card.name for card in api.read_catalogue().models}
    for key in TOPICS:
        kind, _, name = key.partition("/")
        assert name in (panels if kind == "panels" else models) | {"data"}, key


def test_every_panel_and_every_model_has_its_text() -> None:
    wanted = {f"panels/{name}" for name in find_panels()} | {f"models/{c.name}" for c in api.read_catalogue().models}
    assert wanted <= TOPICS.keys()


def test_a_topic_is_shown_and_an_unknown_one_shows_the_first(qtbot: QtBot, tmp_path: Path) -> None:
    window = HelpWindow()
    qtbot.addWidget(window)
    assert window.open_topic("panels/gallery") and "noise" in window.text.toPlainText()
    assert window.open_topic("models/vae") and "ELBO" in window.text.toPlainText()
    assert not window.open_topic("models/nobody") and window.text.toPlainText()


def test_a_folder_without_texts_is_no_fault(tmp_path: Path) -> None:
    assert find_topics(tmp_path) == {}
