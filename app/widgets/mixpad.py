"""A small pad that mixes two to four classes: each has a corner, and the handle stands where their weights are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QAction, QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QMenu, QSizePolicy, QWidget

from app.shell import theme
from app.widgets import kit

MOST = 4
LAYOUTS = {
    2: np.array([(0.0, 0.5), (1.0, 0.5)]),
    3: np.array([(0.5, 0.0), (0.0, 1.0), (1.0, 1.0)]),
    4: np.array([(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)]),
}
"""Where the corners lie, by how many there are, in a square whose y grows downwards."""


def weights_at(x: float, y: float, corners: int) -> np.ndarray:
    """The weights of the corners at a place of the unit square, not negative and with sum 1.

    Between two: along the line. Among three: barycentric, the nearest inside the triangle. Among four: bilinear.
    """
    x, y = min(1.0, max(0.0, x)), min(1.0, max(0.0, y))
    if corners == 2:
        return np.array([1.0 - x, x])
    if corners == 4:
        return np.array([(1 - x) * (1 - y), x * (1 - y), (1 - x) * y, x * y])
    top = 1.0 - y
    right = min(max(x - 0.5 * top, 0.0), 1.0 - top)
    return np.array([top, 1.0 - top - right, right])


def place_of(weights: np.ndarray) -> tuple[float, float]:
    """The place of the unit square with these weights of its corners."""
    shares = np.asarray(weights, float) / max(float(np.sum(weights)), 1e-12)
    x, y = shares @ LAYOUTS[len(shares)]
    return float(x), float(y)


class MixPad(kit.Painted):
    """Setters (silent): set_names(names of the classes, the empty one last), set_corners(classes), set_weights(shares
    of all classes). Getters: weights() as a tuple over all names, corners(). Signals: changing(), changed().

    A press moves the handle. A press on a corner's name offers other classes for it, one corner more or one less.
    """

    changing = Signal()
    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._names: tuple[str, ...] = ("none",)
        self._corners: list[int] = []
        self._x, self._y = 0.5, 0.5
        self._menu: QMenu | None = None
        self.setAccessibleName("Mix of classes")
        self.setToolTip("Drag the handle to mix; click a name to choose another class")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMinimumSize(160, theme.px(108))

    def set_names(self, names: Sequence[str]) -> None:
        """The classes there are, the empty one last; another number of them begins with the first three."""
        if len(names) != len(self._names):
            self._corners = list(range(min(3, len(names)))) if len(names) > 1 else []
            self._x, self._y = place_of(np.ones(len(self._corners))) if self._corners else (0.5, 0.5)
        self._names = tuple(names)
        self.update()

    def set_corners(self, corners: Sequence[int]) -> None:
        """Which classes have a corner: two to four; others are left out."""
        known = list(dict.fromkeys(c for c in corners if 0 <= c < len(self._names)))[:MOST]
        if len(known) >= 2:
            self._corners = known
            self._x, self._y = place_of(np.ones(len(known)))
        self.update()

    def set_weights(self, weights: Sequence[float]) -> None:
        """Stand at a mix; classes with a weight get a corner if they have none."""
        if len(weights) != len(self._names) or sum(weights) <= 0:
            return
        used = [i for i, weight in enumerate(weights) if weight > 0]
        if not set(used) <= set(self._corners):
            others = [c for c in self._corners if c not in used]
            self._corners = sorted((used + others)[: max(2, min(MOST, len(used)))])
        self._x, self._y = place_of(np.array([weights[c] for c in self._corners]))
        self.update()

    def corners(self) -> tuple[int, ...]:
        """The classes at the corners."""
        return tuple(self._corners)

    def weights(self) -> tuple[float, ...]:
        """The share of every class, the empty one last; empty where there are no two classes to mix."""
        if len(self._corners) < 2:
            return ()
        shares = np.zeros(len(self._names))
        shares[self._corners] = weights_at(self._x, self._y, len(self._corners)).round(3)
        return tuple(float(share) for share in shares)

    def sizeHint(self) -> QSize:
        """Wide and low."""
        return QSize(260, theme.px(116))

    # ---- geometry

    def _pad(self) -> QRectF:
        names = theme.px(20)
        side = QRectF(self.rect()).adjusted(theme.px(56), names, -theme.px(56), -names)
        return side if len(self._corners) != 2 else QRectF(side.left(), side.center().y() - 1, side.width(), 2)

    def _spot(self, x: float, y: float) -> QPointF:
        r = self._pad()
        return QPointF(r.left() + x * r.width(), r.top() + y * r.height())

    def _name_box(self, corner: int) -> QRectF:
        x, y = LAYOUTS[len(self._corners)][corner]
        spot, wide, high = self._spot(x, y), float(theme.px(104)), float(theme.px(18))
        if len(self._corners) == 2:
            return QRectF(spot.x() - wide / 2, spot.y() - theme.px(26), wide, high)
        return QRectF(spot.x() - wide / 2, spot.y() - high - 2 if y < 0.5 else spot.y() + 2, wide, high)

    # ---- painting

    def paintEvent(self, _event: QPaintEvent) -> None:
        """The shape between the corners, their names with shares, the handle."""
        p, t = QPainter(self), theme.current()
        if len(self._corners) < 2:
            kit.paint_empty(p, self.rect(), "No classes to mix", "")
            return
        p.setRenderHint(QPainter.RenderHint.Antialiasing)
        order = (0, 1, 3, 2) if len(self._corners) == 4 else range(len(self._corners))
        layout = LAYOUTS[len(self._corners)]
        p.setPen(QPen(QColor(t.edge), 1.2))
        p.setBrush(QColor(t.base))
        p.drawPolygon(QPolygonF([self._spot(*layout[i]) for i in order]))
        handle = self._handle()
        shares = weights_at(self._x, self._y, len(self._corners))
        for i, (corner, share) in enumerate(zip(self._corners, shares, strict=True)):
            spot = self._spot(*layout[i])
            p.setPen(QPen(QColor(theme.mix(t.base, t.accent, 0.15 + 0.85 * float(share))), 1.6))
            p.drawLine(handle, spot)
            p.setPen(QColor(t.text if share > 0.005 else t.muted))
            p.setFont(theme.ui_font(-0.5))
            words = f"{self._names[corner]} {100 * share:.0f} %"
            box = self._name_box(i)
            shown = p.fontMetrics().elidedText(words, Qt.TextElideMode.ElideRight, int(box.width()))
            p.drawText(box, Qt.AlignmentFlag.AlignCenter, shown)
        p.setPen(QPen(QColor(t.base), 2))
        p.setBrush(QColor(t.accent))
        p.drawEllipse(handle, theme.px(6), theme.px(6))
        if self.show_ring:
            kit.paint_focus(p, QRectF(self.rect()))

    def _handle(self) -> QPointF:
        return self._spot(*place_of(weights_at(self._x, self._y, len(self._corners))))

    # ---- hands

    def _take(self, where: QPointF) -> None:
        r = self._pad()
        self._x = min(1.0, max(0.0, (where.x() - r.left()) / max(r.width(), 1)))
        self._y = min(1.0, max(0.0, (where.y() - r.top()) / max(r.height(), 1)))
        self.setAccessibleDescription(", ".join(f"{self._names[c]}" for c in self._corners))
        self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Move the handle, or choose the class of a corner."""
        if event.button() != Qt.MouseButton.LeftButton or len(self._corners) < 2:
            return
        for corner in range(len(self._corners)):
            if self._name_box(corner).contains(event.position()):
                self._offer(corner, event.globalPosition().toPoint())
                return
        self._take(event.position())
        self.changing.emit()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Drag the handle."""
        if event.buttons() & Qt.MouseButton.LeftButton and len(self._corners) >= 2:
            self._take(event.position())
            self.changing.emit()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Let go: the mix is chosen."""
        if event.button() == Qt.MouseButton.LeftButton and len(self._corners) >= 2:
            self.changed.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows move the handle by a twentieth, Return opens the names."""
        moves = {
            Qt.Key.Key_Left: (-0.05, 0.0), Qt.Key.Key_Right: (0.05, 0.0),
            Qt.Key.Key_Up: (0.0, -0.05), Qt.Key.Key_Down: (0.0, 0.05),
        }  # fmt: skip
        key = Qt.Key(event.key())
        if key in moves and len(self._corners) >= 2:
            dx, dy = moves[key]
            self._take(self._spot(self._x + dx, self._y + dy))
            self.changed.emit()
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and len(self._corners) >= 2:
            self._offer(0, self.mapToGlobal(self._name_box(0).center().toPoint()))
        else:
            super().keyPressEvent(event)

    def menu(self, corner: int) -> QMenu:
        """What can be chosen for a corner."""
        menu = QMenu(self)
        for place, name in enumerate(self._names):
            action = QAction(name, menu)
            action.setEnabled(place not in self._corners)
            action.triggered.connect(lambda _=False, c=corner, to=place: self._choose(c, to))
            menu.addAction(action)
        menu.addSeparator()
        free = [i for i in range(len(self._names)) if i not in self._corners]
        more, less = QAction("One class more", menu), QAction("One class less", menu)
        more.setEnabled(bool(free) and len(self._corners) < MOST)
        less.setEnabled(len(self._corners) > 2)
        more.triggered.connect(lambda: self._renew([*self._corners, free[0]]))
        less.triggered.connect(lambda: self._renew([c for i, c in enumerate(self._corners) if i != corner]))
        menu.addActions([more, less])
        return menu

    def _offer(self, corner: int, where: object) -> None:
        self._menu = self.menu(corner)
        self._menu.popup(where)  # type: ignore[call-overload]

    def _choose(self, corner: int, place: int) -> None:
        self._corners[corner] = place
        self.update()
        self.changed.emit()

    def _renew(self, corners: list[int]) -> None:
        self.set_corners(corners)
        self.changed.emit()


def _demo() -> QWidget:
    pad = MixPad()
    pad.set_names([*(str(i) for i in range(10)), "none"])
    pad.set_corners((3, 8, 5))
    return pad


if __name__ == "__main__":
    import sys

    from app.widgets.demo import run

    sys.exit(run(_demo, (320, 140)))
