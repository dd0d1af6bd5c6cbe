"""The page of the gradients under the hand."""

from __future__ import annotations

import pytest
from pytestqt.qtbot import QtBot

from app.pages.gradients import GradientsPage, GradientsState
from tests.app.page_bench import opened

pytestmark = pytest.mark.usefixtures("dressed")


def settings(page: GradientsPage) -> GradientsState:
    assert isinstance(page.settings, GradientsState)
    return page.settings


def test_the_top_of_q_is_dragged_and_both_gradients_follow(qtbot: QtBot) -> None:
    page = opened(qtbot, GradientsPage, section="two")
    (top,) = page.two.function.handles()
    page.two.function.moved.emit("q", 2.0, top.y)
    assert settings(page).mu == 2.0 and settings(page).sigma == pytest.approx(0.8, rel=1e-3)
    assert page.numbers()["exact"] == pytest.approx(2.0)
    page.two.expected.clicked.emit(-1.0, 3.0)
    assert settings(page).mu == -1.0
    page.set(by="sigma")
    page.two.expected.clicked.emit(0.5, 3.0)
    assert settings(page).sigma == 0.5 and page.numbers()["exact"] == pytest.approx(1.0)


def test_a_step_has_no_slope_and_the_page_says_so(qtbot: QtBot) -> None:
    page = opened(qtbot, GradientsPage, section="two", function="step")
    assert page.numbers()["through"] == 0.0 and page.numbers()["bias"] == -page.numbers()["exact"] != 0.0


def test_clicks_choose_dimension_and_temperature(qtbot: QtBot) -> None:
    page = opened(qtbot, GradientsPage, section="dims")
    page.dims.noise.clicked.emit(63.7, 1.0)
    assert settings(page).dims == 64 and page.numbers()["d"] == 64.0
    page.set(section="switch")
    page.switch.errors.clicked.emit(0.1, 1.0)
    assert settings(page).tau == pytest.approx(0.1) and abs(page.numbers()["bias"]) < 0.01


def test_the_table_marks_what_works_and_what_has_no_way(qtbot: QtBot) -> None:
    page = opened(qtbot, GradientsPage, section="where", mu=0.5)
    words = [[label.text() for label in row] for row in page.where.cells]
    assert words[2][1].startswith("0.000") and words[2][1].endswith("✗")
    assert words[4][1].startswith("no way") and words[3][2].endswith("✗") and words[0][1].endswith("✓")
