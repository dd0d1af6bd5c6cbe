"""The desk: everything that panels ask of the engine and everything that they hear from it goes over it.

One shared step (`now`) moves all panels together; every ask has a ticket, and answers to older tickets are dropped.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import QObject, Signal

from app.bridge.asking import SHARED, Asking
from app.bridge.commanding import NEW, Commands
from app.bridge.examples import Examples
from app.bridge.recorded import Recording
from app.bridge.run_view import RunView, card_of_row
from gm_core import api


class Desk(QObject, Commands):
    """What panels hold of the engine. Signals are emitted on the UI thread alone, from the pump's tick.

    Asks wait until the worker is ready; recorded examples answer what they can before that.
    """

    ready = Signal(object)
    run_changed = Signal(object)
    current_changed = Signal(object)
    run_closed = Signal(str)
    scalars = Signal(str)
    marks = Signal(str)
    vectors = Signal(str)
    asked = Signal()
    answered = Signal(object)
    refused = Signal(object)
    step_changed = Signal(object)
    noise_changed = Signal(int)
    overlays_changed = Signal()
    trouble = Signal(object)
    timing = Signal(object)
    code_picked = Signal(str)
    data_offered = Signal(object)
    page_wished = Signal(str)
    visited = Signal(str, str)
    hurried = Signal()
    runs_listed = Signal(object)
    history = Signal(object)
    progress = Signal(object)
    saved = Signal(object)
    ticked = Signal()
    ended = Signal()

    def __init__(self, engine: Any, parent: QObject | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(parent)
        self.engine = engine
        self.clock = clock
        self.catalogue: api.Catalogue | None = None
        self.is_ready = False
        self.views: dict[str, RunView] = {}
        self.overlays: tuple[str, ...] = ()
        self.rows: tuple[api.RunRow, ...] = ()
        self.seed = 0
        self.noise_locked = True
        self._now: int | None = None
        self._current = ""
        self.asking = Asking(self.send, lambda: self.is_ready)
        self._held: list[api.Command] = []
        self.examples = Examples(engine.send, lambda: self.is_ready)
        self._grown: dict[str, None] = {}
        self._marked: dict[str, None] = {}
        self._awaited = ""
        self._later: dict[Callable[[], None], None] = {}
        self._picked: dict[str, list[np.ndarray]] = {}

    # ---- what is in front -------------------------------------------------------------------------------------

    @property
    def current(self) -> str:
        """The run in front, or ''."""
        return self._current

    @property
    def card(self) -> api.RunCard | None:
        """The card of the run in front."""
        view = self.views.get(self._current)
        return view.card if view else None

    @property
    def view(self) -> RunView | None:
        """All that is known of the run in front."""
        return self.views.get(self._current)

    @property
    def showing_examples(self) -> bool:
        """Whether the run in front is a shipped example, so that panels which do not fit may show another example."""
        return self.is_example(self._current)

    def is_example(self, run: str) -> bool:
        """Whether a run is one of the shipped examples, recorded or opened."""
        return run in self.examples

    def card_for(self, needs: frozenset[str], alive_at_start: bool = False) -> api.RunCard | None:
        """The card that a panel with these needs should show: the run in front, else (at the start) an example."""
        card = self.card
        if card is not None and needs <= card.traits:
            return card
        if alive_at_start and self.showing_examples:
            return self.examples.fitting(needs, self.views)
        return None

    def open_run(self, source: str | Path) -> None:
        """Open a saved run by name or folder and bring it to the front; a shipped example is open already."""
        example = self.examples.at(source)
        if example is None:
            super().open_run(source)
        else:
            self.set_current(example)

    def set_current(self, run: str) -> None:
        """Bring a run to the front; the time bar returns to the present."""
        if run == self._current or run not in self.views:
            return
        self._current = run
        self._now = None
        self.examples.enliven([run])
        self.current_changed.emit(self.card)
        self.step_changed.emit(None)

    def set_overlays(self, runs: Iterable[str]) -> None:
        """Choose the saved runs whose curves are drawn behind those of the run in front; their histories are read."""
        self.overlays = tuple(runs)
        for run in self.overlays:
            if run not in self.views:
                self.send(api.ReadHistory(run))
        self.overlays_changed.emit()

    # ---- the shared step --------------------------------------------------------------------------------------

    @property
    def now(self) -> int | None:
        """The shared step: a kept step of the run in front, or None for the present."""
        return self._now

    def seek(self, step: float | None) -> int | None:
        """Move the shared step to the kept step nearest to `step` (None: back to the present); returns where it is."""
        view = self.view
        target = None if step is None or view is None else view.nearest_kept(step)
        if target == self._now:
            return target
        self._now = target
        self.asked.emit()
        self.asking.renew(lambda wish: wish.step == SHARED and wish.run == self._current)
        self.step_changed.emit(target)
        return target

    # ---- asking -----------------------------------------------------------------------------------------------

    def ask(
        self,
        topic: str,
        query: api.Query,
        *,
        run: str | None = None,
        step: int | None = SHARED,
        follow: bool = False,
        replace_at_once: bool = False,
    ) -> int:
        """Ask a run's model; returns the ticket. `answered` is emitted for each frame of the newest ask on the topic.

        `step` is SHARED (wherever the time bar stands), None (the present, whatever the bar says) or a kept step.
        `follow` asks for a new answer whenever the weights have moved on, while the step is the present.
        `replace_at_once` gives up an unanswered predecessor at once instead of waiting a moment for its first frame.
        """
        self.asked.emit()
        if run == api.ALONE:  # answered within milliseconds: a picture may follow the hand
            self.hurried.emit()
        return self.asking.ask(topic, query, run or self._current, step, follow, patient=not replace_at_once)

    def cancel(self, topic: str) -> None:
        """Give up a topic; no more answers come."""
        self.asking.cancel(topic)

    def forget(self, prefix: str) -> None:
        """Give up all topics under a prefix: who asked them is gone."""
        self.asking.forget(prefix)

    def sleep(self, prefix: str) -> None:
        """Rest all topics under a prefix, because nobody looks; `wake` asks them again."""
        self.asking.sleep(prefix)

    def wake(self, prefix: str) -> None:
        """Ask again what was put to rest under a prefix."""
        self.asking.wake(prefix)

    def _flush(self) -> None:
        """Send what is due, at most one ask a topic; called once a tick, so that many moves make one ask."""
        for wish in self.asking.due(self.clock()):
            known = self.examples.answer(wish, self.views)
            if known is not None:
                for answer in known:
                    self.answered.emit(answer)
            elif self.is_ready:
                step = (self._now if wish.run == self._current else None) if wish.step == SHARED else wish.step
                self.engine.send(self.asking.send(wish, step, self.clock()))

    # ---- commands: see Commands ---------------------------------------------------------------------------------

    def send(self, command: api.Command) -> None:
        """Send any command; before the worker is ready it is kept and sent then."""
        if self.is_ready:
            self.engine.send(command)
        else:
            self._held.append(command)

    # ---- noise ------------------------------------------------------------------------------------------------

    def new_noise(self) -> None:
        """Draw everything from fresh noise: panels ask again with the new `seed`."""
        self.seed += 1
        self.noise_changed.emit(self.seed)

    def same_noise(self) -> None:
        """Draw once more from the noise that is on screen."""
        self.noise_changed.emit(self.seed)

    def lock_noise(self, locked: bool) -> None:
        """Whether sheets keep their noise while training goes on, so that they compare."""
        self.noise_locked = locked
        self.noise_changed.emit(self.seed)

    # ---- codes --------------------------------------------------------------------------------------------------

    def pick_code(self, run: str, code: np.ndarray) -> None:
        """A code (k,) was picked in one panel for whichever panel takes codes; it is kept until then."""
        self._picked.setdefault(run, []).append(np.array(code, np.float32))
        self.code_picked.emit(run)

    def take_codes(self, run: str) -> list[np.ndarray]:
        """The codes that were picked of a run and not taken yet."""
        return self._picked.pop(run, [])

    # ---- data -------------------------------------------------------------------------------------------------

    def offer_data(self, data: Mapping[str, Any]) -> None:
        """Data (plain form with `kind`) were made in one panel; the one with the experiment trains on them."""
        self.data_offered.emit(dict(data))

    # ---- pages ------------------------------------------------------------------------------------------------

    def open_page(self, name: str) -> None:
        """Wish for a page of the notes; the window shows it."""
        self.page_wished.emit(name)

    def visit(self, preset: str, panel: str) -> None:
        """Leave the notes for a model: plan a preset (none, if empty) and look at a panel."""
        self.visited.emit(preset, panel)

    # ---- recorded examples ------------------------------------------------------------------------------------

    def show_recordings(self, recordings: Iterable[Recording]) -> None:
        """Put the shipped examples in front, before the engine is there; the first becomes the current run."""
        for recording in recordings:
            self.views[recording.card.run] = self.examples.add(recording)
        if not self._current and self.examples.first():
            self._current = self.examples.first()
            self.current_changed.emit(self.card)

    # ---- what comes up ----------------------------------------------------------------------------------------

    def take(self, events: Iterable[api.Event]) -> None:
        """Dispatch the events of one tick, then emit what was gathered and send what is due. The pump calls this."""
        for event in events:
            self._dispatch(event)
        for run in self._grown:
            self.scalars.emit(run)
        for run in self._marked:
            self.marks.emit(run)
        self._grown.clear()
        self._marked.clear()
        self._flush()
        waiting, self._later = self._later, {}
        for redraw in waiting:
            redraw()
        self.ticked.emit()

    def later(self, redraw: Callable[[], None]) -> None:
        """Call this at the end of the tick, once however often it is asked for; what nobody asks for costs nothing."""
        self._later[redraw] = None

    def _dispatch(self, event: api.Event) -> None:
        match event:
            case api.Scalars():
                if event.run in self.views:
                    self.views[event.run].extend(event)
                    self._grown[event.run] = None
            case api.Answered():
                if self.asking.takes(event):
                    self.answered.emit(event)
            case api.RunChanged():
                self._take_card(event)
            case api.Edited() | api.RolledBack() | api.Kept():
                if event.run in self.views:
                    self.views[event.run].note(event)
                    self._marked[event.run] = None
            case api.Vectors():
                if event.run in self.views:
                    self.views[event.run].note(event)
                    self.vectors.emit(event.run)
            case api.Timing():
                self.timing.emit(event)
            case api.Ready():
                self._take_ready(event)
            case api.Trouble():
                if self.asking.refused(event):
                    self.refused.emit(event)
                elif event.topic in {"Start", "OpenRun", "Branch"}:
                    self._awaited = ""
                self.trouble.emit(event)
            case api.RunList():
                self.rows = event.rows
                self.runs_listed.emit(event.rows)
            case api.History():
                self._take_history(event)
            case api.RunClosed():
                self._close(event.run)
            case api.Progress():
                self.progress.emit(event)
            case api.Saved():
                self.saved.emit(event)
            case api.Ended():
                self.ended.emit()

    def _take_card(self, event: api.RunChanged) -> None:
        card = event.card
        example = self.examples.opened(card)
        if example is not None:
            self._adopt(example, card)
        if card.folder and self.is_example(card.run):  # a run of the user's own has taken an example's name
            self.examples.give_way(card.run)
            del self.views[card.run]
            self._current = "" if self._current == card.run else self._current
        new = card.run not in self.views
        if new:
            self.views[card.run] = RunView(card, kept=card.kept, pinned=card.pinned)
        self.views[card.run].set_card(card)
        self._marked[card.run] = None
        own = not self.is_example(card.run)
        if new and card.step > 0 and own:
            self.send(api.ReadHistory(card.run))
        meant = (new and self._awaited == NEW) or self._awaited in {card.run, card.folder, Path(card.folder).name}
        if own and self._awaited and meant:
            self._awaited = ""
            self.set_current(card.run)
        elif not self._current:
            self.set_current(card.run)
        self.run_changed.emit(card)

    def _adopt(self, run: str, card: api.RunCard) -> None:
        """The worker has opened a recorded example: from now on it answers for itself."""
        if card.run != run:
            self.views[card.run] = self.views.pop(run)
            if self._current == run:
                self._current = card.run
        self.views[card.run].set_card(card)
        self.asking.move(run, card.run)
        self.current_changed.emit(self.card)

    def _take_ready(self, event: api.Ready) -> None:
        self.catalogue = event.catalogue
        self.is_ready = True
        held, self._held = self._held, []
        for command in held:
            self.engine.send(command)
        self.examples.enliven({self._current, *self.asking.runs()})
        self.ready.emit(event.catalogue)

    def _take_history(self, event: api.History) -> None:
        if event.run not in self.views:
            row = next((row for row in self.rows if row.run == event.run), None)
            self.views[event.run] = RunView(card_of_row(event.run, row))
        self.views[event.run].read_history(event)
        self._grown[event.run] = None
        self._marked[event.run] = None
        self.history.emit(event)

    def _close(self, run: str) -> None:
        self.views.pop(run, None)
        self.overlays = tuple(name for name in self.overlays if name != run)
        if run == self._current:
            self._current, self._now = "", None
            self.current_changed.emit(None)
        self.run_closed.emit(run)
