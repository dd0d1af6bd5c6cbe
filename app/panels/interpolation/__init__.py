"""Paths: several ways between the same codes side by side, what each costs, and where it leaves the data."""

from __future__ import annotations

from typing import Any

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QVBoxLayout, QWidget

from app.bridge.desk import Desk
from app.panel import Export, Panel, PanelState
from app.panels.interpolation import looks, settings, writing
from app.panels.interpolation.controls import PathControls
from app.panels.interpolation.looks import TIPS
from app.panels.interpolation.planes import WaysPlane, shows_codes, shows_items
from app.panels.interpolation.rows import WayRow
from app.panels.interpolation.settings import InterpolationState
from app.panels.interpolation.stoplist import StopList
from app.shell import theme
from app.widgets import film, kit
from app.widgets.mosaic import Mosaic
from app.widgets.status import StatusLine
from app.widgets.transport import HOLD_MS, Transport
from gm_core import api

EMPTY = ("No path yet", "Press Train: soon pictures lead from one code to another here.")
BESIDE, BESIDE_POINTS = 620, 400
"""The widths from which on a plane stands beside the rows, which without pictures need less; below it is above them."""


class InterpolationPanel(Panel):
    """Rows of pictures, one for each way through the same stops, played in step."""

    name = "interpolation"
    title = "Paths"
    icon = "film"
    tip = "Walk between codes by several ways at once, and see what each costs."
    needs = frozenset({"latent"})
    slot = "centre"
    order = 12
    alive_at_start = True
    State = InterpolationState

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._found: api.ComparedPaths | None = None
        self._shows: int | None = None
        self._wished = self._follows = False
        self._chosen = "geodesic"
        self._order: list[int] = [0]
        self._build()

    def _build(self) -> None:
        self.controls = PathControls()
        self.controls.changed.connect(self.ask_ways)
        self.stops = StopList(self)
        self.rows = {name: WayRow(name) for name in TIPS}
        self.rows_box = QWidget()
        below = QVBoxLayout(self.rows_box)
        below.setContentsMargins(0, 0, 0, 0)
        below.setSpacing(theme.px(3))
        for name, way in self.rows.items():
            way.picked.connect(self._seek)
            way.chosen.connect(lambda name=name: self._choose(name))
            below.addWidget(way, 1)
        self.empty = Mosaic()
        self.empty.set_empty(*EMPTY)
        self.plane = WaysPlane()
        self.plane.hide()
        self.middle = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self.middle.setSpacing(8)
        self.middle.addWidget(self.rows_box, 3)
        self.middle.addWidget(self.plane, 2)
        self.middle.addWidget(self.empty, 1)
        self.transport = Transport(fps=8)
        self.transport.setAccessibleName("Film of all ways")
        self.transport.index_changed.connect(lambda _: self._draw_place())
        self.status = StatusLine()
        self.status.cancelled.connect(self._stop)
        box = QVBoxLayout(self)
        box.setContentsMargins(8, 6, 8, 4)
        box.setSpacing(4)
        box.addWidget(self.stops.controls)
        box.addWidget(self.controls)
        box.addLayout(self.middle, 1)
        box.addWidget(self.transport)
        box.addWidget(self.status)
        self.setMinimumSize(220, 180)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self._choose(self._chosen)
        self._show_parts()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Leave out what finds no room."""
        super().resizeEvent(event)
        film.fit_transport(self.transport, self.width())
        self._show_parts()

    # ---- asking -----------------------------------------------------------------------------------------------

    def begin(self, card: api.RunCard) -> None:
        """Another run: the same stops, as far as it can take them."""
        self.stops.begin(card)
        self._found = None
        self.empty.set_empty(
            "Finding the ways ...", "Pictures lead from stop to stop here as soon as they are decoded."
        )
        self.controls.set_model(card)
        self.plane.free()
        if card.data.kind == "points":
            self.plane.set_box(*card.data.range)
        self.ask_ways()
        self._take_codes(card.run)

    def bind(self, desk: Desk) -> None:
        """Join the desk, and take the codes that are picked on the map."""
        desk.code_picked.connect(self._take_codes)
        super().bind(desk)

    def _take_codes(self, run: str) -> None:
        if run == self.run:
            codes = self.desk.take_codes(run)
            if codes:
                self.stops.take(codes)

    def vanish(self) -> None:
        """No model with a latent space."""
        self.cancel("ways")
        self._found = None
        self.empty.set_empty(*EMPTY)
        self.transport.set_count(0)
        self.status.set_text("")
        self.status.set_progress(0, 0)
        self.touch()

    def card_changed(self, card: api.RunCard) -> None:
        """A newer step of the same run; or it turns out that its data are not here."""
        if self.stops.fits(card):
            self._follow()
            self.touch()
        else:
            self.begin(card)

    def noise_moved(self, seed: int) -> None:
        """New noise: other codes from the prior."""
        self.stops.new_noise(seed)

    def step_moved(self, step: int | None) -> None:
        """The desk renews the ask; what is shown stays until its successor is there."""
        self._wished = True
        self._dim()

    def ask_ways(self) -> None:
        """Ask for all ways through the present stops; what is shown stays, dimmed, until they come.

        What follows training has a small share of the time, so it is only asked for once a hand has had its answer.
        """
        if self.card is None:
            return
        self._wished, self._follows = True, False
        self._dim()
        self.ask("ways", settings.query(self.controls, self.stops.places, self.card), at_once=True)
        self.touch()

    def _follow(self) -> None:
        if self.card is not None and self.card.state == "training" and not (self._wished or self._follows):
            self._follows = True
            self.ask("ways", settings.query(self.controls, self.stops.places, self.card), follow=True)

    def _dim(self) -> None:
        for row in self.rows.values():
            row.set_stale(True)

    def _stop(self) -> None:
        self.cancel("ways")
        self.status.set_progress(0, 0)

    def receive(self, purpose: str, answer: api.Answered) -> None:
        """All ways as far as they are known."""
        frame = answer.frame
        if not isinstance(frame, api.ComparedPaths):
            return
        # What was asked for by hand is watched as it improves; what only follows training comes when it is done.
        if frame.done or self._wished or self._found is None:
            self._found, self._shows = frame, answer.step
            self._wished = self._wished and not frame.done
            self._take(frame)
            self._follow()

    def failed(self, purpose: str, trouble: api.Trouble) -> None:
        """Keep what is shown and say why there is nothing newer."""
        self._wished = False
        self.status.warn(trouble.words)

    # ---- what is shown ----------------------------------------------------------------------------------------

    def found(self) -> api.ComparedPaths | None:
        """The newest frame that is shown."""
        return self._found

    def shown_ways(self) -> list[api.PathWay]:
        """The ways on screen."""
        return [] if self._found is None else list(self._found.ways)

    def chosen(self) -> str:
        """The way in use: it is exported alone, and drawn in front."""
        names = [way.way for way in self.shown_ways()]
        return self._chosen if self._chosen in names or not names else names[-1]

    def film_order(self) -> list[int]:
        """The frames in the order in which they are played."""
        return list(self._order)

    def frame(self) -> int:
        """The frame at the play head."""
        return self._order[min(self.transport.index(), len(self._order) - 1)]

    def _choose(self, name: str) -> None:
        self._chosen = name
        for key, row in self.rows.items():
            row.set_chosen(key == name)
        self.plane.set_chosen(name)

    def _seek(self, frame: int) -> None:
        self.transport.set_playing(False)
        if frame in self._order:
            self.transport.set_index(self._order.index(frame))
        elif self._order:  # the last frame of a closed way is its first
            self.transport.set_index(0)
        self._draw_place()

    def _take(self, frame: api.ComparedPaths) -> None:
        n = len(frame.ways[0].items)
        order = self.controls.round.currentText()
        self._order = api.film_order(n, order)  # type: ignore[arg-type]
        self.transport.set_hold(HOLD_MS if order == "once" else 0)
        self.transport.set_count(len(self._order))
        self.touch()

    def redraw(self) -> None:
        """Rows, stops, plane, words."""
        found = self._found
        ways = {way.way: way for way in self.shown_ways()}
        fastest = max((float(way.speed.max()) for way in ways.values() if len(way.speed)), default=1.0)
        for name, row in self.rows.items():
            kit.show(row, name in ways)
            row.meter = found.meter if found is not None else "nearest"
            row.set_scale(fastest)
            row.set_way(ways.get(name))  # type: ignore[call-overload]
        self.stops.show(found, self.controls.round.currentText() == "loop")
        self.stops.refresh()
        self.plane.set_found(found)
        self._choose(self.chosen())
        self._show_parts()
        self._draw_place()

    def _show_parts(self) -> None:
        ways = self.shown_ways()
        kit.show(self.empty, not ways)
        kit.show(self.rows_box, bool(ways))
        points, codes = shows_items(self._found), shows_codes(self._found)
        beside = self.width() >= theme.px(BESIDE_POINTS if points else BESIDE)
        self.middle.setDirection(QBoxLayout.Direction.LeftToRight if beside else QBoxLayout.Direction.BottomToTop)
        kit.show(self.plane, points or (codes and (beside or self.height() >= theme.px(560))))
        kit.show(self.controls, self.height() >= theme.px(250))

    def _draw_place(self) -> None:
        frame = self.frame()
        for row in self.rows.values():
            row.set_place(frame)
        self.plane.set_place(frame)
        self._describe()

    def _describe(self) -> None:
        found = self._found
        if found is None or self.card is None:
            return
        improved = next((way.iteration for way in found.ways if not way.done), None)
        self.status.set_progress(improved or 0, 0 if improved is None else settings.ITERATIONS + 1)
        self.status.tell(self.step_words(self._shows), f"frame {self.frame() + 1}", looks.gain_words(found))

    # ---- settings and export ----------------------------------------------------------------------------------

    def state(self) -> InterpolationState:
        """Stops that can be remembered, and how they are walked through."""
        return settings.read(self.controls, self.stops.places)

    def restore(self, state: PanelState) -> None:
        """Take them back."""
        if isinstance(state, InterpolationState):
            self.stops.places = settings.apply(state, self.controls)

    def shown(self) -> dict[str, Any]:
        """The codes of the stops, what each way costs, and the step that is really shown."""
        found = self._found
        if found is None:
            return {"shown_step": self._shows}
        costs = {way.way: {"length": way.length, "energy": way.energy} for way in found.ways}
        codes = [[round(float(v), 4) for v in z] for z in found.stops]
        return {"codes": codes, "ways": costs, "shown_step": self._shows}

    def picture(self) -> np.ndarray | QWidget:
        """All ways as one picture; the panel where there are no pictures."""
        ways = self.shown_ways()
        return writing.strips(ways) if ways and ways[0].items.ndim == 4 else self

    def exports(self) -> list[Export]:
        """All ways as a strip, the view, and films of all or of one."""
        return writing.exports(self)
