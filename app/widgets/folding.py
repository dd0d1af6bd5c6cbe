"""A row of controls on one line; what does not fit moves into a small pop-up behind a button at its end."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QEvent, QPoint, QSize, Qt
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QFormLayout, QFrame, QLabel, QSizePolicy, QWidget

from app.shell import theme
from app.widgets import kit


@dataclass
class _Item:
    widget: QWidget
    label: QLabel | None
    priority: int
    stretch: bool
    shown: bool = True


class _Sheet(QFrame):
    """The pop-up with the controls that found no room."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setProperty("role", "card")
        self.setAccessibleName("More controls")
        self.form = QFormLayout(self)
        self.form.setContentsMargins(12, 12, 12, 12)
        self.form.setSpacing(8)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Escape closes."""
        if event.key() == Qt.Key.Key_Escape:
            self.hide()
        else:
            super().keyPressEvent(event)


class FoldingRow(QWidget):
    """Controls in one line which stays one line at every width.

    add(widget, text='', priority=0, stretch=False): with `text`, a quiet word stands before it and names it in the
    pop-up; the controls of lowest priority leave the line first. add_space() pushes what follows to the right end.
    set_shown(widget, bool) takes a control out of the row altogether.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._items: list[_Item] = []
        self._space = -1
        self._folded: list[QWidget] = []
        self._busy = self._sized = False
        self.more = kit.IconButton("chevron-down", "More controls", parent=self)
        self.more.hide()
        self.more.clicked.connect(self._open)
        self._sheet: _Sheet | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def add(self, widget: QWidget, text: str = "", priority: int = 0, stretch: bool = False) -> QWidget:
        """Put a control at the end of the row; returns it."""
        word = None
        if text:
            word = kit.label(text, "caption", self)
            word.setBuddy(widget)
        widget.setParent(self)
        self._items.append(_Item(widget, word, priority, stretch))
        QWidget.setTabOrder(widget, self.more)
        self._place()
        return widget

    def add_space(self) -> None:
        """What is added from now on stands at the right end."""
        self._space = len(self._items)

    def set_shown(self, widget: QWidget, shown: bool) -> None:
        """Whether a control belongs to the row at the moment."""
        for item in self._items:
            if item.widget is widget and item.shown != shown:
                item.shown = shown
                for part in filter(None, (item.label, widget)):
                    kit.show(part, shown)
                self._place()

    def folded(self) -> list[QWidget]:
        """The controls that wait in the pop-up."""
        return list(self._folded)

    # geometry

    def _gap(self) -> int:
        return theme.px(4)

    def _width(self, item: _Item) -> int:
        wide = max(item.widget.minimumSize().width(), min(item.widget.sizeHint().width(), item.widget.maximumWidth()))
        if item.label is not None:
            wide += item.label.sizeHint().width() + self._gap() + theme.px(4)
        return wide + self._gap()

    def _high(self) -> int:
        shown = [i.widget.sizeHint().height() for i in self._items if i.shown]
        return max([theme.px(26), *shown])

    def sizeHint(self) -> QSize:
        """All in one line."""
        return QSize(sum(self._width(i) for i in self._items if i.shown), self._high())

    def minimumSizeHint(self) -> QSize:
        """A few of the most important controls and the button behind which the others wait."""
        return QSize(theme.px(120), self._high())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fold or unfold."""
        super().resizeEvent(event)
        self._sized = True
        self._place()

    def event(self, event: QEvent) -> bool:
        """A control that changes its size asks for a new arrangement."""
        if event.type() in (QEvent.Type.LayoutRequest, *kit.RESTYLE):
            self._place()
            self.updateGeometry()
        return super().event(event)

    def _place(self) -> None:
        if self._busy or not self._sized:  # it is arranged once it knows its width
            return
        self._busy = True
        try:
            self._arrange()
        finally:
            self._busy = False

    def _arrange(self) -> None:
        shown = [i for i in self._items if i.shown]
        room = self.width()
        line = list(shown)
        if sum(self._width(i) for i in line) > room:
            room -= self.more.sizeHint().width() + self._gap()
            # the last of the least important goes first
            for item in sorted(shown, key=lambda i: (i.priority, -self._items.index(i))):
                if sum(self._width(i) for i in line) <= room or len(line) == 1:
                    break
                line.remove(item)
        away = [i for i in shown if i not in line]
        if [i.widget for i in away] != self._folded:
            self._refold(away)
        for item in self._items:
            on = item in line
            if on and item.widget.parent() is not self:
                item.widget.setParent(self)
            if item.label is not None:
                kit.show(item.label, on)
            if on or not item.shown:
                kit.show(item.widget, on)
        kit.show(self.more, bool(away))
        self._lay_out(line, room)

    def _lay_out(self, line: list[_Item], room: int) -> None:
        spare = max(0, room - sum(self._width(i) for i in line))
        stretching = [i for i in line if i.stretch]
        x, high, gap = 0, self.height(), self._gap()
        pushed = False
        for item in line:
            if not pushed and not stretching and self._space >= 0 and self._items.index(item) >= self._space:
                x += spare
                pushed = True
            wide = self._width(item) - gap
            if item.stretch:
                extra = spare // len(stretching)
                most = item.widget.maximumWidth() + (wide - item.widget.sizeHint().width())
                wide = min(wide + extra, max(wide, most))
            if item.label is not None:
                size = item.label.sizeHint()
                item.label.setGeometry(x, (high - size.height()) // 2, size.width(), size.height())
                moved = size.width() + gap
                x, wide = x + moved, wide - moved
            tall = min(high, max(item.widget.minimumSizeHint().height(), item.widget.sizeHint().height()))
            item.widget.setGeometry(x, (high - tall) // 2, wide, tall)
            x += wide + gap
        size = self.more.sizeHint()
        self.more.setGeometry(self.width() - size.width(), (high - size.height()) // 2, size.width(), size.height())

    # the pop-up

    def _refold(self, away: list[_Item]) -> None:
        self._folded = [i.widget for i in away]
        form = self.sheet.form
        while form.rowCount():
            word = form.takeRow(0).labelItem
            found = word.widget() if word is not None else None
            if found is not None:
                found.deleteLater()
        for item in away:
            if item.label is not None:
                form.addRow(kit.label(item.label.text(), "caption"), item.widget)
            else:
                form.addRow(item.widget)
            item.widget.setVisible(True)

    @property
    def sheet(self) -> _Sheet:
        """The pop-up, made when a control first finds no room."""
        self._sheet = self._sheet or _Sheet(self)
        return self._sheet

    def _open(self) -> None:
        self.sheet.adjustSize()
        corner = self.more.mapToGlobal(QPoint(self.more.width(), self.more.height() + 4))
        self.sheet.move(corner.x() - self.sheet.width(), corner.y())
        self.sheet.show()


def _demo() -> QWidget:
    from PySide6.QtWidgets import QComboBox, QVBoxLayout

    w = QWidget()
    box = QVBoxLayout(w)
    for width in (520, 260):
        row = FoldingRow()
        row.add(kit.IconButton("dice", "New noise"), priority=5)
        combo = QComboBox()
        combo.addItems(["16", "36", "64"])
        row.add(combo, "samples", priority=3)
        second = QComboBox()
        second.addItems(["linear", "logarithmic"])
        row.add(second, "axis", priority=1)
        row.add_space()
        row.add(kit.IconButton("export", "Export"), priority=9)
        row.setFixedWidth(width)
        box.addWidget(row)
    box.addStretch(1)
    return w


if __name__ == "__main__":
    import sys

    from app.widgets.demo import run

    sys.exit(run(_demo, (560, 120)))
