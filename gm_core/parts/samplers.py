"""Samplers walk from noise to data. Each is a rule for one step; `walk` is the generator that all of them share.

A sampler knows a schedule and a denoiser, and nothing of networks or data: give it the exact denoiser of a known
distribution, and what it draws is exact up to the size of its steps.

    DDPM  x_s = (x_t - beta_{t|s} / sigma_t eps) / sqrt(1 - beta_{t|s}) + sqrt(variance) z     Ho et al. 2020, Alg. 2
    DDIM  x_s = sqrt(alpha_bar_s) x_0 + sqrt(1 - alpha_bar_s - v^2) eps + v z                  Song et al. 2021, Eq. 12

beta_{t|s} = 1 - alpha_bar_t / alpha_bar_s is beta_t where every time is visited (s = t - 1); with fewer steps it is the
noise of the whole stride (Nichol & Dhariwal 2021, section 4).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from gm_core.maths.schedules import NoiseSchedule, Variance

Denoiser = Callable[[Tensor, int], tuple[Tensor, Tensor]]
"""x_t (n, ...) and t to the pair (x_0, eps), the best guesses of data and noise, with x_t = signal x_0 + sigma eps."""


@dataclass(frozen=True)
class Place:
    """Where a walk stands: `x` at time `t`, and what the denoiser makes of it: its data `x0` and its noise `eps`.

    At t = 0 the walk is over: x0 is x, and there is no noise left. `number` steps have been made.
    """

    number: int
    t: int
    x: Tensor
    x0: Tensor
    eps: Tensor


@dataclass(frozen=True)
class Ancestral:
    """The sampler of DDPM: step back by the reverse Gaussian, whose variance is beta~ or beta (Ho et al. 2020, 3.2)."""

    variance: Variance = "fixed_small"

    def step(self, schedule: NoiseSchedule, t: int, s: int, x: Tensor, x0: Tensor, eps: Tensor) -> tuple[Tensor, float]:
        """Mean of x_s and the standard deviation of the noise to add, for 0 <= s < t. Alg. 2, line 4."""
        if s == 0:
            return x0, 0.0  # the formula says x0 too; taking it keeps rounding out of the finished example
        beta = schedule.jump(t, s)
        sigma = math.sqrt(1.0 - schedule.keeps(t))
        mean = (x - (beta / sigma) * eps) / math.sqrt(1.0 - beta)
        return mean, math.sqrt(schedule.reverse_variance(t, s, self.variance))


@dataclass(frozen=True)
class Implicit:
    """The sampler of DDIM: aim at x_0, then noise it again to time s; eta 0 adds no new noise, eta 1 is like DDPM."""

    eta: float = 0.0

    def step(self, schedule: NoiseSchedule, t: int, s: int, x: Tensor, x0: Tensor, eps: Tensor) -> tuple[Tensor, float]:
        """Mean of x_s and the standard deviation of the noise to add, for 0 <= s < t. Song et al. 2021, Eq. 12, 16."""
        if s == 0:
            return x0, 0.0
        fresh = self.eta**2 * schedule.reverse_variance(t, s, "fixed_small")
        keeps = schedule.keeps(s)
        return math.sqrt(keeps) * x0 + math.sqrt(max(1.0 - keeps - fresh, 0.0)) * eps, math.sqrt(fresh)


Sampler = Ancestral | Implicit


def walk(
    sampler: Sampler,
    schedule: NoiseSchedule,
    denoise: Denoiser,
    x: Tensor,
    times: Sequence[int],
    rng: torch.Generator,
) -> Iterator[Place]:
    """Go from noise x (n, ...) at times[0] to data at 0, and stop at each time to be looked at.

    Yields len(times) + 1 places and calls `denoise` len(times) times, once before each place but the last. New noise
    comes from `rng` alone, and only where a step adds some.
    """
    for number, t in enumerate(times):
        x0, eps = denoise(x, t)
        yield Place(number, t, x, x0, eps)
        s = times[number + 1] if number + 1 < len(times) else 0
        x, fresh = sampler.step(schedule, t, s, x, x0, eps)
        if fresh > 0.0:
            z = torch.randn(x.shape, generator=rng, device=rng.device, dtype=x.dtype)
            x = x + fresh * z.to(x.device)
    yield Place(len(times), 0, x, x, torch.zeros_like(x))
