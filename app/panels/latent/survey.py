"""What the latent map knows about the codes of real data: where they are dense, and whether a code lies among them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gm_core.api import LatentMap

Floats = npt.NDArray[np.float32]
Extent = tuple[float, float, float, float]
GRID = 72
REFERENCE = 200  # codes that are enough to learn how far neighbours usually lie apart


class Survey:
    """The codes of one part of the data, ready to be asked.

    The distance of a code is measured over the axes that carry information: dead axes hold nothing but noise, and would
    hide how near two codes are. It is divided by the typical distance between real neighbours, so that 1 is usual.
    """

    def __init__(self, frame: LatentMap) -> None:
        self.frame = frame
        self.axes = np.flatnonzero(frame.active) if frame.active.any() else np.arange(frame.mu.shape[1])
        self.codes = np.ascontiguousarray(frame.mu[:, self.axes], np.float32)
        self._usual = self._neighbour_distance()

    @property
    def size(self) -> int:
        """Numbers in one code."""
        return int(self.frame.mu.shape[1])

    def _neighbour_distance(self) -> float:
        """The distance within which 95 of 100 real codes have another real code."""
        if len(self.codes) < 3:
            return 1.0
        some = self.codes[:REFERENCE]
        squares = _squares(some, self.codes)
        squares[np.arange(len(some)), np.arange(len(some))] = np.inf
        return float(max(np.sqrt(np.percentile(squares.min(1), 95)), 1e-6))

    def nearest(self, z: Floats, k: int = 1) -> tuple[npt.NDArray[np.int64], float]:
        """The k real codes nearest to z, as places in this survey, and how far the first is (1 is usual)."""
        squares = _squares(np.asarray(z, np.float32)[None, self.axes], self.codes)[0]
        order = np.argsort(squares, kind="stable")[:k]
        return order, float(np.sqrt(max(squares[order[0]], 0.0)) / self._usual)

    def off_data(self, z: Floats) -> bool:
        """Whether no real code lies near z."""
        return self.nearest(z)[1] > 2.0

    def near_on_map(self, x: float, y: float, axes: tuple[int, int], radius: float) -> int | None:
        """The real code drawn nearest to a point of the map, if one lies within the radius."""
        seen = self.frame.mu[:, list(axes)] - np.array([x, y], np.float32)
        squares = np.einsum("nd,nd->n", seen, seen)
        place = int(squares.argmin())
        return place if squares[place] <= radius**2 else None

    def density(self, axes: tuple[int, int]) -> tuple[Floats, Extent]:
        """The aggregate posterior over two axes on a grid, row 0 lowest: where decoded pictures can be trusted."""
        xy, std = self.frame.mu[:, list(axes)], self.frame.std[:, list(axes)]
        reach = max(3.2, float(np.abs(xy).max()) * 1.1) if len(xy) else 3.2
        extent = (-reach, reach, -reach, reach)
        counts, _, _ = np.histogram2d(xy[:, 1], xy[:, 0], bins=GRID, range=[[-reach, reach], [-reach, reach]])
        cell = 2 * reach / GRID
        width = float(np.clip(np.median(std) / cell, 1.0, GRID / 8)) if len(std) else 1.5
        spread = np.exp(-0.5 * (np.arange(-int(3 * width), int(3 * width) + 1) / width) ** 2)
        spread /= spread.sum()
        for axis in (0, 1):
            counts = np.apply_along_axis(lambda line: np.convolve(line, spread, "same"), axis, counts)
        return counts.astype(np.float32), extent

    def histograms(self, bins: int = 48, reach: float = 3.0) -> Floats:
        """The aggregate posterior of each axis over -reach to reach, (k, bins), from the frame's own bins."""
        edges = self.frame.edges
        middles = (edges[1:] + edges[:-1]) / 2
        at = np.linspace(-reach, reach, bins)
        return np.stack([np.interp(at, middles, counts) for counts in self.frame.histogram]).astype(np.float32)


def _squares(a: Floats, b: Floats) -> Floats:
    """Squared distances (n, m) between rows."""
    found = (a * a).sum(1)[:, None] + (b * b).sum(1)[None, :] - 2.0 * a @ b.T
    return np.asarray(np.maximum(found, 0.0), np.float32)
