"""The text of one topic of the help: set from Markdown in the dress of the program, with what is searched marked."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QUrl, Signal
from PySide6.QtGui import QColor, QDesktopServices, QFont, QTextBlockFormat, QTextCharFormat, QTextCursor, QTextFormat
from PySide6.QtWidgets import QTextBrowser, QTextEdit, QWidget

from app.shell import theme
from app.shell.helpsearch import marks
from app.widgets import kit


class HelpText(QTextBrowser):
    """Setters: set_text(markdown), mark(query), go(place). Signal: topic_wished(key) of a link such as (models/vae)."""

    topic_wished = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.places: list[tuple[int, int]] = []
        self.place = 0
        self._query = self._markdown = ""
        self.setAccessibleName("Help text")
        self.setOpenLinks(False)
        self.setFrameShape(QTextBrowser.Shape.NoFrame)
        self.anchorClicked.connect(self._follow)

    def set_text(self, markdown: str) -> None:
        """Show a text from its beginning, or from the first place of what is searched."""
        self._markdown = markdown
        document = self.document()
        document.setDocumentMargin(theme.px(14))
        document.setDefaultFont(theme.ui_font(0.5))
        document.setIndentWidth(theme.px(18))
        self.setMarkdown(markdown)
        self._quieten()
        self.mark(self._query)

    def changeEvent(self, event: QEvent) -> None:
        """Another theme or text size: the same place of the text, set anew, for Qt gives it a font of its own."""
        super().changeEvent(event)
        if event.type() in kit.RESTYLE and self._markdown:
            place, bar = self.place, self.verticalScrollBar()
            down = bar.value() / max(1, bar.maximum())
            self.set_text(self._markdown)
            bar.setValue(round(down * bar.maximum()))
            if self.places:
                self.go(place)

    def mark(self, query: str) -> None:
        """Mark every place where words of a question stand, and bring the first into sight; "" marks nothing."""
        self._query = query
        words = self.toPlainText()
        self.places = [(_units(words, start), _units(words, end)) for start, end in marks(query, words)]
        self.go(0)

    def go(self, place: int) -> None:
        """Bring one of the places into sight, a third down the view unless it is there already."""
        self.place = place
        t = theme.current()
        painted = []
        for number, (start, end) in enumerate(self.places):
            here = number == place
            one = QTextEdit.ExtraSelection()
            one.format.setBackground(QColor(t.accent if here else t.accent_soft))
            one.format.setForeground(QColor(t.on_accent if here else t.text))
            one.cursor = self._cursor(start, end)
            painted.append(one)
        self.setExtraSelections(painted)
        if self.places:
            middle, high = self.cursorRect(self._cursor(*self.places[place])).center().y(), self.viewport().height()
            if not theme.px(16) <= middle <= high - theme.px(32):
                self.verticalScrollBar().setValue(self.verticalScrollBar().value() + middle - high // 3)

    def _cursor(self, start: int, end: int) -> QTextCursor:
        cursor = QTextCursor(self.document())
        cursor.setPosition(start)
        cursor.setPosition(end, QTextCursor.MoveMode.KeepAnchor)
        return cursor

    def _follow(self, link: QUrl) -> None:
        if link.scheme() in ("http", "https"):
            QDesktopServices.openUrl(link)
        else:
            self.topic_wished.emit(link.toString())

    def _quieten(self) -> None:
        """Headings a little larger than the text, not twice, with room above; formulas not larger than the words."""
        cursor = QTextCursor(self.document())
        block = self.document().begin()
        while block.isValid():
            level = block.blockFormat().headingLevel()
            if level:
                cursor.setPosition(block.position())
                cursor.movePosition(QTextCursor.MoveOperation.EndOfBlock, QTextCursor.MoveMode.KeepAnchor)
                # set, not merged: Markdown's own enlargement would come on top of this size
                cursor.setCharFormat(_in(theme.ui_font(6.0 if level == 1 else 2.5, bold=True)))
                room = QTextBlockFormat()
                room.setTopMargin(theme.px(14) if level > 1 else 0)
                cursor.mergeBlockFormat(room)
            formula = block.blockFormat().hasProperty(QTextFormat.Property.BlockCodeLanguage)
            for place in block.textFormats():
                if formula or place.format.fontFixedPitch():
                    cursor.setPosition(block.position() + place.start)
                    cursor.setPosition(block.position() + place.start + place.length, QTextCursor.MoveMode.KeepAnchor)
                    cursor.mergeCharFormat(_in(theme.mono_font(0.5)))
            block = block.next()


def _in(font: QFont) -> QTextCharFormat:
    form = QTextCharFormat()
    form.setFont(font)
    return form


def _units(text: str, place: int) -> int:
    """A place in a text as Qt counts it: letters beyond the first plane, such as 𝔼, are two."""
    return place + sum(letter > "\uffff" for letter in text[:place])
