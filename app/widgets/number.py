"""Number boxes and sliders for forms, which accept 1e-3 and say at once when a number is out of range."""

from __future__ import annotations

import math

from PySide6.QtCore import QEvent, Qt, QTimer, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QWheelEvent
from PySide6.QtWidgets import QLineEdit, QVBoxLayout, QWidget

from app.shell import theme
from app.widgets import kit
from app.widgets.track import COARSE, FINE, Track


class NumberBox(QLineEdit):
    """A field for one number; arrows and the wheel step it, Return or leaving the field sets it.

    Constructor: lo, hi, value, log=False, integer=False, unit='', name='', step=None.
    Setters: set_value(v) (silent), set_error(text). Getters: value(). Signals: changing(object), changed(object) with
    an int or a float; a text that is no number in range never leaves the box, `error` says what is wrong with it.
    """

    changing = Signal(object)
    changed = Signal(object)
    _dressed = _width = 0.0

    def __init__(
        self, lo: float, hi: float, value: float, log: bool = False, integer: bool = False, unit: str = "",
        name: str = "", step: float | None = None, parent: QWidget | None = None,
    ) -> None:  # fmt: skip
        super().__init__(parent)
        self._lo, self._hi, self._log, self._integer, self._unit, self._step = lo, hi, log, integer, unit, step
        self._value: float = self._fit(value)
        self.error = ""
        self._dress()
        self.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.setAccessibleName(name or "number")
        self.setToolTip(f"{kit.number_text(lo)} to {kit.number_text(hi)}{' ' + unit if unit else ''}")
        self._show()
        self.editingFinished.connect(self._take)
        self.textEdited.connect(self._check)

    def _dress(self) -> None:
        if self._dressed != theme.scale():  # Qt says several times that the style has changed
            self._dressed = theme.scale()
            self._take_font()
            self._take_width()

    def _take_width(self) -> None:
        if self._width:
            self.setFixedWidth(theme.px(self._width))
        else:
            self.setMinimumWidth(theme.px(56))

    def set_room(self, width: float) -> None:
        """A fixed width in pixels of the design, which grows with the text."""
        self._width = width
        self._take_width()

    def _take_font(self) -> None:
        self.setFont(theme.number_font())

    def changeEvent(self, event: QEvent) -> None:
        """Figures of the size of all other text, however large that was when the box was made."""
        super().changeEvent(event)
        if event.type() in kit.RESTYLE:
            self._dress()
            if self.font().pointSizeF() != theme.BASE_POINTS * theme.scale():  # the style sheet put back an older one
                QTimer.singleShot(0, self, self._take_font)

    def value(self) -> int | float:
        """The last good number."""
        return int(self._value) if self._integer else self._value

    def set_value(self, value: float) -> None:
        """Show a number without a signal; it is brought into range."""
        self._value = self._fit(value)
        self._mark("")
        self._show()

    def set_step(self, step: float) -> None:
        """By how much the arrows move."""
        self._step = step

    def set_error(self, text: str) -> None:
        """Outline the field in red with the reason as its tip; empty clears it."""
        self._mark(text)

    def _fit(self, value: float) -> float:
        v = min(self._hi, max(self._lo, float(value)))
        return float(round(v)) if self._integer else v

    def _show(self) -> None:
        if self._integer:
            text = str(int(self._value))
        else:
            text = kit.number_text(self._value).replace(",", "")
        if text != self.text():
            self.setText(text)
            self.setCursorPosition(0)

    def _parse(self) -> float | str:
        """The number typed, or what is wrong with it."""
        try:
            v = float(self.text().strip().replace(",", ".").replace(" ", "").replace("−", "-"))
        except ValueError:
            return f"{self.text()!r} is not a number"
        if not math.isfinite(v) or not self._lo <= v <= self._hi:
            return f"{self.text()} is outside {kit.number_text(self._lo)} to {kit.number_text(self._hi)}"
        if self._integer and v != int(v):
            return f"{self.text()} is not a whole number"
        return v

    def _mark(self, error: str) -> None:
        self.error = error
        kit.set_role(self, "invalid", bool(error))
        span = f"{kit.number_text(self._lo)} to {kit.number_text(self._hi)}{' ' + self._unit if self._unit else ''}"
        self.setToolTip(error or span)

    def _check(self) -> None:
        found = self._parse()
        self._mark(found if isinstance(found, str) else "")
        if not isinstance(found, str):
            self.changing.emit(int(found) if self._integer else found)

    def _take(self) -> None:
        found = self._parse()
        if isinstance(found, str):
            self._mark(found)
            return
        if found != float(kit.number_text(self._value).replace(",", "")) or self._integer:
            changed, self._value = found != self._value, found
            if changed:
                self.changed.emit(self.value())
        self._show()

    def step_by(self, steps: float) -> None:
        """Move by so many steps: of a tenth of a decade on a log scale, of the step or a hundredth of the range."""
        if self._log:
            v = self._value * 10 ** (steps / 10)
            v = float(f"{v:.3g}")
        else:
            size = self._step or (1.0 if self._integer else (self._hi - self._lo) / 100)
            v = self._value + steps * size
        if self._integer and abs(v - self._value) < 1:
            v = self._value + math.copysign(1, steps)
        v = self._fit(round(v, 12))
        if v != self._value:
            self._value = v
            self._mark("")
            self._show()
            self.changed.emit(self.value())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Up and Down step, Escape restores."""
        if event.key() in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            mods = event.modifiers()
            speed = FINE if mods & Qt.KeyboardModifier.ShiftModifier else 1.0
            speed = COARSE if mods & Qt.KeyboardModifier.ControlModifier else speed
            self.step_by(speed if event.key() == Qt.Key.Key_Up else -speed)
        elif event.key() == Qt.Key.Key_Escape and self.text() != "":
            self.set_value(self._value)
            event.accept()
        else:
            super().keyPressEvent(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Step, but only while the field has the focus."""
        if self.hasFocus() and event.angleDelta().y():
            self.step_by(1 if event.angleDelta().y() > 0 else -1)
            event.accept()
        else:
            event.ignore()

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Select everything, ready to be typed over."""
        super().focusInEvent(event)
        if event.reason() != Qt.FocusReason.MouseFocusReason:
            self.selectAll()


class NumberSlider(QWidget):
    """A slider with a number box beside it, for one number of a form.

    Constructor: lo, hi, value, log=False, integer=False, unit='', name='', step=None.
    Setters: set_value(v) (silent), set_default(v), set_error(text; shown under the row, empty clears),
    set_room(widths).
    Getters: value(). Signals: changing(object) while moving, changed(object) when settled.
    """

    changing = Signal(object)
    changed = Signal(object)
    _dressed = 0.0

    def __init__(
        self, lo: float, hi: float, value: float, log: bool = False, integer: bool = False, unit: str = "",
        name: str = "", step: float | None = None, parent: QWidget | None = None,
    ) -> None:  # fmt: skip
        super().__init__(parent)
        self._integer = integer
        self.track = Track(lo, hi, value, log, step or (1.0 if integer and hi - lo <= 100 else None), self)
        self.box = NumberBox(lo, hi, value, log, integer, unit, name, step, self)
        self.track.setAccessibleName(f"{name or 'number'} slider")
        self.set_room(72)
        self.unit = kit.label(unit, "muted")
        self.unit.setVisible(bool(unit))
        self.message = kit.label("", "bad")
        self.message.setWordWrap(True)
        self.message.setVisible(False)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(2)
        box.addLayout(kit.row(self.track, self.box, self.unit, spacing=8))
        box.addWidget(self.message)
        self.setFocusProxy(self.box)
        self.track.changing.connect(lambda v: self._from_track(v, False))
        self.track.changed.connect(lambda v: self._from_track(v, True))
        self.box.changing.connect(self._from_typing)
        self.box.changed.connect(self._from_box)

    def _dress(self) -> None:
        self._dressed = theme.scale()
        if self._whole:
            self.setFixedWidth(theme.px(self._whole))
        if self._most:
            self.setMaximumWidth(theme.px(self._most))

    def set_room(self, box: float, whole: float = 0.0, most: float = 0.0) -> None:
        """Widths in pixels of the design, which grow with the text: of the box, of all, or of all at most (0: free)."""
        self.box.set_room(box)
        self._whole, self._most = whole, most
        self._dress()

    def changeEvent(self, event: QEvent) -> None:
        """It grows with the text; the box does so by itself."""
        super().changeEvent(event)
        if event.type() in kit.RESTYLE and self._dressed not in (0.0, theme.scale()):
            self._dress()

    def value(self) -> int | float:
        """The number."""
        return self.box.value()

    def set_value(self, value: float) -> None:
        """Show a number without a signal."""
        self.box.set_value(value)
        self.track.set_value(value)

    def set_default(self, value: float) -> None:
        """What a double click on the slider restores."""
        self.track.set_default(value)

    def set_error(self, text: str) -> None:
        """Say under the row what is wrong; empty clears."""
        self.box.set_error(text)
        self.message.setText(text)
        self.message.setVisible(bool(text))

    def _from_track(self, value: float, finished: bool) -> None:
        # A dragged value gets as many digits as a person would type, so that settings stay readable.
        v = float(round(value)) if self._integer else float(f"{value:.3g}")
        self.box.set_value(v)
        if finished:
            self.track.set_value(v)
        (self.changed if finished else self.changing).emit(self.value())

    def _from_typing(self, value: float) -> None:
        self.track.set_value(float(value))
        self.changing.emit(value)

    def _from_box(self, value: float) -> None:
        self.track.set_value(float(value))
        self.changed.emit(value)
