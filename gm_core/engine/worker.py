"""The worker: the one thread that uses torch, but for its feeds, which may draw ahead on another. It obeys commands and
advances one job by one yield at a time."""

from __future__ import annotations

import queue
import time
from collections import deque
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np

from gm_core.capabilities.base import find_answers
from gm_core.engine.births import TOPIC, Births
from gm_core.engine.catalogue import make_catalogue
from gm_core.engine.fetching import Fetch
from gm_core.engine.inbox import Inbox
from gm_core.engine.lane import Lane, State
from gm_core.engine.obey import born, obey
from gm_core.engine.outbox import Outbox
from gm_core.engine.pace import Pace
from gm_core.engine.saving import save
from gm_core.engine.timer import Timer
from gm_core.engine.trouble import Told, sentence
from gm_core.engine.viewing import View
from gm_core.protocol.commands import Command
from gm_core.protocol.events import (
    Answered,
    Ended,
    Event,
    Kept,
    Ready,
    RunChanged,
    Saved,
    Scalars,
    Trouble,
    Vectors,
)
from gm_core.runs.recorder import Recorder
from gm_core.runs.store import RunsError, Store
from gm_core.train.meter import Reading

FLUSH = 0.1
AUTOSAVE = 30.0
FOLLOW = 1 / 3
IDLE = 0.02


