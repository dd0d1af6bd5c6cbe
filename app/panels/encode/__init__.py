"""Encode: what a model makes of a picture of one's own, and arithmetic with its code."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from app.panel import Export, Panel, PanelState
from app.panels.encode import writing
from app.panels.encode.controls import PAGES, Controls, EncodeState
from app.panels.encode.picture import Found, PicturePage
from app.panels.encode.sums import POOL, SumsPage
from app.widgets import film, kit
from app.widgets.status import StatusLine
from gm_core import api

SETTLE = 220
"""Milliseconds without a stroke before neighbours are searched and the density is computed."""
NEIGHBOURS = 6
MAP = 1500


class EncodePanel(Panel):
    """Draw or drop a picture: its code, its reconstruction, its neighbours; and what becomes of it by arithmetic."""

    name = "encode"
    title = "Encode"
    icon = "palette"
    tip = "Draw or drop a picture of your own: its code, reconstruction, neighbours, and arithmetic with it."
    needs = frozenset({"encodes", "images"})
    slot = "right"
    order = 14
    State = EncodeState

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.found = Found()
        self._shows: int | None = None
        self._example, self._base = 0, 0
        self._base_drawn = False
        self._chosen: tuple[int, int] | None = None
        self._late = QTimer(self)
        self._late.setSingleShot(True)
        self._late.setInterval(SETTLE)
        self._late.timeout.connect(self._ask_slow)
        self._build()

    def _build(self) -> None:
        row = self.controls = Controls()
        row.turned.connect(self._turn)
        row.other.connect(lambda: self._ask_example(self._example + 1))
        row.centred.connect(self._centred)
        row.fitted.connect(lambda fitting: self.drawn.set_fitting(fitting))
        row.moved.connect(self._ask_slow)
        row.sent.connect(self._start_from_board)
        self.drawn, self.sums = PicturePage(), SumsPage()
        self.drawn.changed.connect(self._picture_changed)
        self.drawn.settled.connect(self._late.start)
        self.drawn.refused.connect(lambda words: self.say(words, "warn"))
        self.drawn.near.clicked.connect(self._take_neighbour)
        self.sums.wished.connect(self._ask_sums)
        self.sums.pool_wished.connect(self._ask_pool)
        self.sums.other.connect(self._other_base)
        self.sums.drawing.connect(self._start_from_board)
        self.stack = QStackedWidget()
        self.stack.addWidget(self.drawn)
        self.stack.addWidget(self.sums)
        self.status = StatusLine()
        box = QVBoxLayout(self)
        box.setContentsMargins(8, 6, 8, 4)
        box.setSpacing(6)
        box.addWidget(row)
        box.addWidget(self.stack, 1)
        box.addWidget(self.status)
        self.setMinimumSize(240, 220)

    # ---- asking

    def begin(self, card: api.RunCard) -> None:
        """Another run: the same picture, if it has the same size, through another model."""
        fresh = self.drawn.set_card(card.data)
        decodes = "latent" in card.offers
        self.controls.set_model(card.data.shape[0], self.drawn.board.view.fitting, decodes)
        self.found = Found(names=card.data.classes)
        self.sums.set_classes(card.data.classes)
        if self._chosen is not None:
            for chips, place in zip((self.sums.plus, self.sums.minus), self._chosen, strict=True):
                chips.set_value(place)
            self._chosen = None
        if not decodes and self.controls.page() == 1:
            self._turn(0)
        self.sums.forget()
        self._ask_data()
        if self._has_data() and (fresh or self.drawn.given() is None):
            self._ask_example(self._example)
        else:
            self._picture_changed()
            self._ask_slow()
        self.touch()

    def vanish(self) -> None:
        """No model that encodes."""
        for purpose in ("map", "example", "code", "pair", "score", "near", "means", "sums", "pool"):
            self.cancel(purpose)
        self.found = Found()
        self.sums.sums = None
        self.touch()

    def _has_data(self) -> bool:
        return self.card is not None and "no_data" not in self.card.facts

    def _ask_data(self) -> None:
        """What is known of the data alone: all codes, and the means of the classes."""
        if self.card is None:
            return
        self.ask("map", api.MapQuery(n=MAP), follow=True)
        if self.controls.page() == 1 and self._has_data():
            if self.card.data.classes:
                self.ask("means", api.MeansQuery(), follow=True)
            self._ask_sums()

    def _ask_example(self, number: int) -> None:
        self._example = number
        if self._has_data():
            self.ask("example", api.ExamplesQuery(seed=number, n=1, split="test"))

    def _picture_changed(self) -> None:
        """Ask what is quick to say; the rest waits until the stroke is done."""
        given = self.drawn.given()
        if self.card is None:
            return
        if given is None:
            for purpose in ("code", "pair", "score", "near"):
                self.cancel(purpose)
            self.found = Found(survey=self.found.survey, names=self.found.names)
            self.touch()
            return
        self.ask("code", api.EncodeQuery(given=given), follow=True)
        if "reconstructs" in self.card.offers:
            self.ask("pair", api.ReconstructQuery(given=given), follow=True)
        self.found.score, self.found.late = None, True
        self._late.start()
        self.touch()

    def _ask_slow(self) -> None:
        given = self.drawn.given()
        if self.card is None or given is None:
            return
        if "density" in self.card.offers:
            self.ask("score", api.LogProbQuery(given=given), follow=True)
        if self._has_data():
            space: Literal["pixels", "codes"] = "codes" if self.controls.space.currentText() == "codes" else "pixels"
            query = api.NearestQuery(given=given, n=NEIGHBOURS, space=space)
            self.ask("near", query, follow=space == "codes")

    def _ask_sums(self) -> None:
        attribute = self.sums.attribute()
        if self.card is None or self.controls.page() != 1 or not self._has_data():
            return
        if attribute is None:
            self.cancel("sums")
            self.sums.sums = None
            self.touch()
            return
        query = api.ArithmeticQuery(
            given=self.drawn.given() if self._base_drawn else None,
            index=self._base,
            plus=attribute.plus,
            minus=attribute.minus,
            plus_indices=attribute.plus_indices,
            minus_indices=attribute.minus_indices,
            amount=float(self.sums.amount.value()),
            n=int(self.sums.steps.currentText()),
        )
        self.ask("sums", query, follow=True)

    def _ask_pool(self, seed: int) -> None:
        if self._has_data():
            self.ask("pool", api.ExamplesQuery(seed=seed, n=POOL, split="train"))

    # ---- hands

    def _turn(self, page: int) -> None:
        self.controls.set_page(page)
        self.stack.setCurrentIndex(page)
        if self.card is None:
            return
        if page == 1:
            self._ask_data()
        else:
            for purpose in ("means", "sums"):
                self.cancel(purpose)
        self.touch()

    def _centred(self, on: bool) -> None:
        self.drawn.centre = on
        self._picture_changed()

    def _start_from_board(self) -> None:
        if self.drawn.given() is None:
            self.say("The board is empty; draw or drop a picture first.", "warn")
            return
        self._base_drawn = True
        self._turn(1)

    def _other_base(self) -> None:
        self._base_drawn = False
        count = max(1, int(self.card.data.splits.get("train", 1000))) if self.card is not None else 1
        self._base = (self._base + 7919) % count  # a prime far apart, so that neighbours in a sorted set differ
        self._ask_sums()

    def _take_neighbour(self, place: int) -> None:
        near = self.found.near
        if near is not None and 0 <= place < near.items.shape[1]:
            self.drawn.show_example(near.items[0, place])

    # ---- hearing

    def receive(self, purpose: str, answer: api.Answered) -> None:
        """Codes, pairs, scores, neighbours, means and sums."""
        frame, found = answer.frame, self.found
        match frame:
            case api.LatentMap():
                found.survey = frame
            case api.Codes():
                found.code, self._shows = frame, answer.step
            case api.Pairs():
                found.pair, self._shows = frame, answer.step
            case api.LogProbs():
                found.score = frame
            case api.Nearest():
                found.near, found.space, found.late = frame, self.controls.space.currentText(), False
            case api.Means():
                self.sums.set_means(frame)
            case api.Sums():
                self.sums.sums, self._shows = frame, answer.step
            case api.ExamplesFrame() if purpose == "pool":
                self.sums.set_pool(frame)
            case api.ExamplesFrame() if len(frame.items) and frame.items.ndim == 4:
                self.drawn.show_example(frame.items[0])
        self.touch()

    def failed(self, purpose: str, trouble: api.Trouble) -> None:
        """Keep what is shown and say why there is nothing newer."""
        self.status.warn(trouble.words)

    # ---- drawing

    def redraw(self) -> None:
        """The page that is seen."""
        if self.controls.page() == 0:
            self.drawn.show_found(self.found)
        else:
            self.sums.show_sums(self.sums.sums)
        said = [self.step_words(self._shows)]
        if not self._has_data() and self.card is not None:
            said.append("its data are not on this machine, so there are no neighbours")
        elif self.controls.page() == 0 and self.drawn.own and self.drawn.given() is not None:
            said.append("as drawn, centred" if self.drawn.centring else "as drawn")
        self.status.tell(*said)

    # ---- settings and export

    def state(self) -> EncodeState:
        """Page, centring, neighbours, and what is added."""
        plus, minus = self._chosen or (max(0, self.sums.plus.value()), max(0, self.sums.minus.value()))
        return EncodeState(
            page=PAGES[self.controls.page()],  # type: ignore[arg-type]
            centre=self.controls.centre.isChecked(),
            space=self.controls.space.currentText(),  # type: ignore[arg-type]
            by=self.sums.by.currentText(),  # type: ignore[arg-type]
            plus=plus,
            minus=minus,
            amount=float(self.sums.amount.value()),
            steps=int(self.sums.steps.currentText()),
        )

    def restore(self, state: PanelState) -> None:
        """Take them back."""
        if isinstance(state, EncodeState):
            self.controls.centre.setChecked(state.centre)
            kit.choose(self.controls.space, state.space)
            self.sums.by.setCurrentText(state.by)
            self.sums.amount.set_value(state.amount)
            kit.choose(self.sums.steps, str(state.steps))
            self._chosen = state.plus, state.minus
            self._turn(PAGES.index(state.page))

    def shown(self) -> dict[str, Any]:
        """The step that is really shown, and which picture it is."""
        drawn = self._base_drawn if self.controls.page() == 1 else self.drawn.own
        return {"shown_step": self._shows, "drawn": drawn, "example": self._example, "base": self._base}

    def picture(self) -> np.ndarray | QWidget:
        """The results without the board; the strip of sums."""
        if self.controls.page() == 1 and self.sums.sums is not None:
            shown = self.sums.strip.image()
            return self if shown is None else film.enlarge(shown, 560)
        return self.drawn.results

    def exports(self) -> list[Export]:
        """The page as a picture, the strip, and the code as numbers."""
        return writing.exports(self)
