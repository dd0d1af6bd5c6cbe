"""The hand that draws: what each tool makes of places that the pointer passes. No Qt."""

from __future__ import annotations

import math

import numpy as np

from app.widgets.history import History
from app.widgets.sketchmarks import (
    Mark,
    Marks,
    dragged,
    extent,
    find,
    handles,
    moved,
    points_of,
    rubbed,
    simplified,
    with_points,
)

DROPS = 6
FINEST = 0.05
GRAB = 9.0
"""Pixels within which a handle is taken hold of."""
STEP = 2.0
"""Pixels that the pointer must go for another point of a stroke."""


class Hand:
    """Tool, pen and class in use, the marks with their past, and the mark that is being made.

    Places are in units of the plane; `unit` is how many pixels one of them has. `begin`, `go_on` and `finish` follow
    the pointer while it is pressed: together they are one step of the past.
    """

    def __init__(self) -> None:
        self.history: History[Marks] = History(())
        self.tool = "brush"
        self.width, self.density, self.label = 0.3, 1.0, 0
        self.mirror, self.text = "none", "hello"
        self.chosen = -1
        self.making: Mark | None = None
        self._path: list[tuple[float, float]] = []
        self._grip: tuple[str, float, float] | None = None
        self._rng = np.random.default_rng(0)

    @property
    def marks(self) -> Marks:
        """All marks, the uppermost last."""
        return self.history.now

    def new(self, kind: str, **more: object) -> Mark:
        """A mark of the class and mirror in use."""
        return {"kind": kind, "label": self.label, "weight": 1.0, "mirror": self.mirror, **more}

    def weighed(self, mark: Mark) -> Mark:
        """The mark with the weight that its size and the density give it."""
        return {**mark, "weight": round(max(1e-6, self.density * extent(mark)), 4)}

    def replaced(self, at: int, mark: Mark) -> Marks:
        """All marks with one of them changed."""
        return (*self.marks[:at], mark, *self.marks[at + 1 :])

    def without_chosen(self) -> Marks:
        """All marks but the chosen one."""
        return self.marks[: self.chosen] + self.marks[self.chosen + 1 :]

    def begin(self, x: float, y: float, unit: float) -> None:
        """The pointer is pressed."""
        self.history.begin()
        at = [round(x, 3), round(y, 3)]
        if self.tool == "brush":
            self._path = [(x, y)]
            self.making = self.new("brush", width=round(self.width, 3), points=[x, y])
        elif self.tool == "spray":
            self._path = []
            self.making = self.new("spray", width=round(max(FINEST, self.width / 4), 3), points=[])
            self.drop(x, y)
        elif self.tool == "points":
            self._add_point(x, y)
        elif self.tool == "gaussian":
            self.making = self.new("gaussian", at=at, axes=[round(self.width, 3)] * 2)
        elif self.tool == "text" and self.text.strip():
            self.history.put((*self.marks, self.weighed(self.new("text", text=self.text.strip(), size=1.5, at=at))))
        elif self.tool == "erase":
            self.history.put(rubbed(self.marks, x, y, self.width / 2))
        elif self.tool == "select":
            self._grab(x, y, unit)

    def _add_point(self, x: float, y: float) -> None:
        """One more point to the list of points on top, if that is of the same class and width, else a new list."""
        fresh = self.new("points", width=round(self.width, 3), points=[round(x, 3), round(y, 3)])
        last = self.marks[-1] if self.marks else fresh
        alike = self.marks and all(last.get(name) == fresh[name] for name in ("kind", "label", "mirror", "width"))
        if alike:
            grown = with_points(last, np.concatenate([points_of(last), [[x, y]]]))
            self.history.put((*self.marks[:-1], self.weighed(grown)))
        else:
            self.history.put((*self.marks, self.weighed(fresh)))

    def drop(self, x: float, y: float) -> None:
        """A few more drops of the spray around a place."""
        if self.making is not None and self.making["kind"] == "spray":
            self._path += [(x + dx, y + dy) for dx, dy in self._rng.normal(0, self.width, (DROPS, 2)).tolist()]
            self.making = with_points(self.making, np.array(self._path))

    def _grab(self, x: float, y: float, unit: float) -> None:
        """Take hold of a handle of the chosen mark, or of the mark at a place."""
        if self.chosen >= 0:
            for name, (hx, hy) in handles(self.marks[self.chosen]).items():
                if math.hypot(hx - x, hy - y) < GRAB / unit:
                    self._grip = (name, x, y)
                    return
        self.chosen = find(self.marks, x, y, GRAB / unit / 3)
        self._grip = ("move", x, y) if self.chosen >= 0 else None

    def go_on(self, x: float, y: float, unit: float) -> None:
        """The pointer moves while it is pressed."""
        if self.tool == "erase":
            self.history.put(rubbed(self.marks, x, y, self.width / 2))
        elif self.tool == "select":
            self._drag(x, y)
        elif self.making is not None and self.tool == "brush":
            if math.hypot(x - self._path[-1][0], y - self._path[-1][1]) * unit >= STEP:
                self._path.append((x, y))
                self.making = {**self.making, "points": np.array(self._path).ravel().tolist()}
        elif self.making is not None and self.tool == "gaussian":
            at = self.making["at"]
            far = round(min(10.0, max(FINEST, math.hypot(x - at[0], y - at[1]))), 3)
            self.making = {**self.making, "axes": [far, far]}

    def _drag(self, x: float, y: float) -> None:
        if self._grip is None or self.chosen < 0:
            return
        name, was_x, was_y = self._grip
        mark = self.marks[self.chosen]
        made = moved(mark, x - was_x, y - was_y) if name == "move" else dragged(mark, name, x, y)
        self.history.put(self.replaced(self.chosen, made))
        self._grip = (name, x, y)

    def finish(self) -> bool:
        """The pointer is let go; whether anything has changed since it was pressed."""
        made, self.making, self._grip = self.making, None, None
        if made is not None:
            if made["kind"] == "brush":
                made = with_points(made, simplified(np.array(self._path), self.width / 20))
            self.history.put((*self.marks, self.weighed(made)))
        return self.history.end()
