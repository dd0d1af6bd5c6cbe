"""Two players: fields against autograd, eigenvalues against those of the true Jacobian, runs against powers."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch.nn.functional import logsigmoid

from gm_core.concepts import game_dynamics as concept
from gm_core.concepts.game_dynamics import RULES, Game, Rule
from tests.concepts.answering import answer

GAMES: tuple[Game, ...] = ("x · y", "Dirac-GAN", "Dirac-GAN, non-saturating")
STEPS = [(0.05, 0.3), (0.2, 0.5), (0.9, 2.5), (2.5, 0.0)]


def losses(game: Game, x: torch.Tensor, y: torch.Tensor, g: float) -> tuple[torch.Tensor, torch.Tensor]:
    """What the generator lowers, and what the critic lowers."""
    if game == "x · y":
        return x * y, -x * y + g / 2 * y**2
    value = logsigmoid(torch.zeros_like(x)) + logsigmoid(-x * y)
    return (value if game == "Dirac-GAN" else -logsigmoid(x * y)), -value + g / 2 * y**2


@pytest.mark.parametrize("game", GAMES)
@pytest.mark.parametrize("place", [(1.0, 0.0), (-1.5, 0.7), (0.3, -2.0), (30.0, -30.0)])
def test_each_player_goes_downhill_on_its_own_loss(game: Game, place: tuple[float, float]) -> None:
    x, y = (torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in place)
    own, other = losses(game, x, y, 0.7)
    downhill = (-float(torch.autograd.grad(own, x, retain_graph=True)[0]), -float(torch.autograd.grad(other, y)[0]))
    assert concept.motion(game, *place, 0.7) == pytest.approx(downhill, abs=1e-12)


@pytest.mark.parametrize("game", GAMES)
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(("h", "g"), STEPS)
def test_the_eigenvalues_are_those_of_the_jacobian_of_one_step_at_rest(
    game: Game, rule: Rule, h: float, g: float
) -> None:
    tiny = 1e-5
    columns = []
    for way in ((tiny, 0.0), (0.0, tiny)):
        ahead, behind = (concept.stepped(game, rule, h, g, s * way[0], s * way[1]) for s in (1, -1))
        columns.append([(a - b) / (2 * tiny) for a, b in zip(ahead, behind, strict=True)])
    found = np.linalg.eigvals(np.array(columns).T)
    stated = np.array(concept.eigenvalues(rule, h, g, concept.turning(game)))
    assert np.sort(np.abs(found)) == pytest.approx(np.sort(np.abs(stated)), abs=1e-6)
    assert found.sum() == pytest.approx(stated.sum(), abs=1e-6) and found.prod() == pytest.approx(
        stated.prod(), abs=1e-6
    )
    n = answer(concept.DynamicsQuery(0, game, rule, h, g)).numbers
    root = np.sqrt(complex(n["square"]))
    assert np.sort_complex(np.array([n["middle"] + root, n["middle"] - root])) == pytest.approx(
        np.sort_complex(stated), abs=1e-12
    )
    assert n["modulus"] == pytest.approx(np.abs(stated).max(), abs=1e-12)


@pytest.mark.parametrize("rule", RULES)
def test_for_the_product_the_run_is_the_power_of_one_matrix(rule: Rule) -> None:
    h, g, start = 0.3, 0.8, np.array([0.9, -0.4])
    matrix = np.array([concept.stepped("x · y", rule, h, g, *unit) for unit in ((1.0, 0.0), (0.0, 1.0))]).T
    frame = answer(concept.DynamicsQuery(0, "x · y", rule, h, g, 0.9, -0.4, 50))
    assert isinstance(frame, concept.DynamicsFrame)
    for k in (0, 1, 7, 50):
        assert np.array([frame.x[k], frame.y[k]]) == pytest.approx(np.linalg.matrix_power(matrix, k) @ start, abs=1e-10)


def test_at_once_spirals_out_by_the_modulus_in_each_step() -> None:
    frame = answer(concept.DynamicsQuery(0, "x · y", "simultaneous", 0.2, 0.0, 0.6, 0.8, 100))
    assert isinstance(frame, concept.DynamicsFrame)
    distance = np.hypot(frame.x, frame.y)
    assert np.allclose(distance[1:] / distance[:-1], math.sqrt(1 + 0.2**2))
    assert frame.numbers["growth"] == pytest.approx(frame.numbers["modulus"]) == pytest.approx(math.sqrt(1.04))


def test_in_turns_the_players_stay_on_an_ellipse_until_the_step_is_2() -> None:
    h = 0.5
    frame = answer(concept.DynamicsQuery(0, "x · y", "alternating", h, 0.0, 1.0, 0.0, 400))
    assert isinstance(frame, concept.DynamicsFrame)
    kept = frame.x**2 + frame.y**2 - h * frame.x * frame.y
    assert np.allclose(kept, kept[0], rtol=1e-9) and frame.numbers["modulus"] == pytest.approx(1.0)
    assert answer(concept.DynamicsQuery(0, "x · y", "alternating", 2.2)).numbers["modulus"] > 1.5


@pytest.mark.parametrize("game", GAMES)
@pytest.mark.parametrize("rule", ["extragradient", "penalty"])
def test_looking_ahead_and_a_penalty_bring_the_players_to_rest(game: Game, rule: Rule) -> None:
    n = answer(concept.DynamicsQuery(0, game, rule, 0.3, 0.6, 1.2, -0.5, 400)).numbers
    assert n["modulus"] < 1 and n["distance"] < 0.05 * n["start"]


@pytest.mark.parametrize("game", ["Dirac-GAN", "Dirac-GAN, non-saturating"])
def test_without_either_the_dirac_gan_ends_farther_away(game: Game) -> None:
    n = answer(concept.DynamicsQuery(0, game, "simultaneous", 0.3, 0.6, 0.5, 0.0, 400)).numbers
    assert n["modulus"] > 1 and n["distance"] > 1.5 * n["start"]


def test_bounds_of_the_step_are_those_that_the_page_states() -> None:
    def modulus(rule: Rule, h: float, g: float = 0.5) -> float:
        return max(map(abs, concept.eigenvalues(rule, h, g, 1.0)))

    assert modulus("extragradient", 0.99) < 1 < modulus("extragradient", 1.01)
    assert modulus("penalty", 0.49) < 1 < modulus("penalty", 0.51)
    assert modulus("alternating", 1.99) == pytest.approx(1.0) and modulus("alternating", 2.01) > 1


def test_a_run_that_leaves_is_followed_no_further_and_says_how_far_it_came() -> None:
    frame = answer(concept.DynamicsQuery(0, "x · y", "simultaneous", 2.5, 0.0, 2.0, 2.0, 400))
    assert isinstance(frame, concept.DynamicsFrame)
    assert frame.x.shape == (401,) and np.isnan(frame.x[-1])
    assert frame.numbers["distance"] < 2 * concept.FAR and frame.numbers["steps"] < 20
    rested = answer(concept.DynamicsQuery(0, "Dirac-GAN", "alternating", 1.0, 0.0, 0.0, 0.0, 10)).numbers
    assert rested["distance"] == 0.0 and math.isnan(rested["growth"])
