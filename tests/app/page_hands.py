"""Hands for the tests of pages: what a person does to a figure, in units of its axes."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from app.widgets.figure import Figure

LEFT, PLAIN = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier


def drag(figure: Figure, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Press, move and release the left button between two places of the axes (of logarithms, where they are)."""
    a, b = (figure.place_of(*place).toPoint() for place in (start, end))
    QTest.mousePress(figure, LEFT, PLAIN, a)
    QTest.mouseMove(figure, a + QPoint(1, 1))
    QTest.mouseMove(figure, b)
    QTest.mouseRelease(figure, LEFT, PLAIN, b)


def click(figure: Figure, x: float, y: float) -> None:
    """Click at a place of the axes (of logarithms, where they are)."""
    QTest.mouseClick(figure, LEFT, PLAIN, figure.place_of(x, y).toPoint())
