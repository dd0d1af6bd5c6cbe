"""The latent map, the plane, the schedule and colour scales: their arithmetic, and their hands."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QAccessible
from pytestqt.qtbot import QtBot

from app.widgets import colormap, kit
from app.widgets.curves import CurvePlot
from app.widgets.legend import LegendRow
from app.widgets.pad import LatentPad
from app.widgets.plane import PlaneView, isolines
from app.widgets.schedule import SchedulePlot

pytestmark = pytest.mark.usefixtures("dressed")

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def pad(qtbot) -> LatentPad:
    p = LatentPad()
    qtbot.addWidget(p)
    p.resize(420, 420)
    p.set_points(np.random.default_rng(0).normal(size=(200, 2)), np.arange(200) % 3)
    p.show()
    return p


def test_screen_and_plane_are_inverse(pad: LatentPad) -> None:
    for point in ((0.0, 0.0), (1.5, -2.0)):
        assert pad.to_plane(pad.to_screen(*point)) == pytest.approx(point)


def test_a_click_picks_and_a_drag_moves(qtbot, pad: LatentPad) -> None:
    with qtbot.waitSignal(pad.picked) as got:
        qtbot.mouseClick(pad, LEFT, pos=pad.to_screen(1.0, -0.5).toPoint())
    assert got.args == pytest.approx([1.0, -0.5], abs=0.03)
    moves = []
    pad.moved.connect(lambda x, y: moves.append((x, y)))
    with qtbot.assertNotEmitted(pad.picked):
        qtbot.mousePress(pad, LEFT, pos=pad.to_screen(0, 0).toPoint())
        qtbot.mouseMove(pad, pad.to_screen(1, 1).toPoint())
        qtbot.mouseRelease(pad, LEFT, pos=pad.to_screen(1, 1).toPoint())
    assert moves[-1] == pytest.approx((1, 1), abs=0.03) and pad.cursor_point() == moves[-1]


def test_arrow_keys_walk_the_map(qtbot, pad: LatentPad) -> None:
    with qtbot.waitSignal(pad.moved) as got:
        qtbot.keyClick(pad, Qt.Key.Key_Right)
    assert got.args[0] > 0 and got.args[1] == 0


def test_many_points_become_one_picture(pad: LatentPad) -> None:
    pad.set_points(np.random.default_rng(0).normal(size=(50_000, 2)), np.zeros(50_000))
    assert not pad.grab().isNull()
    painted = pad.carpet.painted
    for _ in range(10):  # panning only moves the picture
        pad._center += QPointF(0.05, 0.02)
        pad.rebuild()
        pad.grab()
    assert pad.carpet.painted == painted


def test_layers_switch_and_wrong_shapes_are_refused(qtbot) -> None:
    v = PlaneView()
    qtbot.addWidget(v)
    v.resize(400, 400)
    rng = np.random.default_rng(0)
    v.set_layer("p", "data", "points", rng.normal(size=(50, 2)))
    v.set_layer("i", "density", "image", rng.random((20, 20)), (-2, 2, -2, 2))
    v.set_layer("c", "contour", "contour", rng.random((20, 20)), (-2, 2, -2, 2))
    v.set_layer("a", "score", "arrows", rng.normal(size=(50, 4)))
    v.set_layer("t", "paths", "paths", rng.normal(size=(5, 20, 2)))
    v.show()
    assert not v.grab().isNull()
    with qtbot.waitSignal(v.toggled) as got:
        qtbot.mouseClick(v.legend.chips["p"], LEFT)
    assert got.args == ["p", False]
    v.set_layer("p", "data", "points", rng.normal(size=(9, 2)))
    assert not v.legend.chips["p"].isChecked()
    with pytest.raises(ValueError, match="arrows"):
        v.set_layer("a", "score", "arrows", np.zeros((4, 3)))


def test_contours_of_a_cone_are_circles() -> None:
    y, x = np.mgrid[0:41, 0:41] - 20.0
    lines = isolines(np.hypot(x, y), 12.0)
    radii = np.hypot(lines[:, 0] - 20, lines[:, 1] - 20)
    assert len(lines) > 40 and np.allclose(radii, 12, atol=0.1)


def test_contours_of_several_levels_are_those_of_each_and_a_hole_has_none_inside() -> None:
    values = np.random.default_rng(0).normal(size=(30, 24))
    values[10:14, 5:9] = np.nan
    levels = (-0.5, 0.3, 1.1)
    each = [isolines(values, level) for level in levels]
    together = isolines(values, *levels)
    assert len(together) == sum(map(len, each)) > 100
    assert {tuple(row) for row in together} == {tuple(row) for line in each for row in line}
    assert isolines(values).shape == (0, 4)


def test_a_press_on_the_schedule_picks_a_time(qtbot) -> None:
    s = SchedulePlot()
    qtbot.addWidget(s)
    s.resize(400, 120)
    s.set_curves({"a": (np.arange(1000.0), np.linspace(1, 0, 1000))})
    with qtbot.waitSignal(s.t_picked) as got:
        qtbot.mouseClick(s, LEFT, pos=s._area().center().toPoint())
    assert got.args[0] == pytest.approx(499.5, abs=3)


def test_colour_scales_rise_in_lightness_and_mark_gaps() -> None:
    for name in ("viridis", "cividis"):
        light = colormap.table(name) @ np.array([0.299, 0.587, 0.114])
        assert (np.diff(light) >= -1).all()
    assert colormap.colorize(np.array([[np.nan, 1.0]]))[0, :, 3].tolist() == [0, 255]


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (12000, "12,000"), (1e-4, "1e-4"), (0.25, "0.25"), (np.nan, "nan"), (3e9, "3e9")]
)
def test_numbers_are_written_as_people_do(value: float, text: str) -> None:
    assert kit.number_text(value) == text


def test_drawn_widgets_have_names_for_screen_readers(qtbot, pad: LatentPad) -> None:
    curves = CurvePlot()
    qtbot.addWidget(curves)
    for w in (pad, curves.plot):
        assert QAccessible.queryAccessibleInterface(w).text(QAccessible.Text.Name)


def test_a_short_legend_keeps_what_is_on_and_lists_the_rest(qtbot: QtBot) -> None:
    legend = LegendRow()
    qtbot.addWidget(legend)
    for number in range(8):
        legend.put(f"k{number}", f"layer {number}", "#123456")
        legend.set_shown(f"k{number}", number >= 6)
    legend.resize(300, 24)
    legend.show()
    assert legend.folded() == [] and legend.more.isHidden()
    legend.set_short(True)
    assert legend.folded() and not {"k6", "k7"} & set(legend.folded()) and not legend.more.isHidden()
    first = legend.folded()[0]
    heard: list[tuple[str, bool]] = []
    legend.toggled.connect(lambda key, on: heard.append((key, on)))
    legend._open()
    assert [action.text() for action in legend.menu.actions()] == [legend.chips[key].label for key in legend.folded()]
    legend.menu.actions()[0].trigger()
    legend.menu.hide()
    assert heard == [(first, True)] and first not in legend.folded(), "what was switched on comes into the line"
    legend.resize(2000, 24)
    assert legend.folded() == [] and legend.more.isHidden()
    legend.resize(300, 24)
    legend.set_short(False)
    assert not any(chip.isHidden() for chip in legend.chips.values())
