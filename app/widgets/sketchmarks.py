"""What a drawing of a distribution is made of: marks, how they are hit, moved and rubbed out, and their past. No Qt.

A mark is a plain mapping, as the data set "drawn" reads it: `kind` brush, spray, points, gaussian, text or picture,
`label`, `weight`, `mirror`, and its places in units of the plane. Marks are never changed in place.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

import numpy as np

Mark = Mapping[str, Any]
Marks = tuple[Mark, ...]
Place = tuple[float, float]

PATHS = frozenset({"brush", "spray", "points"})
"""Kinds that are lists of points; the others have one place, `at`."""
LETTER_WIDE, LETTER_HIGH = 0.58, 0.78
"""About how wide and high a letter is, in sizes of its font; good enough to be hit."""


def points_of(mark: Mark) -> np.ndarray:
    """The points (n, 2) of a stroke, spray or list of points."""
    return np.array(mark.get("points", ()), float).reshape(-1, 2)


def with_points(mark: Mark, points: np.ndarray) -> Mark:
    """The same mark with other points, written short."""
    return {**mark, "points": [round(float(x), 3) for x in np.asarray(points).ravel()]}


def length(points: np.ndarray) -> float:
    """How long a path is."""
    return float(np.hypot(*np.diff(points, axis=0).T).sum()) if len(points) > 1 else 0.0


def extent(mark: Mark) -> float:
    """How much a mark weighs at density 1: about how much room it takes, so that equal density looks equally dark."""
    kind = mark["kind"]
    if kind == "brush":
        return length(points_of(mark)) + float(mark["width"])
    if kind in PATHS:
        return 0.25 * len(points_of(mark))
    if kind == "gaussian":
        return 2.0 * sum(map(float, mark["axes"]))
    wide, high = half_box(mark)
    return 4.0 * (wide + high) / 2


def copies(mark: Mark) -> list[Place]:
    """The signs of x and y of a mark and its mirror images; the mark itself first."""
    across = (1.0, -1.0) if mark.get("mirror") in ("x", "both") else (1.0,)
    up = (1.0, -1.0) if mark.get("mirror") in ("y", "both") else (1.0,)
    return [(x, y) for y in up for x in across]


def half_box(mark: Mark) -> Place:
    """Half the width and height of a text or picture before it is turned."""
    size = float(mark["size"])
    if mark["kind"] == "picture":
        rows = max(1, len(mark["ink"]) // int(mark["columns"]))
        return size / 2, size * rows / int(mark["columns"]) / 2
    return LETTER_WIDE * size * max(1, len(mark["text"])) / 2, LETTER_HIGH * size / 2


def turned(x: float, y: float, degrees: float) -> Place:
    """A place turned about the middle, counter-clockwise."""
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return c * x - s * y, s * x + c * y


def moved(mark: Mark, dx: float, dy: float) -> Mark:
    """The same mark elsewhere."""
    if mark["kind"] in PATHS:
        return with_points(mark, points_of(mark) + np.array([dx, dy]))
    x, y = mark["at"]
    return {**mark, "at": [round(x + dx, 3), round(y + dy, 3)]}


def distance(path: np.ndarray, x: float, y: float) -> float:
    """How far a place is from a path of straight pieces (n, 2)."""
    if len(path) == 1:
        return float(np.hypot(*(path[0] - (x, y))))
    a, d = path[:-1], np.diff(path, axis=0)
    long = np.maximum((d**2).sum(1), 1e-12)
    t = np.clip((((x, y) - a) * d).sum(1) / long, 0, 1)
    return float(np.hypot(*(a + t[:, None] * d - (x, y)).T).min())


def hit(mark: Mark, x: float, y: float, slack: float) -> bool:
    """Whether a place is on a mark, or nearer than `slack` to it."""
    kind = mark["kind"]
    if kind == "brush":
        return distance(points_of(mark), x, y) < float(mark["width"]) / 2 + slack
    if kind in PATHS:
        far = np.hypot(*(points_of(mark) - (x, y)).T)
        return bool((far < float(mark["width"]) / 2 + slack).any())
    at = mark["at"]
    u, v = turned(x - at[0], y - at[1], -float(mark.get("angle", 0.0)))
    if kind == "gaussian":
        a, b = mark["axes"]
        return math.hypot(u / (1.5 * a + slack), v / (1.5 * b + slack)) < 1
    wide, high = half_box(mark)
    return abs(u) < wide + slack and abs(v) < high + slack


def find(marks: Marks, x: float, y: float, slack: float) -> int:
    """The uppermost mark at a place, or -1."""
    return next((i for i in reversed(range(len(marks))) if hit(marks[i], x, y, slack)), -1)


def handles(mark: Mark) -> dict[str, Place]:
    """The places by which a mark can be stretched and turned: the ends of its axes, or the end of its line."""
    if mark["kind"] in PATHS:
        return {}
    (x, y), angle = mark["at"], float(mark.get("angle", 0.0))
    if mark["kind"] == "gaussian":
        a, b = mark["axes"]
        (ax, ay), (bx, by) = turned(a, 0, angle), turned(0, b, angle)
        return {"first": (x + ax, y + ay), "second": (x + bx, y + by)}
    dx, dy = turned(half_box(mark)[0], 0, angle)
    return {"size": (x + dx, y + dy)}


def dragged(mark: Mark, handle: str, x: float, y: float) -> Mark:
    """The mark after one of its handles was drawn to a place."""
    dx, dy = x - mark["at"][0], y - mark["at"][1]
    far, angle = math.hypot(dx, dy), math.degrees(math.atan2(dy, dx))
    if handle == "size":
        size = float(mark["size"]) * far / half_box(mark)[0]
        return {**mark, "size": round(min(20.0, max(0.2, size)), 3), "angle": round(angle, 1)}
    at = 0 if handle == "first" else 1
    axes = list(mark["axes"])
    axes[at] = round(min(10.0, max(0.02, far)), 3)
    return {**mark, "axes": axes, "angle": round((angle - 90 * at + 180) % 360 - 180, 1)}


def rubbed(marks: Marks, x: float, y: float, radius: float) -> Marks:
    """The marks without what an eraser at a place takes away; a stroke falls apart, and its parts share its weight."""
    return tuple(left for mark in marks for left in _rubbed(mark, x, y, radius))


def _rubbed(mark: Mark, x: float, y: float, radius: float) -> Iterator[Mark]:
    kind = mark["kind"]
    if kind not in PATHS:
        if kind == "picture":
            yield from _rubbed_picture(mark, x, y, radius)
        elif not hit(mark, x, y, radius / 2):
            yield mark
        return
    points = points_of(mark)
    if kind == "brush":
        if distance(points, x, y) >= radius:
            yield mark
            return
        points = evenly(points, radius / 4)
    kept = np.hypot(*(points - (x, y)).T) >= radius
    if kept.all():
        yield mark
    elif kind == "brush":
        whole = extent(mark)
        for piece in np.split(np.arange(len(points)), np.flatnonzero(np.diff(kept)) + 1):
            if len(piece) > 1 and kept[piece[0]]:
                part = with_points(mark, simplified(points[piece], float(mark["width"]) / 20))
                yield {**part, "weight": mark["weight"] * min(1.0, extent(part) / whole)}
    elif kept.any():
        yield {**with_points(mark, points[kept]), "weight": mark["weight"] * float(kept.mean())}


def _rubbed_picture(mark: Mark, x: float, y: float, radius: float) -> Iterator[Mark]:
    columns = int(mark["columns"])
    places = pixels(mark)
    away = np.hypot(*(places - (x, y)).T) < radius
    if not away.any():
        yield mark
        return
    ink = "".join("0" if gone else digit for digit, gone in zip(mark["ink"], away, strict=True))
    if ink.strip("0"):
        before, after = (sum(int(d, 16) for d in text) for text in (mark["ink"], ink))
        yield {**mark, "ink": ink, "columns": columns, "weight": mark["weight"] * after / before}


def pixels(mark: Mark) -> np.ndarray:
    """The middles (n, 2) of a picture's pixels on the plane, row by row from the top."""
    columns = int(mark["columns"])
    rows = len(mark["ink"]) // columns
    side, angle = float(mark["size"]) / columns, math.radians(float(mark.get("angle", 0.0)))
    v, u = np.mgrid[0:rows, 0:columns].reshape(2, -1).astype(float)
    u, v = (u - (columns - 1) / 2) * side, ((rows - 1) / 2 - v) * side
    c, s = math.cos(angle), math.sin(angle)
    return np.stack([c * u - s * v, s * u + c * v], 1) + np.array(mark["at"], float)


