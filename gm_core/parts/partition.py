"""The number that makes an energy a probability, where it can be had: Z = integral of exp(-E(x)) dx over the plane.

A sum over a regular grid, times the area of a cell. For a smooth density with all its mass inside the grid that is not
the crude rule it seems: its error falls faster than any power of the step (Trefethen & Weideman 2014), so that two
grids, one twice as fine as the other, tell how exact it is. Off the plane no such sum can be made.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from gm_core.spec import SpecError

LogDensity = Callable[[Tensor], Tensor]
"""Points (n, 2) to a log density up to a constant, (n,)."""
NEGLIGIBLE = 30.0
"""So many nats below its top a density no longer counts: e^-30 = 1e-13."""
COARSE, FIRST, LAST = 128, 64, 1024
"""Cells along a side: of the grid that looks for the mass, and of the first and the finest that sums it."""
AT_ONCE = 2**15


def log_partition(log_density: LogDensity, reach: float, like: Tensor, tolerance: float = 1e-6) -> tuple[float, float]:
    """ln of the integral of a density over the plane, and by how much it still changed when the grid became finer.

    The mass is looked for in a square of half side `reach`, and farther where it goes on; then the grid over it is made
    finer until ln Z changes by less than `tolerance`. `like` says device and type. Raises SpecError for a density
    that has no end or is not a number.
    """
    for _ in range(8):
        found, points = _grid(log_density, (-reach, reach, -reach, reach), COARSE, like)
        if not bool(found.isfinite().all()):
            raise SpecError(
                "train.lr", "the energy is not a number everywhere; go back to an earlier step and lower train.lr"
            )
        counts = found > found.max() - NEGLIGIBLE
        if not bool(torch.cat([counts[0], counts[-1], counts[:, 0], counts[:, -1]]).any()):
            break
        reach *= 2.0
    else:
        raise SpecError(
            "model.confine",
            f"the density does not fall within {reach:g} of the middle and may have no integral; lower model.confine",
        )
    inside, margin = points[counts], 4.0 * reach / COARSE
    (x0, y0), (x1, y1) = inside.amin(0).tolist(), inside.amax(0).tolist()
    box = (x0 - margin, x1 + margin, y0 - margin, y1 + margin)
    cells, before, value, change = FIRST, math.inf, math.inf, math.inf
    while cells <= LAST and not change < tolerance:
        fine, _ = _grid(log_density, box, cells, like)
        area = (box[1] - box[0]) * (box[3] - box[2]) / cells**2
        before, value = value, float(torch.logsumexp(fine.double().flatten(), 0)) + math.log(area)
        change, cells = abs(value - before), 2 * cells
    return value, change


def _grid(
    log_density: LogDensity, box: tuple[float, float, float, float], cells: int, like: Tensor
) -> tuple[Tensor, Tensor]:
    """The density on (cells + 1)^2 points of a box, and the points."""
    across = torch.linspace(box[0], box[1], cells + 1, device=like.device, dtype=like.dtype)
    up = torch.linspace(box[2], box[3], cells + 1, device=like.device, dtype=like.dtype)
    points = torch.stack(torch.meshgrid(across, up, indexing="xy"), -1)
    with torch.no_grad():
        found = torch.cat([log_density(part) for part in points.reshape(-1, 2).split(AT_ONCE)])
    return found.reshape(cells + 1, cells + 1), points


class Remembered:
    """A number that follows from the weights of a network, computed anew only when these have changed.

    A copy of a model remembers nothing: its weights may be replaced by others at any time.
    """

    def __init__(self) -> None:
        self._weights: tuple[Any, ...] = ()
        self._value: tuple[float, float] | None = None

    def of(self, network: nn.Module, compute: Callable[[], tuple[float, float]]) -> tuple[float, float]:
        """What `compute` says of these weights."""
        weights = tuple((p.data_ptr(), p._version, p.dtype) for p in network.parameters())
        if self._value is None or weights != self._weights:
            self._value, self._weights = compute(), weights
        return self._value

    def __deepcopy__(self, memo: dict[int, Any]) -> Remembered:
        return Remembered()
