"""Sprites: one shape on a dark ground, made from causes that are known: what a code should find out by itself.

Each pixel is the share of its area that the shape covers, found from the signed distance d to the outline:

    coverage(p) = clip(1/2 - d(p), 0, 1),    d(p) = s * sdf(R(-rotation) (p - centre) / s)    (pixels)

The idea is that of dSprites (Matthey et al. 2017, github.com/google-deepmind/dsprites-dataset). Our departures: the
causes are drawn independently and continuously instead of on a grid, the outlines are smooth and not black or white,
the picture may have any size, and colour may vary. A square looks the same after a quarter of a turn and an ellipse
after half of one, so that no code can tell these rotations apart.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor

from gm_core.data.base import SPLITS, ImageSpec, Part, dataset
from gm_core.data.images import ROOM, Images, join
from gm_core.maths import outlines
from gm_core.spec import SpecError, param

SHAPES = ("square", "ellipse", "heart", "triangle", "cross")
REACH = 0.3
"""How far a shape of scale 1 reaches from its centre, as a share of the picture."""
AT_ONCE = 2**19
"""Pixels that are drawn at once: few enough for the processor's cache."""


class SpritesSpec(ImageSpec):
    """Choices for sprites."""

    size: int = param(16, "Side of a picture.", lo=8, hi=64, unit="pixels")
    shapes: int = param(3, "How many of: square, ellipse, heart, triangle, cross.", lo=1, hi=len(SHAPES))
    paint: Literal["white", "grey", "colours"] = param(
        "white", "All white, each in a grey of its own, or each in a colour of its own (three channels)."
    )
    smallest: float = param(0.5, "The smallest scale; the largest is 1, six tenths of a picture wide.", lo=0.25, hi=1.0)
    turn: float = param(360.0, "How far shapes may be turned; 0: not at all.", lo=0.0, hi=360.0, unit="degrees")
    travel: float = param(1.0, "How far from the middle centres may lie; 1: anywhere inside.", lo=0.0, hi=1.0)
    train: int = param(10_000, "Training examples.", lo=10, hi=1_000_000, log=True)
    validation: int = param(2000, "Validation examples.", lo=1, hi=100_000, log=True)
    test: int = param(2000, "Test examples.", lo=1, hi=100_000, log=True)
    seed: int = param(0, "The examples follow from this number.", lo=0, hi=2**31 - 1)


@dataset("sprites", "Sprites", "images")
class Sprites(Images):
    """Squares, ellipses and hearts whose scale, rotation, place and colour are known; any size, nothing to download.

    The labels are the shapes. `factor_names` lists those causes that vary; in `Part.factors` the shape is written
    0, 1, 2 ..., the rotation in radians, the place (the centre) in pixels from the upper left corner, and the colour
    as a brightness or as a hue, 0 to 1.
    """

    Spec = SpritesSpec

    def __init__(self, spec: SpritesSpec) -> None:
        super().__init__(spec)
        channels = 3 if spec.paint == "colours" else 1
        count = spec.train + spec.validation + spec.test
        if count * channels * spec.size**2 > ROOM:
            most = ROOM // (channels * spec.size**2)
            raise SpecError(
                "data.train",
                f"data.train, validation and test are {count} pictures in all; at most {most} of "
                f"{spec.size}x{spec.size} find room: lower data.train or data.size",
            )
        varies = {
            "shape": spec.shapes > 1,
            "scale": spec.smallest < 1,
            "rotation": spec.turn > 0,
            "x": spec.travel > 0,
            "y": spec.travel > 0,
            "colour": spec.paint != "white",
        }
        self.factor_names = tuple(name for name, does in varies.items() if does)
        columns = torch.tensor([at for at, does in enumerate(varies.values()) if does], dtype=torch.int64)
        made: list[Part] = []
        for at, n in enumerate((spec.train, spec.validation, spec.test)):
            rng = torch.Generator().manual_seed(len(SPLITS) * spec.seed + at)
            causes = draw_causes(spec, n, rng)
            pictures = paint_sprites(causes, spec.size, spec.paint)
            made.append(Part(pictures, causes[:, 0].long(), causes[:, columns]))
        train, validation, test = made
        self.hold(
            spec,
            spec.validation,
            join(train, validation),
            test,
            levels=256,
            classes=SHAPES[: spec.shapes],
            note=f"Known causes: {', '.join(self.factor_names) or 'none varies'}.",
        )


