"""Saved runs: find one, open it, lay the curves of several over one another, see how their settings differ."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

from PySide6.QtCore import QSortFilterProxyModel, Qt
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QLineEdit,
    QMessageBox,
    QPushButton,
    QSplitter,
    QTableView,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from app.bridge.desk import Desk
from app.bridge.run_view import RunView
from app.panel import Export, Panel, PanelState
from app.panels.runs.table import COLUMNS, RunsTable
from app.shell import theme
from app.widgets import kit
from app.widgets.choosing import choose_target
from gm_core import api


class RunsState(PanelState):
    """What the list of runs remembers."""

    find: str = api.param("", "The words that are looked for.")


class RunsPanel(Panel):
    """A table of saved runs with ticks for their curves, beside it the difference of two specs."""

    name = "runs"
    title = "Runs"
    icon = "folder"
    tip = "What was trained before: open it, compare it."
    slot = "bottom"
    order = 20
    State = RunsState

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._wanted: tuple[str, Path] | None = None
        self._stale = True
        self.model = RunsTable(self)
        self.proxy = QSortFilterProxyModel(self)
        self.proxy.setSourceModel(self.model)
        self.proxy.setFilterKeyColumn(-1)
        self.proxy.setFilterCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self.proxy.setSortRole(Qt.ItemDataRole.UserRole)
        self._build()
        self.model.ticked.connect(self._overlay)
        self._choose()

    def _build(self) -> None:
        self.find = QLineEdit()
        self.find.setPlaceholderText("Find a run")
        self.find.setAccessibleName("Find a run")
        self.find.setClearButtonEnabled(True)
        self.find.textChanged.connect(self.proxy.setFilterFixedString)
        self.open_button = _button("Open", self.open_chosen, "Bring the run to the front, at its last checkpoint")
        self.csv_button = _button("CSV", self._csv_chosen, "Save the scalars of the run as a table")
        self.delete_button = _button("Delete", self.delete_chosen, "Remove the run and its files")
        self.delete_button.setProperty("danger", True)
        self.again = kit.IconButton("loop", "Read the list again")
        self.again.clicked.connect(lambda: self.desk.send(api.ListRuns()))
        self.table = QTableView()
        self.table.setModel(self.proxy)
        self.table.setAccessibleName("Saved runs")
        self.table.setSortingEnabled(True)
        self.table.sortByColumn(COLUMNS.index("changed"), Qt.SortOrder.DescendingOrder)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.table.setShowGrid(False)
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setDefaultSectionSize(theme.px(24))
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        header.setStretchLastSection(True)
        for at, wide in enumerate((34, 150, 170, 96, 80, 130, 90)):
            self.table.setColumnWidth(at, theme.px(wide))
        self.table.doubleClicked.connect(lambda _i: self.open_chosen())
        self.table.selectionModel().selectionChanged.connect(lambda *_: self._choose())
        self.diff = QTreeWidget()
        self.diff.setAccessibleName("Differences of the settings")
        self.diff.setRootIsDecorated(False)
        self.diff.setHeaderLabels(["setting", "first", "second"])
        self.split = QSplitter(Qt.Orientation.Horizontal)
        self.split.addWidget(self.table)
        self.split.addWidget(self.diff)
        self.split.setStretchFactor(0, 3)
        self.split.setStretchFactor(1, 2)
        self.words = kit.label("", "caption")
        box = QVBoxLayout(self)
        box.setContentsMargins(8, 6, 8, 4)
        box.setSpacing(4)
        top = kit.row(self.find, self.open_button, self.csv_button, self.delete_button, self.again, spacing=6)
        top.setStretch(0, 1)
        box.addLayout(top)
        box.addWidget(self.split, 1)
        box.addWidget(self.words)

    # ---- life

    def bind(self, desk: Desk) -> None:
        """Join the desk."""
        super().bind(desk)
        desk.runs_listed.connect(self._list)
        desk.history.connect(self._history)
        for signal in (desk.run_changed, desk.saved, desk.run_closed):
            signal.connect(self._news)
        desk.overlays_changed.connect(self._tick_rows)
        self._list(desk.rows)
        desk.send(api.ListRuns())

    def state(self) -> RunsState:
        """The words looked for."""
        return RunsState(find=self.find.text())

    def restore(self, state: PanelState) -> None:
        """Look for them again."""
        assert isinstance(state, RunsState)
        self.find.setText(state.find)

    def begin(self, card: api.RunCard) -> None:
        """Seen again: the list may be old."""
        self._news()

    def card_changed(self, card: api.RunCard) -> None:
        """Another state of the run in front."""
        self._news()

    def _news(self) -> None:
        # The list is read again only while it can be seen; opening it reads it anyway.
        if self.isVisible() and self.desk.is_ready:
            self.desk.send(api.ListRuns())

    def _tick_rows(self) -> None:
        self.model.set_ticks(self.desk.overlays)

    def _list(self, rows: tuple[api.RunRow, ...]) -> None:
        chosen = [row.run for row in self.chosen()]
        self.model.set_rows(rows, self.desk.current, self.desk.overlays)
        self._select(chosen)
        self._choose()

    def _select(self, runs: list[str]) -> None:
        flags = self.table.selectionModel().SelectionFlag
        for at, row in enumerate(self.model.rows):
            if row.run in runs:
                index = self.proxy.mapFromSource(self.model.index(at, 0))
                self.table.selectionModel().select(index, flags.Select | flags.Rows)

    # ---- what is chosen

    def chosen(self) -> list[api.RunRow]:
        """The rows that are selected, in the order of the table."""
        picked = sorted(index.row() for index in self.table.selectionModel().selectedRows())
        return [self.model.rows[self.proxy.mapToSource(self.proxy.index(at, 0)).row()] for at in picked]

    def _choose(self) -> None:
        rows = self.chosen()
        one = len(rows) == 1
        self.open_button.setEnabled(one)
        self.csv_button.setEnabled(one)
        self.delete_button.setEnabled(bool(rows))
        total = len(self.model.rows)
        if not total:
            self.words.setText("No runs yet. Everything that you train is kept here.")
        elif len(rows) == 2:
            self.words.setText(f"{rows[0].run} against {rows[1].run}. Tick the first column to overlay curves.")
        else:
            self.words.setText("Tick runs to overlay their curves; select two to compare their settings.")
        self._show_differences(rows)

    def _show_differences(self, rows: list[api.RunRow]) -> None:
        self.diff.clear()
        self.diff.setVisible(len(rows) == 2)
        if len(rows) != 2:
            return
        self.diff.setHeaderLabels(["setting", rows[0].run, rows[1].run])
        for path, (old, new) in api.difference(rows[0].spec, rows[1].spec).items():
            if path in {"name", "title", "note"}:
                continue
            self.diff.addTopLevelItem(QTreeWidgetItem([path, _text(old), _text(new)]))
        if not self.diff.topLevelItemCount():
            self.diff.addTopLevelItem(QTreeWidgetItem(["no difference", "", ""]))
        self.diff.resizeColumnToContents(0)

    def _overlay(self) -> None:
        self.desk.set_overlays(run for run in self.model.ticks if run != self.desk.current)

    # ---- what is done

    def open_chosen(self) -> None:
        """Bring the chosen run to the front."""
        rows = self.chosen()
        if len(rows) == 1:
            self.desk.open_run(rows[0].run)

    def delete_chosen(self) -> None:
        """Ask, then delete."""
        rows = self.chosen()
        if not rows:
            return
        names = ", ".join(row.run for row in rows)
        box = QMessageBox(self)
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.setWindowTitle("Delete")
        box.setIcon(QMessageBox.Icon.Warning)
        box.setText(f"Delete {names}?")
        box.setInformativeText("The weights, curves and settings on disk are removed for good.")
        delete = box.addButton("Delete", QMessageBox.ButtonRole.DestructiveRole)
        keep = box.addButton("Keep", QMessageBox.ButtonRole.RejectRole)
        box.setDefaultButton(keep)
        box.setEscapeButton(keep)
        runs = [row.run for row in rows]

        def clicked(button: Any) -> None:
            if button is delete:
                for run in runs:
                    self.desk.send(api.DeleteRun(run))

        box.buttonClicked.connect(clicked)
        box.open()

    def _csv_chosen(self) -> None:
        rows = self.chosen()
        if len(rows) != 1:
            return
        run = rows[0].run
        choose_target(self, "Save the scalars", f"{run}.csv", "*.csv", lambda text: self.save_csv(run, Path(text)))

    def save_csv(self, run: str, path: Path) -> None:
        """Write every recorded scalar of a run; its history is read first if it is not here."""
        view = self.desk.views.get(run)
        if view is not None and view.points:
            self._write(view, path)
        else:
            self._wanted = (run, path)
            self.desk.send(api.ReadHistory(run))

    def _history(self, event: api.History) -> None:
        if self._wanted is not None and self._wanted[0] == event.run:
            path, self._wanted = self._wanted[1], None
            self._write(self.desk.views[event.run], path)

    def _write(self, view: RunView, path: Path) -> None:
        try:
            write_csv(view, path)
        except OSError as error:
            self.say(f"{path.name} could not be written: {error.strerror or error}", "error")
        else:
            self.say(f"Saved {path}.")

    def exports(self) -> list[Export]:
        """The scalars of the run in front, and the list itself."""
        made = [Export("List of runs as JSON", ".json", self._write_list)]
        view = self.desk.view
        if view is not None and view.points:
            made.insert(0, Export(f"Scalars of {view.run} as CSV", ".csv", lambda path: write_csv(view, path)))
        return made

    def _write_list(self, path: Path) -> None:
        rows = [
            {"run": r.run, "title": r.title, "state": r.state, "step": r.step, "spec": dict(r.spec)}
            for r in self.model.rows
        ]
        path.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


def write_csv(view: RunView, path: Path) -> None:
    """Every scalar of a run as a table."""
    names, rows = view.table()
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(names)
        writer.writerows(rows)


def _text(value: Any) -> str:
    return "" if value is None else kit.number_text(value) if isinstance(value, float) else str(value)


def _button(text: str, do: Any, tip: str) -> QPushButton:
    button = QPushButton(text)
    button.setToolTip(tip)
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    button.clicked.connect(lambda _on=False: do())
    return button
