"""The widgets of the pixel-by-pixel viewer and where they stand."""

from __future__ import annotations

from PySide6.QtWidgets import QBoxLayout, QLabel, QToolButton, QVBoxLayout, QWidget

from app.panel import Panel
from app.panels.sites.canvas import SiteCanvas
from app.panels.sites.chart import LevelBars
from app.panels.sites.controls import Controls, Player
from app.panels.sites.overlays import Legend
from app.panels.sites.popover import Popover
from app.shell import theme
from app.widgets import kit
from app.widgets.film import FilmSlider
from app.widgets.grid import GridMosaic
from app.widgets.status import StatusLine

WIDEST = 16_777_215
"""What Qt takes for no limit."""


class Parts(Panel):
    """Makes all widgets in `build()`; what they do is connected by those who know."""

    def build(self) -> None:
        """Every widget, in its place."""
        self.controls = Controls(self)
        self.canvas = SiteCanvas()
        self.legend = Legend()
        self.undo_button = kit.IconButton("undo", "Take the last re-roll back", "Ctrl+Z")
        self.roll_button = QToolButton()
        self.roll_button.setText("Re-roll")
        self.roll_button.setAccessibleName("Re-roll from here")
        self.roll_button.setToolTip("Draw this example anew from the pixel looked at, with other noise")
        row = self.controls.row
        row.add(self.undo_button, priority=10)
        row.add(self.roll_button, priority=9)
        row.add(self.controls.overlay, priority=12)
        self.facts = QLabel()
        self.facts.setProperty("role", "caption")
        self.facts.setAccessibleName("About the pixel")
        self.facts.setWordWrap(True)
        self.channels: list[QToolButton] = []
        for word in ("R", "G", "B"):
            button = QToolButton()
            button.setText(word)
            button.setAccessibleName(f"Channel {word}")
            button.setToolTip("The colour of the pixel whose distribution is shown")
            button.setCheckable(True)
            button.setAutoExclusive(True)
            button.hide()
            self.channels.append(button)
        self.channels[0].setChecked(True)
        self.bars = LevelBars()
        self.sheet = GridMosaic()
        self.sheet.setMinimumSize(56, 56)
        self.sheet.setAccessibleName("All examples; a click brings one to the front")
        self.side = QWidget()
        self.aside = QBoxLayout(QBoxLayout.Direction.TopToBottom, self.side)
        self.aside.setContentsMargins(0, 0, 0, 0)
        self.aside.setSpacing(4)
        self.told = QWidget()
        about = QVBoxLayout(self.told)
        about.setContentsMargins(0, 0, 0, 0)
        about.setSpacing(2)
        about.addLayout(kit.row(*self.channels, None, spacing=2))
        about.addWidget(self.facts)
        about.addWidget(self.bars, 1)
        self.aside.addWidget(self.told, 3)
        self.aside.addWidget(self.sheet, 2)
        self.body = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self.body.setSpacing(8)
        self.body.addWidget(self.canvas, 3)
        self.body.addWidget(self.side, 2)
        self.player = Player()
        self.slider = FilmSlider("Pixels drawn")
        self.status = StatusLine()
        self.popover = Popover(self)
        box = QVBoxLayout(self)
        box.setContentsMargins(8, 6, 8, 4)
        box.setSpacing(5)
        box.addWidget(self.controls.row)
        box.addLayout(self.body, 1)
        box.addWidget(self.legend)
        box.addWidget(self.slider)
        box.addWidget(self.player)
        box.addWidget(self.status)
        self.setMinimumSize(240, 200)
        self.show_nothing()

    def show_nothing(self) -> None:
        """The empty state."""
        self.canvas.set_picture(None)
        self.canvas.set_empty("Nothing drawn yet", "Press Train: soon an example appears here, pixel by pixel.")
        self.canvas.set_overlay(None)
        self.canvas.set_field(None)
        self.canvas.set_numbers(None)
        self.canvas.set_pixel(-1)
        self.canvas.set_head(-1)
        self.sheet.set_images(None)
        self.sheet.set_empty("", "")
        self.bars.set_bars(None)
        self.bars.set_empty("", "Point at a pixel to see its distribution.")
        self.facts.setText("")
        self.legend.set_layer(None)
        self.player.set_playing(False)
        self.player.set_count(0)
        self.player.set_caption("no pixels")
        self.slider.set_count(0)
        self.status.set_text("")
        self.status.set_side("")
        self.status.set_progress(0, 0)
        self.undo_button.setEnabled(False)

    def fit_parts(self, aspect: float = 1.0) -> None:
        """Beside or below the picture, whichever leaves it larger; in a small dock the picture alone."""
        wide, high = self.width(), self.height()
        beside = wide >= theme.px(400) and wide > 0.72 * high
        low = beside and high < theme.px(420)
        directions = QBoxLayout.Direction
        self.body.setDirection(directions.LeftToRight if beside else directions.TopToBottom)
        self.aside.setDirection(
            directions.RightToLeft if low else directions.TopToBottom if beside else directions.LeftToRight
        )
        self.aside.setStretch(1, 1 if low else 2)
        room = high - theme.px(132 if self.legend.isHidden() else 154)
        self.canvas.setMaximumWidth(max(theme.px(150), int(room * aspect) + 16) if beside else WIDEST)
        self.side.setVisible(beside or high >= theme.px(430))
        self.player.setVisible(high >= theme.px(200))
