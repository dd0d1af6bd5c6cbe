"""A number with its name, which is also a button: what is pressed is shown in full below."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QWidget

from app.shell import theme
from app.widgets import kit


class Tile(QAbstractButton):
    """Constructor: title, tip. Setter: set_number(text, after=''), where `after` stands small behind the number."""

    def __init__(self, title: str, tip: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._title, self._number, self._after = title, "–", ""
        self.setCheckable(True)
        self.setToolTip(tip)
        self.setAccessibleName(title)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def set_number(self, text: str, after: str = "") -> None:
        """Show a number; a dash where there is none."""
        number = text or "–"
        if (number, after) != (self._number, self._after):
            self._number, self._after = number, after
            self.setAccessibleDescription(f"{number} {after}".strip())
            self.update()

    def number(self) -> str:
        """The number that is shown."""
        return self._number

    def sizeHint(self) -> QSize:
        """Room for a name and a number."""
        return QSize(theme.px(84), theme.px(44))

    def minimumSizeHint(self) -> QSize:
        """A short number."""
        return QSize(theme.px(52), theme.px(44))

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Name above, number below, a line under the pressed one."""
        p, t = QPainter(self), theme.current()
        p.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        p.setPen(QPen(QColor(t.accent if self.isChecked() else t.border), 1))
        p.setBrush(QColor(t.accent_soft if self.isChecked() else t.hover if self.underMouse() else t.surface))
        p.drawRoundedRect(box, 4, 4)
        inner = box.adjusted(theme.px(7), theme.px(3), -theme.px(5), -theme.px(3))
        p.setFont(theme.ui_font(-1))
        p.setPen(QColor(t.muted))
        title = QFontMetricsF(p.font()).elidedText(self._title, Qt.TextElideMode.ElideRight, inner.width())
        p.drawText(inner, Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft, title)
        p.setFont(theme.number_font(1.5, bold=True))
        p.setPen(QColor(t.text))
        low = Qt.AlignmentFlag.AlignBottom | Qt.AlignmentFlag.AlignLeft
        p.drawText(inner, low, self._number)
        offset = QFontMetricsF(p.font()).horizontalAdvance(self._number) + theme.px(4)
        p.setFont(theme.number_font(-1))
        rest = inner.adjusted(offset, 0, 0, -theme.px(1))
        if self._after and QFontMetricsF(p.font()).horizontalAdvance(self._after) <= rest.width():
            p.setPen(QColor(t.muted))
            p.drawText(rest, low, self._after)
        if self.hasFocus():
            kit.paint_focus(p, box)


def _demo() -> QWidget:
    tile = Tile("Classes", "How many are told apart")
    tile.set_number("93.9", "± 0.8 %")
    return tile


if __name__ == "__main__":
    from app.widgets import demo

    raise SystemExit(demo.run(_demo, (120, 60)))
