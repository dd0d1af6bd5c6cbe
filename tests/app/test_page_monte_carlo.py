"""What handles and clicks of the page on likelihood and Monte Carlo do."""

from __future__ import annotations

import math

import pytest
from pytestqt.qtbot import QtBot

from app.pages.monte_carlo import MonteCarloPage, MonteCarloState
from tests.app.page_bench import opened
from tests.app.page_hands import click, drag

pytestmark = pytest.mark.usefixtures("dressed")


def state(page: MonteCarloPage) -> MonteCarloState:
    assert isinstance(page.settings, MonteCarloState)
    return page.settings


def test_the_model_is_dragged_by_its_top_and_theta_along_the_curve(qtbot: QtBot) -> None:
    page = opened(qtbot, MonteCarloPage, section="likelihood")
    handle = page.likelihood.densities.handles()[0]
    drag(page.likelihood.densities, (handle.x, handle.y), (-0.5, 0.25))
    assert state(page).theta == pytest.approx(-0.5, abs=0.05)
    assert state(page).sigma == pytest.approx(1 / (0.25 * math.sqrt(2 * math.pi)), rel=0.05)
    before = page.numbers()
    point = page.likelihood.curves.handles()[0]
    drag(page.likelihood.curves, (point.x, point.y), (0.0, point.y))
    after = page.numbers()
    assert after["kl"] < before["kl"] and after["kl"] == pytest.approx(after["lowest"], abs=1e-3)
    assert after["cross"] - after["kl"] == pytest.approx(before["cross"] - before["kl"])  # h(p) stays


def test_a_click_on_a_run_takes_that_number_of_draws(qtbot: QtBot) -> None:
    page = opened(qtbot, MonteCarloPage, section="estimate")
    click(page.estimate.errors, math.log10(500), -0.5)
    assert state(page).draws == pytest.approx(500, rel=0.05)
    page.set(function="exp(x²/3)")
    assert page.numbers()["law"] == math.inf


@pytest.mark.parametrize(("section", "mean", "width"), [("rare", "mu_q", "sigma_q"), ("evidence", "mean", "width")])
def test_the_proposal_is_dragged_on_the_densities_and_on_the_map(
    qtbot: QtBot, section: str, mean: str, width: str
) -> None:
    page = opened(qtbot, MonteCarloPage, section=section)
    picture = page.rare if section == "rare" else page.evidence
    handle = picture.densities.handles()[0]
    drag(picture.densities, (handle.x, handle.y), (2.0, 0.3))
    assert getattr(state(page), mean) == pytest.approx(2.0, abs=0.06)
    assert getattr(state(page), width) == pytest.approx(1 / (0.3 * math.sqrt(2 * math.pi)), rel=0.06)
    spot = picture.map.handles()[0]
    drag(picture.map, (spot.x, spot.y), (3.0, -1.6))
    assert getattr(state(page), mean) == pytest.approx(3.0, abs=0.1)
    assert getattr(state(page), width) == pytest.approx(math.exp(-1.6), rel=0.06)
    assert page.numbers()["spread"] == math.inf
    assert any("meaningless" in mark.name for mark in picture.runs.marks())
    assert page.side.values["spread"][1].text() == "∞"


def test_the_map_of_a_section_is_drawn_for_that_section(qtbot: QtBot) -> None:
    page = opened(qtbot, MonteCarloPage, section="rare")
    page.set(section="evidence")
    assert page.numbers()["narrowest"] == pytest.approx(math.sqrt(0.1))
    page.set(section="rare", threshold=2.0)
    assert page.numbers()["narrowest"] == pytest.approx(math.sqrt(0.5))
    assert page.numbers()["exact"] == pytest.approx(0.02275, abs=1e-5)


def test_another_draw_changes_the_estimate_and_not_the_truth(qtbot: QtBot) -> None:
    page = opened(qtbot, MonteCarloPage, section="rare")
    first = page.numbers()
    page.set(seed=1)
    assert page.numbers()["estimate"] != first["estimate"] and page.numbers()["exact"] == first["exact"]
    assert page.numbers()["spread"] == first["spread"]
