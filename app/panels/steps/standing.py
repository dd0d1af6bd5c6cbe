"""Where the viewer stands: one moment for all lanes, by progress, from the slider, the buttons or the plots."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.panels.steps.lane import Lane
from app.panels.steps.parts import Parts

if TYPE_CHECKING:
    from app.panels.steps.deciding import Deciding
    from app.panels.steps.growing import Growing


class Standing(Parts):
    """The present moment. `progress` is where it is; while it follows, that is the newest frame."""

    growing: Growing
    deciding: Deciding
    progress: float = 1.0
    following: bool = True
    began: float = 0.0
    """The moment from which the newest frames are followed: a fork does not begin in noise again."""
    _sample_chosen: bool = False

    def stand_at_end(self) -> None:
        """A new run: the newest frame of a new trajectory."""
        self.progress, self.following, self.began = 1.0, True, 0.0

    def moment(self) -> float:
        """The progress of the frame in front, at which a branch would leave."""
        frame = self.lanes["a"].current()
        return frame.progress if frame is not None else 0.0

    def until(self) -> float:
        """How far a new trajectory must come before it takes the place of the old one."""
        return self.began if self.following else self.progress

    def longer_lane(self) -> Lane:
        """The lane with the most frames: its steps are what the buttons walk along."""
        return max(self.lanes_shown(), key=lambda lane: len(lane.track.frames))

    def all_done(self) -> bool:
        """Whether no lane waits for frames."""
        return all(lane.track.done for lane in self.lanes_shown())

    def refresh_counts(self) -> None:
        """New frames: follow the newest, or stay at the same moment."""
        frames = self.longer_lane().track.frames
        if self.following and frames:
            newest = [lane.track.frames[-1].progress for lane in self.lanes_shown() if lane.track.frames]
            self.progress = 1.0 if self.all_done() else min(newest)
        self.transport.set_count(len(frames))
        self.slider.set_count(len(frames))
        self.stand()

    def stand(self) -> None:
        """Show on the slider where the moment is."""
        place = self.longer_lane().track.nearest(self.progress)
        self.transport.set_index(place)
        self.slider.set_index(place)
        self.touch()

    def go(self, place: int) -> None:
        """Stand at a frame of the longer lane; the other lanes show the frame of the same progress."""
        frames = self.longer_lane().track.frames
        if frames:
            self.following = False
            self.progress = frames[max(0, min(place, len(frames) - 1))].progress
            self.draw()

    def go_to(self, progress: float) -> None:
        """Stand at a moment."""
        self.following = False
        self.transport.set_playing(False)
        self.progress = progress
        self.stand()

    def go_to_time(self, t: float) -> None:
        """Stand at the model's own time."""
        frames = self.lanes["a"].track.frames
        known = [frame for frame in frames if "t" in frame.numbers]
        if known:
            self.go_to(min(known, key=lambda frame: abs(float(frame.numbers["t"]) - t)).progress)

    def _transported(self, place: int) -> None:
        self.slider.set_index(place)
        self.go(place)

    def _scrubbed(self, place: int) -> None:
        self.transport.set_playing(False)
        self.transport.set_index(place)
        self.go(place)

    def draw(self) -> None:
        """Every lane at the moment, and the moment on every plot."""
        self.growing.brush.clear()
        for lane in self.lanes_shown():
            lane.show_at(lane.track.nearest(self.progress))
        frame = self.lanes["a"].current()
        if frame is not None:
            if "t" in frame.numbers:
                self.lower.schedule.set_t(float(frame.numbers["t"]))
            self.growing.drag.set_points(frame.x if frame.x.ndim == 2 else None)
        self.lower.plot.set_at(self.progress)
        self.tree.set_at(self.moment())
        self.status.set_side(f"{100 * self.progress:.0f} %")
