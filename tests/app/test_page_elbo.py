"""The page of the ELBO under the hand: points, x, q and k are dragged or clicked, and the numbers follow."""

from __future__ import annotations

import pytest
from pytestqt.qtbot import QtBot

from app.pages.elbo import ElboPage, ElboState
from tests.app.page_bench import opened

pytestmark = pytest.mark.usefixtures("dressed")


def settings(page: ElboPage) -> ElboState:
    assert isinstance(page.settings, ElboState)
    return page.settings


def test_points_are_dragged_along_the_axis_and_stay_on_it(qtbot: QtBot) -> None:
    page = opened(qtbot, ElboPage, section="jensen", count=3)
    page.jensen.curve.moved.emit("1", 3.0, 99.0)
    assert settings(page).points[:3] == (0.5, 3.0, 2.0)
    page.jensen.curve.moved.emit("0", -5.0, 0.0)
    assert settings(page).points[0] == 0.05
    assert len(page.jensen.curve.handles()) == 3
    page.set(count=2, points=(2.0, 2.0, *settings(page).points[2:]))
    assert page.numbers()["gap"] == pytest.approx(0.0, abs=1e-12)


def test_the_level_of_x_is_dragged_and_the_estimate_grows_noisy(qtbot: QtBot) -> None:
    page = opened(qtbot, ElboPage, section="evidence")
    before = page.numbers()["needed"]
    page.evidence.plane.moved.emit("x", 0.0, 3.9)
    assert settings(page).x == 3.9 and page.numbers()["needed"] > 10 * before
    page.evidence.needed.clicked.emit(-1.0, 5.0)
    assert settings(page).x == -1.0


def test_q_is_dragged_by_its_top_and_on_the_map_while_the_evidence_stays(qtbot: QtBot) -> None:
    page = opened(qtbot, ElboPage, section="bound")
    before = page.numbers()
    page.bound.codes.moved.emit("q", 1.2, 0.3989 / 0.4472)
    after = page.numbers()
    assert settings(page).mu == 1.2 and settings(page).sigma == pytest.approx(0.4472, rel=1e-3)
    assert after["evidence"] == before["evidence"] and after["kl"] < 1e-5 < before["kl"]
    page.bound.map.moved.emit("q", -9.0, 0.0001)
    assert (settings(page).mu, settings(page).sigma) == (-3.0, 0.1)
    assert page.numbers()["elbo"] + page.numbers()["kl"] == pytest.approx(before["evidence"], abs=1e-6)


def test_a_click_on_the_bounds_chooses_k(qtbot: QtBot) -> None:
    page = opened(qtbot, ElboPage, section="many")
    page.many.bounds.clicked.emit(256.3, 0.0)
    assert settings(page).k == 256 and page.numbers()["k"] == 256.0
    page.many.codes.moved.emit("q", 1.0, 0.8)
    assert settings(page).mu == 1.0
    page.set(section="log")
    page.log.biases.clicked.emit(2.2, 1.0)
    assert settings(page).k == 2
