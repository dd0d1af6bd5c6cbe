"""The adversarial game on a line, where the best discriminator and the value of the game can be computed.

    V(D, G)  = E_p ln D(x) + E_q ln(1 - D(x))        D = sigmoid(l): D raises it, the generator's density q lowers it
    D*(x)    = p(x) / (p(x) + q(x))                  l*(x) = ln p(x) - ln q(x)
    V(D*, G) = 2 JS(p, q) - ln 4                     at most 0, and -ln 4 where q = p
    V(D*, G) - V(D, G) = integral (p + q) KL(Bernoulli(D*) || Bernoulli(D)) dx >= 0

Goodfellow et al., Generative Adversarial Networks, 2014, section 4. V is concave in the logit l, so that the way from
any discriminator straight to l* only climbs. Sums over 1800 cells from -18 to 18: with means within 6 and widths
between 0.5 and 2 they agree with adaptive quadrature to 1e-7. All in nats.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, NamedTuple

from gm_core.concepts.base import Column, Columns, ConceptFrame, Query, answers_alone

if TYPE_CHECKING:
    import torch
    from torch import Tensor

REACH, CELLS = 18.0, 1800
"""What is summed over: CELLS cells from -REACH to REACH."""
DRAWN = 7.0
"""What is drawn: -DRAWN to DRAWN."""
NARROWEST, WIDEST, FARTHEST = 0.5, 2.0, 6.0
"""Widths and means for which the sums are exact."""
PLACES = (-3.0, 0.0, 3.0)
"""Where the discriminator by hand is held; its logit is the parabola through three points."""
SURE = 5.0
"""The largest logit that a hand can give; D is then 0.993."""
WAY = 33
ROUNDS = 12

Critic = Literal["by hand", "best parabola"]


class Data(NamedTuple):
    """The density of the data: one Gaussian, or two of one width with half of the data each."""

    peaks: int = 1
    mu_1: float = -1.5
    mu_2: float = 2.0
    sigma: float = 0.8


def log_data(data: Data, x: Tensor) -> Tensor:
    """ln p(x), of the shape of x."""
    from gm_core.maths import line_mixture

    return line_mixture.log_prob(x, *_tensors(data))


def log_bell(x: Tensor, mean: float | Tensor, sigma: float) -> Tensor:
    """ln N(x; mean, sigma^2), of the shape of x - mean."""
    from gm_core.maths import gaussian

    return gaussian.log_prob_standard((x - mean) / sigma) - math.log(sigma)


@lru_cache(maxsize=32)
def _tensors(data: Data) -> tuple[Tensor, Tensor, Tensor]:
    import torch

    peaks = (data.mu_1, data.mu_2)[: data.peaks]
    made = ([1.0 / data.peaks] * data.peaks, peaks, [data.sigma] * data.peaks)
    weights, means, widths = (torch.tensor(v, dtype=torch.float64) for v in made)
    return weights, means, widths


@lru_cache(maxsize=1)
def middles() -> Tensor:
    """The middles of the cells (CELLS,)."""
    import torch

    return (torch.arange(CELLS, dtype=torch.float64) + 0.5) * (2 * REACH / CELLS) - REACH


@lru_cache(maxsize=1)
def _powers() -> Tensor:
    """1, x/3, (x/3)^2 at all middles (CELLS, 3)."""
    import torch

    x = middles() / PLACES[-1]
    return torch.stack((torch.ones_like(x), x, x.square()), -1)


@dataclass(frozen=True, slots=True)
class ValueQuery(Query):
    """Data, a generator N(mu, sigma^2), and a discriminator: a parabola of logits, by hand or the best there is, of
    which a share `learned` of the way to D* has been gone. `logits` are its values at PLACES."""

    data: Data = field(default=Data())
    mu: float = 1.0
    sigma: float = 1.0
    critic: Critic = "by hand"
    logits: tuple[float, ...] = (1.0, 0.0, -1.0)
    learned: float = 0.0


@dataclass(frozen=True, slots=True)
class ValueFrame(ConceptFrame):
    """Over x (k,): densities p and q, the discriminator one began with, the present one and the best one, and the
    integrands p ln D + q ln(1 - D) of the present and the best one, nats per unit of x. V (WAY,) over the share of
    the way from the beginning (0) to D* (1)."""

    x: Column
    p: Column
    q: Column
    first: Column
    present: Column
    best: Column
    integrand: Column
    best_integrand: Column
    way: Column
    value: Column

    def columns(self) -> Columns:
        """All curves."""
        return {
            "x": self.x, "p(x)": self.p, "q(x)": self.q, "D at first": self.first, "D": self.present, "D*": self.best,
            "integrand of V(D)": self.integrand, "integrand of V(D*)": self.best_integrand,
            "share of the way": self.way, "V (nats)": self.value,
        }  # fmt: skip


@answers_alone(ValueQuery)
def _value(query: ValueQuery, rng: torch.Generator) -> Iterator[ValueFrame]:
    import torch
    from torch.nn.functional import logsigmoid

    from gm_core.maths import on_grid

    area = 2 * REACH / CELLS
    x = middles()
    log_p, log_q = log_data(query.data, x), log_bell(x, query.mu, query.sigma)
    p, q = log_p.exp(), log_q.exp()
    best = log_p - log_q
    if query.critic == "by hand":
        first = _powers() @ through(query.logits)
    else:
        first = _powers() @ fitted(query.data, query.mu, query.sigma)
    way = torch.linspace(0.0, 1.0, WAY, dtype=torch.float64)
    logits = torch.lerp(first, best, way[:, None])
    values = (logsigmoid(logits) @ p + logsigmoid(-logits) @ q) * area
    present = torch.lerp(first, best, query.learned)
    integrand, top = (p * logsigmoid(v) + q * logsigmoid(-v) for v in (present, best))
    js = on_grid.gap(log_p, log_q, area).js
    value, most = float(integrand.sum()) * area, float(top.sum()) * area
    d = present.sigmoid()
    numbers = {
        "v": value, "most": most, "js": js, "twice_js": 2 * js, "from_js": 2 * js - math.log(4.0), "lost": most - value,
        "blind": -math.log(4.0), "on_data": float((p * d).sum()) * area, "on_fakes": float((q * d).sum()) * area,
        "right": 0.5 * float((p * (d > 0.5)).sum() + (q * (d <= 0.5)).sum()) * area,
        "first": float(values[0]),
    }  # fmt: skip
    seen = (x.abs() <= DRAWN).nonzero().squeeze(1)[::2]
    curves = [curve[seen] for curve in (x, p, q, first.sigmoid(), d, best.sigmoid(), integrand, top)]
    yield ValueFrame(numbers, *(curve.numpy() for curve in (*curves, way, values)))


def through(logits: tuple[float, ...]) -> Tensor:
    """Coefficients (3,) of 1, x/3, (x/3)^2 of the parabola that takes these values at PLACES."""
    import torch

    left, middle, right = logits
    made = [middle, (right - left) / 2, (right + left) / 2 - middle]
    return torch.tensor(made, dtype=torch.float64)


@lru_cache(maxsize=32)
def fitted(data: Data, mu: float, sigma: float) -> Tensor:
    """Coefficients (3,) of the parabola of logits whose V is largest; exactly l* where the data are one Gaussian.

    Newton's method on a concave function of three numbers, from the log-ratio of q and the Gaussian with the moments
    of the data; a step that does not climb is halved.
    """
    import torch
    from torch.nn.functional import logsigmoid

    from gm_core.maths import line_mixture

    mean, variance = line_mixture.moments(*_tensors(data))
    start = _log_bell_powers(float(mean), math.sqrt(float(variance))) - _log_bell_powers(mu, sigma)
    if data.peaks == 1:
        return start
    x, powers = middles(), _powers()
    p, q = log_data(data, x).exp(), log_bell(x, mu, sigma).exp()

    def value(at: Tensor) -> float:
        logits = powers @ at
        return float(p @ logsigmoid(logits) + q @ logsigmoid(-logits))

    at, here = start, value(start)
    for _ in range(ROUNDS):
        d = (powers @ at).sigmoid()
        slope = (p * (1 - d) - q * d) @ powers
        bend = (powers * ((p + q) * d * (1 - d))[:, None]).T @ powers
        step = torch.linalg.solve(bend + 1e-12 * torch.eye(3, dtype=torch.float64), slope)
        size = 1.0
        while size > 1e-3 and not value(at + size * step) >= here:
            size /= 2
        if size <= 1e-3 or float(step.abs().max()) < 1e-9:
            break
        at = at + size * step
        here = value(at)
    return at


def _log_bell_powers(mean: float, sigma: float) -> Tensor:
    """ln N(x; mean, sigma^2) as coefficients (3,) of 1, x/3, (x/3)^2."""
    import torch

    constant = -0.5 * (mean / sigma) ** 2 - math.log(sigma) - 0.5 * math.log(2 * math.pi)
    unit = PLACES[-1]
    made = [constant, unit * mean / sigma**2, -0.5 * (unit / sigma) ** 2]
    return torch.tensor(made, dtype=torch.float64)
