"""What the codes know: how well they tell classes apart as training goes, which units live, nats, causes, filters."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QComboBox, QLabel, QToolButton, QVBoxLayout, QWidget

from app import export
from app.panel import Export, Panel, PanelState
from app.panels.representation import words
from app.panels.representation.history import History
from app.panels.representation.pages import Pages
from app.panels.representation.tiles import Page, Tiles
from app.widgets import kit
from app.widgets.folding import FoldingRow
from app.widgets.status import StatusLine
from gm_core import api

COUNTS = (500, 1000, 2000, 5000)
SPLITS = ("test", "validation")
FILTERS = 64
SOONEST, LATEST = 3.0, 20.0
"""Seconds between two measurements while training goes on: more where they are slow."""
SHARE = 0.02
"""At most this share of the time should go into them."""
HASTE = 0.15
"""The first measurements follow one another sooner, since most is learned at the beginning."""


class RepresentationState(PanelState):
    """What the panel remembers."""

    page: Page = api.param("classes", "What is shown in full.")
    split: Literal["test", "validation"] = api.param("test", "The examples on which the probes are scored.")
    count: int = api.param(1000, "Examples to learn from, and as many to be scored on.", lo=2, hi=100_000)
    last: bool = api.param(False, "Show the units of the last hidden layer instead of the first.")


class RepresentationPanel(Panel):
    """Five numbers about the codes, each with its own page; renewed while training goes on."""

    name = "representation"
    title = "Codes"
    icon = "layers"
    tip = "What the codes know: classes told apart, active units, nats, known causes, filters."
    needs = frozenset({"encodes"})
    slot = "right"
    order = 21
    State = RepresentationState

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._history = History()
        self._frame: api.Representation | None = None
        self._baseline: api.Baseline | None = None
        self._filters: api.Filters | None = None
        self._shows: int | None = None
        self._seconds, self._cost = 0.0, LATEST
        self._seed = 0
        self._past: list[int] = []
        self._tried: set[int] = set()
        self._training = False
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.timeout.connect(self._renew)
        self._build()

    def _build(self) -> None:
        self.dice = kit.IconButton("dice", "Other examples")
        self.dice.clicked.connect(self._reroll)
        self.split = QComboBox()
        self.split.addItems(SPLITS)
        self.split.setAccessibleName("Scored on")
        self.split.currentIndexChanged.connect(lambda _: self._restart())
        self.count = QComboBox()
        self.count.addItems([str(n) for n in COUNTS])
        self.count.setCurrentText("1000")
        self.count.setAccessibleName("Examples")
        self.count.currentIndexChanged.connect(lambda _: self._restart())
        self.fill = kit.IconButton("loop", "Measure the kept steps too, so that the curves reach back")
        self.fill.clicked.connect(self._measure_past)
        self.last = QToolButton()
        self.last.setText("last layer")
        self.last.setToolTip("What each unit of the last hidden layer adds, instead of what the first look for")
        self.last.setAccessibleName("Show the last layer")
        self.last.setCheckable(True)
        self.last.toggled.connect(lambda _: self._ask_filters())
        row = self.header = FoldingRow(self)
        row.add(self.dice, priority=9)
        row.add(self.count, "examples", priority=5)
        row.add(self.split, "scored on", priority=4)
        row.add(self.fill, priority=6)
        row.add_space()
        row.add(self.last, priority=8)
        self.tiles = Tiles()
        self.tiles.turned.connect(self._turn)
        self.pages = Pages()
        self.pages.step_picked.connect(lambda step: self.desk.seek(step))
        self.words = QLabel()
        self.words.setWordWrap(True)
        self.words.setProperty("role", "caption")
        self.status = StatusLine()
        self.status.cancelled.connect(self._stop)
        self.pages.told.connect(self.status.set_side)
        box = QVBoxLayout(self)
        box.setContentsMargins(8, 6, 8, 4)
        box.setSpacing(6)
        box.addWidget(row)
        box.addWidget(self.tiles)
        box.addWidget(self.pages, 1)
        box.addWidget(self.words)
        box.addWidget(self.status)
        self.setMinimumSize(220, 180)
        self._suit()

    # ---- asking and hearing -----------------------------------------------------------------------------------

    def begin(self, card: api.RunCard) -> None:
        """Another run: everything is measured anew."""
        self._filters, self._training = None, card.state == "training"
        self.pages.set_live(self._training)
        self._restart()
        self._ask_filters()

    def vanish(self) -> None:
        """No model that encodes."""
        for purpose in ("codes", "pixels", "past", "filters"):
            self.cancel(purpose)
        self._forget()
        self._filters = None
        self.touch()

    def card_changed(self, card: api.RunCard) -> None:
        """At rest, what was reached is measured, and then the kept steps: nothing has to wait for it."""
        training = card.state == "training"
        self.pages.set_live(training)
        if training != self._training:
            self._training = training
            self._renew()
        elif not training and self._frame is not None and not self._past:
            self._measure_past()
        self.touch()

    def step_moved(self, step: int | None) -> None:
        """Mark the shared step."""
        self.touch()

    def _forget(self) -> None:
        self._history.clear()
        self._frame = self._baseline = self._shows = None
        self._past, self._tried, self._cost = [], set(), LATEST

    def _restart(self) -> None:
        """Ask for the codes, and once for what the examples give without a model."""
        self._forget()
        self.status.set_progress(0, 0)
        for purpose in ("codes", "pixels", "past"):
            self.cancel(purpose)
        if self.card is not None and "no_data" not in self.card.facts:
            self.ask("codes", self._query())
            if "labels" in self.card.traits:
                n = int(self.count.currentText())
                query = api.BaselineQuery(self._seed, n, n, self.split.currentText())
                self.ask("pixels", query, step=self.step_of_data())
        self.touch()

    def _renew(self) -> None:
        """Measure the present again. Nothing follows by itself here: a gallery should not have to share its time."""
        if self.card is not None and self._awake and self.desk.now is None and "no_data" not in self.card.facts:
            self.ask("codes", self._query())

    def _query(self) -> api.RepresentationQuery:
        n = int(self.count.currentText())
        return api.RepresentationQuery(self._seed, n, n, self.split.currentText())

    def _ask_filters(self) -> None:
        """Filters follow training only while they are in front; else they are fetched once, for their number."""
        if not self._bound:
            return
        front = self.tiles.page() == "filters"
        if self._has_filters() and (front or self._filters is None):
            end: Literal["first", "last"] = "last" if self.last.isChecked() else "first"
            self.ask("filters", api.FiltersQuery(n=FILTERS, end=end), follow=front)
        else:
            self.cancel("filters")
        self.touch()

    def _has_filters(self) -> bool:
        return self.card is not None and {"features", "images"} <= self.card.traits

    def _lacking(self) -> list[int]:
        """The kept steps that can be measured and were not yet, the newest first."""
        view = self.desk.views.get(self.run)
        return (
            []
            if view is None or "no_data" in view.card.facts
            else [s for s in self._history.lacking(view.kept) if s not in self._tried]
        )

    def _measure_past(self) -> None:
        """Measure the kept steps, one after another."""
        self._past = self._lacking()
        self._total = len(self._past)
        self._next_past()

    def _next_past(self) -> None:
        self.status.set_progress(self._total - len(self._past), self._total)
        if self._past:
            self._tried.add(self._past[0])
            self.ask("past", self._query(), step=self._past[0])
        else:
            self.cancel("past")

    def _stop(self) -> None:
        self._past = []
        self.cancel("past")
        self.status.set_progress(0, 0)

    def _reroll(self) -> None:
        self._seed += 1
        self._restart()

    def _turn(self) -> None:
        self._ask_filters()
        self._suit()
        self.touch()

    def _suit(self) -> None:
        """Show the page in front and the controls that belong to it."""
        self.pages.setCurrentIndex(self.tiles.index())
        self.header.set_shown(self.last, self.tiles.page() == "filters")

    def receive(self, purpose: str, answer: api.Answered) -> None:
        """A measurement of the present, of the shared step or of a kept one; the baseline; filters."""
        frame = answer.frame
        if isinstance(frame, api.Representation):
            if purpose == "past":
                self._history.add(answer.step, frame, newest=False)
                self._past = self._past[1:]
                self._next_past()
            else:
                self._history.add(answer.step, frame, newest=self.desk.now is None)
                self._frame, self._shows, self._seconds = frame, answer.step, answer.seconds
                if self._training:
                    self._cost = min(self._cost, self._seconds)  # the first one also loads what it needs
                    rest = min(LATEST, max(SOONEST, self._cost / SHARE))
                    self._later.start(round(1000 * rest * min(1.0, HASTE * len(self._history))))
                elif not self._past:
                    self._measure_past()
        elif isinstance(frame, api.Baseline):
            self._baseline = frame
        elif isinstance(frame, api.Filters):
            self._filters = frame
        self.touch()

    def failed(self, purpose: str, trouble: api.Trouble) -> None:
        """Keep what is shown and say why there is nothing newer."""
        if purpose == "past":
            self._past = []
        self.status.warn(trouble.words)

    # ---- drawing ----------------------------------------------------------------------------------------------

    def redraw(self) -> None:
        """The tiles, the page in front, and what it means."""
        frame, page, pages = self._frame, self.tiles.page(), self.pages
        found = self._filters if self._has_filters() else None
        self.tiles.set_numbers(frame, found)
        if page == "filters":
            pages.show_filters(found)
            said = words.about_filters(found, self._has_filters())
        elif page == "classes":
            pages.show_accuracies(self._history, self._baseline, self.desk.now)
            said = "" if frame is None else words.about_classes(frame, self._baseline)
        elif page == "units":
            pages.show_units(frame)
            said = "" if frame is None else words.about_units(frame)
        elif page == "nats":
            pages.show_nats(frame, self._history, self.desk.now)
            said = "" if frame is None else words.about_nats(frame)
        else:
            pages.show_causes(frame)
            said = "" if frame is None else words.about_causes(frame)
        if self.card is not None and "no_data" in self.card.facts and page != "filters":
            said = f"The examples of {self.card.data.title} are not on this machine, so there is nothing to measure."
        self.words.setText(said)
        self.fill.setEnabled(not self._past and bool(self._lacking()))
        if frame is None:
            self.status.set_text("")
            return
        took = f"{1000 * self._seconds:.0f} ms" if self._seconds else ""
        self.status.tell(self.step_words(self._shows), f"{frame.examples:,} + {frame.held:,} examples", took)

    # ---- settings and export ----------------------------------------------------------------------------------

    def state(self) -> RepresentationState:
        """The page and the choice of examples."""
        return RepresentationState(
            page=self.tiles.page(),
            split=self.split.currentText(),  # type: ignore[arg-type]
            count=int(self.count.currentText()),
            last=self.last.isChecked(),
        )

    def restore(self, state: PanelState) -> None:
        """Take them back."""
        if isinstance(state, RepresentationState):
            for box, text in ((self.split, state.split), (self.count, str(state.count))):
                kit.choose(box, text)
            self.last.setChecked(state.last)
            self.tiles.choose(state.page)
            self._suit()

    def shown(self) -> dict[str, Any]:
        """The choice of examples and the step that is really shown."""
        return {"seed": self._seed, "shown_step": self._shows}

    def picture(self) -> QWidget:
        """The page in front."""
        return self.pages.currentWidget()

    def exports(self) -> list[Export]:
        """The page as a picture, and all measurements as numbers."""
        if self._frame is None:
            return []
        front = self.pages.currentWidget()
        return [
            Export("Page as PNG", ".png", lambda path: export.export_png(front, path, self.settings_text())),
            Export("Page as SVG", ".svg", lambda path: export.export_svg(front, path)),
            Export("Numbers by step as CSV", ".csv", self._write_numbers),
        ]

    def _write_numbers(self, path: Path) -> None:
        names, rows = self._history.table()
        path.write_text("\n".join(",".join(cells) for cells in [names, *rows]) + "\n", encoding="utf-8")
