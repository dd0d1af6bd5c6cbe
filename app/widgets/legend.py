"""Legends whose words are the switches: a click hides a series or a layer, hovering brings it forward."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QAbstractButton, QMenu, QSizePolicy, QWidget

from app.shell import theme
from app.widgets import kit
from app.widgets.flow import FlowLayout, in_one_row

GAP = 2


class LegendChip(QAbstractButton):
    """A word of a legend. Setters: set_text(label, value=''), set_look(colour, dashed, kind). Signal: toggled(bool)."""

    pointed = Signal(bool)

    def __init__(
        self, label: str, colour: str, kind: str = "line", dashed: bool = False, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._label, self._value, self._colour, self._kind, self._dashed = label, "", colour, kind, dashed
        self._widest = 0
        self.setCheckable(True)
        self.setChecked(True)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(f"Show {label}")
        self.setToolTip(f"Click to hide or show {label}")

    def set_text(self, label: str, value: str = "") -> bool:
        """The word, and the latest number after it; whether they need more room than any before."""
        if (label, value) == (self._label, self._value):
            return False
        if label != self._label:
            self.setAccessibleName(f"Show {label}")
        self._label, self._value = label, value
        grown = self._width() > self._widest
        if grown:  # a layout costs more than the few figures
            self.updateGeometry()
        self.update()
        return grown

    @property
    def label(self) -> str:
        """The word."""
        return self._label

    def set_look(self, colour: str, dashed: bool) -> None:
        """How the series is drawn."""
        if (colour, dashed) != (self._colour, self._dashed):
            self._colour, self._dashed = colour, dashed
            self.update()

    def sizeHint(self) -> QSize:
        """The word with its sample of line; it grows with its number but never shrinks, so that rows stay still."""
        self._widest = max(self._widest, self._width())
        return QSize(self._widest, theme.px(22))

    def _width(self) -> int:
        return self.fontMetrics().horizontalAdvance(f"{self._label}  {self._value}") + theme.px(34)

    def changeEvent(self, event: QEvent) -> None:
        """A new text size starts the width anew."""
        if event.type() in kit.RESTYLE:
            self._widest = 0
        super().changeEvent(event)

    def enterEvent(self, event: object) -> None:
        """Bring the series forward."""
        self.pointed.emit(True)
        super().enterEvent(event)  # type: ignore[arg-type]

    def leaveEvent(self, event: object) -> None:
        """Let it back."""
        self.pointed.emit(False)
        super().leaveEvent(event)  # type: ignore[arg-type]

    def paintEvent(self, _event: QPaintEvent) -> None:
        """A sample of the line, the word, the number."""
        t = theme.current()
        p = QPainter(self)
        p.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self.underMouse():
            p.setPen(Qt.PenStyle.NoPen)
            p.setBrush(QColor(t.hover))
            p.drawRoundedRect(QRectF(self.rect()), 4, 4)
        on = self.isChecked()
        ink = QColor(self._colour if on else t.edge)
        y, x = self.height() / 2, theme.px(6)
        wide = theme.px(14)
        if self._kind == "line":
            pen = QPen(ink, 2.2, Qt.PenStyle.SolidLine, Qt.PenCapStyle.FlatCap)
            if self._dashed:
                pen.setDashPattern([2, 1.2])
            p.setPen(pen)
            p.drawLine(QPointF(x, y), QPointF(x + wide, y))
        elif self._kind == "points":
            p.setPen(Qt.PenStyle.NoPen)
            p.setBrush(ink)
            for dx, dy in ((2, -2), (7, 2.5), (11, -2.5)):
                p.drawEllipse(QPointF(x + dx, y + dy), 2.2, 2.2)
        else:
            p.setPen(Qt.PenStyle.NoPen)
            p.setBrush(ink)
            p.drawRoundedRect(QRectF(x + 1, y - theme.px(5), wide - 2, theme.px(10)), 2, 2)
        p.setPen(QColor(t.text if on else theme.disabled(t)))
        left = x + wide + theme.px(6)
        font = theme.ui_font(-0.5)
        font.setStrikeOut(not on)
        p.setFont(font)
        p.drawText(QRectF(left, 0, self.width() - left, self.height()), Qt.AlignmentFlag.AlignVCenter, self._label)
        if self._value and on:
            offset = p.fontMetrics().horizontalAdvance(self._label) + theme.px(6)
            p.setFont(theme.number_font(-0.5))
            p.setPen(QColor(t.muted))
            box = QRectF(left + offset, 0, self.width() - left - offset, self.height())
            p.drawText(box, Qt.AlignmentFlag.AlignVCenter, self._value)
        if self.hasFocus():
            kit.paint_focus(p, QRectF(self.rect()))


class LegendRow(QWidget):
    """Chips in rows. Setters: put(key, label, colour, kind, dashed, value), drop(key), set_shown(key, bool),
    set_short(bool): one line, and a menu at its end with what finds no room; the words that are on come first.

    Signals: toggled(str key, bool shown), pointed(str key; '' when the pointer leaves).
    """

    toggled = Signal(str, bool)
    pointed = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.chips: dict[str, LegendChip] = {}
        self._flow = FlowLayout(self, spacing=GAP)
        self._short = False
        self.more = kit.IconButton("chevron-down", "More of the legend", parent=self)
        self.more.clicked.connect(self._open)
        self.more.hide()
        self.menu = QMenu(self)
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    def put(self, key: str, label: str, colour: str, kind: str = "line", dashed: bool = False, value: str = "") -> None:
        """Add a word, or change the one there is."""
        chip = self.chips.get(key)
        new = chip is None
        if chip is None:
            chip = self.chips[key] = LegendChip(label, colour, kind, dashed)
            chip.toggled.connect(lambda on, k=key: self.toggled.emit(k, on))
            chip.pointed.connect(lambda on, k=key: self.pointed.emit(k if on else ""))
            self._flow.addWidget(chip)
        chip.set_look(colour, dashed)
        if chip.set_text(label, value) or new:
            self._fold()

    def drop(self, key: str) -> None:
        """Remove a word."""
        chip = self.chips.pop(key, None)
        if chip is not None:
            self._flow.removeWidget(chip)
            chip.deleteLater()
            self._fold()

    def set_shown(self, key: str, shown: bool) -> None:
        """Switch a word without a signal."""
        chip = self.chips.get(key)
        if chip is not None and chip.isChecked() != shown:
            chip.blockSignals(True)
            chip.setChecked(shown)
            chip.blockSignals(False)
            chip.update()
            self._fold()

    def set_short(self, short: bool) -> None:
        """Whether there is room for one line only."""
        if short != self._short:
            self._short = short
            self._fold()

    def folded(self) -> list[str]:
        """The keys of the words that wait in the menu."""
        return [key for key, chip in self.chips.items() if chip.isHidden()] if self._short else []

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Another width has room for other words."""
        super().resizeEvent(event)
        self._fold()

    def event(self, event: QEvent) -> bool:
        """Another text size has room for other words."""
        if event.type() == QEvent.Type.LayoutRequest:
            self._fold()
        return super().event(event)

    def _fold(self) -> None:
        if not self._short and self.more.isHidden():
            return  # all stand there, or are shown and hidden by others
        chips, size = list(self.chips.values()), self.more.sizeHint()
        shown: Sequence[QWidget] = chips
        if self._short and len(in_one_row(chips, self.width(), GAP)) < len(chips):
            shown = in_one_row(chips, self.width() - size.width() - GAP, GAP, LegendChip.isChecked)  # type: ignore[arg-type]
        for chip in chips:
            kit.show(chip, chip in shown)
        kit.show(self.more, len(shown) < len(chips))
        self.more.setGeometry(self.width() - size.width(), (theme.px(22) - size.height()) // 2, *size.toTuple())

    def _open(self) -> None:
        self.menu.clear()
        for key in self.folded():
            chip = self.chips[key]
            action = self.menu.addAction(chip.label)
            action.setCheckable(True)
            action.setChecked(chip.isChecked())
            action.triggered.connect(lambda _on, chip=chip: self._switch(chip))
        self.menu.popup(self.more.mapToGlobal(QPoint(0, self.more.height() + 4)))

    def _switch(self, chip: LegendChip) -> None:
        chip.click()
        self._fold()
