"""One trajectory: every frame that came, kept for scrubbing. Without Qt."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from gm_core import api


class Track:
    """The frames of one trajectory in order. A new one grows beside the old until it may take its place."""

    def __init__(self) -> None:
        self.frames: list[api.StepFrame] = []
        self.coming: list[api.StepFrame] | None = None
        self.curves: Mapping[str, np.ndarray] = {}
        self.samplers: tuple[str, ...] = ()
        self.step: int | None = None
        self.done = False

    def take(self, index: int, frame: api.StepFrame, step: int, until: float) -> bool:
        """Keep a frame; a new trajectory comes to the front once it is as far as `until`. True if it is in front."""
        if index == 0:
            self.coming, self.done, self.step = [], False, step
            if frame.curves:
                self.curves = frame.curves
            if frame.samplers:
                self.samplers = frame.samplers
        target = self.frames if self.coming is None else self.coming
        target.append(frame)
        if self.coming is not None and (not self.frames or frame.progress >= min(until, 1.0)):
            self.frames, self.coming = self.coming, None
        return self.coming is None

    def finish(self) -> None:
        """No more frames come."""
        if self.coming:
            self.frames = self.coming
        self.coming, self.done = None, True

    def clear(self) -> None:
        """Forget everything."""
        self.frames, self.coming, self.done = [], None, False

    def begun(self, progress: float) -> Track:
        """A track that begins as this one did, up to a moment, until its own frames come."""
        made = Track()
        made.frames = [frame for frame in self.frames if frame.progress <= progress + 1e-9]
        made.curves, made.samplers, made.step = self.curves, self.samplers, self.step
        return made

    def newest(self) -> api.StepFrame | None:
        """The last frame that came, in front or not."""
        found = self.coming or self.frames
        return found[-1] if found else None

    def nearest(self, progress: float) -> int:
        """The place of the frame whose progress is nearest; of several at one moment the last, which a turn made."""
        if not self.frames:
            return 0
        off = np.abs(np.array([frame.progress for frame in self.frames]) - progress)
        return int(np.flatnonzero(off <= off.min() + 1e-12)[-1])

    def numbers(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """A number of each frame over its progress, where the frames have it and it is finite."""
        known = [(f.progress, float(f.numbers[name])) for f in self.frames if name in f.numbers]
        found = np.array([pair for pair in known if np.isfinite(pair[1])], float).reshape(-1, 2)
        return found[:, 0], found[:, 1]
