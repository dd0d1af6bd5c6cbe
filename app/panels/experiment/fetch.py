"""The row that fetches a data set: a button, how far it has come, and the way to stop it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QProgressBar, QPushButton, QVBoxLayout, QWidget

from app.bridge.desk import Desk
from app.widgets import kit
from gm_core import api


class FetchRow(QWidget):
    """Shown while the chosen data set may have to be downloaded."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._data: dict[str, Any] | None = None
        self._done: set[str] = set()
        self.desk: Desk | None = None
        self.button = QPushButton("Download")
        self.button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.button.clicked.connect(self._fetch)
        self.stop = kit.IconButton("stop", "Cancel the download")
        self.stop.clicked.connect(self._cancel)
        self.bar = QProgressBar()
        self.bar.setAccessibleName("Download")
        self.words = kit.label("", "caption")
        self.words.setWordWrap(True)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(2)
        box.addLayout(kit.row(self.button, self.bar, self.stop))
        box.addWidget(self.words)
        self._busy(False)
        self.hide()

    def bind(self, desk: Desk) -> None:
        """Join the desk."""
        self.desk = desk
        desk.progress.connect(self._progress)

    @property
    def topic(self) -> str:
        """What the worker calls this download."""
        return f"download:{self._data.get('kind')}" if self._data else ""

    def set_data(self, data: Mapping[str, Any] | None, title: str) -> None:
        """The data set that is chosen, or None where nothing need be fetched."""
        if data is None:
            self._data = None
        elif self._data is None or self._data.get("kind") != data.get("kind"):
            self._data = dict(data)
            self._busy(False)
            self.button.setText(f"Download {title}")
            self.words.setText("Fetched once, if it is not on this machine yet.")
        self.setVisible(self._data is not None and self.topic not in self._done)

    def _fetch(self) -> None:
        if self.desk is not None and self._data is not None:
            self.words.setText("asking...")
            self.desk.send(api.Download(self._data))

    def _cancel(self) -> None:
        if self.desk is not None:
            self.words.setText("stopping...")
            self.desk.send(api.Cancel(self.topic))

    def _progress(self, event: api.Progress) -> None:
        if not self._data or event.topic != self.topic:
            return
        finished = event.total > 0 and event.done >= event.total and event.words == "done"
        self._busy(not finished)
        self.bar.setRange(0, 1000 if event.total else 0)
        if event.total:
            self.bar.setValue(round(1000 * event.done / event.total))
        self.words.setText("It is here; press Train." if finished else event.words)
        if finished:
            self._done.add(event.topic)

    def trouble(self, trouble: api.Trouble) -> None:
        """A download that failed or was cancelled."""
        if self._data and trouble.topic == self.topic:
            self._busy(False)
            self.words.setText(trouble.words)

    def _busy(self, busy: bool) -> None:
        self.button.setVisible(not busy)
        self.bar.setVisible(busy)
        self.stop.setVisible(busy)
