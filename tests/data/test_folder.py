"""Folders and zips of pictures: what people have is used, left out with a reason, or refused in one sentence."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gm_core.capabilities.preview import Preview, PreviewQuery
from gm_core.data import album, sources
from gm_core.data.base import SPLITS, Data, DataError
from gm_core.data.pictures import open_picture
from gm_core.data.preview import preview
from gm_core.data.registry import make_data
from gm_core.data.sources import natural
from gm_core.spec import SpecError
from tests.data.made import packed, picture, png_of


def fill(folder: Path, count: int = 10, ending: str = "png") -> Path:
    """A folder with pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        picture(seed=number).save(folder / f"{number}.{ending}")
    return folder


def folder_data(path: Path, **choices: Any) -> Data:
    return make_data({"kind": "folder", "folder": str(path), "size": 8, **choices})


def test_a_folder_becomes_data_with_a_card_and_splits(tmp_path: Path) -> None:
    made = folder_data(fill(tmp_path / "holiday", 20))
    assert made.card.shape == (1, 8, 8) and made.card.values == "levels" and made.card.levels == 256
    assert made.card.title == "holiday" and made.card.splits == {"train": 16, "validation": 2, "test": 2}
    assert made.card.classes == () and made.part("train").y is None
    assert made.part("train").x.dtype == torch.uint8
    everything = torch.cat([made.part(split).x for split in SPLITS]).flatten(1)
    assert len(everything.unique(dim=0)) == 20, "each picture is in one split"


def test_splits_follow_the_seed(tmp_path: Path) -> None:
    fill(tmp_path, 20)
    first, again, other = (folder_data(tmp_path, seed=seed).part("test").x for seed in (0, 0, 5))
    assert torch.equal(first, again) and not torch.equal(first, other)


def test_subfolders_are_classes_where_all_pictures_lie_in_them(tmp_path: Path) -> None:
    fill(tmp_path / "cats", 4)
    fill(tmp_path / "dogs" / "small", 4)
    made = folder_data(tmp_path, validation=0.0, test=0.0)
    part = made.part("train")
    assert made.card.classes == ("cats", "dogs") and part.y is not None and part.y.tolist() == [0] * 4 + [1] * 4
    assert folder_data(tmp_path, labels="none").part("train").y is None
    picture().save(tmp_path / "loose.png")
    assert folder_data(tmp_path).card.classes == ()
    with pytest.raises(DataError, match="2 subfolders with pictures and 1 pictures outside"):
        folder_data(tmp_path, labels="subfolders")


def test_one_folder_around_everything_is_no_class(tmp_path: Path) -> None:
    fill(tmp_path / "all" / "cats", 3)
    fill(tmp_path / "all" / "dogs", 3)
    assert folder_data(tmp_path).card.classes == ("cats", "dogs")
    assert folder_data(tmp_path / "all" / "cats").card.classes == ()


def test_odd_files_are_left_out_and_the_card_says_how_many_which_and_why(tmp_path: Path) -> None:
    fill(tmp_path, 12)
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "page.png").write_text("<html>")
    (tmp_path / "cut.jpg").write_bytes(packed(picture(), "JPEG").getvalue()[:300])
    (tmp_path / "huge.png").write_bytes(png_of(10_000, 10_000).getvalue())
    (tmp_path / ".hidden.png").write_text("no word is lost on this one")
    (tmp_path / "gone.png").symlink_to(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "pipe.png")  # to open it would wait for ever
    made = folder_data(tmp_path, validation=0.0, test=0.0)
    assert made.card.splits["train"] == 12
    why = dict(made.skipped)
    assert set(why) == {"notes.txt", "page.png", "cut.jpg", "huge.png", "gone.png", "pipe.png"}
    assert why["notes.txt"] == "no picture by its name" and why["pipe.png"] == "no ordinary file"
    assert "10,000 x 10,000" in why["huge.png"]
    assert "6 files were left out (" in made.card.note and ", ...)" in made.card.note


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda p: p, "holds no pictures but no files at all; expected png"),
        (lambda p: (p / "a.txt").write_text("x"), r"no pictures but 1 other files, such as a\.txt"),
        (lambda p: (p / "a.png").write_text("x"), r"none of the 1 pictures in .* can be used, such as a\.png"),
    ],
)
def test_a_folder_without_pictures_is_refused(tmp_path: Path, make: Any, sentence: str) -> None:
    make(tmp_path)
    with pytest.raises(DataError, match=sentence) as caught:
        folder_data(tmp_path)
    assert "\n" not in str(caught.value)


