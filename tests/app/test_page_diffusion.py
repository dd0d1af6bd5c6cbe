"""What hands do on the page about diffusion."""

from __future__ import annotations

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from app.pages.diffusion import DiffusionPage
from tests.app.page_bench import opened
from tests.app.page_hands import drag

pytestmark = pytest.mark.usefixtures("dressed")


def test_a_handle_bends_any_schedule_by_hand_but_never_past_its_neighbours(qtbot: QtBot) -> None:
    page = opened(qtbot, DiffusionPage, section="schedule", schedule="cosine")
    curve = page.schedule.kept
    before = [handle.y for handle in curve.handles()[:4]]
    drag(curve, (400.0, before[1]), (400.0, 0.8))
    assert page.settings.schedule == "by hand"
    assert page.settings.hand[1] == pytest.approx(0.8, abs=0.02)
    assert np.delete(page.settings.hand, 1) == pytest.approx(np.delete(before, 1), abs=1e-3)
    drag(curve, (400.0, curve.handles()[1].y), (400.0, 0.0))
    assert page.settings.hand[1] == pytest.approx(page.settings.hand[2] + 0.002, abs=1e-3)


def test_the_time_is_dragged_on_the_curve_and_less_is_kept(qtbot: QtBot) -> None:
    page = opened(qtbot, DiffusionPage, section="schedule", t=300)
    before = page.numbers()["alpha_bar"]
    drag(page.schedule.kept, (300.0, before), (500.0, before))
    assert page.settings.t == pytest.approx(500, abs=5)
    assert page.numbers()["alpha_bar"] < before


def test_data_noisy_value_and_time_are_dragged_in_the_posterior(qtbot: QtBot) -> None:
    page = opened(qtbot, DiffusionPage, section="posterior")
    before = page.numbers()["mean"]
    drag(page.posterior.line, (page.settings.x_0, 0.0), (2.5, 0.0))
    assert page.settings.x_0 == pytest.approx(2.5, abs=0.03) and page.numbers()["mean"] > before
    drag(page.posterior.line, (page.settings.x_t, 0.0), (-2.0, 0.0))
    assert page.settings.x_t == pytest.approx(-2.0, abs=0.03)
    drag(page.posterior.ways, (8.0, page.settings.x_t), (15.0, 1.0))
    assert page.settings.time == 15 and page.settings.x_t == pytest.approx(1.0, abs=0.05)
    drag(page.posterior.weights, (15.0, page.numbers()["variance"]), (4.0, 0.5))
    assert page.settings.time == 4


def test_point_and_peak_are_dragged_over_both_gradients(qtbot: QtBot) -> None:
    page = opened(qtbot, DiffusionPage, section="score")
    n = page.numbers()
    drag(page.gradients.over_x, (n["x"], n["log_density"]), (3.0, -2.0))
    assert page.settings.x == pytest.approx(3.0, abs=0.03) and page.numbers()["score"] < 0
    n = page.numbers()
    drag(page.gradients.gradient, (n["theta"], n["gradient"]), (2.0, 0.0))
    assert page.settings.theta == pytest.approx(2.0, abs=0.03)


def test_the_noisy_value_is_dragged_along_tweedies_curve(qtbot: QtBot) -> None:
    page = opened(qtbot, DiffusionPage, section="tweedie")
    n = page.numbers()
    drag(page.tweedie.pairs, (n["x_t"], n["tweedie"]), (1.5, 0.0))
    assert page.settings.x_t == pytest.approx(1.5, abs=0.04) and page.numbers()["tweedie"] > 1.0
    assert page.numbers()["tweedie"] == pytest.approx(page.numbers()["by_bayes"])


def test_walkers_that_run_away_are_still_drawn(qtbot: QtBot) -> None:
    page = opened(qtbot, DiffusionPage, section="misprints", width=2.0, distance=0.0, steps=200)
    assert page.numbers()["notes_variance"] > 10 * page.numbers()["ho_variance"]
    page.set(section="langevin", eta_large=5.0, target="one peak")
    assert page.numbers()["variance_large"] > 1e6
    assert not page.grab().isNull()
