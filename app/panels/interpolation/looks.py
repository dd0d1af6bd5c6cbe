"""What the ways are called, how they are explained, and which colours they have in rows and on the plane."""

from __future__ import annotations

import numpy as np

from app.shell import theme
from gm_core import api

TIPS = {
    "straight": "The straight line. In many dimensions its middle is nearer to the centre than codes usually are.",
    "spherical": "The great circle: the direction turns evenly and the length of the code changes evenly.",
    "norm-corrected": "The straight line, each code brought to the length between those of the ends.",
    "geodesic": "The way on which the picture changes least, as the decoder sees it; found step by step.",
}
METERS = {
    "nearest": "the distance to the nearest real example, over the usual one",
    "norm": "how unusual the length of the code is under the prior",
}
USUAL, FAR = 1.0, 2.5
"""Up to the first a code is where data lie; from the second on it is drawn in the strongest colour."""


def colour_of(name: str) -> str:
    """The colour of a way, in rows and on the plane."""
    series = theme.current().series
    return series[list(TIPS).index(name) % len(series)]


def meter_colour(off: float) -> str:
    """Quiet where data lie, and redder the farther off."""
    t = theme.current()
    return theme.mix(t.border, t.bad, float(np.clip((off - USUAL) / (FAR - USUAL), 0, 1)))


def gain_words(found: api.ComparedPaths) -> str:
    """How the geodesic comes on, or how much it saves in the end."""
    ways = {way.way: way for way in found.ways}
    geodesic, plain = ways.get("geodesic"), ways.get("straight")
    if geodesic is None:
        return ""
    if not geodesic.done:
        return f"geodesic, improvement {geodesic.iteration}"
    if plain is None or not plain.length > 0:
        return ""
    return f"geodesic {100 * (1 - geodesic.length / plain.length):.0f} % shorter than straight"
