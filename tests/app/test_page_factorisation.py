"""The factorisation page under the hand: clicks on graphs, dots, orders and curves."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot

from app.pageparts.factorisation_graph import Graph
from app.pageparts.factorisation_pictures import ROUND
from app.pages.factorisation import FactorisationPage, FactorisationState
from app.widgets.figure import Figure
from gm_core.concepts import factorisation_graph as graphs
from tests.app.page_bench import opened

pytestmark = pytest.mark.usefixtures("dressed")


def settings(page: FactorisationPage) -> FactorisationState:
    assert isinstance(page.settings, FactorisationState)
    return page.settings


def click(qtbot: QtBot, figure: Figure, x: float, y: float) -> None:
    qtbot.mouseClick(figure, Qt.MouseButton.LeftButton, pos=figure.place_of(x, y).toPoint())


def drawn(figure: Figure) -> Graph:
    return next(mark for mark in figure.marks() if isinstance(mark, Graph))


def press(qtbot: QtBot, page: FactorisationPage, words: str) -> None:
    button = next(b for b in page.findChildren(QPushButton) if b.text() == words and b.isVisible())
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def test_two_clicks_join_two_pixels_and_two_more_part_them(qtbot: QtBot) -> None:
    page = opened(qtbot, FactorisationPage, section="graph", graph=0)
    click(qtbot, page.graph, *ROUND[3])
    assert settings(page).chosen == 3 and drawn(page.graph).chosen == 3
    assert len(drawn(page.graph).words) == 4, "the price of each edge of the pixel is told"
    click(qtbot, page.graph, *ROUND[1])
    assert graphs.edges_of(settings(page).graph) == ((1, 3),), "an edge runs from the earlier pixel to the later one"
    assert page.numbers()["parameters"] == 6 and drawn(page.graph).edges == ((1, 3),)
    click(qtbot, page.graph, *ROUND[1])
    assert settings(page).graph == 0
    click(qtbot, page.graph, *ROUND[3])
    assert settings(page).chosen == -1


def test_a_click_on_an_edge_takes_it_away(qtbot: QtBot) -> None:
    page = opened(qtbot, FactorisationPage, section="graph", graph=graphs.CHAIN)
    middle = [(a + b) / 2 for a, b in zip(ROUND[0], ROUND[1], strict=True)]
    click(qtbot, page.graph, *middle)
    assert settings(page).graph == graphs.CHAIN ^ graphs.number_of(((0, 1),))


def test_a_click_on_a_dot_chooses_its_graph(qtbot: QtBot) -> None:
    page = opened(qtbot, FactorisationPage, section="graph", graph=0)
    click(qtbot, page.cloud, 31.0, 0.0)
    assert settings(page).graph == graphs.GRAPHS - 1 and page.numbers()["lost"] == pytest.approx(0.0, abs=1e-12)


def test_the_buttons_take_known_graphs(qtbot: QtBot) -> None:
    page = opened(qtbot, FactorisationPage, section="graph")
    lost = {}
    for words in ("None", "Chain", "Best parent", "All"):
        press(qtbot, page, words)
        lost[words] = page.numbers()["lost"]
    assert lost["None"] > lost["Chain"] > lost["Best parent"] > lost["All"] - 1e-12


def test_what_is_given_is_dragged_along_the_error(qtbot: QtBot) -> None:
    page = opened(qtbot, FactorisationPage, section="forcing", given=1)
    start = page.errors._spot(page.errors.handles()[0], page.errors.frame()).toPoint()
    to = page.errors.place_of(30.5, 0.0).toPoint()
    qtbot.mousePress(page.errors, Qt.MouseButton.LeftButton, pos=start)
    qtbot.mouseMove(page.errors, to)
    qtbot.mouseRelease(page.errors, Qt.MouseButton.LeftButton, pos=to)
    assert settings(page).given == pytest.approx(30, abs=1)


def test_a_block_of_all_pixels_takes_one_call(qtbot: QtBot) -> None:
    page = opened(qtbot, FactorisationPage, section="parallel", block=1)
    assert page.numbers()["calls"] == 64
    page.set(block=64, call=64)
    assert page.numbers()["calls"] == 1 and page.numbers()["known"] == 64 and page.numbers()["ratio"] == 1


def test_two_clicks_swap_the_turns_of_two_pixels(qtbot: QtBot) -> None:
    page = opened(qtbot, FactorisationPage, section="order", own=(0, 1, 2, 3, 4, 5, 6, 7, 8))
    before = page.numbers()["lost"]
    click(qtbot, page.route, 0.5, 1.5)
    assert settings(page).chosen == 3 and drawn(page.route).chosen == 3
    click(qtbot, page.route, 2.5, 1.5)
    assert settings(page).own == (0, 1, 2, 5, 4, 3, 6, 7, 8) and settings(page).chosen == -1
    assert page.numbers()["lost"] < before - 0.1, "a snake beats reading row by row"
    press(qtbot, page, "Raster")
    assert page.numbers()["lost"] == pytest.approx(before, abs=1e-12)


def test_what_was_chosen_is_forgotten_in_another_section(qtbot: QtBot) -> None:
    page = opened(qtbot, FactorisationPage, section="order", chosen=8)
    page.set(section="graph")
    assert settings(page).chosen == -1
