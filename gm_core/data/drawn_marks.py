"""The marks of a drawing as specs, and how each becomes dabs: Gaussians with a middle, a shape and a weight.

A mark has a class (`label`) and a `weight`: how often a point comes from it, compared with the other marks. Places are
x and y in turn, in units of the plane. The `width` of a pen is two standard deviations of its dabs.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor

from gm_core.resources import resource
from gm_core.spec import Spec, SpecError, param

FONT = "DejaVuSans.ttf"
LETTER = 24
"""Pixels of the height of a font from which a text becomes dots."""
FAINT = 0.12
"""Pixels with less ink than this part of black are left white."""
LARGEST = 64
"""Pixels along each side of a picture, at most."""

Dots = tuple[Tensor, Tensor, Tensor]
"""Middles (k, 2), covariances (k, 2, 2) and weights (k,) that sum to 1, float64."""


class Mark(Spec):
    """What all marks have in common."""

    label: int = param(0, "The class to which its points belong.", lo=0, hi=63)
    weight: float = param(1.0, "How often a point comes from this mark, compared with others.", lo=1e-9, hi=1e9)
    mirror: Literal["none", "x", "y", "both"] = param(
        "none", "Copies on the other side: left and right (x), above and below (y), or both."
    )

    def dots(self, name: str) -> Dots:
        """The mark as dabs; raises SpecError, in which the mark goes by this name, where there is nothing to see."""
        raise NotImplementedError


class Brush(Mark):
    """A stroke of a round brush along a path: dabs half a brush apart, so that it is smooth along its way."""

    kind: Literal["brush"] = param("brush", "A stroke of a round brush.")
    width: float = param(0.3, "Two standard deviations across the stroke.", lo=0.02, hi=10.0, log=True)
    points: tuple[float, ...] = param((), "The path as x and y in turn.", lo=-50.0, hi=50.0)

    def dots(self, name: str) -> Dots:
        """Dabs of equal weight, evenly along the path; a path without length is one dab."""
        path = pairs(self.points, name)
        sigma = self.width / 2
        pieces = (path[1:] - path[:-1]).norm(dim=1)
        along = torch.cat([torch.zeros(1, dtype=torch.float64), pieces.cumsum(0)])
        length = float(along[-1])
        n = max(1, math.ceil(length / sigma))
        if length == 0:
            return round_dots(path[:1], sigma)
        at = (torch.arange(n, dtype=torch.float64) + 0.5) * (length / n)
        piece = (torch.searchsorted(along, at, right=True) - 1).clamp(0, len(pieces) - 1)
        share = (at - along[piece]) / pieces[piece].clamp(min=1e-12)
        return round_dots(path[piece] + share[:, None] * (path[piece + 1] - path[piece]), sigma)


class Spray(Mark):
    """Drops of a spray can, each a small dab."""

    kind: Literal["spray"] = param("spray", "Drops of a spray can.")
    width: float = param(0.1, "Two standard deviations of a drop.", lo=0.02, hi=10.0, log=True)
    points: tuple[float, ...] = param((), "The drops as x and y in turn.", lo=-50.0, hi=50.0)

    def dots(self, name: str) -> Dots:
        """One dab for each drop."""
        return round_dots(pairs(self.points, name), self.width / 2)


class Points(Mark):
    """Single points, such as measurements; without a width they are smoothed by Silverman's rule.

    h = s n^(-1/6) with s^2 the mean variance of the two coordinates (Silverman 1986, eq. 4.14 for two dimensions).
    """

    kind: Literal["points"] = param("points", "Single points.")
    width: float = param(0.0, "Two standard deviations around each point; 0: by Silverman's rule.", lo=0.0, hi=10.0)
    points: tuple[float, ...] = param((), "The points as x and y in turn.", lo=-50.0, hi=50.0)

    def dots(self, name: str) -> Dots:
        """One dab for each point."""
        places = pairs(self.points, name)
        return round_dots(places, self.sigma(places, name))

    def sigma(self, places: Tensor, name: str) -> float:
        """Half the width, or Silverman's choice."""
        if self.width > 0:
            return max(self.width / 2, 0.01)
        if len(places) == 1:
            raise SpecError(name, f"{name} is one point; draw at least two, or give it a width or a Gaussian")
        spread = float((places - places.mean(0)).square().mean().sqrt())
        if spread < 1e-9:
            raise SpecError(name, f"{name} has {len(places)} points, all equal; draw others, or give them a width")
        return max(spread * math.exp(-math.log(len(places)) / 6), 0.01)


class Bell(Mark):
    """One Gaussian, stretched along an axis that can be turned."""

    kind: Literal["gaussian"] = param("gaussian", "One Gaussian with handles.")
    at: tuple[float, float] = param((0.0, 0.0), "The middle: x, y.", lo=-50.0, hi=50.0)
    axes: tuple[float, float] = param((0.5, 0.5), "Standard deviations along its two axes.", lo=0.02, hi=10.0)
    angle: float = param(0.0, "How far its first axis is turned from the x axis.", lo=-360.0, hi=360.0, unit="degrees")

    def dots(self, name: str) -> Dots:
        """One dab: S = R diag(axes^2) R^T."""
        turn = rotation(self.angle)
        shape = turn @ torch.diag(torch.tensor(self.axes, dtype=torch.float64).square()) @ turn.T
        return torch.tensor([self.at], dtype=torch.float64), shape[None], torch.ones(1, dtype=torch.float64)


