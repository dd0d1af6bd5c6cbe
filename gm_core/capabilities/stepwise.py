"""Stepwise: the model draws an example in many small steps, each of which can be watched."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gm_core.capabilities.base import Capability, Scene, answers, to_picture
from gm_core.protocol.commands import Query
from gm_core.protocol.events import Array, Frame

if TYPE_CHECKING:
    import torch
    from torch import Tensor


@dataclass(frozen=True)
class StepState:
    """Where a trajectory stands, on tensors.

    `progress` runs from 0 (noise, empty) to 1 (data, full) and never falls; `time` is the model's own label, and `at`
    the same time as a number: together with x it is all that is needed to go on from here.
    `views` are further pictures by name (x0, noise), `numbers` scalars by name (t, alpha_bar, sigma). `cost` counts the
    network evaluations that were made so far. A multistep sampler also goes by what it found one step earlier: its
    `memory` is that step's time and guess of the data, without which its first step is of a lower order.
    """

    x: Tensor
    progress: float
    time: str
    views: Mapping[str, Tensor]
    numbers: Mapping[str, float]
    at: float = 0.0
    cost: int = 0
    memory: tuple[float, Tensor] | None = None


@dataclass(frozen=True)
class Route:
    """How a trajectory goes beyond its noise and its labels; what is left out is the model's own.

    sampler, steps   by name, and the steps of a whole way from noise to data: a way from the middle takes the rest
    guidance         s in eps_0 + s (eps_c - eps_0): 0 is unconditional, 1 conditional, above 1 exaggerates (`Guided`)
    mix              weights (n, classes + 1) of the classes, the last for none, in place of labels (`Guided`)
    start, at,       go on from x (n, *card.shape) in the card's range, which stands at the model's own time `at` and at
    begin            the progress `begin` (both as a StepState has them); without `start`, begin in noise
    memory           what the sampler remembered there, to go on exactly as if it had not stopped
    """

    sampler: str = ""
    steps: int = 0
    guidance: float | None = None
    mix: Tensor | None = None
    start: Tensor | None = None
    at: float = 0.0
    begin: float = 0.0
    memory: tuple[float, Tensor] | None = None


OWN = Route()


class Stepwise(Capability):
    """Draws as a generator. Laws: progress never falls; the last state's x equals `sample` with that generator and
    the model's own way; a way without fresh noise that is left and taken up again (`start`, `at`, `begin`, `memory`)
    ends where it would have ended; closing it midway leaks nothing."""

    word = "stepwise"

    @abstractmethod
    def trajectory(
        self, n: int, rng: torch.Generator, y: Tensor | None = None, route: Route = OWN
    ) -> Iterator[StepState]:
        """Yield the states of n examples from pure noise (or where the route starts) to data.

        Raises SpecError for a sampler, a number of steps or a guidance that the model does not have.
        """

    @abstractmethod
    def samplers(self) -> tuple[str, ...]:
        """The names that a route may ask for; the first is the model's own."""

    @abstractmethod
    def curves(self) -> Mapping[str, Any]:
        """The schedule for drawing: names to float arrays of one length, over the model's own time (key "t")."""

    @property
    @abstractmethod
    def default_steps(self) -> int:
        """The steps of the model's own way."""


class Renoises(Capability):
    """Puts data back to any moment of a trajectory. Law: at progress 0 next to none of the data is left, at 1 all."""

    word = "renoise"
    refines = "stepwise"

    @abstractmethod
    def renoise(self, x: Tensor, progress: float, rng: torch.Generator) -> tuple[Tensor, float]:
        """Data x (n, *card.shape) as they would stand at a progress, and that moment's own time: (x_t, at)."""


class Conditional(Capability):
    """Draws from p(x|y) where a label is given. Law: the label matters once something is learned."""

    word = "conditional"
    refines = "samples"


class Guided(Conditional):
    """Knows p(x|y) and p(x) both, so that a route may lean towards a class (classifier-free guidance) or mix classes.

    Laws: guidance 1 with a label is p(x|y), guidance 0 is p(x); a mix with all weight on one class is that class.
    """

    word = "guided"
    refines = "stepwise"


