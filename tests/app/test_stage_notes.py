"""The talk that ships: twenty cues along the notes, which apply one by one without a word of complaint."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path

import pytest
import shiboken6

from app.panel import find_panels
from app.shell.window import Window
from app.stage import files, telling
from gm_core import api
from tests.app.windows import ReplayEngine

TALK = files.read_talk(files.shipped_folder() / "notes.yaml")
ORDER = (
    "overview", "distributions", "counting", "divergences", "gaussian_kl", "bayes", "monte_carlo", "elbo", "gradients",
    "factorisation", "game", "diffusion", "control", "geometry",
)  # fmt: skip
PAGES = [cue.panels["notes"]["page"] for cue in TALK.cues if "notes" in cue.panels]
MOST_WORDS = 45


def name_of(page: str) -> str:
    """The page of page/section."""
    return page.partition("/")[0]



def test_the_path_of_the_notes_has_twenty_cues_with_a_title_and_something_to_say() -> None:
    assert len(TALK.cues) == 20 and len({cue.title for cue in TALK.cues}) == 20
    for cue in TALK.cues:
        sentences = [part for part in cue.notes.replace("?", ".").split(".") if part.strip()]
        assert 1 <= len(sentences) <= 3 and len(cue.notes.split()) <= MOST_WORDS, cue.title


def test_every_page_of_the_notes_has_one_cue() -> None:
    assert sorted(name_of(page) for page in PAGES) == sorted(ORDER)


@pytest.mark.parametrize("page", PAGES)
def test_each_page_that_a_cue_names_has_the_section_that_it_names(page: str) -> None:
    from app.pages import load_page

    name, _, section = page.partition("/")
    assert load_page(name).name == name and section in {one.name for one in load_page(name).sections}


def test_presets_examples_and_panels_of_the_talk_exist_and_their_settings_are_valid() -> None:
    presets = {preset.name for preset in api.stored_presets()}
    kinds = find_panels()
    for cue in TALK.cues:
        if cue.front.kind == "preset":
            assert cue.front.name in presets, cue.title
        assert {*cue.top, *cue.stage, *cue.shown} <= set(kinds), cue.title
        for name, given in cue.panels.items():
            kinds[name].State.read(given)


def test_the_path_follows_the_path_in_the_contents() -> None:
    contents = pytest.importorskip("app.contents")
    stops = [(stop.page, stop.preset) for stop in contents.PATH]
    told = [name_of(cue.panels["notes"]["page"]) if "notes" in cue.panels else "" for cue in TALK.cues]
    assert told == [page for page, _ in stops]
    for cue, (_page, preset) in zip(TALK.cues, stops, strict=True):
        if cue.front.kind == "preset":
            assert cue.front.name == preset


@pytest.fixture
def recorded(qtbot: object, tmp_path: Path) -> Iterator[Window]:
    """A window with the recorded examples and no engine."""
    window = Window(ReplayEngine(), tmp_path / "settings.json")
    window.show()
    yield window
    window.presenter.stop()
    window.pump.stop()
    window.finish()
    shiboken6.delete(window)


def test_the_shipped_talk_applies_cue_by_cue_without_a_warning(recorded: Window) -> None:
    said: list[tuple[str, str]] = []
    stage = recorded.stage
    assert stage.open(files.shipped_folder() / "notes.yaml")
    recorded.presenter.start()
    recorded.toasts.shown.connect(lambda level, words, _details: said.append((level, words)))
    absent = [page for page in PAGES if importlib.util.find_spec(f"app.pages.{page}") is None]
    for number, cue in enumerate(stage.script.cues):
        if cue.panels.get("notes", {}).get("page") in absent:
            continue
        stage.go(number)
        recorded.desk.take([])
        names = telling.on_stage(recorded, cue)
        assert {n for n, d in recorded.docks.all.items() if not d.isHidden()} == set(names), cue.title
        for name, given in cue.panels.items():
            panel = recorded.docks.all[name].panel
            if panel is not None:
                state = panel.state().plain()
                assert {key: state[key] for key in given} == given, cue.title
        if cue.front.kind == "example":
            assert all(recorded.docks.all[name].fit.fits for name in names), cue.title
    assert [words for level, words in said if level != "info"] == []
    waiting = {words for _level, words in said}
    assert len(waiting) == sum(cue.front.kind == "preset" for cue in TALK.cues)
    assert all(words.startswith("Not trained yet: ") for words in waiting)
    if absent:
        pytest.skip(f"pages that are not written yet: {', '.join(absent)}")


def test_what_needs_training_shows_an_example_meanwhile_where_one_fits(recorded: Window) -> None:
    cue = next(cue for cue in TALK.cues if cue.front.name == "made-digits")
    recorded.stage.apply(cue)
    assert recorded.docks.all["sites"].fit.fits
    assert recorded.experiment.state().preset == "made-digits"
