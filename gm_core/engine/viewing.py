"""Views: asks that become generators over a borrowed twin of a model, advanced one frame at a time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import torch

from gm_core.capabilities.base import ALONE_ANSWERS, ANSWERS, Scene, answer
from gm_core.capabilities.shown import ALWAYS
from gm_core.engine.lane import Lane
from gm_core.model import GenerativeModel
from gm_core.protocol.commands import Ask
from gm_core.protocol.events import Frame
from gm_core.spec import SpecError


@dataclass
class View:
    """One ask on its way: its generator, the twin that it borrows, and the step that it shows.

    Without a lane it is a question that needs no run.
    """

    ask: Ask
    lane: Lane | None
    step: int = -1
    index: int = 0
    seconds: float = 0.0
    frames: Iterator[Frame | None] | None = None
    model: GenerativeModel | None = None
    asked_at: float = field(default_factory=time.perf_counter)

    @property
    def kind(self) -> str:
        """For the Pace: whether a person asked, or the view follows training by itself."""
        return "following" if self.ask.follow and self.index > 0 else "asked"

    def open(self) -> None:
        """Borrow a twin with the weights of the wished step, and begin; raises SpecError where it cannot be."""
        lane, ask = self.lane, self.ask
        if lane is None:
            if type(ask.query) not in ALONE_ANSWERS:
                raise SpecError("", f"{type(ask.query).__name__} is a question to a run; open or train one first")
            self.step = 0
            self.frames = ALONE_ANSWERS[type(ask.query)](ask.query, torch.Generator().manual_seed(ask.query.seed))
            return
        if type(ask.query) not in ANSWERS:
            raise SpecError("", f"{type(ask.query).__name__} is a question to no run in particular; ask it alone")
        training = lane.training
        if ask.step is None or ask.step == training.step:
            self.step, feed = training.step, training.feed
            weights = training.weights()
        else:
            snapshot = lane.timeline.nearest(ask.step)
            if snapshot is None:
                raise SpecError("", f"no snapshot of {lane.run} is kept; train a few steps first")
            self.step, feed = snapshot.step, lane.feed_of(snapshot)
            weights = snapshot.weights()
        word = ANSWERS[type(ask.query)][0]
        offers = training.model.offers()
        if word not in {ALWAYS} | offers | feed.card.traits:
            raise SpecError("", f"{lane.card.title or lane.run} has no {word}; it offers {', '.join(sorted(offers))}")
        taken = training.mirrors.take(weights, (lane.epoch, self.step))
        assert isinstance(taken, GenerativeModel)
        self.model = taken
        taken.card = feed.card
        taken.at(self.step)
        rng = torch.Generator(training.device).manual_seed(ask.query.seed)
        self.mirrors = training.mirrors
        self.frames = answer(ask.query, Scene(taken, feed, rng, training.device))

    def advance(self) -> tuple[bool, Frame | None]:
        """One frame further: (more to come, the frame or None)."""
        if self.frames is None:
            self.open()
        assert self.frames is not None
        began = time.perf_counter()
        try:
            with torch.no_grad():
                frame = next(self.frames)
        except StopIteration:
            return False, None
        finally:
            self.seconds += time.perf_counter() - began
        return True, frame

    def close(self) -> None:
        """Give everything back; may be called at any time, more than once."""
        if self.frames is not None:
            close = getattr(self.frames, "close", None)
            if close is not None:
                close()
            self.frames = None
        if self.model is not None:
            self.mirrors.give_back(self.model)
            self.model = None
