"""Two misprints of the notes beside Ho et al. 2020: run with the exact noise of two peaks, nothing being learned.

    forward   Ho, Eq. 2:           x_t = sqrt(1 - beta_t) x_{t-1} + sqrt(beta_t) z
              notes:               x_t = sqrt(beta_t) x_{t-1} + sqrt(1 - beta_t) z
    back      Ho, Algorithm 2:     x_{t-1} = (x_t - beta_t / sqrt(1 - abar_t) eps*) / sqrt(alpha_t) + sigma_t z
              notes:               x_{t-1} = (x_t - (1 - abar_t) / sqrt(1 - abar_t) eps*) / sqrt(abar_t) + sigma_t z

eps*(x, t) = -sqrt(1 - abar_t) d ln p_t / dx is what a network would learn at best. The mean of the notes' step back is
the estimate of x_0 itself, so all but the last steps lead much too far. Both forms of the forward step keep the
variance of unit data at 1, so variance alone does not tell them apart; the correlation of x_0 and x_1 does. For data
N(0, s^2) and exact eps* each step back is linear, and the variance at its end follows without any draw.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from gm_core.concepts.base import Column, Columns, ConceptFrame, Floats, Query, answers_alone
from gm_core.concepts.diffusion_peaks import Peaks, draws, histogram
from gm_core.maths.schedules import Variance

if TYPE_CHECKING:
    import torch

    from gm_core.maths.schedules import NoiseSchedule

WALKERS = 400
SHOWN = 16
"""So many walkers are drawn as lines."""
REACH = 3.0
BINS = 40
GRID = 301
HUGE = 1e100
"""Beyond this a walker is held: the notes' step may double its distance each time."""


@dataclass(frozen=True, slots=True)
class MisprintsQuery(Query):
    """Data with peaks at -distance and distance, a linear schedule of `steps` with the noise of Ho's 1,000 in all,
    and the choice of sigma_t: beta~ (fixed_small) or beta (fixed_large)."""

    distance: float = 1.0
    width: float = 0.25
    steps: int = 100
    variance: Variance = "fixed_small"


@dataclass(frozen=True, slots=True)
class MisprintsFrame(ConceptFrame):
    """Walkers (2, steps + 1, SHOWN), Ho's and the notes', with the same noise: forward by t, and back by steps done.

    Histograms (2, BINS) of all WALKERS at the end of the way back, over the middles of bins; the data's density over
    x (GRID,). Correlation (2, steps + 1) of x_0 and x_t by t. Variance (2, steps + 1) by steps back done, exactly, for
    Gaussian data of the same variance.
    """

    forward: Column
    back: Column
    middles: Column
    ends: Column
    x: Column
    density: Column
    correlation: Column
    exact_variance: Column

    def columns(self) -> Columns:
        """Histograms, density, variances."""
        return {
            "x_0": self.middles, "Ho, share per unit": self.ends[0], "notes, share per unit": self.ends[1],
            "x": self.x, "p(x)": self.density, "steps back": np.arange(self.exact_variance.shape[1]),
            "Ho, correlation of x_0 and x_t": self.correlation[0],
            "notes, correlation of x_0 and x_t": self.correlation[1],
            "Ho, variance for Gaussian data": self.exact_variance[0],
            "notes, variance for Gaussian data": self.exact_variance[1],
        }  # fmt: skip


@lru_cache(8)
def short(steps: int) -> NoiseSchedule:
    """A linear schedule of few steps: beta is Ho's times 1000 / steps, below 1."""
    from gm_core.maths.schedules import NoiseSchedule, linear_betas

    return NoiseSchedule(linear_betas(steps, 0.1 / steps, 20.0 / steps).clamp(max=0.999))


def factors(schedule: NoiseSchedule, t: int) -> tuple[tuple[float, float], tuple[float, float]]:
    """What stands before x_t and before eps in the mean of a step back from t: Ho's, and the notes'."""
    kept, beta = schedule.keeps(t), float(schedule.betas[t - 1])
    sigma, alpha = math.sqrt(1.0 - kept), 1.0 - beta
    ho = 1.0 / math.sqrt(alpha), -beta / sigma / math.sqrt(alpha)
    return ho, (1.0 / math.sqrt(kept), -sigma / math.sqrt(kept))


