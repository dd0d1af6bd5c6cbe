"""Two peaks, the misprints at work, two gradients, Tweedie and Langevin against other roads to the same numbers."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import integrate, stats
from torch.distributions import Categorical, MixtureSameFamily, Normal

from gm_core.concepts import diffusion_langevin as langevin
from gm_core.concepts import diffusion_misprints as misprints
from gm_core.concepts import diffusion_score as score
from gm_core.concepts.diffusion_peaks import Peaks, histogram
from gm_core.maths.schedules import Variance, noise_schedule
from gm_core.parts import langevin as parts
from tests.concepts.answering import answer

LINE = np.linspace(-5.0, 5.0, 101)


def mixture(peaks: Peaks) -> MixtureSameFamily:
    weights = torch.tensor([peaks.left, 1 - peaks.left], dtype=torch.float64)
    means = torch.tensor([-peaks.distance, peaks.distance], dtype=torch.float64)
    return MixtureSameFamily(Categorical(weights), Normal(means, torch.full_like(means, peaks.width)))


@pytest.mark.parametrize("peaks", [Peaks(1.2, 0.25, 0.3), Peaks(0.0, 1.0), Peaks(3.0, 0.1), Peaks(0.5, 2.0, 0.9)])
@pytest.mark.parametrize("kept", [1.0, 0.5, 0.001])
def test_two_peaks_agree_with_torch_at_every_noise(peaks: Peaks, kept: float) -> None:
    noisy = peaks.noised(kept)
    law, x = mixture(noisy), torch.from_numpy(LINE).requires_grad_()
    log_p = law.log_prob(x)
    (slope,) = torch.autograd.grad(log_p.sum(), x)
    assert np.allclose(noisy.log_density(LINE), log_p.detach().numpy(), atol=1e-9)
    assert np.allclose(noisy.score(LINE), slope.numpy(), atol=1e-8, rtol=1e-9)
    assert noisy.mean == pytest.approx(float(law.mean)) and noisy.variance == pytest.approx(float(law.variance))
    assert noisy.mean == pytest.approx(math.sqrt(kept) * peaks.mean)
    assert noisy.variance == pytest.approx(kept * peaks.variance + 1 - kept)


def test_drawn_peaks_follow_their_law_and_a_histogram_counts_all() -> None:
    peaks = Peaks(1.0, 0.5, 0.25)
    x = peaks.draw(4000, torch.Generator().manual_seed(0))
    law = mixture(peaks)
    assert stats.kstest(x, lambda v: law.cdf(torch.from_numpy(v)).numpy()).pvalue > 0.01
    assert histogram(x, -1.0, 1.0, 10).sum() * 0.2 == pytest.approx((np.abs(x) <= 1.0).mean())


EXACT = {
    (0.04, "fixed_small"): (0.038533, 0.0025768), (0.25, "fixed_small"): (0.246125, 0.0101072),
    (1.0, "fixed_small"): (0.991067, 0.0382596), (4.0, "fixed_small"): (3.97478, 2.588e30),
    (1.0, "fixed_large"): (0.9999, None), (4.0, "fixed_large"): (3.99057, None),
}  # fmt: skip


@pytest.mark.parametrize(("square", "variance"), list(EXACT))
def test_the_variance_of_a_thousand_steps_back_is_the_known_one(square: float, variance: Variance) -> None:
    made = misprints.gaussian_variance(noise_schedule("linear", 1000, 1e-4, 0.02), square, variance)[:, -1]
    ho, notes = EXACT[square, variance]
    assert made[0] == pytest.approx(ho, rel=2e-5)
    if notes is not None:
        assert made[1] == pytest.approx(notes, rel=1e-3)


def test_the_mean_of_the_notes_step_is_the_guess_of_the_data() -> None:
    schedule, x, eps = misprints.short(100), 0.7, -0.4
    for t in (1, 30, 100):
        level = schedule.level(t)
        (of_x, of_eps), (notes_x, notes_eps) = misprints.factors(schedule, t)
        guess = (x - level.sigma * eps) / level.signal
        assert notes_x * x + notes_eps * eps == pytest.approx(guess, rel=1e-12)
        past, beta = schedule.keeps(t - 1), float(schedule.betas[t - 1])
        mean = math.sqrt(past) * beta * guess + math.sqrt(1 - beta) * (1 - past) * x
        assert of_x * x + of_eps * eps == pytest.approx(mean / (1 - schedule.keeps(t)), rel=1e-9)  # Ho et al., Eq. 7


@pytest.mark.parametrize("variance", ["fixed_small", "fixed_large"])
@pytest.mark.parametrize("width", [0.5, 1.5])
def test_walkers_on_gaussian_data_end_with_the_exact_variance(width: float, variance: Variance) -> None:
    queries = [misprints.MisprintsQuery(seed, 0.0, width, 60, variance) for seed in range(12)]
    n = [answer(query).numbers for query in queries]
    for whose in ("ho", "notes"):
        measured = np.mean([v[f"{whose}_variance"] + v[f"{whose}_mean"] ** 2 for v in n])
        assert measured == pytest.approx(n[0][f"{whose}_exact"], rel=4 * math.sqrt(2 / (12 * misprints.WALKERS)))


@pytest.mark.parametrize("distance", [0.0, 0.6, 2.0])
def test_the_last_step_back_is_the_stated_one_with_the_exact_noise(distance: float) -> None:
    frame = answer(misprints.MisprintsQuery(4, distance, 0.4, 80))
    assert isinstance(frame, misprints.MisprintsFrame)
    schedule, x = misprints.short(80), frame.back[:, -2]
    level = schedule.level(1)
    eps = -level.sigma * Peaks(distance, 0.4).noised(schedule.keeps(1)).score(x)
    for k, (of_x, of_eps) in enumerate(misprints.factors(schedule, 1)):
        assert np.allclose(frame.back[k, -1], of_x * x[k] + of_eps * eps[k], atol=1e-10)  # sigma_1 is 0


def test_hos_sampler_finds_both_peaks_and_the_notes_sharpens_them() -> None:
    made = [answer(misprints.MisprintsQuery(seed, 1.0, 0.25, 200)) for seed in range(3)]
    assert all(isinstance(frame, misprints.MisprintsFrame) for frame in made)
    step = made[0].middles[1] - made[0].middles[0]  # type: ignore[attr-defined]
    ends = np.mean([frame.ends for frame in made], 0)  # type: ignore[attr-defined]
    truth = Peaks(1.0, 0.25).density(made[0].middles)  # type: ignore[attr-defined]
    ho, notes = (0.5 * float(np.abs(end - truth).sum() * step) for end in ends)
    assert ho < 0.12 < 0.25 < notes  # total variation; 1,200 draws in 40 bins miss by 0.06 alone


def test_forward_both_keep_unit_variance_but_only_ho_keeps_the_data() -> None:
    frames = [answer(misprints.MisprintsQuery(seed, 0.0, 1.0, 50)) for seed in range(60)]
    ways = np.concatenate([frame.forward for frame in frames], 2)  # type: ignore[attr-defined]
    assert np.allclose(ways.var(2), 1.0, atol=0.2)  # 960 walkers at 102 places: four standard errors
    expected = frames[0].correlation  # type: ignore[attr-defined]
    for k in range(2):
        for t in (1, 10, 25):
            assert np.corrcoef(ways[k, 0], ways[k, t])[0, 1] == pytest.approx(expected[k, t], abs=0.13)
    n = frames[0].numbers
    beta = float(misprints.short(50).betas[0])
    assert n["correlation"] == pytest.approx(math.sqrt(1 - beta)) and n["notes_correlation"] == pytest.approx(
        math.sqrt(beta)
    )


@pytest.mark.parametrize(
    ("theta", "width", "x"), [(1.5, 0.7, 0.4), (-1.5, 0.4, 2.0), (4.0, 2.0, -4.0), (1.0, 0.5, 1.0)]
)
def test_both_gradients_agree_with_autograd(theta: float, width: float, x: float) -> None:
    at, peak = (torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in (x, theta))
    means = torch.stack((torch.tensor(score.LEFT, dtype=torch.float64), peak))
    log_p = Normal(means, width).log_prob(at).logsumexp(0) - math.log(2.0)
    in_x, in_theta = torch.autograd.grad(log_p, (at, peak))
    n = answer(score.ScoreQuery(0, theta, width, x)).numbers
    assert (n["log_density"], n["score"], n["gradient"]) == pytest.approx(
        (float(log_p.detach()), float(in_x), float(in_theta)), abs=1e-9
    )
    far = torch.softmax(Normal(means.detach(), width).log_prob(at.detach()), 0)
    assert n["share"] == pytest.approx(float(far[1]), abs=1e-12)


@pytest.mark.parametrize("kept", [0.05, 0.6, 0.98])
@pytest.mark.parametrize("x_t", [-2.5, 0.0, 0.7])
def test_tweedie_is_the_mean_of_the_posterior(kept: float, x_t: float) -> None:
    frame = answer(score.TweedieQuery(0, kept, x_t))
    assert isinstance(frame, score.TweedieFrame)
    n, data = frame.numbers, Peaks(score.DISTANCE, score.WIDTH)
    x = np.linspace(-5.0, 5.0, 8001)
    weight = data.density(x) * stats.norm(math.sqrt(kept) * x, math.sqrt(1 - kept)).pdf(x_t)
    by_hand = integrate.simpson(weight * x, x=x) / integrate.simpson(weight, x=x)
    assert n["tweedie"] == pytest.approx(by_hand, abs=1e-7) and n["by_bayes"] == pytest.approx(by_hand, abs=1e-7)
    assert math.sqrt(kept) * by_hand + math.sqrt(1 - kept) * n["noise"] == pytest.approx(x_t, abs=1e-7)


def test_what_is_counted_in_stripes_lies_on_tweedies_curve() -> None:
    frame = answer(score.TweedieQuery(1, 0.3))
    assert isinstance(frame, score.TweedieFrame)
    gaps = np.interp(frame.places, frame.x, frame.mean) - frame.counted
    assert np.mean(np.abs(gaps) < 3 * frame.error + 0.03) > 0.9  # the curve bends within a stripe: a bias of 0.03


@pytest.mark.parametrize("metropolis", [False, True])
def test_chains_move_as_the_langevin_walks_of_the_models_do(monkeypatch: pytest.MonkeyPatch, metropolis: bool) -> None:
    target, eta, rng = langevin.TARGETS["two peaks"], 0.6, torch.Generator().manual_seed(5)
    z, u = torch.randn(30, 8, generator=rng, dtype=torch.float64), torch.rand(30, 8, generator=rng, dtype=torch.float64)
    ways, accepted = langevin.walk(target, (0.1, eta), np.full(8, -1.0), z.numpy(), u.numpy() if metropolis else None)

    def density(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        flat = x.numpy()
        return torch.from_numpy(target.log_density(flat)).squeeze(1), torch.from_numpy(target.score(flat))

    drawn, tried = iter(z), iter(u)
    monkeypatch.setattr(parts, "noise_like", lambda x, _rng: next(drawn).unsqueeze(1))
    monkeypatch.setattr(torch, "rand", lambda *_a, **_k: next(tried))
    start = torch.full((8, 1), -1.0, dtype=torch.float64)
    run = parts.metropolis if metropolis else parts.unadjusted
    stands = list(run(density, start, eta, 30, rng))
    assert np.allclose(ways[:, 1], [stand.x.squeeze(1).numpy() for stand in stands], atol=1e-9)
    moved = float(torch.stack([stand.accepted for stand in stands[1:]]).double().mean())
    assert accepted[1] == pytest.approx(moved)
    assert (moved < 1.0) == metropolis


@pytest.mark.parametrize("eta", [0.003, 0.3, 3.0, 4.0, 5.0])
@pytest.mark.parametrize("steps", [1, 20])
def test_moments_on_a_gaussian_are_those_of_the_recursion_and_of_the_chains(eta: float, steps: int) -> None:
    mean, variance = langevin.START, 0.0
    for _ in range(steps):
        mean, variance = (1 - eta / 2) * mean, (1 - eta / 2) ** 2 * variance + eta
    assert langevin.moments_on_normal(eta, steps, langevin.START) == pytest.approx((mean, variance), rel=1e-9)
    z = np.random.default_rng(0).standard_normal((steps, 20_000))
    ways, _ = langevin.walk(langevin.TARGETS["one peak"], (eta,), np.full(20_000, langevin.START), z)
    assert ways[-1, 0].mean() == pytest.approx(mean, abs=4 * math.sqrt(variance / 20_000))
    assert ways[-1, 0].var() == pytest.approx(variance, rel=0.045)


def test_the_variance_settles_where_the_known_one_does_and_metropolis_mends_it() -> None:
    n = answer(langevin.LangevinQuery(0, "one peak", 0.01, 0.1, 0.5)).numbers
    assert [n[f"settles_{name}"] for name in ("small", "right", "large")] == pytest.approx(
        [1.002506, 1.025641, 1.142857], abs=1e-6
    )
    for metropolis, expected in ((False, 1 / (1 - 0.5)), (True, 1.0)):
        made = [
            answer(langevin.LangevinQuery(seed, "one peak", large=2.0, metropolis=metropolis)) for seed in range(20)
        ]
        found = np.mean([frame.numbers["variance_large"] for frame in made])
        assert found == pytest.approx(expected, rel=4 * math.sqrt(2 / (20 * langevin.CHAINS)))
    assert answer(langevin.LangevinQuery(0, large=4.5)).numbers["settles_large"] == math.inf


def test_a_run_that_is_looked_at_later_began_in_the_same_way() -> None:
    for metropolis in (False, True):
        first, later = (answer(langevin.LangevinQuery(1, steps=k, metropolis=metropolis)) for k in (10, 90))
        assert isinstance(first, langevin.LangevinFrame) and isinstance(later, langevin.LangevinFrame)
        assert np.array_equal(first.chains[:, :11], later.chains[:, :11])
        assert np.isnan(first.chains[:, 11:]).all()
