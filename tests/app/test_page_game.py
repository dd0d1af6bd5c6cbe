"""What handles and choices of the page on the adversarial game do."""

from __future__ import annotations

import math

import pytest
from pytestqt.qtbot import QtBot

from app.pages.game import GamePage, GameState
from tests.app.page_bench import opened
from tests.app.page_hands import click, drag

pytestmark = pytest.mark.usefixtures("dressed")


def state(page: GamePage) -> GameState:
    assert isinstance(page.settings, GameState)
    return page.settings


def test_pulling_d_toward_the_best_raises_the_value_and_never_beyond(qtbot: QtBot) -> None:
    page = opened(qtbot, GamePage)
    before = page.numbers()
    drag(page.value.critic, (-3.0, 1 / (1 + math.exp(-1.0))), (-3.0, 0.96))
    drag(page.value.critic, (3.0, 1 / (1 + math.exp(1.0))), (3.0, 0.04))
    left, middle, right = state(page).logits
    assert (
        left == pytest.approx(math.log(0.96 / 0.04), abs=0.3)
        and middle == 0.0
        and right == pytest.approx(-left, abs=0.5)
    )
    assert before["v"] < page.numbers()["v"] < page.numbers()["most"] == before["most"]
    page.value.held.emit(1, 1.0)
    assert state(page).logits[1] == pytest.approx(5.0, abs=1e-3), "no hand makes D infinitely sure"


def test_dragging_the_generator_onto_the_data_lowers_the_best_value_to_minus_ln_4(qtbot: QtBot) -> None:
    page = opened(qtbot, GamePage, critic="best parabola")
    top = next(h for h in page.value.densities.handles() if h.key == "p1")
    q = next(h for h in page.value.densities.handles() if h.key == "q")
    drag(page.value.densities, (q.x, q.y), (top.x, top.y))
    assert state(page).mu_q == pytest.approx(state(page).mu_p1, abs=0.05)
    assert state(page).sigma_q == pytest.approx(state(page).sigma_p, rel=0.03)
    assert page.numbers()["most"] == pytest.approx(-math.log(4.0), abs=0.01)
    assert not page.value.critic.handles(), "the best parabola is not drawn by hand"


def test_two_peaks_have_a_handle_each_and_one_width(qtbot: QtBot) -> None:
    page = opened(qtbot, GamePage, data="two peaks")
    assert [h.key for h in page.value.densities.handles()] == ["p1", "p2", "q"]
    second = page.value.densities.handles()[1]
    drag(page.value.densities, (second.x, second.y), (4.0, 0.3))
    assert state(page).mu_p2 == pytest.approx(4.0, abs=0.05) and state(page).mu_p1 == -1.5
    assert 0.5 / (state(page).sigma_p * math.sqrt(2 * math.pi)) == pytest.approx(0.3, abs=0.01)


def test_the_way_to_the_best_d_is_gone_by_a_click(qtbot: QtBot) -> None:
    page = opened(qtbot, GamePage)
    click(page.value.values, 1.0, -2.5)
    assert state(page).learned == pytest.approx(1.0, abs=0.01)
    assert page.numbers()["lost"] == pytest.approx(0.0, abs=1e-3)


def test_the_mean_of_the_generator_is_dragged_on_its_curve_of_gradients(qtbot: QtBot) -> None:
    page = opened(qtbot, GamePage, section="saturation")
    near = page.numbers()
    drag(page.saturation.gradients, (state(page).mu_q, near["non_saturating"]), (5.0, 0.0))
    assert state(page).mu_q == pytest.approx(5.0, abs=0.1)
    far = page.numbers()
    assert far["minimax"] < 0.1 * near["minimax"] and far["non_saturating"] > near["non_saturating"]
    page.set(logarithmic=True)
    frame = page.saturation.gradients.frame()
    assert frame.log and (frame.y0, frame.y1) == pytest.approx((-8.0, 3.0))


def test_the_start_of_the_players_is_dragged_and_clicked(qtbot: QtBot) -> None:
    page = opened(qtbot, GamePage, section="dynamics")
    drag(page.dynamics.plane, (1.0, 0.0), (0.0, 1.5))
    assert (state(page).start_x, state(page).start_y) == pytest.approx((0.0, 1.5), abs=0.03)
    assert page.numbers()["start"] == pytest.approx(1.5, abs=0.03)
    click(page.dynamics.plane, -0.5, -0.5)
    assert (state(page).start_x, state(page).start_y) == pytest.approx((-0.5, -0.5), abs=0.03)


def test_the_picture_says_where_the_players_go(qtbot: QtBot) -> None:
    page = opened(qtbot, GamePage, section="dynamics")
    said = {}
    for rule in ("simultaneous", "alternating", "extragradient", "penalty"):
        page.set(rule=rule)
        said[rule] = page.dynamics.values.marks()[-1].name.rpartition(": ")[2]
    assert said == {
        "simultaneous": "outwards",
        "alternating": "neither in nor out",
        "extragradient": "inwards",
        "penalty": "inwards",
    }