@lru_cache(8)
def _plan(steps: int, variance: Variance) -> tuple[Floats, Floats, Floats]:
    """For t = steps..1: abar, the factors (steps, 2, 2) and sigma_t."""
    schedule = short(steps)
    times = range(steps, 0, -1)
    kept = np.array([schedule.keeps(t) for t in times])
    noise = np.array([math.sqrt(schedule.reverse_variance(t, t - 1, variance)) for t in times])
    return kept, np.array([factors(schedule, t) for t in times]), noise


def gaussian_variance(schedule: NoiseSchedule, square: float, variance: Variance) -> Floats:
    """Variance (2, T + 1) after 0, 1, ... steps back from N(0, 1), for data N(0, square) and exact eps, Ho and notes.

    eps* = sqrt(1 - abar) x / (abar square + 1 - abar), so that v' = (a + b sqrt(1 - abar) / (...))^2 v + sigma_t^2.
    """
    steps = schedule.steps
    made = np.ones((2, steps + 1))
    for done, t in enumerate(range(steps, 0, -1)):
        kept = schedule.keeps(t)
        share = math.sqrt(1.0 - kept) / (kept * square + 1.0 - kept)
        noise = schedule.reverse_variance(t, t - 1, variance)
        for which, (of_x, of_eps) in enumerate(factors(schedule, t)):
            made[which, done + 1] = min((of_x + of_eps * share) ** 2 * made[which, done] + noise, HUGE)
    return made


@lru_cache(16)
def _gaussian(steps: int, square: float, variance: Variance) -> Floats:
    return gaussian_variance(short(steps), square, variance)


@answers_alone(MisprintsQuery)
def _misprints(query: MisprintsQuery, rng: torch.Generator) -> Iterator[MisprintsFrame]:
    steps, data = query.steps, Peaks(query.distance, query.width)
    beta = short(steps).betas.numpy()
    start = data.draw(SHOWN, rng)
    forward = np.empty((2, steps + 1, SHOWN))
    forward[:, 0] = start
    noise = draws(rng, steps, SHOWN)
    roots = np.sqrt(np.stack((1.0 - beta, beta)))  # Ho's before x_{t-1} and z is the notes' before z and x_{t-1}
    for k in range(steps):
        forward[:, k + 1] = roots[:, k, None] * forward[:, k] + roots[::-1, k, None] * noise[k]
    kept, factor, sigma = _plan(steps, query.variance)
    x = np.broadcast_to(draws(rng, WALKERS), (2, WALKERS))
    noise = draws(rng, steps, WALKERS) * sigma[:, None]
    back = np.empty((2, steps + 1, SHOWN))
    back[:, 0] = x[:, :SHOWN]
    # eps* = -sqrt(1 - abar) (d tanh(d x / v) - x) / v at the peaks of x_t: what stands before x and tanh, for all t.
    place, v = np.sqrt(kept) * data.distance, kept * data.width**2 + 1.0 - kept
    pull = factor[..., 1:] * (np.sqrt(1.0 - kept) / v)[:, None, None]
    of_x, of_tanh, inside = factor[..., :1] + pull, -pull * place[:, None, None], place / v
    for k in range(steps):
        x = of_x[k] * x + of_tanh[k] * np.tanh(inside[k] * x) + noise[k]
        if abs(x[1, 0]) > HUGE:
            x = np.clip(x, -HUGE, HUGE)
        back[:, k + 1] = x[:, :SHOWN]
    exact = _gaussian(steps, data.variance, query.variance)
    line = np.linspace(-REACH, REACH, GRID)
    edges = np.linspace(-REACH, REACH, BINS + 1)
    x = np.clip(x, -HUGE, HUGE)
    left = np.concatenate((np.ones((2, 1)), np.cumprod(np.stack((1.0 - beta, beta)), 1)), 1)
    correlation = np.sqrt(left * data.variance / (left * data.variance + 1.0 - left))
    numbers = {
        "steps": float(steps), "correlation": float(correlation[0, 1]),
        "notes_correlation": float(correlation[1, 1]),
        "mean": data.mean, "variance": data.variance,
        "ho_mean": float(x[0].mean()), "ho_variance": float(x[0].var()),
        "notes_mean": float(x[1].mean()), "notes_variance": float(x[1].var()),
        "ho_exact": float(exact[0, -1]), "notes_exact": float(exact[1, -1]),
    }  # fmt: skip
    yield MisprintsFrame(
        numbers,
        forward,
        back,
        (edges[:-1] + edges[1:]) / 2,
        np.stack([histogram(end, -REACH, REACH, BINS) for end in x]),
        line,
        data.density(line),
        correlation,
        np.minimum(exact, HUGE),
    )
