"""Digits and letters written with a pen that is never twice the same: drawn from strokes, from a seed.

A character is a set of straight pieces (`glyphs`). Each example bends them by a smooth warp, turns, slants, stretches
and moves them, and takes a pen of its own width; a pixel is as dark as the pen covers it:

    q = A (p + w(p)) + b,    w_i(p) = a_i sin(k_i . p + phi_i),
    ink(pixel) = clip(1/2 + width / 2 - distance(pixel, q), 0, 1)
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor

from gm_core.data.base import SPLITS, ImageSpec, Part, dataset
from gm_core.data.glyphs import DIGITS, LETTERS, pieces
from gm_core.data.images import ROOM, Images, join
from gm_core.spec import SpecError, param

AT_ONCE = 2**18
"""Distances between pixels and pieces that are held at once: few enough for the processor's cache."""
FILLS = 0.74
"""Height of a character as a share of the picture, before it is stretched."""


class StrokesSpec(ImageSpec):
    """Choices for written characters."""

    characters: Literal["digits", "letters", "both"] = param("digits", "0 to 9, A to Z, or all of them.")
    size: int = param(28, "Side of a picture.", lo=8, hi=64, unit="pixels")
    variety: float = param(1.0, "How differently people write; 0: all alike.", lo=0.0, hi=2.0)
    pen: float = param(0.07, "Width of the pen as a share of the picture.", lo=0.02, hi=0.2)
    train: int = param(10_000, "Training examples.", lo=10, hi=1_000_000, log=True)
    validation: int = param(1000, "Validation examples.", lo=1, hi=100_000, log=True)
    test: int = param(2000, "Test examples.", lo=1, hi=100_000, log=True)
    seed: int = param(0, "The examples follow from this number.", lo=0, hi=2**31 - 1)


@dataset("strokes", "Digits and letters, drawn", "images")
class Strokes(Images):
    """Digits and capital letters drawn from pen strokes at 28x28 or any other size; nothing to download.

    White on black like MNIST. The labels are the characters; each is equally frequent.
    """

    Spec = StrokesSpec

    def __init__(self, spec: StrokesSpec) -> None:
        super().__init__(spec)
        names = {"digits": DIGITS, "letters": LETTERS, "both": DIGITS + LETTERS}[spec.characters]
        count = spec.train + spec.validation + spec.test
        if count * spec.size**2 > ROOM:
            raise SpecError(
                "data.train",
                f"data.train, validation and test are {count} pictures in all; at most {ROOM // spec.size**2} of "
                f"{spec.size}x{spec.size} find room: lower data.train or data.size",
            )
        made = []
        for at, n in enumerate((spec.train, spec.validation, spec.test)):
            rng = torch.Generator().manual_seed(len(SPLITS) * spec.seed + at)
            y = torch.arange(n) % len(names)
            y = y[torch.randperm(n, generator=rng)]
            made.append(Part(write(names, y, spec.size, spec.pen, spec.variety, rng), y))
        train, validation, test = made
        self.hold(spec, spec.validation, join(train, validation), test, levels=256, classes=tuple(names))


def write(names: str, y: Tensor, size: int, pen: float, variety: float, rng: torch.Generator) -> Tensor:
    """Pictures uint8 (n, 1, size, size) of the characters names[y], each by a hand of its own."""
    hands = torch.randn(len(y), 16, generator=rng).clamp_(-2.5, 2.5) * variety
    phases = 2 * math.pi * torch.rand(len(y), 2, generator=rng)
    pictures = torch.empty(len(y), 1, size, size, dtype=torch.uint8)
    for number, name in enumerate(names):
        mine = (y == number).nonzero()[:, 0]
        skeleton = pieces(name)
        for chosen in mine.split(max(1, AT_ONCE // (size**2 * len(skeleton)))):
            placed = size * (0.5 + move(skeleton, hands[chosen], phases[chosen]))
            width = size * pen * (0.22 * hands[chosen, 15]).exp()
            pictures[chosen, 0] = (255 * ink(placed, width, size)).round_().byte()
    return pictures


def move(skeleton: Tensor, hands: Tensor, phases: Tensor) -> Tensor:
    """Pieces (m, 2, 2) as n hands write them, (n, m, 2, 2), in shares of a picture from its middle.

    `hands` (n, 16) are standard normal numbers times the variety, `phases` (n, 2) lie in 0..2 pi.
    """
    waves = 5.0 + 1.5 * hands[:, 0:4].unflatten(1, (2, 2))
    angle = torch.einsum("mep,nop->nmeo", skeleton, waves) + phases[:, None, None, :]
    warped = skeleton + 0.02 * hands[:, None, None, 4:6] * angle.sin()
    turn, slant = 0.1 * hands[:, 6], 0.12 * hands[:, 7]
    tall, wide = FILLS * (0.07 * hands[:, 8]).exp(), FILLS * (0.1 * hands[:, 9]).exp()
    cos, sin = turn.cos(), turn.sin()
    stretch = torch.stack([torch.stack([wide, -slant * tall], 1), torch.stack([torch.zeros_like(tall), tall], 1)], 1)
    rotate = torch.stack([torch.stack([cos, -sin], 1), torch.stack([sin, cos], 1)], 1)
    moved = torch.einsum("nij,nmej->nmei", rotate @ stretch, warped)
    return moved + 0.025 * hands[:, None, None, 10:12]


def ink(placed: Tensor, width: Tensor, size: int) -> Tensor:
    """How much of each pixel a pen of a width (n,) covers that goes along pieces (n, m, 2, 2): (n, size, size).

    Pieces and widths are in pixels, x before y; the distance to a piece is that to its nearest point,
    |p - a|^2 - 2 t (p - a).d + t^2 |d|^2 with t = clip((p - a).d / |d|^2, 0, 1).
    """
    line = torch.arange(size) + 0.5
    a, d = placed[:, :, 0], placed[:, :, 1] - placed[:, :, 0]
    right = line[None, None, :] - a[:, :, :1]  # (n, m, size), for columns; `down` for rows
    down = line[None, None, :] - a[:, :, 1:]
    length = d.square().sum(-1).clamp(min=1e-9)[:, :, None, None]
    along = (down * d[:, :, 1:])[:, :, :, None] + (right * d[:, :, :1])[:, :, None, :]
    t = (along / length).clamp_(0, 1)
    squared = down.square()[:, :, :, None] + right.square()[:, :, None, :]
    squared = squared + t * (t * length - 2 * along)
    distance = squared.amin(1).clamp_(min=0).sqrt_()
    return (0.5 + width[:, None, None] / 2 - distance).clamp_(0, 1)