class Text(Mark):
    """A word: its letters, written with the font that ships with the program, as small dots."""

    kind: Literal["text"] = param("text", "A word as small dots.")
    text: str = param("hello", "What is written.")
    at: tuple[float, float] = param((0.0, 0.0), "The middle: x, y.", lo=-50.0, hi=50.0)
    size: float = param(1.5, "Size of the font.", lo=0.1, hi=20.0, log=True)
    angle: float = param(0.0, "How far the line of writing is turned.", lo=-360.0, hi=360.0, unit="degrees")

    def dots(self, name: str) -> Dots:
        """One dab for each pixel of the letters."""
        if len(self.text) > 60:
            raise SpecError(name, f"{name} has {len(self.text)} letters; the limit is 60: write a shorter text")
        ink = written(self.text)
        if not ink.numel():
            raise SpecError(name, f"{name} is {self.text!r}; it has no letters to draw: type a word")
        return raster(ink, self.size / LETTER, self.at, self.angle)


class Picture(Mark):
    """A picture as a density: where it has ink, there points fall."""

    kind: Literal["picture"] = param("picture", "A picture as a density.")
    columns: int = param(1, "Pixels in a row.", lo=1, hi=LARGEST)
    ink: str = param("", "Ink of each pixel, row by row from the top: a digit from 0 (none) to 9, a ... f (most).")
    at: tuple[float, float] = param((0.0, 0.0), "The middle: x, y.", lo=-50.0, hi=50.0)
    size: float = param(3.0, "Width of the picture.", lo=0.1, hi=40.0, log=True)
    angle: float = param(0.0, "How far it is turned.", lo=-360.0, hi=360.0, unit="degrees")

    def dots(self, name: str) -> Dots:
        """One dab for each pixel with ink."""
        try:
            levels = [int(digit, 16) for digit in self.ink]
        except ValueError:
            raise SpecError(name, f"{name} has ink that is no digit from 0 to f; give each pixel one") from None
        rows, rest = divmod(len(levels), self.columns)
        if rest or rows > LARGEST:
            raise SpecError(
                name,
                f"{name} has {len(levels)} pixels in rows of {self.columns}; expected whole rows, at most {LARGEST}",
            )
        if not any(levels):
            raise SpecError(name, f"{name} is a picture without any ink; choose one with something dark on it")
        ink = torch.tensor(levels, dtype=torch.float64).reshape(rows, self.columns) / 15
        return raster(ink, self.size / self.columns, self.at, self.angle)


KINDS: tuple[str, ...] = ("brush", "spray", "points", "gaussian", "text", "picture")


def pairs(numbers: tuple[float, ...], name: str) -> Tensor:
    """x and y in turn as points (n, 2), float64; raises SpecError where there is none or one lacks its y."""
    if not numbers or len(numbers) % 2:
        found = f"{len(numbers)} numbers; expected an even count" if numbers else "no points; expected at least one"
        raise SpecError(name, f"{name} has {found}: x and y of each in turn")
    return torch.tensor(numbers, dtype=torch.float64).reshape(-1, 2)


def round_dots(places: Tensor, sigma: float) -> Dots:
    """Round dabs of equal weight."""
    n = len(places)
    shape = sigma**2 * torch.eye(2, dtype=torch.float64)
    return places, shape.expand(n, 2, 2), torch.full((n,), 1 / n, dtype=torch.float64)


def rotation(degrees: float) -> Tensor:
    """The matrix (2, 2) that turns counter-clockwise."""
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return torch.tensor([[c, -s], [s, c]], dtype=torch.float64)


def raster(ink: Tensor, side: float, at: tuple[float, float], angle: float) -> Dots:
    """Pixels (h, w) with ink in 0..1, row 0 at the top, as round dabs of half a pixel's side around a middle."""
    rows, columns = (ink > FAINT).nonzero(as_tuple=True)
    if not len(rows):
        rows, columns = (ink == ink.max()).nonzero(as_tuple=True)
    h, w = ink.shape
    places = torch.stack([columns.double() - (w - 1) / 2, (h - 1) / 2 - rows.double()], 1) * side
    weights = ink[rows, columns].double()
    middle = torch.tensor(at, dtype=torch.float64)
    shape = (side / 2) ** 2 * torch.eye(2, dtype=torch.float64)
    return places @ rotation(angle).T + middle, shape.expand(len(places), 2, 2), weights / weights.sum()


def written(text: str) -> Tensor:
    """A text as ink (h, w) in 0..1, cut to its letters; empty where nothing can be seen."""
    import numpy as np
    from PIL import Image, ImageDraw, ImageFont

    font = ImageFont.truetype(str(resource("fonts", FONT)), LETTER)
    left, top, right, bottom = font.getbbox(text.replace("\n", " "))
    size = (max(1, math.ceil(right - left) + 4), max(1, math.ceil(bottom - top) + 4))
    sheet = Image.new("L", size, 0)
    ImageDraw.Draw(sheet).text((2 - left, 2 - top), text.replace("\n", " "), fill=255, font=font)
    box = sheet.getbbox()
    if box is None:
        return torch.empty(0)
    return torch.from_numpy(np.array(sheet.crop(box), dtype=np.float64)) / 255
