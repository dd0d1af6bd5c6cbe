"""Small pieces that many widgets share: icon buttons, empty states, focus rings, number words."""

from __future__ import annotations

import math

from PySide6.QtCore import QEvent, QObject, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFocusEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QSizePolicy, QToolButton, QWidget

from app.shell import theme

RESTYLE = (QEvent.Type.PaletteChange, QEvent.Type.StyleChange, QEvent.Type.FontChange)


class Room(QObject):
    """A fixed size of a widget in pixels of the design, which grows with the text; 0 leaves a side free."""

    def __init__(self, widget: QWidget, width: float = 0.0, height: float = 0.0) -> None:
        super().__init__(widget)
        self._widget, self._width, self._height = widget, width, height
        self._take()
        theme.notifier().changed.connect(self._take)

    def _take(self) -> None:
        if self._width:
            self._widget.setFixedWidth(theme.px(self._width))
        if self._height:
            self._widget.setFixedHeight(theme.px(self._height))


class IconButton(QToolButton):
    """A flat button that shows one icon and says in words what it does.

    Constructor: icon_name, text (accessible name and tooltip), shortcut_hint, checkable, parent.
    Setters: set_icon(name), set_text(text). Signals: those of QToolButton (clicked, toggled).
    """

    side = 18
    """How large the icon is drawn, in the pixels of the design."""

    def __init__(
        self, icon_name: str, text: str, shortcut_hint: str = "", checkable: bool = False, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._icon_name, self._hint = icon_name, shortcut_hint
        self._dressed = ("", 0.0)
        self.setCheckable(checkable)
        self.setAutoRaise(True)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.set_text(text)
        self._dress()

    def set_icon(self, name: str) -> None:
        """Show another icon."""
        if name != self._icon_name:
            self._icon_name = name
            self._dress()

    def set_text(self, text: str) -> None:
        """Change the words that the tooltip and screen readers use."""
        self.setAccessibleName(text)
        self.setToolTip(f"{text}  ({self._hint})" if self._hint else text)

    def _dress(self) -> None:
        self._dressed = (theme.current().name, theme.scale())
        self.setIcon(theme.icon(self._icon_name, side=self.side))
        side = theme.px(self.side)
        self.setIconSize(QSize(side, side))

    def changeEvent(self, event: QEvent) -> None:
        """Recolour the icon when the theme changes; Qt says so several times, and also when a widget moves."""
        super().changeEvent(event)
        if event.type() in RESTYLE and self._dressed != (theme.current().name, theme.scale()):
            self._dress()


class Painted(QWidget):
    """A widget that paints itself; `show_ring` says whether keys brought the focus here, so clicks draw no ring."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.show_ring = False
        self._empty = ("Nothing to show yet", "")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def set_empty(self, title: str, hint: str = "") -> None:
        """What to say while there is nothing to show; a widget paints it with `paint_empty`."""
        self._empty = (title, hint)
        self.update()

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Show the focus ring when the focus came by keyboard."""
        self.show_ring = event.reason() in (
            Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason, Qt.FocusReason.ShortcutFocusReason
        )  # fmt: skip
        self.update()

    def focusOutEvent(self, _event: QFocusEvent) -> None:
        """Hide the focus ring."""
        self.show_ring = False
        self.update()


def rgb(colour: str) -> tuple[int, int, int]:
    """Red, green and blue of #rrggbb, 0 to 255."""
    found = QColor(colour)
    return found.red(), found.green(), found.blue()


def label(text: str, role: str = "", parent: QWidget | None = None) -> QLabel:
    """A text in one of the roles of the style sheet: title, heading, muted, caption, mono, bad, warn, good."""
    result = QLabel(text, parent)
    if role:
        result.setProperty("role", role)
    return result


def set_role(widget: QWidget, name: str, value: object) -> None:
    """Set a property that the style sheet looks at, and restyle the widget at once."""
    if widget.property(name) != value:
        widget.setProperty(name, value)
        widget.style().unpolish(widget)
        widget.style().polish(widget)


def show(widget: QWidget, on: bool) -> None:
    """Show or hide a widget; one that is so already is left in peace, for Qt lays everything around it out again."""
    if widget.isHidden() == on:
        widget.setVisible(on)


def choose(box: QComboBox, text: str) -> None:
    """Show a text in a chooser without a signal; one that it lacks is added, so that nothing remembered is lost."""
    was = box.blockSignals(True)
    if box.findText(text) < 0:
        box.addItem(text)
    box.setCurrentText(text)
    box.blockSignals(was)


def row(*widgets: QWidget | None, spacing: int = 4, margins: tuple[int, int, int, int] = (0, 0, 0, 0)) -> QHBoxLayout:
    """Widgets side by side; None stands for free space."""
    box = QHBoxLayout()
    box.setSpacing(spacing)
    box.setContentsMargins(*margins)
    for w in widgets:
        if w is None:
            box.addStretch(1)
        else:
            box.addWidget(w)
    return box


def separator(parent: QWidget | None = None) -> QWidget:
    """A quiet vertical line between groups of buttons."""

    class _Line(QWidget):
        def paintEvent(self, _event: object) -> None:
            painter = QPainter(self)
            painter.fillRect(QRect(self.width() // 2, 0, 1, self.height()), QColor(theme.current().border))

    line = _Line(parent)
    line.setFixedWidth(9)
    line.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Expanding)
    return line


def paint_empty(painter: QPainter, rect: QRect, title: str, hint: str = "", icon: str = "") -> None:
    """Say in the middle of an empty view what will appear there and how to make it appear."""
    t = theme.current()
    box = QRectF(rect).adjusted(16, 8, -16, -8)
    wrap = Qt.TextFlag.TextWordWrap | Qt.AlignmentFlag.AlignHCenter
    painter.save()
    painter.setFont(theme.ui_font(0, bold=True))
    head = painter.boundingRect(box, wrap, title)
    painter.setFont(theme.ui_font(-0.5))
    body = painter.boundingRect(box, wrap, hint) if hint else QRectF()
    side = theme.px(28) if icon and box.height() > head.height() + body.height() + theme.px(44) else 0
    gap = theme.px(8) if side else 0
    y = box.center().y() - (side + gap + head.height() + (theme.px(4) + body.height() if hint else 0)) / 2
    if side:
        dpr = painter.device().devicePixelRatio() if painter.device() else 1.0
        picture = theme.pixmap(icon, side, t.edge, dpr)
        painter.drawPixmap(int(box.center().x() - side / 2), int(y), picture)
        y += side + gap
    painter.setFont(theme.ui_font(0, bold=True))
    painter.setPen(QColor(t.text))
    painter.drawText(QRectF(box.left(), y, box.width(), head.height()), wrap, title)
    if hint:
        painter.setFont(theme.ui_font(-0.5))
        painter.setPen(QColor(t.muted))
        below = QRectF(box.left(), y + head.height() + theme.px(4), box.width(), body.height() + 4)
        painter.drawText(below, wrap, hint)
    painter.restore()


class Empty(QWidget):
    """Stands where something would be and says why it is not there. Constructor: icon. Setter: say(title, hint)."""

    def __init__(self, icon: str) -> None:
        super().__init__()
        self.icon, self.title, self.hint = icon, "", ""

    def say(self, title: str, hint: str) -> None:
        """What is not there, and why or what may help."""
        self.title, self.hint = title, hint
        self.setAccessibleName(title)
        self.setAccessibleDescription(hint)
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """The words in the middle, quietly."""
        paint_empty(QPainter(self), self.rect(), self.title, self.hint, self.icon)


def paint_focus(painter: QPainter, rect: QRectF, radius: float = 4.0) -> None:
    """The ring that shows where keys go."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(QColor(theme.current().accent), 1.5))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRoundedRect(rect.adjusted(0.75, 0.75, -0.75, -0.75), radius, radius)
    painter.restore()


def number_text(value: float, digits: int = 4) -> str:
    """A number as people write it: 12, 0.5, 1e-4, 12,000."""
    if not math.isfinite(value):
        return {math.inf: "∞", -math.inf: "−∞"}.get(value, "nan")
    if value == 0:
        return "0"
    size = abs(value)
    if float(value).is_integer() and size < 1e7:
        return f"{int(value):,}"
    if size < 1e-3 or size >= 1e7:
        mantissa, _, power = f"{value:.{max(0, digits - 2)}e}".partition("e")
        mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
        return f"{mantissa}e{int(power)}"
    text = f"{value:.{digits}g}"
    if "e" in text:
        return f"{value:,.0f}"
    return text


def signed(text: str) -> str:
    """A formatted number with a true minus sign; one that is zero as far as it is shown has none."""
    if text.startswith("-") and not any(sign in "123456789" for sign in text):
        return text[1:]
    return text.replace("-", "−")


def patterned(pattern: str, value: float) -> str:
    """A number with as many decimals as an example such as "0.000" has, or short where it would be far too long."""
    whole, _, decimals = pattern.partition(".")
    most = 10.0 ** max(7, sum(sign.isdigit() for sign in whole))
    return signed(f"{value:,.{len(decimals)}f}") if abs(value) < most else number_text(value)


def nice_step(least: float) -> float:
    """The smallest of 1, 2 and 5 times a power of ten that is not below a number."""
    power = 10.0 ** math.floor(math.log10(least))
    return next((m * power for m in (1.0, 2.0, 5.0) if m * power >= least * 0.999), 10.0 * power)


def nice_ticks(lo: float, hi: float, about: int = 5) -> list[float]:
    """Multiples of a round step between lo and hi, at most about as many as asked, for the marks of an axis."""
    if not (math.isfinite(lo) and math.isfinite(hi)) or hi <= lo:
        return []
    step = nice_step((hi - lo) / max(1, about))
    first, last = math.ceil(lo / step - 1e-9), math.floor(hi / step + 1e-9)
    return [0.0 if i == 0 else i * step for i in range(first, last + 1)]
