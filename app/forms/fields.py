"""One parameter as a row of a form: name, editor, whether it is live, what is wrong with it, and the way back."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QCheckBox, QComboBox, QGridLayout, QLineEdit, QSizePolicy, QWidget

from app.widgets import kit
from app.widgets.number import NumberBox, NumberSlider
from gm_core import api

FAR = 1e12
WIDEST_SLIDER = 1000.0
LABEL_WIDTH = 96


def words(path: str) -> str:
    """A path's last part as people read it: "train.validate_every" is "validate every"."""
    return path.rpartition(".")[2].replace("_", " ")


class Editor(QWidget):
    """What changes one value; `changed` carries it when it has settled. `wrong` says what cannot be read."""

    changed = Signal(object)

    def __init__(self, row: api.Row) -> None:
        super().__init__()
        self.row = row
        box = QGridLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        self.inner = self._make()
        self.inner.setToolTip(row.tip)
        box.addWidget(self.inner, 0, 0)
        self.setFocusProxy(self.inner)

    def _make(self) -> QWidget:
        row = self.row
        if row.kind == "bool":
            check = QCheckBox()
            check.toggled.connect(lambda on: self.changed.emit(bool(on)))
            return _named(check, row)
        if row.kind == "choice":
            combo = QComboBox()
            combo.addItems([choice.replace("_", " ") for choice in row.choices])
            combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            combo.setMinimumContentsLength(6)
            combo.activated.connect(lambda at: self.changed.emit(row.choices[at]))
            combo.wheelEvent = lambda event: event.ignore()  # type: ignore[method-assign]  # a form is scrolled by wheel
            return _named(combo, row)
        if row.kind in {"int", "float"} and not isinstance(row.default, str | None):
            lo, hi = (-FAR if row.lo is None else row.lo), (FAR if row.hi is None else row.hi)
            kind = NumberSlider if row.log or hi - lo <= WIDEST_SLIDER else NumberBox
            number = kind(lo, hi, float(row.default), row.log, row.kind == "int", row.unit, words(row.path))
            number.changed.connect(self.changed)
            if isinstance(number, NumberSlider):
                number.set_default(float(row.default))
            return number
        line = QLineEdit()
        line.setAcceptDrops(False)  # a folder that is dropped is data for the window, not an address for this line
        line.editingFinished.connect(self._typed)
        return _named(line, row)

    def _typed(self) -> None:
        try:
            value = self.value()
        except ValueError as error:
            self.set_error(str(error))
            return
        self.changed.emit(value)

    def value(self) -> Any:
        """The value in plain form; raises ValueError with a sentence where the text says none."""
        inner, row = self.inner, self.row
        if isinstance(inner, QCheckBox):
            return inner.isChecked()
        if isinstance(inner, QComboBox):
            return row.choices[inner.currentIndex()]
        if isinstance(inner, NumberSlider | NumberBox):
            return inner.value()
        assert isinstance(inner, QLineEdit)
        text = inner.text().strip()
        if row.kind in {"ints", "floats"}:
            return _numbers(text, row)
        if row.default is None and not text:
            return None
        if row.kind in {"int", "float"}:
            return _numbers(text, row)[0]
        return text

    def set_value(self, value: Any) -> None:
        """Show a value without a signal."""
        inner = self.inner
        inner.blockSignals(True)
        if isinstance(inner, QCheckBox):
            inner.setChecked(bool(value))
        elif isinstance(inner, QComboBox):
            inner.setCurrentIndex(self.row.choices.index(value) if value in self.row.choices else -1)
        elif isinstance(inner, NumberSlider | NumberBox):
            inner.set_value(float(value))
        elif isinstance(inner, QLineEdit):
            inner.setText(_as_text(value))
        inner.blockSignals(False)

    def set_error(self, text: str) -> None:
        """Outline the editor; the sentence itself stands under the row."""
        inner = self.inner.box if isinstance(self.inner, NumberSlider) else self.inner
        kit.set_role(inner, "invalid", bool(text))


def _named(widget: QWidget, row: api.Row) -> QWidget:
    widget.setAccessibleName(words(row.path))
    widget.setAccessibleDescription(row.tip)
    return widget


def _as_text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list | tuple):
        return ", ".join(kit.number_text(v).replace(",", "") for v in value)
    return str(value)


def _numbers(text: str, row: api.Row) -> list[Any]:
    whole = row.kind in {"ints", "int"}
    name = words(row.path)
    try:
        parts = [
            float(part) for part in text.replace(";", ",").replace("[", "").replace("]", "").split(",") if part.strip()
        ]
    except ValueError:
        raise ValueError(f"{name} is {text!r}; expected numbers with commas between them, such as 256, 128") from None
    if whole and any(part != int(part) for part in parts):
        raise ValueError(f"{name} is {text!r}; expected whole numbers")
    if row.kind in {"int", "float"} and len(parts) != 1:
        raise ValueError(f"{name} is {text!r}; expected one number")
    return [int(part) for part in parts] if whole else parts


