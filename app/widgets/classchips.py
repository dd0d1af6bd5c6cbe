"""Which class is drawn: chips with the empty class first, or a list where there are too many for chips."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QSizePolicy, QVBoxLayout, QWidget

from app.widgets.chips import Chips

MOST = 12
NONE = "none"


class ClassChips(QWidget):
    """Setters (silent): set_classes(names), set_value(class or None). Getter: value(): a class by its number, or None
    for the empty one. Signal: changed()."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._names: tuple[str, ...] = ()
        self._wished: int | None = None
        self.chips = Chips("Class")
        self.box = QComboBox()
        self.box.setAccessibleName("Class")
        self.box.hide()
        self.chips.changed.connect(lambda _: self._take())
        self.box.currentIndexChanged.connect(lambda _: self._take())
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.chips)
        column.addWidget(self.box)
        rule = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        rule.setHeightForWidth(True)
        self.setSizePolicy(rule)

    def set_classes(self, names: Sequence[str]) -> None:
        """The classes of the data; the choice stays where it still exists."""
        if tuple(names) == self._names:
            return
        chosen, self._names = self._wished, tuple(names)
        few = len(names) <= MOST
        self.chips.setVisible(few)
        self.box.setVisible(not few)
        self.chips.set_chips([NONE, *names] if few else [])
        self.box.blockSignals(True)
        self.box.clear()
        self.box.addItems([] if few else [NONE, *names])
        self.box.blockSignals(False)
        self.set_value(chosen)

    def set_value(self, label: int | None) -> None:
        """Choose a class; one that there is not becomes the empty one, until there are classes again."""
        self._wished = label
        place = label + 1 if label is not None and 0 <= label < len(self._names) else 0
        if len(self._names) <= MOST:
            self.chips.set_value(place)
        else:
            self.box.blockSignals(True)
            self.box.setCurrentIndex(place)
            self.box.blockSignals(False)

    def value(self) -> int | None:
        """The class that is chosen, or None."""
        if not self._names:
            return self._wished
        place = self.chips.value() if len(self._names) <= MOST else self.box.currentIndex()
        return place - 1 if place > 0 else None

    def _take(self) -> None:
        self._wished = self.value()
        self.changed.emit()


def _demo() -> QWidget:
    chips = ClassChips()
    chips.set_classes([str(i) for i in range(10)])
    chips.set_value(3)
    return chips


if __name__ == "__main__":
    import sys

    from app.widgets.demo import run

    sys.exit(run(_demo, (360, 60)))
