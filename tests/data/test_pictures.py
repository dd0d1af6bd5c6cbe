"""One picture file: repaired where that can be, else refused with a few words, whatever is in it."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from gm_core.data.pictures import OddPicture, Wish, kept, open_picture, square
from tests.data.made import packed, picture, png_of

WISH = Wish(8, 1, "crop", "white")


def reason(file: io.BytesIO, wish: Wish = WISH) -> str:
    """Why a file is no picture."""
    with pytest.raises(OddPicture) as caught:
        square(open_picture(file, wish), wish)
    words = str(caught.value)
    assert words and "\n" not in words
    return words


def level(image: Image.Image, kind: str = "PNG", wish: Wish = WISH, **choices: Any) -> list[int]:
    """The one colour that a picture of one colour comes to."""
    made = square(open_picture(packed(image, kind, **choices), wish), wish)
    assert made.shape == (wish.channels, wish.size, wish.size) and made.dtype == np.uint8
    assert (made == made[:, :1, :1]).all()
    return [int(v) for v in made[:, 0, 0]]


COLOUR = Wish(8, 3, "crop", "white")


def test_cmyk_becomes_rgb() -> None:
    image = picture(mode="CMYK", value=(0, 255, 255, 0))
    red = level(image, "TIFF", COLOUR)
    assert red[0] > 200 and max(red[1:]) < 60
    red = level(image, "JPEG", COLOUR, quality=95)
    assert red[0] > 200 and max(red[1:]) < 60


def test_transparent_parts_show_the_chosen_ground() -> None:
    half = picture(mode="RGBA", value=(0, 0, 0, 128))
    assert level(half) == [127] and level(half, wish=Wish(8, 1, "crop", "black")) == [0]
    assert level(picture(mode="LA", value=(40, 0))) == [255]
    palette = picture(mode="P", value=1)
    palette.putpalette([0, 0, 0, 90, 90, 90])
    assert level(palette) == [90]
    assert level(palette, transparency=1) == [255], "a palette with a transparent colour"


@pytest.mark.parametrize(("value", "expected"), [(0, 0), (65535, 255), (257 * 100, 100), (32768, 128)])
def test_sixteen_bits_are_scaled_and_not_cut_off(value: int, expected: int) -> None:
    image = Image.fromarray(np.full((12, 12), value, np.uint16))
    assert level(image) == [expected] and level(image, "TIFF") == [expected]
    assert level(image, wish=COLOUR) == [expected] * 3


def test_floats_and_palettes_and_bits_become_grey() -> None:
    assert level(Image.fromarray(np.full((9, 9), 0.5, np.float32)), "TIFF") == [128]
    assert level(Image.fromarray(np.full((9, 9), 200.0, np.float32)), "TIFF") == [200]
    assert level(Image.new("1", (9, 9), 1)) == [255]
    image = Image.new("P", (9, 9), 1)
    image.putpalette([0, 0, 0, 10, 200, 30])
    assert level(image, wish=COLOUR) == [10, 200, 30]


def test_a_moving_picture_is_its_first_frame() -> None:
    frames = [Image.new("L", (9, 9), shade) for shade in (10, 200, 90)]
    for kind in ("GIF", "WEBP"):
        file = io.BytesIO()
        frames[0].save(file, kind, save_all=True, append_images=frames[1:], duration=50, lossless=True)
        file.seek(0)
        assert abs(int(square(open_picture(file, WISH), WISH).mean()) - 10) <= 1, kind


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_note_of_a_camera_on_what_is_up_is_obeyed(orientation: int) -> None:
    """Orientations of the EXIF standard: where the stored first row and column belong in the upright picture."""
    upright = np.zeros((8, 8), np.uint8)
    upright[:4, :4], upright[:4, 4:] = 250, 120  # bright upper left, middle upper right
    ways = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.T,
        6: np.rot90(upright, 1),
        7: upright[::-1, ::-1].T,
        8: np.rot90(upright, -1),
    }
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = packed(Image.fromarray(np.ascontiguousarray(ways[orientation])), exif=exif)
    assert np.array_equal(square(open_picture(file, WISH), WISH)[0], upright)


def test_fits_keep_the_middle_or_all_or_stretch() -> None:
    wide = np.zeros((10, 30), np.uint8)
    wide[:, 10:20] = 200
    file = packed(Image.fromarray(wide))
    made = {
        fit: square(open_picture(file, Wish(10, 1, fit, "white")), Wish(10, 1, fit, "white"))[0]
        for fit in ("crop", "border", "stretch")
        if file.seek(0) == 0
    }
    assert (made["crop"] == 200).all()
    assert (made["border"][0] == 255).all() and made["border"][4:6, :2].max() < 40
    assert made["stretch"][5, 0] < 40 and made["stretch"][5, 5] > 150 and made["stretch"][0, 5] > 150


@given(width=st.integers(1, 300), height=st.integers(1, 300), fit=st.sampled_from(["crop", "border", "stretch"]))
@settings(max_examples=60, deadline=None)
def test_any_shape_of_picture_becomes_a_square(width: int, height: int, fit: Any) -> None:
    wish = Wish(16, 1, fit, "black")
    made = square(open_picture(packed(picture(width, height, "L", 90)), wish), wish)
    assert made.shape == (1, 16, 16)
    left, top, right, bottom = kept((width, height), fit)
    assert 0 <= left < right <= width and 0 <= top < bottom <= height
    if fit != "border":
        assert (made == 90).all()


# ---- one picture, odd


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("side", "words"), [(10_000, "10,000 x 10,000 pixels; at most 64 million"), (60_000, "64 million")]
)
def test_a_huge_picture_is_not_unpacked(side: int, words: str) -> None:
    assert words in reason(png_of(side, side))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP", "TIFF", "WEBP", "GIF"])
def test_a_truncated_picture_is_odd(kind: str) -> None:
    whole = packed(picture(60, 60), kind).getvalue()
    for share in (0.9, 0.5, 0.1):
        reason(io.BytesIO(whole[: int(len(whole) * share)]))


def test_things_that_are_no_pictures_are_odd() -> None:
    assert reason(io.BytesIO(b"")) == reason(io.BytesIO(b"hello")) == "no picture of a known format"
    assert reason(io.BytesIO(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")) == "no picture of a known format"
    assert "from -3 to -3" in reason(packed(Image.fromarray(np.full((9, 9), -3.0, np.float32)), "TIFF"))
    assert "nan" in reason(packed(Image.fromarray(np.full((9, 9), np.nan, np.float32)), "TIFF"))


@given(st.integers(0, 5), st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=12))
@settings(max_examples=150, deadline=None)
@pytest.mark.filterwarnings("ignore")
def test_a_damaged_file_is_a_picture_or_odd_and_nothing_else(which: int, harm: list[tuple[int, int]]) -> None:
    kind = ["PNG", "JPEG", "BMP", "TIFF", "WEBP", "GIF"][which]
    raw = bytearray(packed(picture(16, 16), kind).getvalue())
    for at, value in harm:
        raw[at % len(raw)] = value
    try:
        made = square(open_picture(io.BytesIO(bytes(raw)), WISH), WISH)
    except OddPicture as odd:
        assert str(odd)
    else:
        assert made.shape == (1, 8, 8)
