"""Help: one screen for each page, panel and model, found by keys, by the buttons of docks and by searching."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app import contents
from app.panel import find_panels
from app.shell import theme
from app.shell.help import HelpWindow, find_topics
from gm_core import api

TOPICS = find_topics()
PAGES = [key for key in TOPICS if key.startswith("pages/")]
MOST_LINES, WIDEST_FORMULA = 60, 76


@pytest.fixture
def help_window(qtbot: QtBot) -> HelpWindow:
    window = HelpWindow()
    qtbot.addWidget(window)
    window.open_topic("panels/gallery")
    return window


@pytest.fixture
def dressed(qapp: QApplication) -> Iterator[None]:
    theme.load_fonts()
    theme.apply(qapp, "dark")
    yield
    theme.set_scale(qapp, 1.0)
    theme.apply(qapp, "dark")


# ---- texts


@pytest.mark.parametrize("key", TOPICS)
def test_a_text_has_a_title_and_fits_one_screen(key: str) -> None:
    lines = TOPICS[key].path.read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("# ") and len(lines[0]) < 60
    assert 8 <= len(lines) <= MOST_LINES and sum(map(len, lines)) < 4500


@pytest.mark.parametrize("key", PAGES)
def test_the_text_of_a_page_is_short_and_has_a_formula_and_the_usual_parts(key: str) -> None:
    lines = TOPICS[key].path.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 40
    formulas = [line for line in lines if line.startswith("    ")]
    assert formulas and max(map(len, formulas)) <= WIDEST_FORMULA
    for part in ("## First", "## What to look for", "## Where it misleads"):
        assert part in lines, part
    assert any(line.startswith("At work in: [") for line in lines)


def test_every_page_has_its_text_under_its_number_and_title_and_in_order() -> None:
    titles = [f"{contents.number_of(name)}. {contents.title_of(name)}" for name in contents.ORDER]
    assert [(key, TOPICS[key].title) for key in PAGES] == [
        (f"pages/{name}", title) for name, title in zip(contents.ORDER, titles, strict=True)
    ]


def test_texts_name_panels_and_models_that_exist() -> None:
    known = {
        "pages": set(contents.ORDER),
        "panels": set(find_panels()) | {"data"},
        "models": {card.name for card in api.read_catalogue().models},
    }
    for key in TOPICS:
        kind, _, name = key.partition("/")
        assert name in known[kind], key


def test_every_panel_and_every_model_has_its_text() -> None:
    wanted = {f"panels/{name}" for name in find_panels()} | {f"models/{c.name}" for c in api.read_catalogue().models}
    assert wanted <= TOPICS.keys(), f"missing in resources/help: {sorted(wanted - TOPICS.keys())}"


def test_links_lead_to_texts_that_exist() -> None:
    found = 0
    for topic in TOPICS.values():
        for link in re.findall(r"\]\(([^)]+)\)", topic.path.read_text(encoding="utf-8")):
            if not link.startswith("https://"):
                found += 1
                assert link in TOPICS, f"{topic.key} links to {link}"
    assert found >= 3 * len(PAGES)


def test_a_folder_without_texts_is_no_fault(tmp_path: Path) -> None:
    assert find_topics(tmp_path) == {}


# ---- the window


def test_a_topic_is_shown_and_an_unknown_one_shows_the_first(help_window: HelpWindow) -> None:
    window = help_window
    assert window.open_topic("panels/gallery") and "noise" in window.text.toPlainText()
    assert window.open_topic("models/vae") and "ELBO" in window.text.toPlainText()
    assert window.open_topic("pages/game") and "saturating" in window.text.toPlainText()
    assert not window.open_topic("models/nobody")
    assert window.text.toPlainText().startswith(next(iter(TOPICS.values())).title)


def test_every_text_is_shown_whole(help_window: HelpWindow) -> None:
    for key, topic in TOPICS.items():
        help_window.open_topic(key)
        assert help_window.text.toPlainText().startswith(topic.title)
        assert help_window.list.currentItem().text().strip() == topic.title


def test_a_click_on_a_link_shows_that_topic(help_window: HelpWindow) -> None:
    help_window.open_topic("pages/elbo")
    help_window.text.topic_wished.emit("models/vae")
    assert help_window.text.toPlainText().startswith("Variational autoencoder")


def test_searching_shows_results_the_number_of_them_and_the_first_text_with_its_places_marked(
    help_window: HelpWindow,
) -> None:
    window = help_window
    window.field.setText("ᾱ")
    assert window.sides.currentWidget() is window.results and window.results.count() >= 2
    assert window.count.isVisible() and window.count.text().startswith(f"{window.results.count()} topics, ")
    hit = window.results.hit()
    assert hit is not None and window.text.toPlainText().startswith(hit.title)
    words = [mark.cursor.selectedText() for mark in window.text.extraSelections()]
    assert words and set(words) == {"ᾱ"} and len(words) == hit.count


def test_arrows_choose_among_results_and_return_goes_from_place_to_place(help_window: HelpWindow) -> None:
    window = help_window
    window.field.setText("sigma")
    first, places = window.results.hit(), len(window.text.places)
    assert first is not None and places > 1
    QTest.keyClick(window.field, Qt.Key.Key_Return)
    assert (window.text.place, window.results.currentRow()) == (1, 0)
    QTest.keyClick(window.field, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    assert (window.text.place, window.results.currentRow()) == (0, 0)
    QTest.keyClick(window.field, Qt.Key.Key_Down)
    second = window.results.hit()
    assert second is not None and second.key != first.key and window.text.toPlainText().startswith(second.title)
    QTest.keyClick(window.field, Qt.Key.Key_Up)
    assert window.results.hit() == first
    for _ in range(places):
        QTest.keyClick(window.field, Qt.Key.Key_Return)
    assert (window.text.place, window.results.currentRow()) == (0, 1)  # past the last place: the next topic
    QTest.keyClick(window.field, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    assert (window.text.place, window.results.currentRow()) == (places - 1, 0)


def test_a_place_far_down_is_brought_into_sight(help_window: HelpWindow, qtbot: QtBot) -> None:
    window = help_window
    window.resize(700, 240)
    window.field.setText("misleads")
    qtbot.waitUntil(lambda: window.text.viewport().height() < 240)
    window.text.go(0)
    (start, end) = window.text.places[-1]
    seen = window.text.cursorRect(window.text._cursor(start, end)).center().y()
    assert window.text.verticalScrollBar().value() > 0
    assert 0 <= seen <= window.text.viewport().height()


def test_escape_takes_the_search_back_first_and_then_closes(help_window: HelpWindow) -> None:
    window = help_window
    window.field.setText("posterior")
    shown = window.text.toPlainText()
    QTest.keyClick(window.field, Qt.Key.Key_Escape)
    assert window.isVisible() and window.field.text() == "" and window.sides.currentWidget() is window.list
    assert window.text.toPlainText() == shown and not window.text.extraSelections()
    assert window.list.currentItem().text().strip() == shown.splitlines()[0]
    QTest.keyClick(window.field, Qt.Key.Key_Escape)
    assert not window.isVisible()


def test_control_f_goes_to_the_search_box(help_window: HelpWindow, qtbot: QtBot) -> None:
    window = help_window
    window.field.setText("elbo")
    window.text.setFocus()
    qtbot.waitUntil(window.text.hasFocus)
    QTest.keyClick(window.text, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    assert window.field.hasFocus() and window.field.selectedText() == "elbo"


def test_nothing_found_says_what_to_do(help_window: HelpWindow) -> None:
    window = help_window
    before = window.text.toPlainText()
    window.field.setText("elephant elbo")
    assert window.sides.currentWidget() is window.nothing and not window.count.isVisible()
    assert "elephant elbo" in window.nothing.title and "take one away" in window.nothing.hint
    assert window.text.toPlainText() == before and not window.text.extraSelections()
    window.field.setText("elephant")
    assert "beginning of the word" in window.nothing.hint
    QTest.keyClick(window.field, Qt.Key.Key_Return)
    window.field.clear()
    assert window.sides.currentWidget() is window.list


def test_opening_a_topic_takes_the_search_back(help_window: HelpWindow) -> None:
    help_window.field.setText("prior")
    assert help_window.open_topic("panels/curves")
    assert help_window.field.text() == "" and help_window.sides.currentWidget() is help_window.list


def test_another_theme_and_text_size_keep_search_and_marks(
    dressed: None, help_window: HelpWindow, qapp: QApplication
) -> None:
    window = help_window
    window.field.setText("score")
    QTest.keyClick(window.field, Qt.Key.Key_Return)
    row, places, dark = window.results.currentRow(), list(window.text.places), window.grab().toImage()
    theme.apply(qapp, "light")
    light = window.grab().toImage()
    assert dark.pixelColor(3, 3).lightness() < 80 < 200 < light.pixelColor(3, 3).lightness()
    assert (window.results.currentRow(), window.text.places) == (row, places)
    selections = window.text.extraSelections()
    assert window.text.place == 1 and selections[1].format.background().color().name() == theme.current().accent
    before = window.text.document().defaultFont().pointSizeF()
    theme.set_scale(qapp, 1.5)
    assert window.text.document().defaultFont().pointSizeF() == pytest.approx(1.5 * before)
    assert window.field.text() == "score" and window.text.places == places


def test_letters_beyond_the_first_plane_do_not_shift_the_marks(help_window: HelpWindow) -> None:
    help_window.text.set_text("# Title\n\n𝔼[x] is the mean, and the mean is a number.\n")
    help_window.text.mark("mean")
    assert [mark.cursor.selectedText() for mark in help_window.text.extraSelections()] == ["mean", "mean"]
