"""Schedules and the posterior of one step back, against other forms of the same laws, quadrature and diffusers."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch.distributions import Normal

from gm_core.concepts import diffusion as concept
from gm_core.maths.schedules import NoiseSchedule, cosine_betas, noise_schedule
from tests.concepts.answering import answer


def schedule(**settings: object) -> concept.ScheduleFrame:
    frame = answer(concept.ScheduleQuery(**settings))  # type: ignore[arg-type]
    assert isinstance(frame, concept.ScheduleFrame)
    return frame


def posterior(**settings: object) -> concept.PosteriorFrame:
    frame = answer(concept.PosteriorQuery(0, **settings))  # type: ignore[arg-type]
    assert isinstance(frame, concept.PosteriorFrame)
    return frame


@pytest.mark.parametrize("t", [1, 250, 999, 1000])
@pytest.mark.parametrize("kind", ["linear", "cosine"])
def test_the_numbers_at_a_time_are_those_of_the_schedule(kind: concept.Kind, t: int) -> None:
    n, made = schedule(kind=kind, t=t).numbers, noise_schedule(kind, 1000, 1e-4, 0.02)
    kept = float((1 - made.betas[:t]).prod())
    assert n["alpha_bar"] == pytest.approx(kept, rel=1e-12)
    assert n["signal"] ** 2 + n["sigma"] ** 2 == pytest.approx(1.0, abs=1e-12)
    assert n["log_snr"] == pytest.approx(2 * made.level(t).log_snr, rel=1e-9)
    # What one Gaussian pixel of unit variance tells of another with correlation r: -1/2 ln(1 - r^2).
    assert n["information"] == pytest.approx(-0.5 * math.log1p(-kept), rel=1e-9)


def test_the_linear_schedule_ends_where_ho_et_al_say() -> None:
    assert schedule().numbers["last_alpha_bar"] == pytest.approx(4.0358e-5, rel=1e-4)


@pytest.mark.parametrize("hand", [(0.9, 0.6, 0.25, 0.05), (0.999, 0.998, 0.002, 0.001), (0.5, 0.5, 0.5, 0.5)])
def test_a_schedule_by_hand_passes_its_handles_and_always_falls(hand: tuple[float, ...]) -> None:
    frame = schedule(kind="by hand", hand=hand)
    assert np.allclose(frame.handles, hand, atol=1e-3)
    made = concept.by_hand(hand)
    assert float(made.betas.min()) > 0.0 and float(made.betas.max()) < 1.0
    assert np.all(np.diff(frame.alpha_bar) < 0.0) and frame.alpha_bar[0] == 1.0


def test_handles_in_the_wrong_order_are_brought_to_fall() -> None:
    frame = schedule(kind="by hand", hand=(0.2, 0.9, 0.5, 0.99))
    assert np.all(np.diff(frame.handles) < 0.0) and frame.handles[0] == pytest.approx(0.2, abs=1e-6)


@pytest.mark.parametrize("t", [5, 250, 600])
def test_the_classes_are_the_exact_posterior_over_all_digits(t: int) -> None:
    frame = schedule(t=t, digit=7, seed=3)
    x, _, labels = concept._digits()
    level = noise_schedule("linear", 1000, 1e-4, 0.02).level(t)
    law = Normal(torch.from_numpy(level.signal * x), level.sigma)
    share = torch.softmax(law.log_prob(torch.from_numpy(frame.pictures[1].ravel())).sum(1), 0).numpy()
    assert np.allclose(frame.classes, [share[labels == k].sum() for k in range(10)], atol=1e-10)
    assert np.allclose(frame.pictures[2].ravel(), share @ x, atol=1e-10)
    assert frame.classes.sum() == pytest.approx(1.0) and frame.numbers["right"] == frame.classes[7]


def test_the_toy_at_a_time_has_the_moments_that_the_schedule_says() -> None:
    frames = [schedule(t=400, seed=seed) for seed in range(20)]
    n = frames[0].numbers
    noise = np.stack([f.toy_noised - n["signal"] * f.toy for f in frames]) / n["sigma"]
    assert abs(noise.mean()) < 4 / math.sqrt(noise.size) and noise.var() == pytest.approx(1.0, abs=0.06)


@pytest.mark.parametrize("t", [2, 8, 15, 20])
@pytest.mark.parametrize(("x_0", "x_t"), [(1.2, -0.8), (-3.0, 3.0), (0.0, 0.0)])
def test_the_posterior_is_the_product_and_its_moments_agree_with_the_grid(t: int, x_0: float, x_t: float) -> None:
    frame = posterior(x_0=x_0, x_t=x_t, t=t)
    n, made = frame.numbers, NoiseSchedule(cosine_betas(concept.FEW))
    assert n["mean"] == pytest.approx(n["product_mean"], abs=2e-4)
    assert n["variance"] == pytest.approx(n["product_variance"], rel=2e-3)
    assert np.abs(frame.posterior - frame.product).max() < 2e-3 * frame.posterior.max()
    assert n["variance"] == pytest.approx(made.reverse_variance(t, t - 1, "fixed_small"), rel=1e-9)


def test_precisions_add_up_in_the_product() -> None:
    n = posterior(t=8).numbers
    forward = (1.0 - n["beta"]) / n["beta"]
    assert 1.0 / n["variance"] == pytest.approx(1.0 / n["prior_variance"] + forward, rel=1e-9)


def test_bridges_lead_to_the_data_and_have_the_moments_that_are_drawn() -> None:
    frames = [concept.PosteriorQuery(seed, 1.2, -0.8, 10) for seed in range(60)]
    answers = [answer(query) for query in frames]
    ways = np.concatenate([a.bridges for a in answers if isinstance(a, concept.PosteriorFrame)], 1)
    one = answers[0]
    assert isinstance(one, concept.PosteriorFrame)
    assert np.allclose(ways[0], 1.2) and np.allclose(ways[-1], -0.8)
    assert np.allclose(ways.mean(1), one.mean, atol=0.06)  # 1,440 ways: four standard errors at most
    assert np.allclose(ways.std(1), one.deviation, atol=0.04)
    # The bridge in one leap, from t to any s, has the same law: q(x_s | x_t, x_0).
    kept = concept.few()[0]
    s, t = 4, 10
    jump = 1 - kept[t] / kept[s]
    leap = math.sqrt(kept[s]) * jump / (1 - kept[t]) * 1.2 - 0.8 * math.sqrt(1 - jump) * (1 - kept[s]) / (1 - kept[t])
    assert one.mean[s] == pytest.approx(leap, abs=1e-12)
    assert one.deviation[s] ** 2 == pytest.approx((1 - kept[s]) / (1 - kept[t]) * jump, rel=1e-9)
