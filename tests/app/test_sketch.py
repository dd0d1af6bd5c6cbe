"""The sheet on which distributions are drawn: marks, the hand that makes them, their past, and what is painted."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor, QImage
from pytestqt.qtbot import QtBot

from app.widgets import sketchmarks as m
from app.widgets.sketch import Sketch
from app.widgets.sketchhand import Hand

pytestmark = pytest.mark.usefixtures("dressed")

LINE: dict[str, Any] = {
    "kind": "brush", "label": 0, "weight": 4.3, "width": 0.3, "mirror": "none", "points": [-2.0, 0.0, 2.0, 0.0],
}  # fmt: skip
BELL: dict[str, Any] = {
    "kind": "gaussian", "label": 1, "weight": 1.0, "mirror": "none", "at": [0.0, 1.5], "axes": [0.5, 0.2], "angle": 0.0,
}  # fmt: skip
PICTURE: dict[str, Any] = {
    "kind": "picture", "label": 0, "weight": 1.0, "columns": 2, "ink": "f00f", "at": [0, 0], "size": 2.0, "angle": 0,
}  # fmt: skip
UNIT = 80.0


def stroke(hand: Hand, *places: tuple[float, float]) -> bool:
    hand.begin(*places[0], UNIT)
    for x, y in places[1:]:
        hand.go_on(x, y, UNIT)
    return hand.finish()


# marks


def test_a_simplified_path_stays_within_its_tolerance_with_far_fewer_points() -> None:
    t = np.linspace(0, 2 * np.pi, 800)
    path = np.stack([np.cos(t), np.sin(2 * t)], 1)
    few = m.simplified(path, 0.02)
    assert len(few) < 60 and np.array_equal(few[[0, -1]], path[[0, -1]])
    assert max(m.distance(few, x, y) for x, y in path) <= 0.02 + 1e-12


def test_a_mark_is_hit_where_it_is_and_not_beside_it() -> None:
    assert m.hit(LINE, 1.0, 0.1, 0.0) and not m.hit(LINE, 1.0, 0.2, 0.0) and m.hit(LINE, 1.0, 0.2, 0.1)
    tilted = {**BELL, "at": [0.0, 0.0], "angle": 90.0}
    assert m.hit(tilted, 0.0, 0.6, 0.0) and not m.hit(tilted, 0.6, 0.0, 0.0)
    assert m.find((LINE, tilted), 0.0, 0.0, 0.0) == 1, "the upper one of two"
    assert m.find((LINE,), 0.0, 2.0, 0.1) == -1


def test_handles_lie_on_the_ellipse_and_dragging_one_turns_and_stretches() -> None:
    assert m.handles({**BELL, "at": [1.0, 1.0]}) == {"first": (1.5, 1.0), "second": (1.0, 1.2)}
    made = m.dragged({**BELL, "at": [1.0, 1.0]}, "first", 1.0, 3.0)
    assert made["axes"] == [2.0, 0.2] and made["angle"] == 90.0
    again = m.dragged(made, "second", 0.0, 1.0)
    assert again["axes"] == [2.0, 1.0] and again["angle"] == 90.0
    word = {"kind": "text", "text": "ab", "at": [0.0, 0.0], "size": 1.0, "angle": 0.0}
    half = m.half_box(word)[0]
    made = m.dragged(word, "size", 0.0, 2 * half)
    assert made["size"] == 2.0 and made["angle"] == 90.0
    for mark, handle in ((again, "first"), (again, "second"), (made, "size")):
        place = m.handles(mark)[handle]
        assert m.handles(m.dragged(mark, handle, *place))[handle] == pytest.approx(place, abs=2e-2)


def test_an_eraser_cuts_a_stroke_in_two_that_share_its_weight() -> None:
    left, right = m.rubbed((LINE,), 0.0, 0.0, 0.5)
    assert m.points_of(left)[:, 0].max() <= -0.5 + 0.13 and m.points_of(right)[:, 0].min() >= 0.5 - 0.13
    assert left["weight"] == pytest.approx(right["weight"]) and left["weight"] < LINE["weight"] / 2
    assert m.rubbed((LINE,), 0.0, 2.0, 0.5) == (LINE,)
    assert m.rubbed((BELL,), 0.0, 1.5, 0.2) == ()
    (mark,) = m.rubbed(({**LINE, "kind": "points", "points": [0.0, 0.0, 1.0, 1.0]},), 0.0, 0.0, 0.3)
    assert mark["points"] == [1.0, 1.0] and mark["weight"] == LINE["weight"] / 2
    (mark,) = m.rubbed((PICTURE,), -0.5, 0.5, 0.3)
    assert mark["ink"] == "000f" and mark["weight"] == 0.5
    assert m.rubbed((mark,), 0.5, -0.5, 0.3) == ()


def test_pixels_of_a_picture_begin_at_the_upper_left() -> None:
    assert m.pixels(PICTURE).tolist() == [[-0.5, 0.5], [0.5, 0.5], [-0.5, -0.5], [0.5, -0.5]]
    assert m.ink_of(np.array([[255, 0], [128, 17]], np.uint8)) == ("f081", 2)


# the hand and its past


def test_a_stroke_is_one_step_however_many_places_it_passes() -> None:
    hand = Hand()
    assert stroke(hand, *[(x / 50, math.sin(x / 50)) for x in range(120)])
    (mark,) = hand.marks
    assert mark["kind"] == "brush" and mark["width"] == 0.3 and len(mark["points"]) < 60
    assert mark["weight"] == pytest.approx(m.extent(mark), rel=1e-3)
    assert stroke(hand, (0, 2), (1, 2)) and len(hand.marks) == 2
    assert hand.history.undo() and len(hand.marks) == 1
    assert hand.history.undo() and hand.marks == () and not hand.history.undo()
    assert hand.history.redo() and hand.history.redo() and len(hand.marks) == 2 and not hand.history.redo()


def test_rubbing_and_dragging_are_one_step_each_and_nothing_is_none() -> None:
    hand = Hand()
    hand.history.load((LINE, BELL))
    hand.tool, hand.width = "erase", 0.6
    assert stroke(hand, (-1.0, 0.5), (-1.0, 0.0), (0.0, 0.0), (0.0, -1.0))
    hand.tool = "select"
    assert stroke(hand, (0.0, 1.5), (0.5, 1.5), (1.0, 2.0))
    assert hand.marks[-1]["at"] == [1.0, 2.0] and hand.chosen == len(hand.marks) - 1
    assert not stroke(hand, (1.0, 2.0)), "a click chooses, and changes nothing"
    hand.history.undo()
    hand.history.undo()
    assert hand.marks == (LINE, BELL)


def test_a_new_step_after_an_undo_forgets_what_was_undone() -> None:
    hand = Hand()
    stroke(hand, (0, 0), (1, 0))
    hand.history.undo()
    stroke(hand, (0, 1), (1, 1))
    assert not hand.history.can_redo and len(hand.marks) == 1


def test_each_tool_makes_its_mark_of_the_class_and_mirror_in_use() -> None:
    hand = Hand()
    hand.label, hand.mirror, hand.density, hand.text = 3, "x", 2.0, "Hi"
    for tool in ("spray", "gaussian", "text", "points"):
        hand.tool = tool
        stroke(hand, (0.5, 0.0), (1.5, 0.0))
    assert [mark["kind"] for mark in hand.marks] == ["spray", "gaussian", "text", "points"]
    assert {(mark["label"], mark["mirror"]) for mark in hand.marks} == {(3, "x")}
    assert hand.marks[1]["axes"] == [1.0, 1.0] and hand.marks[2]["text"] == "Hi"
    for mark in hand.marks:
        assert mark["weight"] == pytest.approx(2 * m.extent(mark), rel=1e-3)
    stroke(hand, (-1.0, 0.0))
    assert len(hand.marks) == 4 and hand.marks[3]["points"] == [0.5, 0.0, -1.0, 0.0], "points gather in one mark"
    hand.label = 1
    stroke(hand, (-1.0, 1.0))
    assert len(hand.marks) == 5, "of another class they begin anew"


def test_a_spray_grows_with_time_and_scatters_by_its_width() -> None:
    hand = Hand()
    hand.tool, hand.width = "spray", 0.5
    hand.begin(1.0, 1.0, UNIT)
    for _ in range(100):
        hand.drop(1.0, 1.0)
    hand.finish()
    points = m.points_of(hand.marks[0])
    assert len(points) == 606
    assert np.allclose(points.mean(0), 1.0, atol=0.1) and np.allclose(points.std(0), 0.5, atol=0.06)


# the widget


def shown(qtbot: QtBot, *marks: dict[str, Any]) -> Sketch:
    sketch = Sketch()
    qtbot.addWidget(sketch)
    sketch.resize(480, 480)
    sketch.show()
    sketch.set_marks(tuple(marks))
    return sketch


def drag(qtbot: QtBot, sketch: Sketch, *places: tuple[float, float]) -> None:
    at: list[QPoint] = [sketch.to_screen(*place).toPoint() for place in places]
    qtbot.mousePress(sketch, Qt.MouseButton.LeftButton, pos=at[0])
    for place in at[1:]:
        qtbot.mouseMove(sketch, place)
    qtbot.mouseRelease(sketch, Qt.MouseButton.LeftButton, pos=at[-1])


def test_a_dragged_stroke_lies_where_the_pointer_went_and_is_told_once(qtbot: QtBot) -> None:
    sketch = shown(qtbot)
    told: list[int] = []
    sketch.changed.connect(lambda: told.append(len(sketch.marks)))
    drag(qtbot, sketch, (-1.0, -1.0), (0.0, 1.0), (1.0, -1.0))
    assert told == [1]
    assert np.allclose(m.points_of(sketch.marks[0]), [[-1, -1], [0, 1], [1, -1]], atol=0.02)


def test_keys_undo_redo_delete_and_change_the_width(qtbot: QtBot) -> None:
    sketch = shown(qtbot)
    drag(qtbot, sketch, (-1.0, 0.0), (1.0, 0.0))
    wished: list[float] = []
    sketch.width_wished.connect(wished.append)
    control = Qt.KeyboardModifier.ControlModifier
    qtbot.keyClick(sketch, Qt.Key.Key_Z, control)
    assert sketch.marks == ()
    qtbot.keyClick(sketch, Qt.Key.Key_Y, control)
    assert len(sketch.marks) == 1
    sketch.set_tool("select")
    drag(qtbot, sketch, (0.0, 0.0))
    assert sketch.chosen is not None
    before = m.points_of(sketch.marks[0])
    qtbot.keyClick(sketch, Qt.Key.Key_Up)
    assert (m.points_of(sketch.marks[0])[:, 1] > before[:, 1]).all()
    qtbot.keyClick(sketch, Qt.Key.Key_Escape)
    assert sketch.chosen is None
    drag(qtbot, sketch, (0.0, 0.0))
    qtbot.keyClick(sketch, Qt.Key.Key_Delete)
    assert sketch.marks == ()
    qtbot.keyClick(sketch, Qt.Key.Key_BracketRight)
    qtbot.keyClick(sketch, Qt.Key.Key_BracketLeft)
    assert wished[0] > 1 > wished[1] and wished[0] * wished[1] == pytest.approx(1)


@pytest.mark.parametrize("kind", ["brush", "gaussian", "text", "picture"])
def test_marks_are_painted_in_the_colour_of_their_class_and_mirrored(qtbot: QtBot, kind: str) -> None:
    marks: dict[str, dict[str, Any]] = {
        "brush": {**LINE, "points": [0.5, 0.5, 2.0, 0.5]},
        "gaussian": {**BELL, "at": [1.2, 0.5], "axes": [0.4, 0.2]},
        "text": {"kind": "text", "text": "H", "at": [1.2, 0.5], "size": 2.0, "angle": 0.0, "weight": 1.0},
        "picture": {**PICTURE, "ink": "ffff", "at": [1.2, 0.5]},
    }
    sketch = shown(qtbot)

    def inked(mark: dict[str, Any]) -> np.ndarray:
        """Where the picture differs from an empty one that has another mark far away."""
        sketch.set_marks(({**LINE, "points": [90.0, 90.0, 91.0, 90.0]},))
        empty = pixels(sketch.grab().toImage())
        sketch.set_marks((mark,))
        return np.abs(pixels(sketch.grab().toImage()) - empty).sum(2) > 30

    plain, mirrored = inked(marks[kind]), inked({**marks[kind], "mirror": "x"})
    middle = round(sketch.to_screen(0, 0).x())
    assert plain[:, middle + 5 :].any() and not plain[:, : middle - 5].any()
    assert mirrored[:, : middle - 5].any()
    rows, columns = np.nonzero(plain)
    low, high = sketch.to_plane(QPoint(int(columns.min()), int(rows.max()))), sketch.to_plane(
        QPoint(int(columns.max()), int(rows.min()))
    )
    assert ((low[0] + high[0]) / 2, (low[1] + high[1]) / 2) == pytest.approx((1.2, 0.5), abs=0.1)


def test_the_density_lies_where_it_belongs_with_its_first_row_lowest(qtbot: QtBot) -> None:
    sketch = shown(qtbot, {**LINE, "points": [90.0, 90.0, 91.0, 90.0]})
    empty = pixels(sketch.grab().toImage())
    picture = np.zeros((10, 10, 4), np.uint8)
    picture[0, :, :] = 255
    sketch.set_ground(picture, (-2.0, 2.0, -2.0, 2.0))
    rows, _ = np.nonzero(np.abs(pixels(sketch.grab().toImage()) - empty).sum(2) > 200)
    assert sketch.to_plane(QPoint(0, int(rows.max())))[1] == pytest.approx(-2.0, abs=0.1)
    assert sketch.to_plane(QPoint(0, int(rows.min())))[1] < -1.4


def pixels(image: QImage) -> np.ndarray:
    held = image.convertToFormat(QImage.Format.Format_RGBA8888)
    flat = np.frombuffer(held.constBits(), np.uint8).reshape(held.height(), held.bytesPerLine())
    return flat[:, : 4 * held.width()].reshape(held.height(), held.width(), 4)[..., :3].astype(int)


def test_a_picture_becomes_ink_and_one_without_any_is_refused(qtbot: QtBot, tmp_path: Path) -> None:
    sketch = shown(qtbot)
    words: list[str] = []
    sketch.refused.connect(words.append)
    white = QImage(40, 40, QImage.Format.Format_RGB32)
    white.fill(QColor("white"))
    sketch.add_picture(white)
    assert "no ink" in words[0] and sketch.marks == ()
    for x in range(10, 30):
        white.setPixelColor(x, 20, QColor("black"))
    assert white.save(str(tmp_path / "line.png"))
    sketch.load_picture(tmp_path / "line.png")
    (mark,) = sketch.marks
    assert mark["kind"] == "picture" and len(mark["ink"]) == mark["columns"] ** 2 and "f" in mark["ink"]
    sketch.load_picture(tmp_path / "nothing.png")
    assert "not a file" in words[1]
