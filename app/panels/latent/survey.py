"""What the latent map knows about the codes of real data: where they are dense, and whether a code lies among them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PySide6.QtGui import QColor

from app.panels.latent.planes import Plane
from app.shell import theme
from app.widgets.images import tile
from app.widgets.plane import isolines
from app.widgets.series import percentiles
from app.widgets.view2d import Extent, extent_of
from gm_core.api import LatentMap, Lattice

Floats = npt.NDArray[np.float32]
GRID = 72
REFERENCE = 200  # codes that are enough to learn how far neighbours usually lie apart
MOST = 4000  # codes that distances are measured to
OFF = 2.5
"""From where on `beyond` means that a code is off the data."""
MASSES = (("1σ", 0.3935), ("2σ", 0.8647))
"""What a Gaussian of two dimensions holds within one and two standard deviations: contours of any prior."""
FAINTEST = 0.06
UNIT = 3.2
TURN = np.linspace(0.0, 2.0 * np.pi, 97)


class Survey:
    """The codes of one part of the data, ready to be asked.

    The distance of a code is measured over the axes that carry information: dead axes hold nothing but noise, and would
    hide how near two codes are. It is divided by what is usual between real neighbours: 95 of 100 lie within 1.
    """

    def __init__(self, frame: LatentMap) -> None:
        self.frame = frame
        self.axes = np.flatnonzero(frame.active) if frame.active.any() else np.arange(frame.mu.shape[1])
        self.codes = np.ascontiguousarray(np.nan_to_num(frame.mu[:MOST, self.axes]), np.float32)
        self._typical, self._usual = self._neighbour_distances()
        self.standard = _is_standard(frame.prior)

    @property
    def size(self) -> int:
        """Numbers in one code."""
        return int(self.frame.mu.shape[1])

    @property
    def reach(self) -> tuple[float, float]:
        """From where to where sliders go: 3 standard deviations of a standard prior, else nearly all codes."""
        lo, hi = float(self.frame.edges[0]), float(self.frame.edges[-1])
        return (-3.0, 3.0) if (lo, hi) == (-4.0, 4.0) else (lo, hi)

    def prior_widths(self) -> tuple[Floats, Floats]:
        """Mean and standard deviation of the prior along each axis, of the codes where the model has no prior."""
        if self.standard:
            return np.zeros(self.size, np.float32), np.ones(self.size, np.float32)
        codes = self.frame.prior if self.frame.prior is not None and len(self.frame.prior) else self.frame.mu
        return np.asarray(codes.mean(0), np.float32), np.asarray(codes.std(0), np.float32)

    def _neighbour_distances(self) -> tuple[float, float]:
        """The distances within which 50 and 95 of 100 real codes have another real code."""
        if len(self.codes) < 3:
            return 0.5, 1.0
        some = self.codes[:REFERENCE]
        squares = _squares(some, self.codes)
        squares[np.arange(len(some)), np.arange(len(some))] = np.inf
        half, most = np.sqrt(percentiles(squares.min(1), 50, 95))
        return float(half), float(max(most, 1e-6))

    def nearest(self, z: Floats, k: int = 1) -> tuple[npt.NDArray[np.int64], float]:
        """The k real codes nearest to z, as places in this survey, and how far the first is (1 is usual)."""
        squares = _squares(np.asarray(z, np.float32)[None, self.axes], self.codes)[0]
        order = np.argsort(squares, kind="stable")[:k]
        return order, float(np.sqrt(max(squares[order[0]], 0.0)) / self._usual)

    def distances(self, codes: Floats) -> Floats:
        """How far each of many codes (n, k) is from the nearest real one (1 is usual)."""
        squares = _squares(np.ascontiguousarray(codes[:, self.axes], np.float32), self.codes).min(1)
        return np.asarray(np.sqrt(np.maximum(squares, 0.0)) / self._usual, np.float32)

    def trust(self, codes: Floats) -> Floats:
        """How strongly a decoded picture should be drawn: 1 among real codes, fading to nearly 0 off the data."""
        found = beyond(self.distances(codes) * self._usual, self._typical, self._usual)
        return np.asarray(np.clip((OFF - found) / (OFF - 1.0), FAINTEST, 1.0), np.float32)

    def off_data(self, z: Floats) -> bool:
        """Whether no real code lies near z."""
        return bool(beyond(self.nearest(z)[1] * self._usual, self._typical, self._usual) > OFF)

    # ---- on a plane -------------------------------------------------------------------------------------------

    def extent(self, plane: Plane) -> Extent:
        """The part of a plane that is worth showing: nearly all codes, and the prior within three widths."""
        return _room(plane.project(self.frame.mu), _room_of_prior(self, plane))

    def density(self, plane: Plane) -> tuple[Floats, Extent]:
        """The aggregate posterior on a plane, row 0 lowest: where decoded pictures can be trusted."""
        xy = plane.project(self.frame.mu)
        covariances = plane.covariances(self.frame.std[:REFERENCE])
        own = float(np.sqrt(percentiles(np.einsum("nii->ni", covariances).ravel(), 50)[0])) if len(covariances) else 0.0
        return density_of(xy, _room(xy, _room_of_prior(self, plane)), own)

    def prior_contours(self, plane: Plane) -> list[tuple[str, Floats]]:
        """Where 1 and 2 standard deviations of the prior lie: circles, or for other priors what holds as much."""
        if self.standard:
            return circles(plane)
        if self.frame.prior is None or not len(self.frame.prior):
            return []
        xy = plane.project(self.frame.prior)
        values, (x0, x1, y0, y1) = density_of(xy, _room(xy, None), 0.0)
        heights = np.sort(values.ravel())[::-1]
        held = np.cumsum(heights) / max(heights.sum(), 1e-12)
        cell = np.array([(x1 - x0) / GRID, (y1 - y0) / GRID] * 2)
        corner = np.array([x0, y0] * 2)
        found = []
        for name, mass in MASSES:
            segments = isolines(values, float(heights[np.searchsorted(held, mass)]))
            found.append((name, np.asarray(corner + (segments + 0.5) * cell, np.float32)))
        return found

    def ellipses(self, plane: Plane, n: int) -> tuple[Floats, Floats, npt.NDArray[np.int64] | None]:
        """Middles (n, 2) and covariances (n, 2, 2) of the first n posteriors on a plane, and their labels."""
        full = self.frame.covariances
        widths = self.frame.std[:n] if full is None or not len(full) else full[:n]
        labels = self.frame.labels[: len(widths)] if len(self.frame.labels) else None
        return plane.project(self.frame.mu[: len(widths)]), plane.covariances(widths), labels

    def histograms(self, bins: int = 48) -> Floats:
        """The aggregate posterior of each axis over `reach`, (k, bins), from the frame's own bins."""
        edges = self.frame.edges
        middles = (edges[1:] + edges[:-1]) / 2
        at = np.linspace(*self.reach, bins)
        return np.stack([np.interp(at, middles, counts) for counts in self.frame.histogram]).astype(np.float32)


