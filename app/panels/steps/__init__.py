"""The step-by-step viewer: how a sample comes out of noise, forwards and backwards, alone or against another way."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QVBoxLayout, QWidget

from app.bridge.desk import Desk
from app.panel import Export, Panel, PanelState
from app.panels.steps import writing
from app.panels.steps.controls import LANES, Controls
from app.panels.steps.lane import SIGNS, Lane
from app.shell import theme
from app.widgets import film
from app.widgets.film import FilmSlider
from app.widgets.schedule import SchedulePlot
from app.widgets.status import StatusLine, step_words
from app.widgets.transport import Transport
from gm_core import api

POINTS = 400
FRAMES = 240
PAUSE = 4.0
MORE = 1.2
"""While it is only watched, the trajectory is drawn anew after a pause of seconds, when this much more was trained."""


class StepsState(PanelState):
    """What the viewer remembers; a sampler '' and 0 steps are the model's own."""

    count: int = api.param(9, "How many samples are drawn together.", lo=1, hi=400)
    compare: bool = api.param(False, "Show a second way from the same noise.")
    sampler: str = api.param("", "The sampler of the first lane.")
    steps: int = api.param(0, "Network evaluations of the first lane; 0 takes the model's own.", lo=0, hi=100_000)
    sampler_b: str = api.param("", "The sampler of the second lane.")
    steps_b: int = api.param(20, "Network evaluations of the second lane.", lo=0, hi=100_000)


