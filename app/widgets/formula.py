"""A formula, set once as a vector picture, into which live numbers are painted at the places that it names."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from PySide6.QtCore import QByteArray, QEvent, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPaintEvent
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.shell import theme
from app.widgets import kit
from app.widgets.kept import Kept

SCALE = 0.72
"""Pixels of the design for a unit of the pictures, whose letters are 24 units high."""
GAP = 6
HEAD = re.compile(r"<(?:\w+:)?svg\b(?P<attributes>[^>]*)>")
ATTRIBUTE = re.compile(r'([\w:-]+)="([^"]*)"')


@dataclass(frozen=True)
class Slot:
    """Room for a number: its name, an example that says how many digits, and its box in units of the picture."""

    name: str
    pattern: str
    left: float
    top: float
    width: float
    height: float

    def words(self, value: float) -> str:
        """A number with the decimals of the example."""
        return kit.patterned(self.pattern, value)


@dataclass(frozen=True)
class Line:
    """One line of a formula: its picture as text, the box that it fills, and its slots."""

    svg: str
    box: QRectF
    slots: tuple[Slot, ...]
    latex: str


@lru_cache(maxsize=128)
def read_line(path: Path) -> Line:
    """Read a picture that packaging/make_formulas.py wrote."""
    text = path.read_text(encoding="utf-8")
    head = HEAD.search(text)
    assert head is not None, f"{path} is no picture of a formula"
    told = {key: _plain(value) for key, value in ATTRIBUTE.findall(head["attributes"])}
    slots = []
    for entry in filter(None, told.get("data-slots", "").split(";")):
        name, pattern, *box = entry.split(" ")
        slots.append(Slot(name, pattern, *(float(n) for n in box)))
    return Line(text, QRectF(*(float(n) for n in told["viewBox"].split())), tuple(slots), told.get("data-latex", ""))


def _plain(text: str) -> str:
    for code, sign in (("&quot;", '"'), ("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")):
        text = text.replace(code, sign)
    return text


class Formula(kit.Painted):
    """Lines of a formula under one another with live numbers in them.

    Setters: set_lines(paths), set_values(numbers by slot; a number that is missing leaves its place empty),
    set_colours(colour #rrggbb by slot). It is as high as it needs to be and shrinks where its place is narrower.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._lines: tuple[Line, ...] = ()
        self._drawn: tuple[str, list[QSvgRenderer]] = ("", [])
        self._ground = Kept()
        self._values: dict[str, float] = {}
        self._colours: dict[str, str] = {}
        rule = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        rule.setHeightForWidth(True)
        self.setSizePolicy(rule)
        self.setAccessibleName("Formula")

    def set_lines(self, paths: Sequence[Path]) -> None:
        """Show other lines; the values stay."""
        self._lines = tuple(read_line(path) for path in paths)
        self._drawn, self._ground = ("", []), Kept()
        self._tell()
        self.updateGeometry()
        self.update()

    def set_values(self, values: Mapping[str, float]) -> None:
        """Show other numbers."""
        self._values = dict(values)
        self._tell()
        self.update()

    def set_colours(self, colours: Mapping[str, str]) -> None:
        """Paint some numbers in the colour of what they belong to; all others take the accent."""
        self._colours = dict(colours)
        self.update()

    def slots(self) -> set[str]:
        """The names of all places for numbers."""
        return {slot.name for line in self._lines for slot in line.slots}

    def _tell(self) -> None:
        said = []
        for line in self._lines:
            text = line.latex
            for slot in line.slots:
                value = self._values.get(slot.name)
                shown = "" if value is None else slot.words(value)
                text = text.replace(rf"\slot{{{slot.name}}}{{{slot.pattern}}}", shown, 1)
            said.append(text)
        self.setAccessibleDescription("; ".join(said))

    # ---- size

    def _shrink(self, width: float) -> float:
        widest = max((line.box.width() for line in self._lines), default=1.0) * SCALE * theme.scale()
        return min(1.0, width / widest) if width > 0 else 1.0

    def heightForWidth(self, width: int) -> int:
        """The height of all lines at a width."""
        unit = SCALE * theme.scale() * self._shrink(width)
        high = sum(line.box.height() * unit for line in self._lines)
        return round(high + theme.px(GAP) * max(0, len(self._lines) - 1))

    def hasHeightForWidth(self) -> bool:
        """A narrow place makes it lower."""
        return True

    def sizeHint(self) -> QSize:
        """As large as it is meant."""
        widest = max((line.box.width() for line in self._lines), default=1.0) * SCALE * theme.scale()
        return QSize(round(widest), self.heightForWidth(round(widest)))

    def minimumSizeHint(self) -> QSize:
        """It may shrink to a third."""
        hint = self.sizeHint()
        return QSize(hint.width() // 3, hint.height() // 3)

    def changeEvent(self, event: QEvent) -> None:
        """Another text size is another height."""
        super().changeEvent(event)
        if event.type() in kit.RESTYLE:
            self.updateGeometry()

    # ---- painting

    def _pictures(self) -> list[QSvgRenderer]:
        colour = theme.current().text
        if self._drawn[0] != colour or len(self._drawn[1]) != len(self._lines):
            texts = [line.svg.replace('"#000"', f'"{colour}"') for line in self._lines]
            self._drawn = (colour, [QSvgRenderer(QByteArray(text.encode())) for text in texts])
        return self._drawn[1]

    def paintEvent(self, _event: QPaintEvent) -> None:
        """The lines, and the numbers in their places."""
        p = QPainter(self)
        p.setRenderHint(QPainter.RenderHint.Antialiasing)
        unit = SCALE * theme.scale() * self._shrink(self.width())
        pictures = self._pictures()
        self._ground.draw(p, self, (self._drawn[0], unit), lambda painter: self._paint_lines(painter, pictures, unit))
        top = 0.0
        for line in self._lines:
            for slot in line.slots:
                value = self._values.get(slot.name)
                if value is not None:
                    self._paint_number(p, line, slot, slot.words(value), top, unit)
            top += line.box.height() * unit + theme.px(GAP)

    def _paint_lines(self, p: QPainter, pictures: Sequence[QSvgRenderer], unit: float) -> None:
        top = 0.0
        for line, picture in zip(self._lines, pictures, strict=True):
            picture.render(p, QRectF(0.0, top, line.box.width() * unit, line.box.height() * unit))
            top += line.box.height() * unit + theme.px(GAP)

    def _paint_number(self, p: QPainter, line: Line, slot: Slot, words: str, top: float, unit: float) -> None:
        font = theme.number_font(bold=True)
        font.setPixelSize(max(6, round(slot.height * unit * 1.42)))  # figures fill 0.7 of the height of their font
        metrics = QFontMetricsF(font)
        sign = metrics.horizontalAdvance("−") if words.startswith("−") and not slot.pattern.startswith("-") else 0.0
        room, wide = (slot.width + 8.0) * unit + sign, metrics.horizontalAdvance(words)
        if wide > room:
            font = QFont(font)
            font.setPixelSize(max(6, int(font.pixelSize() * room / wide)))
            metrics = QFontMetricsF(font)
            wide = metrics.horizontalAdvance(words)
        middle = (slot.left + slot.width / 2 - line.box.left()) * unit - sign / 2  # the figures stay where they are
        foot = top + (slot.top + slot.height - line.box.top()) * unit
        p.setFont(font)
        p.setPen(QColor(self._colours.get(slot.name, theme.current().accent)))
        p.drawText(QRectF(middle - wide / 2 - 1, foot - metrics.ascent(), wide + 2, metrics.height()),
                   Qt.AlignmentFlag.AlignCenter, words)  # fmt: skip
