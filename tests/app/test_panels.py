"""Every panel: when it opens, what it draws, what it does with late answers, and that it leaves nothing behind."""

from __future__ import annotations

import gc
import json
import weakref
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtGui import QAccessible
from PySide6.QtWidgets import QAbstractButton, QComboBox, QLineEdit
from pytestqt.qtbot import QtBot

from app import export
from app.panel import Panel, PanelState, find_panels
from app.shell import theme
from gm_core import api
from tests.app.fake_core import Bench
from tests.app.fake_frames import frames_for
from tests.app.fake_model import IMAGES, POINTS, run_card
from tests.app.opening import on_desk

pytestmark = pytest.mark.usefixtures("dressed")

PANELS = find_panels()
MINE = (
    "curves",
    "gallery",
    "latent",
    "steps",
    "plane",
    "reconstruction",
    "density",
    "bayes",
    "completion",
    "encode",
    "denoising",
)
NEEDS = {
    "curves": frozenset(),
    "gallery": frozenset({"samples"}),
    "latent": frozenset({"latent"}),
    "steps": frozenset({"stepwise"}),
    "plane": frozenset({"points"}),
    "reconstruction": frozenset({"reconstructs", "images"}),
    "density": frozenset({"density"}),
    "bayes": frozenset({"classes", "images"}),
    "completion": frozenset({"complete", "images"}),
    "encode": frozenset({"encodes", "images"}),
    "denoising": frozenset({"denoises"}),
}


def card_for(name: str) -> api.RunCard:
    """A card that fits a panel."""
    return run_card("ring-ddpm", points=True) if name == "plane" else run_card()


def bench_for(name: str) -> Bench:
    """A desk with a run that fits a panel in front, and a history."""
    card = card_for(name)
    bench = Bench(card)
    bench.fill_curves(card.run)
    return bench


def pixels(panel: Panel) -> np.ndarray:
    """What a panel shows."""
    from app.widgets.images import from_qimage

    return from_qimage(panel.grab().toImage())


@pytest.mark.parametrize("name", MINE)
def test_a_panel_is_found_and_says_what_it_needs(name: str) -> None:
    assert PANELS[name].needs == NEEDS[name]
    assert PANELS[name].title and PANELS[name].tip.endswith(".")
    assert (theme.resources() / "icons" / f"{PANELS[name].icon}.svg").is_file()


@pytest.mark.parametrize("name", MINE)
def test_a_panel_begins_exactly_when_its_needs_are_met(qtbot: QtBot, name: str) -> None:
    fits = card_for(name)
    points = name == "plane"
    for missing in sorted(NEEDS[name]):
        if missing in ("points", "images"):
            lacking = run_card("other", points=not points, offers=(POINTS | IMAGES))
        else:
            lacking = run_card("other", points=points, offers=fits.offers - {missing})
        panel = on_desk(qtbot, PANELS[name](), Bench(lacking))
        assert panel.card is None, missing
    assert on_desk(qtbot, PANELS[name](), Bench(fits)).card is not None


@pytest.mark.parametrize("name", MINE)
@pytest.mark.parametrize("mode", ["dark", "light"])
@pytest.mark.parametrize("size", [(900, 620), (330, 300)])
def test_a_panel_draws_its_frames_and_differs_from_its_empty_state(
    qtbot: QtBot, qapp: object, name: str, mode: str, size: tuple[int, int]
) -> None:
    theme.apply(qapp, mode)  # type: ignore[arg-type]
    empty = PANELS[name]()
    qtbot.addWidget(empty)
    empty.resize(*size)
    empty.bind(Bench().desk)
    empty.show()
    full = on_desk(qtbot, PANELS[name](), bench_for(name), size)
    blank, drawn = pixels(empty), pixels(full)
    assert blank.shape == drawn.shape, "no panel may force itself to be larger than its dock"
    assert blank.std() > 0, "the empty state says something"
    changed = (blank != drawn).any(-1).mean()
    assert changed > 0.05, f"only {changed:.1%} of the picture changed when there was something to show"


