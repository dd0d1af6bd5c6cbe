"""The drawing board: strokes cover what they touch, each is one step of undo, and files are brought to its size."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QAccessible, QDropEvent, QGuiApplication, QImage, QKeyEvent
from PySide6.QtWidgets import QAbstractButton, QLineEdit
from pytestqt.qtbot import QtBot

from app.shell import theme
from app.widgets import images
from app.widgets.board import Board
from app.widgets.intake import fit, takes
from app.widgets.strokes import Drawing, Sheet, blank, cover

pytestmark = pytest.mark.usefixtures("dressed")


@pytest.fixture
def board(qtbot: QtBot) -> Board:
    made = Board(28, 28)
    qtbot.addWidget(made)
    made.resize(500, 460)
    made.show()
    return made


def at(board: Board, x: float, y: float) -> QPoint:
    """The point of the widget in the middle of pixel (x, y)."""
    frame = board.view.frame()
    zoom = frame.width() / board.view.sheet.shape[1]
    return QPointF(frame.left() + (x + 0.5) * zoom, frame.top() + (y + 0.5) * zoom).toPoint()


def stroke(qtbot: QtBot, board: Board, *places: tuple[int, int], button: object = Qt.MouseButton.LeftButton) -> None:
    """Press at the first place, go over the others, let go."""
    qtbot.mousePress(board.view, button, pos=at(board, *places[0]))  # type: ignore[arg-type]
    for place in places[1:]:
        qtbot.mouseMove(board.view, at(board, *place))
    qtbot.mouseRelease(board.view, button, pos=at(board, *places[-1]))  # type: ignore[arg-type]


# strokes


def test_a_brush_covers_the_area_of_its_path() -> None:
    rng = np.random.default_rng(0)
    for radius in (0.8, 1.5, 3.0):
        a, b = rng.uniform(8, 20, (2, 2))
        found = cover((28, 28), tuple(a), tuple(b), radius)
        length = float(np.hypot(*(b - a)))
        assert found.sum() == pytest.approx(2 * radius * length + np.pi * radius**2, rel=0.08)
        assert found.min() == 0 and found.max() <= 1
        assert np.allclose(found, cover((28, 28), tuple(b), tuple(a), radius), atol=1e-9)


def test_a_stroke_that_crosses_itself_gets_no_lighter() -> None:
    once, twice = Sheet(10, 10), Sheet(10, 10)
    for sheet, times in ((once, 1), (twice, 5)):
        sheet.begin()
        for _ in range(times):
            sheet.dab((2, 5), (8, 5), 1.0, 130, False)
        sheet.end()
    assert np.array_equal(once.now.picture, twice.now.picture) and once.now.picture.max() == 130


def test_each_stroke_is_one_step_and_undo_and_redo_are_inverse() -> None:
    sheet, rng, seen = Sheet(12, 9), np.random.default_rng(1), []
    for _ in range(6):
        seen.append(sheet.now)
        sheet.begin()
        for _ in range(4):
            a, b = rng.uniform(0, 9, (2, 2))
            sheet.dab(tuple(a), tuple(b), 1.0, int(rng.integers(50, 255)), True)
        assert sheet.end()
    last = sheet.now
    for wished in reversed(seen):
        assert sheet.undo() and sheet.now is wished
    assert not sheet.undo() and not sheet.can_undo
    while sheet.redo():
        pass
    assert sheet.now is last
    sheet.undo()
    sheet.put(blank(12, 9))
    assert not sheet.can_redo, "after something new there is nothing to redo"


def test_a_stroke_that_changes_nothing_is_no_step() -> None:
    sheet = Sheet(5, 5)
    sheet.dab((2, 2), (3, 3), 1.0, 0, True)
    assert not sheet.end() and not sheet.can_undo


def test_rubbing_out_leaves_the_picture_and_marks_pixels_and_drawing_makes_them_known() -> None:
    sheet = Sheet(9, 9)
    sheet.put(Drawing(np.full((9, 9), 77, np.uint8), np.ones((9, 9), bool)))
    sheet.dab((4.5, 4.5), (4.5, 4.5), 2.0, None, False)
    sheet.end()
    assert (sheet.now.picture == 77).all() and not sheet.now.known[4, 4] and sheet.now.known[0, 0]
    sheet.dab((4.5, 4.5), (4.5, 4.5), 0.5, 200, True)
    sheet.end()
    assert sheet.now.known[4, 4] and sheet.now.picture[4, 4] == 200 and not sheet.now.known[4, 3]


# pictures from elsewhere


def ring(side: int, dark_on_light: bool, where: tuple[int, int]) -> QImage:
    """A ring of radius side / 10 in a picture of that side, its middle at `where`."""
    y, x = np.mgrid[0:side, 0:side]
    far = np.hypot(x - where[0], y - where[1])
    on = np.abs(far - side / 10) < side / 40
    grey = np.where(on, 20, 240) if dark_on_light else np.where(on, 240, 20)
    return images.to_qimage(grey.astype(np.uint8))


@pytest.mark.parametrize("dark_on_light", [True, False])
@pytest.mark.parametrize("size", [(28, 28), (8, 8), (14, 20)])
def test_a_picture_is_cropped_to_its_content_centred_and_turned_light_on_black(
    qapp: object, dark_on_light: bool, size: tuple[int, int]
) -> None:
    found = fit(ring(300, dark_on_light, (70, 220)), *size)
    assert found.shape == size and found.dtype == np.uint8
    rows, columns = np.flatnonzero(found.any(1)), np.flatnonzero(found.any(0))
    for places, extent in ((rows, size[0]), (columns, size[1])):
        assert abs((places[0] + places[-1]) / 2 - (extent - 1) / 2) <= 0.5, "the content stands in the middle"
    margin = round(min(size) / 7)
    least = min(len(rows), len(columns)) if size[0] == size[1] else len(rows)
    assert least >= min(size) - 2 * margin - 1, "and fills the board but for its margin"
    assert found.max() > 150 and found[0].max() == 0


def test_where_it_came_from_and_its_contrast_do_not_matter(qapp: object) -> None:
    a, b = fit(ring(300, True, (70, 220)), 28, 28), fit(ring(300, False, (200, 60)), 28, 28)
    assert np.abs(a.astype(int) - b).max() <= 2


def test_a_picture_of_one_colour_is_an_empty_board(qapp: object) -> None:
    assert not fit(images.to_qimage(np.full((40, 40), 90, np.uint8)), 28, 28).any()


def test_a_file_can_be_dropped_and_what_is_no_picture_is_refused_in_words(
    qtbot: QtBot, board: Board, tmp_path: Path
) -> None:
    ring(200, True, (100, 100)).save(str(tmp_path / "ring.png"))
    (tmp_path / "words.txt").write_text("no picture")
    refused: list[str] = []
    board.refused.connect(refused.append)
    for name in ("ring.png", "words.txt"):
        data = QMimeData()
        data.setUrls([QUrl.fromLocalFile(str(tmp_path / name))])
        board.view.dropEvent(QDropEvent(
            QPointF(20, 20), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
        ))  # fmt: skip
    assert board.picture().max() > 150 and board.known().all()
    assert len(refused) == 1 and "words.txt" in refused[0] and "PNG" in refused[0]


def test_what_is_on_the_clipboard_can_be_pasted(qtbot: QtBot, board: Board) -> None:
    QGuiApplication.clipboard().setImage(ring(120, False, (60, 60)))
    qtbot.keyClick(board.view, Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)
    assert board.picture().max() > 150
    QGuiApplication.clipboard().clear()
    board.undo()
    assert not board.picture().any()


# the widget


def test_drawing_by_pointer_reports_each_dab_and_the_end_of_the_stroke(qtbot: QtBot, board: Board) -> None:
    dabs: list[np.ndarray] = []
    ends: list[tuple[np.ndarray, np.ndarray]] = []
    board.changed.connect(lambda picture, known: dabs.append(picture))
    board.settled.connect(lambda picture, known: ends.append((picture, known)))
    stroke(qtbot, board, (5, 5), (10, 5), (15, 5), (20, 5))
    assert len(dabs) == 4 and len(ends) == 1
    picture, known = ends[0]
    assert picture.dtype == np.uint8 and picture.shape == (28, 28) and known.dtype == bool and known.all()
    assert (picture[5, 5:21] == 255).all() and not picture[12].any()
    board.undo()
    assert not board.picture().any()


def test_tools_and_the_right_button_do_what_their_tips_say(qtbot: QtBot, board: Board) -> None:
    stroke(qtbot, board, (5, 5), (20, 5))
    stroke(qtbot, board, (10, 5), button=Qt.MouseButton.RightButton)
    assert board.picture()[5, 10] == 0 and board.picture()[5, 15] == 255
    board.tools["eraser"].click()
    stroke(qtbot, board, (15, 5))
    assert board.picture()[5, 15] == 0
    board.tools["rub"].click()
    stroke(qtbot, board, (5, 5), (20, 5))
    assert not board.known()[5, 5:21].any() and board.known()[20].all()
    stroke(qtbot, board, (5, 5), button=Qt.MouseButton.RightButton)
    assert board.known()[5, 5] and not board.known()[5, 15]
    board.clear()
    assert board.known().all() and not board.picture().any()
    board.undo()
    assert not board.known().all(), "clearing can be undone as well"


def test_the_grey_and_the_size_of_the_brush_are_kept_to(qtbot: QtBot, board: Board) -> None:
    board.set_ink(100)
    board.set_radius(3.0)
    stroke(qtbot, board, (14, 14))
    assert board.picture().max() == 100
    assert np.count_nonzero(board.picture()[14] == 100) == 5
    board.invert()
    assert board.picture()[14, 14] == 155 and board.picture()[0, 0] == 255


def test_the_keyboard_draws_erases_and_takes_back(qtbot: QtBot, board: Board) -> None:
    view = board.view
    view.setFocus()
    board.set_radius(0.5)
    qtbot.keyClick(view, Qt.Key.Key_Space)
    assert board.picture()[14, 14] == 255 and np.count_nonzero(board.picture()) == 1
    qtbot.keyPress(view, Qt.Key.Key_Space)
    for _ in range(3):
        qtbot.keyClick(view, Qt.Key.Key_Right)
    qtbot.keyRelease(view, Qt.Key.Key_Space)
    assert (board.picture()[14, 14:18] == 255).all()
    qtbot.keyClick(view, Qt.Key.Key_Delete)
    assert board.picture()[14, 17] == 0
    qtbot.keyClick(view, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert board.picture()[14, 17] == 255
    qtbot.keyClick(view, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert np.count_nonzero(board.picture()) == 1, "what was drawn while Space was held is one step"
    qtbot.keyClick(view, Qt.Key.Key_Y, Qt.KeyboardModifier.ControlModifier)
    assert (board.picture()[14, 14:18] == 255).all()
    claimed = QKeyEvent(QKeyEvent.Type.ShortcutOverride, Qt.Key.Key_Space, Qt.KeyboardModifier.NoModifier)
    claimed.ignore()
    assert view.event(claimed) and claimed.isAccepted(), "Space paints here and does not start a training"


def test_a_picture_can_be_set_and_one_of_another_size_is_refused_in_words(qtbot: QtBot, board: Board) -> None:
    heard: list[object] = []
    board.changed.connect(lambda *_: heard.append(1))
    given = np.random.default_rng(0).integers(0, 256, (28, 28, 1), dtype=np.uint8)
    mask = np.ones((28, 28), bool)
    mask[20:] = False
    board.set_picture(given, mask)
    assert np.array_equal(board.picture(), given[..., 0]) and np.array_equal(board.known(), mask)
    assert not heard, "setters are silent"
    with pytest.raises(ValueError, match="call set_size first"):
        board.set_picture(np.zeros((8, 8), np.uint8))
    board.set_size(8, 12)
    board.set_picture(np.zeros((8, 12), np.uint8))
    assert board.picture().shape == (8, 12) and not board.view.sheet.can_undo


@pytest.mark.parametrize("mode", ["dark", "light"])
def test_unknown_pixels_look_like_no_grey_of_a_picture(qtbot: QtBot, qapp: object, board: Board, mode: str) -> None:
    theme.apply(qapp, mode)  # type: ignore[arg-type]
    mask = np.ones((28, 28), bool)
    mask[10:20] = False
    board.set_known(mask)
    shown = images.from_qimage(board.view.grab().toImage()).astype(int)
    frame = board.view.frame().toRect()
    zoom = frame.width() // 28
    band = shown[frame.top() + 11 * zoom : frame.top() + 19 * zoom, frame.left() + 2 : frame.right() - 2, :3]
    tint = band.max(-1) - band.min(-1)
    assert (tint > 8).mean() > 0.6, "it has a colour"
    assert band.reshape(-1, 3).std(0).max() > 8, "and a pattern"


def test_a_board_without_rubber_hides_it(qtbot: QtBot, board: Board) -> None:
    board.set_tool("rub")
    board.set_rubbing(False)
    assert board.view.tool == "brush" and not board.tools["rub"].isVisible()


def test_each_control_has_a_name_for_screen_readers(qtbot: QtBot, board: Board) -> None:
    for kind in (QAbstractButton, QLineEdit):
        for widget in board.findChildren(kind):
            seen = QAccessible.queryAccessibleInterface(widget)
            assert seen is not None and seen.text(QAccessible.Text.Name).strip()
    assert board.view.accessibleName() == "Drawing board" and "28 by 28" in board.view.accessibleDescription()


@pytest.mark.parametrize(("name", "taken"), [("a.png", True), ("B.JPEG", True), ("folder", False), ("data.csv", False)])
def test_a_board_takes_a_picture_file_and_leaves_data_to_the_window(tmp_path: Path, name: str, taken: bool) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(tmp_path / name))])
    assert takes(data) is taken
    data.setUrls([QUrl.fromLocalFile(str(tmp_path / "a.png")), QUrl.fromLocalFile(str(tmp_path / "b.png"))])
    assert not takes(data)
