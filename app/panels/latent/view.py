"""What the map of the latent space shows: a plane with codes of real data and the code in front, or a layout."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from app.panels.latent import planes
from app.panels.latent.mapbar import MOST_CLASSES, MapBar
from app.panels.latent.planes import Kind, Layout, Plane
from app.panels.latent.survey import Survey, circles, faded
from app.widgets.pad import LatentPad
from app.widgets.view2d import Extent
from gm_core import api

Code = npt.NDArray[np.float32]
CLEARLY = 1.25
"""The map changes its axes by itself only for one that is used so much more."""
STEADY = 0.12
"""The map keeps its bounds while they would change by less than this part of its width."""
LATTICE = 20
ELLIPSES = 120
LAID_OUT = 1000
"""Codes that t-SNE lays out: 3 to 6 s on one core."""


class View(QObject):
    """The pad, its controls and what lies on them.

    Setters: set_survey(survey, names), set_size(k), set_code(z), set_lattice(frame), set_embedding(frame),
    show_picture(picture, z, words, near). Signals: turned() when another plane is shown,
    wanting() when lattice or layout should be asked for.
    """

    turned = Signal()
    wanting = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.pad = LatentPad()
        self.bar = MapBar(self.pad, parent)
        self.axes = (0, 1)
        self.chosen = (-1, -1)
        self.survey: Survey | None = None
        self.plane: Plane | None = None
        self.layout: Layout | None = None
        self._xy = np.empty((0, 2), np.float32)
        self._size = 0
        self._home: Extent | None = None
        self._names: Sequence[str] = ()
        self._z: Code | None = None
        self._lattice: api.Lattice | None = None
        self._asked = False
        self.bar.axes_chosen.connect(self._choose)
        self.bar.kind_chosen.connect(self._kind_chosen)
        self.bar.anew.connect(self._lay_out_anew)
        self.pad.settled.connect(self.wanting)

    @property
    def kind(self) -> Kind:
        """What is mapped: two dimensions where nothing else can be."""
        return self.bar.kind() if self.survey is not None else "axes"

    # ---- what is shown ----------------------------------------------------------------------------------------

    def clear(self) -> None:
        """Another run: nothing is known of its codes."""
        self.survey, self.plane, self.layout, self._z, self._home = None, None, None, None, None
        self._asked = False
        self._xy = np.empty((0, 2), np.float32)
        self.pad.set_points(None)
        self.pad.set_background(None)
        self.pad.set_contours([])
        self._drop_lattice()
        self.pad.set_pointed(None)

    def set_size(self, size: int) -> None:
        """How many dimensions codes have, before anything else is known of them."""
        if self._size != size or self.plane is None:
            self._fill(size, np.arange(size), None)
            self._turn()

    def set_survey(self, survey: Survey, names: Sequence[str]) -> None:
        """The codes of real data and the names of their classes."""
        self.survey = survey
        self._names = names if len(names) <= MOST_CLASSES else ()
        present = len(survey.frame.labels) > 0
        self.bar.set_classes(self._names if present else ())
        self._fill(survey.size, survey.frame.order, survey.frame.use)
        self._turn()

    def set_code(self, z: Code) -> None:
        """Put the crosshair at a code."""
        self._z = z
        where = self.place(z)
        if where is not None:
            self.pad.set_cursor(*where)

    def show_picture(
        self,
        picture: np.ndarray | None,
        z: Code,
        words: str = "",
        near: np.ndarray | None = None,
        off: bool | None = None,
    ) -> None:
        """The decoded picture at the crosshair, with a warning edge where no real code is near.

        `off` says so where the nearest example is known; else the codes on the map are looked at.
        """
        guess = self.survey is not None and self.survey.off_data(z)
        self.pad.set_cursor_image(picture, guess if off is None else off, words, near)

    def place(self, z: Code) -> tuple[float, float] | None:
        """Where a code lies on the map; on a layout, where the nearest real one that was laid out lies."""
        if self.plane is None or len(z) != self._size:
            return None
        if self.kind == "tsne":
            if self.survey is None or self.layout is None:
                return None
            squares = np.square(self.survey.frame.mu[self.layout.places] - z).sum(1)
            return self.layout.of(int(self.layout.places[squares.argmin()]))
        x, y = self.plane.project(z[None])[0]
        return float(x), float(y)

    def _turn(self) -> None:
        """Another plane, or other codes on it: draw all that lies there."""
        survey, kind = self.survey, self.kind
        if kind == "pca" and survey is not None and survey.size > 1:
            self.plane = planes.of_components(survey.frame.mu, self.plane)
        else:
            self.plane = planes.of_axes(self._size, self.axes)
        labels = survey.frame.labels if survey is not None and len(survey.frame.labels) and self._names else None
        if survey is None:
            self.pad.set_axes(*self.plane.titles)
            self.pad.set_contours(circles(self.plane))
            self.pad.set_home((-3.2, 3.2, -3.2, 3.2))
        elif kind == "tsne":
            self._draw_layout(survey, labels)
        else:
            self.pad.set_axes(*self.plane.titles)
            self._xy = self.plane.project(survey.frame.mu)
            self.pad.set_background(*survey.density(self.plane))
            self.pad.set_contours(survey.prior_contours(self.plane))
            self.pad.set_ellipses(*survey.ellipses(self.plane, ELLIPSES))
            self.pad.set_points(self._xy, labels, list(self._names), self._steady_home(survey.extent(self.plane)))
        if self._z is not None:
            self.set_code(self._z)

    def _draw_layout(self, survey: Survey, labels: np.ndarray | None) -> None:
        self.pad.set_axes("", "")
        self.pad.set_background(None)
        self.pad.set_contours([])
        self._drop_lattice()
        self.pad.set_ellipses(None, np.empty((0, 2, 2)), None)
        self._home = None
        if self.layout is None or int(self.layout.places.max()) >= len(survey.frame.mu):
            self.pad.set_points(None)
            return
        self._xy = self.layout.xy
        shown = None if labels is None else labels[self.layout.places]
        self.pad.set_points(self._xy, shown, list(self._names), (-3.3, 3.3, -3.3, 3.3))

    def _steady_home(self, extent: Extent) -> Extent:
        """The bounds of the map, which stay while they would change but little."""
        old = self._home
        if old is None or max(abs(a - b) for a, b in zip(old, extent, strict=True)) > STEADY * (old[1] - old[0]):
            self._home = extent
        return self._home or extent

    # ---- lattice and layout -----------------------------------------------------------------------------------

    def lattice_query(self, y: int | None, seed: int) -> api.LatticeQuery | None:
        """What to ask for the lattice on the part of the plane that is seen; None where there is to be none."""
        if self.plane is None or self._z is None or self.kind == "tsne" or not self.pad.is_shown("lattice"):
            return None
        if self._size < 2:
            return None
        x0, x1, y0, y1 = self.pad.shown()
        half = max(x1 - x0, y1 - y0) / 2
        x, y_middle = (x0 + x1) / 2, (y0 + y1) / 2
        box = (x - half, x + half, y_middle - half, y_middle + half)
        return api.LatticeQuery(
            seed=seed, box=box, size=LATTICE, base=self._z, plane=self.plane.directions, centre=self.plane.centre, y=y
        )

    def set_lattice(self, frame: api.Lattice) -> None:
        """Decoded pictures, faded where no data lies; points are not drawn as pictures."""
        self._lattice = frame
        fits = frame.items.ndim == 5 and self.kind != "tsne"
        self.pad.set_lattice(faded(frame, self.survey) if fits else None, frame.box)

    def _drop_lattice(self) -> None:
        self._lattice = None
        self.pad.set_lattice(None)

    def embed_query(self) -> api.EmbedQuery | None:
        """What to ask for a layout, where one is wanted and not yet there."""
        if self.kind != "tsne" or self.survey is None or self.layout is not None or self._asked:
            return None
        self._asked = True
        return api.EmbedQuery(codes=self.survey.frame.mu[:LAID_OUT])

    def set_embedding(self, frame: api.Embedding) -> None:
        """A layout, perhaps not finished yet."""
        self.layout = Layout(frame.xy, np.arange(len(frame.xy)), frame.done, frame.total)
        if self.kind == "tsne":
            self._turn()

    def _lay_out_anew(self) -> None:
        self.layout, self._asked = None, False
        self._turn()
        self.wanting.emit()

    def words(self) -> str:
        """What the map is, where that is not plain to see."""
        if self.kind == "pca" and self.plane is not None and self.plane.share is not None:
            return f"the map holds {sum(self.plane.share):.0%} of the codes' variance"
        if self.kind == "tsne" and self.survey is not None:
            if self.layout is None:
                return f"laying out {min(LAID_OUT, len(self.survey.frame.mu)):,} codes by t-SNE"
            if self.layout.done < self.layout.total:
                return f"t-SNE, round {self.layout.done} of {self.layout.total}"
            return f"t-SNE of {len(self.layout.places):,} codes: nothing can be decoded between them"
        return ""

    # ---- axes -------------------------------------------------------------------------------------------------

    def _fill(self, size: int, order: npt.NDArray[np.int64], use: npt.NDArray[np.float32] | None) -> None:
        self._size = size
        best = (int(order[0]), int(order[min(1, size - 1)]))
        wish = [
            c if 0 <= c < size else self._keep(b, k, use)
            for k, (c, b) in enumerate(zip(self.chosen, best, strict=True))
        ]
        self.axes = best if wish[0] == wish[1] else (wish[0], wish[1])
        self.bar.set_size(size)
        self.bar.set_axes(*self.axes)

    def _keep(self, best: int, place: int, use: npt.NDArray[np.float32] | None) -> int:
        old = self.axes[place]
        if use is None or old >= len(use) or use[best] > CLEARLY * use[old] + 0.01:
            return best
        return old

    def _choose(self) -> None:
        self.chosen = self.axes = self.bar.axes()
        self._changed()

    def _kind_chosen(self, _kind: str) -> None:
        self._changed()

    def _changed(self) -> None:
        self._home = None
        if self.kind != "tsne" and (self.layout is None or self.layout.done < self.layout.total):
            self.layout, self._asked = None, False  # given up, and begun anew when it is wanted again
        self._drop_lattice()
        self._turn()
        self.pad.fit()
        self.turned.emit()
        self.wanting.emit()