@pytest.mark.parametrize("name", MINE)
def test_a_panel_survives_large_text_and_a_change_of_theme(qtbot: QtBot, qapp: object, name: str) -> None:
    panel = on_desk(qtbot, PANELS[name](), bench_for(name))
    before = pixels(panel)
    theme.set_scale(qapp, 1.8)  # type: ignore[arg-type]
    theme.apply(qapp, "light")  # type: ignore[arg-type]
    qtbot.wait(20)
    after = pixels(panel)
    assert after[..., :3].mean() > before[..., :3].mean() + 40, "the ground is light now"


@pytest.mark.parametrize("name", MINE)
def test_each_control_of_a_panel_has_a_name_for_screen_readers(qtbot: QtBot, name: str) -> None:
    panel = on_desk(qtbot, PANELS[name](), bench_for(name))
    for kind in (QAbstractButton, QComboBox, QLineEdit):
        for widget in panel.findChildren(kind):
            if widget.objectName().startswith("qt_") or not widget.isVisibleTo(panel):
                continue
            seen = QAccessible.queryAccessibleInterface(widget)
            words = seen.text(QAccessible.Text.Name) if seen is not None else ""
            assert words.strip(), f"{type(widget).__name__} in {name} has no accessible name"


@pytest.mark.parametrize("name", MINE)
def test_a_closed_panel_leaves_nothing_behind(qtbot: QtBot, name: str) -> None:
    bench = bench_for(name)
    panel = PANELS[name]()
    panel.resize(500, 400)
    panel.bind(bench.desk)
    panel.show()
    bench.pass_time()
    gone = weakref.ref(panel)
    asked = len(bench.engine.asks(f"{name}/"))
    panel.hide()
    cancelled = {c.topic for c in bench.engine.sent if isinstance(c, api.Cancel)}
    open_topics = {a.topic for a in bench.engine.asks(f"{name}/")}
    assert open_topics <= cancelled, "a hidden panel lets go of everything that it asked"
    panel.close()
    panel.deleteLater()
    del panel
    qtbot.wait(10)
    gc.collect()
    bench.desk.take([api.RunChanged(card_for(name))])
    bench.desk.seek(800)
    bench.pass_time()
    assert len(bench.engine.asks(f"{name}/")) == asked, "a closed panel asks no more"
    assert gone() is None or not _alive(gone())


def _alive(panel: Panel | None) -> bool:
    from shiboken6 import isValid

    return panel is not None and isValid(panel)


@pytest.mark.parametrize("name", MINE)
def test_the_settings_of_a_panel_survive_a_round_trip(qtbot: QtBot, name: str) -> None:
    panel = on_desk(qtbot, PANELS[name](), bench_for(name))
    state = panel.state()
    assert isinstance(state, PanelState)
    other = PANELS[name]()
    qtbot.addWidget(other)
    other.restore(type(state).read(json.loads(json.dumps(state.plain()))))
    other.resize(640, 480)
    other.bind(bench_for(name).desk)
    other.show()
    again = other.state().plain()
    assert again == state.plain()


@pytest.mark.parametrize("name", MINE)
def test_everything_that_a_panel_exports_is_written_and_pictures_hold_their_settings(
    qtbot: QtBot, tmp_path: Path, name: str
) -> None:
    bench = bench_for(name)
    panel = on_desk(qtbot, PANELS[name](), bench)
    exports = [wanted for wanted in panel.exports() if not wanted.reason]
    assert exports, f"{name} exports nothing"
    assert len({(e.title, e.suffix) for e in exports}) == len(exports)
    for i, wanted in enumerate(exports):
        path = tmp_path / f"{i}{wanted.suffix}"
        wanted.write(path)
        for _ in range(12):  # a film of the training asks for its sheets first
            bench.pass_time(1)
        assert path.stat().st_size > 100, wanted.title
        if wanted.suffix in (".png", ".gif", ".webp"):
            found = export.read_settings(path)
            assert found is not None, wanted.title
            facts = json.loads(found)
            assert facts["panel"] == name and facts["run"] == card_for(name).run
            assert facts["settings"] == panel.state().plain()


