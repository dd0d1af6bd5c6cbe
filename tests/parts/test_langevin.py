"""Langevin steps with exact scores and no network: closed forms, detailed balance, and what annealing is good for."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from torch import Tensor

from gm_core.data.exact import Blobs
from gm_core.maths.gaussian import log_prob
from gm_core.parts.langevin import LogDensity, Score, annealed, log_kernel, metropolis, moved, reverse, unadjusted
from gm_core.parts.noise_levels import NoiseLevels, Way

DOUBLE = torch.float64


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def gaussian(variance: float) -> LogDensity:
    """ln N(0, variance I) up to a constant, and its gradient."""
    return lambda x: (-0.5 * x.square().flatten(1).sum(1) / variance, -x / variance)


def final_variance(eta: float, variance: float, v: float, steps: int) -> float:
    """The variance after so many unadjusted steps on N(0, s^2), where each is x' = (1 - eta / 2 s^2) x + sqrt(eta) z.

    Read off the step itself: its factor on x = 1 with no noise left, and the variance of what it adds.
    """
    one = torch.ones(1, 1, dtype=DOUBLE)
    a = 1.0 - 0.5 * eta / variance
    z = torch.randn(1, 1, generator=generator(), dtype=DOUBLE)
    assert float(moved(one, -one / variance, eta, generator())) == pytest.approx(
        a + math.sqrt(eta) * float(z), abs=1e-14
    )
    for _ in range(steps):
        v = a * a * v + eta
    return v


@pytest.mark.parametrize(("eta", "expected"), [(0.5, 1.142857), (0.1, 1.025641), (0.01, 1.002506)])
def test_unadjusted_langevin_settles_at_its_own_variance(eta: float, expected: float) -> None:
    """s^2 / (1 - eta / 4 s^2) for s = 1, as the table has it; from below and from above."""
    for start in (0.0, 9.0):
        assert final_variance(eta, 1.0, start, 8000) == pytest.approx(expected, abs=1e-6)
    assert expected == pytest.approx(1.0 / (1.0 - eta / 4.0), abs=1e-6)


@pytest.mark.parametrize("eta", [0.5, 0.1])
def test_the_walk_itself_has_that_variance(eta: float) -> None:
    exact = 1.0 / (1.0 - eta / 4.0)
    n = 40_000
    x = math.sqrt(exact) * torch.randn(n, 1, generator=generator(), dtype=DOUBLE)
    *_, end = unadjusted(gaussian(1.0), x, eta, 25, generator(1))
    assert float(end.x.var()) == pytest.approx(exact, abs=4 * exact * math.sqrt(2 / n))
    assert end.accepted.all(), "nothing is refused"


@pytest.mark.parametrize("eta", [1.0, 0.5])
def test_metropolis_has_the_exact_variance_at_any_step(eta: float) -> None:
    n = 40_000
    x = 3.0 * torch.randn(n, 1, generator=generator(), dtype=DOUBLE)
    *_, end = metropolis(gaussian(1.0), x, eta, 60, generator(1))
    error = 4 * math.sqrt(2 / n)
    assert float(end.x.var()) == pytest.approx(1.0, abs=error)
    assert abs(1.0 / (1.0 - eta / 4.0) - 1.0) > 2 * error, "the unadjusted variance would be seen"


def test_at_tiny_steps_every_proposal_is_accepted_and_at_great_ones_many_are_refused() -> None:
    x = torch.randn(4000, 2, generator=generator(), dtype=DOUBLE)
    shares = []
    for eta in (1e-4, 0.5, 3.0):
        stands = list(metropolis(gaussian(1.0), x, eta, 5, generator(1)))
        shares.append(float(torch.stack([stand.accepted for stand in stands[1:]]).double().mean()))
    assert shares[0] > 0.9999
    assert 0.85 < shares[1] < 1.0 and shares[2] < 0.6


def test_the_chances_of_a_move_and_of_its_way_back_balance_exactly() -> None:
    """p(x) q(y|x) a(x, y) = p(y) q(x|y) a(y, x) in logarithms, for the rule that `metropolis` uses: 1e-12."""
    density = Blobs(torch.tensor([[0.0, 0.0], [1.5, 0.5]]), 0.6, torch.tensor([1.0, 3.0]))
    x, y = (torch.randn(200, 2, generator=generator(k), dtype=DOUBLE) for k in (0, 1))
    eta = 0.3
    p_x, p_y = density.log_prob(x), density.log_prob(y)
    there, back = log_kernel(y, x, density.score(x), eta), log_kernel(x, y, density.score(y), eta)
    odds = p_y - p_x + back - there
    torch.testing.assert_close(p_x + there + odds.clamp(max=0), p_y + back + (-odds).clamp(max=0), rtol=0, atol=1e-12)
    shift = there - log_prob(y, x + 0.5 * eta * density.score(x), torch.tensor(math.log(eta), dtype=DOUBLE)).sum(1)
    torch.testing.assert_close(shift, shift[:1].expand(200), rtol=0, atol=1e-10)


def test_what_is_refused_stays_where_it_was_with_its_score_and_nan_is_refused() -> None:
    def broken(x: Tensor) -> tuple[Tensor, Tensor]:
        log_p, score = gaussian(1.0)(x)
        return torch.where(x[:, 0] > 0.5, math.nan, log_p), score

    x = torch.zeros(500, 1, dtype=DOUBLE)
    for before, after in zip(*(list(metropolis(broken, x, 1.0, 4, generator(2)))[k:][:4] for k in (0, 1))):
        still = ~after.accepted
        assert still.any() and torch.equal(after.x[still], before.x[still])
        assert torch.equal(after.score[still], before.score[still])
        assert (after.x <= 0.5).all() and after.log_density.isfinite().all()


# ---- levels of noise

LEVELS = NoiseLevels(6.0, 0.05, 12)
UNEVEN = Blobs(torch.tensor([[-3.0, 0.0], [3.0, 0.0]]), 0.3, torch.tensor([0.8, 0.2]))


def score_of(truth: Blobs) -> Score:
    return lambda x, sigma: truth.diffused(sigma).score(x)


def left_share(x: Tensor) -> float:
    return float((x[:, 0] < 0).double().mean())


def drawn(name: str, steps: int, start: Tensor, step: float = 0.3) -> Tensor:
    way = Way(name, step)  # type: ignore[arg-type]
    x = start + LEVELS.largest * torch.randn(start.shape, generator=generator(), dtype=DOUBLE)
    times = [1.0 - k / steps for k in range(steps)]
    *_, end = way.walk(LEVELS, score_of(UNEVEN), x, times, generator(1))
    return end.x


@pytest.mark.parametrize(("name", "steps"), [("annealed", 240), ("reverse", 200), ("corrected", 100), ("ode", 100)])
def test_an_exact_score_at_all_levels_gives_the_modes_their_weights(name: str, steps: int) -> None:
    x = drawn(name, steps, UNEVEN.sample(4000, generator(3)).double())
    # 4 standard errors of a share of 4000 draws are 0.025; the walks themselves err by less than 0.02.
    assert left_share(x) == pytest.approx(0.8, abs=0.045)
    nearest = torch.cdist(x, UNEVEN.centres).amin(1)
    assert float((nearest < 3 * 0.3).double().mean()) > 0.96


def test_langevin_at_the_lowest_level_alone_gets_the_weights_wrong() -> None:
    """The score between far modes says nothing of their weights: a start that is even on both sides stays even."""
    x = drawn("ula", 400, torch.zeros(2000, 2, dtype=DOUBLE), step=8.0)
    assert abs(left_share(x) - 0.5) < 0.06, "which is 0.3 from the truth"


def final_variance_back(levels: NoiseLevels, steps: int, variance: float, noise: bool) -> float:
    """The variance that `reverse` ends with on N(0, s^2), each of its steps being linear in x."""
    sigmas = [levels.sigma(1.0 - k / steps) for k in range(steps)]
    v = variance + levels.largest**2
    for here, below in itertools.pairwise(sigmas):
        gap = here**2 - below**2
        a = 1.0 - (gap if noise else (here - below) * here) / (variance + here**2)
        v = a * a * v + (gap if noise else 0.0)
    return v * (variance / (variance + sigmas[-1] ** 2)) ** 2


@pytest.mark.parametrize("noise", [True, False])
def test_the_way_back_has_the_variance_of_its_recursion_and_comes_near_the_truth_with_many_steps(noise: bool) -> None:
    variance, n = 0.7, 40_000
    sigmas = [LEVELS.sigma(1.0 - k / 20) for k in range(20)]

    def score(x: Tensor, sigma: float) -> Tensor:
        return -x / (variance + sigma**2)

    x = math.sqrt(variance + LEVELS.largest**2) * torch.randn(n, 1, generator=generator(), dtype=DOUBLE)
    *_, end = reverse(score, x, sigmas, generator(1), noise=noise)
    exact = final_variance_back(LEVELS, 20, variance, noise)
    assert float(end.x.var()) == pytest.approx(exact, rel=4 * math.sqrt(2 / n))
    # What is left with many steps: the last jump to the mean takes the variance of what is below sigma_L.
    assert final_variance_back(LEVELS, 4000, variance, noise) == pytest.approx(variance, rel=0.01)


def test_annealed_steps_are_those_of_the_algorithm() -> None:
    """Song & Ermon 2019, Algorithm 1, written out with its loops: the same numbers to the last bit."""
    levels = NoiseLevels(2.0, 0.1, 3)
    epsilon = 0.02 * 0.1**2
    x = torch.randn(5, 2, generator=generator(), dtype=DOUBLE)
    rng, expected = generator(7), x
    score = score_of(UNEVEN)
    for sigma in levels.rungs:
        alpha = epsilon * sigma**2 / levels.rungs[-1] ** 2
        for _ in range(4):
            z = torch.randn(expected.shape, generator=rng, dtype=DOUBLE)
            expected = expected + alpha / 2 * score(expected, sigma) + math.sqrt(alpha) * z
    times = [1.0 - k / 12 for k in range(12)]
    stands = list(Way("annealed", 0.02, clean=False).walk(levels, score, x, times, generator(7)))
    assert [stand.sigma for stand in stands[:-1]] == [sigma for sigma in levels.rungs for _ in range(4)]
    torch.testing.assert_close(stands[-1].x, expected, rtol=0, atol=1e-12)


def test_a_clean_end_is_the_mean_of_the_data_behind_the_noise() -> None:
    """x + sigma^2 s is E[x_0 | x] (Tweedie): s^2 / (s^2 + sigma^2) x for N(0, s^2)."""
    x = torch.randn(6, 1, generator=generator(), dtype=DOUBLE)
    *_, end = annealed(lambda at, sigma: -at / (0.5 + sigma**2), x, [0.8], 0.2, generator(), clean=True)
    torch.testing.assert_close(end.x, 0.5 / (0.5 + 0.64) * x, rtol=0, atol=1e-14)


def test_levels_fall_in_a_geometric_series_and_know_their_time() -> None:
    ratios = torch.tensor(LEVELS.rungs)[1:] / torch.tensor(LEVELS.rungs)[:-1]
    torch.testing.assert_close(ratios, ratios[:1].expand(11))
    assert LEVELS.rungs[0] == LEVELS.sigma(1.0) == 6.0 and LEVELS.rungs[-1] == LEVELS.sigma(0.0) == 0.05
    assert NoiseLevels(6.0, 0.05, 1).rungs == (0.05,)
    times = torch.linspace(0, 1, 7, dtype=DOUBLE)
    sigmas = torch.tensor([LEVELS.sigma(float(t)) for t in times], dtype=DOUBLE)
    torch.testing.assert_close(LEVELS.time_of(sigmas), times)
    for levels in (LEVELS, NoiseLevels(6.0, 0.05, 12, between=True), NoiseLevels(6.0, 0.05, 3)):
        u = (torch.arange(12_000, dtype=DOUBLE) + 0.5) / 12_000
        sigma, place = levels.drawn(u)
        counts = place.bincount(minlength=levels.bins) / 12_000
        torch.testing.assert_close(counts.float(), levels.shares)
        assert float(sigma.min()) >= 0.05 * (1 - 1e-9) and float(sigma.max()) <= 6.0 * (1 + 1e-9)
