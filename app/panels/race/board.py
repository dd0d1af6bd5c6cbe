"""The table of a race: who leads by the chosen number, and what real examples reach."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QColor, QFont, QIcon, QPainter, QPixmap
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTreeWidget, QTreeWidgetItem, QWidget

from app.panels.race.lanes import Runner, ranked
from app.shell import theme
from app.widgets import kit

COLUMNS = ("family", "now", "best", "step", "seconds", "cost", "")
TIPS = (
    "Double click brings the run to the front",
    "At the newest measurement, with its standard error",
    "The best on the way",
    "Steps taken",
    "Seconds of its own training",
    "Network evaluations, or numbers drawn one after another, for one example",
    "",
)
REAL = "real examples"


class Board(QTreeWidget):
    """Runners in rows, the best first; the last row is the floor. Signal: chosen(run)."""

    chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setColumnCount(len(COLUMNS))
        self.setHeaderLabels(list(COLUMNS))
        for column, tip in enumerate(TIPS):
            self.headerItem().setToolTip(column, tip)
            if 0 < column < len(COLUMNS) - 1:
                self.headerItem().setTextAlignment(column, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.setRootIsDecorated(False)
        self.setUniformRowHeights(True)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setAccessibleName("Standings")
        head = self.header()
        head.setStretchLastSection(True)
        head.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.itemActivated.connect(lambda item, _c: self.chosen.emit(str(item.data(0, Qt.ItemDataRole.UserRole) or "")))

    def show_runners(self, runners: Sequence[Runner], metric: str, floors: dict[str, float], front: str) -> None:
        """Everything as it stands now; rows are written over, so that a choice survives."""
        order = ranked(runners, metric)
        rows = len(order) + (1 if metric in floors else 0)
        while self.topLevelItemCount() > rows:
            self.takeTopLevelItem(self.topLevelItemCount() - 1)
        while self.topLevelItemCount() < rows:
            self.addTopLevelItem(QTreeWidgetItem())
        for place, runner in enumerate(order):
            self._write(self.topLevelItem(place), runner, metric, place, runner.run == front and bool(front))
        if metric in floors:
            item = self.topLevelItem(rows - 1)
            cells = (REAL, number(floors[metric]), "", "", "", "", "training examples against the same real ones")
            self._fill(item, cells, theme.current().muted, "", False)

    def _write(self, item: QTreeWidgetItem, runner: Runner, metric: str, place: int, front: bool) -> None:
        last = runner.last
        now = "–"
        if last is not None and metric in last.values:
            error = last.errors.get(metric, math.nan)
            now = number(last.values[metric]) + ("" if math.isnan(error) else f" ± {number(error, 2)}")
        best, series = runner.best(metric), theme.current().series
        words = runner.words or runner.note or ("budget spent" if runner.spent else runner.state)
        cells = (
            runner.entrant.key,
            now,
            "" if math.isnan(best) else number(best),
            f"{runner.step:,}",
            f"{runner.seconds:.1f}",
            "" if last is None else f"{last.cost:,.0f}",
            words,
        )
        self._fill(item, cells, series[runner.colour % len(series)], runner.run, place == 0 and last is not None)
        item.setToolTip(0, f"{runner.entrant.title}, in front" if front else runner.entrant.title)
        item.setToolTip(6, words)

    def _fill(self, item: QTreeWidgetItem, cells: Sequence[str], colour: str, run: str, bold: bool) -> None:
        font = QFont(self.font())
        font.setBold(bold)
        for column, text in enumerate(cells):
            if item.text(column) != text:
                item.setText(column, text)
            item.setFont(column, font)
            if 0 < column < len(cells) - 1:
                item.setTextAlignment(column, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        if item.data(0, Qt.ItemDataRole.UserRole) != run or item.data(1, Qt.ItemDataRole.UserRole) != colour:
            item.setData(0, Qt.ItemDataRole.UserRole, run)
            item.setData(1, Qt.ItemDataRole.UserRole, colour)
            item.setIcon(0, swatch(colour))

    def sizeHint(self) -> QSize:
        """A few rows."""
        return QSize(theme.px(320), theme.px(24) * (self.topLevelItemCount() + 2))


def number(value: float, digits: int = 3) -> str:
    """A number of quality: three digits, but no more than four behind the point."""
    if not math.isfinite(value):
        return "–" if math.isnan(value) else kit.number_text(value)
    if abs(value) < 0.00005:
        return "0"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.4f}".rstrip("0").rstrip(".") if abs(value) < 0.1 else f"{value:.{digits}g}"


def swatch(colour: str) -> QIcon:
    """A dot in a runner's colour."""
    side = theme.px(10)
    picture = QPixmap(2 * side, 2 * side)
    picture.setDevicePixelRatio(2.0)
    picture.fill(Qt.GlobalColor.transparent)
    p = QPainter(picture)
    p.setRenderHint(QPainter.RenderHint.Antialiasing)
    p.setPen(Qt.PenStyle.NoPen)
    p.setBrush(QColor(colour))
    p.drawEllipse(1, 1, side - 2, side - 2)
    p.end()
    return QIcon(picture)
