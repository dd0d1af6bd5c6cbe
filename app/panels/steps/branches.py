"""The tree of ways that were tried: each branch leaves its parent at a moment and changes something. Without Qt.

A branch holds no pictures: it is told by its changes, and the worker draws it again from them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from gm_core import api

ROOT = 0


@dataclass(frozen=True)
class Paint:
    """What was painted: flat places in one example of a shape, for some samples, and the values put there.

    A place is a pixel, counted row by row, with a value a channel; or the whole of a point, place 0.
    """

    shape: tuple[int, ...]
    samples: tuple[int, ...]
    places: tuple[int, ...]
    values: tuple[tuple[float, ...], ...]

    def arrays(self, n: int) -> tuple[np.ndarray, np.ndarray] | None:
        """Paint and mask for n samples as a Turn has them; None where nothing of it is left."""
        kept = [i for i, sample in enumerate(self.samples) if sample < n]
        if not kept:
            return None
        samples = np.array(self.samples)[kept]
        values = np.array(self.values)[kept]
        if len(self.shape) == 1:
            paint, mask = np.zeros((n, *self.shape), np.float32), np.zeros((n, *self.shape), bool)
            paint[samples], mask[samples] = values, True
            return paint, mask
        h, w, c = self.shape
        places = np.array(self.places)[kept]
        flat, mask = np.zeros((n, h * w, c), np.uint8), np.zeros((n, h * w), bool)
        flat[samples, places], mask[samples, places] = values, True
        return flat.reshape(n, h, w, c), mask.reshape(n, h, w)


@dataclass(frozen=True)
class Change:
    """What a branch changes from a moment on; what is left out stays as it was."""

    progress: float
    seed: int = 0
    guidance: float | None = None
    y: int | None = None
    mix: tuple[float, ...] = ()
    paint: Paint | None = None

    def turn(self, n: int, shape: tuple[int, ...]) -> api.Turn:
        """The same as a turn of n examples of a shape; paint for another shape is left out."""
        found = self.paint.arrays(n) if self.paint is not None and self.paint.shape == shape else None
        paint, mask = found if found is not None else (None, None)
        return api.Turn(self.progress, self.seed, "", 0, self.guidance, self.y, self.mix, paint, mask)

    def words(self, classes: Sequence[str]) -> str:
        """What is changed, in a few words."""
        parts = []
        if self.paint is not None:
            parts.append("painted" if len(self.paint.shape) > 1 else "moved")
        if self.y is not None:
            parts.append(f"class {classes[self.y]}" if self.y < len(classes) else f"class {self.y}")
        if self.mix:
            parts.append("no class" if self.mix[-1] == sum(self.mix) else "mixed classes")
        if self.guidance is not None:
            parts.append(f"guidance {self.guidance:g}")
        return ", ".join(parts or ["new noise"])


@dataclass(frozen=True)
class Branch:
    """One way of the tree; the first has no parent and changes nothing."""

    number: int
    parent: int | None = None
    change: Change | None = None

    @property
    def progress(self) -> float:
        """Where it leaves its parent."""
        return self.change.progress if self.change is not None else 0.0


@dataclass
class Branches:
    """The tree, and the branch in front."""

    all: dict[int, Branch] = field(default_factory=lambda: {ROOT: Branch(ROOT)})
    front: int = ROOT

    def clear(self) -> None:
        """Only the way itself is left."""
        self.all, self.front = {ROOT: Branch(ROOT)}, ROOT

    def fork(self, change: Change) -> Branch:
        """A branch of the way in front; it leaves the branch that this way is at that moment."""
        parent = self.front
        while parent != ROOT and self.all[parent].progress > change.progress + 1e-9:
            parent = self.all[parent].parent or ROOT
        made = Branch(max(self.all) + 1, parent, change)
        self.all[made.number] = made
        self.front = made.number
        return made

    def path(self, number: int | None = None) -> list[Branch]:
        """The branches from the first to one (the front)."""
        found = [self.all[self.front if number is None else number]]
        while found[0].parent is not None:
            found.insert(0, self.all[found[0].parent])
        return found

    def turns(self, n: int, shape: tuple[int, ...]) -> tuple[api.Turn, ...]:
        """What leads to the branch in front."""
        return tuple(branch.change.turn(n, shape) for branch in self.path() if branch.change is not None)

    def remove(self, number: int) -> None:
        """Take a branch away with all that grew on it; its parent comes to the front if it was there."""
        if number == ROOT or number not in self.all:
            return
        gone = {number}
        for branch in sorted(self.all.values(), key=lambda b: b.number):
            if branch.parent in gone:
                gone.add(branch.number)
        if self.front in gone:
            self.front = self.all[number].parent or ROOT
        self.all = {key: branch for key, branch in self.all.items() if key not in gone}

    def rows(self) -> list[Branch]:
        """All branches from top to bottom: each below what it grew on, later forks first, so that no lines cross."""
        made: list[Branch] = []

        def visit(branch: Branch) -> None:
            made.append(branch)
            grown = [child for child in self.all.values() if child.parent == branch.number]
            for child in sorted(grown, key=lambda b: (-b.progress, b.number)):
                visit(child)

        visit(self.all[ROOT])
        return made

    # ---- as text, for what is remembered

    def texts(self) -> tuple[str, ...]:
        """Every branch but the first, as JSON."""
        made = []
        for branch in self.all.values():
            if branch.change is not None:
                changed = {k: v for k, v in asdict(branch.change).items() if v not in (None, ())}
                made.append(json.dumps({"number": branch.number, "parent": branch.parent, **changed}))
        return tuple(made)

    def read(self, texts: Sequence[str], front: int) -> None:
        """Take the branches of `texts()` back; what cannot be read is left out, with all that grew on it."""
        self.clear()
        for text in texts:
            try:
                found: dict[str, Any] = json.loads(text)
                number, parent = int(found.pop("number")), int(found.pop("parent"))
                change = _change(found)
            except (ValueError, KeyError, TypeError):
                continue
            if parent in self.all and number not in self.all and 0.0 <= change.progress <= 1.0:
                self.all[number] = Branch(number, parent, change)
        self.front = front if front in self.all else ROOT


def _change(found: dict[str, Any]) -> Change:
    made = Change(**{**found, "mix": tuple(found.get("mix", ()))})
    if made.paint is None:
        return made
    kept = dict(found["paint"])
    values = tuple(tuple(map(float, value)) for value in kept["values"])
    numbers = {name: tuple(map(int, kept[name])) for name in ("shape", "samples", "places")}
    if not len(values) == len(numbers["samples"]) == len(numbers["places"]):
        raise ValueError("a painting whose places and values are not as many")
    return replace(made, paint=Paint(**numbers, values=values))
