"""Where the parts of the latent explorer stand: side by side in a wide panel, below each other in a narrow one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QGridLayout, QVBoxLayout, QWidget

from app.shell import theme
from app.widgets.film import fit_transport

if TYPE_CHECKING:
    from app.panels.latent import LatentPanel

WIDE = 700
MIDDLE = 440
TALL = 640
SHORT = 470
LOW = 340


class Arrangement:
    """Places the parts of a panel in its grid. `wide` and `tall` say how it stands at present.

    Wide: picture and neighbours, map, sliders beside each other. Else: picture beside neighbours, map and sliders
    below, beside each other in a middling panel, one below the other in a narrow and tall one. In a small panel they
    take turns, by the button at the end of the header; in a very low one the picture goes, as the map has it at its
    crosshair.
    """

    def __init__(self, panel: LatentPanel) -> None:
        self._panel = panel
        self.wide: bool | None = None
        self.tall: bool | None = None
        self.beside: bool | None = None
        self._beside = QWidget()
        beside = QVBoxLayout(self._beside)
        beside.setContentsMargins(0, 0, 0, 0)
        beside.setSpacing(4)
        beside.addWidget(panel.near, 1)
        beside.addWidget(panel.near_words)
        self._grid = QGridLayout()
        self._grid.setSpacing(8)
        outer = QVBoxLayout(panel)
        outer.setContentsMargins(8, 6, 8, 4)
        outer.setSpacing(6)
        panel.setMinimumSize(240, 200)  # parts that find no room are hidden, so the panel may be smaller than they are
        outer.addWidget(panel.header)
        outer.addLayout(self._grid, 1)
        outer.addWidget(panel.walks)
        outer.addWidget(panel.status)

    def arrange(self, width: int, height: int) -> None:
        """Choose the arrangement for a size and show what belongs to it."""
        panel = self._panel
        wide, tall = width >= theme.px(WIDE), height >= theme.px(TALL)
        beside = not wide and width >= theme.px(MIDDLE)
        if (wide, beside) != (self.wide, self.beside):
            self._place(wide, beside)
        self.wide, self.tall, self.beside = wide, tall, beside
        both = wide or tall or beside
        panel.header.set_shown(panel.side, not both)
        sliders_only = not both and panel.side.isChecked()
        panel.pad.setVisible(not sliders_only)
        panel.sliders.setVisible(both or sliders_only)
        points = panel.card is not None and panel.card.data.kind == "points"
        short = height < theme.px(SHORT)
        row = wide or not short or sliders_only
        panel.picture_view.setVisible(row)
        self._beside.setVisible(not points and row)
        panel.walks.set_room(height >= theme.px(SHORT), height >= theme.px(LOW))
        fit_transport(panel.walks.transport, width)
        high = theme.px(260 if points else 128 if tall else 88)
        panel.picture_view.setMaximumHeight(16_777_215 if wide else high)
        panel.picture_view.setMinimumHeight(theme.px(80))
        panel.walks.set_row_height(theme.px(26) if height < theme.px(520) else min(theme.px(56), int(width / 14)))
        panel.near_words.setVisible(wide or tall)
        self._stretch(wide, beside, not sliders_only, both or sliders_only, points)
        self._beside.setMaximumHeight(theme.px(130) if wide else high)

    def _place(self, wide: bool, beside: bool) -> None:
        grid, panel = self._grid, self._panel
        for part in (panel.picture_view, self._beside, panel.pad, panel.sliders):
            grid.removeWidget(part)
        if wide:
            grid.addWidget(panel.picture_view, 0, 0)
            grid.addWidget(self._beside, 1, 0)
            grid.addWidget(panel.pad, 0, 1, 2, 1)
            grid.addWidget(panel.sliders, 0, 2, 2, 1)
        elif beside:
            grid.addWidget(panel.picture_view, 0, 0)
            grid.addWidget(self._beside, 0, 1)
            grid.addWidget(panel.pad, 1, 0)
            grid.addWidget(panel.sliders, 1, 1)
        else:
            grid.addWidget(panel.picture_view, 0, 0)
            grid.addWidget(self._beside, 0, 1)
            grid.addWidget(panel.pad, 1, 0, 1, 2)
            grid.addWidget(panel.sliders, 2, 0, 1, 2)

    def _stretch(self, wide: bool, beside: bool, pad: bool, sliders: bool, points: bool) -> None:
        """Give the room to the parts that are seen."""
        columns = (3, 4, 3) if wide else (1, 1, 0) if beside else (1, 0, 0) if points else (2, 3, 0)
        rows = (1, 0, 0) if wide else (0, 1, 0) if beside else (0, 3 if pad else 0, 2 if sliders else 0)
        for i, stretch in enumerate(columns):
            self._grid.setColumnStretch(i, stretch)
        for i, stretch in enumerate(rows):
            self._grid.setRowStretch(i, stretch)
