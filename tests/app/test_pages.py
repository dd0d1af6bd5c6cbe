"""What every page of the notes keeps, whatever it is about."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from app import contents
from app.export import export_png, export_svg
from app.page import NARROW, Page, formula_file
from app.pages import find_pages
from app.shell import theme
from app.widgets.images import from_qimage
from gm_core import api
from tests.app.page_bench import opened
from tests.concepts.answering import answer

pytestmark = pytest.mark.usefixtures("dressed")

PAGES = find_pages()
SECTIONS = [(name, section.name) for name, page in PAGES.items() for section in page.sections]


def pixels(page: Page) -> np.ndarray:
    return from_qimage(page.grab().toImage())


def test_the_contents_name_every_page_once() -> None:
    assert sorted(contents.ORDER) == sorted(stop.page for stop in contents.PAGES)
    assert len(set(stop.name for stop in contents.PATH)) == len(contents.PATH)
    for name, page in PAGES.items():
        assert page.name == name and contents.ORDER[page.number - 1] == name


def test_the_models_of_the_path_are_presets_that_there_are() -> None:
    presets = {preset.name for preset in api.read_presets()}
    wanted = {stop.preset for stop in contents.PATH if stop.preset}
    wanted |= {link.preset for page in PAGES.values() for s in page.sections for link in s.links if link.preset}
    assert wanted <= presets


def test_the_panels_of_the_path_and_of_the_links_are_panels_that_there_are() -> None:
    from app.faces import find_faces

    wanted = {stop.panel for stop in contents.PATH if stop.panel}
    wanted |= {link.panel for page in PAGES.values() for s in page.sections for link in s.links if link.panel}
    assert wanted <= {face.name for face in find_faces()}


@pytest.mark.parametrize(("name", "section"), SECTIONS)
def test_the_formulas_are_set_as_the_page_states_them(name: str, section: str) -> None:
    part = next(s for s in PAGES[name].sections if s.name == section)
    assert part.formula, "every section has a formula"
    from app.widgets.formula import read_line

    for line, latex in enumerate(part.formula):
        path = formula_file(name, section, line)
        assert path.is_file(), "run: python packaging/make_formulas.py"
        assert read_line(path).latex == latex, "run: python packaging/make_formulas.py"


@pytest.mark.parametrize(("name", "section"), SECTIONS)
def test_every_number_of_the_formula_and_beside_it_is_computed(qtbot: QtBot, name: str, section: str) -> None:
    page = opened(qtbot, PAGES[name], section=section)
    numbers = page.numbers()
    assert page.formula.slots() <= numbers.keys()
    assert {r.name for r in page.section().readouts} <= numbers.keys()
    assert all(isinstance(value, float | int) for value in numbers.values())


@pytest.mark.parametrize(("name", "section"), SECTIONS)
@pytest.mark.parametrize("mode", ["light", "dark"])
def test_a_section_is_drawn_in_both_themes_and_in_a_narrow_place(
    qtbot: QtBot, qapp: object, name: str, section: str, mode: str
) -> None:
    theme.apply(qapp, mode)  # type: ignore[arg-type]
    empty = PAGES[name]()
    qtbot.addWidget(empty)
    empty.resize(1000, 640)
    empty.show()
    empty.set(section=section)
    page = opened(qtbot, PAGES[name], section=section)
    blank, full = pixels(empty), pixels(page)
    assert (page.width(), page.height()) == (1000, 640), "no page may force itself to be larger than its place"
    assert (blank != full).any(-1).mean() > 5e-4, "the answer is drawn: a table changes in its numbers alone"
    page.resize(NARROW - 100, 700)
    assert page.width() == NARROW - 100 and pixels(page).std() > 0


@pytest.mark.parametrize(("name", "section"), SECTIONS)
def test_the_same_seed_gives_the_same_numbers(qtbot: QtBot, name: str, section: str) -> None:
    page = opened(qtbot, PAGES[name], section=section)
    for query in page.queries().values():
        first, second = answer(query), answer(query)
        assert repr(first) == repr(second)
        for key, column in first.columns().items():
            again = np.asarray(second.columns()[key])
            assert np.array_equal(np.asarray(column), again, equal_nan=again.dtype.kind == "f")


@pytest.mark.parametrize(("name", "section"), SECTIONS)
def test_every_slider_may_be_moved_to_its_ends(qtbot: QtBot, name: str, section: str) -> None:
    page = opened(qtbot, PAGES[name], section=section)
    rows = {row.path: row for row in api.describe(page.State)}
    for control in page.section().controls:
        row, before = rows[control], page.settings
        numeric = row.kind in ("int", "float")
        for end in row.choices if row.kind == "choice" else (row.lo, row.hi) if numeric else (True, False):
            page.set(**{control: end})
            assert page.numbers(), f"{control} = {end}"
        page.restore(before)


@pytest.mark.parametrize("name", PAGES)
def test_the_settings_of_a_page_survive_a_round_trip(qtbot: QtBot, name: str) -> None:
    page = opened(qtbot, PAGES[name], section=PAGES[name].sections[-1].name, seed=7)
    other = PAGES[name]()
    qtbot.addWidget(other)
    other.restore(other.State.read(page.settings.plain()))
    assert other.settings == page.settings and other.section().name == PAGES[name].sections[-1].name


@pytest.mark.parametrize(("name", "section"), SECTIONS)
def test_a_section_is_exported_as_picture_vectors_and_tables(
    qtbot: QtBot, tmp_path: Path, name: str, section: str
) -> None:
    page = opened(qtbot, PAGES[name], section=section)
    assert export_png(page, tmp_path / "page.png").stat().st_size > 5000
    assert "<path" in export_svg(page, tmp_path / "page.svg").read_text(encoding="utf-8")
    page.write_numbers(tmp_path / "numbers.csv")
    page.write_columns(tmp_path / "columns.csv")
    with (tmp_path / "numbers.csv").open(encoding="utf-8") as file:
        rows = dict(list(csv.reader(file))[1:])
    assert {key: float(value) for key, value in rows.items()} == pytest.approx(page.numbers(), nan_ok=True)


@pytest.mark.parametrize("name", PAGES)
def test_settings_of_a_section_that_is_gone_open_the_first(qtbot: QtBot, name: str) -> None:
    page = opened(qtbot, PAGES[name])
    page.restore(page.State.read({**page.settings.plain(), "section": "gone"}))
    assert page.section() == PAGES[name].sections[0]


@pytest.mark.parametrize(("name", "section"), SECTIONS)
def test_an_answer_that_comes_after_the_hand_has_moved_on_can_be_drawn(qtbot: QtBot, name: str, section: str) -> None:
    page = opened(qtbot, PAGES[name], section=section)
    held: dict[str, api.Query] = {}
    page.wished.disconnect()
    page.wished.connect(held.__setitem__)
    rows = {row.path: row for row in api.describe(page.State)}
    for control in page.section().controls:
        row = rows[control]
        ends = [row.lo, row.hi] if row.kind in ("int", "float") else row.choices[:: max(1, len(row.choices) - 1)]
        for first, then in (ends, ends[::-1]) if len(ends) == 2 else ():
            page.set(**{control: first})
            late = {purpose: answer(query) for purpose, query in held.items()}
            held.clear()
            page.set(**{control: then})
            for purpose, frame in late.items():
                page.receive(purpose, frame)
            page.grab()
