"""Langevin dynamics: a small step uphill in log p, a little noise, and again; after long, the points follow p.

    x' = x + eta/2 s(x) + sqrt(eta) z,  z ~ N(0, I),  s = gradient of log p           Roberts & Tweedie 1996 (ULA)
    accept x' with probability min(1, p(x') q(x|x') / (p(x) q(x'|x)))                  the same with Metropolis (MALA)
    annealed: steps eta_i = c sigma_i^2 at the scores of p + noise, sigma_1 > ... > sigma_L        Song & Ermon 2019
    reverse:  x' = x + (sigma^2 - sigma'^2) s + sqrt(sigma^2 - sigma'^2) z             Song et al. 2021, Eq. 9, VE

q(x'|x) = N(x + eta/2 s(x), eta I). Unadjusted, the points settle near p but not at it: on N(0, s^2) their variance is
s^2 / (1 - eta / 4 s^2). With Metropolis it is s^2 at any eta. Everything here is a generator: it stops at each point on
the way to be looked at, knows nothing of networks, and is exact up to its steps where the score is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from gm_core.maths.gaussian import noise_like

Score = Callable[[Tensor, float], Tensor]
"""x (n, ...) and the level of its noise sigma to the gradient of log p_sigma there, of x's shape."""
LogDensity = Callable[[Tensor], tuple[Tensor, Tensor]]
"""x (n, ...) to log p(x), (n,), up to a constant, and its gradient, of x's shape."""


@dataclass(frozen=True)
class Stand:
    """Where a walk stands after `number` steps: x, the score there, and the level of noise that the score is of."""

    number: int
    sigma: float
    x: Tensor
    score: Tensor


@dataclass(frozen=True)
class Tried:
    """Where a walk with a known density stands: x, log p up to a constant (n,), the score, and who moved last (n,)."""

    number: int
    x: Tensor
    log_density: Tensor
    score: Tensor
    accepted: Tensor


def moved(x: Tensor, score: Tensor, eta: float, rng: torch.Generator) -> Tensor:
    """One unadjusted step from x (n, ...): x + eta/2 s + sqrt(eta) z."""
    return x + (0.5 * eta) * score + math.sqrt(eta) * noise_like(x, rng)


def annealed(
    score: Score, x: Tensor, sigmas: Sequence[float], step: float, rng: torch.Generator, clean: bool = False
) -> Iterator[Stand]:
    """Langevin steps whose noise level falls: step k is one of size `step` sigma_k^2 at the score of sigma_k.

    Algorithm 1 of Song & Ermon 2019 with each of its levels repeated in `sigmas`, and `step` = epsilon / sigma_L^2;
    one level alone is plain unadjusted Langevin. `clean` makes the last step a jump to the mean of the data that x
    may come from, x + sigma^2 s, instead (Jolicoeur-Martineau et al. 2021). Yields len(sigmas) + 1 stands.
    """
    for number, sigma in enumerate(sigmas):
        found = score(x, sigma)
        yield Stand(number, sigma, x, found)
        if clean and number + 1 == len(sigmas):
            x = x + sigma**2 * found
        else:
            x = moved(x, found, step * sigma**2, rng)
    yield Stand(len(sigmas), sigmas[-1], x, score(x, sigmas[-1]))


def reverse(
    score: Score,
    x: Tensor,
    sigmas: Sequence[float],
    rng: torch.Generator,
    *,
    noise: bool = True,
    corrections: int = 0,
    step: float = 0.1,
) -> Iterator[Stand]:
    """Walk back the noise that was added: from sigmas[0] down to each of `sigmas`, and at last to none.

    With `noise`, the reverse stochastic equation by Euler and Maruyama, and so many Langevin `corrections` of size
    `step` sigma^2 after each step (Song et al. 2021, Algorithm 1); without, the ordinary equation dx/dsigma = -sigma s
    of the same laws by Euler (their Eq. 13). The last step is to the mean, x + sigma^2 s. Yields len(sigmas) + 1.
    """
    for number, sigma in enumerate(sigmas):
        found = score(x, sigma)
        yield Stand(number, sigma, x, found)
        if number + 1 == len(sigmas):
            x = x + sigma**2 * found
            break
        below = sigmas[number + 1]
        if not noise:
            x = x + (sigma - below) * sigma * found
            continue
        gap = sigma**2 - below**2
        x = x + gap * found + math.sqrt(gap) * noise_like(x, rng)
        for _ in range(corrections):
            x = moved(x, score(x, below), step * below**2, rng)
    yield Stand(len(sigmas), sigmas[-1], x, score(x, sigmas[-1]))


def unadjusted(density: LogDensity, x: Tensor, eta: float, steps: int, rng: torch.Generator) -> Iterator[Tried]:
    """Langevin steps of size eta in a density known up to a constant; every move is made. Yields steps + 1."""
    log_p, score = density(x)
    everyone = torch.ones(len(x), dtype=torch.bool, device=x.device)
    yield Tried(0, x, log_p, score, everyone)
    for number in range(1, steps + 1):
        x = moved(x, score, eta, rng)
        log_p, score = density(x)
        yield Tried(number, x, log_p, score, everyone)


def metropolis(density: LogDensity, x: Tensor, eta: float, steps: int, rng: torch.Generator) -> Iterator[Tried]:
    """Langevin proposals of size eta, each accepted or refused so that p is left exactly as it is. Yields steps + 1.

    Roberts & Tweedie 1996, section 1.4.2. A proposal where log p is not a number is refused. Of the first stand
    nothing was tried yet, and `accepted` says that all stand where they are.
    """
    log_p, score = density(x)
    yield Tried(0, x, log_p, score, torch.ones(len(x), dtype=torch.bool, device=x.device))
    each = (-1, *(1,) * (x.ndim - 1))
    for number in range(1, steps + 1):
        there = moved(x, score, eta, rng)
        log_there, score_there = density(there)
        u = torch.rand(len(x), generator=rng, device=rng.device, dtype=log_p.dtype).to(x.device)
        odds = log_there - log_p + log_kernel(x, there, score_there, eta) - log_kernel(there, x, score, eta)
        accepted = u.log() < odds
        x = torch.where(accepted.reshape(each), there, x)
        score = torch.where(accepted.reshape(each), score_there, score)
        log_p = torch.where(accepted, log_there, log_p)
        yield Tried(number, x, log_p, score, accepted)


def log_kernel(to: Tensor, start: Tensor, score: Tensor, eta: float) -> Tensor:
    """log q(to | start) of a Langevin step, up to a constant, for points (n, ...): (n,)."""
    return -(to - start - (0.5 * eta) * score).square().flatten(1).sum(1) / (2.0 * eta)