def test_what_is_neither_a_folder_nor_a_zip_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"data\.folder is empty"):
        make_data({"kind": "folder"})
    with pytest.raises(DataError, match="is not there"):
        folder_data(tmp_path / "nowhere")
    picture().save(tmp_path / "one.png")
    with pytest.raises(DataError, match="is a single picture"):
        folder_data(tmp_path / "one.png")
    (tmp_path / "one.pdf").write_text("x")
    with pytest.raises(DataError, match="is not a whole zip"):
        folder_data(tmp_path / "one.pdf")
    with pytest.raises(DataError, match="is not there"):
        make_data({"kind": "folder", "folder": "a\0b"})


def test_too_many_files_and_too_many_pixels_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path, 12)
    with monkeypatch.context() as patch:
        patch.setattr(album, "ROOM", 64 * 11)
        with pytest.raises(DataError, match=r"at most 11 find room: lower data\.size or set data\.limit"):
            folder_data(tmp_path)
        assert folder_data(tmp_path, limit=8).card.splits["train"] == 8, "a limit reads only what it needs"
    monkeypatch.setattr(sources, "MOST_FILES", 11)
    with pytest.raises(DataError, match="more than 11 files"):
        folder_data(tmp_path)


@pytest.mark.parametrize("choices", [{"size": 3}, {"size": 300}, {"fit": "squeeze"}, {"test": 0.95}])
def test_choices_out_of_range_say_so(tmp_path: Path, choices: dict[str, Any]) -> None:
    with pytest.raises(SpecError, match=rf"data\.{next(iter(choices))} is"):
        folder_data(fill(tmp_path), **choices)


def test_one_picture_can_be_learned_by_heart(tmp_path: Path) -> None:
    made = folder_data(fill(tmp_path, 1))
    assert dict(made.card.splits) == {"train": 1, "validation": 1, "test": 1}
    assert "No example is held out for test" in made.card.note


def test_a_picture_that_changed_is_read_again_and_others_only_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path, 5)
    first = folder_data(tmp_path, validation=0.0, test=0.0).part("train").x
    opened: list[int] = []
    monkeypatch.setattr(album, "open_picture", lambda file, wish: opened.append(1) or open_picture(file, wish))
    assert torch.equal(folder_data(tmp_path, validation=0.0, test=0.0).part("train").x, first) and not opened
    picture(seed=99, width=31).save(tmp_path / "2.png")
    changed = folder_data(tmp_path, validation=0.0, test=0.0).part("train").x
    assert opened and not torch.equal(changed[2], first[2]) and torch.equal(changed[3], first[3])


# ---- zips


def zipped(path: Path, files: dict[str, bytes], how: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", how) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def some(count: int = 6) -> dict[str, bytes]:
    return {f"{n}.png": packed(picture(seed=n)).getvalue() for n in range(count)}


def test_a_zip_gives_the_same_as_the_folder_that_it_was_made_of(tmp_path: Path) -> None:
    fill(tmp_path / "all" / "cats", 5)
    fill(tmp_path / "all" / "dogs", 5, "jpg")
    names = sorted((tmp_path / "all").rglob("*.*"))
    files = {name.relative_to(tmp_path).as_posix(): name.read_bytes() for name in names}
    path = zipped(tmp_path / "all.zip", files | {"__MACOSX/._a.png": b""})
    folder, archive = folder_data(tmp_path / "all"), folder_data(path)
    for split in SPLITS:
        a, b = folder.part(split), archive.part(split)
        assert torch.equal(a.x, b.x) and a.y is not None and b.y is not None and torch.equal(a.y, b.y)
    assert archive.card.classes == ("cats", "dogs") and not archive.skipped


@pytest.mark.parametrize(
    "name", ["/etc/a.png", "../a.png", "a/../../b.png", "C:/a.png", "..\\a.png", "\\\\host\\a.png"]
)
def test_a_zip_whose_names_lead_outside_is_refused_and_nothing_is_written(tmp_path: Path, name: str) -> None:
    path = zipped(tmp_path / "x.zip", {**some(), name: b"x"})
    with pytest.raises(DataError, match="leads outside of it"):
        folder_data(path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["x.zip"]


def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    path = zipped(tmp_path / "x.zip", some())
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive, archive.open("bomb.png", "w") as file:
        for _ in range(300):
            file.write(bytes(2**20))
    assert path.stat().st_size < 2**20
    with pytest.raises(DataError, match="looks like a zip bomb"):
        folder_data(path)


def test_a_locked_zip_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "x.zip", some(2))
    raw = bytearray(path.read_bytes())
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = raw.find(mark)
        while place >= 0:
            raw[place + at] |= 1
            place = raw.find(mark, place + 4)
    path.write_bytes(bytes(raw))
    with pytest.raises(DataError, match="locked with a password"):
        folder_data(path)


def test_a_damaged_zip_is_refused_and_damaged_files_in_it_are_left_out(tmp_path: Path) -> None:
    path = zipped(tmp_path / "x.zip", some(), zipfile.ZIP_STORED)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match="is not a whole zip"):
        folder_data(path)
    raw = bytearray(whole)
    at = raw.find(b"IDAT") + 8
    raw[at : at + 4] = b"\0\0\0\0"
    path.write_bytes(bytes(raw))
    made = folder_data(path)
    assert [name for name, _ in made.skipped] == ["0.png"] and "damaged in the zip" in made.skipped[0][1]


