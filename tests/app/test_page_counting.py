"""The counting page under the hand: colours, handles, edges and bars."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, Qt
from pytestqt.qtbot import QtBot

from app.pageparts.counting_pictures import NODES
from app.pageparts.counting_rows import CountRows
from app.pages.counting import CountingPage, CountingState
from app.widgets.figure import Figure
from tests.app.page_bench import opened

pytestmark = pytest.mark.usefixtures("dressed")


def settings(page: CountingPage) -> CountingState:
    assert isinstance(page.settings, CountingState)
    return page.settings


def spot(figure: Figure, x: float, y: float) -> QPoint:
    return figure.place_of(x, y).toPoint()


def drag(qtbot: QtBot, figure: Figure, key: str, to: QPoint) -> None:
    handle = next(h for h in figure.handles() if h.key == key)
    start = figure._spot(handle, figure.frame()).toPoint()
    qtbot.mousePress(figure, Qt.MouseButton.LeftButton, pos=start)
    qtbot.mouseMove(figure, to)
    qtbot.mouseRelease(figure, Qt.MouseButton.LeftButton, pos=to)


def test_a_click_on_a_colour_picks_it_and_says_its_entry_of_the_table(qtbot: QtBot) -> None:
    page = opened(qtbot, CountingPage, section="pixel", blue=0)
    qtbot.mouseClick(page.plane, Qt.MouseButton.LeftButton, pos=spot(page.plane, 200.5, 30.5))
    assert "16,777,215" in page.formula.accessibleDescription()
    assert settings(page).red == pytest.approx(200, abs=2) and settings(page).green == pytest.approx(30, abs=2)
    entry = (settings(page).red * 256 + settings(page).green) * 256 + 1
    assert page.numbers()["entry"] == entry
    assert page.side.values["entry"][1].text() == f"{entry:,}", "no digit is rounded away"


def test_the_number_of_pixels_is_dragged_along_its_axis(qtbot: QtBot) -> None:
    page = opened(qtbot, CountingPage, section="pixels", n=5)
    drag(qtbot, page.growth, "n", page.growth.place_of(2.0, 0.0).toPoint())  # places count decades there
    assert settings(page).n == pytest.approx(100, abs=3)
    assert page.numbers()["markov"] == 2 * settings(page).n - 1


def test_the_rows_say_the_exact_counts(qtbot: QtBot) -> None:
    page = opened(qtbot, CountingPage, section="pixels", n=64)
    assert isinstance(page.rows, CountRows)
    assert "Chain rule: 18.4 quintillion" in page.rows.accessibleDescription()
    assert page.rows._number(page.rows._rows[0]) == "18,446,744,073,709,551,615"


def test_the_memory_is_chosen_on_the_curve(qtbot: QtBot) -> None:
    page = opened(qtbot, CountingPage, section="digits", m=2)
    qtbot.mouseClick(page.curve, Qt.MouseButton.LeftButton, pos=spot(page.curve, 8.0, 40.0))
    assert settings(page).m == 8 and page.numbers()["parameters"] == 2**8 * 57 - 1
    drag(qtbot, page.curve, "m", spot(page.curve, 1.0, 20.0))
    assert settings(page).m == 1 and page.numbers()["parameters"] == 127


def test_a_click_takes_an_edge_away_and_brings_it_back(qtbot: QtBot) -> None:
    page = opened(qtbot, CountingPage, section="edges")
    middle = [(a + b) / 2 for a, b in zip(NODES[1], NODES[2], strict=True)]
    qtbot.mouseClick(page.graph, Qt.MouseButton.LeftButton, pos=spot(page.graph, *middle))
    assert not settings(page).keep_y_to_x and page.numbers()["parameters"] == 5
    assert page.numbers()["lost"] == pytest.approx(page.numbers()["alone"], abs=1e-12)
    qtbot.mouseClick(page.graph, Qt.MouseButton.LeftButton, pos=spot(page.graph, *middle))
    assert settings(page).keep_y_to_x and page.numbers()["lost"] == pytest.approx(0.0, abs=1e-12)
    qtbot.mouseClick(page.graph, Qt.MouseButton.LeftButton, pos=spot(page.graph, 0.0, 0.0))
    assert page.numbers()["parameters"] == 7, "beside the edges nothing happens"


def test_dragging_the_bars_of_x_to_the_same_height_makes_x_independent_of_y(qtbot: QtBot) -> None:
    page = opened(qtbot, CountingPage, section="edges", keep_y_to_x=False)
    assert page.numbers()["lost"] > 0.01
    for number, height in ((3, 0.3), (5, 0.3), (4, 0.8), (6, 0.8)):
        drag(qtbot, page.chances, str(number), spot(page.chances, number, height))
    page.set(chances=tuple(round(chance, 2) for chance in settings(page).chances))
    assert page.numbers()["lost"] < 1e-3 and settings(page).chances[3] == pytest.approx(0.3, abs=0.01)
