"""Toys as drawings: the marks that make the same distribution where there are any, else a spray of its examples."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from gm_core.capabilities.base import answers_alone
from gm_core.capabilities.glimpse import Glimpse, GlimpseQuery, Traced, TraceQuery
from gm_core.data.base import Data
from gm_core.data.drawn import Drawn
from gm_core.data.drawn_marks import LARGEST
from gm_core.data.exact import Blobs, Curves, Plane
from gm_core.data.exact_forms import Board, Circles, Normal
from gm_core.data.registry import make_data
from gm_core.spec import SpecError

PLACES = 60
"""Points of the path along a curve."""
DROPS = 1000
"""Examples that stand for a toy that is no mixture of Gaussians."""


def truth_of(data: Data) -> Plane:
    """The exact distribution of data on the plane; raises SpecError where there is none."""
    if not isinstance(data.exact, Plane):
        raise SpecError("data.kind", f"{data.card.title} has no known density on the plane; choose a toy such as moons")
    return data.exact


@answers_alone(GlimpseQuery)
def glimpse(query: GlimpseQuery, rng: torch.Generator) -> Iterator[Glimpse | None]:
    """The density on a grid, a few rows at a time."""
    data = make_data(query.data)
    exact = truth_of(data)
    x0, x1, y0, y1 = query.box
    across, up = torch.linspace(x0, x1, query.size), torch.linspace(y0, y1, query.size)
    rows = []
    for part in up.split(16):
        points = torch.stack(torch.meshgrid(across, part, indexing="xy"), -1).reshape(-1, 2).double()
        rows.append(exact.log_prob(points).reshape(len(part), query.size))
        yield None
    yield Glimpse(torch.cat(rows).float().cpu().numpy(), query.box, data.card)


@answers_alone(TraceQuery)
def trace(query: TraceQuery, rng: torch.Generator) -> Iterator[Traced]:
    """The marks of a toy."""
    data = make_data(query.data)
    marks, exact = marks_of(data, rng)
    yield Traced(tuple(marks), float(data.card.range[1]), data.card.classes, exact)


def marks_of(data: Data, rng: torch.Generator) -> tuple[list[dict[str, Any]], bool]:
    """The marks, and whether they are the same distribution."""
    truth = truth_of(data)
    if isinstance(data, Drawn):
        return [mark.plain() for mark in data.spec.marks], True  # type: ignore[attr-defined]  # a DrawnSpec
    if isinstance(truth, Curves):
        return [_stroke(truth, number) for number in range(len(truth.curves))], False
    if isinstance(truth, Blobs) and len(truth.centres) <= 400:
        parts = zip(truth.centres.tolist(), truth.weights.tolist(), strict=True)
        labelled = len(data.card.classes) == len(truth.centres)
        axes = [_short(truth.sigma)] * 2
        return [
            {"kind": "gaussian", "label": k if labelled and k < 64 else 0, "weight": weight * len(truth.centres),
             "at": [_short(x) for x in centre], "axes": axes}
            for k, (centre, weight) in enumerate(parts) if weight > 0
        ], True  # fmt: skip
    if isinstance(truth, Normal):
        return [_bell(truth)], True
    if isinstance(truth, Circles):
        return [_circle(float(radius), truth.sigma, k) for k, radius in enumerate(truth.radii)], False
    if isinstance(truth, Board):
        return [_board(truth)], False
    x, y = truth.draw(DROPS, rng)
    kinds = range(len(data.card.classes) or 1)
    drops = [(k, x[y == k] if data.card.classes else x) for k in kinds]
    return [_spray(some, k) for k, some in drops if len(some)], False


def _stroke(truth: Curves, number: int) -> dict[str, Any]:
    """One curve as a stroke whose width is its noise."""
    t = torch.linspace(-1, 1, PLACES, dtype=torch.float64)
    path = truth.curves[number](t)
    return {"kind": "brush", "label": number, "weight": 1.0, "width": _short(2 * truth.sigma), "points": _flat(path)}


def _circle(radius: float, sigma: float, label: int) -> dict[str, Any]:
    """A circle as a closed stroke."""
    turn = torch.linspace(0, 2 * math.pi, PLACES + 1, dtype=torch.float64)
    path = radius * torch.stack([turn.cos(), turn.sin()], 1)
    return {"kind": "brush", "label": label, "weight": 1.0, "width": _short(2 * sigma), "points": _flat(path)}


def _board(truth: Board) -> dict[str, Any]:
    """A checkerboard as a picture, whose edges are as soft as its pixels are wide."""
    columns = truth.cells * max(1, LARGEST // truth.cells)
    size = truth.cells * truth.side
    line = ((torch.arange(columns, dtype=torch.float64) + 0.5) / columns - 0.5) * size
    places = torch.stack(torch.meshgrid(line, line.flip(0), indexing="xy"), -1).reshape(-1, 2)
    ink = "".join("f" if black else "0" for black in truth.log_prob(places).isfinite().tolist())
    return {"kind": "picture", "weight": 1.0, "columns": columns, "ink": ink, "size": _short(size)}


def _spray(drops: Tensor, label: int) -> dict[str, Any]:
    """Examples as drops, narrower than Silverman's rule has it for one round cloud: the arms of a shape are thinner."""
    width = max(0.02, 0.6 * float(drops.std()) * math.exp(-math.log(len(drops)) / 6))
    weight = len(drops) / DROPS
    return {"kind": "spray", "label": label, "weight": weight, "width": _short(width), "points": _flat(drops)}


def _bell(truth: Normal) -> dict[str, Any]:
    """One Gaussian by its axes: eigenvectors of the covariance."""
    sizes, axes = torch.linalg.eigh(truth.factor @ truth.factor.T)
    long = axes[:, 1]
    return {
        "kind": "gaussian",
        "at": [_short(x) for x in truth.mean.tolist()],
        "axes": [_short(math.sqrt(size), 6) for size in reversed(sizes.tolist())],
        "angle": _short(math.degrees(math.atan2(float(long[1]), float(long[0]))), 6),
    }


def _flat(points: Tensor) -> list[float]:
    return [_short(x) for x in points.flatten().tolist()]


def _short(x: float, digits: int = 4) -> float:
    return round(float(x), digits)
