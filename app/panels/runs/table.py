"""The table of saved runs as Qt wants it."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal

from app.widgets import kit
from gm_core import api

COLUMNS = ("curve", "name", "what", "state", "step", "changed", "score")
Index = QModelIndex | QPersistentModelIndex
ROLE = Qt.ItemDataRole


class RunsTable(QAbstractTableModel):
    """One row a run; the first column has ticks. `ticked` is emitted when the user changes them."""

    ticked = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.rows: list[api.RunRow] = []
        self.ticks: list[str] = []
        self._front = ""

    def set_rows(self, rows: Iterable[api.RunRow], front: str, ticks: Iterable[str]) -> None:
        """Show these runs; `front` is set in bold."""
        self.beginResetModel()
        self.rows, self._front = list(rows), front
        known = {row.run for row in self.rows}
        self.ticks = [run for run in ticks if run in known]
        self.endResetModel()

    def set_ticks(self, ticks: Iterable[str]) -> None:
        """Which curves are drawn."""
        self.ticks = list(ticks)
        if self.rows:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self.rows) - 1, 0), [ROLE.CheckStateRole])

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        """How many runs."""
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """How many columns."""
        return 0 if parent.isValid() else len(COLUMNS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = ROLE.DisplayRole) -> Any:
        """The words over the columns."""
        if orientation == Qt.Orientation.Horizontal and role == ROLE.DisplayRole:
            return COLUMNS[section] if section else ""
        if orientation == Qt.Orientation.Horizontal and role == ROLE.ToolTipRole and not section:
            return "Ticked: its curves are drawn with those of the run in front"
        return None

    def flags(self, index: Index) -> Qt.ItemFlag:
        """The first column can be ticked."""
        made = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        return made | Qt.ItemFlag.ItemIsUserCheckable if index.column() == 0 else made

    def data(self, index: Index, role: int = ROLE.DisplayRole) -> Any:
        """What a cell shows."""
        row, column = self.rows[index.row()], COLUMNS[index.column()]
        if column == "curve":
            if role == ROLE.CheckStateRole:
                on = row.run in self.ticks or row.run == self._front
                return Qt.CheckState.Checked if on else Qt.CheckState.Unchecked
            if role == ROLE.AccessibleTextRole:
                return f"curves of {row.run}"
            return row.run in self.ticks if role == ROLE.UserRole else None
        if role == ROLE.DisplayRole:
            return _shown(row, column)
        if role == ROLE.UserRole:
            return _sorted(row, column)
        if role == ROLE.ToolTipRole:
            return f"{row.title}\n{row.folder}"
        if role == ROLE.FontRole and row.run == self._front and column == "name":
            from app.shell import theme

            return theme.ui_font(0, bold=True)
        if role == ROLE.TextAlignmentRole and column in {"step", "score"}:
            return int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        return None

    def setData(self, index: Index, value: Any, role: int = ROLE.EditRole) -> bool:
        """Tick or untick a run."""
        if role != ROLE.CheckStateRole or index.column() != 0:
            return False
        run = self.rows[index.row()].run
        on = Qt.CheckState(value) == Qt.CheckState.Checked
        if on and run not in self.ticks:
            self.ticks.append(run)
        elif not on and run in self.ticks:
            self.ticks.remove(run)
        self.dataChanged.emit(index, index, [ROLE.CheckStateRole])
        self.ticked.emit()
        return True


def _shown(row: api.RunRow, column: str) -> str:
    match column:
        case "name":
            return row.run
        case "what":
            return f"{row.model} on {row.data}"
        case "state":
            return row.state
        case "step":
            return f"{row.step:,}"
        case "changed":
            return _ago(row.updated)
        case _:
            return kit.number_text(row.score) if row.score is not None else ""


def _sorted(row: api.RunRow, column: str) -> Any:
    match column:
        case "step":
            return row.step
        case "changed":
            return row.updated
        case "score":
            return row.score if row.score is not None else float("inf")
        case _:
            return _shown(row, column)


def _ago(when: float) -> str:
    passed = time.time() - when
    if passed < 90:
        return "just now"
    if passed < 5400:
        return f"{round(passed / 60)} minutes ago"
    if passed < 86400:
        return f"{round(passed / 3600)} hours ago"
    return time.strftime("%Y-%m-%d", time.localtime(when))