def draw_causes(spec: SpritesSpec, n: int, rng: torch.Generator) -> Tensor:
    """Independent causes (n, 6) of n sprites: shape, scale, rotation, x, y, colour."""
    shape = torch.randint(spec.shapes, (n, 1), generator=rng).float()
    scale, rotation, x, y, colour = torch.rand(n, 5, generator=rng).unsqueeze(-1).unbind(1)
    far = spec.travel * spec.size * (0.5 - REACH)  # so that the largest shape still lies inside
    return torch.cat(
        [
            shape,
            spec.smallest + (1 - spec.smallest) * scale,
            math.radians(spec.turn) * rotation,
            spec.size / 2 + far * (2 * x - 1),
            spec.size / 2 + far * (2 * y - 1),
            0.35 + 0.65 * colour if spec.paint == "grey" else colour,
        ],
        1,
    )


def paint_sprites(causes: Tensor, size: int, paint: str) -> Tensor:
    """Pictures uint8 (n, c, size, size) of causes (n, 6); c is 3 for paint "colours", else 1."""
    n = len(causes)
    pictures = torch.empty(n, 3 if paint == "colours" else 1, size, size, dtype=torch.uint8)
    for chosen in torch.arange(n).split(max(1, AT_ONCE // size**2)):
        some = causes[chosen]
        ink = torch.ones(len(some), 1)
        if paint == "grey":
            ink = some[:, 5:]
        elif paint == "colours":
            ink = hue_to_rgb(some[:, 5])
        grey = cover(some[:, 0].long(), some[:, 1], some[:, 2], some[:, 3:5], size)
        pictures[chosen] = (255 * grey[:, None] * ink[:, :, None, None]).round_().byte()
    return pictures


def cover(shape: Tensor, scale: Tensor, rotation: Tensor, centre: Tensor, size: int) -> Tensor:
    """How much of each pixel a shape covers, float32 (n, size, size), rows from top to bottom.

    `shape` (n,) numbers SHAPES, `scale` (n,) is 1 for a shape that reaches REACH * size from its centre, `rotation`
    (n,) is in radians and clockwise as seen, `centre` (n, 2) holds x and y in pixels from the upper left corner.
    """
    line = torch.arange(size) + 0.5
    reach = (scale * (REACH * size))[:, None, None]
    right, down = (line - centre[:, :1])[:, None, :] / reach, (line - centre[:, 1:])[:, :, None] / reach
    cos, sin = rotation.cos()[:, None, None], rotation.sin()[:, None, None]
    u, v = cos * right + sin * down, cos * down - sin * right
    distance = torch.empty(len(shape), size, size)
    for number, outline in enumerate(OUTLINES):
        mine = shape == number
        if bool(mine.any()):
            distance[mine] = outline(u[mine], v[mine]) * reach[mine]
    return (0.5 - distance).clamp_(0, 1)


OUTLINES = (outlines.square, outlines.ellipse, outlines.heart, outlines.triangle, outlines.cross)
"""Signed distances in the order of SHAPES; each shape lies in the unit circle."""


def hue_to_rgb(hue: Tensor) -> Tensor:
    """Full colours (n, 3) of hues (n,) in 0..1: red, yellow, green, cyan, blue, magenta and back to red."""
    steps = (6 * hue[:, None] + torch.tensor([0.0, 4.0, 2.0])) % 6
    return ((steps - 3).abs() - 1).clamp(0, 1)
