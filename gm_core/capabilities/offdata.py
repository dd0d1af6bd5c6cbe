"""How far codes are off the data: where a decoder was never trained, its pictures mean nothing.

    nearest:  min_i d(z, mu(x_i)) / d_95     over encoded examples x_i, along the axes that carry information; within
              d_95 of 95 of 100 examples there is another one
    norm:     | |z| - m | / s_95             where there is no encoder; m is the median of |z| under the prior, and 95
              of 100 codes of the prior lie within s_95 of it

By either, 1 is usual and more than 2 is far off.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from gm_core.capabilities.base import Scene
from gm_core.capabilities.encodes import carrying
from gm_core.capabilities.neighbours import root_mean_squares
from gm_core.protocol.events import Array

if TYPE_CHECKING:
    from torch import Tensor

MeterKind = Literal["nearest", "norm"]
PORTION = 500
"""Examples encoded between two safe points."""
USUAL = 0.95
DRAWN = 2000
"""Codes from the prior whose lengths say which are usual."""
MOST_DOTS = 1000


class OffData:
    """A meter of one kind; before it has learned, it says nothing.

    `dots` (m, 2) are examples to draw the ways among: the examples themselves where they are points of the plane, else
    their codes where these have two numbers, else none.
    """

    def __init__(self, kind: MeterKind) -> None:
        import numpy as np

        self.kind = kind
        self.dots: Array = np.empty((0, 2), np.float32)
        self._reference: Tensor | None = None
        self._axes: Tensor | None = None
        self._middle, self._usual = 0.0, 1.0

    def learn(self, scene: Scene, split: str, among: int) -> Iterator[None]:
        """Encode `among` examples of a split in portions, or draw codes from the prior."""
        import torch

        if self.kind == "norm":
            sizes = scene.model.prior(DRAWN, scene.rng).float().norm(dim=1)
            self._middle = float(sizes.median())
            self._usual = max(float((sizes - self._middle).abs().quantile(USUAL)), 1e-6)
            self._reference = sizes
            return
        count = scene.data.count(split)
        chosen = torch.randperm(count, generator=scene.rng, device=scene.rng.device)[:among]
        mus, stds, xs = [], [], []
        for part in chosen.split(PORTION):
            x, y = scene.data.examples(split, part, scene.rng)
            found, std = scene.model.encode(x, y)
            mus.append(found.float())
            stds.append(std.float())
            xs.append(x.float())
            yield None
        mu = torch.cat(mus)
        axes = carrying(mu, torch.cat(stds))
        self._axes = axes if bool(axes.any()) else ~axes
        self._reference = mu[:, self._axes]
        nearest = root_mean_squares(self._reference, self._reference).fill_diagonal_(torch.inf).min(1).values
        self._usual = max(float(nearest.quantile(USUAL)), 1e-6) if len(mu) > 1 else 1.0
        plane = torch.cat(xs) if scene.model.card.kind == "points" else mu
        if plane.shape[1] == 2:
            self.dots = plane[:MOST_DOTS].cpu().numpy()

    def off(self, z: Array) -> Array:
        """How far each code (n, k) is off the data, float32 (n,); (0,) before anything is known."""
        import numpy as np
        import torch

        if self._reference is None:
            return np.empty(0, np.float32)
        at = torch.as_tensor(z, device=self._reference.device)
        if self.kind == "norm":
            far = (at.norm(dim=1) - self._middle).abs()
        else:
            far = root_mean_squares(at[:, self._axes], self._reference).min(1).values
        found: Array = (far / self._usual).float().cpu().numpy()
        return found
