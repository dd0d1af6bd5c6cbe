"""A model with one code on a line, small enough that everything about it is known.

    z ~ N(0, 1),   x | z ~ N(g(z), s^2),   p(x) = integral p(x|z) p(z) dz,   p(z|x) = p(x|z) p(z) / p(x)

The decoder g is a line w z, a parabola w (z^2 - 1), or a wave w (z + sin 2z); an offset b would do no more than move
x, so that there is none. For the line everything is Gaussian: p(x) = N(0, w^2 + s^2). For the others p(x) is a sum over
a grid that is fine against the narrowest peak, and wide against the farthest, that the page allows (w from 0.2 to 2, s
from 0.15 to 2, |x| up to 4); E_q ln p(x|z) is in closed form for all three, since it needs E g and E g^2 alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from torch import Tensor

Decoder = Literal["line", "parabola", "wave"]
REACH, GRID = 20.0, 5001
"""Codes are summed over from -REACH to REACH: with w = 0.2 and s = 0.15 an x of 4 has its posterior near 13."""
FAR, FAR_GRID = 200.0, 40_001
"""The same for the variance of weights, whose integrand may lie far outside both q and the posterior."""
SEEN = 4.0
"""Codes that are drawn, from -SEEN to SEEN."""
RATE = 2.0
"""How fast the wave waves."""


@dataclass(frozen=True, slots=True)
class Model:
    """The decoder, its weight w, and the noise s with which it speaks."""

    decoder: Decoder = "line"
    w: float = 1.0
    s: float = 0.5


@dataclass(frozen=True)
class Known:
    """What is known of one x: ln p(x) in nats, mean and standard deviation of p(z|x); ln p(x, z) and ln p(z|x) on the
    grid z, all (GRID,)."""

    evidence: float
    mean: float
    deviation: float
    z: Tensor
    log_joint: Tensor
    log_posterior: Tensor


@cache
def grid(reach: float = REACH, count: int = GRID) -> Tensor:
    """The codes that are summed over (count,), float64."""
    import torch

    return torch.linspace(-reach, reach, count, dtype=torch.float64)


@cache
def seen() -> slice:
    """The part of the grid that is drawn, every other code: finer than pixels would only look ragged."""
    inside = (grid().abs() <= SEEN + 1e-9).nonzero()
    return slice(int(inside[0]), int(inside[-1]) + 1, 2)


def decode(model: Model, z: Tensor) -> Tensor:
    """g(z), in units of x; the shape of z."""
    if model.decoder == "line":
        return model.w * z
    if model.decoder == "parabola":
        return model.w * (z * z - 1.0)
    return model.w * (z + (RATE * z).sin())


def log_likelihood(model: Model, x: float | Tensor, z: Tensor) -> Tensor:
    """ln p(x|z) in nats; the shape that x and z have together."""
    from gm_core.maths import gaussian

    return gaussian.log_prob_at(decode(model, z), x, model.s)  # symmetric in both


def log_prior(z: Tensor) -> Tensor:
    """ln p(z) in nats; the shape of z."""
    from gm_core.maths import gaussian

    return gaussian.log_prob_standard(z)


def know(model: Model, x: float) -> Known:
    """Evidence and posterior of one x: closed form for the line, sums over the grid for the others."""
    import torch

    z = grid()
    joint = log_likelihood(model, x, z) + log_prior(z)
    step = 2.0 * REACH / (GRID - 1)
    if model.decoder == "line":
        whole = model.w**2 + model.s**2
        evidence = -0.5 * x**2 / whole - 0.5 * math.log(2.0 * math.pi * whole)
        mean, deviation = model.w * x / whole, model.s / math.sqrt(whole)
        return Known(evidence, mean, deviation, z, joint, joint - evidence)
    evidence = float(torch.logsumexp(joint, 0)) + math.log(step)
    share = (joint - evidence).exp() * step
    mean = round(float((share * z).sum()), 12) + 0.0  # no minus before nothing
    return Known(evidence, mean, math.sqrt(float((share * (z - mean) ** 2).sum())), z, joint, joint - evidence)


def reconstruction(model: Model, x: float, mu: Tensor, sigma: Tensor) -> Tensor:
    """E_q ln p(x|z) for q = N(mu, sigma^2), in closed form; the shape that mu and sigma have together."""
    square = sigma * sigma
    if model.decoder == "line":
        first, second = mu, mu * mu + square
    elif model.decoder == "parabola":
        second_moment = mu * mu + square
        first = second_moment - 1.0
        second = mu**4 + 6.0 * mu * mu * square + 3.0 * square * square - 2.0 * second_moment + 1.0
    else:
        fade = (-0.5 * RATE**2 * square).exp()
        first = mu + (RATE * mu).sin() * fade
        mixed = fade * (mu * (RATE * mu).sin() + RATE * square * (RATE * mu).cos())
        second = mu * mu + square + 2.0 * mixed + 0.5 * (1.0 - (2.0 * RATE * mu).cos() * fade**4)
    squared = x**2 - 2.0 * x * model.w * first + model.w**2 * second
    return -squared / (2.0 * model.s**2) - math.log(model.s) - 0.5 * math.log(2.0 * math.pi)


def bound(model: Model, x: float, mu: Tensor, sigma: Tensor) -> Tensor:
    """ELBO = E_q ln p(x|z) - KL(q || N(0, 1)) in nats, in closed form."""
    from gm_core.maths import gaussian

    return reconstruction(model, x, mu, sigma) - gaussian.kl_standard(mu, 2.0 * sigma.log())


def chi_square(model: Model, x: float, known: Known, mu: float, sigma: float) -> float:
    """integral p(z|x)^2 / q(z) dz - 1: the variance of w / p(x) for w = p(x, z) / q(z), z ~ q; it may be infinite.

    Closed form for the line. The tails decide whether it is finite: those of the posterior of line and wave fall as
    exp(-z^2 (1 + w^2/s^2) / 2), so that q must have sigma^2 > 1 / (2 (1 + w^2/s^2)); the parabola's fall faster.
    """
    tail = 1.0 + (model.w / model.s) ** 2
    if model.decoder != "parabola" and 2.0 * tail <= 1.0 / sigma**2:
        return math.inf
    if model.decoder == "line":
        a, b = 2.0 * tail - 1.0 / sigma**2, 2.0 * tail * known.mean - mu / sigma**2
        c = 2.0 * tail * known.mean**2 - mu**2 / sigma**2
        exponent = math.log(tail * sigma) - 0.5 * math.log(a) + 0.5 * (b * b / a - c)
    else:
        exponent = _log_square(known.z, known.log_posterior, mu, sigma)
        if exponent == math.inf:
            z = grid(FAR, FAR_GRID)
            log_posterior = log_likelihood(model, x, z) + log_prior(z) - known.evidence
            exponent = _log_square(z, log_posterior, mu, sigma)
    return math.expm1(exponent) if exponent < 700.0 else math.inf


def _log_square(z: Tensor, log_posterior: Tensor, mu: float, sigma: float) -> float:
    """ln of the integral of p(z|x)^2 / q(z) over a grid; infinite where its ends cut off what counts."""
    import torch

    from gm_core.maths import gaussian

    ratio = 2.0 * log_posterior - gaussian.log_prob_at(z, mu, sigma)
    whole = float(torch.logsumexp(ratio, 0)) + math.log(float(z[1] - z[0]))
    edge = len(z) // 10  # longer than a period of the wave
    ends = float(torch.maximum(ratio[:edge].max(), ratio[-edge:].max()))
    return math.inf if ends > whole - 30.0 else whole
