"""A command palette: type a few letters of any action of the window and press Return."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QModelIndex, QPersistentModelIndex, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QAction, QColor, QIcon, QKeyEvent, QPainter, QStandardItem, QStandardItemModel
from PySide6.QtWidgets import (
    QDialog,
    QLineEdit,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from app.shell import theme
from app.widgets import kit

ACTION, PLACES = Qt.ItemDataRole.UserRole, Qt.ItemDataRole.UserRole + 1


def match(query: str, text: str) -> tuple[int, list[int]] | None:
    """How well the letters of a query occur in a text in their order, and where; None where they do not.

    Letters at the start of words count most, then letters that follow each other.
    """
    low, places, score, at = text.lower(), [], 0, -1
    for letter in query.lower():
        if letter == " ":
            continue
        starts = [i for i in range(at + 1, len(low)) if low[i] == letter and (i == 0 or not low[i - 1].isalnum())]
        follows = at + 1 if at >= 0 and at + 1 < len(low) and low[at + 1] == letter else -1
        found = follows if follows >= 0 else (starts[0] if starts else low.find(letter, at + 1))
        if found < 0:
            break
        score += 5 if found == follows else (8 if starts and found == starts[0] else 1)
        places.append(found)
        at = found
    else:
        return score * 100 - len(text), places
    # The greedy way prefers word starts and may run past a letter; the plain way finds any subsequence.
    places, at = [], -1
    for letter in query.lower().replace(" ", ""):
        at = low.find(letter, at + 1)
        if at < 0:
            return None
        places.append(at)
    return len(places) * 100 - len(text), places


class _Row(QStyledItemDelegate):
    """Draws one action: icon, name with the matching letters marked, shortcut at the right."""

    def sizeHint(self, _option: QStyleOptionViewItem, _index: QModelIndex | QPersistentModelIndex) -> QSize:
        return QSize(200, theme.px(30))

    def paint(self, p: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> None:
        t = theme.current()
        action: QAction = index.data(ACTION)
        r = QRectF(option.rect)  # type: ignore[attr-defined]
        p.save()
        p.setRenderHint(QPainter.RenderHint.Antialiasing)
        if option.state & QStyle.StateFlag.State_Selected:  # type: ignore[attr-defined]
            p.setPen(Qt.PenStyle.NoPen)
            p.setBrush(QColor(t.accent_soft))
            p.drawRoundedRect(r.adjusted(2, 1, -2, -1), 4, 4)
        icon: QIcon = action.icon()
        side = theme.px(16)
        if not icon.isNull():
            icon.paint(p, int(r.left() + theme.px(10)), int(r.center().y() - side / 2), side, side)
        x = r.left() + theme.px(36)
        places = set(index.data(PLACES) or [])
        base = r.center().y() + p.fontMetrics().ascent() / 2 - 1
        for i, letter in enumerate(name_of(action)):
            font = theme.ui_font(0, bold=i in places)
            p.setFont(font)
            ink = t.accent if i in places else (t.text if action.isEnabled() else theme.disabled(t))
            p.setPen(QColor(ink))
            p.drawText(int(x), int(base), letter)
            x += p.fontMetrics().horizontalAdvance(letter)
        keys = action.shortcut().toString()
        hint = keys if action.isEnabled() else (action.statusTip() or "not available now")
        p.setFont(theme.ui_font(-1))
        p.setPen(QColor(t.muted))
        p.drawText(
            r.adjusted(0, 0, -theme.px(12), 0), Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, hint
        )
        p.restore()


def name_of(action: QAction) -> str:
    """The words of an action without its mnemonic marks."""
    return action.text().replace("&&", "\0").replace("&", "").replace("\0", "&").rstrip(".…")


class CommandPalette(QDialog):
    """Lists the actions of a window as one types. Methods: open_palette(), set_actions(list | None for all).

    Signal: triggered(QAction). Return runs the chosen action, Escape closes, the arrows move.
    """

    triggered = Signal(object)

    def __init__(self, window: QWidget) -> None:
        super().__init__(window, Qt.WindowType.Popup | Qt.WindowType.FramelessWindowHint)
        self._given: list[QAction] | None = None
        self._actions: list[QAction] = []
        self.setAccessibleName("Command palette")
        self.field = QLineEdit()
        self.field.setPlaceholderText("Type a command")
        self.field.setAccessibleName("Search commands")
        self.field.setClearButtonEnabled(True)
        self.list = QListView()
        self.list.setAccessibleName("Commands")
        self.list.setItemDelegate(_Row(self.list))
        self.list.setUniformItemSizes(True)
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._model = QStandardItemModel(self)
        self.list.setModel(self._model)
        self.nothing = kit.label("No command matches.", "muted")
        self.nothing.setAlignment(Qt.AlignmentFlag.AlignCenter)
        box = QVBoxLayout(self)
        box.setContentsMargins(8, 8, 8, 8)
        box.setSpacing(8)
        for w in (self.field, self.nothing, self.list):
            box.addWidget(w)
        self.field.textChanged.connect(self._filter)
        self.list.clicked.connect(lambda _i: self.run_chosen())
        self.field.installEventFilter(self)

    def set_actions(self, actions: Sequence[QAction] | None) -> None:
        """List exactly these; None lists every named action of the window."""
        self._given = None if actions is None else list(actions)

    def open_palette(self) -> None:
        """Show the palette over the upper middle of the window."""
        window = self.parentWidget()
        found = self._given if self._given is not None else window.findChildren(QAction)
        unique = {
            name_of(a): a for a in found if a.text() and a.isVisible() and not a.isSeparator() and a.menu() is None
        }
        self._actions = sorted(unique.values(), key=lambda a: name_of(a).lower())
        width = min(theme.px(560), window.width() - 32)
        self.resize(width, min(theme.px(400), window.height() - 64))
        corner = window.mapToGlobal(window.rect().topLeft())
        self.move(corner.x() + (window.width() - width) // 2, corner.y() + max(16, window.height() // 8))
        self.field.clear()
        self._filter("")
        self.open()
        self.field.setFocus()

    def _filter(self, query: str) -> None:
        ranked = []
        for action in self._actions:
            found = match(query, name_of(action)) if query.strip() else (0, [])
            if found is not None:
                ranked.append((not action.isEnabled(), -found[0], name_of(action), action, found[1]))
        ranked.sort(key=lambda row: row[:3])
        self._model.clear()
        for _off, _score, name, action, places in ranked[:200]:
            item = QStandardItem(name)
            item.setEditable(False)
            item.setData(action, ACTION)
            item.setData(places, PLACES)
            self._model.appendRow(item)
        self.nothing.setVisible(not ranked)
        self.list.setVisible(bool(ranked))
        if ranked:
            self.list.setCurrentIndex(self._model.index(0, 0))

    def names(self) -> list[str]:
        """The commands listed at present, best first."""
        return [self._model.item(i).text() for i in range(self._model.rowCount())]

    def run_chosen(self) -> None:
        """Close, then run what is chosen."""
        index = self.list.currentIndex()
        action: QAction | None = index.data(ACTION) if index.isValid() else None
        if action is not None and action.isEnabled():
            self.accept()
            action.trigger()
            self.triggered.emit(action)

    def eventFilter(self, _watched: object, event: QEvent) -> bool:
        """Arrows and Return in the field act on the list."""
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            leaps = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1, Qt.Key.Key_PageDown: 8, Qt.Key.Key_PageUp: -8}
            leap = leaps.get(Qt.Key(event.key()))
            if leap:
                last = self._model.rowCount() - 1
                target = min(last, max(0, self.list.currentIndex().row() + leap))
                self.list.setCurrentIndex(self._model.index(target, 0))
                return True
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self.run_chosen()
                return True
        return False


def _demo() -> QWidget:
    from PySide6.QtGui import QKeySequence

    w = QWidget()
    for text, keys, icon in (
        ("&Train", "Space", "play"), ("Export figure as SVG…", "Ctrl+E", "export"),
        ("Copy view", "Ctrl+Shift+C", "copy"),
        ("New noise", "R", "dice"), ("Light theme", "", "sun"), ("Present", "F5", "present"),
        ("Open run…", "Ctrl+O", "folder"),
    ):  # fmt: skip
        w.addAction(QAction(theme.icon(icon), text, w, shortcut=QKeySequence(keys)))
    p = CommandPalette(w)
    p.setWindowFlags(Qt.WindowType.Widget)
    box = QVBoxLayout(w)
    box.addWidget(p)
    p._actions = w.actions()
    p.field.setText("e")
    return w


if __name__ == "__main__":
    import sys

    from app.widgets.demo import run

    sys.exit(run(_demo, (560, 320)))
