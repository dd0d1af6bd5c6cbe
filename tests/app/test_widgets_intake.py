"""Pictures from elsewhere: whatever is dropped becomes a picture of the right size, or is refused in one sentence."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QAccessible, QImage, QWheelEvent
from PySide6.QtWidgets import QToolButton
from pytestqt.qtbot import QtBot

from app.widgets import images
from app.widgets.board import COLOURS, Board
from app.widgets.chips import Chips
from app.widgets.cropper import Cropper
from app.widgets.intake import LARGEST, MOST_PIXELS, centred, checked, cut, held, middle_box, read_image
from app.widgets.posterior import PosteriorRows
from app.widgets.strokes import Sheet

pytestmark = pytest.mark.usefixtures("dressed")


def photo(wide: int = 90, high: int = 60) -> np.ndarray:
    """A picture whose red grows to the right and whose green grows downwards."""
    y, x = np.mgrid[0:high, 0:wide]
    return np.stack([x * 255 / (wide - 1), y * 255 / (high - 1), np.full((high, wide), 40.0)], -1).astype(np.uint8)


# reading


@pytest.mark.parametrize(
    ("name", "mode", "options"),
    [
        ("grey.png", "L", {}),
        ("alpha.png", "RGBA", {}),
        ("deep.png", "I;16", {}),
        ("palette.gif", "P", {}),
        ("print.jpg", "CMYK", {}),
        ("wrong-ending.png", "RGB", {"format": "JPEG"}),
    ],
)
def test_odd_kinds_of_pictures_are_read(tmp_path: Path, name: str, mode: str, options: dict[str, str]) -> None:
    if mode == "I;16":
        Image.fromarray(photo()[..., 0].astype(np.uint16) * 257).save(tmp_path / name)
    else:
        Image.fromarray(photo()).convert(mode).save(tmp_path / name, **options)
    image = read_image(tmp_path / name)
    assert (image.width(), image.height()) == (90, 60)
    small = cut(image, 6, 6, 1)
    assert small[:, -1].mean() > small[:, 0].mean() + 20, "its right side is lighter, as in the photograph"


def test_of_an_animation_the_first_frame_is_taken(tmp_path: Path) -> None:
    frames = [Image.new("L", (20, 20), grey) for grey in (250, 120, 10)]
    frames[0].save(tmp_path / "film.gif", save_all=True, append_images=frames[1:])
    assert cut(read_image(tmp_path / "film.gif"), 4, 4, 1).mean() > 240


def bomb(wide: int, high: int) -> bytes:
    """A PNG that claims a size and holds nothing."""

    def chunk(body: bytes) -> bytes:
        return struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))

    size = chunk(b"IHDR" + struct.pack(">IIBBBBB", wide, high, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + size + chunk(b"IDAT" + zlib.compress(b"")) + chunk(b"IEND")


def test_what_is_too_large_broken_or_no_picture_is_refused_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "bomb.png").write_bytes(bomb(50_000, 50_000))
    (tmp_path / "words.txt").write_text("no picture")
    (tmp_path / "empty.png").write_bytes(b"")
    whole = tmp_path / "whole.png"
    Image.fromarray(photo()).save(whole)
    (tmp_path / "half.png").write_bytes(whole.read_bytes()[:60])
    for name, words in (
        ("bomb.png", "50,000 x 50,000"), ("words.txt", "PNG or JPEG"), ("empty.png", "PNG or JPEG"),
        ("half.png", "half.png cannot be read"), ("absent.png", "absent.png is not a file"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=words) as found:
            read_image(tmp_path / name)
        assert "\n" not in str(found.value)


def test_a_large_picture_is_made_smaller_and_one_far_too_large_is_refused() -> None:
    large = QImage(4000, 1000, QImage.Format.Format_Grayscale8)
    large.fill(90)
    assert checked(large).width() == LARGEST and checked(large).height() == LARGEST // 4
    side = int(MOST_PIXELS**0.5) + 1
    with pytest.raises(ValueError, match="the limit is 40 million"):
        checked(QImage(side, side, QImage.Format.Format_Mono))
    with pytest.raises(ValueError, match="there is no picture"):
        checked(QImage())


# cutting and centring


def test_a_part_is_cut_out_where_the_rectangle_lies_in_grey_or_colour() -> None:
    image = images.to_qimage(photo(100, 50))
    left, right = (cut(image, 10, 10, 3, (x, 0, 50)) for x in (0, 50))
    assert left.shape == (10, 10, 3) and left.dtype == np.uint8
    assert abs(float(left[..., 0].mean()) - 255 * 24.5 / 99) < 3 and float(right[..., 0].mean()) > 180
    grey = cut(image, 10, 10, 1, (0, 0, 50))
    assert grey.shape == (10, 10)
    assert np.allclose(grey, left @ np.array([0.299, 0.587, 0.114]), atol=1.5)


def test_the_middle_rectangle_is_the_largest_of_its_shape() -> None:
    assert middle_box(100, 50, 28, 28) == (25.0, 0.0, 50.0)
    left, top, wide = middle_box(100, 50, 10, 40)
    assert (left, top, wide) == (0.0, 12.5, 100.0)


@pytest.mark.parametrize("box", [(-9, -9, 30), (95, 48, 20), (0, 0, 900), (50, 20, 0.1)])
def test_a_rectangle_never_leaves_the_picture(box: tuple[float, float, float]) -> None:
    left, top, wide = held(box, 100, 50, 14, 28)
    assert left >= 0 and top >= 0 and wide >= 4
    assert left + wide <= 100 + 1e-9 and top + wide / 2 <= 50 + 1e-9


def test_what_is_transparent_becomes_white() -> None:
    clear = np.zeros((8, 8, 4), np.uint8)
    assert (cut(images.to_qimage(clear), 4, 4, 3) == 255).all()


def test_centring_brings_the_centre_of_mass_to_the_middle_and_changes_nothing_twice() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        picture = np.zeros((28, 28), np.uint8)
        y, x = rng.integers(0, 16, 2)
        picture[y : y + 12, x : x + 12] = rng.integers(60, 255, (12, 12))
        moved = centred(picture)
        assert moved.sum() == picture.sum(), "nothing was lost"
        for axis in (0, 1):
            mean = (moved.sum(1 - axis) * np.arange(28)).sum() / moved.sum()
            assert abs(mean - 13.5) <= 0.5 + 1e-6
        assert np.array_equal(centred(moved), moved)
    black = np.zeros((5, 5), np.uint8)
    assert np.array_equal(centred(black), black)


# the board in colour


def test_a_board_of_colours_draws_in_the_chosen_one(qtbot: QtBot) -> None:
    board = Board(16, 16)
    qtbot.addWidget(board)
    board.set_size(16, 16, 3)
    board.colour.setCurrentText("red")
    board.view.dab((3, 8.5), (12, 8.5), "brush")
    board.view.finish()
    assert board.picture().shape == (16, 16, 3)
    assert tuple(board.picture()[8, 8]) == COLOURS["red"]
    board.view.dab((3, 8.5), (12, 8.5), "eraser")
    board.view.finish()
    assert not board.picture()[8, 8].any()
    board.undo()
    assert tuple(board.picture()[8, 8]) == COLOURS["red"]
    board.view._take(lambda: images.to_qimage(photo()))
    assert board.picture()[..., 0].mean() > 90 and board.picture()[..., 2].mean() == pytest.approx(40, abs=1)


def test_a_grey_sheet_takes_a_colour_as_its_lightness() -> None:
    sheet = Sheet(5, 5)
    sheet.dab((2.5, 2.5), (2.5, 2.5), 2.0, (255, 0, 0), True)
    assert sheet.now.picture[2, 2] == 76 and sheet.channels == 1


def test_a_picture_that_was_taken_is_told_and_can_be_taken_in_two_ways(qtbot: QtBot, tmp_path: Path) -> None:
    board = Board(14, 14)
    qtbot.addWidget(board)
    Image.fromarray(photo()).save(tmp_path / "photo.png")
    taken: list[QImage] = []
    board.took.connect(taken.append)
    board.set_fitting("cut")
    board.load(tmp_path / "photo.png")
    assert len(taken) == 1 and taken[0].width() == 90
    assert np.array_equal(board.picture(), cut(taken[0], 14, 14, 1))
    board.set_fitting("ink")
    board.load(tmp_path / "photo.png")
    assert not np.array_equal(board.picture(), cut(taken[0], 14, 14, 1))


# the rectangle, by hand


def test_the_rectangle_follows_pointer_wheel_and_keys_and_stays_inside(qtbot: QtBot) -> None:
    cropper = Cropper()
    qtbot.addWidget(cropper)
    cropper.resize(200, 120)
    cropper.show()
    cropper.set_image(images.to_qimage(photo(100, 60)), 28, 28)
    told: list[tuple[float, float, float]] = []
    cropper.changed.connect(told.append)
    assert cropper.box() == (20.0, 0.0, 60.0)
    qtbot.mousePress(cropper, Qt.MouseButton.LeftButton, pos=QPoint(100, 60))
    qtbot.mouseMove(cropper, QPoint(10, 60))
    qtbot.mouseRelease(cropper, Qt.MouseButton.LeftButton, pos=QPoint(10, 60))
    assert cropper.box()[0] == 0.0 and told
    cropper.wheelEvent(QWheelEvent(
        QPointF(50, 50), QPointF(50, 50), QPoint(0, 120), QPoint(0, 120), Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    ))  # fmt: skip
    assert cropper.box()[2] < 60
    before = cropper.box()
    qtbot.keyClick(cropper, Qt.Key.Key_Right)
    assert cropper.box()[0] > before[0]
    qtbot.keyClick(cropper, Qt.Key.Key_Minus)
    assert cropper.box()[2] < before[2]
    qtbot.keyClick(cropper, Qt.Key.Key_0)
    assert cropper.box() == (20.0, 0.0, 60.0)
    assert "60 pixels wide" in cropper.accessibleDescription()


# rows of a code, chips of classes


def test_the_strongest_dimensions_have_rows_and_a_code_far_out_is_named(qtbot: QtBot) -> None:
    rows = PosteriorRows()
    qtbot.addWidget(rows)
    rows.resize(300, 14 + 4 * 15 + 2)
    edges = np.linspace(-4, 4, 42)
    counts = np.stack([np.histogram(np.random.default_rng(i).normal(0, 0.7, 4000), edges)[0] for i in range(6)])
    rows.set_survey(counts, edges, np.array([5, 2, 0, 1, 3, 4]))
    rows.set_code(np.array([0.0, 0.1, -3.5, 0.2, 3.9, 0.4]), np.full(6, 0.2))
    assert rows.shown() == [5, 2, 0, 1], "four rows find room, strongest first"
    assert rows.far() == [2]
    assert "z 3: -3.50 ± 0.20" in rows.accessibleDescription()
    with_code = images.from_qimage(rows.grab().toImage())
    rows.set_code(None)
    assert rows.shown() == []
    assert not np.array_equal(images.from_qimage(rows.grab().toImage()), with_code)


def test_chips_keep_their_choice_while_their_pictures_change_and_have_names(qtbot: QtBot) -> None:
    chips = Chips("add")
    qtbot.addWidget(chips)
    chips.set_chips(["zero", "one", "all"])
    chips.set_value(1)
    heard: list[int] = []
    chips.changed.connect(heard.append)
    chips.set_chips(["zero", "one", "all"], np.full((3, 8, 8, 1), 200, np.uint8))
    assert chips.value() == 1 and not heard
    buttons = chips.findChildren(QToolButton)
    buttons[2].click()
    assert chips.value() == 2 and heard == [2]
    seen = QAccessible.queryAccessibleInterface(buttons[0])
    assert seen.text(QAccessible.Text.Name) == "add zero"
    chips.set_chips(["only"])
    assert chips.value() == 0