class StepsPanel(Panel):
    """Plays trajectories. Every frame that came is kept, so that stepping back shows exactly what was there."""

    name = "steps"
    title = "Steps"
    icon = "step-forward"
    tip = "Watch samples come out of noise, one step of the sampler after another."
    needs = frozenset({"stepwise"})
    slot = "right"
    order = 30
    alive_at_start = True
    State = StepsState

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._progress = 1.0
        self._following = True
        self._seed, self._done_at = 0, 0.0
        self._build()

    def _build(self) -> None:
        self.controls = Controls(self)
        self.controls.new_noise.connect(lambda: self.desk.new_noise())
        self.controls.again.connect(lambda: self._sample(True))
        self.controls.seeded.connect(self._take_seed)
        self.controls.compared.connect(self._toggle_compare)
        self.controls.changed.connect(lambda lane: self._sample(True, lane))
        self.lanes = {lane: Lane() for lane in LANES}
        self.lanes["b"].hide()
        for lane, words in (("a", "Press Train: soon a sample comes out of noise here, step by step."), ("b", "")):
            self.lanes[lane].set_empty("No trajectory yet", words)
        self.schedule = SchedulePlot()
        self.schedule.setFixedHeight(theme.px(92))
        self.schedule.t_picked.connect(self._to_time)
        self.schedule.hide()
        self.transport = Transport(fps=15)
        self.transport.index_changed.connect(self._transported)
        self.slider = FilmSlider("Step of the trajectory")
        self.slider.valueChanged.connect(self._scrubbed)
        self.status = StatusLine()
        self.status.cancelled.connect(self._stop)
        self._between = QBoxLayout(QBoxLayout.Direction.TopToBottom)
        self._between.setSpacing(8)
        self._between.addWidget(self.lanes["a"], 1)
        self._between.addWidget(self.lanes["b"], 1)
        box = QVBoxLayout(self)
        box.setContentsMargins(8, 6, 8, 4)
        box.setSpacing(6)
        box.addWidget(self.controls.first)
        box.addWidget(self.controls.second)
        box.addLayout(self._between, 1)
        box.addWidget(self.schedule)
        box.addWidget(self.slider)
        box.addWidget(self.transport)
        box.addWidget(self.status)
        self.setMinimumSize(240, 200)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Leave out what finds no room."""
        super().resizeEvent(event)
        film.fit_transport(self.transport, self.width())
        self._show_schedule()

    # ---- asking -----------------------------------------------------------------------------------------------

    def begin(self, card: api.RunCard) -> None:
        """Another run: sample it."""
        self._seed = self.desk.seed
        self.controls.seed.set_value(self._seed)
        self._progress = 1.0
        for lane in self.lanes.values():
            lane.clear()
            if card.data.kind == "points":
                lane.set_extent(*card.data.range)
        self.controls.forget_samplers()
        self.controls.first.set_shown(self.controls.count, card.data.kind == "images")
        self._between.setDirection(
            QBoxLayout.Direction.LeftToRight if card.data.kind == "points" else QBoxLayout.Direction.TopToBottom
        )
        self._sample(True)

    def vanish(self) -> None:
        """Nothing that draws step by step."""
        for lane in self.lanes.values():
            lane.clear()
        self.transport.set_count(0)
        self.slider.set_count(0)
        self.schedule.hide()
        self.status.set_text("")
        self.status.set_progress(0, 0)

    def noise_moved(self, seed: int) -> None:
        """Sample from this noise."""
        self._seed = seed
        self.controls.seed.set_value(seed)
        self._sample(True)

    def step_moved(self, step: int | None) -> None:
        """The desk asks again by itself; the picture stays at its moment until the other weights have come as far."""
        if not self._following or all(lane.track.done for lane in self.lanes_shown()):
            self._following = False
        self.touch()

    def card_changed(self, card: api.RunCard) -> None:
        """Training has gone on; the trajectory stays that of the step which it shows."""
        self.touch()

    @property
    def comparing(self) -> bool:
        """Whether there are two lanes."""
        return self.controls.compare.isChecked()

    def bind(self, desk: Desk) -> None:
        """Look now and then whether the model has learned something since."""
        super().bind(desk)
        desk.ticked.connect(self._renew)

    def _renew(self) -> None:
        """While nobody steps through the trajectory, sample again from the same noise when training has moved on."""
        card, track = self.card, self.lanes["a"].track
        if card is None or not self._following or not self.isVisible() or self.desk.now is not None:
            return
        if track.step is None or not all(lane.track.done for lane in self.lanes_shown()):
            return
        view = self.desk.views.get(card.run)
        learned = view is not None and view.last_step > track.step * MORE + 10
        ended = card.state != "training" and view is not None and view.last_step > track.step
        if (learned or ended) and time.monotonic() - self._done_at > PAUSE:
            self._sample(True)

    def _take_seed(self, seed: int) -> None:
        self.desk.seed = seed
        self.desk.same_noise()

    def _sample(self, follow: bool, only: str = "") -> None:
        """Ask for the trajectories (or one of them) and follow them while they come."""
        if self.card is None:
            return
        self._following = follow
        self._done_at = time.monotonic()
        self.transport.set_playing(False)
        self._name_lanes()
        points = self.card.data.kind != "images"
        for name in [only] if only else [n for n in LANES if n == "a" or self.comparing]:
            if name == "b" and not self.comparing:
                continue
            query = api.TrajectoryQuery(
                seed=self._seed,
                n=POINTS if points else self.controls.samples(),
                sampler=self.controls.sampler(name),
                steps=self.controls.steps(name),
                frames=FRAMES,
            )
            self.ask(f"lane-{name}", query, at_once=True)

    def _stop(self) -> None:
        """Give up what is still being drawn; what came stays."""
        for name, lane in self.lanes.items():
            if not lane.track.done:
                self.cancel(f"lane-{name}")
                lane.track.finish()
        self._refresh_counts()
        self.touch()

    def _toggle_compare(self, on: bool) -> None:
        self.lanes["b"].setVisible(on)
        if on:
            self._name_lanes()
            self._sample(False, "b")
        else:
            self.cancel("lane-b")
            self.lanes["b"].clear()
            self._name_lanes()
            self._refresh_counts()
        self.touch()

    def _name_lanes(self) -> None:
        """Where there are two lanes, each says how it goes."""
        for name, lane in self.lanes.items():
            lane.title = self.controls.words(name) if self.comparing else ""

    # ---- answers ----------------------------------------------------------------------------------------------

    def receive(self, purpose: str, answer: api.Answered) -> None:
        """One more frame of a lane."""
        name = purpose.removeprefix("lane-")
        lane = self.lanes.get(name)
        if lane is None:
            return
        if isinstance(answer.frame, api.StepFrame):
            self.show_frame(answer.frame, answer.index, answer.step, name)
        if answer.last:
            lane.track.finish()
            self._done_at = time.monotonic()
            self._refresh_counts()
        self.touch()

    def show_frame(self, frame: api.StepFrame, index: int, step: int, lane: str = "a") -> None:
        """Take one frame, from a run or from a recording."""
        track = self.lanes[lane].track
        track.take(index, frame, step, 0.0 if self._following else self._progress)
        if index == 0:
            self.controls.offer(track.samplers)
            if lane == "a":
                self._show_schedule()
        self._refresh_counts()
        self.touch()

    def failed(self, purpose: str, trouble: api.Trouble) -> None:
        """Keep what is shown."""
        lane = self.lanes.get(purpose.removeprefix("lane-"))
        if lane is not None:
            lane.track.finish()
        self.status.warn(trouble.words)
        self.touch()

    def _show_schedule(self) -> None:
        curves = dict(self.lanes["a"].track.curves)
        t = curves.pop("t", None)
        least = theme.px(520 if self.comparing else 380)
        self.schedule.setVisible(t is not None and bool(curves) and self.height() >= least)
        if t is not None:
            at = np.asarray(t, float)
            self.schedule.set_curves({SIGNS.get(name, name): (at, np.asarray(y, float)) for name, y in curves.items()})

    # ---- where we are -----------------------------------------------------------------------------------------

    def lanes_shown(self) -> list[Lane]:
        """One lane, or two while they are compared."""
        return [lane for name, lane in self.lanes.items() if name == "a" or self.comparing]

    def longer_lane(self) -> Lane:
        """The lane with the most frames: its steps are what the buttons walk along."""
        return max(self.lanes_shown(), key=lambda lane: len(lane.track.frames))

    def _refresh_counts(self) -> None:
        """New frames: follow the newest, or stay at the same moment."""
        master = self.longer_lane()
        frames = master.track.frames
        if self._following and frames:
            self._progress = min(lane.track.frames[-1].progress for lane in self.lanes_shown() if lane.track.frames)
            if all(lane.track.done for lane in self.lanes_shown()):
                self._progress = 1.0
        self.transport.set_count(len(frames))
        self.slider.set_count(len(frames))
        self._stand()

    def _stand(self) -> None:
        master = self.longer_lane()
        place = master.track.nearest(self._progress)
        self.transport.set_index(place)
        self.slider.set_index(place)
        self.touch()

    def _go(self, place: int) -> None:
        """Stand at a frame of the longer lane; the other lane shows the frame of the same progress."""
        frames = self.longer_lane().track.frames
        if frames:
            self._following = False
            self._progress = frames[max(0, min(place, len(frames) - 1))].progress
            self._draw()

    def _transported(self, place: int) -> None:
        self.slider.set_index(place)
        self._go(place)

    def _scrubbed(self, place: int) -> None:
        self.transport.set_playing(False)
        self.transport.set_index(place)
        self._go(place)

    def _to_time(self, t: float) -> None:
        frames = self.lanes["a"].track.frames
        known = [(i, float(f.numbers["t"])) for i, f in enumerate(frames) if "t" in f.numbers]
        if known:
            place = min(known, key=lambda pair: abs(pair[1] - t))[0]
            self._progress = frames[place].progress
            self._following = False
            self.transport.set_playing(False)
            self._stand()

    def redraw(self) -> None:
        """The frames in front, the mark on the schedule, the words."""
        self._draw()

    def _draw(self) -> None:
        for lane in self.lanes_shown():
            lane.show_at(lane.track.nearest(self._progress))
        frame = self.lanes["a"].current()
        if frame is not None and "t" in frame.numbers:
            self.schedule.set_t(float(frame.numbers["t"]))
        self._describe()

    def _describe(self) -> None:
        if self.card is None:
            return
        track = self.lanes["a"].track
        view = self.desk.views.get(self.card.run)
        words = [step_words(track.step, view.last_step if view else None), f"seed {self._seed}"]
        busy = [lane.track for lane in self.lanes_shown() if not lane.track.done and lane.track.newest() is not None]
        newest = busy[0].newest() if busy else None
        if newest is not None:
            words.append(f"sampling {newest.number:,} of {newest.total:,}")
            self.status.set_progress(min(newest.number, newest.total - 1), newest.total)
        else:
            self.status.set_progress(0, 0)
        self.status.tell(*words)
        self.status.set_side(f"{100 * self._progress:.0f} %")

    # ---- settings and export ----------------------------------------------------------------------------------

    def state(self) -> StepsState:
        """Samplers, steps, count, comparison."""
        c = self.controls
        return StepsState(
            count=c.samples(), compare=self.comparing, sampler=c.sampler("a"), steps=c.steps("a"),
            sampler_b=c.sampler("b"), steps_b=c.steps("b"),
        )  # fmt: skip

    def restore(self, state: PanelState) -> None:
        """Samplers, steps, count, comparison."""
        if not isinstance(state, StepsState):
            return
        self.controls.set_samples(state.count)
        self.controls.set_lane("a", state.sampler, state.steps)
        self.controls.set_lane("b", state.sampler_b, state.steps_b)
        self.controls.compare.setChecked(state.compare)

    def shown(self) -> dict[str, Any]:
        """The noise and the step that is really shown."""
        progress = round(self._progress, 4)
        return {"seed": self._seed, "shown_step": self.lanes["a"].track.step, "progress": progress}

    def exports(self) -> list[Export]:
        """The trajectory as a film or a strip, and this view."""
        return writing.exports(self)