class Field(QWidget):
    """A row: name, live badge, editor, reset (enabled only where the value differs from the preset), and its error.

    Setters (silent): set_value, set_baseline, set_error. Getters: value(), modified(). Signal: changed(path, value).
    Rows that are folded away make no widgets before they are unfolded (`dress`), so that the form opens sooner.
    """

    changed = Signal(str, object)

    def __init__(self, row: api.Row) -> None:
        super().__init__()
        self.row = row
        self.baseline: Any = row.default
        self._given: Any = row.default
        self._dressed: Dress | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def dress(self) -> Dress:
        """The widgets of the row, made when first asked for."""
        if self._dressed is None:
            self._dressed = made = Dress(self, self.row)
            made.editor.set_value(self._given)
            made.reset.clicked.connect(self._back)
            made.editor.changed.connect(self._take)
            self._mark()
        return self._dressed

    @property
    def editor(self) -> Editor:
        """What the value is edited with."""
        return self.dress().editor

    def value(self) -> Any:
        """The value; raises ValueError with a sentence where the text says none."""
        return self._given if self._dressed is None else self._dressed.editor.value()

    def set_value(self, value: Any) -> None:
        """Show a value without a signal."""
        self._given = value
        if self._dressed is not None:
            self._dressed.editor.set_value(value)
            self.set_error("")
            self._mark()

    def set_baseline(self, value: Any) -> None:
        """What the preset says: the way back, and what counts as modified."""
        self.baseline = value
        self._mark()

    def modified(self) -> bool:
        """Whether the value differs from the preset's."""
        try:
            return plain(self.value()) != plain(self.baseline)
        except ValueError:
            return True

    def set_error(self, text: str) -> None:
        """Say under the row what is wrong; empty clears."""
        if text or self._dressed is not None:
            made = self.dress()
            made.editor.set_error(text)
            made.message.setText(text)
            made.message.setVisible(bool(text))

    def error(self) -> str:
        """What the row says is wrong."""
        return "" if self._dressed is None else self._dressed.message.text()

    def _take(self, value: object) -> None:
        self.set_error("")
        self._mark()
        self.changed.emit(self.row.path, value)

    def _back(self) -> None:
        self.set_value(self.baseline)
        self.changed.emit(self.row.path, self.baseline)

    def _mark(self) -> None:
        if self._dressed is None:
            return
        made, differs = self._dressed, self.modified()
        made.reset.setVisible(differs)
        made.live.setVisible(not differs)
        font = made.name.font()
        if font.bold() != differs:
            font.setBold(differs)
            made.name.setFont(font)

    def keyPressEvent(self, event: Any) -> None:
        """Return in a row is no one else's business."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            event.accept()
        else:
            super().keyPressEvent(event)


class Dress:
    """The widgets of one row, laid out in it."""

    def __init__(self, field: QWidget, row: api.Row) -> None:
        self.editor = Editor(row)
        self.name = kit.label(words(row.path))
        self.name.setBuddy(self.editor)
        self.name.setToolTip(_tip(row))
        kit.Room(self.name, LABEL_WIDTH)
        self.live = kit.label("live" if row.live else "", "caption")
        self.live.setToolTip("May be changed while the model trains." if row.live else "")
        self.reset = kit.IconButton("reset", f"Back to the preset: {words(row.path)}")
        policy = self.reset.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self.reset.setSizePolicy(policy)
        self.message = kit.label("", "bad")
        self.message.setWordWrap(True)
        self.message.hide()
        grid = QGridLayout(field)
        grid.setContentsMargins(0, 1, 0, 1)
        grid.setHorizontalSpacing(4)
        grid.setVerticalSpacing(0)
        grid.addWidget(self.name, 0, 0)
        grid.addWidget(self.editor, 0, 1)
        grid.addWidget(self.live, 0, 2, Qt.AlignmentFlag.AlignCenter)
        grid.addWidget(self.reset, 0, 2)
        grid.addWidget(self.message, 1, 0, 1, 3)
        grid.setColumnStretch(1, 1)


def plain(value: Any) -> Any:
    """A value as two of them are compared: lists and tuples alike, 1.0 as 1."""
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def _tip(row: api.Row) -> str:
    """The sentence of the parameter and its bounds."""
    bounds = ""
    if row.lo is not None and row.hi is not None:
        bounds = f"\n{kit.number_text(row.lo)} to {kit.number_text(row.hi)} {row.unit}".rstrip()
    return row.tip + bounds