def beyond(distance: npt.ArrayLike, typical: float, far: float) -> Floats:
    """How far a distance to the nearest example lies above the usual ones: 0 at their median, 1 at their 95th of 100.

    A plain ratio would say nothing in many dimensions, where all distances are much alike.
    """
    return np.asarray((np.asarray(distance) - typical) / max(far - typical, 1e-6 * max(far, 1e-12)), np.float32)


def circles(plane: Plane) -> list[tuple[str, Floats]]:
    """One and two standard deviations of a standard normal prior on a plane, as segments (n, 4)."""
    middle = plane.project(np.zeros_like(plane.centre)[None])[0]
    found = []
    for place, (name, _) in enumerate(MASSES):
        ring = middle + (place + 1) * np.stack([np.cos(TURN), np.sin(TURN)], 1)
        found.append((name, np.concatenate([ring[:-1], ring[1:]], 1).astype(np.float32)))
    return found


def faded(frame: Lattice, survey: Survey | None) -> npt.NDArray[np.uint8]:
    """A lattice as one picture uint8 (h, w, 4), its first row the highest v, transparent where no data lies.

    Grey pictures are drawn in the ink of the theme alone, so that what lies behind shows through their ground.
    """
    n = frame.size
    codes = frame.z.reshape(n * n, frame.z.shape[-1])
    trust = np.ones(n * n, np.float32) if survey is None else survey.trust(codes)
    tiles = frame.items.reshape(n * n, *frame.items.shape[2:])
    alpha = trust[:, None, None, None]
    if tiles.shape[-1] == 1:
        light = tiles.astype(np.float32)
        ink = light if light.mean() < 128 else 255.0 - light
        pen = np.array(QColor(theme.current().text).getRgb()[:3], np.uint8)
        shaded = np.concatenate([np.broadcast_to(pen, (*tiles.shape[:3], 3)), (ink * alpha).astype(np.uint8)], -1)
    else:
        whole = np.broadcast_to((255 * alpha).astype(np.uint8), (*tiles.shape[:3], 1))
        shaded = np.concatenate([tiles[..., :3], whole], -1)
    upright = shaded.reshape(n, n, *shaded.shape[1:])[::-1]
    return tile(upright.reshape(n * n, *shaded.shape[1:]), n)


