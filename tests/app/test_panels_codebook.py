"""The codebook panel: where codes are used, and what happens when one is exchanged by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.panels.codebook import IDLE, CodebookPanel, CodebookState, lit_where, tiled
from app.shell import theme
from app.widgets.cells import Cells
from gm_core import api
from tests.app.fake_core import Bench, FakeEngine
from tests.app.fake_model import IMAGES, digits, run_card

SIZE, GRID = 6, (4, 4)
COUNTS = np.array([50, 0, 30, 20, 0, 100])


def tiles() -> np.ndarray:
    """Code k is a flat grey of 40 k."""
    return np.repeat(40 * np.arange(SIZE, dtype=np.uint8), 4 * 4).reshape(SIZE, 4, 4, 1)


def drawn(codes: np.ndarray, originals: np.ndarray) -> api.CodeMaps:
    """What a pretend decoder makes of codes: each cell of 2x2 pixels in the grey of its code."""
    pictures = np.repeat(np.repeat(40 * codes, 2, 1), 2, 2)[..., None].astype(np.uint8)
    return api.CodeMaps(originals, codes, pictures, -codes.sum((1, 2)).astype(np.float32), SIZE)


class Coded(FakeEngine):
    """Answers questions about codes; examples have the codes that a seeded generator gives them."""

    def answer(self, ask: api.Ask, live: int = 2400) -> list[api.Answered]:
        query = ask.query
        frames: list[api.Frame]
        if isinstance(query, api.CodebookQuery):
            frames = [api.CodebookUse(COUNTS, 3.1, tiles(), query.n, query.n)]
        elif isinstance(query, api.CodeMapQuery):
            codes = np.random.default_rng(query.seed).integers(0, SIZE, (query.n, *GRID))
            frames = [drawn(codes, digits()[0][: query.n])]
        elif isinstance(query, api.FromCodesQuery):
            assert query.codes is not None
            frames = [drawn(query.codes, np.empty((0, 8, 8, 1), np.uint8))]
        else:
            return super().answer(ask, live)
        return [api.Answered(ask.run, ask.topic, ask.ticket, live, 0, frames[0], True, 0.01)]


def card(run: str = "vqvae-digits") -> api.RunCard:
    return run_card(run, offers=frozenset({"samples", "reconstructs", "codebook"}))


@pytest.fixture
def bench() -> Bench:
    made = Bench()
    made.engine = Coded()
    made.desk = type(made.desk)(made.engine, clock=lambda: made.clock)
    made.desk.take([api.Ready(api.Catalogue((), (), (), api.DeviceCard("cpu", "CPU", 1))), api.RunChanged(card())])
    return made


@pytest.fixture
def panel(qtbot: QtBot, bench: Bench) -> CodebookPanel:
    made = CodebookPanel()
    qtbot.addWidget(made)
    made.resize(480, 720)
    made.bind(bench.desk)
    made.show()
    bench.pass_time()
    return made


def edits(bench: Bench) -> list[np.ndarray]:
    """The grids of codes that were sent to be drawn."""
    return [ask.query.codes for ask in bench.engine.asks("codebook/edit")]  # type: ignore[attr-defined]


def click(qtbot: QtBot, cells: Cells, row: int, column: int) -> None:
    where = cells.cell_rect(row, column).center()
    qtbot.mouseClick(cells, Qt.MouseButton.LeftButton, pos=QPoint(int(where.x()), int(where.y())))


# ---- what is shown


def test_the_panel_opens_for_models_with_codes_and_for_no_other() -> None:
    assert CodebookPanel.needs <= card().traits
    assert not run_card(offers=IMAGES).traits >= CodebookPanel.needs


def test_bars_tiles_and_words_say_how_codes_are_used(panel: CodebookPanel) -> None:
    assert panel.bars.values() == pytest.approx(COUNTS / 2)
    assert panel.bars.order()[:4] == [5, 0, 2, 3]
    shown = panel.tiles._images
    assert shown is not None and (shown[5] == 200).all() and (shown[4] == int(160 * IDLE)).all(), "idle codes are dark"
    assert panel.words.text() == "4 of 6 used  ·  perplexity 3.1  ·  500 examples"


def test_a_code_is_outlined_where_it_is_used_and_a_second_click_lets_go(panel: CodebookPanel, bench: Bench) -> None:
    panel.tiles.clicked.emit(3)
    bench.pass_time(1)
    assert panel._maps is not None
    where = panel._maps.codes[0] == 3
    for cells in (panel.original, panel.map, panel.made):
        assert np.array_equal(cells._outlined, where)
    assert [words.removesuffix("×") or "0" for words in panel.strip._labels] == [
        str(int((codes == 3).sum())) for codes in panel._maps.codes
    ]
    panel.bars.clicked.emit(3)
    bench.pass_time(1)
    assert panel.map._outlined is None and panel.strip._labels == [] and not edits(bench)


# ---- hands


def test_a_chosen_cell_takes_the_code_that_is_chosen_next_and_the_rest_stays(
    panel: CodebookPanel, bench: Bench, qtbot: QtBot
) -> None:
    assert panel._maps is not None
    own = panel._maps.codes[0].copy()
    click(qtbot, panel.map, 1, 2)
    bench.pass_time(1)
    assert panel.tiles._selected == own[1, 2] and f"code {own[1, 2] + 1}" in panel.status.text()
    other = int((own[1, 2] + 1) % SIZE)
    panel.tiles.clicked.emit(other)
    bench.pass_time(3)
    (sent,) = edits(bench)
    assert sent.shape == (1, *GRID) and sent[0, 1, 2] == other
    assert (sent[0] != own).sum() == 1 and np.array_equal(panel._maps.codes[0], own), "the model's own codes stay"
    assert np.array_equal(panel.made._changed, sent[0] != own)
    assert panel.captions[1].text() == f"{-own.sum():.1f} → {-sent.sum():.1f}"
    assert panel.undo.isEnabled() and panel.shown()["edited"] == sent[0].tolist()
    panel.undo.click()
    bench.pass_time(1)
    assert not panel.undo.isEnabled() and not panel.made._changed.any() and panel.shown()["edited"] is None
    assert panel.captions[1].text() == f"ln p {-own.sum():.1f}"
    assert any(isinstance(c, api.Cancel) and c.topic == "codebook/edit" for c in bench.engine.sent)


def test_the_same_code_again_changes_nothing(panel: CodebookPanel, bench: Bench, qtbot: QtBot) -> None:
    assert panel._maps is not None
    click(qtbot, panel.made, 0, 0)
    panel.tiles.clicked.emit(int(panel._maps.codes[0, 0, 0]))
    bench.pass_time()
    assert not edits(bench) and not panel.undo.isEnabled()


def test_another_picture_or_another_run_brings_its_own_codes(panel: CodebookPanel, bench: Bench, qtbot: QtBot) -> None:
    assert panel._maps is not None
    click(qtbot, panel.map, 0, 0)
    panel.tiles.clicked.emit(int((panel._maps.codes[0, 0, 0] + 1) % SIZE))
    bench.pass_time()
    panel.strip.clicked.emit(2)
    bench.pass_time()
    assert panel._edited is None and np.array_equal(panel.map._numbers, panel._maps.codes[2])
    panel.begin(card("other"))
    bench.pass_time()
    assert panel._cell is None and panel._code == -1 and panel.map.chosen() is None


def test_keys_move_the_chosen_cell_and_escape_lets_go(panel: CodebookPanel, bench: Bench, qtbot: QtBot) -> None:
    panel.map.setFocus()
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Down, Qt.Key.Key_Left, Qt.Key.Key_Left):
        qtbot.keyClick(panel.map, key)
    bench.pass_time(1)
    assert panel.map.chosen() == panel.original.chosen() == (1, 0), "the border stops it"
    assert panel.map.accessibleDescription().startswith("row 2, column 1: code ")
    qtbot.keyClick(panel.map, Qt.Key.Key_Escape)
    bench.pass_time(1)
    assert panel.map.chosen() is None and panel.made.chosen() is None


def test_other_examples_keep_nothing_that_was_changed(panel: CodebookPanel, bench: Bench, qtbot: QtBot) -> None:
    click(qtbot, panel.map, 0, 0)
    panel.tiles.clicked.emit(0)
    panel.other.click()
    bench.pass_time()
    assert panel._edited is None and bench.engine.asks("codebook/maps")[-1].query.seed == 1
    panel.split.setCurrentText("train")
    bench.pass_time()
    assert bench.engine.asks("codebook/use")[-1].query.split == "train"  # type: ignore[attr-defined]


# ---- settings, themes, leaving


def test_settings_come_back(panel: CodebookPanel) -> None:
    panel.restore(CodebookState(split="validation", count=16))
    assert panel.state() == CodebookState(split="validation", count=16)


@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 700])
def test_it_paints_in_both_themes_at_every_width_with_and_without_codes(
    qtbot: QtBot, qapp: QApplication, bench: Bench, mode: theme.Mode, width: int
) -> None:
    theme.apply(qapp, mode)
    panel = CodebookPanel()
    qtbot.addWidget(panel)
    panel.resize(width, 560)
    panel.bind(bench.desk)
    empty = panel.grab().toImage()
    panel.show()
    bench.pass_time()
    panel.tiles.clicked.emit(2)
    bench.pass_time(1)
    assert panel.grab().toImage() != empty and panel.width() == width


def test_the_codes_are_written_as_a_picture(panel: CodebookPanel, tmp_path: Path) -> None:
    (choice,) = panel.exports()
    choice.write(tmp_path / "codes.png")
    assert (tmp_path / "codes.png").stat().st_size > 100


# ---- pictures from codes


def test_a_map_is_painted_with_the_tiles_of_its_codes() -> None:
    picture = tiled(np.array([[0, 1], [5, 2]]), tiles())
    assert picture.shape == (8, 8, 1)
    assert [int(picture[y, x, 0]) for y, x in ((0, 0), (0, 7), (7, 0), (7, 7))] == [0, 40, 200, 80]


def test_pictures_are_bright_only_where_cells_say_so_also_at_sizes_that_do_not_divide() -> None:
    cells = np.zeros((1, 3, 4), bool)
    cells[0, 2, 3] = True
    lit = lit_where(np.full((1, 9, 11, 3), 200, np.uint8), cells)[0, ..., 0]
    assert lit[8, 10] == 200 and lit[0, 0] == lit[8, 0] == lit[0, 10] == int(200 * IDLE)
    assert (lit == 200).sum() == 3 * 2
