"""How fast data turns into noise: schedules of the diffusion, and what can be computed from them alone.

    q(x_t | x_{t-1}) = N(sqrt(1 - beta_t) x_{t-1}, beta_t I)                  Ho et al. 2020, Eq. 2
    q(x_t | x_0)     = N(sqrt(alpha_bar_t) x_0, (1 - alpha_bar_t) I)          Eq. 4
    alpha_t = 1 - beta_t,  alpha_bar_t = alpha_1 alpha_2 ... alpha_t

Times are the paper's: t = 1..T, and t = 0 is the data (alpha_bar_0 = 1). A `Level` says where a trajectory stands in
any family of this kind, whatever it calls its time: x_t = signal x_0 + sigma eps. Everything here is float64 or Python
floats; models cast at the last moment.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import torch
from torch import Tensor

ScheduleName = Literal["linear", "cosine"]
Target = Literal["eps", "x0", "v"]
Variance = Literal["fixed_small", "fixed_large"]
Spacing = Literal["trailing", "leading", "linspace"]


def linear_betas(steps: int, start: float, end: float) -> Tensor:
    """Noise that grows in equal increments: beta_1 = start .. beta_T = end, (T,). Ho et al. 2020, section 4."""
    return torch.linspace(start, end, steps, dtype=torch.float64)


def cosine_betas(steps: int, offset: float = 0.008, cap: float = 0.999) -> Tensor:
    """Noise that leaves the data gently: alpha_bar follows a squared cosine. Nichol & Dhariwal 2021, Eq. 17; (T,)."""
    time = torch.arange(steps + 1, dtype=torch.float64) / steps
    curve = torch.cos((time + offset) / (1 + offset) * math.pi / 2).square()
    return (1 - curve[1:] / curve[:-1]).clamp(max=cap)


@dataclass(frozen=True)
class Level:
    """A noise level, x_t = signal x_0 + sigma eps; `t` is what the model calls it. `sigma` is 0 at the data alone."""

    t: float
    signal: float
    sigma: float

    @property
    def scales(self) -> tuple[float, float]:
        """Signal and sigma."""
        return self.signal, self.sigma

    @property
    def ratio(self) -> float:
        """Noise for each unit of data, sigma / signal: the sigma of Karras et al. 2022, whose signal is always 1."""
        return self.sigma / self.signal

    @property
    def log_snr(self) -> float:
        """Half the logarithm of the signal-to-noise ratio, ln(signal / sigma): the lambda of Lu et al. 2022."""
        return math.log(self.signal / self.sigma)


CLEAN = Level(0.0, 1.0, 0.0)
"""The data themselves."""


def jump_variance(here: Level, there: Level) -> float:
    """The noise that is added on the way out from `there` to the noisier `here`: sigma_t^2 - (a_t / a_s)^2 sigma_s^2.

    It is 1 - alpha_bar_t / alpha_bar_s where signal^2 + sigma^2 = 1, and sigma_t^2 - sigma_s^2 where signal is 1.
    """
    return here.sigma**2 - (here.signal / there.signal) ** 2 * there.sigma**2


def back_variance(here: Level, there: Level, variance: Variance) -> float:
    """Variance of the step back from `here` to `there`: the posterior's (fixed_small) or the forward step's.

    The posterior q(x_s | x_t, x_0) has the variance jump sigma_s^2 / sigma_t^2. 0 where `there` is the data: the last
    step adds no noise.
    """
    if there.sigma == 0.0:
        return 0.0
    jump = jump_variance(here, there)
    return jump if variance == "fixed_large" else jump * (there.sigma / here.sigma) ** 2


@dataclass(frozen=True)
class NoiseSchedule:
    """A forward process in full: `betas` (T,) float64 for t = 1..T, and all that follows from them."""

    betas: Tensor

    @cached_property
    def steps(self) -> int:
        """T, the number of noising steps."""
        return len(self.betas)

    @cached_property
    def alpha_bar(self) -> Tensor:
        """How much of the data's variance is left at t = 0..T: (T + 1,) float64, beginning with 1."""
        return torch.cat([torch.ones(1, dtype=torch.float64), (1 - self.betas).cumprod(0)])

    @cached_property
    def sigma(self) -> Tensor:
        """Standard deviation of the noise at t = 0..T: sqrt(1 - alpha_bar), (T + 1,) float64."""
        return (1 - self.alpha_bar).sqrt()

    @cached_property
    def _alpha_bar_list(self) -> list[float]:
        """The same as Python floats, so that a sampler on a GPU never waits for a number."""
        values: list[float] = self.alpha_bar.tolist()
        return values

    def keeps(self, t: int) -> float:
        """alpha_bar_t for t = 0..T."""
        return self._alpha_bar_list[t]

    def level(self, t: int) -> Level:
        """The noise level of t = 0..T."""
        keeps = self._alpha_bar_list[t]
        return Level(float(t), math.sqrt(keeps), math.sqrt(1.0 - keeps))

    @cached_property
    def _log_ratios(self) -> list[float]:
        """ln(sigma / signal) at t = 1..T, which rises."""
        values: list[float] = (0.5 * ((1 - self.alpha_bar[1:]).log() - self.alpha_bar[1:].log())).tolist()
        return values

    def between(self, log_ratio: float) -> Level:
        """The level where ln(sigma / signal) has this value, with a time between those of the schedule.

        Times follow by straight lines between t = 1..T, and stay at these ends beyond them.
        """
        table = self._log_ratios
        k = min(max(bisect_right(table, log_ratio) - 1, 0), max(len(table) - 2, 0))
        share = (log_ratio - table[k]) / (table[k + 1] - table[k]) if len(table) > 1 else 0.0
        square = math.exp(2.0 * log_ratio)
        t = 1.0 + k + min(max(share, 0.0), 1.0)
        return Level(t, math.sqrt(1.0 / (1.0 + square)), math.sqrt(square / (1.0 + square)))

    def jump(self, t: int, s: int) -> float:
        """The noise added on the way from s to t > s: 1 - alpha_bar_t / alpha_bar_s, which is beta_t if s = t - 1."""
        return 1.0 - self._alpha_bar_list[t] / self._alpha_bar_list[s]

    def reverse_variance(self, t: int, s: int, variance: Variance) -> float:
        """Variance of the step back from t to s: beta~ (fixed_small, Eq. 7) or beta (fixed_large, section 3.2).

        beta~ = (1 - alpha_bar_s) / (1 - alpha_bar_t) beta_{t|s}. Both are 0 for s = 0: the last step adds no noise.
        """
        return back_variance(self.level(t), self.level(s), variance)


