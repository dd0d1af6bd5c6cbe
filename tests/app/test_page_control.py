"""Handles and clicks of the page on control signals."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.pages.control import ControlPage
from tests.app.page_bench import opened

pytestmark = pytest.mark.usefixtures("dressed")


def test_dragging_a_top_moves_and_widens_its_part_and_the_posterior_follows(qtbot: QtBot) -> None:
    page = opened(qtbot, ControlPage, section="switch")
    before = page.numbers()["posterior_3"]
    page.switch.joint.moved.emit("2", 1.4, 0.1)
    settings = page.settings.plain()
    assert settings["mu_3"] == 1.4
    assert settings["sigma_3"] == pytest.approx(0.2 / (0.1 * 2.5066), rel=1e-3), "height is p(z) / (σ √2π)"
    assert page.numbers()["posterior_3"] > before


def test_the_place_is_dragged_or_clicked_in_both_pictures(qtbot: QtBot) -> None:
    page = opened(qtbot, ControlPage, section="switch")
    page.switch.posterior.moved.emit("x", -2.5, 0.5)
    assert page.settings.plain()["x"] == -2.5 and page.numbers()["posterior_1"] > 0.9
    page.switch.joint.clicked.emit(3.0, 0.2)
    assert page.numbers()["posterior_3"] > 0.8


def test_the_point_and_the_chosen_z_are_taken_by_hand(qtbot: QtBot) -> None:
    page = opened(qtbot, ControlPage, section="integral")
    figure = page.integral.plane
    start, goal = figure.place_of(1.3, 0.2).toPoint(), figure.place_of(-3.0, 1.0).toPoint()
    qtbot.mousePress(figure, Qt.MouseButton.LeftButton, pos=start)
    qtbot.mouseMove(figure, goal)
    qtbot.mouseRelease(figure, Qt.MouseButton.LeftButton, pos=goal)
    settings = page.settings.plain()
    assert (settings["x_1"], settings["x_2"]) == pytest.approx((-3.0, 1.0), abs=0.1)
    assert page.numbers()["z_mean"] < -1.0
    page.integral.causes.clicked.emit(2.0, 0.1)
    assert page.numbers()["z"] == 2.0


def test_a_click_on_a_walk_goes_on_from_there(qtbot: QtBot) -> None:
    page = opened(qtbot, ControlPage, section="factors", angle=0.0)
    page.factors.walks[0].clicked.emit(6.4, 1.4)
    assert page.settings.plain()["c_3"] == 2.0 and page.numbers()["cause_3"] == pytest.approx(2.0)
    page.factors.walks[1].clicked.emit(7.2, 1.4)
    assert page.settings.plain()["c_3"] == 2.0, "beside the walks there is nothing to choose"
