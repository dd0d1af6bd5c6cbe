"""What the pictures of the adversarial game share: colours, and handles on top of the densities."""

from __future__ import annotations

import numpy as np

from app.widgets.figure import Handle
from gm_core.concepts.game import Data

P, Q, D = 0, 1, 2
"""Colours of the data, the generator and the discriminator on the whole page."""
MINIMAX, NON_SATURATING = 3, 4
TOP = 0.84
SPREAD = float(np.sqrt(2 * np.pi))


def tops(data: Data, mu: float, sigma: float) -> list[Handle]:
    """A handle on each peak of the data and on the generator: along for its mean, up for its width."""
    peaks = (data.mu_1, data.mu_2)[: data.peaks]
    high = 1.0 / (data.peaks * data.sigma * SPREAD)
    made = [
        Handle(f"p{at}", mean, high, P, "xy", f"Peak {at} of the data: mean and height")
        for at, mean in enumerate(peaks, start=1)
    ]
    return [*made, Handle("q", mu, 1.0 / (sigma * SPREAD), Q, "xy", "Top of the generator: mean and height")]


def width_for(share: float, height: float) -> float:
    """The standard deviation of a Gaussian of a share whose top is so high."""
    return share / (max(height, 0.01) * SPREAD)
