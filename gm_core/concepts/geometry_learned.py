"""What trained autoencoders do on the plane, from shipped arrays: denoising, contractive, and with one number as code.

    denoising     r(x) - x estimates sigma^2 grad ln p_sigma(x)      (Vincent 2011; Alain & Bengio 2014)
    contractive   min E|x - r(x)|^2 + lambda E||df/dx||_F^2          (Rifai et al. 2011, eq. 5)
    bottleneck    r(x) = g(h(x)) with one number h: all that it can give back lies on the curve g

packaging/make_concept_arrays.py trained them; nothing is trained here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from gm_core.concepts.base import Column, Columns, ConceptFrame, Floats, Query, answers_alone
from gm_core.concepts.geometry import climb, law_of, spread_points
from gm_core.concepts.geometry_shapes import SHAPES, Shape, between, exact_of, shipped

if TYPE_CHECKING:
    import torch

FINE = 61
ARROWS = 16
STEPS = 30
STARTS = 18
EXAMPLES = 1000
REST = 12
"""So many times points are handed to an autoencoder to see where they gather."""


@dataclass(frozen=True, slots=True)
class LearnedQuery(Query):
    """A denoising autoencoder trained on a shape with the `level`-th amount of noise, beside the best denoiser."""

    shape: Shape = "moons"
    level: int = 3
    probe: tuple[float, float] = (-1.5, -1.2)


@dataclass(frozen=True, slots=True)
class LearnedFrame(ConceptFrame):
    """Points (a, 2) with their learned and their best moves (a, 2); |learned - best| over the plane (FINE, FINE), row
    0 lowest; the ways of the point when denoised again and again, learned and best (STEPS + 1, 2). By amount of noise
    (k,): the noise, and the parts of the best moves that were missed, E|learned - best|^2 / E|best|^2 under p_sigma."""

    points: Column
    learned: Column
    best: Column
    gap: Column
    way: Column
    best_way: Column
    noises: Column
    missed: Column

    def columns(self) -> Columns:
        """Both ways, and what was missed by noise."""
        return {
            "learned x1": self.way[:, 0], "learned x2": self.way[:, 1], "best x1": self.best_way[:, 0],
            "best x2": self.best_way[:, 1], "sigma": self.noises, "missed": self.missed,
        }  # fmt: skip


@answers_alone(LearnedQuery)
def _learned(query: LearnedQuery, rng: torch.Generator) -> Iterator[LearnedFrame | None]:
    import torch

    arrays, at = shipped("denoising"), SHAPES.index(query.shape)
    noises = arrays["strengths"]
    level = min(max(query.level, 1), len(noises)) - 1
    sigma, field = float(noises[level]), arrays["field"][at, level]
    missed = arrays["missed"][at]
    gap = _gap(query.shape, level)
    yield None
    points = spread_points(ARROWS)
    start = torch.tensor([query.probe], dtype=torch.float64)
    best_way = climb(query.shape, sigma, start, STEPS)[:, 0].numpy()
    way = again(field, np.array([query.probe]), STEPS)[:, 0]
    move, best = way[1] - way[0], best_way[1] - best_way[0]
    numbers = {
        "sigma": sigma, "learned_1": float(move[0]), "learned_2": float(move[1]), "best_1": float(best[0]),
        "best_2": float(best[1]), "gap": float(np.hypot(*(move - best))), "missed": float(missed[level]),
    }  # fmt: skip
    yield LearnedFrame(
        numbers,
        points.numpy(),
        between(field, points.numpy()),
        (sigma**2 * law_of(query.shape, sigma).score(points)).numpy(),
        gap,
        way,
        best_way,
        noises,
        missed,
    )


@lru_cache(maxsize=2 * 6)
def _gap(shape: Shape, level: int) -> Floats:
    """|learned - best| over the plane (FINE, FINE), row 0 lowest; kept, since a point is dragged far more often."""
    arrays, x = shipped("denoising"), spread_points(FINE)
    sigma = float(arrays["strengths"][level])
    best = (sigma**2 * law_of(shape, sigma).score(x)).numpy()
    learned = between(arrays["field"][SHAPES.index(shape), level], x.numpy())
    gap: Floats = np.linalg.norm(learned - best, axis=1).reshape(FINE, FINE)
    return gap


def again(field: Floats, x: Floats, times: int) -> Floats:
    """The way of points (n, 2) through a field (side, side, 2) of moves, step by step: (times + 1, n, 2)."""
    way = [np.asarray(x, float)]
    for _ in range(times):
        way.append(way[-1] + between(field, way[-1]))
    return np.stack(way)


@dataclass(frozen=True, slots=True)
class ContractiveQuery(Query):
    """A contractive autoencoder trained on a shape with the `level`-th penalty, looked at from a point."""

    shape: Shape = "circle"
    level: int = 4
    probe: tuple[float, float] = (1.0, 0.9)


@dataclass(frozen=True, slots=True)
class ContractiveFrame(ConceptFrame):
    """Points (a, 2) with r(x) - x (a, 2); both singular values of the encoder's Jacobian over the plane
    (side, side, 2), row 0 lowest; where points come to rest when they are handed to it again and again (n, 2). By
    penalty (k,): mean singular values over examples, of the encoder (k, 2) and of the whole map x -> r(x) (k, 2)."""

    points: Column
    moves: Column
    singular: Column
    rest: Column
    penalties: Column
    encoder: Column
    whole: Column

    def columns(self) -> Columns:
        """The singular values by penalty."""
        return {
            "lambda": self.penalties, "encoder 1": self.encoder[:, 0], "encoder 2": self.encoder[:, 1],
            "whole 1": self.whole[:, 0], "whole 2": self.whole[:, 1],
        }  # fmt: skip


@answers_alone(ContractiveQuery)
def _contractive(query: ContractiveQuery, rng: torch.Generator) -> Iterator[ContractiveFrame]:
    arrays, at = shipped("contractive"), SHAPES.index(query.shape)
    penalties = arrays["strengths"]
    level = min(max(query.level, 1), len(penalties)) - 1
    field, singular = arrays["field"][at, level], arrays["singular"][at, level]
    probe = np.array([query.probe])
    points = spread_points(ARROWS).numpy()
    here = between(singular, probe)[0]
    means, whole = arrays["encoder_mean"][at], arrays["whole_mean"][at]
    moved = between(field, _examples(query.shape))
    numbers = {
        "penalty": float(penalties[level]), "along": float(here[0]), "across": float(here[1]),
        "angle": float(_angle(arrays["angle"][at, level], probe)[0]), "ratio": float(here[1] / here[0]),
        "squared": float(np.square(here).sum()), "error": float(np.square(moved).sum(1).mean()),
        "mean_along": float(means[level, 0]), "mean_across": float(means[level, 1]),
        "whole_along": float(whole[level, 0]), "whole_across": float(whole[level, 1]),
    }  # fmt: skip
    yield ContractiveFrame(
        numbers,
        points,
        between(field, points),
        singular,
        _resting(query.shape, level),
        penalties,
        means,
        whole,
    )


def _angle(angle: Floats, at: Floats) -> Floats:
    """Angles of directions (side, side) between the points of the grid; a direction and its opposite are the same."""
    doubled = np.stack((np.cos(2 * angle), np.sin(2 * angle)), -1)
    met = between(doubled, at)
    result: Floats = np.arctan2(met[:, 1], met[:, 0]) / 2
    return result


@lru_cache(maxsize=2 * 6)
def _resting(shape: Shape, level: int) -> Floats:
    """Where points of a grid come to rest."""
    field = shipped("contractive")["field"][SHAPES.index(shape), level]
    rest: Floats = again(field, spread_points(STARTS, 0.9).numpy(), REST)[-1]
    return rest


@lru_cache(maxsize=2)
def _examples(shape: Shape) -> Floats:
    """Examples of a shape, always the same."""
    import torch

    drawn: Floats = exact_of(shape).sample(EXAMPLES, torch.Generator().manual_seed(0)).double().numpy()
    return drawn


@dataclass(frozen=True, slots=True)
class BottleneckQuery(Query):
    """An autoencoder whose code is one number, told as the share of the decoder's curve before it."""

    shape: Shape = "circle"
    probe: tuple[float, float] = (0.4, 0.9)
    code: float = 0.3