@pytest.mark.parametrize("name", ["gallery", "latent", "steps", "plane", "reconstruction"])
def test_what_an_older_ask_brings_is_not_shown(qtbot: QtBot, name: str) -> None:
    bench = bench_for(name)
    panel = PANELS[name]()
    qtbot.addWidget(panel)
    panel.resize(640, 480)
    panel.bind(bench.desk)
    panel.show()
    bench.pass_time(1, answer=False)
    stale = bench.engine.asks(f"{name}/")
    assert stale
    heard: list[int] = []
    original = panel.receive
    panel.receive = lambda purpose, answer: (heard.append(answer.ticket), original(purpose, answer))  # type: ignore
    panel.begin(card_for(name))
    bench.pass_time(2, answer=False)
    for ask in stale:
        bench.desk.take(bench.engine.answer(ask))
    assert not heard


def test_a_panel_keeps_its_last_picture_until_the_next_one_is_there(qtbot: QtBot) -> None:
    bench = bench_for("gallery")
    panel = on_desk(qtbot, PANELS["gallery"](), bench)
    shown = panel.mosaic.image()  # type: ignore[attr-defined]
    bench.desk.new_noise()
    bench.pass_time(3, answer=False)
    assert np.array_equal(panel.mosaic.image(), shown)  # type: ignore[attr-defined]
    ask = bench.engine.asks("gallery/")[-1]
    bench.desk.take(bench.engine.answer(ask))
    assert not np.array_equal(panel.mosaic.image(), shown)  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["gallery", "latent", "reconstruction", "steps"])
def test_a_panel_says_which_step_it_really_shows(qtbot: QtBot, name: str) -> None:
    bench = bench_for(name)
    panel = on_desk(qtbot, PANELS[name](), bench)
    assert "step 2,400" in panel.status.text()  # type: ignore[attr-defined]
    bench.desk.seek(790)
    bench.pass_time()
    assert "step 800 (live 2,400)" in panel.status.text()  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["gallery", "latent", "reconstruction", "steps", "plane"])
def test_frames_can_be_shown_before_there_is_an_engine(qtbot: QtBot, name: str) -> None:
    from app.bridge.recorded import Recording

    card = card_for(name)
    if name == "plane":
        pytest.skip("the plane has no recorded example")
    film = [f for f in frames_for(api.TrajectoryQuery(n=9), card, 2400) if isinstance(f, api.StepFrame)]
    pairs = frames_for(api.ReconstructQuery(n=16), card, 2400)[0]
    walk = frames_for(api.WalkQuery(n=12), card, 2400)[0]
    assert isinstance(pairs, api.Pairs) and isinstance(walk, api.Decoded)
    from app.bridge.recorded import as_text

    arrays = {
        "samples": frames_for(api.SampleQuery(n=64), card, 2400)[0].items,  # type: ignore[attr-defined]
        "originals": pairs.originals, "reconstructions": pairs.reconstructions, "errors": pairs.errors,
        "walk": walk.items, "walk_z": walk.z,
        "film_x": np.stack([f.x for f in film]), "film_views_x0": np.stack([f.views["x0"] for f in film]),
        "film_progress": np.array([f.progress for f in film]), "film_time": as_text([f.time for f in film]),
        "film_numbers": as_text([dict(f.numbers) for f in film]),
    }  # fmt: skip
    bench = Bench(is_ready=False)
    bench.desk.show_recordings([Recording(card, arrays)])
    empty = PANELS[name]()
    qtbot.addWidget(empty)
    empty.resize(640, 480)
    empty.show()
    panel = on_desk(qtbot, PANELS[name](), bench)
    assert not bench.engine.asks()
    assert (pixels(empty) != pixels(panel)).any(-1).mean() > 0.05


@pytest.mark.parametrize("name", MINE)
def test_no_widget_of_a_panel_hides_what_the_window_reads_of_it(qtbot: QtBot, name: str) -> None:
    panel = PANELS[name]()
    qtbot.addWidget(panel)
    for word in ("name", "title", "icon", "tip", "needs", "slot", "order", "alive_at_start", "State"):
        assert word not in vars(panel), f"{name}.{word} belongs to the class"
