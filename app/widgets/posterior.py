"""Where one example's code lies among all codes: a row for each of the strongest dimensions."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from app.shell import theme
from app.widgets import kit

ROW = 24
LEAST_ROW = 15


class PosteriorRows(kit.Painted):
    """Rows of the dimensions in `order`: all codes as a pale histogram, this code as mean and standard deviation.

    Setters: set_survey(histogram (k, bins), edges (bins + 1,), order (k,)) or set_survey(None), set_code(mu (k,),
    std (k,)) or set_code(None), set_empty(title, hint). Getters: shown() -> dimensions in rows, far() -> those of them
    whose mean lies where fewer than one code in a hundred lies further out. Signal: hovered(int; -1 outside).
    """

    hovered = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._histogram: np.ndarray | None = None
        self._edges = np.linspace(-4, 4, 2)
        self._order: list[int] = []
        self._mu: np.ndarray | None = None
        self._std: np.ndarray | None = None
        self._empty = ("No code yet", "")
        self._hover = -1
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(120, 70)
        self.setAccessibleName("Code of the picture among all codes")

    def set_survey(
        self, histogram: np.ndarray | None, edges: np.ndarray | None = None, order: np.ndarray | None = None
    ) -> None:
        """Where the codes of real examples lie in each dimension, and which dimensions are strongest."""
        self._histogram = None if histogram is None else np.asarray(histogram, float)
        if edges is not None:
            self._edges = np.asarray(edges, float)
        self._order = [] if order is None else [int(i) for i in order]
        self._describe()

    def set_code(self, mu: np.ndarray | None, std: np.ndarray | None = None) -> None:
        """The code of one example; a standard deviation of 0 is drawn as a point."""
        self._mu = None if mu is None else np.asarray(mu, float).ravel()
        self._std = None if self._mu is None else np.zeros_like(self._mu) if std is None else np.asarray(std).ravel()
        self._describe()

    def shown(self) -> list[int]:
        """The dimensions that have a row at the present height, strongest first."""
        if self._mu is None:
            return []
        k = len(self._mu)
        order = [i for i in self._order if i < k] or list(range(k))
        return order[: max(1, (self.height() - theme.px(14)) // theme.px(LEAST_ROW))]

    def far(self) -> list[int]:
        """The shown dimensions in which hardly any code lies as far out as this one's mean."""
        return [i for i in self.shown() if self._tail(i) < 0.01]

    def _tail(self, i: int) -> float:
        """The share of codes that lie further out than the mean, on its side."""
        if self._histogram is None or self._mu is None or i >= len(self._histogram):
            return 1.0
        counts = self._histogram[i]
        middles = (self._edges[:-1] + self._edges[1:]) / 2
        total = float(counts.sum())
        if total <= 0:
            return 1.0
        width = self._edges[1] - self._edges[0]
        beyond = min(counts[middles >= self._mu[i] - width / 2].sum(), counts[middles <= self._mu[i] + width / 2].sum())
        return float(beyond) / total

    def _describe(self) -> None:
        if self._mu is None or self._std is None:
            self.setAccessibleDescription("")
        else:
            words = [f"z {i + 1}: {self._mu[i]:.2f} ± {self._std[i]:.2f}" for i in self.shown()]
            self.setAccessibleDescription("; ".join(words))
        self.update()

    def sizeHint(self) -> QSize:
        """Room for eight rows."""
        return QSize(240, theme.px(8 * ROW))

    # ---- painting

    def _place(self) -> tuple[QRectF, float]:
        """The area of all rows without names and numbers, and the height of one."""
        rows = max(1, len(self.shown()))
        high = min(theme.px(34), (self.height() - theme.px(14)) / rows)
        left, right = theme.px(38), theme.px(86)
        return QRectF(left, 1, max(20, self.width() - left - right), high * rows), high

    def _x(self, value: float, area: QRectF) -> float:
        lo, hi = self._edges[0], self._edges[-1]
        return area.left() + (min(max(value, lo), hi) - lo) / (hi - lo) * area.width()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Rows, and a short axis below them."""
        p, t = QPainter(self), theme.current()
        p.fillRect(self.rect(), QColor(t.base))
        if self._mu is None or self._std is None:
            kit.paint_empty(p, self.rect(), *self._empty, icon="layers")
            if self.show_ring:
                kit.paint_focus(p, QRectF(self.rect()))
            return
        p.setRenderHint(QPainter.RenderHint.Antialiasing)
        area, high = self._place()
        far = set(self.far())
        for place, i in enumerate(self.shown()):
            self._paint_row(p, i, QRectF(area.left(), area.top() + place * high, area.width(), high), i in far)
        p.setFont(theme.number_font(-2))
        p.setPen(QColor(t.muted))
        for value in kit.nice_ticks(float(self._edges[0]), float(self._edges[-1]), max(2, int(area.width() / 50))):
            x = self._x(value, area)
            p.drawText(
                QRectF(x - 24, area.bottom(), 48, theme.px(13)), Qt.AlignmentFlag.AlignCenter, kit.number_text(value)
            )
        if self.show_ring:
            kit.paint_focus(p, QRectF(self.rect()))

    def _paint_row(self, p: QPainter, i: int, row: QRectF, far: bool) -> None:
        assert self._mu is not None and self._std is not None
        t = theme.current()
        if i == self._hover:
            p.fillRect(QRectF(0, row.top(), self.width(), row.height()), QColor(t.hover))
        base = row.bottom() - 1.5
        if self._histogram is not None and i < len(self._histogram) and self._histogram[i].max() > 0:
            heights = self._histogram[i] / self._histogram[i].max() * (row.height() - 4)
            xs = [self._x(e, row) for e in self._edges]
            outline = [QPointF(xs[0], base)]
            for n, tall in enumerate(heights):
                outline += [QPointF(xs[n], base - tall), QPointF(xs[n + 1], base - tall)]
            outline.append(QPointF(xs[-1], base))
            p.setPen(Qt.PenStyle.NoPen)
            p.setBrush(theme.color(t.edge, 110))
            p.drawPolygon(QPolygonF(outline))
        p.setPen(QPen(QColor(t.border), 1))
        p.drawLine(QPointF(row.left(), base), QPointF(row.right(), base))
        zero = self._x(0.0, row)
        p.drawLine(QPointF(zero, row.top() + 2), QPointF(zero, base))
        mean, std = float(self._mu[i]), float(self._std[i])
        colour = QColor(t.warn if far else t.accent)
        middle, at = row.center().y(), self._x(mean, row)
        p.setPen(QPen(colour, max(2.0, theme.px(3)), Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
        if std > 0:
            p.drawLine(QPointF(self._x(mean - std, row), middle), QPointF(self._x(mean + std, row), middle))
        p.setPen(QPen(QColor(t.base), 1))
        p.setBrush(colour)
        p.drawEllipse(QPointF(at, middle), theme.px(4), theme.px(4))
        p.setFont(theme.number_font(-1.5))
        p.setPen(QColor(t.text if i == self._hover else t.muted))
        side = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
        p.drawText(QRectF(0, row.top(), row.left() - theme.px(6), row.height()), int(side), f"z {i + 1}")
        p.setPen(colour if far else QColor(t.text))
        words = f"{mean:+.2f} ± {std:.2f}" if std > 0 else f"{mean:+.2f}"
        left = row.right() + theme.px(6)
        where = QRectF(left, row.top(), self.width() - left, row.height())
        p.drawText(where, int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft), words)

    # ---- hands

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Tell the numbers of the row under the pointer."""
        shown = self.shown()
        area, high = self._place()
        place = int((event.position().y() - area.top()) // high)
        index = shown[place] if 0 <= place < len(shown) else -1
        if index != self._hover:
            self._hover = index
            self.hovered.emit(index)
            self.update()
        if index >= 0 and self._mu is not None and self._std is not None:
            words = f"z {index + 1}: mean {self._mu[index]:.3f}, standard deviation {self._std[index]:.3f}"
            if self._tail(index) < 0.01:
                words += "\nFewer than one code in a hundred lies so far out."
            QToolTip.showText(event.globalPosition().toPoint(), words, self)

    def leaveEvent(self, event: QEvent) -> None:
        """Forget the row."""
        self._hover = -1
        self.hovered.emit(-1)
        self.update()
        super().leaveEvent(event)


def _demo() -> QWidget:
    rng = np.random.default_rng(0)
    edges = np.linspace(-4, 4, 42)
    spread = rng.uniform(0.5, 1.3, 10)
    histogram = np.stack([np.histogram(rng.normal(0, s, 2000), edges)[0] for s in spread])
    rows = PosteriorRows()
    rows.set_survey(histogram, edges, np.argsort(-spread))
    rows.set_code(rng.normal(0, 1.2, 10), rng.uniform(0.05, 0.5, 10))
    return rows


if __name__ == "__main__":
    import sys

    from app.widgets.demo import run

    sys.exit(run(_demo, (300, 260)))
