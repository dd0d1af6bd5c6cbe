"""Digits and capital letters as strokes of a pen, written by hand, and how strokes become lines of short pieces.

A character is a text of strokes, separated by "/"; a stroke is a list of points "x,y" on a sheet 100 wide and 140
high, y downwards, with the writing between (10, 10) and (90, 130). A stroke that begins with "~" is a smooth curve
through its points (Catmull & Rom 1974: each inner piece leaves a point in the direction from the point before to the
point after), one without is a chain of straight lines.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor

WIDTH, HEIGHT = 100.0, 140.0

GLYPHS = {
    "0": "~50,10 24,30 16,70 24,110 50,130 76,110 84,70 76,30 50,10",
    "1": "26,36 54,10 54,130",
    "2": "~18,40 28,16 54,10 76,22 78,48 60,78 36,104 16,130 / 16,130 86,130",
    "3": "~20,24 42,10 68,16 76,38 64,58 42,66 / ~42,66 70,72 82,96 70,122 42,130 16,116",
    "4": "62,10 14,92 88,92 / 62,10 62,130",
    "5": "76,10 28,10 22,64 / ~22,64 48,54 74,66 82,92 70,120 42,130 16,118",
    "6": "~72,14 48,24 28,52 20,90 32,122 56,130 78,114 78,86 58,70 34,76 21,96",
    "7": "14,10 84,10 42,130",
    "8": "~50,66 26,50 26,24 50,10 74,24 74,50 50,66 22,86 22,114 50,130 78,114 78,86 50,66",
    "9": "~78,44 66,64 42,70 22,54 22,26 44,10 68,18 78,44 / ~78,44 76,84 60,130",
    "A": "12,130 50,10 88,130 / 27,84 73,84",
    "B": "18,10 18,130 / ~18,10 60,12 76,36 58,64 18,66 / ~18,66 64,68 84,98 62,128 18,130",
    "C": "~86,34 66,12 36,16 16,48 16,92 36,124 66,128 86,106",
    "D": "18,10 18,130 / ~18,10 58,16 84,48 84,92 58,124 18,130",
    "E": "82,10 18,10 18,130 84,130 / 18,68 68,68",
    "F": "84,10 18,10 18,130 / 18,68 68,68",
    "G": "~84,34 64,12 36,16 16,48 16,92 36,124 64,128 84,104 / 84,130 84,78 54,78",
    "H": "16,10 16,130 / 84,10 84,130 / 16,68 84,68",
    "I": "50,10 50,130 / 26,10 74,10 / 26,130 74,130",
    "J": "42,10 84,10 / ~68,10 68,60 66,100 50,126 26,124 14,100",
    "K": "18,10 18,130 / 82,10 18,78 / 40,56 86,130",
    "L": "20,10 20,130 84,130",
    "M": "12,130 16,10 50,86 84,10 88,130",
    "N": "16,130 16,10 84,130 84,10",
    "O": "~50,10 20,22 8,70 20,118 50,130 80,118 92,70 80,22 50,10",
    "P": "18,10 18,130 / ~18,10 64,14 84,40 64,70 18,74",
    "Q": "~50,10 20,22 8,66 20,110 50,122 80,110 92,66 80,22 50,10 / 58,92 92,132",
    "R": "18,10 18,130 / ~18,10 64,14 82,38 62,66 18,70 / 46,70 86,130",
    "S": "~82,30 64,12 36,12 20,34 36,58 64,76 82,102 64,128 34,130 14,110",
    "T": "10,10 90,10 / 50,10 50,130",
    "U": "~16,10 16,60 20,104 50,130 80,104 84,60 84,10",
    "V": "12,10 50,130 88,10",
    "W": "8,10 28,130 50,50 72,130 92,10",
    "X": "14,10 86,130 / 86,10 14,130",
    "Y": "14,10 50,66 86,10 / 50,66 50,130",
    "Z": "16,10 84,10 16,130 86,130",
}
"""One text of strokes for each character."""
DIGITS, LETTERS = "0123456789", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

Stroke = tuple[bool, tuple[tuple[float, float], ...]]


def strokes(character: str) -> list[Stroke]:
    """The strokes of a character: whether each is smooth, and its points on the sheet."""
    made = []
    for text in GLYPHS[character].split("/"):
        words = text.strip().removeprefix("~").split()
        points = tuple((float(x), float(y)) for x, y in (word.split(",") for word in words))
        made.append((text.strip().startswith("~"), points))
    return made


def pieces(character: str, longest: float = 30.0) -> Tensor:
    """A character as short straight pieces (m, 2, 2): from and to, in units of the sheet's height from its middle.

    Curves are cut so that they look smooth, and straight lines so that a warp can bend them: no piece is longer than
    `longest` units of the sheet.
    """
    made = []
    for smooth, points in strokes(character):
        line = torch.tensor(points)
        if smooth:
            line = through(line)
        ends = []
        for a, b in pairwise(line):
            cuts = max(1, -int(-(b - a).norm() // longest))
            share = torch.linspace(0, 1, cuts + 1)[:, None]
            path = a + share * (b - a)
            ends.append(torch.stack([path[:-1], path[1:]], 1))
        made.append(torch.cat(ends))
    return (torch.cat(made) - torch.tensor([WIDTH / 2, HEIGHT / 2])) / HEIGHT


def through(points: Tensor, cuts: int = 3) -> Tensor:
    """A smooth line through points (n, 2): (cuts (n - 1) + 1, 2); closed where the last point is the first."""
    if bool((points[0] == points[-1]).all()):
        before, after = points[-2], points[1]
    else:
        before, after = 2 * points[0] - points[1], 2 * points[-1] - points[-2]
    held = torch.cat([before[None], points, after[None]])
    p0, p1, p2, p3 = held[:-3], held[1:-2], held[2:-1], held[3:]
    t = (torch.arange(cuts) / cuts)[None, :, None]
    p0, p1, p2, p3 = (p[:, None] for p in (p0, p1, p2, p3))
    curve = p1 + 0.5 * t * ((p2 - p0) + t * ((2 * p0 - 5 * p1 + 4 * p2 - p3) + t * (3 * (p1 - p2) + p3 - p0)))
    return torch.cat([curve.reshape(-1, 2), points[-1:]])
