"""Completes: the model fills any missing part of an example given the rest, and says how exactly it does."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gm_core.capabilities.base import Capability, Scene, answers, labels, to_picture
from gm_core.capabilities.sitewise import given, known_sites
from gm_core.protocol.commands import Query
from gm_core.protocol.events import Array, Frame
from gm_core.spec import SpecError

if TYPE_CHECKING:
    import torch
    from torch import Tensor


@dataclass(frozen=True)
class Completing:
    """Where completions stand: x (n, *card.shape) in the card's range, `progress` 0 to 1, then the log-probabilities.

    `log_prob` (n,) is log p(missing | known) in nats, exact or estimated as `exactly` says; None before the end, and at
    the end too for a model that cannot say. `effective` is the effective number of particles behind one completion, a
    scalar; 1 (or None) where none are needed.
    """

    x: Tensor
    progress: float
    log_prob: Tensor | None = None
    effective: Tensor | None = None


class Completes(Capability):
    """Draws the missing part from p(missing | known). Laws: what is known is not touched; where `exactly` says so, the
    completions follow the conditional distribution of the model itself; elsewhere they do in the limit of many
    particles."""

    word = "complete"

    @abstractmethod
    def exactly(self, known: Tensor) -> bool:
        """Whether completing this part, bool (sites,), is exact for this model and its order."""

    def how(self) -> str:
        """One sentence on how it completes where it is not exact; empty where `particles` drawings compete for each."""
        return ""

    @abstractmethod
    def complete(
        self,
        x: Tensor,
        known: Tensor,
        n: int,
        rng: torch.Generator,
        y: Tensor | None = None,
        temperature: float = 0.0,
        particles: int = 16,
    ) -> Iterator[Completing]:
        """Draw n completions of the one example x (1, *card.shape) whose `known` (sites,) numbers stay.

        The last state has the log-probabilities, if the model has any. Raises SpecError where everything or nothing is
        known.
        """


@dataclass(frozen=True, slots=True)
class CompleteQuery(Query):
    """Draw `n` completions of a picture, uint8 (1, h, w, c) or float32 (1, d), that keep `known`, bool (h, w) or (d,).

    `particles` drawings compete for each completion where the order does not allow an exact one.
    """

    given: Array | None = None
    known: Array | None = None
    n: int = 8
    y: int | None = None
    temperature: float = 0.0
    particles: int = 16
    frames: int = 40


@dataclass(frozen=True, slots=True)
class Completions(Frame):
    """Completions (n, h, w, c) or (n, d), each with log p(missing | known) in nats (not a number before the end).

    A model that has no such probability sends none, (0,), in the last frame, and says `how` it completes. `exact` says
    whether they follow the model's own conditional distribution, `effective` how many of the `particles` stood behind
    one completion, `progress` runs to 1.
    """

    items: Array
    log_probs: Array
    exact: bool
    effective: float
    particles: int
    progress: float
    how: str = ""


@answers(Completes.word, CompleteQuery)
def complete(query: CompleteQuery, scene: Scene) -> Iterator[Completions | None]:
    """Send about `frames` pictures on the way, None between them, and the finished completions."""
    import numpy as np

    model = scene.model
    x = given(query.given, scene)
    if query.known is None:
        raise SpecError("known", "nothing is marked as known; rub out a part of the picture and leave the rest")
    known = known_sites(query.known, scene)
    exact = model.exactly(known)
    y = labels(query.y, 1, scene)
    states = model.complete(x, known, query.n, scene.rng, y, query.temperature, query.particles)
    how = "" if exact else model.how()
    particles = 1 if exact or how else query.particles

    def frame(state: Completing, last: bool) -> Completions:
        # What is not known yet is not a number; what a model never says is not there.
        log_probs = np.full(0 if last else query.n, np.nan, np.float32)
        if state.log_prob is not None:
            log_probs = state.log_prob.float().cpu().numpy()
        effective = 1.0 if state.effective is None else float(state.effective.cpu())
        items = to_picture(state.x, model.card)
        return Completions(items, log_probs, exact, effective, particles, state.progress, how)

    state, sent = next(states), 0.0
    for following in states:
        due = state.progress - sent >= 1.0 / max(query.frames, 1)
        yield frame(state, False) if due else None
        sent = state.progress if due else sent
        state = following
    yield frame(state, True)
