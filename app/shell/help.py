"""One screen of help for each page, panel and model: what it is, what to do first, and where it misleads."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QEvent, QObject, Qt, QTimer
from PySide6.QtGui import QKeyEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QDialog,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from app.shell import theme
from app.shell.helpresults import Results
from app.shell.helpsearch import Searched, prepare, search
from app.shell.helptext import HelpText
from app.widgets import kit
from gm_core.resources import resource

KINDS = (("pages", "The notes"), ("panels", "Panels"), ("models", "Models"))
ONE_OF = {"pages": "page", "panels": "panel", "models": "model"}
KEY = Qt.ItemDataRole.UserRole
LEAPS = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1, Qt.Key.Key_PageDown: 5, Qt.Key.Key_PageUp: -5}
WIDTH, HEIGHT, LIST_WIDTH = 940, 660, 290
"""Of the window and of its list, in the pixels of the design."""
READY = 300
"""Milliseconds after which the texts are made ready for searching, so that the first letter need not wait for that."""


@dataclass(frozen=True)
class Topic:
    """One text: its key, such as "panels/latent", its title and its file."""

    key: str
    title: str
    path: Path


def find_topics(folder: Path | None = None) -> dict[str, Topic]:
    """Every text of resources/help by key, group by group: the pages by their numbers, the others by title."""
    place = folder or resource("help")
    found: dict[str, Topic] = {}
    for kind, _ in KINDS:
        made = [Topic(f"{kind}/{path.stem}", _title(path), path) for path in (place / kind).glob("*.md")]
        found |= {topic.key: topic for topic in sorted(made, key=_in_order)}
    return found


def _title(path: Path) -> str:
    with path.open(encoding="utf-8") as file:
        return file.readline().lstrip("# ").strip() or path.stem


def _in_order(topic: Topic) -> tuple[int, str]:
    number = re.match(r"\d+", topic.title)
    return (int(number[0]) if number else 0, topic.title.lower())


def _read(topic: Topic) -> str:
    return topic.path.read_text(encoding="utf-8")


class HelpWindow(QDialog):
    """A search box, a list of topics and the text of one of them; it stays open beside the main window.

    Ctrl+F goes to the box. In it, Down and Up choose among the topics found, Return and Shift+Return go to the next
    and the previous place in their texts, Esc empties it; a second Esc puts the help away.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Help")
        self.topics = find_topics()
        self._searched: list[Searched] = []
        self._shown, self._scale = "", 0.0
        self.field = QLineEdit()
        self.field.setPlaceholderText("Search the help  (Ctrl+F)")
        self.field.setAccessibleName("Search the help")
        self.field.setAccessibleDescription("Down and Up choose a result, Return goes to the next place in its text.")
        self.field.setClearButtonEnabled(True)
        self.glass = self.field.addAction(theme.icon("search", side=16), QLineEdit.ActionPosition.LeadingPosition)
        self.field.textChanged.connect(lambda _: self._search())
        self.field.installEventFilter(self)
        self.count = kit.label("", "caption")
        self.count.hide()
        self.list = QListWidget()
        self.list.setAccessibleName("Topics")
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.results, self.nothing = Results(), kit.Empty("search")
        self.sides = QStackedWidget()
        for side in (self.list, self.results, self.nothing):
            self.sides.addWidget(side)
        self.text = HelpText()
        self._fill()
        self.list.currentItemChanged.connect(lambda item, _: self._show(item.data(KEY) if item is not None else ""))
        self.results.currentRowChanged.connect(lambda _: self._show_result())
        self.text.topic_wished.connect(self.open_topic)
        QShortcut(QKeySequence.StandardKey.Find, self, self._to_search)
        left = QWidget()
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(self.field)
        column.addWidget(self.count)
        column.addWidget(self.sides, 1)
        self.parts = QSplitter()
        self.parts.addWidget(left)
        self.parts.addWidget(self.text)
        self.parts.setStretchFactor(1, 1)
        self.parts.setChildrenCollapsible(False)
        box = QVBoxLayout(self)
        box.setContentsMargins(8, 8, 8, 8)
        box.addWidget(self.parts)
        self._fit()

    def _fill(self) -> None:
        for kind, heading in KINDS:
            held = [topic for topic in self.topics.values() if topic.key.startswith(f"{kind}/")]
            if not held:
                continue
            head = QListWidgetItem(heading)
            head.setFlags(Qt.ItemFlag.NoItemFlags)
            self.list.addItem(head)
            for topic in held:
                item = QListWidgetItem(f"   {topic.title}")
                item.setData(KEY, topic.key)
                item.setToolTip(topic.title)
                self.list.addItem(item)

    def open_topic(self, key: str) -> bool:
        """Show one topic; False if there is none of that key (the first is shown then)."""
        self.field.clear()
        found = key if key in self.topics else next(iter(self.topics), "")
        self._choose(found)
        self._show(found)
        self.show()
        self.raise_()
        self.activateWindow()
        QTimer.singleShot(READY, self, self._prepare)
        return key in self.topics

    # ---- searching

    def _to_search(self) -> None:
        self.field.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.field.selectAll()

    def _prepare(self) -> None:
        if not self._searched:
            self._searched = [prepare(t.key, t.title, _read(t)) for t in self.topics.values()]

    def _search(self) -> None:
        query = self.field.text().strip()
        self._prepare()
        hits = search(query, self._searched)
        self.text.mark(query if hits else "")
        self.results.set_hits(hits, [ONE_OF[hit.key.partition("/")[0]] for hit in hits])
        if not query:
            self.sides.setCurrentWidget(self.list)
        elif hits:
            self.sides.setCurrentWidget(self.results)
        else:
            several = len(query.split()) > 1
            advice = "All words must occur in one topic: take one away" if several else "Try the beginning of the word"
            self.nothing.say(f"Nothing on “{query}”", f"{advice}, or press Esc to see all topics.")
            self.sides.setCurrentWidget(self.nothing)
        places = sum(hit.count for hit in hits)
        self.count.setText(f"{_number(len(hits), 'topic')}, {_number(places, 'place')}  ·  Return: next place")
        kit.show(self.count, bool(hits))

    def _show_result(self) -> None:
        hit = self.results.hit()
        if hit is not None:
            self._choose(hit.key)
            self._show(hit.key)

    def _step(self, by: int) -> None:
        """To the next place of the text, then to the first one of the next topic that was found; round at the end."""
        if not self.results.count():
            return
        at = self.text.place + by
        if not 0 <= at < len(self.text.places):
            self.results.setCurrentRow((self.results.currentRow() + by) % self.results.count())
            at = 0 if by > 0 else len(self.text.places) - 1
        self.text.go(max(0, at))

    # ---- showing

    def _choose(self, key: str) -> None:
        """Keep the list of all topics at what is shown."""
        was = self.list.blockSignals(True)
        for row in range(self.list.count()):
            if self.list.item(row).data(KEY) == key:
                self.list.setCurrentRow(row)
        self.list.blockSignals(was)

    def _show(self, key: str) -> None:
        topic = self.topics.get(key)
        if topic is not None:
            self._shown = key
            self.text.set_text(_read(topic))

    def _fit(self) -> None:
        """As large as the text size asks for and the screen allows."""
        if self._scale != theme.scale():
            self._scale = theme.scale()
            room = self.screen().availableGeometry()
            wide, high = min(theme.px(WIDTH), room.width() - 40), min(theme.px(HEIGHT), room.height() - 60)
            self.resize(wide, high)
            column = min(theme.px(LIST_WIDTH), wide * 2 // 5)
            self.parts.setSizes([column, wide - column])

    def changeEvent(self, event: QEvent) -> None:
        """Another theme or text size: the icon anew, and room for larger words."""
        super().changeEvent(event)
        if event.type() in kit.RESTYLE and self._shown:
            self.glass.setIcon(theme.icon("search", side=16))
            self._fit()

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:
        """Arrows and Return in the search box act on what was found."""
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            leap = LEAPS.get(Qt.Key(event.key()))
            if leap and self.results.count():
                self.results.step(leap)
                return True
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self._step(-1 if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 1)
                return True
        return False

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Esc takes the search back, then puts the help away; F1 does so at once."""
        if event.key() == Qt.Key.Key_Escape and self.field.text():
            self.field.clear()
        elif event.key() in (Qt.Key.Key_Escape, Qt.Key.Key_F1):
            self.close()
        else:
            super().keyPressEvent(event)


def _number(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"
