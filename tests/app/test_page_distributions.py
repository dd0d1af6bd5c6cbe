"""Handles of the second page."""

from __future__ import annotations

import math

import pytest
from pytestqt.qtbot import QtBot

from app.pages.distributions import DistributionsPage
from tests.app.page_bench import opened

pytestmark = pytest.mark.usefixtures("dressed")


def test_the_ends_of_the_axes_turn_and_stretch_the_ellipse(qtbot: QtBot) -> None:
    page = opened(qtbot, DistributionsPage, section="plane", mu_x=0.0, mu_y=0.0)
    page.plane.moved.emit("long", 0.0, 2.0)
    plain = page.settings.plain()
    assert plain["long"] == pytest.approx(2.0) and plain["angle"] == pytest.approx(90.0)
    page.plane.moved.emit("short", 0.5, 0.0)
    plain = page.settings.plain()
    assert plain["short"] == pytest.approx(0.5) and math.cos(math.radians(plain["angle"])) == pytest.approx(
        0.0, abs=1e-6
    )
    page.plane.moved.emit("mean", 1.0, -1.0)
    page.plane.moved.emit("point", 1.0, -1.0)
    assert page.numbers()["distance"] == pytest.approx(0.0)


def test_the_point_of_the_triangle_stays_inside(qtbot: QtBot) -> None:
    page = opened(qtbot, DistributionsPage, section="categorical")
    for x, y in ((-0.5, 0.3), (0.5, 2.0), (0.5, -0.4), (0.6, 0.2)):
        page.triangle.moved.emit("p", x, y)
        n = page.numbers()
        assert n["p_1"] + n["p_2"] + n["p_3"] == pytest.approx(1.0) and min(n["p_1"], n["p_2"], n["p_3"]) > 0


def test_dragging_the_model_on_its_surface_moves_the_bell(qtbot: QtBot) -> None:
    page = opened(qtbot, DistributionsPage, section="gaussian")
    page.surface.moved.emit("model", 0.7, math.log(1.5))
    assert page.numbers()["mu"] == pytest.approx(0.7) and page.numbers()["sigma"] == pytest.approx(1.5)
