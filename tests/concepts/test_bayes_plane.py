"""Two Gaussian classes on the plane against scipy, quadrature and sums over fine grids."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, stats

from gm_core.concepts import bayes_plane as concept
from gm_core.concepts.bayes_world import World, bayes_error
from tests.concepts.answering import answer

WORLDS = [
    World(),
    World((-1.0, 0.5), (1.5, -0.3), 0.6, 1.4, -0.5, 0.3, shared=False, prior=0.2),
    World((0.2, 0.1), (0.2, 0.1), 0.3, 1.5, 0.9, 0.0, shared=False),
]


def parts(world: World) -> list[tuple[float, object]]:
    covariances = world.covariances().numpy()
    made = [stats.multivariate_normal(m, c) for m, c in zip((world.mean_0, world.mean_1), covariances, strict=True)]
    return list(zip((1 - world.prior, world.prior), made, strict=True))


@pytest.mark.parametrize("world", WORLDS)
def test_bayes_rule_at_a_point_agrees_with_scipy(world: World) -> None:
    frame = answer(concept.PlaneQuery(0, world, (0.7, -1.1)))
    assert isinstance(frame, concept.PlaneFrame)
    joint = [p * law.pdf((0.7, -1.1)) for p, law in parts(world)]  # type: ignore[attr-defined]
    n = frame.numbers
    assert n["evidence"] == pytest.approx(sum(joint), rel=1e-9)
    assert n["posterior"] == pytest.approx(joint[1] / sum(joint), rel=1e-9)
    assert n["likelihood_1"] * n["prior"] / n["evidence"] == pytest.approx(n["posterior"], rel=1e-9)
    assert n["log_odds"] == pytest.approx(np.log(joint[1] / joint[0]), abs=1e-9)
    side, cell = concept.SIDE, 2 * concept.REACH / concept.SIDE
    middles = -concept.REACH + (np.arange(side) + 0.5) * cell
    at = np.stack(np.meshgrid(middles, middles), -1)
    assert np.allclose(frame.density, sum(p * law.pdf(at) for p, law in parts(world)), atol=1e-12)  # type: ignore[attr-defined]


@pytest.mark.parametrize("world", WORLDS)
def test_marginals_and_cuts_are_integrals_of_the_joint(world: World) -> None:
    frame = answer(concept.PlaneQuery(0, world, (0.4, 0.0)))
    assert isinstance(frame, concept.PlaneFrame)
    p, law = parts(world)[1]
    at = 200
    x = float(frame.line[at])
    whole = integrate.quad(lambda v: p * law.pdf((x, v)), -15, 15, points=[0.0])[0]  # type: ignore[attr-defined]
    assert frame.first[1, at] == pytest.approx(whole, rel=1e-6)
    whole = integrate.quad(lambda v: p * law.pdf((v, x)), -15, 15, points=[0.0])[0]  # type: ignore[attr-defined]
    assert frame.second[1, at] == pytest.approx(whole, rel=1e-6)
    cut = np.array([[q * part.pdf((0.4, v)) for v in frame.line] for q, part in parts(world)])  # type: ignore[attr-defined]
    far = np.arange(-15, 15, 0.01)
    whole = sum(q * part.pdf(np.column_stack((np.full_like(far, 0.4), far))).sum() * 0.01 for q, part in parts(world))  # type: ignore[attr-defined]
    assert np.allclose(frame.conditional, cut / whole, atol=1e-9)


@pytest.mark.parametrize("world", [*WORLDS, World(prior=0.9), World((0.0, 0.0), (0.0, 0.0))])
def test_the_least_error_is_the_sum_of_the_smaller_joint(world: World) -> None:
    x = np.arange(-12, 12, 0.02)
    at = np.stack(np.meshgrid(x, x), -1)
    smaller = np.minimum(*(p * law.pdf(at) for p, law in parts(world)))  # type: ignore[attr-defined]
    assert bayes_error(world) == pytest.approx(smaller.sum() * 0.02**2, abs=5e-5)


@pytest.mark.parametrize("world", WORLDS)
def test_a_missing_coordinate_is_summed_out_and_no_filling_in_errs_less(world: World) -> None:
    frame = answer(concept.MissingQuery(0, world, 0.8))
    assert isinstance(frame, concept.MissingFrame)
    joint = [p * stats.norm(law.mean[0], law.cov[0, 0] ** 0.5).pdf(frame.x) for p, law in parts(world)]  # type: ignore[attr-defined]
    assert np.allclose(frame.summed, joint[1] / (joint[0] + joint[1]))
    both, summed, filled, guessed = frame.errors
    assert both <= summed + 1e-6 and summed <= min(filled, guessed) + 1e-9
    mean = sum(p * law.mean[1] for p, law in parts(world))  # type: ignore[attr-defined]
    at = [p * law.pdf((0.8, mean)) for p, law in parts(world)]  # type: ignore[attr-defined]
    assert frame.numbers["filled"] == pytest.approx(at[1] / sum(at), abs=0.02)  # x_1 to the nearest of the line's


def test_filling_in_the_mean_may_be_worse_than_a_coin() -> None:
    n = answer(concept.MissingQuery()).numbers
    assert n["error_filled"] > 0.7 and n["error_summed"] < 0.3 and n["error_both"] < 0.15
    assert n["error_summed"] == pytest.approx(stats.norm.cdf(-0.5 / 0.9), abs=1e-3)


def test_errors_of_filling_in_are_those_of_drawn_examples() -> None:
    world = WORLDS[1]
    frame = answer(concept.MissingQuery(0, world))
    assert isinstance(frame, concept.MissingFrame)
    rng = np.random.default_rng(0)
    y = rng.random(200_000) < world.prior
    laws = [law for _, law in parts(world)]
    drawn = np.where(y, *(law.rvs(len(y), random_state=rng)[:, 0] for law in laws[::-1]))  # type: ignore[attr-defined]
    for curve, error in ((frame.summed, frame.errors[1]), (frame.filled, frame.errors[2])):
        said = np.interp(drawn, frame.x, curve) > 0.5
        assert (said != y).mean() == pytest.approx(error, abs=0.005)


def test_far_from_both_classes_one_is_sure_and_the_density_is_not() -> None:
    near = answer(concept.OutsideQuery(0, World(), (0.5, 0.9))).numbers
    far = answer(concept.OutsideQuery(0, World(), (5.0, 6.0))).numbers
    assert near["inside"] == 1.0 and far["inside"] == 0.0
    assert far["sure"] > 0.99 > near["sure"] and far["log_density"] < near["log_density"] - 10
    assert far["rarer"] < 1e-6 < near["rarer"]


def test_the_threshold_turns_away_the_share_of_true_data_that_was_asked_for() -> None:
    rng, (first, second) = np.random.default_rng(1), parts(WORLDS[1])
    for share in (0.01, 0.1):
        n = answer(concept.OutsideQuery(0, WORLDS[1], (3.0, 2.0), share)).numbers
        drawn = [law.rvs(round(100_000 * p), random_state=rng) for p, law in (first, second)]  # type: ignore[attr-defined]
        density = sum(p * law.pdf(np.concatenate(drawn)) for p, law in (first, second))  # type: ignore[attr-defined]
        assert (np.log(density) < n["level"]).mean() == pytest.approx(share, rel=0.15)
