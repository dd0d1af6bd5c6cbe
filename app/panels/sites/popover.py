"""A small window at a pixel: give it another value, and let what comes after it be drawn anew."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QButtonGroup, QFrame, QPushButton, QToolButton, QVBoxLayout, QWidget

from app.panels.sites.filling import level, pixel_value
from app.shell import theme
from app.widgets import kit
from app.widgets.number import NumberSlider


class Swatch(QWidget):
    """A square of the chosen value. Setter: set_value(0..255, channel)."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._colour = QColor(0, 0, 0)
        kit.Room(self, 24, 24)

    def set_colour(self, colour: QColor) -> None:
        """Show a colour."""
        self._colour = colour
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """The square."""
        p = QPainter(self)
        p.fillRect(self.rect(), QColor(theme.current().edge))
        p.fillRect(self.rect().adjusted(1, 1, -1, -1), self._colour)


class Popover(QFrame):
    """Opens by open_at(words, value, levels, where, colours, channel, count). Signals: chosen(value 0..255, all: bool)
    when the rest is to be drawn anew, for this example or for all at once; channel_changed(0, 1, 2) of a colour image.
    Escape closes.
    """

    chosen = Signal(int, bool)
    channel_changed = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setProperty("role", "card")
        self.setAccessibleName("Overwrite a pixel")
        self.levels = 2
        self.words = kit.label("", "heading")
        self.hint = kit.label("The pixels after it are drawn anew.", "caption")
        self.black, self.white = QPushButton("Black"), QPushButton("White")
        for button, value in ((self.black, 0), (self.white, 255)):
            button.setCheckable(True)
            button.clicked.connect(lambda _=False, v=value: self._show(v))
        pair = QButtonGroup(self)
        for button in (self.black, self.white):
            pair.addButton(button)
        self.slider = NumberSlider(0, 255, 0, integer=True, name="Level of the pixel")
        self.slider.setMinimumWidth(theme.px(190))
        self.swatch = Swatch()
        self.slider.changing.connect(lambda v: self._show(pixel_value(int(v), self.levels)))
        self.slider.changed.connect(lambda v: self._show(pixel_value(int(v), self.levels)))
        self.colours = [QToolButton() for _ in range(3)]
        for number, (button, word) in enumerate(zip(self.colours, ("red", "green", "blue"), strict=True)):
            button.setText(word)
            button.setAccessibleName(f"Channel {word}")
            button.setCheckable(True)
            button.setAutoExclusive(True)
            button.clicked.connect(lambda _=False, c=number: self.channel_changed.emit(c))
        self.one = QPushButton("Re-roll the rest")
        self.one.setProperty("primary", True)
        self.all = QPushButton()
        self.all.setAccessibleName("Re-roll the rest in all examples")
        self.one.clicked.connect(lambda: self._choose(False))
        self.all.clicked.connect(lambda: self._choose(True))
        self._value = 0
        self._channel, self._grey = 0, True
        box = QVBoxLayout(self)
        box.setContentsMargins(12, 10, 12, 12)
        box.setSpacing(8)
        box.addWidget(self.words)
        box.addLayout(kit.row(*self.colours, None, spacing=2))
        box.addLayout(kit.row(self.swatch, self.black, self.white, self.slider, None, spacing=6))
        box.addWidget(self.hint)
        box.addLayout(kit.row(self.one, self.all, None, spacing=6))

    def open_at(
        self, words: str, value: int, levels: int, where: QPoint, channel: int = -1, count: int = 1
    ) -> None:
        """Show it beside a pixel; `channel` -1 is a grey picture."""
        if levels != self.levels:
            self.levels = levels
            self.slider.track.set_range(0, max(1, levels - 1))
        self._channel, self._grey = max(channel, 0), channel < 0
        self.words.setText(words)
        for number, button in enumerate(self.colours):
            button.setVisible(channel >= 0)
            button.setChecked(number == channel)
        binary = levels <= 2
        self.black.setVisible(binary)
        self.white.setVisible(binary)
        self.slider.setVisible(not binary)
        self.all.setVisible(count > 1)
        self.all.setText(f"In {count} ways")
        self.all.setToolTip(f"Draw the rest {count} times over, so that all examples begin like this one")
        self._show(value)
        self.adjustSize()
        self.move(where)
        self.show()
        self.one.setFocus()

    def value(self) -> int:
        """The value that is chosen, 0 to 255."""
        return self._value

    def set_value(self, value: int) -> None:
        """Choose a value."""
        self._show(value)

    def _show(self, value: int) -> None:
        self._value = value
        self.black.setChecked(value < 128)
        self.white.setChecked(value >= 128)
        self.slider.set_value(level(value, self.levels))
        parts = [value] * 3 if self._grey else [value if c == self._channel else 0 for c in range(3)]
        self.swatch.set_colour(QColor(*parts))

    def _choose(self, everywhere: bool) -> None:
        self.hide()
        self.chosen.emit(self._value, everywhere)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Escape closes, Return draws anew."""
        if event.key() == Qt.Key.Key_Escape:
            self.hide()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._choose(False)
        else:
            super().keyPressEvent(event)
