"""What the map is a map of: two dimensions, the plane of the two principal components, or a layout by t-SNE."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Kind = Literal["axes", "pca", "tsne"]
KINDS: dict[Kind, str] = {"axes": "two axes", "pca": "PCA", "tsne": "t-SNE"}
TIPS: dict[Kind, str] = {
    "axes": "Two coordinates of the code; the others stay as they are.",
    "pca": "The plane in which the codes of the data vary most; what lies across it stays as it is.",
    "tsne": "Codes that are near stay near; nothing can be decoded between them, and far distances mean nothing.",
}


@dataclass(frozen=True)
class Plane:
    """A flat part of the latent space: two orthonormal directions (2, k) through a centre (k,).

    `share` is the part of the codes' variance along each direction, for principal components.
    """

    kind: Kind
    directions: Floats
    centre: Floats
    titles: tuple[str, str]
    share: tuple[float, float] | None = None

    def project(self, codes: Floats) -> Floats:
        """Where codes (n, k) lie on the plane, (n, 2)."""
        return np.asarray((codes - self.centre) @ self.directions.T, np.float32)

    def lift(self, x: float, y: float, base: Floats) -> Floats:
        """The code over (x, y) that keeps what of a base code (k,) lies across the plane."""
        wanted = np.array([x, y], np.float32)
        return np.asarray(base + (wanted - self.project(base[None])[0]) @ self.directions, np.float32)

    def covariances(self, std: Floats) -> Floats:
        """Gaussians of widths std (n, k), or of covariances (n, k, k), as seen on the plane: covariances (n, 2, 2)."""
        if std.ndim == 3:
            return np.einsum("ik,nkl,jl->nij", self.directions, std, self.directions).astype(np.float32)
        return np.einsum("ik,nk,jk->nij", self.directions, np.square(std), self.directions).astype(np.float32)


def of_axes(size: int, axes: tuple[int, int]) -> Plane:
    """The plane of two coordinates."""
    directions = np.zeros((2, size), np.float32)
    directions[0, axes[0]] = directions[1, axes[1]] = 1.0
    if size == 1:
        directions[1] = 0.0
    return Plane("axes", directions, np.zeros(size, np.float32), (f"z {axes[0] + 1}", f"z {axes[1] + 1}"))


def of_components(codes: Floats, old: Plane | None = None) -> Plane:
    """The plane of the two first principal components of codes (n, k), k >= 2.

    Directions have no sign of their own: each is turned towards that of the old plane, so that a map does not flip
    while the model learns; at first so that its largest number is positive.
    """
    centre = codes.mean(0, dtype=np.float64)
    moved = codes - centre
    values, vectors = np.linalg.eigh(moved.T @ moved / max(len(codes) - 1, 1))
    directions = vectors[:, ::-1][:, :2].T
    for row in range(2):
        wanted = directions[row][np.abs(directions[row]).argmax()]
        if old is not None and old.kind == "pca" and old.directions.shape == directions.shape:
            wanted = directions[row] @ old.directions[row]
        directions[row] *= -1.0 if wanted < 0 else 1.0
    share = values[::-1][:2] / max(values.sum(), 1e-12)
    titles = tuple(f"component {i + 1} ({share[i]:.0%})" for i in range(2))
    return Plane(
        "pca", directions.astype(np.float32), centre.astype(np.float32), (titles[0], titles[1]),
        (float(share[0]), float(share[1])),
    )  # fmt: skip


@dataclass(frozen=True)
class Layout:
    """Codes laid out by t-SNE: xy (m, 2) of the codes at `places` (m,) in the survey."""

    xy: Floats
    places: npt.NDArray[np.int64]
    done: int
    total: int

    def nearest(self, x: float, y: float) -> int:
        """The place in the survey of the code drawn nearest to a point."""
        squares = np.square(self.xy - np.array([x, y], np.float32)).sum(1)
        return int(self.places[squares.argmin()])

    def of(self, place: int) -> tuple[float, float] | None:
        """Where a code of the survey is drawn, if it is."""
        found = np.flatnonzero(self.places == place)
        return None if not len(found) else (float(self.xy[found[0], 0]), float(self.xy[found[0], 1]))