def noise_schedule(kind: ScheduleName, steps: int, start: float, end: float) -> NoiseSchedule:
    """The schedule of that name; `start` and `end` shape the linear one only."""
    return NoiseSchedule(cosine_betas(steps) if kind == "cosine" else linear_betas(steps, start, end))


def times_back(steps: int, visits: int, spacing: Spacing) -> tuple[int, ...]:
    """The times that a sampler of `visits` steps looks at, falling; from each it goes to the next, from the last to 0.

    trailing: T, T - T/S, ..., T/S: begins in the noise it draws. leading: 1 + (S-1)k, ..., 1 with k = T // S: ends at
    t = 1, but begins below T. linspace: from T to 1 in equal strides. With S = T all three are T, ..., 2, 1.
    """
    if not 1 <= visits <= steps:
        raise ValueError(f"a sampler of {visits} steps was asked of a diffusion of {steps}; give 1 to {steps}")
    if spacing == "leading":
        stride = steps // visits
        return tuple(1 + stride * k for k in reversed(range(visits)))
    if spacing == "trailing":
        return tuple(round(steps - k * steps / visits) for k in range(visits))
    if visits == 1:
        return (steps,)
    return tuple(round(steps - k * (steps - 1) / (visits - 1)) for k in range(visits))


def blend(a: Tensor | float, x: Tensor, b: Tensor | float, y: Tensor) -> Tensor:
    """a x + b y; in two operations where b is a number, for between two networks each of them waits for the memory."""
    return a * x + b * y if isinstance(b, Tensor) else torch.add(a * x, y, alpha=b)


def noised(x0: Tensor, eps: Tensor, signal: Tensor | float, sigma: Tensor | float) -> Tensor:
    """Data at a later time: x_t = sqrt(alpha_bar_t) x_0 + sqrt(1 - alpha_bar_t) eps. Eq. 4.

    `signal` = sqrt(alpha_bar_t) and `sigma` broadcast against x0 (n, ...).
    """
    return blend(signal, x0, sigma, eps)


def target_of(kind: Target, x0: Tensor, eps: Tensor, signal: Tensor | float, sigma: Tensor | float) -> Tensor:
    """What the network should say: the noise, the data, or v = sqrt(alpha_bar) eps - sigma x_0.

    v is from Salimans & Ho 2022, appendix D. Shapes as in `noised`.
    """
    if kind == "eps":
        return eps
    if kind == "x0":
        return x0
    return blend(signal, eps, -sigma, x0)


def read_output(
    kind: Target, output: Tensor, x: Tensor, signal: Tensor | float, sigma: Tensor | float
) -> tuple[Tensor, Tensor]:
    """What the network has said, as data and noise: the pair (x_0, eps) with x_t = signal x_0 + sigma eps.

    The inverse of `target_of`; for eps, x_0 is Eq. 15. `sigma` must be above 0 for x0, `signal` above 0 for eps.
    """
    if kind == "eps":
        return blend(1.0 / signal, x, -sigma / signal, output), output
    if kind == "x0":
        return output, noise_in(x, output, signal, sigma)
    return blend(signal, x, -sigma, output), blend(signal, output, sigma, x)


def noise_in(x: Tensor, x0: Tensor, signal: Tensor | float, sigma: Tensor | float) -> Tensor:
    """The noise that lies in x_t if its data were x_0: eps = (x_t - sqrt(alpha_bar_t) x_0) / sigma_t."""
    return blend(1.0 / sigma, x, -signal / sigma, x0)
