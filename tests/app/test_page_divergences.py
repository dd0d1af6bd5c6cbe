"""What handles and choices of the page on entropy and divergences do."""

from __future__ import annotations

import math

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from app.pages.divergences import DivergencesPage, DivergencesState
from app.widgets.figure import Figure
from gm_core.concepts.divergences import PER_NAT
from tests.app.page_bench import opened
from tests.app.page_hands import click, drag

pytestmark = pytest.mark.usefixtures("dressed")


def state(page: DivergencesPage) -> DivergencesState:
    assert isinstance(page.settings, DivergencesState)
    return page.settings


def test_dragging_a_bar_down_to_nothing_makes_kl_infinite_and_says_why(qtbot: QtBot) -> None:
    page = opened(qtbot, DivergencesPage)
    assert state(page).example == "opposite slopes"
    handle = next(h for h in page.bars.shares.handles() if h.key == "q2")
    drag(page.bars.shares, (handle.x, handle.y), (handle.x, 0.0))
    assert state(page).q[2] == 0.0 and sum(state(page).q) == pytest.approx(1.0, abs=1e-5)
    assert state(page).example == "by hand"
    assert page.numbers()["kl"] == math.inf and math.isfinite(page.numbers()["back"])
    assert "q never gives C" in page.bars.terms._title
    assert page.side.values["kl"][1].text() == "∞"
    page.set(example="equal")
    assert page.numbers()["kl"] == pytest.approx(0.0, abs=1e-12) and page.bars.terms._title == ""


def test_bits_change_every_number_and_every_axis_of_the_page(qtbot: QtBot) -> None:
    page = opened(qtbot, DivergencesPage)
    for section, axes in (("bars", "terms"), ("line", "integrands"), ("fit", "fall"), ("cells", "run")):
        page.set(section=section, unit="nats")
        nats = page.numbers()
        picture = {"bars": "bars", "line": "line", "fit": "fit", "cells": "cells"}[section]
        figure: Figure = getattr(getattr(page, picture), axes)
        top = figure.frame().y1
        page.set(unit="bits")
        assert "bits" in figure._y_label and figure.frame().y1 == pytest.approx(top * PER_NAT["bits"])
        same = {"tv", "mu", "sigma", "mean", "width", "optima", "step", "cells"}
        for name, value in page.numbers().items():
            assert value == pytest.approx(nats[name] * (1.0 if name in same else PER_NAT["bits"])), name


def test_the_top_of_a_peak_follows_the_hand_with_mean_and_width(qtbot: QtBot) -> None:
    page = opened(qtbot, DivergencesPage, section="line")
    before = page.numbers()["kl"]
    handle = next(h for h in page.line.densities.handles() if h.key == "q1")
    drag(page.line.densities, (handle.x, handle.y), (-2.0, 0.3))
    s = state(page)
    assert s.mu_q1 == pytest.approx(-2.0, abs=0.05)
    assert s.weight_q / (s.sigma_q1 * math.sqrt(2 * math.pi)) == pytest.approx(0.3, abs=0.02)
    assert page.numbers()["kl"] < before
    page.set(weight_q=0.0)
    page.line.dragged.emit("q1", 1.0, 0.5)
    assert state(page).mu_q1 == 1.0 and state(page).sigma_q1 == s.sigma_q1  # no height, so no width


def test_the_start_of_the_fit_is_dragged_and_clicked_on_the_map_and_decides_the_mode(qtbot: QtBot) -> None:
    page = opened(qtbot, DivergencesPage, section="fit")
    assert page.numbers()["mu"] > 1.5
    drag(page.fit.land, (state(page).start_mu, math.log(state(page).start_sigma)), (-1.5, -0.6))
    assert state(page).start_mu == pytest.approx(-1.5, abs=0.1) and page.numbers()["mu"] == pytest.approx(-2.0, abs=0.1)
    click(page.fit.land, 4.0, 0.5)
    assert state(page).start_mu == pytest.approx(4.0, abs=0.1)
    assert page.numbers()["mu"] == pytest.approx(2.2, abs=0.1)


def test_playing_the_fit_begins_at_the_start_and_lowers_what_is_asked(qtbot: QtBot) -> None:
    page = opened(qtbot, DivergencesPage, section="fit", step=0, minimise="JS")
    first = page.numbers()
    assert first["mu"] == state(page).start_mu and first["sigma"] == pytest.approx(state(page).start_sigma)
    page.set(step=60)
    assert page.numbers()["js"] < first["js"]


def test_a_click_on_the_curve_takes_the_width_of_the_cells(qtbot: QtBot) -> None:
    page = opened(qtbot, DivergencesPage, section="cells")
    click(page.cells.run, np.log10(0.1), 0.0)
    assert state(page).delta == pytest.approx(0.1, rel=0.03)
