"""What the step viewer asks for, what becomes of the answers, and what it remembers."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from app.panels.steps.branches import ROOT
from app.panels.steps.lane import Track
from app.panels.steps.ways import OWN_GUIDANCE, StepsState, read_origin, read_way
from gm_core import api

if TYPE_CHECKING:
    from app.panels.steps import StepsPanel

POINTS = 400
FRAMES = 240
PAUSE = 4.0
MORE = 1.2
"""While it is only watched, the trajectory is drawn anew after a pause of seconds, when this much more was trained."""


class Asked:
    """Asks for the trajectories of all lanes, and gives their frames to them."""

    def __init__(self, panel: StepsPanel) -> None:
        self._panel = panel
        self._done_at = 0.0
        self._given: np.ndarray | None = None
        self._asked: dict[str, int] = {}
        """The branch that each lane was last asked for."""
        self.y = -1
        self.mix: tuple[float, ...] = ()
        self.guidance = OWN_GUIDANCE
        """The classes of the whole way, which a branch may change on the way."""

    # ---- questions

    def begin(self) -> None:
        """Another run."""
        self._given = None
        self._asked.clear()
        self.choose_classes()
        self.name_lanes()
        if self._panel.origin.origin().given:
            self._panel.controls.tools["origin"].setChecked(True)
            self.origin_changed()
        else:
            self._panel.origin.set_picture(None)
            self.sample(True)

    def choose_classes(self) -> None:
        """The chosen classes are those of the whole way."""
        row = self._panel.classes
        y, guidance = row.label(), row.guidance()
        self.y, self.mix = -1 if y is None else y, row.mix()
        self.guidance = OWN_GUIDANCE if guidance is None else guidance

    def query(self, name: str) -> api.TrajectoryQuery:
        """What a lane asks at present."""
        panel, card = self._panel, self._panel.card
        way, offers = panel.lanes[name].head.way(), card.offers if card is not None else frozenset()
        n = panel.controls.samples() if card is None or card.data.kind == "images" else POINTS
        guided, given = "guided" in offers, self._given
        own = None if self.guidance <= OWN_GUIDANCE else self.guidance
        if given is not None and len(given) not in (1, n):
            given = None
        return api.TrajectoryQuery(
            seed=panel.seed, n=n,
            y=self.y if "conditional" in offers and self.y >= 0 and not self.mix else None,
            sampler=way.sampler, steps=way.steps, frames=FRAMES,
            guidance=(own if way.guidance is None else way.guidance) if guided else None,
            mix=self.mix if guided else (),
            given=given, begin=1.0 - panel.origin.noise() if given is not None else 0.0,
            turns=panel.growing.turns(n),
        )  # fmt: skip

    def changed(self, only: str = "", follow: bool = True) -> None:
        """The question is another one, of one lane or of all: the other branches are drawn anew when wanted."""
        panel = self._panel
        for name, lane in panel.lanes.items():
            if not only or only == name:
                lane.stored.clear()
        if not only or only == "a":
            panel.deciding.forget()
        self.sample(follow, only)

    def sample(self, follow: bool, only: str = "", began: float = 0.0) -> None:
        """Ask for the trajectories (or one of them) and follow them while they come."""
        panel = self._panel
        if panel.card is None:
            return
        panel.following, panel.began = follow, began
        self._done_at = time.monotonic()
        panel.transport.set_playing(False)
        self.name_lanes()
        for name in [only] if only else list(panel.lanes):
            lane = panel.lanes[name]
            step = lane.head.way().step
            self._asked[name] = panel.growing.branches.front
            if step is None:
                panel.ask(f"lane-{name}", self.query(name), at_once=True)
            else:
                panel.ask(f"lane-{name}", self.query(name), step=step, at_once=True)
        panel.touch()

    def name_lanes(self) -> None:
        """Where there are several lanes, each says how it goes."""
        for lane in self._panel.lanes.values():
            lane.title = lane.head.way().words() if self._panel.comparing else ""

    def stop(self) -> None:
        """Give up what is still being drawn; what came stays."""
        for name, lane in self._panel.lanes.items():
            if not lane.track.done:
                self._panel.cancel(f"lane-{name}")
                lane.track.finish()
        if self._panel.deciding.busy:
            self._panel.deciding.ask()
        self._panel.refresh_counts()
        self._panel.touch()

    def busy(self) -> bool:
        """Whether frames are still to come."""
        return not self._panel.all_done()

    # ---- branches

    def follow_branch(self, progress: float) -> None:
        """A branch has grown at the present moment: what came before it stays, what comes after is followed."""
        for lane in self._panel.lanes_shown():
            lane.track = lane.track.begun(progress)
        self._panel.progress = progress
        self.sample(True, began=progress)
        self._panel.refresh_counts()

    def show_branch(self) -> None:
        """Another branch is in front: there at once where it is still known, else asked for."""
        panel, front = self._panel, self._panel.growing.branches.front
        for name, lane in panel.lanes.items():
            known = lane.stored.get(front)
            if known is not None:
                panel.cancel(f"lane-{name}")
                lane.track = known
            else:
                lane.track = lane.track.begun(panel.growing.branches.all[front].progress) if front else Track()
                self._asked[name] = front
                self.sample(False, name)
        panel.following = False
        panel.refresh_counts()
        panel.deciding.show()

    def step_moved(self) -> None:
        """Other weights: what is kept of other branches is not theirs; the desk asks again what it was last asked."""
        panel = self._panel
        if not panel.following or panel.all_done():
            panel.following = False
        for name, lane in panel.lanes.items():
            if lane.head.way().step is None:
                lane.stored.clear()
                if self._asked.get(name) != panel.growing.branches.front:
                    self.sample(panel.following, name)

    def renew(self) -> None:
        """While nobody steps through the trajectory, sample again from the same noise when training has moved on."""
        panel = self._panel
        card, track = panel.card, panel.lanes["a"].track
        if card is None or not panel.following or not panel.isVisible() or panel.desk.now is not None:
            return
        if track.step is None or not panel.all_done() or len(panel.growing.branches.all) > 1:
            return
        view = panel.desk.views.get(card.run)
        learned = view is not None and view.last_step > track.step * MORE + 10
        ended = card.state != "training" and view is not None and view.last_step > track.step
        if (learned or ended) and time.monotonic() - self._done_at > PAUSE:
            self.changed()

    # ---- answers

    def receive(self, name: str, answer: api.Answered) -> None:
        """One more frame of a lane."""
        panel, lane = self._panel, self._panel.lanes.get(name)
        if lane is None:
            return
        if isinstance(answer.frame, api.StepFrame):
            self.show_frame(answer.frame, answer.index, answer.step, name)
        if answer.last:
            lane.track.finish()
            self._done_at = time.monotonic()
            panel.refresh_counts()
            panel.deciding.show()
            if name == "a":
                panel.growing.look_at_end()

    def show_frame(self, frame: api.StepFrame, index: int, step: int, name: str = "a") -> None:
        """Take one frame, from a run or from a recording."""
        panel, lane = self._panel, self._panel.lanes[name]
        lane.track.take(index, frame, step, panel.until())
        if index == 0:
            for other in panel.lanes.values():
                other.head.offer(lane.track.samplers)
            if name == "a":
                panel.deciding.show()
        panel.refresh_counts()
        if index == 0 and name == "a":
            panel.show_views()

    # ---- where it begins

    def origin_changed(self) -> None:
        """Another picture to begin from: fetch it first, if it is an example."""
        panel, origin = self._panel, self._panel.origin.origin()
        self._given = None
        panel.cancel("origin")
        if origin.own is not None:
            self._take_given(origin.own[None])
        elif origin.split and panel.card is not None and panel.card.data.kind == "images":
            count = panel.card.data.splits.get(origin.split, 0)
            index = origin.index % count if count else origin.index
            panel.ask("origin", api.ExamplesQuery(n=1, split=origin.split, indices=(index,)))
        elif origin.split:
            panel.ask("origin", api.ExamplesQuery(seed=origin.index, n=POINTS, split=origin.split))
        else:
            panel.origin.set_picture(None)
            self.changed()

    def take_origin(self, answer: api.Answered) -> None:
        """The example is there."""
        if isinstance(answer.frame, api.ExamplesFrame) and len(answer.frame.items):
            self._take_given(answer.frame.items)

    def _take_given(self, items: np.ndarray) -> None:
        self._given = items
        self._panel.origin.set_picture(items[0] if items.ndim == 4 else None)
        self.changed()


def state_of(panel: StepsPanel) -> StepsState:
    """What is remembered of the viewer."""
    asked, branches = panel.asking, panel.growing.branches
    kept = panel.growing.kept or (branches.texts(), branches.front)
    return StepsState(
        count=panel.controls.samples(),
        lanes=tuple(lane.head.way().text() for lane in panel.lanes.values()),
        views=panel.chosen_views(),
        lower=panel.deciding.page,
        y=asked.y,
        guidance=asked.guidance,
        mix=asked.mix,
        origin=panel.origin.origin().text(),
        noise=panel.origin.noise(),
        branches=kept[0],
        front=kept[1] if kept[0] else ROOT,
        sample=panel.sample,
    )


def restore(panel: StepsPanel, state: StepsState) -> None:
    """Bring the viewer to a state, before there is a run."""
    panel.controls.set_samples(state.count)
    for place, text in enumerate(state.lanes):
        way = read_way(text)
        if place == 0:
            panel.lanes["a"].head.set_way(way)
        elif len(panel.lanes) <= place:
            panel.add_lane(way)
        else:
            panel.lanes_shown()[place].head.set_way(way)
    panel.set_views(state.views)
    panel.controls.set_lower(state.lower)
    panel.deciding.turn(panel.controls.lower.currentText())
    panel.classes.set_choice(state.y, state.mix, state.guidance)
    panel.asking.choose_classes()
    panel.origin.set_origin(read_origin(state.origin), state.noise)
    panel.growing.kept = (state.branches, state.front)
    panel.sample = state.sample
