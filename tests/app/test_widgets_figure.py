"""Figures: what is drawn the quick way is what Qt draws, and what is kept is what would be painted anew."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPainterPath, QPen
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app import export
from app.shell import theme
from app.widgets.chart.trace import arrows, path_of, polygon
from app.widgets.chart.wide import stroke
from app.widgets.figure import Figure
from app.widgets.figuremarks import Arrows, Contours, Line, Mark
from app.widgets.formula import Formula
from gm_core.resources import resource

pytestmark = pytest.mark.usefixtures("dressed")

RED = QColor(255, 0, 0)


def ink(draw, dpr: float = 1.0) -> np.ndarray:  # type: ignore[no-untyped-def]
    """How much of each pixel is covered by what is drawn, 0 to 1."""
    image = QImage(round(160 * dpr), round(160 * dpr), QImage.Format.Format_ARGB32_Premultiplied)
    image.setDevicePixelRatio(dpr)
    image.fill(0)
    p = QPainter(image)
    p.setRenderHint(QPainter.RenderHint.Antialiasing)
    draw(p)
    p.end()
    return np.array(image.constBits()).reshape(image.height(), image.width(), 4)[..., 3] / 255.0


def real(p: QPainter, points: np.ndarray, width: float) -> None:
    pen = QPen(RED, width)
    pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
    p.setPen(pen)
    p.drawPolyline(polygon(points))


@pytest.mark.parametrize(("width", "dpr"), [(1.2, 1.0), (1.8, 1.0), (2.6, 1.0), (1.3, 1.5), (1.8, 2.0)])
@pytest.mark.parametrize("turn", [*range(0, 180, 15), 2, 40, 44, 133, 178])
def test_a_wide_line_has_the_width_of_qts_own_in_every_direction(turn: float, width: float, dpr: float) -> None:
    along = np.array([np.cos(np.radians(turn)), np.sin(np.radians(turn))])
    points = 80.3 + np.linspace(-60, 60, 40)[:, None] * along
    quick, slow = ink(lambda p: stroke(p, [points], RED, width), dpr), ink(lambda p: real(p, points, width), dpr)
    assert quick.sum() == pytest.approx(slow.sum(), rel=0.26)
    y, x = (np.mgrid[: len(slow), : len(slow)] + 0.5) / dpr
    inside = (slow > 0.99) & (np.hypot(x - 80.3, y - 80.3) < 60 - width)  # its ends are cut off otherwise
    assert np.all(quick[inside] > 0.5), "no gap inside it"


def test_a_wide_curve_looks_as_qts_own() -> None:
    t = np.linspace(0, 2 * np.pi, 97)
    round_ = np.column_stack((80 + 60 * np.cos(t), 80 + 35 * np.sin(t)))
    quick, slow = ink(lambda p: stroke(p, [round_], RED, 1.8)), ink(lambda p: real(p, round_, 1.8))
    assert np.abs(quick - slow).sum() < 0.3 * slow.sum() and quick.max() > 0.95


def test_a_point_a_way_back_and_a_standstill_are_no_trouble() -> None:
    for points in ([[5.0, 5.0]], [[5.0, 5.0], [90.0, 5.0], [5.0, 5.0]], [[5.0, 5.0]] * 4):
        assert np.isfinite(ink(lambda p, at=points: stroke(p, [np.array(at)], RED, 1.8))).all()


def test_a_path_has_the_elements_that_were_told() -> None:
    runs = [np.array([[1.0, 2.0], [3.5, -4.0], [5.0, 6.0]]), np.array([[0.0, 1.0], [2.0, 3.0]])]
    expected = QPainterPath()
    for run in runs:
        expected.moveTo(QPointF(*run[0]))
        for point in run[1:]:
            expected.lineTo(QPointF(*point))
    assert path_of(runs) == expected
    assert path_of(np.array([runs[1], runs[1] + 5])).elementCount() == 4 and path_of([]).isEmpty()


def test_arrows_have_two_barbs_and_tiny_or_broken_ones_are_left_out() -> None:
    begin = np.zeros((4, 2))
    way = np.array([[10.0, 0.0], [0.3, 0.0], [np.nan, 1.0], [0.0, -6.0]])
    made = arrows(begin, way, 4.0)
    assert made.shape == (6, 2, 2) and np.isfinite(made).all()
    assert np.array_equal(made[:2, 1], way[[0, 3]])
    assert np.hypot(*(made[2:, 1] - made[2:, 0]).T) == pytest.approx([np.hypot(4, 2.2), np.hypot(3, 1.65)] * 2)


# ---- what is kept


def figure(qtbot: QtBot, *marks: Mark, title: str = "Two densities") -> Figure:
    made = Figure("f")
    qtbot.addWidget(made)
    made.resize(360, 240)
    made.set_title(title)
    made.set_axes("x", "density", (-4, 4), (0, 1))
    made.set_marks(marks)
    return made


def seen(widget: Figure | Formula) -> QImage:
    QApplication.processEvents()
    return widget.grab().toImage()


def curve(mean: float, name: str = "p", colour: int = 0) -> Line:
    x = np.linspace(-4, 4, 200)
    return Line(x, np.exp(-((x - mean) ** 2)), name=name, colour=colour)


def test_a_figure_that_has_changed_is_what_a_new_one_would_be(qtbot: QtBot) -> None:
    old = figure(qtbot, curve(0.0))
    seen(old)
    y, x = np.mgrid[0:20, 0:30] / 10.0
    ground = Contours(np.sin(x) * y, (-4, 4, 0, 1), (0.2, 0.5), name="heights", colour=2)
    field = Arrows(np.array([0.0]), np.array([0.5]), np.array([1.0]), np.array([0.2]))
    for marks, title in (
        ((curve(1.0),), "Two densities"),
        ((curve(1.0, "another name", 3),), "Two densities"),
        ((curve(1.0), ground, field), "Another title"),
    ):
        old.set_title(title)
        old.set_marks(marks)
        assert seen(old) == seen(figure(qtbot, *marks, title=title))
    old.set_axes("x", "density", (-2, 2), (0, 2))
    wider = figure(qtbot, *old.marks(), title="Another title")
    wider.set_axes("x", "density", (-2, 2), (0, 2))
    assert seen(old) == seen(wider)
    old.resize(420, 200)
    wider.resize(420, 200)
    assert seen(old) == seen(wider)


def test_a_figure_follows_theme_and_text_size(qtbot: QtBot) -> None:
    shown = figure(qtbot, curve(0.0))
    app = theme.application()
    before, usual = seen(shown), theme.scale()
    try:
        theme.apply(app, "light")
        light = seen(shown)
        theme.set_scale(app, 1.5)
        assert light != before and seen(shown) != light
    finally:
        theme.set_scale(app, usual)
        theme.apply(app, "dark")
    assert seen(shown) == before


def test_an_export_in_vectors_holds_lines_and_no_picture_of_the_ground(qtbot: QtBot, tmp_path: Path) -> None:
    shown = figure(qtbot, curve(0.0))
    seen(shown)
    text = export.export_svg(shown, tmp_path / "f.svg").read_text()
    assert "<image" not in text and "Two densities" in text
    lines = [line for line in text.splitlines() if line.lstrip().startswith(("<polyline", "<path"))]
    assert len([line for line in lines if line.count(",") > 150]) == 1, "one curve is one line"


def test_an_enlarged_picture_is_sharp(qtbot: QtBot) -> None:
    shown = figure(qtbot, curve(0.0))
    seen(shown)
    large = export.picture_of(shown, 3.0)
    fresh = export.picture_of(figure(qtbot, curve(0.0)), 3.0)
    assert large == fresh and large.width() == 3 * shown.width()


def test_a_formula_that_has_changed_is_what_a_new_one_would_be(qtbot: QtBot) -> None:
    first, second = sorted(resource("formulas").rglob("*.svg"))[:2]

    def made(path: Path, values: dict[str, float]) -> Formula:
        one = Formula()
        qtbot.addWidget(one)
        one.set_lines([path])
        one.resize(500, one.heightForWidth(500))
        one.set_values(values)
        return one

    old = made(first, {})
    seen(old)
    numbers = {name: 0.5 for name in old.slots()}
    old.set_values(numbers)
    assert seen(old) == seen(made(first, numbers))
    old.set_lines([second])
    old.resize(500, old.heightForWidth(500))
    assert seen(old) == seen(made(second, numbers))
