"""What the latent explorer asks for beside the picture of the code: map, effects, lattice, layout, caught examples."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gm_core import api

if TYPE_CHECKING:
    from app.panels.latent import LatentPanel

FEW = 500
"""With fewer validation examples than this the map is drawn of training examples."""


class Asking:
    """Asks on behalf of the panel; the answers go to the panel."""

    def __init__(self, panel: LatentPanel) -> None:
        self._panel = panel
        self.points = 2000

    def map(self) -> None:
        """Ask for the codes of real examples, where the model has an encoder."""
        if self._panel.card is not None and "encodes" in self._panel.card.offers:
            few = self._panel.card.data.splits.get("validation", 0) < FEW
            split = "train" if few else "validation"
            self._panel.ask("map", api.MapQuery(seed=0, n=self.points, split=split), follow=True)
        else:
            self._panel.cancel("map")

    def effects(self) -> None:
        """Ask what each dimension does to the picture, where the sliders are sorted by it."""
        if self._panel.sliding.sort() == "effect":
            self._panel.ask("effects", api.EffectQuery(seed=0, y=self._panel.y), follow=True)
        else:
            self._panel.cancel("effects")

    def background(self) -> None:
        """The lattice on the part of the map that is seen, and a layout by t-SNE where one is wanted."""
        if self._panel.card is None:
            return
        lattice = self._panel.chart.lattice_query(self._panel.y, 0)
        if lattice is None:
            self._panel.cancel("lattice")
        elif self._panel.card.data.kind == "images":
            self._panel.ask("lattice", lattice, follow=True)
        embedding = self._panel.chart.embed_query()
        if embedding is not None:
            self._panel.ask("embed", embedding)
        elif self._panel.chart.kind != "tsne":
            self._panel.cancel("embed")

    def set_points(self, n: int) -> None:
        """Encode so many examples for the map."""
        self.points = n
        self.map()

    def catch(self, places: np.ndarray) -> None:
        """Show the examples that a lasso has caught."""
        if self._panel.survey is None or self._panel.card is None:
            return
        frame = self._panel.survey.frame
        labels = frame.labels[places] if len(frame.labels) else np.empty(0, np.int64)
        self._panel.caught.begin(places, labels, self._panel.card.data.classes, len(frame.mu))
        self._panel.room.set_gallery(True)
        wanted = tuple(int(frame.indices[place]) for place in self._panel.caught.wanted())
        if wanted:
            self._panel.ask("caught", api.ExamplesQuery(split=frame.split, indices=wanted))

    def close_gallery(self) -> None:
        """Forget what was caught."""
        self._panel.room.set_gallery(False)
        self._panel.cancel("caught")
