"""What the step viewer is built of, and how it finds room for it."""

from __future__ import annotations

import math

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QVBoxLayout, QWidget

from app.panel import Panel
from app.panels.steps.classes import ClassRow
from app.panels.steps.controls import Controls
from app.panels.steps.deciding import Lower
from app.panels.steps.growing import PaintRow
from app.panels.steps.lane import Lane
from app.panels.steps.origin import OriginRow
from app.panels.steps.tree import TreeView
from app.panels.steps.ways import LANES, Way
from app.shell import theme
from app.widgets import film, kit
from app.widgets.film import FilmSlider
from app.widgets.status import StatusLine
from app.widgets.transport import Transport

HINT = "Press Train: soon a sample comes out of noise here, step by step."
LEAST_WIDE = {True: 190, False: 250}
"""How wide a lane must be to stand beside another: a plane, and galleries."""


class Parts(Panel):
    """The widgets of the viewer from top to bottom; which question they ask is none of its business."""

    def build(self) -> None:
        """Make all widgets but the lanes that nobody has opened."""
        self.controls = Controls(self)
        self.classes = ClassRow()
        self.origin = OriginRow()
        self.paint_row = PaintRow()
        self.tree = TreeView()
        self.lower = Lower()
        self.lanes: dict[str, Lane] = {}
        self.transport = Transport(fps=15)
        self.transport.set_hold(1000)
        self.slider = FilmSlider("Step of the trajectory")
        self.status = StatusLine()
        self._between = QGridLayout()
        self._between.setSpacing(8)
        box = QVBoxLayout(self)
        box.setContentsMargins(8, 6, 8, 4)
        box.setSpacing(6)
        for row in (self.controls.first, self.classes, self.origin, self.paint_row):
            box.addWidget(row)
        box.addLayout(self._between, 1)
        for part in (self.tree, self.lower, self.slider, self.transport, self.status):
            box.addWidget(part)
        for hidden in (self.classes, self.origin, self.paint_row, self.tree, self.lower):
            hidden.hide()
        self.setMinimumSize(240, 200)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.setAcceptDrops(True)
        self.add_lane()

    @property
    def schedule(self) -> QWidget:
        """The plot of the schedule."""
        return self.lower.schedule

    def add_lane(self, way: Way | None = None) -> str:
        """Open one more lane, the next name that is free; '' where there are as many as can be."""
        free = [name for name in LANES if name not in self.lanes]
        if not free:
            return ""
        name = free[0]
        lane = Lane(name)
        lane.set_empty("No trajectory yet", HINT if name == LANES[0] else "")
        if way is not None:
            lane.head.set_way(way)
        if self.lanes:
            lane.head.offer(self.lanes[LANES[0]].track.samplers)
        self.lanes[name] = lane
        self.lanes = {key: self.lanes[key] for key in LANES if key in self.lanes}
        self.connect_lane(name, lane)
        self.arrange()
        return name

    def drop_lane(self, name: str) -> None:
        """Close a lane; the first one stays."""
        if name in self.lanes and name != LANES[0]:
            lane = self.lanes.pop(name)
            self._between.removeWidget(lane)
            lane.hide()
            lane.deleteLater()
            self.arrange()

    def connect_lane(self, name: str, lane: Lane) -> None:
        """A lane is new: listen to it."""

    def lanes_shown(self) -> list[Lane]:
        """The lanes from first to last."""
        return list(self.lanes.values())

    @property
    def comparing(self) -> bool:
        """Whether there is more than one lane."""
        return len(self.lanes) > 1

    # ---- room

    def arrange(self) -> None:
        """Lanes beside or below each other, as the shape of the panel allows."""
        lanes = self.lanes_shown()
        on_plane = bool(self.card is not None and self.card.data.kind == "points")
        wide = max(1, self.width() // theme.px(LEAST_WIDE[on_plane]))
        columns = min(len(lanes), wide) if on_plane else (2 if len(lanes) > 2 and wide >= 2 else 1)
        columns = 2 if len(lanes) == 4 and columns == 3 else columns
        for lane in lanes:
            self._between.removeWidget(lane)
        for index in range(len(LANES)):
            self._between.setColumnStretch(index, int(index < columns))
            self._between.setRowStretch(index, int(index < math.ceil(len(lanes) / columns)))
        for place, lane in enumerate(lanes):
            self._between.addWidget(lane, place // columns, place % columns)
        self.controls.compare.setEnabled(len(lanes) < len(LANES))

    def room(self) -> int:
        """The height that is left of the panel beside the rows of tools that are open."""
        rows = (self.classes, self.origin, self.paint_row)
        return self.height() - sum(row.height() + 6 for row in rows if not row.isHidden())

    def fit(self) -> None:
        """Leave out what finds no room."""
        film.fit_transport(self.transport, self.width())
        for tool, row in (("classes", self.classes), ("origin", self.origin), ("paint", self.paint_row)):
            kit.show(row, self.controls.tools[tool].isChecked() and self.height() >= theme.px(280))
        low = self.room() < theme.px(270)
        for lane in self.lanes_shown():
            kit.show(lane.head, not low)
            kit.show(lane.words, self.room() >= theme.px(225))
        self.arrange()
