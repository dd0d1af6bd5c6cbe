"""Small pictures with names of which one is chosen: the classes of a data set."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QIcon, QPixmap
from PySide6.QtWidgets import QButtonGroup, QSizePolicy, QToolButton, QWidget

from app.shell import theme
from app.widgets import images
from app.widgets.flow import FlowLayout

LONGEST = 12


class Chips(QWidget):
    """Buttons in rows, one of which is pressed. Names of more than `longest` letters are cut.

    Setters (silent): set_chips(names, pictures uint8 (n, h, w, c) | None), set_value(index). Getters: value(), names().
    Signal: changed(int). Tab goes to the chosen one, arrows choose another.
    """

    changed = Signal(int)

    def __init__(self, name: str, parent: QWidget | None = None, longest: int = LONGEST) -> None:
        super().__init__(parent)
        self._longest = longest
        self.setAccessibleName(name)
        self._buttons: list[QToolButton] = []
        self._names: tuple[str, ...] = ()
        self._group = QButtonGroup(self)
        self._group.idClicked.connect(self.changed)
        self._flow = FlowLayout(self, spacing=2)
        rule = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        rule.setHeightForWidth(True)
        self.setSizePolicy(rule)

    def set_chips(self, names: Sequence[str], pictures: np.ndarray | None = None) -> None:
        """Other chips; the choice stays where its place still exists. The same names only get their new pictures."""
        if tuple(names) != self._names:
            self._rebuild(tuple(names))
        side = theme.px(22)
        for i, button in enumerate(self._buttons):
            if pictures is None or i >= len(pictures):
                button.setIcon(QIcon())
                button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextOnly)
                continue
            drawn = images.to_qimage(pictures[i]).scaled(
                side, side, Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.FastTransformation
            )
            button.setIcon(QIcon(QPixmap.fromImage(drawn)))
            button.setIconSize(QSize(side, side))
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextUnderIcon)

    def _rebuild(self, names: tuple[str, ...]) -> None:
        chosen = max(0, self.value())
        for button in self._buttons:
            self._group.removeButton(button)
            self._flow.removeWidget(button)
            button.deleteLater()
        self._names, self._buttons = names, []
        for i, name in enumerate(names):
            button = QToolButton()
            button.setText(name if len(name) <= self._longest else f"{name[: self._longest - 1]}…")
            button.setToolTip(name)
            button.setAccessibleName(f"{self.accessibleName()} {name}")
            button.setCheckable(True)
            button.setAutoRaise(True)
            self._group.addButton(button, i)
            self._flow.addWidget(button)
            self._buttons.append(button)
        self.set_value(min(chosen, len(names) - 1))

    def set_value(self, index: int) -> None:
        """Press a chip."""
        if 0 <= index < len(self._buttons):
            self._buttons[index].setChecked(True)
            if any(button.hasFocus() for button in self._buttons):  # the ring goes along with the choice
                self._buttons[index].setFocus()

    def value(self) -> int:
        """The chip that is pressed, or -1 while there are none."""
        return self._group.checkedId()

    def names(self) -> tuple[str, ...]:
        """What stands on the chips."""
        return self._names


def _demo() -> QWidget:
    from app.widgets.demo import digits

    chips = Chips("Class")
    chips.set_chips([*(str(i) for i in range(10)), "all"], digits(11))
    chips.set_value(4)
    return chips


if __name__ == "__main__":
    import sys

    from app.widgets.demo import run

    sys.exit(run(_demo, (420, 140)))
