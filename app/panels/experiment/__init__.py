"""The experiment: presets to begin with, the form of the next run or of this one, and what was changed."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Signal
from PySide6.QtWidgets import QButtonGroup, QFrame, QPushButton, QScrollArea, QVBoxLayout, QWidget

from app.bridge.desk import Desk
from app.forms.form import Form
from app.panel import Panel, PanelState
from app.panels.experiment.changes import Changes
from app.panels.experiment.fetch import FetchRow
from app.panels.experiment.look import PLACES, DataLook
from app.panels.experiment.own import OwnData, drawn_spec
from app.panels.experiment.parts import facts, page_button
from app.panels.experiment.presets import preset_cards
from app.panels.experiment.shelf import Shelf
from app.shell import theme
from app.widgets import kit
from gm_core import api

DEFAULT = "vae-digits"
FOR_POINTS = ("flow_matching-moons", "ddpm-moons")
"""Presets whose model is taken for data on the plane where the form has one for pictures."""
NARROWEST, WIDEST = 280, 360


class ExperimentState(PanelState):
    """What the experiment remembers."""

    preset: str = api.param(DEFAULT, "The preset chosen last.")


class ExperimentPanel(Panel):
    """Two pages on one form: `planning` the next run, or looking at and editing the run in front.

    `start_wished` carries the plain spec of a run to begin. `changed` says that what can be trained may have changed.
    """

    name = "experiment"
    title = "Experiment"
    icon = "settings"
    tip = "What is trained, on what, and how."
    slot = "left"
    order = 10
    State = ExperimentState

    start_wished = Signal(object)
    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.presets: dict[str, api.Preset] = {preset.name: preset for preset in api.stored_presets()}
        self.planning = True
        self._preset = ""
        self._planned: tuple[dict[str, Any], dict[str, Any]] | None = None
        self._queued: dict[str, Any] | None = None
        self._stored: api.Catalogue | None = None
        self.own = OwnData()
        self._build()

    def _build(self) -> None:
        self.new = page_button("New run", "Plan the next run")
        self.this = page_button("This run", "Look at the run in front and edit it while it trains")
        group = QButtonGroup(self)
        for button in (self.new, self.this):
            group.addButton(button)
        self.new.clicked.connect(lambda: self._turn(True))
        self.this.clicked.connect(lambda: self._turn(False))
        self.scroll = QScrollArea(self)
        self.scroll.setWidgetResizable(True)
        self.scroll.setFrameShape(QFrame.Shape.NoFrame)
        self.scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.inside = QWidget(self.scroll.viewport())
        self.scroll.setWidget(self.inside)
        self.inside.installEventFilter(self)
        self.shelf = Shelf(self.inside)
        self.cards = self.shelf.cards
        self.shelf.set_cards(preset_cards(tuple(self.presets.values())))
        self.cards.selected_key.connect(self.choose)
        self.cards.activated.connect(lambda key: (self.choose(key), self.train()))
        self.note = kit.label("", "caption")
        self.note.setWordWrap(True)
        self.fetch = FetchRow()
        self.look = DataLook()
        self.look.wished.connect(self._preview)
        self.look.chosen.connect(self._choose_place)
        self.look.fitted.connect(self._fit_model)
        self.changes = Changes()
        self.changes.reset_wished.connect(lambda path: self.form.reset(path))
        self.changes.undo_wished.connect(lambda: self.desk.undo())
        self.form = Form(self.inside)
        self.form.changed.connect(self._edited)
        column = QVBoxLayout(self.inside)
        column.setContentsMargins(8, 4, 8, 8)
        column.setSpacing(6)
        for widget in (self.shelf, self.note, self.form):
            column.addWidget(widget)
        self.form.put_under("data", self.look)
        column.addStretch(1)
        self.go = QPushButton("Train")
        self.go.setProperty("primary", True)
        self.go.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.go.setObjectName("button-train-form")
        self.go.clicked.connect(self.train)
        self.words = kit.label("", "caption")
        self.words.setWordWrap(True)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 4, 0, 6)
        box.setSpacing(4)
        box.addLayout(kit.row(self.new, self.this, None, spacing=4, margins=(8, 0, 8, 0)))
        box.addWidget(self.scroll, 1)
        foot = QVBoxLayout()
        foot.setContentsMargins(8, 0, 8, 0)
        for widget in (self.changes, self.fetch, self.words, self.go):
            foot.addWidget(widget)
        box.addLayout(foot)
        self._widen()

    # ---- life

    def bind(self, desk: Desk) -> None:
        """Join the desk, and show the form before the worker is there."""
        super().bind(desk)
        self.fetch.bind(desk)
        try:
            self._stored = api.read_catalogue()
            self.shelf.know(self.presets, self._stored.models)
            self.form.set_catalogue(self._stored)
        except (OSError, ValueError, KeyError, TypeError):
            self._stored = None  # the worker's own catalogue comes soon
        desk.ready.connect(self._ready)
        desk.current_changed.connect(self._current)
        desk.run_changed.connect(self._card)
        desk.marks.connect(lambda run: self._show_changes() if run == desk.current else None)
        desk.trouble.connect(self._trouble)
        desk.progress.connect(self._progress)
        desk.data_offered.connect(self.train_on)
        self.choose(self._preset if self._preset in self.presets else DEFAULT)
        if desk.catalogue is not None:
            self._ready(desk.catalogue)
        self._current(desk.card)

    def state(self) -> ExperimentState:
        """The preset chosen last."""
        return ExperimentState(preset=self._preset or DEFAULT)

    def restore(self, state: PanelState) -> None:
        """Choose that preset again."""
        assert isinstance(state, ExperimentState)
        self._preset = state.preset

    def engaged(self) -> bool:
        """The form holds what was typed; what a cue trains is planned in it instead."""
        return True

    def _ready(self, catalogue: api.Catalogue) -> None:
        self.shelf.know(self.presets, catalogue.models)
        self.form.set_catalogue(catalogue)
        if self._queued is not None:
            spec, self._queued = self._queued, None
            self.start_wished.emit(spec)
        self._refresh()

    def _widen(self) -> None:
        """Never so narrow that the end of a row is cut off; wider with larger text."""
        needed = self.inside.minimumSizeHint().width() + self.scroll.verticalScrollBar().sizeHint().width()
        self.setMinimumWidth(min(max(theme.px(NARROWEST), needed), theme.px(WIDEST)))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """What is in the form asks for another size: more rows, larger text."""
        if watched is self.inside and event.type() == QEvent.Type.LayoutRequest:
            self._widen()
        return super().eventFilter(watched, event)

    # ---- planning

    def choose(self, name: str) -> None:
        """Put a preset into the form."""
        if name not in self.presets:
            name = next(iter(self.presets), "")
        self._preset = name
        self.cards.select(name or None)
        if name:
            spec = dict(self.presets[name].spec)
            self._planned = (spec, copy.deepcopy(spec))
            self._turn(True)
            self.shelf.reveal(name)

    def plan(self, spec: Mapping[str, Any]) -> None:
        """Put any spec into the form, as the start of a new run."""
        self._preset = ""
        self.cards.select(None)
        self._planned = (dict(spec), copy.deepcopy(dict(spec)))
        self._turn(True)

    def plan_data(self, data: Mapping[str, Any], place: Path) -> None:
        """Plan a run of the present settings on data of one's own; once these are read, the model is made to fit."""
        now = self.form.spec() if self.planning or self._planned is None else self._planned[0]
        self.plan(self.own.arrive(now, data, place))
        self._reveal_look()

    def train_on(self, data: Mapping[str, Any]) -> None:
        """Train on data that were made in another panel: with the model of the form, if it learns points, else with
        that of a preset for the plane."""
        plane = (self.presets[name].spec for name in FOR_POINTS if name in self.presets)
        self.plan(drawn_spec(self.form.spec(), data, self.desk.catalogue or self._stored, next(plane, None)))
        self.train()

    def _preview(self, query: api.PreviewQuery | None) -> None:
        """Look at data; at once, so that no answer about other data can be taken for one about these."""
        if query is None:
            self.cancel("preview")
        else:
            self.ask_alone("preview", query, at_once=True)

    def receive(self, purpose: str, answer: api.Answered) -> None:
        """The first examples of the data that are chosen."""
        if isinstance(answer.frame, api.Preview):
            self.look.take(answer.frame)

    def failed(self, purpose: str, trouble: api.Trouble) -> None:
        """The data that are chosen cannot be read."""
        self.look.refuse(trouble.words)
        self._reveal_look()

    def _reveal_look(self) -> None:
        QTimer.singleShot(0, self, lambda: self.scroll.ensureWidgetVisible(self.look, 0, 0))

    def _choose_place(self, place: str) -> None:
        data = self.form.spec().get("data", {})
        self.plan_data({**data, PLACES[str(data.get("kind"))]: place}, Path(place))

    def _fit_model(self, card: api.DataCard) -> None:
        catalogue = self.desk.catalogue or self._stored
        if self.planning and catalogue is not None:
            fitted = self.own.fit(self.form.spec(), card, catalogue)
            if fitted.spec is not None:
                self.plan(fitted.spec)
            if fitted.words:
                self.say(fitted.words, fitted.level)
                self._reveal_look()

    def can_train(self) -> bool:
        """Whether the form holds a spec without known faults."""
        return self.form.has_model()

    def train(self) -> None:
        """Begin a run with what the form says; before the engine is ready the wish is kept."""
        self.form.clear_errors()  # another field may have put right what was refused before
        faults = self.form.faults()
        if faults:
            for path, text in faults.items():
                self.form.set_error(path, text)
            self._say(next(iter(faults.values())), "bad")
            return
        spec = self.form.spec()
        if not self.desk.is_ready:
            self._queued = spec
            self._refresh()
            return
        self.start_wished.emit(spec)

    def waiting_changes(self) -> dict[str, Any]:
        """What the form says differently from the run in front: changes that need a new run or a branch."""
        if self.planning:
            return {}
        return {path: new for path, (_, new) in self.form.differences().items() if not self._is_live(path)}

    # ---- this run

    def _turn(self, planning: bool) -> None:
        if self.planning and not planning and self._planned is not None:
            self._planned = (self.form.spec(), self._planned[1])  # the plan waits as it was left
        self.planning = planning
        self.new.setChecked(planning)
        self.this.setChecked(not planning)
        card = self._own_card()
        if planning and self._planned is not None:
            self.form.set_spec(*self._planned)
        elif card is not None:
            self.form.set_spec(card.spec)
        self.scroll.verticalScrollBar().setValue(0)
        self._refresh()

    def _own_card(self) -> api.RunCard | None:
        return None if self.desk.showing_examples else self.desk.card

    def _current(self, _card: object) -> None:
        own = self._own_card()
        self.this.setEnabled(own is not None)
        if own is not None:
            self._turn(False)
        elif not self.planning:
            self._turn(True)
        self._refresh()

    def _card(self, card: api.RunCard) -> None:
        if self.planning or card.run != self.desk.current:
            self._refresh()
            return
        if dict(card.spec) != self.form.baseline:
            waiting = self.waiting_changes()
            self.form.set_spec(card.spec)
            for path, value in waiting.items():
                self.form.set_value(path, value)
        self._refresh()

    def _is_live(self, path: str) -> bool:
        row = self.form.row(path)
        return row is not None and row.live

    def _edited(self, path: str, value: object) -> None:
        card = self._own_card()
        fault = self.form.faults().get(path)
        if fault:
            self.form.set_error(path, fault)
        elif not self.planning and card is not None and self._is_live(path):
            self.desk.edit(path, value)
        self._refresh()

    # ---- what is shown

    def _refresh(self) -> None:
        card, ready = self._own_card(), self.desk.is_ready
        self.shelf.setVisible(self.planning)
        preset = self.presets.get(self._preset)
        if self.planning:
            own = str(self.form.spec().get("note") or "Settings from a file.")
            self.note.setText(preset.note if preset is not None else own)
        elif card is not None:
            self.note.setText(facts(card))
        self._show_changes()
        chosen = self.form.spec().get("data", {})
        catalogue = self.desk.catalogue or self._stored
        kind = next((k for k in catalogue.data if k.name == chosen.get("kind")), None) if catalogue else None
        self.look.set_data(chosen if self.planning else None, kind)
        distant = kind is not None and not kind.ready and kind.group != "yours"
        if not self.planning and card is not None and "no_data" not in card.facts:  # the run has its data
            distant = distant and chosen.get("kind") != card.spec.get("data", {}).get("kind")
        self.fetch.set_data(chosen if distant else None, kind.title if kind else "")
        waiting = self.waiting_changes()
        self.go.setVisible(self.planning or bool(waiting))
        if not ready:
            self.go.setText("Preparing... will train then" if self._queued else "Train  (preparing...)")
        else:
            self.go.setText("Train" if self.planning else "Train as a new run")
        self.go.setAccessibleName(self.go.text())
        self.go.setEnabled(self._queued is None)
        if self.words.property("role") != "bad" or not self.form_has_errors():
            self._say("" if ready else "The engine is being loaded; everything else works already.", "caption")
        self.changed.emit()

    def form_has_errors(self) -> bool:
        """Whether a row says that something is wrong."""
        return any(field.error() for field in self.form.fields().values())

    def _show_changes(self) -> None:
        card, view = self._own_card(), self.desk.view
        if self.planning:
            self.changes.show_plan(self.form.differences())
        elif card is not None and view is not None:
            self.changes.show_run(view.edits_now(), self.waiting_changes())

    def _say(self, text: str, role: str) -> None:
        self.words.setText(text)
        self.words.setVisible(bool(text))
        kit.set_role(self.words, "role", role)

    def _progress(self, event: api.Progress) -> None:
        if event.topic == "Start":
            self._say(f"Training begins once all is read: {event.words}.", "caption")

    def _trouble(self, trouble: api.Trouble) -> None:
        if trouble.topic in {"Start", "Edit", "Branch"} or trouble.path:
            if trouble.path:
                self.form.set_error(trouble.path, trouble.words)
            self._say(trouble.words, "bad")
            if trouble.topic == "Edit" and self.desk.card is not None and not self.planning:
                self.form.set_spec(self.desk.card.spec)  # the worker has the last word
                if trouble.path:
                    self.form.set_error(trouble.path, trouble.words)
        self.fetch.trouble(trouble)
