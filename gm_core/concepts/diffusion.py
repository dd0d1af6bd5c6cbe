"""Forward diffusion: what a schedule leaves of the data at each time, and the step back that is known if x_0 is.

    q(x_t | x_0) = N(sqrt(abar_t) x_0, (1 - abar_t) I),   SNR_t = abar_t / (1 - abar_t)        Ho et al. 2020, Eq. 4
    q(x_{t-1} | x_t, x_0) = N(mu~_t, beta~_t I),   beta~_t = (1 - abar_{t-1}) / (1 - abar_t) beta_t           Eq. 6, 7
    mu~_t = sqrt(abar_{t-1}) beta_t / (1 - abar_t) x_0 + sqrt(alpha_t) (1 - abar_{t-1}) / (1 - abar_t) x_t

What x_t keeps is stated for data of unit variance: its share sqrt(abar_t) is the correlation of x_0 and x_t.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Literal

import numpy as np

from gm_core.concepts import small_digits
from gm_core.concepts.base import Column, Columns, ConceptFrame, Floats, Query, answers_alone, normal_density
from gm_core.concepts.diffusion_peaks import draws

if TYPE_CHECKING:
    import torch

    from gm_core.maths.schedules import NoiseSchedule

STEPS = 1000
EVERY = 5
"""Curves are drawn through every fifth time."""
HANDLES = (200, 400, 600, 800)
"""Times at which a schedule by hand is held."""
ENDS = (9.2, -9.2)
"""ln SNR of a schedule by hand at its first and last time: abar is 0.9999 and 0.0001 there."""
TOYS = 300
Kind = Literal["linear", "cosine", "by hand"]


@dataclass(frozen=True, slots=True)
class ScheduleQuery(Query):
    """A schedule of STEPS times, looked at in t: linear from `first` to `last`, cosine, or with abar as in `hand`.

    `digit` says which class the picture x_0 is of; the noise, and which of the class, follow from the seed.
    """

    kind: Kind = "linear"
    first: float = 1e-4
    last: float = 0.02
    hand: tuple[float, ...] = (0.9, 0.6, 0.25, 0.05)
    t: int = 250
    digit: int = 3


@dataclass(frozen=True, slots=True)
class ScheduleFrame(ConceptFrame):
    """Over times (k,): abar, ln SNR (from t = EVERY on; NaN before) and beta; of Ho's linear and of the cosine
    schedule (2, k) the first two. Where the handles stand, (4,).

    Pictures (3, 8, 8) in [-1, 1]: x_0, x_t, and the mean of the digits that x_t may come from; how probable each class
    is (10,), exactly, if all digits of the set are equally probable. Points (n, 2) of two moons: x_0 and x_t; labels.
    """

    times: Column
    alpha_bar: Column
    log_snr: Column
    beta: Column
    others: Column
    others_log_snr: Column
    handles: Column
    pictures: Column
    classes: Column
    toy: Column
    toy_noised: Column
    labels: Column

    def columns(self) -> Columns:
        """The schedule, and the classes."""
        return {
            "t": self.times, "alpha_bar": self.alpha_bar, "ln SNR": self.log_snr, "beta": self.beta,
            "class": np.arange(10), "p(class | x_t)": self.classes,
        }  # fmt: skip


def by_hand(hand: tuple[float, ...]) -> NoiseSchedule:
    """A schedule with abar as given at HANDLES, falling: between them, ln SNR falls in straight lines."""
    import torch

    from gm_core.maths.schedules import NoiseSchedule

    wanted = np.log(hand) - np.log1p(-np.asarray(hand))
    low = ENDS[1] + 0.1 * np.arange(len(hand), 0, -1)
    held = np.minimum.accumulate(np.clip(wanted, low, ENDS[0] - 0.1)) - 1e-3 * np.arange(len(hand))
    log_snr = np.interp(np.arange(1, STEPS + 1), (1, *HANDLES, STEPS), (ENDS[0], *held, ENDS[1]))
    alpha_bar = np.concatenate(([1.0], 1.0 / (1.0 + np.exp(-log_snr))))
    return NoiseSchedule(torch.from_numpy(1.0 - alpha_bar[1:] / alpha_bar[:-1]))


@lru_cache(8)
def schedule_of(kind: Kind, first: float, last: float, hand: tuple[float, ...]) -> NoiseSchedule:
    """The schedule that a query means."""
    from gm_core.maths.schedules import noise_schedule

    if kind == "by hand":
        return by_hand(hand)
    return noise_schedule("cosine" if kind == "cosine" else "linear", STEPS, first, last)


@lru_cache(8)
def _curves(kind: Kind, first: float, last: float, hand: tuple[float, ...]) -> tuple[Floats, Floats, Floats]:
    made = schedule_of(kind, first, last, hand)
    kept = made.alpha_bar.numpy()[::EVERY]
    log_snr = np.full_like(kept, np.nan)
    log_snr[1:] = np.log(kept[1:]) - np.log1p(-kept[1:])
    return kept, log_snr, made.betas.numpy()[EVERY - 1 :: EVERY]


@cache
def _digits() -> tuple[Floats, Floats, Column]:
    """All digits of the set (1797, 64) in [-1, 1], their squared lengths, and labels."""
    values, labels = small_digits.grey()
    x = 2.0 * values - 1.0
    return x, (x**2).sum(1), labels


@cache
def _moons() -> tuple[Floats, Column]:
    import torch

    from gm_core.concepts.geometry_shapes import exact_of

    x, labels = exact_of("moons").draw(TOYS, torch.Generator().manual_seed(0))
    return x.double().numpy(), labels.numpy()


@answers_alone(ScheduleQuery)
def _schedule(query: ScheduleQuery, rng: torch.Generator) -> Iterator[ScheduleFrame]:
    asked = (query.kind, query.first, query.last, query.hand)
    schedule, (kept, log_snr, beta) = schedule_of(*asked), _curves(*asked)
    others = [_curves("linear", 1e-4, 0.02, ()), _curves("cosine", 1e-4, 0.02, ())]
    t = min(max(query.t, 1), STEPS)
    here = schedule.keeps(t)
    signal, sigma = math.sqrt(here), math.sqrt(1.0 - here)
    x, squares, labels = _digits()
    which = np.flatnonzero(labels == query.digit)
    x0 = x[which[query.seed % len(which)]]
    xt = signal * x0 + sigma * draws(rng, 64)
    fit = (signal * (x @ xt) - 0.5 * here * squares) / (1.0 - here)  # ln p(x_t | x_0) up to what all x_0 share
    share = np.exp(fit - fit.max())
    share /= share.sum()
    classes = np.bincount(labels, share, 10)
    toy, parts = _moons()
    snr = here / (1.0 - here)
    numbers = {
        "t": float(t), "alpha_bar": here, "signal": signal, "sigma": sigma, "beta": float(schedule.betas[t - 1]),
        "snr": snr, "log_snr": math.log(snr), "information": 0.5 * math.log1p(snr),
        "right": float(classes[query.digit]), "last_alpha_bar": schedule.keeps(STEPS),
    }  # fmt: skip
    yield ScheduleFrame(
        numbers,
        np.arange(0, STEPS + 1, EVERY),
        kept,
        log_snr,
        np.concatenate(([np.nan], beta)),
        np.stack([o[0] for o in others]),
        np.stack([o[1] for o in others]),
        np.array([schedule.keeps(at) for at in HANDLES]),
        np.stack((x0, xt, share @ x)).reshape(3, 8, 8),
        classes,
        toy,
        signal * toy + sigma * draws(rng, TOYS, 2),
        parts,
    )


FEW = 20
"""The posterior is shown in a diffusion of so few steps, in which one step can be seen."""
REACH = 4.0
GRID = 801
BRIDGES = 24


@dataclass(frozen=True, slots=True)
class PosteriorQuery(Query):
    """x_0 and x_t on a line in a cosine diffusion of FEW steps, 2 <= t <= FEW."""

    x_0: float = 1.2
    x_t: float = -0.8
    t: int = 8


@dataclass(frozen=True, slots=True)
class PosteriorFrame(ConceptFrame):
    """Over x_{t-1} (GRID,): q(x_{t-1} | x_0), q(x_t | x_{t-1}) scaled to unit area, the posterior by its formula, and
    the product of the first two, divided by its own sum, all per unit of x.

    For t = 1..FEW: the weights of x_0 and x_t in the mean, beta, and beta~. Bridges (t + 1, BRIDGES) from x_t back to
    x_0, step by step, with their mean and standard deviation (t + 1,) at times 0..t.
    """

    x: Column
    prior: Column
    likelihood: Column
    posterior: Column
    product: Column
    times: Column
    weight_0: Column
    weight_t: Column
    beta: Column
    beta_back: Column
    bridges: Column
    mean: Column
    deviation: Column

    def columns(self) -> Columns:
        """Densities, and weights by time."""
        return {
            "x_{t-1}": self.x, "q(x_{t-1}|x_0)": self.prior, "q(x_t|x_{t-1}), scaled": self.likelihood,
            "q(x_{t-1}|x_t,x_0)": self.posterior, "product, scaled": self.product, "t": self.times,
            "weight of x_0": self.weight_0, "weight of x_t": self.weight_t, "beta": self.beta,
            "beta~": self.beta_back,
        }  # fmt: skip


@cache
def few() -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """For t = 0..FEW (nothing at 0): abar, beta, beta~, the weight of x_0 and the weight of x_t in the mean."""
    from gm_core.maths.schedules import NoiseSchedule, cosine_betas

    schedule = NoiseSchedule(cosine_betas(FEW))
    kept, beta = schedule.alpha_bar.numpy(), np.concatenate(([0.0], schedule.betas.numpy()))
    past, noise = np.concatenate(([1.0], kept[:-1])), np.concatenate(([1.0], 1.0 - kept[1:]))
    back = (1.0 - past) / noise * beta
    return kept, beta, back, np.sqrt(past) * beta / noise, np.sqrt(1.0 - beta) * (1.0 - past) / noise


@answers_alone(PosteriorQuery)
def _posterior(query: PosteriorQuery, rng: torch.Generator) -> Iterator[PosteriorFrame]:
    kept, beta, back, weight_0, weight_t = few()
    t = min(max(query.t, 2), FEW)
    x = np.linspace(-REACH, REACH, GRID)
    past, alpha = float(kept[t - 1]), float(1.0 - beta[t])
    mean, variance = float(weight_0[t] * query.x_0 + weight_t[t] * query.x_t), float(back[t])
    prior = normal_density(x, math.sqrt(past) * query.x_0, math.sqrt(1.0 - past))
    likelihood = normal_density(x, query.x_t / math.sqrt(alpha), math.sqrt(float(beta[t]) / alpha))
    logs = -((x - math.sqrt(past) * query.x_0) ** 2) / (2.0 * (1.0 - past))
    logs -= (query.x_t - math.sqrt(alpha) * x) ** 2 / (2.0 * float(beta[t]))
    product = np.exp(logs - logs.max())  # in logarithms, for where both are tiny the product still has a shape
    product /= product.sum() * (x[1] - x[0])
    step = x[1] - x[0]
    found = float((product * x).sum() * step)
    noise = draws(rng, t, BRIDGES)
    bridges = np.empty((t + 1, BRIDGES))
    means, variances = np.empty(t + 1), np.zeros(t + 1)
    bridges[t], means[t] = query.x_t, query.x_t
    for s in range(t, 0, -1):
        bridges[s - 1] = weight_0[s] * query.x_0 + weight_t[s] * bridges[s] + math.sqrt(back[s]) * noise[s - 1]
        means[s - 1] = weight_0[s] * query.x_0 + weight_t[s] * means[s]
        variances[s - 1] = weight_t[s] ** 2 * variances[s] + back[s]
    numbers = {
        "t": float(t), "x_0": query.x_0, "x_t": query.x_t, "mean": mean, "variance": variance,
        "weight_0": float(weight_0[t]), "weight_t": float(weight_t[t]), "beta": float(beta[t]),
        "product_mean": found, "product_variance": float((product * (x - found) ** 2).sum() * step),
        "prior_mean": math.sqrt(past) * query.x_0, "prior_variance": 1.0 - past,
    }  # fmt: skip
    yield PosteriorFrame(
        numbers,
        x,
        prior,
        likelihood,
        normal_density(x, mean, math.sqrt(variance)),
        product,
        np.arange(1, FEW + 1),
        weight_0[1:],
        weight_t[1:],
        beta[1:],
        back[1:],
        bridges,
        means,
        np.sqrt(variances),
    )
