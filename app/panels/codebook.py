"""The codebook: how often each code is used, what it looks like, where pictures use it, and what another would do."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QSplitter, QVBoxLayout, QWidget

from app import export
from app.panel import Export, Panel, PanelState
from app.shell import theme
from app.widgets import film, kit
from app.widgets.bars import Bars
from app.widgets.cells import Cells
from app.widgets.folding import FoldingRow
from app.widgets.mosaic import Mosaic
from app.widgets.status import ElidedLabel, StatusLine
from gm_core import api

COUNTS = (4, 8, 16, 32)
SPLITS = ("test", "validation", "train")
EXAMPLES = 500
"""Examples over which the use of codes is counted."""
IDLE = 0.35
"""How bright a code is shown that no example uses."""
ROOM_FOR_STRIP, ROOM_FOR_BARS = 340, 430
"""Heights of the panel below which there is no room for more pictures, and for bars."""


class CodebookState(PanelState):
    """What the panel remembers."""

    split: Literal["test", "validation", "train"] = api.param("test", "The examples that are shown and counted.")
    count: int = api.param(8, "How many pictures stand below.", lo=1, hi=64)


class CodebookPanel(Panel):
    """Bars and tiles of all codes above; one picture, its map of codes and what is drawn from them below."""

    name = "codebook"
    title = "Codebook"
    icon = "grid"
    tip = "Which codes the model uses, what each looks like, and what a picture becomes if one is exchanged."
    needs = frozenset({"codebook", "images"})
    slot = "right"
    order = 25
    State = CodebookState

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._use: api.CodebookUse | None = None
        self._maps: api.CodeMaps | None = None
        self._drawn: api.CodeMaps | None = None  # from codes that were changed by hand
        self._edited: np.ndarray | None = None
        self._code = -1
        self._cell: tuple[int, int] | None = None
        self._at = self._seed = 0
        self._shows: int | None = None
        self._build()

    def _build(self) -> None:
        self.other = kit.IconButton("dice", "Other examples")
        self.other.clicked.connect(lambda: self._examples(self._seed + 1))
        self.undo = kit.IconButton("reset", "Back to the model's own codes")
        self.undo.clicked.connect(self._reset)
        self.split = QComboBox()
        self.split.addItems(SPLITS)
        self.split.setAccessibleName("Examples from")
        self.count = QComboBox()
        self.count.addItems([str(n) for n in COUNTS])
        self.count.setCurrentText("8")
        self.count.setAccessibleName("Pictures")
        for chooser in (self.split, self.count):
            chooser.currentIndexChanged.connect(lambda _: self._ask())
        row = self.header = FoldingRow(self)
        row.add(self.other, priority=9)
        row.add(self.undo, priority=8)
        row.add(self.split, "from", priority=6)
        row.add(self.count, "pictures", priority=5)
        row.add_space()
        self.bars = Bars()
        self.bars.setAccessibleName("Use of each code, most used first")
        self.bars.set_threshold(0.0)
        self.bars.set_empty("No codes yet", "Press Train: the codes that the model finds are counted here.")
        self.bars.clicked.connect(self._take_code)
        self.bars.hovered.connect(lambda code: self.tiles.set_selected(code if code >= 0 else self._shown_code()))
        self.tiles = Mosaic()
        self.tiles.setAccessibleName("What each code looks like")
        self.tiles.set_empty("No codes yet")
        self.tiles.clicked.connect(self._take_code)
        self.words = ElidedLabel("", "caption")
        self.original = Cells("Original")
        self.map = Cells("Map of codes")
        self.made = Cells("Drawn from the codes")
        self.captions: list[ElidedLabel] = []
        three = QHBoxLayout()
        three.setSpacing(theme.px(6))
        for cells, title in ((self.original, "original"), (self.map, "its codes"), (self.made, "drawn")):
            cells.picked.connect(self._take_cell)
            cells.let_go.connect(self._let_go)
            column = QVBoxLayout()
            column.setSpacing(2)
            column.addWidget(cells, 1)
            self.captions.append(ElidedLabel(title, "caption"))
            self.captions[-1].setAlignment(Qt.AlignmentFlag.AlignHCenter)
            column.addWidget(self.captions[-1])
            three.addLayout(column, 1)
        self.strip = Mosaic()
        self.strip.setAccessibleName("Pictures; one is shown large")
        kit.Room(self.strip, height=72)
        self.strip.clicked.connect(self._take_picture)
        self.status = StatusLine()
        upper, lower = QWidget(), QWidget()
        above, below = QVBoxLayout(upper), QVBoxLayout(lower)
        for box in (above, below):
            box.setContentsMargins(0, 0, 0, 0)
            box.setSpacing(4)
        above.addWidget(self.bars, 2)
        above.addWidget(self.words)
        above.addWidget(self.tiles, 3)
        below.addLayout(three, 1)
        below.addWidget(self.strip)
        self.halves = QSplitter(Qt.Orientation.Vertical)
        self.halves.addWidget(upper)
        self.halves.addWidget(lower)
        self.halves.setChildrenCollapsible(False)
        self.halves.setSizes([300, 260])
        whole = QVBoxLayout(self)
        whole.setContentsMargins(8, 6, 8, 4)
        whole.setSpacing(6)
        whole.addWidget(row)
        whole.addWidget(self.halves, 1)
        whole.addWidget(self.status)
        self.setMinimumSize(220, 240)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """A low panel keeps to what is most worth seeing: tiles and the three pictures."""
        super().resizeEvent(event)
        kit.show(self.strip, self.height() >= theme.px(ROOM_FOR_STRIP))
        kit.show(self.bars, self.height() >= theme.px(ROOM_FOR_BARS))

    # ---- asking and hearing -----------------------------------------------------------------------------------

    def begin(self, card: api.RunCard) -> None:
        """Another run has other codes: nothing that was chosen by hand means anything there."""
        self._code, self._cell, self._edited, self._drawn = -1, None, None, None
        self.tiles.set_stale(self._use is not None)
        self._ask()

    def vanish(self) -> None:
        """No model with codes."""
        self._use = self._maps = self._drawn = self._edited = None
        self.touch()

    def card_changed(self, card: api.RunCard) -> None:
        """A newer step of the same run."""
        self.touch()

    def _examples(self, seed: int) -> None:
        self._seed, self._at = seed, 0
        self._reset()
        self._ask()

    def _ask(self) -> None:
        if self.card is not None:
            split = self.split.currentText()
            self.ask("use", api.CodebookQuery(seed=0, n=EXAMPLES, split=split), follow=True)
            number = int(self.count.currentText())
            self.ask("maps", api.CodeMapQuery(seed=self._seed, n=number, split=split), follow=True)

    def receive(self, purpose: str, answer: api.Answered) -> None:
        """Counts and tiles, maps of pictures, or what is drawn from changed codes."""
        frame = answer.frame
        if isinstance(frame, api.CodebookUse):
            if frame.done < frame.total and self._use is not None:
                return  # counts on their way would make the bars jump
            self._use, self._shows = frame, answer.step
        elif isinstance(frame, api.CodeMaps) and purpose == "edit":
            self._drawn = frame
        elif isinstance(frame, api.CodeMaps):
            self._maps = frame
            self._at = min(self._at, len(frame.codes) - 1)
        self.touch()

    def failed(self, purpose: str, trouble: api.Trouble) -> None:
        """Keep what is shown and say why there is nothing newer."""
        self.status.warn(trouble.words)

    # ---- hands ------------------------------------------------------------------------------------------------

    def _codes(self) -> np.ndarray | None:
        """The map that is shown: the model's own, or the changed one."""
        if self._maps is None or not len(self._maps.codes):
            return None
        own = self._maps.codes[self._at]
        return self._edited if self._edited is not None and self._edited.shape == own.shape else own

    def _shown_code(self) -> int | None:
        return self._code if self._code >= 0 else None

    def _take_code(self, code: int) -> None:
        """A code was chosen: put it into the chosen cell, or show where it is used."""
        codes = self._codes()
        if self._cell is None or codes is None:
            self._code = -1 if code == self._code else code
        else:
            self._code = code
            if codes[self._cell] != code:
                self._edited = codes.copy()
                self._edited[self._cell] = code
                self.ask("edit", api.FromCodesQuery(codes=self._edited[None].copy()), follow=True)
        self.touch()

    def _take_cell(self, row: int, column: int) -> None:
        """A cell was chosen: its code is shown wherever it is used."""
        codes = self._codes()
        if codes is not None:
            self._cell = (row, column)
            self._code = int(codes[row, column])
            self.touch()

    def _let_go(self) -> None:
        self._cell, self._code = None, -1
        self.touch()

    def _take_picture(self, index: int) -> None:
        self._at = index
        self._reset()

    def _reset(self) -> None:
        if self._edited is not None:
            self.cancel("edit")
        self._edited = self._drawn = None
        self.touch()

    # ---- drawing ----------------------------------------------------------------------------------------------

    def redraw(self) -> None:
        """Bars, tiles, the three pictures, the strip, and a line of words."""
        use, maps = self._use, self._maps
        self.undo.setEnabled(self._edited is not None)
        if use is None or use.tiles.ndim != 4:
            self.bars.set_values(None)
            self.tiles.set_images(None)
            self.words.setText("")
        else:
            share = 100.0 * use.counts / max(1, int(use.counts.sum()))
            self.bars.set_values(share, "% of cells", "code")
            lit = np.where((use.counts > 0)[:, None, None, None], 1.0, IDLE)
            self.tiles.set_images((use.tiles * lit).astype(np.uint8))
            self.tiles.set_selected(self._shown_code())
            used = int((use.counts > 0).sum())
            self.words.setText(
                f"{used} of {len(use.counts)} used  ·  perplexity {use.perplexity:.1f}  ·  {use.done:,} examples"
            )
        self._draw_pictures(use, maps)

    def _draw_pictures(self, use: api.CodebookUse | None, maps: api.CodeMaps | None) -> None:
        codes = self._codes()
        if use is None or maps is None or codes is None or maps.originals.ndim != 4:
            for cells in (self.original, self.map, self.made):
                cells.set_picture(None)
                cells.set_cells(None)
            self.strip.set_images(None)
            self.strip.set_empty("No pictures yet")
            self.status.set_text("")
            return
        own = maps.codes[self._at]
        drawn = self._drawn if self._edited is not None and self._drawn is not None else None
        outlined = codes == self._code if self._code >= 0 else None
        shown = ((self.original, maps.originals[self._at], own), (self.map, tiled(codes, use.tiles), codes))
        made = drawn.pictures[0] if drawn is not None else maps.pictures[self._at]
        for cells, picture, numbers in (*shown, (self.made, made, codes)):
            cells.set_cells(numbers)
            cells.set_picture(picture)
            cells.set_outlined((own == self._code) if cells is self.original and self._code >= 0 else outlined)
            cells.set_changed(None if cells is self.original else codes != own)
            cells.set_chosen(self._cell)
        found = (maps.codes == self._code).sum((1, 2)) if self._code >= 0 else None
        pictures = maps.originals if found is None else lit_where(maps.originals, maps.codes == self._code)
        self.strip.set_images(pictures, None if found is None else [f"{int(n)}×" if n else "" for n in found])
        self.strip.set_selected(self._at)
        self._tell(maps, drawn)

    def _tell(self, maps: api.CodeMaps, drawn: api.CodeMaps | None) -> None:
        before = float(maps.log_probs[self._at])
        likely = f"ln p {before:.1f}" if drawn is None else f"{before:.1f} → {float(drawn.log_probs[0]):.1f}"
        self.captions[1].setText(likely)
        self.captions[1].setToolTip("ln p(codes) by the prior, in nats; with changed codes, before and after")
        step = self.step_words(self._shows)
        code = f"code {self._code + 1}" if self._code >= 0 else ""
        if self._cell is not None:
            row, column = self._cell[0] + 1, self._cell[1] + 1
            hint = f"{code} in cell {row}, {column}: choose another (Esc: let go)"
        elif code:
            hint = f"{code} is outlined where it is used"
        else:
            hint = "choose a code to see its use, or a cell to change"
        self.status.tell(hint, step)

    # ---- settings and export ----------------------------------------------------------------------------------

    def state(self) -> CodebookState:
        """Split and count."""
        return CodebookState(
            split=self.split.currentText(),  # type: ignore[arg-type]
            count=int(self.count.currentText()),
        )

    def restore(self, state: PanelState) -> None:
        """Take them back."""
        if isinstance(state, CodebookState):
            kit.choose(self.split, state.split)
            kit.choose(self.count, str(state.count))

    def shown(self) -> dict[str, Any]:
        """The choice of examples, codes changed by hand, and the step that is really shown."""
        edited = None if self._edited is None else self._edited.tolist()
        return {"seed": self._seed, "shown_step": self._shows, "picture": self._at, "edited": edited}

    def exports(self) -> list[Export]:
        """The codes as one picture."""
        return [] if self._use is None else [Export("Codes as PNG", ".png", self._write)]

    def _write(self, path: Path) -> None:
        shown = self.tiles.image()
        if shown is not None:
            export.export_png(film.enlarge(shown, 560), path, self.settings_text(), 1.0)


def tiled(codes: np.ndarray, tiles: np.ndarray) -> np.ndarray:
    """A map of codes (rows, columns) painted with the tiles (K, h, w, c): (rows h, columns w, c)."""
    laid = tiles[np.clip(codes, 0, len(tiles) - 1)]
    rows, columns, h, w, c = laid.shape
    return np.ascontiguousarray(laid.swapaxes(1, 2).reshape(rows * h, columns * w, c))


def lit_where(pictures: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """Pictures (n, h, w, c), bright only in the cells (n, rows, columns) that are true."""
    _, h, w, _ = pictures.shape
    rows = np.arange(h) * cells.shape[1] // h
    columns = np.arange(w) * cells.shape[2] // w
    light = np.where(cells[:, rows][:, :, columns], 1.0, IDLE)
    return (pictures * light[..., None]).astype(np.uint8)
