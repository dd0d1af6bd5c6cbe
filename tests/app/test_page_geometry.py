"""What hands do on the page about the geometry of autoencoders."""

from __future__ import annotations

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from app.pages.geometry import PENALTIES, GeometryPage
from gm_core.concepts.geometry_shapes import shipped
from tests.app.page_bench import opened
from tests.app.page_hands import drag

pytestmark = pytest.mark.usefixtures("dressed")


@pytest.mark.parametrize("section", ["denoiser", "learned", "contractive", "bottleneck"])
def test_the_point_is_dragged_on_every_plane_and_the_numbers_follow(qtbot: QtBot, section: str) -> None:
    page = opened(qtbot, GeometryPage, section=section)
    before = page.numbers()
    plane = getattr(page, section)[0]
    drag(plane, page.settings.probe, (0.5, 1.5))
    assert page.settings.probe == pytest.approx((0.5, 1.5), abs=0.03)
    changed = [name for name, value in page.numbers().items() if value != before[name]]
    assert len(changed) >= 3


def test_the_bent_circle_is_steered_from_all_three_pictures(qtbot: QtBot) -> None:
    page = opened(qtbot, GeometryPage, section="bend")
    plane, upper, lower = page.bend
    drag(plane, (0.8 * page.settings.rho, 0.6 * page.settings.rho), (0.0, 1.0))
    assert page.settings.rho == pytest.approx(1.0, abs=0.03)
    drag(upper, (page.settings.rho, page.numbers()["pulled"] - page.settings.rho), (0.5, 0.0))
    assert page.settings.rho == pytest.approx(0.5, abs=0.03)
    drag(lower, (page.settings.noise, page.numbers()["rest"]), (1.0, 0.0))
    assert page.settings.noise == pytest.approx(1.0, abs=0.02) and page.numbers()["rest"] == 0.0


def test_levels_name_the_strengths_that_were_trained(qtbot: QtBot) -> None:
    assert [float(name) for name in PENALTIES] == shipped("contractive")["strengths"].tolist()
    page = opened(qtbot, GeometryPage, section="contractive", penalty_level=5)
    assert page.numbers()["penalty"] == 0.3
    page.set(section="learned", noise_level=99)
    assert page.settings.noise_level == len(shipped("denoising")["strengths"]) == 5
    assert page.numbers()["sigma"] == pytest.approx(shipped("denoising")["strengths"][-1])


def test_the_code_is_dragged_and_its_place_on_the_curve_follows(qtbot: QtBot) -> None:
    page = opened(qtbot, GeometryPage, section="bottleneck")
    before = page.numbers()
    page.bottleneck[1].moved.emit("code", 0.7, 0.0)
    n = page.numbers()
    assert page.settings.code == 0.7
    assert np.hypot(n["g_1"] - before["g_1"], n["g_2"] - before["g_2"]) > 0.5
