"""Samplers walk from noise to data. Each is a rule for one step; `walk` is the generator that all of them share.

A sampler knows noise levels and a denoiser, and nothing of networks or data: give it the exact denoiser of a known
distribution, and what it draws is exact up to the size of its steps. With x_t = a_t x_0 + sigma_t eps:

    DDPM     x_s = (x_t - b / sigma_t eps) / (a_t / a_s) + sqrt(variance) z                 Ho et al. 2020, Alg. 2
    DDIM     x_s = a_s x_0 + sqrt(sigma_s^2 - v^2) eps + v z                                Song et al. 2021, Eq. 12
    Euler    x_s / a_s = x_t / a_t + (r_s - r_t) eps,  r = sigma / a                        Karras et al. 2022, Alg. 1
    Heun     the same with the mean of eps here and eps there                               Alg. 1, lines 6 to 8
    DPM++    x_s = sigma_s / sigma_t x_t + (a_s - a_t sigma_s / sigma_t) D                  Lu et al. 2022, Alg. 2 (2M)
             D = x_0 + h / (2 h') (x_0 - x_0'),  h the step in ln(a / sigma), ' the step before

b = sigma_t^2 - (a_t / a_s)^2 sigma_s^2 is beta_t where every time is visited (s = t - 1); with fewer steps it is the
noise of the whole stride (Nichol & Dhariwal 2021, section 4). Euler is DDIM without fresh noise, word for word: both
solve dx/dr = eps in x / a. The first step of DPM++ has no step before it, and is DDIM too; so is its last, which ends
at the data, where ln(a / sigma) is infinite (as in the authors' code).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, NamedTuple, get_args

import torch
from torch import Tensor

from gm_core.maths.gaussian import noise_like
from gm_core.maths.schedules import Level, Variance, back_variance, jump_variance
from gm_core.spec import SpecError

Denoiser = Callable[[Tensor, Level], tuple[Tensor, Tensor]]
"""x_t (n, ...) and its level to the pair (x_0, eps), the best guesses, with x_t = signal x_0 + sigma eps."""
Before = tuple[Level, Tensor]
"""The level before this one, and the guess of the data that was made there: what a multistep method remembers."""


@dataclass(frozen=True)
class Place:
    """Where a walk stands: `x` at a `level`, and what the denoiser makes of it: its data `x0` and its noise `eps`.

    At the data the walk is over: x0 is x, and there is no noise left. `number` steps have been made, for which the
    denoiser was asked `cost` times; the guesses at this place are not counted, since only the next step uses them.
    `before` is what a multistep method needs to go on from here as if it had never stopped.
    """

    number: int
    level: Level
    x: Tensor
    x0: Tensor
    eps: Tensor
    cost: int
    before: Before | None = None


class Step(NamedTuple):
    """What a rule says: the mean of x at the next level, the deviation of the noise to add, further evaluations."""

    x: Tensor
    fresh: float = 0.0
    asked: int = 0


@dataclass(frozen=True)
class Here:
    """All that a rule may look at for the step from `level` to the cleaner level `to`."""

    level: Level
    to: Level
    x: Tensor
    x0: Tensor
    eps: Tensor
    ask: Denoiser
    before: Before | None = None


@dataclass(frozen=True)
class Ancestral:
    """The sampler of DDPM: step back by the reverse Gaussian, whose variance is beta~ or beta (Ho et al. 2020, 3.2)."""

    variance: Variance = "fixed_small"

    def step(self, here: Here) -> Step:
        """Alg. 2, line 4."""
        level, to = here.level, here.to
        mean = (here.x - (jump_variance(level, to) / level.sigma) * here.eps) * (to.signal / level.signal)
        return Step(mean, math.sqrt(back_variance(level, to, self.variance)))


@dataclass(frozen=True)
class Implicit:
    """The sampler of DDIM: aim at x_0, then noise it again to the next level; eta 0 adds no new noise, 1 is DDPM."""

    eta: float = 0.0

    def step(self, here: Here) -> Step:
        """Song et al. 2021, Eq. 12, with the variance of Eq. 16."""
        to = here.to
        fresh = self.eta**2 * back_variance(here.level, to, "fixed_small")
        return Step(to.signal * here.x0 + math.sqrt(max(to.sigma**2 - fresh, 0.0)) * here.eps, math.sqrt(fresh))


@dataclass(frozen=True)
class Euler:
    """One straight step along the probability flow, dx/dr = eps in units of the data. Karras et al. 2022, Eq. 3."""

    def step(self, here: Here) -> Step:
        """Alg. 1, line 5."""
        return Step(_along(here, here.eps))


@dataclass(frozen=True)
class Heun:
    """A step of Euler, then again with the mean of both slopes: an error of third order for two evaluations."""

    def step(self, here: Here) -> Step:
        """Alg. 1, lines 5 to 8; `walk` takes the step to the data, where there is no slope to be had, by itself."""
        _, there = here.ask(_along(here, here.eps), here.to)
        return Step(_along(here, 0.5 * (here.eps + there)), asked=1)


@dataclass(frozen=True)
class Multistep:
    """DPM-Solver++(2M): a straight line through the last two guesses of the data, for one evaluation a step."""

    def step(self, here: Here) -> Step:
        """Lu et al. 2022, "DPM-Solver++", arXiv:2211.01095, Alg. 2; first order where there is no step before."""
        level, to, data = here.level, here.to, here.x0
        if here.before is not None:
            last, guess = here.before
            slope = (to.log_snr - level.log_snr) / (2.0 * (level.log_snr - last.log_snr))
            data = data + slope * (data - guess)
        shrink = to.sigma / level.sigma
        return Step(shrink * here.x + (to.signal - level.signal * shrink) * data)


def _along(here: Here, slope: Tensor) -> Tensor:
    """A straight step in x / signal, whose slope over sigma / signal is the noise."""
    level, to = here.level, here.to
    return (to.signal / level.signal) * here.x + (to.signal * (to.ratio - level.ratio)) * slope


Sampler = Ancestral | Implicit | Euler | Heun | Multistep
SamplerName = Literal["ddpm", "ddim", "euler", "heun", "dpm++"]
SAMPLERS: tuple[SamplerName, ...] = get_args(SamplerName)


def sampler_of(name: str, variance: Variance = "fixed_small", eta: float = 0.0) -> Sampler:
    """The sampler of that name; raises SpecError with the names that there are."""
    rules: dict[str, Sampler] = {
        "ddpm": Ancestral(variance),
        "ddim": Implicit(eta),
        "euler": Euler(),
        "heun": Heun(),
        "dpm++": Multistep(),
    }
    if name not in rules:
        raise SpecError("sampler", f"sampler is {name!r}; expected one of: {', '.join(SAMPLERS)}")
    return rules[name]


def walk(
    sampler: Sampler,
    levels: Sequence[Level],
    denoise: Denoiser,
    x: Tensor,
    rng: torch.Generator,
    before: Before | None = None,
) -> Iterator[Place]:
    """Go from noise x (n, ...) at levels[0] to the last level, and stop at each to be looked at.

    Yields len(levels) places; the denoiser is asked once before each but the last, and in between where a rule wants
    it. New noise comes from `rng` alone, and only where a step adds some. A walk that goes on where another was left
    gets what that one had `before`. Every rule steps from any level to the data by taking x0, which its formula says
    too (up to rounding). Raises SpecError for levels whose noise does not fall.
    """
    _check(levels)
    cost = 0
    for number, (level, to) in enumerate(pairwise(levels)):
        x0, eps = denoise(x, level)
        yield Place(number, level, x, x0, eps, cost, before)
        cost += 1
        if to.sigma == 0.0:
            x = x0
        else:
            x, fresh, asked = sampler.step(Here(level, to, x, x0, eps, denoise, before))
            cost += asked
            if fresh > 0.0:
                x = x + fresh * noise_like(x, rng)
        before = (level, x0)
    yield Place(len(levels) - 1, levels[-1], x, x, torch.zeros_like(x), cost, before)


def _check(levels: Sequence[Level]) -> None:
    for level, to in pairwise(levels):
        if not to.ratio < level.ratio:
            raise SpecError(
                "times",
                f"time {to.t:g} comes after {level.t:g} but has no less noise; give times that fall from noise to data",
            )
