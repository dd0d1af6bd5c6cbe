"""A generative classifier beside logistic regression, as data grows.

All three look for the log-odds ln p(y=1|x) / p(y=0|x). One fits a Gaussian to each class and lets Bayes' rule do the
rest, with one covariance for both or with one each; logistic regression fits the log-odds themselves. A generative
model that is right needs fewer examples; one that is wrong stays wrong however many there are (Ng & Jordan 2001, "On
discriminative vs. generative classifiers").
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Literal

import numpy as np

from gm_core.concepts.base import Column, Columns, ConceptFrame, Query, answers_alone

if TYPE_CHECKING:
    import torch

Truth = Literal["shared", "own", "outliers"]
RULES = ("shared", "own", "logistic")
"""Gaussians with one covariance, Gaussians with one each, logistic regression: the order of all results."""
SIZES = (4, 8, 16, 32, 64, 128, 256, 512, 1024)
SEEDS = 24
FRESH = 2000
"""Examples that a quadratic boundary is tried on; the error of a line is known without any."""
IDLE = 6
"""Coordinates at most that tell nothing."""
RIDGE = 1.0
"""So many made-up examples (covariances), or so much weight of |w|^2 / 2 (regression), steady the smallest sets."""
REACH = (-5.0, 7.0, -6.0, 6.0)
SIDE = 72


@dataclass(frozen=True, slots=True)
class _Parts:
    """A mixture of Gaussians: means (k, d), covariances (k, d, d), weights (k,), classes (k,)."""

    means: torch.Tensor
    covariances: torch.Tensor
    weights: torch.Tensor
    labels: torch.Tensor


@cache
def parts_of(truth: Truth, extra: int = 0) -> _Parts:
    """What the examples are drawn from; both classes are equally frequent, `extra` coordinates are N(0, 1) in both."""
    import torch

    tilted = [[1.0, 0.6], [0.6, 1.0]]
    means, covariances, weights, labels = {
        "shared": ([[-0.9, 0.0], [0.9, 0.0]], [tilted, tilted], [0.5, 0.5], [0, 1]),
        "own": ([[-0.8, 0.0], [0.8, 0.0]], [[[0.25, 0.0], [0.0, 0.25]], [[2.2, 0.9], [0.9, 2.2]]], [0.5, 0.5], [0, 1]),
        "outliers": (
            [[-1.0, 0.0], [1.0, 0.0], [5.0, -4.0]],
            [[[0.6, 0.0], [0.0, 0.6]], [[0.6, 0.0], [0.0, 0.6]], [[0.3, 0.0], [0.0, 0.3]]],
            [0.5, 0.4, 0.1],
            [0, 1, 1],
        ),
    }[truth]
    made = torch.eye(2 + extra, dtype=torch.float64).repeat(len(means), 1, 1)
    made[:, :2, :2] = torch.tensor(covariances, dtype=torch.float64)
    middles = torch.nn.functional.pad(torch.tensor(means, dtype=torch.float64), (0, extra))
    return _Parts(middles, made, torch.tensor(weights, dtype=torch.float64), torch.tensor(labels))


def draw(truth: Truth, extra: int, shape: tuple[int, ...], rng: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """x (*shape, 2 + extra) and y (*shape,), the classes in turn; the extra coordinates are noise N(0, 1) in both."""
    import torch

    parts = parts_of(truth)
    y = (torch.arange(shape[-1]) % 2).expand(shape)
    share = parts.weights * (parts.labels == y[..., None])
    which = torch.multinomial(share.reshape(-1, share.shape[-1]), 1, generator=rng).reshape(shape)
    root = torch.linalg.cholesky(parts.covariances)
    eps = torch.randn((*shape, 2 + extra), generator=rng, dtype=torch.float64)
    near = parts.means[which] + (root[which] @ eps[..., :2, None]).squeeze(-1)
    return torch.cat((near, eps[..., 2:]), -1), y


@cache
def least_error(truth: Truth) -> float:
    """How often the best rule of all errs: the sum of min_y p(x, y) over a fine grid."""
    import torch

    line = torch.arange(-9.0, 11.0, 0.05, dtype=torch.float64)
    joint = _log_joint(truth, torch.cartesian_prod(line, line))
    return float(joint.amin(1).exp().sum()) * 0.05**2


def _log_joint(truth: Truth, x: torch.Tensor) -> torch.Tensor:
    import torch

    from gm_core.maths import gaussian

    parts = parts_of(truth)
    log_p = gaussian.log_prob_root(x[:, None, :2], parts.means, torch.linalg.cholesky(parts.covariances))
    log_p = log_p + parts.weights.log()
    return torch.stack([log_p[:, parts.labels == k].logsumexp(1) for k in (0, 1)], 1)


Rule = tuple["torch.Tensor", "torch.Tensor", "torch.Tensor"]


def fit(x: torch.Tensor, y: torch.Tensor) -> tuple[Rule, Rule, Rule]:
    """Log-odds x' A x + w' x + b by the three ways of RULES, from x (..., n, d) and y (..., n)."""
    import torch

    from gm_core.maths import classifiers

    shared = classifiers.log_odds(*classifiers.fit_gaussians(x, y, shared=True, ridge=RIDGE))
    own = classifiers.log_odds(*classifiers.fit_gaussians(x, y, shared=False, ridge=RIDGE))
    w, b = classifiers.logistic_regression(x, y, decay=RIDGE)
    return shared, own, (torch.zeros_like(shared[0]), w, b)


@cache
def _fresh(truth: Truth, extra: int) -> tuple[torch.Tensor, torch.Tensor, float]:
    """Fresh examples as features (FRESH, ...), their classes, and how often the best rule errs on just these."""
    import torch

    x, y = draw(truth, extra, (FRESH,), torch.Generator().manual_seed(1))
    log_p = _log_joint(truth, x)
    missed = float(((log_p[:, 1] > log_p[:, 0]) != y.bool()).double().mean())
    return _features(x), y.bool(), missed


def _features(x: torch.Tensor) -> torch.Tensor:
    """1, all x_i and all x_i x_j, so that any quadratic log-odds are one product: (n, 1 + d + d^2), float32."""
    import torch

    pairs = (x[:, :, None] * x[:, None, :]).flatten(1)
    return torch.cat((torch.ones_like(x[:, :1]), x, pairs), 1).float()


def errors(truth: Truth, extra: int, rules: tuple[Rule, Rule, Rule]) -> torch.Tensor:
    """How often each rule errs on fresh data: (3, ...).

    Of a line exactly. A quadratic boundary is tried on fresh examples, on which the best rule is tried as well: what it
    does worse there is added to the least error, so that the luck of the fresh examples cancels.
    """
    import torch

    from gm_core.maths import classifiers

    at = parts_of(truth, extra)
    (_, w, b), (bend, v, c), (_, u, a) = rules
    lines = [
        classifiers.linear_error(w, b, at.means, at.covariances, at.weights, at.labels) for w, b in ((w, b), (u, a))
    ]
    features, y, missed = _fresh(truth, extra)
    weights = torch.cat((c[..., None], v, bend.flatten(-2)), -1).float()
    said = weights.flatten(0, -2) @ features.T > 0
    tried = (said != y).double().mean(1).reshape(c.shape)
    return torch.stack((lines[0], tried - missed + least_error(truth), lines[1]))


@dataclass(frozen=True, slots=True)
class CurveQuery(Query):
    """The learning curves for a truth, with `extra` coordinates that tell nothing."""

    truth: Truth = "shared"
    extra: int = 0


@dataclass(frozen=True, slots=True)
class CurveFrame(ConceptFrame):
    """Over numbers of examples (9,): the mean error of each of RULES over SEEDS training sets (3, 9) and its standard
    error (3, 9), NaN where it is still being computed."""

    n: Column
    mean: Column
    error: Column

    def columns(self) -> Columns:
        """The curves."""
        told: dict[str, Column] = {"n": self.n}
        for at, rule in enumerate(RULES):
            told |= {f"error ({rule})": self.mean[at], f"standard error ({rule})": self.error[at]}
        return told


_CURVES: dict[CurveQuery, CurveFrame] = {}
"""The curves that are known already: each takes a twentieth of a second, once."""


@answers_alone(CurveQuery)
def _curve(query: CurveQuery, rng: torch.Generator) -> Iterator[CurveFrame | None]:
    yield None
    yield from [_CURVES[query]] if query in _CURVES else _learned(query)
    for extra in range(IDLE + 1):  # while nobody asks anything else: all that a hand may choose next
        other = replace(query, extra=extra)
        if other not in _CURVES:
            for _ in _learned(other):
                yield None


def _learned(query: CurveQuery) -> Iterator[CurveFrame | None]:
    """The curves, one size of training set after another; None where a hand that moves on may be heard."""
    import torch

    rng = torch.Generator().manual_seed(query.seed)
    mean, error = np.full((2, len(RULES), len(SIZES)), np.nan)
    numbers = {"least": least_error(query.truth), "seeds": float(SEEDS)}
    for at, n in enumerate(SIZES):
        x, y = draw(query.truth, query.extra, (SEEDS, n), rng)
        yield None
        rules = fit(x, y)
        yield None
        found = errors(query.truth, query.extra, rules)
        mean[:, at], error[:, at] = found.mean(1).numpy(), (found.std(1) / math.sqrt(SEEDS)).numpy()
        frame = CurveFrame(numbers, np.array(SIZES), mean.copy(), error.copy())
        if n == SIZES[-1]:
            _CURVES[query] = frame
        yield frame


@dataclass(frozen=True, slots=True)
class FitQuery(Query):
    """One training set of n examples, and what the three ways make of it."""

    truth: Truth = "shared"
    extra: int = 0
    n: int = 32


@dataclass(frozen=True, slots=True)
class FitFrame(ConceptFrame):
    """The examples x (n, 2) and y (n,), and over a grid (SIDE, SIDE), row 0 lowest, the log-odds of each of RULES
    (3, SIDE, SIDE) and of the truth (SIDE, SIDE); further coordinates are 0 there."""

    x: Column
    y: Column
    odds: Column
    true_odds: Column

    def columns(self) -> Columns:
        """The examples."""
        return {"x1": self.x[:, 0], "x2": self.x[:, 1], "y": self.y}


@answers_alone(FitQuery)
def _fit(query: FitQuery, rng: torch.Generator) -> Iterator[FitFrame]:
    import torch

    x, y = draw(query.truth, query.extra, (query.n,), rng)
    rules = fit(x, y)
    found = errors(query.truth, query.extra, tuple(tuple(part[None] for part in rule) for rule in rules))[:, 0]  # type: ignore[arg-type]
    plane = _plane()
    odds = [torch.einsum("ni,ij,nj->n", plane, bend[:2, :2], plane) + plane @ w[:2] + b for bend, w, b in rules]
    log_p = _log_joint(query.truth, plane)
    numbers = {f"error_{rule}": float(value) for rule, value in zip(RULES, found)}
    yield FitFrame(
        numbers | {"n": float(query.n), "least": least_error(query.truth)},
        x[:, :2].numpy(),
        y.numpy(),
        torch.stack(odds).reshape(-1, SIDE, SIDE).numpy(),
        (log_p[:, 1] - log_p[:, 0]).reshape(SIDE, SIDE).numpy(),
    )


@cache
def _plane() -> torch.Tensor:
    import torch

    x0, x1, y0, y1 = REACH
    at = (2 * torch.arange(SIDE, dtype=torch.float64) + 1) / (2 * SIDE)
    across, up = torch.meshgrid(x0 + at * (x1 - x0), y0 + at * (y1 - y0), indexing="xy")
    return torch.stack((across, up), -1).reshape(-1, 2)
