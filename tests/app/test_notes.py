"""The notes in the window: reading, the path, the links to models, and what is remembered."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app import contents
from app.page import Link
from app.panels.notes import NotesPanel, NotesState
from app.shell import theme
from app.shell.session import known_page
from app.shell.window import Window
from gm_core import api
from tests.app.windows import ReplayEngine, ready
from tests.concepts.answering import answer

pytestmark = pytest.mark.usefixtures("dressed")


def asked(engine: ReplayEngine, prefix: str = "notes/") -> list[api.Ask]:
    return [c for c in engine.sent if isinstance(c, api.Ask) and c.topic.startswith(prefix)]


def let_answer(window: Window, engine: ReplayEngine) -> None:
    """What the worker would say to everything that was asked of the notes."""
    window.desk.take([])
    for ask in asked(engine):
        window.desk.take([api.Answered(ask.run, ask.topic, ask.ticket, 0, 0, answer(ask.query), True)])  # type: ignore[arg-type]


def shown(window: Window) -> set[str]:
    return {name for name, dock in window.docks.all.items() if not dock.isHidden()}


def test_reading_gives_a_page_the_room_of_all_panels_and_esc_brings_them_back(
    window: Window, engine: ReplayEngine, qtbot: QtBot
) -> None:
    ready(window)
    before = shown(window)
    window.reader.open("gaussian_kl")
    assert shown(window) == {"notes"} and not window.timebar_bar.isVisible()
    assert window.reader.panel.page is not None and window.reader.panel.page.name == "gaussian_kl"
    QTest.keyClick(window, Qt.Key.Key_Escape)
    assert shown(window) == before and window.timebar_bar.isVisible() and window.isVisible()


def test_who_leaves_a_page_finds_every_panel_as_wide_as_it_was(window: Window, qapp: QApplication) -> None:
    """A page that was read hides among the tabs, and must ask for no more room there than the panel that is seen."""

    def sizes() -> dict[str, tuple[int, int]]:
        for _ in range(5):
            qapp.processEvents()
        seen = {name: dock for name, dock in window.docks.all.items() if not dock.visibleRegion().isEmpty()}
        return {name: (dock.width(), dock.height()) for name, dock in seen.items()}

    window.resize(1180, 700)
    before = sizes()
    assert len(before) > 3
    window.reader.open("overview")
    assert set(sizes()) == {"notes"}
    window.reader.stop()
    after = sizes()
    assert set(after) == set(before)
    assert all(abs(a - b) <= 2 for name in before for a, b in zip(before[name], after[name], strict=True))


def test_a_page_asks_a_question_that_needs_no_run_and_draws_the_answer(window: Window, engine: ReplayEngine) -> None:
    ready(window)
    window.reader.open("gaussian_kl")
    let_answer(window, engine)
    page = window.reader.panel.page
    assert page is not None
    before = page.numbers()["kl"]
    page.set(mu_q=3.0)
    let_answer(window, engine)
    assert asked(engine)[-1].run == api.ALONE and page.numbers()["kl"] > before


def test_every_page_is_an_action_that_the_palette_finds(window: Window) -> None:
    names = {f"page-{name}" for name in contents.ORDER}
    assert names <= window.actions_.by_name.keys()
    window.actions_["page-overview"].trigger()
    assert window.reader.panel.page is not None and window.reader.panel.page.name == "overview"


def test_a_section_opens_by_name_and_one_that_is_not_there_is_said(window: Window, engine: ReplayEngine) -> None:
    ready(window)
    window.reader.open("elbo/bound")
    panel = window.reader.panel
    assert panel.page is not None and (panel.page.name, panel.page.section().name) == ("elbo", "bound")
    window.reader.open("elbo/nothing")
    assert panel.page.section().name == "bound" and "no section 'nothing'" in window._said
    panel.foresee(NotesState(page="game/dynamics"))
    assert "game" in panel._pages and panel.page.name == "elbo"


def test_one_key_goes_through_all_sections_of_all_pages_and_back(window: Window, engine: ReplayEngine) -> None:
    ready(window)
    window.reader.open("overview/families")
    panel = window.reader.panel
    for key, name, section in (
        (Qt.Key.Key_PageDown, "distributions", "bernoulli"),
        (Qt.Key.Key_PageDown, "distributions", "categorical"),
        (Qt.Key.Key_PageUp, "distributions", "bernoulli"),
        (Qt.Key.Key_PageUp, "overview", "families"),
    ):
        QTest.keyClick(window, key, Qt.KeyboardModifier.ControlModifier)
        assert panel.page is not None and (panel.page.name, panel.page.section().name) == (name, section)
    window.reader.open("overview/sampling")
    panel.walk_sections(-1)
    assert panel.page is not None and panel.page.section().name == "sampling", "there is nothing before it"


def test_the_key_for_sections_works_before_anything_of_the_page_is_painted(
    window: Window, engine: ReplayEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready(window)
    monkeypatch.setattr("app.shell.table.is_seen", lambda _dock: False)
    assert not window.actions_["next-section"].isEnabled()
    window.reader.open("overview/sampling")
    assert window.actions_["next-section"].isEnabled()


def test_the_path_goes_on_where_one_left_it(window: Window, engine: ReplayEngine) -> None:
    ready(window)
    window.reader.open("overview")
    panel = window.reader.panel
    assert panel.path.seen() == ("overview",) and panel.path.first_unseen() == contents.PATH[1].name
    state = panel.state()
    assert state.page == "overview" and state.seen == ("overview",)
    stored = NotesState.read(state.plain())
    other = NotesPanel()
    other.restore(stored)
    assert other.path.first_unseen() == contents.PATH[1].name
    other.deleteLater()


def test_the_last_stop_of_the_path_is_its_end(window: Window, qtbot: QtBot) -> None:
    panel = NotesPanel()
    qtbot.addWidget(panel)
    panel.path.visit(contents.PATH[-1].name)
    assert panel.path.beside(1) == contents.PATH[-1].name
    panel.path.visit(contents.PATH[0].name)
    assert panel.path.beside(-1) == contents.PATH[0].name
    panel.path.set_seen([stop.name for stop in contents.PATH])
    assert panel.path.first_unseen() == contents.PATH[-1].name


def test_a_link_leaves_the_notes_and_plans_the_model(window: Window, engine: ReplayEngine) -> None:
    ready(window)
    window.reader.open("gaussian_kl")
    page = window.reader.panel.page
    assert page is not None
    page.link_wished.emit(Link("A VAE", "vae-digits", "curves"))
    assert not window.reader.on
    assert window.experiment.state().plain()["preset"] == "vae-digits"


def test_a_stop_of_the_path_that_is_a_model_plans_its_preset(window: Window, engine: ReplayEngine) -> None:
    ready(window)
    window.reader.open("overview")
    window.reader.panel.path.chosen.emit("model-gan-ring")
    assert window.experiment.state().plain()["preset"] == "gan-ring"
    assert "model-gan-ring" in window.reader.panel.path.seen()


def test_talk_size_is_larger_and_goes_with_the_notes(window: Window, qapp: QApplication) -> None:
    window.reader.open("overview")
    usual = theme.scale()
    window.reader.toggle_size()
    assert theme.scale() >= 1.6 * usual
    window.reader.stop()
    assert theme.scale() == usual


def test_help_on_the_notes_is_help_on_the_page_that_is_open(window: Window, engine: ReplayEngine) -> None:
    from app.shell.help import HelpWindow

    ready(window)
    window.reader.open("gaussian_kl")
    window.deeds.help_panel("notes")
    helped = window.findChild(HelpWindow)
    assert helped is not None and "KL of Gaussians" in helped.text.toPlainText()
    helped.close()


def test_a_page_that_does_not_exist_is_one_sentence(window: Window, engine: ReplayEngine) -> None:
    with pytest.raises(api.SpecError, match="'elbow' is no page of the notes; the pages are: overview, "):
        known_page("elbow")
    window.reader.open("elbow")
    assert window.reader.panel.page is not None


def test_settings_of_a_page_that_no_longer_hold_are_forgotten(qtbot: QtBot, make_window: Callable[..., Window]) -> None:
    window = make_window()
    window.reader.open("overview")
    panel = window.reader.panel
    state = NotesState(page="gaussian_kl", pages={"gaussian_kl": {"mu_q": 99.0}, "overview": {"gone": 1}})
    panel.restore(state)
    assert panel.page is not None and panel.page.name == "gaussian_kl"
    assert panel.page.settings == panel.page.State.read({"section": "line"})


def test_what_a_page_exports_tells_its_numbers(window: Window, engine: ReplayEngine) -> None:
    ready(window)
    window.reader.open("gaussian_kl")
    let_answer(window, engine)
    panel = window.reader.panel
    assert [export.suffix for export in panel.exports()] == [".png", ".svg", ".csv", ".csv"]
    assert not any(export.reason for export in panel.exports())
    assert panel.shown()["numbers"]["kl"] == pytest.approx(0.5431, abs=1e-4)