def evenly(points: np.ndarray, step: float) -> np.ndarray:
    """A path with points at most `step` apart."""
    if len(points) < 2:
        return points
    made = [points[:1]]
    for a, b in pairwise(points):
        n = max(1, math.ceil(float(np.hypot(*(b - a))) / step))
        made.append(a + (b - a) * (np.arange(1, n + 1) / n)[:, None])
    return np.concatenate(made)


def simplified(points: np.ndarray, tolerance: float) -> np.ndarray:
    """A path with as few of its points as keep it within a tolerance (Ramer 1972, Douglas & Peucker 1973)."""
    if len(points) < 3:
        return points
    kept = np.zeros(len(points), bool)
    kept[[0, -1]] = True
    waiting = [(0, len(points) - 1)]
    while waiting:
        first, last = waiting.pop()
        inner = points[first + 1 : last]
        if not len(inner):
            continue
        chord = points[last] - points[first]
        long = float(np.hypot(*chord))
        off = inner - points[first]
        far = np.abs(chord[0] * off[:, 1] - chord[1] * off[:, 0]) / long if long > 1e-9 else np.hypot(*off.T)
        at = int(far.argmax())
        if far[at] > tolerance:
            kept[first + 1 + at] = True
            waiting += [(first, first + 1 + at), (first + 1 + at, last)]
    return points[kept]


def ink_of(picture: np.ndarray) -> tuple[str, int]:
    """A picture uint8 (h, w), white on black, as digits of ink and the number of its columns."""
    levels = (np.asarray(picture, float) / 255 * 15).round().astype(int)
    return "".join(f"{level:x}" for level in levels.ravel()), int(picture.shape[1])
