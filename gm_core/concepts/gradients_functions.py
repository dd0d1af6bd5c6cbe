"""Functions of a Gaussian draw whose expected gradients are known, and how noisy both estimates of them are.

    z = mu + sigma t, t ~ N(0, 1);   s = d ln q / d mu = t / sigma, or d ln q / d sigma = (t^2 - 1) / sigma
    reparameterised: f'(z) dz/dtheta      score function: (f(z) - b) s             (Williams 1992; Kingma, Welling 2013)

Moments are sums over t that are exact to many figures for smooth f, and closed forms for the step.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from torch import Tensor

Function = Literal["square", "sine", "sigmoid", "step"]
Parameter = Literal["mu", "sigma"]
Baseline = Literal["none", "mean", "best"]
NODES, REACH = 2401, 9.0
CURVE = 121
MU_REACH = 4.0
SIGMA_ENDS = (0.1, 3.0)


@dataclass(frozen=True, slots=True)
class Moments:
    """Of f under N(mu, sigma^2): mean, mean of the square, true gradient, E f s^2, E f^2 s^2, E s^2, and the first two
    moments of the reparameterised gradient."""

    mean: float
    square: float
    gradient: float
    weighted: float
    weighted_square: float
    information: float
    slope: float
    slope_square: float

    def baseline(self, kind: Baseline) -> float:
        """The number that is taken from f: 0, E f, or E f s^2 / E s^2, which makes the variance least."""
        return {"none": 0.0, "mean": self.mean, "best": self.weighted / self.information}[kind]

    def score_variance(self, baseline: float) -> float:
        """Variance of (f - b) s for one draw."""
        raw = self.weighted_square - 2.0 * baseline * self.weighted + baseline**2 * self.information
        return max(raw - self.gradient**2, 0.0)

    def slope_variance(self) -> float:
        """Variance of the reparameterised gradient of one draw, around its own mean."""
        return max(self.slope_square - self.slope**2, 0.0)


def evaluate(function: Function, steepness: float, z: Tensor) -> Tensor:
    """f(z): (z - 1)^2, sin 2z, sigmoid(k z), or 1 for z > 0."""
    if function == "square":
        return (z - 1.0) ** 2
    if function == "sine":
        return (2.0 * z).sin()
    return (steepness * z).sigmoid() if function == "sigmoid" else (z > 0).to(z.dtype)


def slope(function: Function, steepness: float, z: Tensor) -> Tensor:
    """f'(z), which is 0 almost everywhere for the step."""
    if function == "square":
        return 2.0 * (z - 1.0)
    if function == "sine":
        return 2.0 * (2.0 * z).cos()
    if function == "step":
        return z * 0.0
    share = (steepness * z).sigmoid()
    return steepness * share * (1.0 - share)


@cache
def nodes() -> tuple[Tensor, Tensor]:
    """Places t and their weights under N(0, 1), both (NODES,)."""
    import torch

    from gm_core.maths import gaussian

    t = torch.linspace(-REACH, REACH, NODES, dtype=torch.float64)
    return t, gaussian.log_prob_standard(t).exp() * (2.0 * REACH / (NODES - 1))


@lru_cache(maxsize=64)
def moments(function: Function, steepness: float, offset: float, mu: float, sigma: float, by: Parameter) -> Moments:
    """All moments of f + offset, for the gradient by mu or by sigma."""
    if function == "step":
        return _shifted(_step(mu, sigma, by), offset)
    t, weight = nodes()
    z = mu + sigma * t
    f = evaluate(function, steepness, z)
    score = t / sigma if by == "mu" else (t * t - 1.0) / sigma
    way = slope(function, steepness, z) * (1.0 if by == "mu" else t)
    information = (1.0 if by == "mu" else 2.0) / sigma**2
    made = Moments(
        float(weight @ f), float(weight @ f**2), float(weight @ way), float(weight @ (f * score**2)),
        float(weight @ (f * score) ** 2), information, float(weight @ way), float(weight @ way**2),
    )  # fmt: skip
    return _shifted(made, offset)


def _step(mu: float, sigma: float, by: Parameter) -> Moments:
    """z > 0 where t > a = -mu / sigma; with phi = phi(a) and Q = P(t > a):

    E[t^2; t > a] = a phi + Q,   E[t^2 - 1; t > a] = a phi,   E[(t^2 - 1)^2; t > a] = (a^3 + a) phi + 2 Q.
    """
    a = -mu / sigma
    phi, above = math.exp(-0.5 * a * a) / math.sqrt(2.0 * math.pi), 0.5 * math.erfc(a / math.sqrt(2.0))
    if by == "mu":
        gradient, weighted, information = phi / sigma, (a * phi + above) / sigma**2, 1.0 / sigma**2
    else:
        gradient, weighted = a * phi / sigma, ((a**3 + a) * phi + 2.0 * above) / sigma**2
        information = 2.0 / sigma**2
    return Moments(above, above, gradient, weighted, weighted, information, 0.0, 0.0)


def _shifted(m: Moments, offset: float) -> Moments:
    return Moments(
        m.mean + offset, m.square + 2.0 * offset * m.mean + offset**2, m.gradient, m.weighted + offset * m.information,
        m.weighted_square + 2.0 * offset * m.weighted + offset**2 * m.information, m.information, m.slope,
        m.slope_square,
    )  # fmt: skip


@lru_cache(maxsize=32)
def expected(function: Function, steepness: float, fixed: float, by: Parameter) -> tuple[Tensor, Tensor]:
    """E f over the parameter, the other one being `fixed`: places and values (CURVE,)."""
    import torch

    ends = (-MU_REACH, MU_REACH) if by == "mu" else SIGMA_ENDS
    places = torch.linspace(*ends, CURVE, dtype=torch.float64)
    mu, sigma = (places, torch.full_like(places, fixed)) if by == "mu" else (torch.full_like(places, fixed), places)
    if function == "square":
        return places, (mu - 1.0) ** 2 + sigma**2
    if function == "sine":
        return places, (2.0 * mu).sin() * (-2.0 * sigma**2).exp()
    if function == "step":
        return places, torch.special.ndtr(mu / sigma)
    t, weight = (v[::3] for v in nodes())
    return places, evaluate("sigmoid", steepness, mu[:, None] + sigma[:, None] * t) @ weight * 3.0
