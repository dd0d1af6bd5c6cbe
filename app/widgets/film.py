"""What films are made of: frames enlarged without blur, captions, frames side by side, and a slider to scrub."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QColor, QImage, QMouseEvent, QPainter
from PySide6.QtWidgets import QSlider, QStyle, QStyleOptionSlider, QWidget

from app.shell import theme
from app.widgets import images
from app.widgets.transport import Transport


def enlarge(picture: np.ndarray, least: int = 280) -> np.ndarray:
    """A picture (h, w, c) made at least so many pixels wide or high by repeating pixels."""
    zoom = max(1, math.ceil(least / max(picture.shape[0], picture.shape[1])))
    return np.ascontiguousarray(picture.repeat(zoom, 0).repeat(zoom, 1))


def sheet(items: np.ndarray, columns: int | None = None, least: int = 280) -> np.ndarray:
    """A gallery (n, h, w, c) as one enlarged picture, as square as it can be unless columns are given."""
    return enlarge(images.tile(items, columns or math.ceil(math.sqrt(len(items))), gap=1), least)


def captioned(picture: np.ndarray, words: str) -> np.ndarray:
    """The picture (h, w, c) as uint8 (h + a line, w, 3) with a line of words under it, in the theme's colours."""
    t = theme.current()
    drawn = images.to_qimage(picture)
    high = min(24, max(18, round(drawn.width() * 0.055)))
    out = QImage(drawn.width(), drawn.height() + high, QImage.Format.Format_RGB888)
    out.fill(QColor(t.base))
    painter = QPainter(out)
    painter.drawImage(0, 0, drawn)
    font = theme.number_font()
    font.setPixelSize(max(11, round(high * 0.62)))
    painter.setFont(font)
    painter.setPen(QColor(t.text))
    shown = painter.fontMetrics().elidedText(words, Qt.TextElideMode.ElideRight, drawn.width() - 8)
    painter.drawText(QRect(4, drawn.height(), drawn.width() - 8, high), Qt.AlignmentFlag.AlignVCenter, shown)
    painter.end()
    return np.ascontiguousarray(images.from_qimage(out)[..., :3])


def beside(pictures: Sequence[np.ndarray], gap: int = 8) -> np.ndarray:
    """Pictures of any height side by side, as uint8 (H, W, 3) on the theme's ground."""
    rgb = [images.as_rgb(p)[..., :3] for p in pictures]
    high = max(p.shape[0] for p in rgb)
    wide = sum(p.shape[1] for p in rgb) + gap * (len(rgb) - 1)
    out = np.empty((high, wide, 3), np.uint8)
    out[:] = _ground()
    x = 0
    for p in rgb:
        out[: p.shape[0], x : x + p.shape[1]] = p
        x += p.shape[1] + gap
    return out


def _ground() -> tuple[int, int, int]:
    """The theme's ground as red, green, blue."""
    c = QColor(theme.current().base)
    return c.red(), c.green(), c.blue()


def below(pictures: Sequence[np.ndarray], gap: int = 6) -> np.ndarray:
    """Pictures of any width below each other, as uint8 (H, W, 3) on the theme's ground."""
    rgb = [images.as_rgb(p)[..., :3] for p in pictures]
    wide = max(p.shape[1] for p in rgb)
    high = sum(p.shape[0] for p in rgb) + gap * (len(rgb) - 1)
    out = np.empty((high, wide, 3), np.uint8)
    out[:] = _ground()
    y = 0
    for p in rgb:
        out[y : y + p.shape[0], : p.shape[1]] = p
        y += p.shape[0] + gap
    return out


def grab(widget: QWidget) -> np.ndarray:
    """What a widget shows, as uint8 (h, w, 3)."""
    return np.ascontiguousarray(images.from_qimage(widget.grab().toImage())[..., :3])


def fit_transport(transport: Transport, width: int) -> None:
    """Leave out the buttons that a narrow panel can do without; their keys go on working."""
    for part, least in (
        (transport.first, 340),
        (transport.last, 340),
        (transport.speed, 300),
        (transport.counter, 250),
    ):
        part.setVisible(width >= theme.px(least))


class FilmSlider(QSlider):
    """A slider over the frames of a film; a click goes straight to the frame under the pointer.

    Setters: set_count(n), set_index(i) (silent). Signal: those of QSlider (valueChanged when moved by hand or keys).
    """

    def __init__(self, name: str = "Frame", parent: QWidget | None = None) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self.setAccessibleName(name)
        self.setRange(0, 0)
        self.setEnabled(False)

    def set_count(self, n: int) -> None:
        """The number of frames there are."""
        self.blockSignals(True)
        self.setRange(0, max(0, n - 1))
        self.setPageStep(max(1, n // 10))
        self.blockSignals(False)
        self.setEnabled(n > 1)

    def set_index(self, index: int) -> None:
        """Show which frame is current, without a signal."""
        self.blockSignals(True)
        self.setValue(index)
        self.blockSignals(False)

    def _at(self, x: float) -> int:
        option = QStyleOptionSlider()
        self.initStyleOption(option)
        handle = self.style().subControlRect(
            QStyle.ComplexControl.CC_Slider, option, QStyle.SubControl.SC_SliderHandle, self
        )
        half = handle.width() / 2
        span = max(1, int(self.width() - handle.width()))
        return QStyle.sliderValueFromPosition(self.minimum(), self.maximum(), int(x - half), span)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Go to the frame under the pointer and take hold of the handle."""
        if event.button() == Qt.MouseButton.LeftButton:
            self.setValue(self._at(event.position().x()))
            self.setSliderDown(True)
            event.accept()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Scrub."""
        if self.isSliderDown():
            self.setValue(self._at(event.position().x()))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Let go."""
        if event.button() == Qt.MouseButton.LeftButton:
            self.setSliderDown(False)