@dataclass(frozen=True, slots=True)
class Turn:
    """A change on the way: from `progress` on, new noise from `seed` and perhaps another way.

    `paint` puts pixels into x there, where `mask` says so: pictures uint8 (n or 1, h, w, c) or floats (n or 1, d), and
    bool (n or 1, h, w) or (n or 1, d).
    """

    progress: float
    seed: int = 0
    sampler: str = ""
    steps: int = 0
    guidance: float | None = None
    y: int | None = None
    mix: tuple[float, ...] = ()
    paint: Array | None = None
    mask: Array | None = None


@dataclass(frozen=True, slots=True)
class TrajectoryQuery(Query):
    """Draw `n` examples and show each step; about `frames` of them are sent, the first and the last always.

    `mix` are weights of the classes, the last for none. The way begins in noise; or with `given` pictures put back to
    the moment `begin`; or, on the plane, at the points `given` where `raw` says that they are x_t already. `turns`
    change it on the way, in order of their progress: a whole tree of forks is told by its seeds alone, and frames
    before the last turn are left out if `tail` is set.
    """

    n: int = 16
    y: int | None = None
    sampler: str = ""
    steps: int = 0
    frames: int = 100
    guidance: float | None = None
    mix: tuple[float, ...] = ()
    given: Array | None = None
    begin: float = 0.0
    raw: bool = False
    turns: tuple[Turn, ...] = ()
    tail: bool = False

    def in_order(self) -> list[Turn]:
        """The turns by their progress; those at the same moment stay as they were given."""
        return sorted(self.turns, key=lambda turn: turn.progress)


@dataclass(frozen=True, slots=True)
class StepFrame(Frame):
    """One step: x and the named views as uint8 (n, h, w, c) or float32 (n, d).

    `number` of `total` steps are done; `curves` comes with the first frame only; images are stretched from -1..1 or
    the card's range, clipped. `segment` counts the turns that were taken, `cost` the network evaluations.
    """

    x: Array
    views: Mapping[str, Array]
    progress: float
    time: str
    numbers: Mapping[str, float]
    number: int
    total: int
    curves: Mapping[str, Array] | None = None
    samplers: tuple[str, ...] = ()
    segment: int = 0
    cost: int = 0


@answers(Stepwise.word, TrajectoryQuery)
def trace(query: TrajectoryQuery, scene: Scene) -> Iterator[StepFrame | None]:
    """Send the states of a trajectory; None between the frames that are left out, so that training can go on."""
    from gm_core.capabilities.travel import travel

    model = scene.model
    card = model.card
    sent, shown = -1.0, -1
    for count, (segment, state) in enumerate(travel(query, scene)):
        number = count - segment  # the state of a turn comes twice
        if segment != shown:  # the state where a way begins is always sent: it may have been painted
            sent, shown = -1.0, segment
        wanted = not query.tail or segment == len(query.turns)
        due = wanted and (state.progress >= 1.0 or state.progress - sent >= 1.0 / max(query.frames, 1) - 1e-9)
        if due:
            left = (1.0 - state.progress) * (_steps(query, segment) or model.default_steps)
            yield StepFrame(
                x=to_picture(state.x, card),
                views={name: to_picture(view, card) for name, view in state.views.items()},
                progress=state.progress,
                time=state.time,
                numbers=dict(state.numbers),
                number=number,
                total=number + round(left),
                curves=dict(model.curves()) if sent < 0 and segment == _first(query) else None,
                samplers=model.samplers() if sent < 0 and segment == _first(query) else (),
                segment=segment,
                cost=state.cost,
            )
            sent = state.progress
        else:
            yield None


def _first(query: TrajectoryQuery) -> int:
    """The number of turns before the first frame that is sent."""
    return len(query.turns) if query.tail else 0


def _steps(query: TrajectoryQuery, segment: int) -> int:
    """The steps of a whole way that were last asked for; 0 is the model's own number."""
    asked = [turn.steps for turn in query.in_order()[:segment] if turn.steps]
    return asked[-1] if asked else query.steps
