"""One screen of help for each panel and model: what it is, what to do first, what to look for, where it misleads."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QFont, QKeyEvent, QTextCharFormat, QTextCursor
from PySide6.QtWidgets import QDialog, QListWidget, QListWidgetItem, QSplitter, QTextBrowser, QVBoxLayout, QWidget

from app.shell import theme
from app.widgets import kit
from gm_core.resources import resource

KINDS = (("panels", "Panels"), ("models", "Models"))
KEY = Qt.ItemDataRole.UserRole


@dataclass(frozen=True)
class Topic:
    """One text: its key, such as "panels/latent", its title and its file."""

    key: str
    title: str
    path: Path


def find_topics(folder: Path | None = None) -> dict[str, Topic]:
    """Every text of resources/help by key: those on panels first, each group in order of titles."""
    place = folder or resource("help")
    found: dict[str, Topic] = {}
    for kind, _ in KINDS:
        made = [Topic(f"{kind}/{path.stem}", _title(path), path) for path in (place / kind).glob("*.md")]
        found |= {topic.key: topic for topic in sorted(made, key=lambda topic: topic.title.lower())}
    return found


def _title(path: Path) -> str:
    with path.open(encoding="utf-8") as file:
        return file.readline().lstrip("# ").strip() or path.stem


class HelpWindow(QDialog):
    """A list of topics and the text of one of them; it stays open beside the main window while one works."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Help")
        self.topics = find_topics()
        self.list = QListWidget()
        self.list.setAccessibleName("Topics")
        self.list.setMaximumWidth(theme.px(240))
        self.text = QTextBrowser()
        self.text.setAccessibleName("Help text")
        self.text.setOpenExternalLinks(True)
        self.text.setFrameShape(QTextBrowser.Shape.NoFrame)
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
                self.list.addItem(item)
        self.list.currentItemChanged.connect(lambda item, _: self._show(item))
        parts = QSplitter()
        parts.addWidget(self.list)
        parts.addWidget(self.text)
        parts.setStretchFactor(1, 1)
        parts.setChildrenCollapsible(False)
        box = QVBoxLayout(self)
        box.setContentsMargins(8, 8, 8, 8)
        box.addWidget(parts)
        self.resize(theme.px(840), theme.px(640))

    def open_topic(self, key: str) -> bool:
        """Show one topic; False if there is none of that key (the first is shown then)."""
        rows = [row for row in range(self.list.count()) if self.list.item(row).data(KEY)]
        there = [row for row in rows if self.list.item(row).data(KEY) == key]
        if rows:
            self.list.setCurrentRow((there or rows)[0])
        self.show()
        self.raise_()
        self.activateWindow()
        return bool(there)

    def _show(self, item: QListWidgetItem | None) -> None:
        topic = self.topics.get(item.data(KEY)) if item is not None else None
        if topic is None:
            return
        self._dress()
        self.text.setMarkdown(topic.path.read_text(encoding="utf-8"))
        self._quieten()

    def _quieten(self) -> None:
        """Headings a little larger than the text, not twice."""
        cursor = QTextCursor(self.text.document())
        block = self.text.document().begin()
        while block.isValid():
            level = block.blockFormat().headingLevel()
            if level:
                cursor.setPosition(block.position())
                cursor.movePosition(QTextCursor.MoveOperation.EndOfBlock, QTextCursor.MoveMode.KeepAnchor)
                head = QTextCharFormat()
                head.setFont(theme.ui_font(5.0 if level == 1 else 1.5, bold=True))
                cursor.mergeCharFormat(head)
            block = block.next()

    def _dress(self) -> None:
        """Room around the text, and links that can be read on dark ground."""
        document = self.text.document()
        document.setDocumentMargin(theme.px(14))
        font = QFont(theme.ui_font(0.5))
        document.setDefaultFont(font)

    def changeEvent(self, event: QEvent) -> None:
        """Another theme or text size: the text is set anew."""
        super().changeEvent(event)
        if event.type() in kit.RESTYLE and self.list.currentItem() is not None:
            self._show(self.list.currentItem())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Esc or F1 puts the help away."""
        if event.key() in (Qt.Key.Key_Escape, Qt.Key.Key_F1):
            self.close()
        else:
            super().keyPressEvent(event)
