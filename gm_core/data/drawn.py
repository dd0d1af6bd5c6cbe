"""A distribution of one's own, drawn on the plane: marks become dabs, and all dabs a mixture with a known truth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any

import torch
from pydantic import Field, field_validator
from torch import Tensor

from gm_core.data.base import dataset
from gm_core.data.drawn_marks import KINDS, Bell, Brush, Dots, Picture, Points, Spray, Text
from gm_core.data.exact_drawn import Dabs
from gm_core.data.toys import Toy, ToySpec
from gm_core.spec import SpecError, param

MOST = 20_000
"""Dabs that a drawing may have: enough for a page of writing, few enough to be answered at once."""
AnyMark = Annotated[Brush | Spray | Points | Bell | Text | Picture, Field(discriminator="kind")]

HEAD = (
    1.6, 0.0, 1.48, 0.61, 1.13, 1.13, 0.61, 1.48, 0.0, 1.6, -0.61, 1.48, -1.13, 1.13, -1.48, 0.61, -1.6, 0.0,
    -1.48, -0.61, -1.13, -1.13, -0.61, -1.48, 0.0, -1.6, 0.61, -1.48, 1.13, -1.13, 1.48, -0.61, 1.6, 0.0,
)  # fmt: skip
MOUTH = (-0.9, -0.4, -0.64, -0.75, -0.34, -0.94, 0.0, -1.0, 0.34, -0.94, 0.64, -0.75, 0.9, -0.4)
SMILE = (
    Brush(label=0, weight=10.0, width=0.2, points=HEAD),
    Brush(label=1, weight=2.2, width=0.2, points=MOUTH),
    Bell(label=1, weight=0.6, at=(0.55, 0.55), axes=(0.12, 0.2), mirror="x"),
)
"""What a drawing is before anybody draws: a smiling face."""


class DrawnSpec(ToySpec):
    """The marks of a drawing and the box that it is seen in."""

    side: float = param(3.0, "Half the side of the box that is shown, the same whatever is drawn.", lo=0.5, hi=20.0)
    names: str = param("", "Names of the classes, with commas between; the others are numbered.")
    marks: tuple[AnyMark, ...] = param(SMILE, "What was drawn, mark by mark.")

    @field_validator("marks", mode="before")
    @classmethod
    def _known(cls, marks: Any) -> Any:
        """A sentence about a mark of no known kind, before pydantic looks."""
        if not isinstance(marks, list | tuple):
            raise SpecError("marks", f"marks is {type(marks).__name__}; expected a list of marks")
        for number, mark in enumerate(marks):
            kind = mark.get("kind") if isinstance(mark, Mapping) else getattr(mark, "kind", None)
            if kind not in KINDS:
                raise SpecError(
                    "marks", f"marks has {kind!r} as the kind of mark {number + 1}; expected one of: {', '.join(KINDS)}"
                )
        return marks


@dataset("drawn", "Drawing", "toys")
class Drawn(Toy):
    """What you draw: strokes, sprays, Gaussians, words and pictures, each of a class; draw it in the panel Draw.

    All marks are Gaussians in the end, so that density, score and entropy are known exactly.
    """

    Spec = DrawnSpec
    exact: Dabs

    def __init__(self, spec: DrawnSpec) -> None:
        super().__init__(spec)
        if not spec.marks:
            raise SpecError("data.marks", "the drawing is empty; draw a stroke, a Gaussian or a word first")
        made, parts, weights, smoothed = [], [], [], []
        for number, mark in enumerate(spec.marks):
            name = f"mark {number + 1} ({mark.kind})"
            try:
                dots = mirrored(mark.dots(name), mark.mirror)
            except SpecError as error:
                raise SpecError("data.marks", error.message) from None
            made.append(dots)
            parts += [mark.label] * len(dots[0])
            weights.append(mark.weight * dots[2])
            if isinstance(mark, Points) and mark.width == 0:
                smoothed.append(2 * float(dots[1][0, 0, 0].sqrt()))
            if len(parts) > MOST:
                raise SpecError(
                    "data.marks",
                    f"the drawing has more than {MOST:,} dabs by mark {number + 1}; draw with a wider brush, a shorter "
                    "text or fewer pixels",
                )
        means, shapes = torch.cat([dots[0] for dots in made]), torch.cat([dots[1] for dots in made])
        labels = torch.tensor(parts)
        self.hold(spec, Dabs(means, shapes, torch.cat(weights), labels), spec.side, names_of(spec.names, parts))
        counts = f"{_counted(len(spec.marks), 'mark')}, {_counted(len(means), 'Gaussian')}"
        note = f"{counts}; density, score and entropy are known exactly."
        if smoothed:
            note += " Points without a width were given " + ", ".join(f"{w:.3g}" for w in smoothed) + " (Silverman)."
        self.card = replace(self.card, note=note)


def _counted(n: int, word: str) -> str:
    return f"{n:,} {word}{'' if n == 1 else 's'}"


def names_of(names: str, labels: list[int]) -> tuple[str, ...]:
    """Names of all classes: as they are given, then numbered; none where nobody named any and there is but one."""
    given = [name.strip() for name in names.split(",") if name.strip()]
    count = max(len(given), max(labels) + 1)
    if count == 1 and not given:
        return ()
    return tuple(given + [f"class {k + 1}" for k in range(len(given), count)])


def mirrored(dots: Dots, mirror: str) -> Dots:
    """Dabs with their copies on the other side of an axis, or of both; all together weigh 1."""
    for axis, wanted in ((0, ("x", "both")), (1, ("y", "both"))):
        if mirror in wanted:
            means, shapes, weights = dots
            flip = torch.ones(2, dtype=torch.float64)
            flip[axis] = -1
            turned: Tensor = shapes * flip[:, None] * flip
            dots = torch.cat([means, means * flip]), torch.cat([shapes, turned]), torch.cat([weights, weights]) / 2
    return dots
