"""What happens where one points: pictures under the pointer, thumbnails at a slider, the nearest training examples."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from PySide6.QtCore import QTimer

from app.panels.latent.chart import Code
from app.panels.latent.near import COUNT, how_far
from gm_core import api

if TYPE_CHECKING:
    from app.panels.latent import LatentPanel

REST_MS = 160
"""How long the pointer rests before the nearest example is looked for."""
THUMBS_MS = 180
AGAIN = 4.0
"""Seconds between two searches for the same code while the model learns."""


@dataclass(frozen=True)
class Found:
    """The nearest training example of a code: its picture, how far it is in words, whether that is off the data."""

    picture: np.ndarray | None = None
    words: str = ""
    off: bool | None = None

    @classmethod
    def of(cls, frame: api.Nearest, picture: np.ndarray | None) -> Found:
        """What an answer says."""
        times, off = how_far(frame)
        if times is None:
            return cls(picture)
        return cls(picture, f"{'off the data, ' if off else ''}nearest {times:.1f}× usual", off)


NOTHING = Found()


class Pointing:
    """Asks for what lies under the pointer and near the code in front, and shows it."""

    def __init__(self, panel: LatentPanel) -> None:
        self._panel = panel
        self._hover: Code | None = None
        self._picture: np.ndarray | None = None
        self._real = -1
        self._searched = 0.0
        self._axis = -1
        self._space: Literal["pixels", "codes"] = "codes"
        self._labels: dict[bytes, int] = {}
        self._near = NOTHING
        self._rest = self._timer(REST_MS, self._rested)
        self._thumbs = self._timer(THUMBS_MS, self._ask_thumbs)
        chart = panel.chart
        chart.moved.connect(self._dragged)
        chart.hovered.connect(self._hovered)
        chart.left.connect(self._left)
        chart.turned.connect(self._left)
        chart.real.connect(self._pointed_at)
        chart.taken.connect(self._taken)
        panel.sliders.pointed.connect(self._slider)
        panel.nearby.chosen.connect(self._go_to)
        panel.caught.chosen.connect(lambda place: self.take_example(int(place)))

    def _timer(self, after: int, what: object) -> QTimer:
        timer = QTimer(self._panel)
        timer.setSingleShot(True)
        timer.setInterval(after)
        timer.timeout.connect(what)
        return timer

    @property
    def hovering(self) -> bool:
        """Whether the map shows what lies under the pointer instead of the code in front."""
        return self._hover is not None or self._real >= 0

    def begin(self, card: api.RunCard) -> None:
        """Another run."""
        self._hover, self._picture, self._real, self._near = None, None, -1, NOTHING
        self._labels.clear()
        self._panel.pad.set_cursor_image(None)  # points have none, and would leave the last model's picture there
        encoder = "encodes" in card.offers
        self._space = "codes" if encoder else "pixels"
        self._panel.nearby.clear("" if encoder else "This model has no encoder: neighbours are found by pixels.")

    # ---- the code in front ------------------------------------------------------------------------------------

    def moved(self) -> None:
        """The code has changed: the nearest example of the old one is not its."""
        self._near = NOTHING

    def search(self, z: Code) -> None:
        """Ask for the nearest training examples of a code."""
        self._searched = time.monotonic()
        self._ask_near("near", z, COUNT)

    def search_again(self, z: Code) -> None:
        """The model has learned on: ask anew, but seldom, since thousands of examples are encoded for it."""
        if time.monotonic() - self._searched > AGAIN:
            self.search(z)

    def _ask_near(self, purpose: str, z: Code, n: int) -> None:
        query = api.NearestQuery(seed=0, z=z[None], n=n, space=self._space, y=self._panel.y)
        self._panel.ask(purpose, query)

    def show_here(self, picture: np.ndarray, z: Code) -> None:
        """The picture of the code in front at the crosshair, where it is looked for there."""
        near, panel = self._near, self._panel
        if panel.picture_view.isVisible() and not panel.pad.is_held():  # it is to be seen large, so the map stays free
            panel.chart.show_picture(None, z, off=near.off)
        else:
            panel.chart.show_picture(picture, z, near.words, near.picture, near.off)

    def receive(self, purpose: str, answer: api.Answered) -> None:
        """Pictures under the pointer, neighbours, thumbnails."""
        frame, panel = answer.frame, self._panel
        if isinstance(frame, api.Nearest) and purpose == "near" and panel.card is not None:
            self._label(frame)
            panel.nearby.set_frame(frame, panel.card.data.classes)
            panel.near.set_columns(len(frame.items[0]) if panel.room.wide else None)
            self._near = Found.of(frame, panel.nearby.first())
            panel.show_decoded()
        elif isinstance(frame, api.Nearest) and purpose == "hover-near":
            if self._hover is not None and self._picture is not None and frame.items.ndim == 5:
                near = Found.of(frame, frame.items[0, 0])
                panel.chart.show_picture(self._picture, self._hover, near.words, near.picture, near.off)
        elif isinstance(frame, api.Decoded) and purpose == "hover":
            if self._hover is not None and frame.items.ndim == 4:
                self._picture = frame.items[0]
                panel.chart.show_picture(frame.items[0], self._hover)
        elif isinstance(frame, api.Decoded) and purpose == "thumbs":
            if frame.items.ndim == 4 and 0 <= self._axis < frame.z.shape[1]:
                low, high = (float(z[self._axis]) for z in frame.z)
                panel.sliders.set_thumbs(self._axis, frame.items[0], frame.items[1], (low, high))
        elif isinstance(frame, api.ExamplesFrame) and purpose == "real":
            if self._real >= 0 and frame.items.ndim == 4:
                name = self._name(int(frame.labels[0])) if len(frame.labels) else ""
                panel.pad.set_cursor_image(frame.items[0], False, f"real example {name}".strip())
        elif isinstance(frame, api.Codes) and purpose == "encode":
            panel.move(frame.mu[0])

    def _label(self, frame: api.Nearest) -> None:
        self._labels.clear()
        if frame.labels is not None:
            for item, label in zip(frame.items[0], frame.labels[0], strict=True):
                self._labels[item.tobytes()] = int(label)

    def _name(self, y: int) -> str:
        classes = self._panel.card.data.classes if self._panel.card is not None else ()
        return classes[y] if y < len(classes) else str(y)

    # ---- the map ----------------------------------------------------------------------------------------------

    def _dragged(self, z: Code) -> None:
        self._panel.hold()
        self.end_hover()
        self._panel.move(z)

    def _hovered(self, z: Code) -> None:
        """Under the pointer the map shows what is there, while the big picture stays."""
        panel = self._panel
        where = panel.chart.place(z)
        if where is None:
            return
        self._hover = z
        panel.pad.set_cursor(*where)
        panel.ask("hover", api.DecodeQuery(z=z[None], y=panel.y))
        self._rest.start()

    def _rested(self) -> None:
        if self._hover is not None:
            self._ask_near("hover-near", self._hover, 1)

    def _pointed_at(self, place: int) -> None:
        """A layout cannot be decoded, so the nearest real example is shown."""
        panel = self._panel
        if panel.survey is None or panel.chart.layout is None or place == self._real:
            return
        self._real = place
        where = panel.chart.layout.of(place)
        if where is not None:
            panel.pad.set_cursor(*where)
        frame = panel.survey.frame
        panel.ask("real", api.ExamplesQuery(split=frame.split, indices=(int(frame.indices[place]),)))

    def end_hover(self) -> None:
        """Forget what lay under the pointer."""
        self._hover, self._picture, self._real = None, None, -1
        self._rest.stop()

    def _left(self) -> None:
        """The pointer left the map: it shows the code in front again."""
        if not self.hovering:
            return
        self.end_hover()
        for purpose in ("hover", "hover-near", "real"):
            self._panel.cancel(purpose)
        if self._panel.z is not None:
            self._panel.chart.set_code(self._panel.z)
            self._panel.show_decoded()

    # ---- real examples ----------------------------------------------------------------------------------------

    def take_example(self, place: int) -> None:
        """The code of a real example of the survey, and its class."""
        survey = self._panel.survey
        if survey is not None and place < len(survey.frame.mu):
            if len(survey.frame.labels):
                self._tell_class(int(survey.frame.labels[place]))
            self.end_hover()
            self._panel.move(survey.frame.mu[place])

    def _taken(self, place: int) -> None:
        self.take_example(place)

    def _go_to(self, picture: np.ndarray) -> None:
        """A neighbour was clicked: take its code."""
        label = self._labels.get(picture.tobytes())
        if label is not None:
            self._tell_class(label)
        if self._panel.survey is not None:
            self._panel.ask("encode", api.EncodeQuery(given=picture[None]))

    def _tell_class(self, label: int) -> None:
        chooser = self._panel.classes
        if self._panel.y is not None and 0 <= label < chooser.count() - 1:
            chooser.blockSignals(True)
            chooser.setCurrentIndex(label)
            chooser.blockSignals(False)

    # ---- sliders ----------------------------------------------------------------------------------------------

    def _slider(self, axis: int) -> None:
        self._axis = axis
        if axis >= 0:
            self._thumbs.start()
        else:
            self._thumbs.stop()

    def _ask_thumbs(self) -> None:
        panel = self._panel
        if panel.z is None or not 0 <= self._axis < len(panel.z):
            return
        both = np.repeat(panel.z[None], 2, 0)
        both[:, self._axis] = panel.sliding.ends(self._axis)
        panel.ask("thumbs", api.DecodeQuery(z=both, y=panel.y))

    def set_hint(self) -> None:
        """What dragging the picture does."""
        first, second = (row + 1 for row in self._panel.sliders.strongest())
        self._panel.drag.set_hint(
            f"Drag the picture: z {first} across, z {second} up. Shift is finer, Ctrl coarser; arrow keys do the same."
        )
