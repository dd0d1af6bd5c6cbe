"""Where the parts of the latent explorer stand: side by side in a wide panel, below each other in a narrow one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QGridLayout, QVBoxLayout

from app.shell import theme
from app.widgets import kit

if TYPE_CHECKING:
    from app.panels.latent import LatentPanel

WIDE = 700
MIDDLE = 440
TALL = 640
SHORT = 470
FEW = 4
"""So few sliders stand below the picture, and leave their column to the map."""
FREE = 16_777_215
PLACES: dict[str, tuple[tuple[int, ...], ...]] = {
    "wide": ((0, 0), (1, 0), (0, 1, 2, 1), (0, 2, 2, 1)),
    "column": ((0, 0), (1, 0), (0, 1, 3, 1), (2, 0)),
    "beside": ((0, 0), (0, 1), (1, 0), (1, 1)),
    "stack": ((0, 0), (0, 1), (1, 0, 1, 2), (2, 0, 1, 2)),
}
"""Row, column and their spans of picture, neighbours, map and sliders."""


class Arrangement:
    """Places the parts of a panel in its grid. `mode` says how, `wide` whether the map has the whole height.

    Wide: picture and neighbours, map, sliders beside each other. Column: a few sliders below picture and neighbours,
    the map beside all. Beside: picture and neighbours above, map and sliders below. Stack: the same in one column; in
    a small panel map and sliders take turns, by the button at the end of the header, and in a very low one the
    picture goes, as the map has it at its crosshair.
    """

    def __init__(self, panel: LatentPanel) -> None:
        self._panel = panel
        self.wide = False
        self.mode = ""
        self._gallery = False
        self._grid = QGridLayout()
        self._grid.setSpacing(8)
        outer = self._outer = QVBoxLayout(panel)
        outer.setContentsMargins(8, 6, 8, 4)
        outer.setSpacing(6)
        panel.setMinimumSize(240, 200)  # parts that find no room are hidden, so the panel may be smaller than they are
        outer.addWidget(panel.header)
        outer.addLayout(self._grid, 1)
        outer.addWidget(panel.caught)
        panel.caught.hide()
        outer.addWidget(panel.status)

    def arrange(self, width: int, height: int) -> None:
        """Choose the arrangement for a size and show what belongs to it."""
        panel = self._panel
        tall, short = height >= theme.px(TALL), height < theme.px(SHORT)
        points = panel.card is not None and panel.card.data.kind == "points"
        mode = self._choose(width, short, points)
        if mode != self.mode:
            self._place(mode)
        self.mode, self.wide = mode, mode in ("wide", "column")
        both = mode != "stack" or tall
        panel.header.set_shown(panel.side, not both)
        sliders_only = not both and panel.side.isChecked()
        panel.chart.bar.setVisible(not sliders_only)
        panel.sliding.setVisible(both or sliders_only)
        panel.chart.bar.set_room(height - theme.px(150) if self.wide else int(0.65 * (height - theme.px(260))))
        row = self.wide or not short or sliders_only
        panel.picture_view.setVisible(row)
        panel.nearby.setVisible(not points and row)
        kit.show(panel.caught, self._gallery)
        panel.caught.setFixedHeight(theme.px(170 if tall else 120 if not short else 84))
        high = theme.px(260 if points else 150 if tall else 104)
        panel.picture_view.setMaximumHeight(FREE if self.wide else high)
        panel.picture_view.setMinimumHeight(theme.px(80))
        panel.near_words.setVisible(self.wide or tall)
        panel.nearby.setMaximumHeight(theme.px(118 if mode == "column" else 130) if self.wide else high)
        panel.sliding.setMinimumWidth(theme.px(216) if mode in ("wide", "beside") else 0)
        rows = len(panel.sliders.rows)
        panel.sliding.setMaximumHeight(theme.px(44) + rows * theme.px(36) if mode == "column" else FREE)
        self._stretch(mode, not sliders_only, both or sliders_only, points)
        self._outer.activate()  # at once: left to itself, Qt places the parts in its next round

    def set_gallery(self, on: bool) -> None:
        """Whether the gallery of caught examples stands at the foot."""
        if on != self._gallery:
            self._gallery = on
            self._panel.arrange()

    def _choose(self, width: int, short: bool, points: bool) -> str:
        few = 0 < len(self._panel.sliders.rows) <= FEW and not points
        if width >= theme.px(MIDDLE) and few and not short:
            return "column"
        if width >= theme.px(WIDE):
            return "wide"
        return "beside" if width >= theme.px(MIDDLE) else "stack"

    def _place(self, mode: str) -> None:
        grid, panel = self._grid, self._panel
        parts = (panel.picture_view, panel.nearby, panel.chart.bar, panel.sliding)
        for part in parts:
            grid.removeWidget(part)
        for part, place in zip(parts, PLACES[mode], strict=True):
            grid.addWidget(part, *place)

    def _stretch(self, mode: str, pad: bool, sliders: bool, points: bool) -> None:
        """Give the room to the parts that are seen."""
        columns = {"wide": (3, 4, 3), "column": (3, 5, 0), "beside": (4, 3, 0), "stack": (2, 3, 0)}[mode]
        if mode == "stack" and points:
            columns = (1, 0, 0)
        stack = (0, 3 if pad else 0, 2 if sliders else 0)
        rows = {"wide": (1, 0, 0), "column": (1, 0, 0), "beside": (0, 1, 0), "stack": stack}[mode]
        for i, stretch in enumerate(columns):
            self._grid.setColumnStretch(i, stretch)
        for i, stretch in enumerate(rows):
            self._grid.setRowStretch(i, stretch)
