"""A layout that fills rows from left to right and begins a new row where one is full."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QMargins, QPoint, QRect, QSize, Qt
from PySide6.QtWidgets import QLayout, QLayoutItem, QWidget


def in_one_row(
    widgets: Sequence[QWidget], room: int, gap: int, first: Callable[[QWidget], bool] = bool
) -> list[QWidget]:
    """Those that stand side by side in one row of `room` pixels, in their order; the `first` ones are taken before the
    others, and one is taken in any case."""
    taken: list[QWidget] = []
    for widget in sorted(widgets, key=lambda one: not first(one)):
        width = widget.sizeHint().width()
        if width <= room or not taken:
            taken.append(widget)
            room -= width + gap
    return [widget for widget in widgets if widget in taken]


class FlowLayout(QLayout):
    """Children side by side in as many rows as they need. Constructor: parent=None, spacing=8, margin=0."""

    def __init__(self, parent: QWidget | None = None, spacing: int = 8, margin: int = 0) -> None:
        super().__init__(parent)
        self._items: list[QLayoutItem] = []
        self._gap = spacing
        self.setContentsMargins(QMargins(margin, margin, margin, margin))

    def addItem(self, item: QLayoutItem) -> None:
        """Take one more child."""
        self._items.append(item)

    def count(self) -> int:
        """The number of children."""
        return len(self._items)

    def itemAt(self, index: int) -> QLayoutItem | None:  # type: ignore[override]
        """The child at a place, or None."""
        return self._items[index] if 0 <= index < len(self._items) else None

    def takeAt(self, index: int) -> QLayoutItem | None:  # type: ignore[override]
        """Remove and return the child at a place."""
        if not 0 <= index < len(self._items):
            return None
        item = self._items.pop(index)
        self.invalidate()
        return item

    def expandingDirections(self) -> Qt.Orientation:
        """It wants no more room than it needs."""
        return Qt.Orientation(0)

    def hasHeightForWidth(self) -> bool:
        """A narrower row needs more rows."""
        return True

    def heightForWidth(self, width: int) -> int:
        """How tall all rows are at a width."""
        return self._place(QRect(0, 0, width, 0), move=False)

    def setGeometry(self, rect: QRect) -> None:
        """Place the children."""
        super().setGeometry(rect)
        self._place(rect, move=True)

    def sizeHint(self) -> QSize:
        """All in one row."""
        shown = [i.sizeHint() for i in self._items if not i.isEmpty()]
        m = self.contentsMargins()
        width = sum(s.width() for s in shown) + self._gap * max(0, len(shown) - 1) + m.left() + m.right()
        return QSize(width, max((s.height() for s in shown), default=0) + m.top() + m.bottom())

    def minimumSize(self) -> QSize:
        """The largest child."""
        size = QSize()
        for item in self._items:
            if not item.isEmpty():
                size = size.expandedTo(item.minimumSize())
        m = self.contentsMargins()
        return size + QSize(m.left() + m.right(), m.top() + m.bottom())

    def _place(self, rect: QRect, move: bool) -> int:
        m = self.contentsMargins()
        area = rect.adjusted(m.left(), m.top(), -m.right(), -m.bottom())
        x, y, tallest = area.x(), area.y(), 0
        for item in self._items:
            if item.isEmpty():
                continue
            size = item.sizeHint().boundedTo(QSize(max(area.width(), item.minimumSize().width()), 10_000))
            if x > area.x() and x + size.width() > area.right() + 1:
                x, y, tallest = area.x(), y + tallest + self._gap, 0
            if move:
                item.setGeometry(QRect(QPoint(x, y), size))
            x += size.width() + self._gap
            tallest = max(tallest, size.height())
        return y + tallest - rect.y() + m.bottom()
