"""Talks as files, and as a script that is changed: order, undo, where one is, folders that cannot be written."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.stage import files
from app.stage.cues import Cue, Front, Talk, placed
from app.stage.script import Script
from gm_core import api

FULL = Cue(
    title="A code: 3, 'quoted' and \"so\"",
    notes="Two lines:\n- the second begins with a dash\n",
    front=Front(kind="run", name="vae-digits-2"),
    top=("gallery", "latent"),
    stage=("latent",),
    shown=("experiment", "gallery", "latent", "curves"),
    room={"centre": 0.4, "bottom": 0.25},
    panels={"latent": {"code": [0.1, -1e-5], "sort": "use"}, "curves": {"log": True}},
    step=4096,
    seed=7,
    theme="light",
)


def talk_of(*titles: str) -> Talk:
    return Talk(title="A talk", cues=tuple(Cue(title=title) for title in titles))


def titles(script: Script) -> str:
    return " ".join(cue.title for cue in script.cues)


@pytest.fixture
def script(tmp_path: Path) -> Script:
    made = Script(tmp_path / "talks")
    path = made.folder / "abc.yaml"
    assert files.write_talk(path, talk_of("a", "b", "c")) == ""
    assert made.open(path)
    return made


# ---- files


def test_a_talk_comes_back_from_its_file_as_it_was(tmp_path: Path) -> None:
    talk = Talk(title="On stage", cues=(FULL, Cue(title="bare")))
    path = tmp_path / "deep" / "talk.yaml"
    assert files.write_talk(path, talk) == ""
    assert files.read_talk(path) == talk
    assert files.title_of(path) == "On stage"


WRITTEN = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"], include_characters="\n"), max_size=60)
"""What a person can type; YAML makes plain line breaks of the other signs that break lines."""


@settings(max_examples=40, deadline=None)
@given(WRITTEN, WRITTEN, st.floats(allow_nan=False, allow_infinity=False))
def test_any_title_notes_and_number_survive_the_file(title: str, notes: str, number: float) -> None:
    talk = Talk(title="t", cues=(Cue(title=title, notes=notes, panels={"plane": {"noise": number}}),))
    assert Talk.read(api.load_mapping(api.dump_mapping(talk.brief()))) == talk


def test_what_is_as_it_is_anyway_is_not_written() -> None:
    assert Cue(title="bare").brief() == {"title": "bare"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("title: [", "not valid YAML at line 1"),
        ("- a\n- b\n", "expected a mapping with title and cues"),
        ("title: t\ncues: 3\n", "expected a list of cues"),
        ("title: t\ncues: [7]\n", "cue 1 is 7; expected a mapping with a title"),
        ("title: t\ncues:\n- title: a\n- titel: b\n", "cue 2.titel is not a parameter; did you mean title?"),
        ("title: t\ncues:\n- {title: a, step: -7}\n", "cue 1.step is -7; the range is -1"),
        ("title: t\ncues:\n- {title: a, front: {kind: film}}\n", "front.kind is 'film'"),
        ("titel: t\n", "titel is not a parameter; did you mean title?"),
    ],
)
def test_a_bad_file_gives_one_sentence_and_keeps_the_open_talk(script: Script, text: str, words: str) -> None:
    said: list[str] = []
    script.said.connect(lambda _level, sentence: said.append(sentence))
    bad = script.folder / "bad.yaml"
    bad.write_text(text, encoding="utf-8")
    assert not script.open(bad)
    assert len(said) == 1 and words in said[0] and "bad.yaml" in said[0] and "\n" not in said[0]
    assert titles(script) == "a b c"


def test_a_file_that_is_gone_or_no_text_gives_one_sentence(script: Script, tmp_path: Path) -> None:
    said: list[str] = []
    script.said.connect(lambda _level, sentence: said.append(sentence))
    binary = tmp_path / "picture.yaml"
    binary.write_bytes(b"\xff\xfe\x00\x81")
    assert not script.open(tmp_path / "gone.yaml") and not script.open(binary)
    assert "No such file" in said[0] and "UTF-8" in said[1]


def test_the_users_talks_are_listed_behind_those_that_ship(script: Script) -> None:
    found = files.find_talks(script.folder)
    assert [held.name for held in found if not held.shipped] == ["abc"]
    assert "notes" in [held.name for held in found if held.shipped]
    assert all(files.is_shipped(held.path) == held.shipped for held in found)


def test_a_write_that_fails_leaves_the_old_file_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "talk.yaml"
    files.write_talk(path, talk_of("old"))

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    words = files.write_talk(path, talk_of("new"))
    assert "No space left on device" in words and str(path) in words
    assert files.read_talk(path) == talk_of("old")


# ---- the script


def test_every_change_is_in_the_file_at_once(script: Script) -> None:
    script.edit(1, title="B", notes="say this")
    assert script.path is not None
    found = files.read_talk(script.path)
    assert found == script.talk and found.cues[1].notes == "say this"


def test_cues_are_added_behind_the_one_in_front(script: Script) -> None:
    assert script.add(Cue(title="z")) == 3
    script.go(0)
    assert script.add(Cue(title="y")) == 1
    assert titles(script) == "a y b c z" and script.at == 1 and script.place() == "2 / 5"


@pytest.mark.parametrize(("number", "to", "order"), [(0, 2, "b c a"), (2, 0, "c a b"), (1, 2, "a c b")])
def test_a_cue_is_moved_and_the_one_in_front_stays_in_front(script: Script, number: int, to: int, order: str) -> None:
    script.go(1)
    script.move(number, to)
    assert titles(script) == order and script.cues[script.at].title == "b"


def test_a_move_to_nowhere_does_nothing(script: Script) -> None:
    script.move(0, 3)
    script.move(-1, 0)
    assert titles(script) == "a b c" and not script.can_undo


def test_delete_rename_and_move_are_taken_back_one_by_one_and_made_again(script: Script) -> None:
    script.delete(1)
    script.edit(0, title="A")
    script.move(0, 1)
    assert titles(script) == "c A"
    for expected in ("A c", "a c", "a b c"):
        script.undo()
        assert titles(script) == expected
    assert not script.can_undo
    for expected in ("a c", "A c", "c A"):
        script.redo()
        assert titles(script) == expected
    assert script.path is not None and files.read_talk(script.path) == script.talk


@pytest.mark.parametrize(("front", "number", "at"), [(0, 0, 0), (1, 0, 0), (1, 2, 1), (2, 2, 1), (0, 1, 0)])
def test_after_a_delete_one_is_at_the_same_cue_or_the_one_beside(
    script: Script, front: int, number: int, at: int
) -> None:
    script.go(front)
    script.delete(number)
    assert script.at == at


def test_without_its_last_cue_a_talk_is_empty_and_nowhere(script: Script) -> None:
    for _ in range(3):
        script.go(0)
        script.delete(0)
    assert script.cues == () and script.at == -1 and script.place() == "0 cues"


def test_a_duplicate_stands_behind_its_original(script: Script) -> None:
    script.duplicate(0)
    assert titles(script) == "a a (copy) b c"


def test_a_shipped_talk_is_copied_before_its_first_change(tmp_path: Path) -> None:
    script = Script(tmp_path / "talks")
    said: list[str] = []
    script.said.connect(lambda _level, sentence: said.append(sentence))
    shipped = files.shipped_folder() / "notes.yaml"
    before = shipped.read_bytes()
    assert script.open(shipped) and script.shipped
    script.delete(0)
    assert not script.shipped and script.path is not None and script.path.parent == script.folder
    assert shipped.read_bytes() == before and len(files.read_talk(script.path).cues) == 19
    script.delete(0)
    assert len(said) == 1 and "copy" in said[0]


def test_new_talks_do_not_overwrite_one_another(tmp_path: Path) -> None:
    script = Script(tmp_path / "talks")
    for _ in range(3):
        script.new("Lecture 3: Bayes")
    assert sorted(path.name for path in script.folder.iterdir()) == [
        "lecture-3-bayes-2.yaml", "lecture-3-bayes-3.yaml", "lecture-3-bayes.yaml",
    ]  # fmt: skip


@pytest.fixture
def locked(tmp_path: Path) -> Iterator[Path]:
    """A place where no folder can be made: a file stands in the way (root may write into folders that are locked)."""
    (tmp_path / "talks").write_text("in the way", encoding="utf-8")
    yield tmp_path / "talks"


def test_a_folder_that_cannot_be_written_gives_one_sentence_and_the_talk_lives_on(locked: Path) -> None:
    script = Script(locked)
    said: list[str] = []
    script.said.connect(lambda _level, sentence: said.append(sentence))
    script.add(Cue(title="a"))
    script.add(Cue(title="b"))
    assert len(said) == 1 and "cannot be written" in said[0] and "lasts until the window closes" in said[0]
    assert titles(script) == "a b"


def test_the_place_is_told_as_people_count() -> None:
    assert placed(2, 20) == "3 / 20" and placed(-1, 20) == "20 cues" and placed(-1, 1) == "1 cue"


@pytest.mark.parametrize("words", ["0E0", "1e3", ".5", "12.", "null", "yes", "2026-11-22", "~", "a: b"])
def test_words_that_look_like_something_else_stay_words(words: str) -> None:
    talk = Talk(title=words, cues=(Cue(title=words, notes=words),))
    assert Talk.read(api.load_mapping(api.dump_mapping(talk.brief()))) == talk
