"""Stepwise: the model draws an example in many small steps, each of which can be watched."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from gm_core.capabilities.base import Capability, Scene, answers, from_picture, labels, to_picture
from gm_core.protocol.commands import Query
from gm_core.protocol.events import Array, Frame
from gm_core.spec import SpecError

if TYPE_CHECKING:
    import torch
    from torch import Tensor


@dataclass(frozen=True)
class StepState:
    """Where a trajectory stands, on tensors.

    `progress` runs from 0 (noise, empty) to 1 (data, full) and never falls; `time` is the model's own label, and `at`
    the same time as a number: together with x it is all that is needed to go on from here.
    `views` are further pictures by name (x0, noise), `numbers` scalars by name (t, alpha_bar, sigma). `cost` counts the
    network evaluations that were made so far.
    """

    x: Tensor
    progress: float
    time: str
    views: Mapping[str, Tensor]
    numbers: Mapping[str, float]
    at: float = 0.0
    cost: int = 0


@dataclass(frozen=True)
class Route:
    """How a trajectory goes beyond its noise and its labels; what is left out is the model's own.

    sampler, steps   by name, and the steps of a whole way from noise to data: a way from the middle takes the rest
    guidance         s in eps_0 + s (eps_c - eps_0): 0 is unconditional, 1 conditional, above 1 exaggerates (`Guided`)
    mix              weights (n, classes + 1) of the classes, the last for none, in place of labels (`Guided`)
    start, at,       go on from x (n, *card.shape) in the card's range, which stands at the model's own time `at` and at
    begin            the progress `begin` (both as a StepState has them); without `start`, begin in noise
    """

    sampler: str = ""
    steps: int = 0
    guidance: float | None = None
    mix: Tensor | None = None
    start: Tensor | None = None
    at: float = 0.0
    begin: float = 0.0


OWN = Route()


class Stepwise(Capability):
    """Draws as a generator. Laws: progress never falls; the last state's x equals `sample` with that generator and
    the model's own way; a way without fresh noise that is left and taken up again (`start`, `at`, `begin`) ends where
    it would have ended; closing it midway leaks nothing."""

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
    model = scene.model
    card = model.card
    sent, number, told = -1.0, 0, False
    total = query.steps or model.default_steps
    for segment, state in travel(query, scene):
        wanted = not query.tail or segment == len(query.turns)
        due = wanted and (state.progress >= 1.0 or state.progress - sent >= 1.0 / max(query.frames, 1) - 1e-9)
        if not due:
            number += 1
            yield None
            continue
        sent = state.progress
        yield StepFrame(
            x=to_picture(state.x, card),
            views={name: to_picture(view, card) for name, view in state.views.items()},
            progress=state.progress,
            time=state.time,
            numbers=dict(state.numbers),
            number=number,
            total=max(total, number),
            curves=None if told else dict(model.curves()),
            samplers=() if told else model.samplers(),
            segment=segment,
            cost=state.cost,
        )
        told = True
        number += 1


def travel(query: TrajectoryQuery, scene: Scene) -> Iterator[tuple[int, StepState]]:
    """The states of a whole trajectory with its turns, each beside the number of turns taken before it.

    The state at which a turn is made belongs to the way before it, as it was, and once more to the way after it.
    """
    turns = sorted(query.turns, key=lambda turn: turn.progress)
    label, weights, rng = query.y, query.mix, scene.rng
    route = Route(query.sampler, query.steps, query.guidance)
    if query.given is not None:
        route = _begun(query, route, scene)
    spent = 0
    for segment in range(len(turns) + 1):
        until = turns[segment].progress if segment < len(turns) else math.inf
        route = replace(route, mix=_mixed(weights, query.n, scene))
        reached: StepState | None = None
        states = scene.model.trajectory(query.n, rng, labels(label, query.n, scene), route)
        try:
            for state in states:
                reached = replace(state, cost=state.cost + spent)
                yield segment, reached
                if state.progress >= until - 1e-9:
                    break
        finally:
            states.close()
        if segment == len(turns) or reached is None:
            return
        turn, spent = turns[segment], reached.cost
        rng = _seeded(turn.seed, scene)
        if turn.y is not None or turn.mix:
            label, weights = turn.y, turn.mix
        route = Route(
            turn.sampler or route.sampler,
            turn.steps or route.steps,
            route.guidance if turn.guidance is None else turn.guidance,
            None,
            _painted(turn, reached.x, scene),
            reached.at,
            reached.progress,
        )


def _begun(query: TrajectoryQuery, route: Route, scene: Scene) -> Route:
    """A way that begins at given pictures, put back to a moment; or at given points as they are."""
    x = from_picture(query.given, scene.model.card, scene.device)
    if len(x) not in (1, query.n):
        raise SpecError("given", f"given holds {len(x)} examples; expected 1 or n = {query.n}")
    x = x.expand(query.n, *x.shape[1:])
    if Renoises.word not in scene.model.offers():
        raise SpecError("given", f"{scene.model.title} cannot begin from an example: leave given out")
    found, at = scene.model.renoise(x, query.begin, scene.rng)
    return replace(route, start=x if query.raw else found, at=at, begin=query.begin)


def _painted(turn: Turn, x: Tensor, scene: Scene) -> Tensor:
    """x with what was painted over it."""
    import torch

    if turn.paint is None or turn.mask is None:
        return x
    over = from_picture(turn.paint, scene.model.card, scene.device).to(x)
    mask = torch.as_tensor(turn.mask, device=x.device)
    return torch.where(mask[:, None] if x.ndim == 4 else mask, over, x)


def _mixed(weights: tuple[float, ...], n: int, scene: Scene) -> Tensor | None:
    """The weights of the classes, repeated for n examples, or None; raises SpecError where there are not as many."""
    import torch

    if not weights:
        return None
    expected = len(scene.model.card.classes) + 1
    if len(weights) != expected or min(weights) < 0 or sum(weights) <= 0:
        raise SpecError(
            "mix", f"mix has {len(weights)} weights; expected {expected}, one a class and one for none, not negative"
        )
    shares = torch.tensor(weights, device=scene.device)
    return (shares / shares.sum()).expand(n, expected)


def _seeded(seed: int, scene: Scene) -> torch.Generator:
    import torch

    return torch.Generator(scene.rng.device).manual_seed(seed)