class Worker:
    """Owns the lanes (runs), the views, the recorder and the pace. `tick()` is one turn; it never raises."""

    def __init__(self, commands: queue.SimpleQueue[Command], outbox: Outbox, runs: Path | None) -> None:
        self.commands = commands
        self.outbox = outbox
        self.lanes: dict[str, Lane] = {}
        self.views: dict[str, View] = {}
        self.fetches: dict[str, Fetch] = {}
        self.births = Births()
        self.pace = Pace()
        self.ended = False
        self._recorder: Recorder | None = None
        self._runs = runs
        self._turn: deque[str] = deque()
        self._inbox = Inbox(commands)
        now = time.perf_counter()
        self._flushed = self._saved = now
        self._timer = Timer(now)
        find_answers()  # here, so that no panel has to load them on the window's thread
        self.outbox.append(Ready(make_catalogue()))

    # ---- the turn

    def run(self) -> None:
        """Live until told to end; for the thread transport."""
        while not self.ended:
            if not self.tick() and not self.ended:
                try:
                    command = self.commands.get(timeout=IDLE)
                except queue.Empty:
                    continue
                self.handle(command)

    def tick(self) -> bool:
        """Obey what has come, advance one job by one yield, report; False when there was nothing to do."""
        busy = False
        while not self.ended and (command := self._inbox.next(self._midway())) is not None:
            self.handle(command)
            busy = True
        if self.ended:
            return False
        if self._inbox.held is not None:  # someone waits for the end of a step
            self._advance_lane(next(lane for lane in self.lanes.values() if lane.training.midway))
            self.report()
            return True
        failed = partial(self.trouble, topic=TOPIC)
        busy = self.births.advance(self.outbox, lambda wished: born(self, wished), failed) or busy
        view = self._next_view()
        lane = self._next_lane()
        if view is not None and (lane is None or self.pace.may(view.kind)):
            self._advance_view(view, waited_for=lane is not None)
        elif lane is not None:
            self._advance_lane(lane)
        else:
            busy = busy or any(fetch.alive for fetch in self.fetches.values())
            self.report()
            return busy
        self.report()
        return True

    def _midway(self) -> bool:
        """Whether a run rests inside a step."""
        return any(lane.training.midway for lane in self.lanes.values())

    def handle(self, command: Command) -> None:
        """Obey one command; what cannot be done becomes a Trouble."""
        try:
            obey(command, self)
        except Exception as error:
            self.trouble(error, topic=type(command).__name__, run=getattr(command, "run", ""))

    # ---- training

    def _next_lane(self) -> Lane | None:
        """The next lane that trains, in turn."""
        for _ in range(len(self._turn)):
            run = self._turn[0]
            self._turn.rotate(-1)
            lane = self.lanes.get(run)
            if lane is not None and lane.state == "training":
                return lane
        return None

    def _advance_lane(self, lane: Lane) -> None:
        began = time.perf_counter()
        step = lane.training.step
        try:
            more = lane.advance()
        except Exception as error:
            lane.halt()
            self.set_state(lane, "paused")
            self.trouble(error, run=lane.run, during=f"step {lane.training.step + 1} of {lane.run}", paused=True)
            return
        spent = time.perf_counter() - began
        self.pace.earned(spent)
        self._timer.trained(lane.run, spent, lane.training.step - step)
        if lane.training.step > step and lane.timeline.due(lane.training.step):
            self.flush(lane)  # so that a poisoned state is noticed before it is kept
            if lane.state == "training":
                self.keep(lane)
        if not more:
            self.finish(lane, "finished")
        elif lane.left == 0 and lane.training.step > step:
            lane.left = None
            self.finish(lane, "paused")

    def finish(self, lane: Lane, state: State, why: str = "") -> None:
        """Bring a lane to rest: everything reported, the present kept, and saved."""
        self.flush(lane)
        if lane.poisoned:  # its weights are not kept, and what was saved before stays
            if state == "stopped":
                self.set_state(lane, state)
            return
        if state == "finished":
            lane.halt()
        self.keep(lane)
        self.set_state(lane, state, why)
        self.save(lane, whole=state in {"finished", "stopped"})

    def keep(self, lane: Lane) -> None:
        """Put the present on the timeline and say so."""
        lane.snapshot()
        self.kept(lane)

    def kept(self, lane: Lane) -> None:
        """Report which steps are held."""
        line = lane.timeline
        self.emit(Kept(lane.run, line.steps, tuple(sorted(line.pinned)), line.bytes))

    def flush(self, lane: Lane) -> None:
        """Report every value since the last flush; a value that is no number pauses the run."""
        while (reading := lane.training.meter.flush()) is not None:
            self._report(lane, reading)

    def _report(self, lane: Lane, reading: Reading) -> None:
        """Report one reading of the meter."""
        self.emit(Scalars(lane.run, reading.names, reading.steps, reading.seconds, reading.values))
        if reading.vectors:
            vectors = Vectors(lane.run, int(reading.steps[-1]), reading.vectors)
            self.outbox.latest(f"vectors:{lane.run}", vectors)
            self.record(vectors)
        bad = reading.first_bad()
        if bad is not None and not lane.poisoned:
            step, names = bad
            lane.poisoned = True
            lane.halt()
            lane.left = None
            good = lane.timeline.before(step - 1)
            back = f"roll back to step {good.step}, the last good one," if good else "start again"
            words = (
                f"{' and '.join(names)} became NaN or infinite at step {step}; training is paused: {back} "
                f"and try a smaller step size (now {lane.spec.train.lr:g})"
            )
            lane.facts["trouble"] = words
            lane.facts["good_step"] = good.step if good else -1
            self.set_state(lane, "paused", words)
            self.emit(Trouble(words, topic="nan", run=lane.run, path="train.lr"))

    def validated(self, lane: Lane, step: int, seconds: float, scores: Mapping[str, float]) -> None:
        """Report one validation."""
        if scores:
            names = tuple(scores)
            values = np.array([[scores[name] for name in names]], np.float32)
            self.flush(lane)
            at, after = np.array([step], np.int64), np.array([seconds], np.float64)
            self.emit(Scalars(lane.run, names, at, after, values, "validation"))

    def set_state(self, lane: Lane, state: State, why: str = "") -> None:
        """Change what a lane does, and say so."""
        lane.state = state
        if state == "training" and lane.run not in self._turn:
            self._turn.append(lane.run)
        self.emit(RunChanged(lane.card, why))

    def save(self, lane: Lane, whole: bool = False) -> None:
        """Write a checkpoint (with `whole`, also a thinned past), unless the run is not recorded or is poisoned."""
        if lane.folder is None or lane.poisoned:
            return
        try:
            step = lane.training.step
            present = lane.timeline[step] if step in lane.timeline.steps else lane.training.snapshot()
            save(self.recorder, lane, present, whole)
            lane.saved_step = present.step
            self.emit(Saved(lane.run, present.step, str(lane.folder)))
        except Told as error:
            self.trouble(error, run=lane.run, topic="save")

    # ---- views

    def _next_view(self) -> View | None:
        """The view to advance next: what people ask for before what follows; of these the one that has had least time,
        so that a question about one pixel need not wait until a slow model has drawn all of them."""
        ready = [view for view in self.views.values() if self._wants(view)]
        if not ready:
            return None
        return min(ready, key=lambda view: (view.kind == "following", view.seconds, view.asked_at))

    def _wants(self, view: View) -> bool:
        if view.frames is not None or view.index == 0:
            return True
        moved = view.ask.step is None and view.lane is not None and view.lane.training.step != view.step
        return view.ask.follow and moved and time.perf_counter() - view.asked_at > FOLLOW

    def _advance_view(self, view: View, waited_for: bool) -> None:
        began = time.perf_counter()
        try:
            more, frame = view.advance()
        except Exception as error:
            self.drop_view(view.ask.topic)
            self.trouble(error, topic=view.ask.topic, run=view.ask.run, ticket=view.ask.ticket, during="a view")
            return
        spent = time.perf_counter() - began
        if waited_for:
            self.pace.spent(view.kind, spent)
        self._timer.viewed(view.ask.topic, spent)
        ask = view.ask
        if frame is not None:
            event = Answered(ask.run, ask.topic, ask.ticket, view.step, view.index, frame, False, view.seconds)
            view.index += 1
            if ask.follow:
                self.outbox.latest(f"view:{ask.topic}", event)
            else:
                self.outbox.append(event)
        if not more:
            view.close()
            if ask.follow:
                view.asked_at = time.perf_counter()
                view.index = max(view.index, 1)
                view.seconds = 0.0
            else:
                done = Answered(ask.run, ask.topic, ask.ticket, view.step, view.index, None, True, view.seconds)
                self.views.pop(ask.topic, None)
                self.outbox.append(done)

    def drop_view(self, topic: str) -> None:
        """Give up the view on a topic, if there is one."""
        view = self.views.pop(topic, None)
        if view is not None:
            view.close()

    # ---- reports

    @property
    def recorder(self) -> Recorder:
        """The only writer of runs; the folder is made when first needed."""
        if self._recorder is None:
            self._recorder = Recorder(Store(self._runs))
        return self._recorder

    def emit(self, event: Event) -> None:
        """Report a fact to the window and to the recorder."""
        self.outbox.append(event)
        self.record(event)

    def record(self, event: Event) -> None:
        """Hand a fact to the recorder where its run is recorded."""
        run = event.card.run if isinstance(event, RunChanged) else getattr(event, "run", "")
        lane = self.lanes.get(run)
        if lane is not None and lane.folder is not None:
            try:
                self.recorder.take(event)
            except RunsError as error:
                self.trouble(error, topic="save", run=run)

    def trouble(
        self, error: Exception, topic: str = "", run: str = "", ticket: int = 0, during: str = "", paused: bool = False
    ) -> None:
        """Turn any error into one sentence; the story goes along for those who want it."""
        self.outbox.append(sentence(error, topic, run, ticket, during, paused))

    def report(self) -> None:
        """Whatever is due: scalars ten times a second, timing twice a second, an autosave every 30 s."""
        now = time.perf_counter()
        if now - self._flushed >= FLUSH:
            self._flushed = now
            for lane in list(self.lanes.values()):
                self.flush(lane)
            if self._recorder is not None:
                try:
                    self._recorder.flush()
                except RunsError as error:
                    self.trouble(error, topic="save")
                warnings = self._recorder.store.warnings
                while warnings:
                    self.outbox.append(Trouble(warnings.pop(0), topic="runs", severity="warning"))
        timing = self._timer.due(now)
        if timing is not None:
            self.outbox.latest("timing", timing)
        if now - self._saved >= AUTOSAVE and not self._midway():
            self._saved = now
            for lane in self.lanes.values():
                if lane.state == "training" and lane.training.step != lane.saved_step:
                    self.flush(lane)
                    self.save(lane)

    def end(self) -> None:
        """Save everything and stop turning."""
        for fetch in self.fetches.values():
            fetch.cancel()
        self.births.drop()
        for topic in list(self.views):
            self.drop_view(topic)
        for lane in list(self.lanes.values()):
            try:
                if lane.state in {"training", "paused"}:
                    lane.halt()
                    self.finish(lane, "stopped")
            except Exception as error:
                self.trouble(error, topic="Shutdown", run=lane.run)
        if self._recorder is not None:
            try:
                self._recorder.close()
            except RunsError as error:
                self.trouble(error, topic="save")
        self.ended = True
        self.outbox.append(Ended())
