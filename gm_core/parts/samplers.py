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
from gm_core.maths.schedules import Level, Variance, back_variance, blend, jump_variance, noise_in
from gm_core.spec import SpecError


class Guess:
    """What a denoiser makes of x_t (n, ...) at a level: the data x0 and the noise eps, x_t = signal x0 + sigma eps.

    One of them is given; the other is computed when somebody asks for it, which most steps of most samplers do not.
    `added` is what guidance added to the noise, before anything was clipped; None where it is nothing.
    """

    __slots__ = ("_by_data", "_eps", "_x0", "added", "level", "x")

    def __init__(
        self, x: Tensor, level: Level, *, x0: Tensor | None = None, eps: Tensor | None = None,
        added: Tensor | None = None,
    ) -> None:  # fmt: skip
        self.x, self.level, self.added = x, level, added
        self._x0, self._eps, self._by_data = x0, eps, x0 is not None

    @property
    def x0(self) -> Tensor:
        """The data."""
        if self._x0 is None:
            signal, sigma = self.level.signal, self.level.sigma
            self._x0 = blend(1.0 / signal, self.x, -sigma / signal, self.eps)
        return self._x0

    @property
    def eps(self) -> Tensor:
        """The noise; none at the data."""
        if self._eps is None:
            clean = self.level.sigma == 0.0
            self._eps = torch.zeros_like(self.x) if clean else noise_in(self.x, self.x0, *self.level.scales)
        return self._eps

    def mix(self, a: float, b: float) -> Tensor:
        """a x0 + b eps, by way of x where the noise alone was given: the same, whether anybody has looked or not."""
        if self._by_data:
            return blend(a, self.x0, b, self.eps)
        part = a / self.level.signal
        return blend(part, self.x, b - part * self.level.sigma, self.eps)


Denoiser = Callable[[Tensor, Level], Guess]
"""x_t (n, ...) and its level to the best guesses of data and noise."""
Before = tuple[Level, Guess]
"""The level before this one, and the guess that was made there: what a multistep method remembers."""


class Place(NamedTuple):
    """Where a walk stands: `x` at a `level`, and what the denoiser makes of it.

    At the data the walk is over: x0 is x, and there is no noise left. `number` steps have been made, for which the
    denoiser was asked `cost` times; the guess at this place is not counted, since only the next step uses it.
    `before` is what a multistep method needs to go on from here as if it had never stopped.
    """

    number: int
    level: Level
    x: Tensor
    guess: Guess
    cost: int
    before: Before | None = None


class Step(NamedTuple):
    """What a rule says: the mean of x at the next level, the deviation of the noise to add, further evaluations."""

    x: Tensor
    fresh: float = 0.0
    asked: int = 0


class Here(NamedTuple):
    """All that a rule may look at for the step from `level` to the cleaner level `to`."""

    level: Level
    to: Level
    x: Tensor
    guess: Guess
    ask: Denoiser
    before: Before | None = None


@dataclass(frozen=True)
class Ancestral:
    """The sampler of DDPM: step back by the reverse Gaussian, whose variance is beta~ or beta (Ho et al. 2020, 3.2)."""

    variance: Variance = "fixed_small"

    def step(self, here: Here) -> Step:
        """Alg. 2, line 4."""
        level, to = here.level, here.to
        back = to.signal / level.signal
        mean = blend(back, here.x, -back * jump_variance(level, to) / level.sigma, here.guess.eps)
        return Step(mean, math.sqrt(back_variance(level, to, self.variance)))


@dataclass(frozen=True)
class Implicit:
    """The sampler of DDIM: aim at x_0, then noise it again to the next level; eta 0 adds no new noise, 1 is DDPM."""

    eta: float = 0.0

    def step(self, here: Here) -> Step:
        """Song et al. 2021, Eq. 12, with the variance of Eq. 16."""
        to = here.to
        fresh = self.eta**2 * back_variance(here.level, to, "fixed_small") if self.eta else 0.0
        return Step(here.guess.mix(to.signal, math.sqrt(max(to.sigma**2 - fresh, 0.0))), math.sqrt(fresh))


@dataclass(frozen=True)
class Euler:
    """One straight step along the probability flow, dx/dr = eps in units of the data. Karras et al. 2022, Eq. 3."""

    def step(self, here: Here) -> Step:
        """Alg. 1, line 5."""
        return Step(_along(here, here.guess.eps))


@dataclass(frozen=True)
class Heun:
    """A step of Euler, then again with the mean of both slopes: an error of third order for two evaluations."""

    def step(self, here: Here) -> Step:
        """Alg. 1, lines 5 to 8; `walk` takes the step to the data, where there is no slope to be had, by itself."""
        eps = here.guess.eps
        there = here.ask(_along(here, eps), here.to)
        return Step(_along(here, 0.5 * (eps + there.eps)), asked=1)


@dataclass(frozen=True)
class Multistep:
    """DPM-Solver++(2M): a straight line through the last two guesses of the data, for one evaluation a step."""

    def step(self, here: Here) -> Step:
        """Lu et al. 2022, "DPM-Solver++", arXiv:2211.01095, Alg. 2; first order where there is no step before."""
        level, to, data = here.level, here.to, here.guess.x0
        if here.before is not None:
            last, guess = here.before
            slope = (to.log_snr - level.log_snr) / (2.0 * (level.log_snr - last.log_snr))
            data = blend(1.0 + slope, data, -slope, guess.x0)
        shrink = to.sigma / level.sigma
        return Step(blend(shrink, here.x, to.signal - level.signal * shrink, data))


def _along(here: Here, slope: Tensor) -> Tensor:
    """A straight step in x / signal, whose slope over sigma / signal is the noise."""
    level, to = here.level, here.to
    return blend(to.signal / level.signal, here.x, to.signal * (to.ratio - level.ratio), slope)


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
        guess = denoise(x, level)
        yield Place(number, level, x, guess, cost, before)
        cost += 1
        if to.sigma == 0.0:
            x = guess.x0
        else:
            x, fresh, asked = sampler.step(Here(level, to, x, guess, denoise, before))
            cost += asked
            if fresh > 0.0:
                x = x + fresh * noise_like(x, rng)
        before = (level, guess)
    yield Place(len(levels) - 1, levels[-1], x, Guess(x, levels[-1], x0=x), cost, before)


def _check(levels: Sequence[Level]) -> None:
    for level, to in pairwise(levels):
        if not to.ratio < level.ratio:
            raise SpecError(
                "times",
                f"time {to.t:g} comes after {level.t:g} but has no less noise; give times that fall from noise to data",
            )