@dataclass(frozen=True, slots=True)
class BottleneckFrame(ConceptFrame):
    """The decoder's curve (n, 2) by code (n,); the code of every place (side, side), row 0 lowest; |x - r(x)| over
    the plane (side, side); and examples (m, 2) with what comes back for them (m, 2)."""

    codes: Column
    curve: Column
    code_map: Column
    error_map: Column
    examples: Column
    back: Column

    def columns(self) -> Columns:
        """The curve."""
        return {"code": self.codes, "x1": self.curve[:, 0], "x2": self.curve[:, 1]}


@answers_alone(BottleneckQuery)
def _bottleneck(query: BottleneckQuery, rng: torch.Generator) -> Iterator[BottleneckFrame]:
    arrays, at = shipped("bottleneck"), SHAPES.index(query.shape)
    field, code_map, curve = arrays["field"][at], arrays["codes"][at], arrays["curve"][at]
    probe = np.array([query.probe])
    back = (probe + between(field, probe))[0]
    codes = np.linspace(0.0, 1.0, len(curve))
    examples = _examples(query.shape)
    given = examples + between(field, examples)
    off = np.linalg.norm(given - examples, axis=1)
    numbers = {
        "x_1": query.probe[0], "x_2": query.probe[1], "h": float(between(code_map[..., None], probe)[0, 0]),
        "r_1": float(back[0]), "r_2": float(back[1]), "error": float(np.hypot(*(back - probe[0]))),
        "nearest": float(np.linalg.norm(curve - probe, axis=1).min()), "mean_error": float(off.mean()),
        "worst": float(off.max()), "g_1": float(np.interp(query.code, codes, curve[:, 0])),
        "g_2": float(np.interp(query.code, codes, curve[:, 1])), "code": query.code,
    }  # fmt: skip
    yield BottleneckFrame(numbers, codes, curve, code_map, np.linalg.norm(field, axis=-1), examples[:400], given[:400])
