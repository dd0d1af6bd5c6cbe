"""The step viewer: how a sample comes out of noise, forwards and backwards, forked, painted on, lane beside lane."""

from __future__ import annotations

from typing import Any

from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QWidget

from app.bridge.desk import Desk
from app.panel import Export, PanelState
from app.panels.steps import asking, writing
from app.panels.steps.deciding import Deciding
from app.panels.steps.growing import Growing
from app.panels.steps.hands import Hands
from app.panels.steps.pictures import NAMES
from app.panels.steps.ways import StepsState
from gm_core import api


class StepsPanel(Hands):
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
        self.build()
        self.asking = asking.Asked(self)
        self.growing = Growing(self)
        self.deciding = Deciding(self)
        self.connect_parts()

    # ---- hooks ------------------------------------------------------------------------------------------------

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Leave out what finds no room."""
        super().resizeEvent(event)
        self.refit()

    def bind(self, desk: Desk) -> None:
        """Look now and then whether the model has learned something since."""
        super().bind(desk)
        desk.ticked.connect(self._renew)

    def _renew(self) -> None:
        self.asking.renew()

    def begin(self, card: api.RunCard) -> None:
        """Another run: sample it."""
        self.seed = self.desk.seed
        self.controls.seed.set_value(self.seed)
        self.stand_at_end()
        offers, pictures = card.offers, card.data.kind == "images"
        labelled = bool({"conditional", "guided"} & offers) and bool(card.data.classes)
        self.controls.first.set_shown(self.controls.count, pictures)
        self.controls.first.set_shown(self.controls.views, pictures)
        for tool, there in (
            ("classes", labelled), ("origin", "renoise" in offers),
            ("paint", pictures or card.data.kind == "points"),
        ):  # fmt: skip
            self.controls.first.set_shown(self.controls.tools[tool], there)
            if not there:
                self.controls.tools[tool].setChecked(False)
        self.classes.fit_to(card)
        self.origin.fit_to(card)
        self.paint_row.fit_to(card)
        self.controls.tools["classes"].setChecked(labelled)
        for lane in self.lanes.values():
            lane.clear()
            lane.head.forget()
            self.fit_lane(lane)
        self.growing.renew()
        self.deciding.forget()
        self.arrange()
        self.asking.begin()

    def vanish(self) -> None:
        """Nothing that draws step by step."""
        for lane in self.lanes.values():
            lane.clear()
        self.growing.forget()
        self.deciding.forget()
        self.transport.set_count(0)
        self.slider.set_count(0)
        self.lower.hide()
        self.tree.hide()
        self.status.set_text("")
        self.status.set_progress(0, 0)

    def noise_moved(self, seed: int) -> None:
        """Sample from this noise; the tree grew from another."""
        if seed != self.seed:
            self.growing.forget()
        self.seed = seed
        self.controls.seed.set_value(seed)
        self.asking.changed(follow=True)

    def step_moved(self, step: int | None) -> None:
        """The desk asks again by itself; the picture stays at its moment until the other weights have come as far."""
        self.asking.step_moved()
        self.touch()

    def card_changed(self, card: api.RunCard) -> None:
        """Training has gone on; the trajectory stays that of the step which it shows."""
        for lane in self.lanes.values():
            self.fit_lane(lane)
        self.touch()

    def receive(self, purpose: str, answer: api.Answered) -> None:
        """One more frame of a lane, the picture to begin from, or a moment of the decision."""
        if purpose == "decision":
            self.deciding.receive(answer)
        elif purpose == "origin":
            self.asking.take_origin(answer)
        else:
            self.asking.receive(purpose.removeprefix("lane-"), answer)
        self.touch()

    def failed(self, purpose: str, trouble: api.Trouble) -> None:
        """Keep what is shown."""
        if purpose == "decision":
            self.deciding.failed()
        lane = self.lanes.get(purpose.removeprefix("lane-"))
        if lane is not None:
            lane.track.finish()
            self.refresh_counts()
        self.status.warn(trouble.words)

    def redraw(self) -> None:
        """The frames in front, the moment on all plots, the tree, the words."""
        self.draw()
        self.growing.show()
        if self.status.words.property("role") != "warn" or self.asking.busy():
            self._describe()

    # ---- words, settings, export ------------------------------------------------------------------------------

    def _describe(self) -> None:
        if self.card is None:
            return
        track = self.lanes["a"].track
        words = [self.step_words(track.step, stays=True), f"seed {self.seed}"]
        words.append(self.classes.words(self.card.data.classes))
        busy = [lane.track for lane in self.lanes_shown() if not lane.track.done and lane.track.newest() is not None]
        newest = busy[0].newest() if busy and self.asking.busy() else None
        if newest is not None:
            words.append(f"sampling {newest.number:,} of {newest.total:,}")
            self.status.set_progress(min(newest.number, newest.total - 1), newest.total)
        else:
            self.status.set_progress(0, 0)
        self.status.tell(*words)

    def show_views(self) -> None:
        """What can be shown beside x_t and under it, for the menus."""
        lane = self.lanes["a"]
        shown = lane.shown_views()
        self.controls.enable_lower(self.deciding.usable())
        self.controls.set_views([(key, NAMES.get(key, key), key in shown) for key in lane.offered()])

    def extent(self) -> tuple[float, float]:
        """The ends of the plane."""
        return self.card.data.range if self.card is not None else (-3.0, 3.0)

    def state(self) -> StepsState:
        """Lanes, views, classes, the beginning, and the tree."""
        return asking.state_of(self)

    def restore(self, state: PanelState) -> None:
        """Lanes, views, classes, the beginning, and the tree."""
        if isinstance(state, StepsState):
            asking.restore(self, state)

    def shown(self) -> dict[str, Any]:
        """The noise and the step that is really shown."""
        progress = round(self.progress, 4)
        return {"seed": self.seed, "shown_step": self.lanes["a"].track.step, "progress": progress}

    def exports(self) -> list[Export]:
        """The trajectory as a film or a strip, and this view."""
        return writing.exports(self)