@pytest.mark.parametrize(
    ("name", "told"), [(b"\0x.png", "a file without a name"), (b"a\n.txt", "a\ufffd.txt"), (b"a\n.png", "a\ufffd.png")]
)
def test_names_of_a_damaged_zip_are_told_in_one_line(tmp_path: Path, name: bytes, told: str) -> None:
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a" * len(name), b"no picture")
    path.write_bytes(path.read_bytes().replace(b"a" * len(name), name))
    with pytest.raises(DataError) as found:
        folder_data(path)
    assert told in str(found.value) and "\n" not in str(found.value)


def test_names_are_sorted_as_people_do_whatever_they_hold() -> None:
    assert sorted(["x²3.png", "10.png", "", "2.png", "²"], key=natural)[1:3] == ["2.png", "10.png"]


@given(harm=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=30))
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@pytest.mark.filterwarnings("ignore")
def test_any_zip_is_data_or_one_sentence(tmp_path: Path, harm: list[tuple[int, int]]) -> None:
    path = zipped(tmp_path / "x.zip", some(3))
    raw = bytearray(path.read_bytes())
    for at, value in harm:
        raw[-1 - at % len(raw)] = value
    path.write_bytes(bytes(raw))
    try:
        folder_data(path)
    except DataError as error:
        assert "\n" not in str(error)


# ---- preview


def test_a_preview_shows_the_first_pictures_early_and_the_card_at_the_end(tmp_path: Path) -> None:
    fill(tmp_path / "a", 30)
    fill(tmp_path / "b", 10)
    (tmp_path / "b" / "bad.png").write_text("x")
    query = PreviewQuery(data={"kind": "folder", "folder": str(tmp_path), "size": 8}, n=12)
    views = list(preview(query, torch.Generator()))
    frames = [view for view in views if isinstance(view, Preview)]
    assert len(views) >= 41, "it gives way after each file"
    assert frames[0].done == 24 < frames[0].total == 41 and frames[0].card is None and len(frames[0].items) == 24
    last = frames[-1]
    assert last.card is not None and last.items.shape == (12, 8, 8, 1) and set(last.labels) == {"a", "b"}
    assert last.skipped == (("b/bad.png", "no picture of a known format"),) and last.left_out == 1
    assert last.before.shape == (5, 48, 48, 4) and last.after.shape == (5, 8, 8, 1)


def test_a_preview_given_up_midway_goes_on_where_it_stood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path, 10)
    query = PreviewQuery(data={"kind": "folder", "folder": str(tmp_path), "size": 8})
    views = preview(query, torch.Generator())
    for _ in range(6):
        next(views)
    views.close()  # type: ignore[attr-defined]  # a generator
    opened: list[int] = []
    monkeypatch.setattr(album, "open_picture", lambda file, wish: opened.append(1) or open_picture(file, wish))
    assert folder_data(tmp_path).card.splits["train"] == 8 and len(opened) == 4