def density_of(xy: Floats, extent: Extent, own: float) -> tuple[Floats, Extent]:
    """Points (n, 2) as a smooth density on a grid, row 0 lowest.

    Each point is a Gaussian as wide as its posterior, `own`, or at least half as wide as Scott's rule says.
    """
    x0, x1, y0, y1 = extent
    counts, _, _ = np.histogram2d(xy[:, 1], xy[:, 0], bins=GRID, range=[[y0, y1], [x0, x1]])
    scott = 0.5 * float(xy.std(0).mean()) * max(len(xy), 1) ** (-1 / 6) if len(xy) else 0.0
    for axis, cell in ((0, (y1 - y0) / GRID), (1, (x1 - x0) / GRID)):
        width = float(np.clip(max(own, scott) / cell, 1.0, GRID / 8))
        spread = np.exp(-0.5 * (np.arange(-int(3 * width), int(3 * width) + 1) / width) ** 2)
        spread /= spread.sum()
        counts = np.apply_along_axis(lambda line, s=spread: np.convolve(line, s, "same"), axis, counts)
    return counts.astype(np.float32), extent


def _room_of_prior(survey: Survey, plane: Plane) -> Extent | None:
    if survey.standard:
        x, y = plane.project(np.zeros((1, survey.size), np.float32))[0]
        return float(x) - UNIT, float(x) + UNIT, float(y) - UNIT, float(y) + UNIT
    prior = survey.frame.prior
    return extent_of(plane.project(prior)) if prior is not None and len(prior) else None


def _room(xy: Floats, other: Extent | None) -> Extent:
    """A square with a little margin around nearly all points and another extent."""
    x0, x1, y0, y1 = extent_of(np.asarray(xy, float))
    if other is not None:
        x0, x1, y0, y1 = min(x0, other[0]), max(x1, other[1]), min(y0, other[2]), max(y1, other[3])
    half = max(x1 - x0, y1 - y0, 1e-6) / 2
    x, y = (x0 + x1) / 2, (y0 + y1) / 2
    return x - half, x + half, y - half, y + half


def _is_standard(prior: npt.NDArray[np.float32] | None) -> bool:
    """Whether draws of a prior look like a standard normal: mean, width, and the weight of its tails."""
    if prior is None:  # maps that were recorded before priors were sent
        return True
    if len(prior) < 100:
        return False
    mean, std = prior.mean(0), prior.std(0)
    tails = ((prior - mean) ** 4).mean(0) / np.maximum(std, 1e-9) ** 4 - 3.0
    near = np.abs(mean).max() < 0.15 and np.abs(std - 1.0).max() < 0.15
    return bool(near and abs(float(percentiles(tails, 50)[0])) < 0.3)


def _squares(a: Floats, b: Floats) -> Floats:
    """Squared distances (n, m) between rows."""
    found = (a * a).sum(1)[:, None] + (b * b).sum(1)[None, :] - 2.0 * a @ b.T
    return np.asarray(np.maximum(found, 0.0), np.float32)
