"""When is the class decided? Leave one way at many moments, go on with new noise, and see how often it ends the same.

Two ways to leave. By forking: x_t stays and the noise from there on is new, which asks what x_t has settled (Biroli et
al. 2024, arXiv:2402.18491, clones). By returning: the finished example is put back to the moment with new noise, and
goes on from there, which asks what the noise of that moment still lets through (Sclocchi et al. 2025,
arXiv:2402.16991, forward and backward); it works with samplers too that add no noise of their own.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from gm_core.capabilities.base import Scene, answers, labels
from gm_core.capabilities.stepwise import Renoises, Route, StepState, Stepwise, TrajectoryQuery
from gm_core.capabilities.travel import check_way, mixed, travel
from gm_core.protocol.commands import Query
from gm_core.protocol.events import Array, Frame
from gm_core.spec import SpecError

if TYPE_CHECKING:
    from torch import Tensor

    from gm_core.maths.probes import Accuracy

LEARNED, HELD = 2000, 500
"""Labelled examples that the classifier learns from, and that it is scored on."""
AT_ONCE = {"images": 64, "points": 2048, "vectors": 1024}
"""Forks that go on together: the more, the longer between two safe points."""
SAME = 1e-3
"""Ends that differ by less than this share of their size are the same: another size of batch rounds differently."""
WANTED = "the training data have no labels to tell the ends apart by: choose data with labels"


@dataclass(frozen=True, slots=True)
class DecisionQuery(Query):
    """Leave the way of `n` examples at `moments` places between noise and data, `forks` times each with new noise.

    `way` says how: fork keeps x_t, return puts the finished example back to the moment. sampler, steps, guidance, y and
    mix are those of a TrajectoryQuery; with the same seed and n, the examples are those that it draws.
    """

    n: int = 9
    forks: int = 8
    moments: int = 9
    way: Literal["fork", "return"] = "fork"
    sampler: str = ""
    steps: int = 0
    y: int | None = None
    guidance: float | None = None
    mix: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Decision(Frame):
    """How often a way left at a moment ends in the class in which it would have ended.

    progress (m,) and agreement, errors (m,): mean over all examples and forks with its standard error, NaN where it is
    not computed yet (`done` of `total` moments are). each (n, m): the same for one example. ends (m, classes): how many
    of the forks ended in each class. classes (n,): where the examples themselves ended, as told by a vote of the 5
    nearest labelled training examples, which is right for `accuracy` +- `accuracy_error` of `held` held-out ones.
    `chance`: the agreement of two examples of the data that have nothing to do with each other. `fresh` is false where
    new noise changed nothing at all: the sampler adds none. The standard error is that of the mean over examples, whose
    forks are not independent; of one example it is binomial.
    """

    progress: Array
    agreement: Array
    errors: Array
    each: Array
    ends: Array
    classes: Array
    done: int
    total: int
    forks: int
    way: Literal["fork", "return"]
    fresh: bool
    chance: float
    accuracy: float
    accuracy_error: float
    held: int


@answers(Stepwise.word, DecisionQuery)
def decide(query: DecisionQuery, scene: Scene) -> Iterator[Decision | None]:
    """One frame a moment, from the latest moment (short, sure to agree) to the earliest."""
    import numpy as np

    names = scene.data.card.classes
    if not names:
        raise SpecError("data", f"{scene.data.card.title}: {WANTED}")
    _check(query, scene)
    judge = _Judge(scene, len(names))
    yield from judge.learn()

    stops = yield from _base(query, scene)
    final = stops[-1].x
    classes = yield from judge.classes(final)
    m = query.moments
    agreement, errors = np.full(m, np.nan, np.float32), np.full(m, np.nan, np.float32)
    each = np.full((query.n, m), np.nan, np.float32)
    ends = np.zeros((m, len(names)), np.int64)
    fresh = False
    for done, place in enumerate(reversed(range(m)), 1):
        found = yield from _ends(query, scene, stops[place], final, place)
        moved = (found - final.repeat_interleave(query.forks, 0)).abs().mean()
        fresh = fresh or bool(moved > SAME * final.abs().mean())
        told = yield from judge.classes(found)
        same = (told.reshape(query.n, query.forks) == classes[:, None]).double().mean(1)
        each[:, place] = same.float().numpy()
        agreement[place] = float(same.mean())
        errors[place] = standard_error(same, query.forks)
        ends[place] = np.bincount(told.numpy(), minlength=len(names))
        yield Decision(
            np.array([stop.progress for stop in stops[:-1]], np.float32), agreement.copy(), errors.copy(), each.copy(),
            ends.copy(), classes.numpy(), done, m, query.forks, query.way, fresh, judge.chance, judge.right.share,
            judge.right.error, judge.right.count,
        )  # fmt: skip


def standard_error(shares: Tensor, forks: int) -> float:
    """The standard error of the mean of the shares (n,) of examples with `forks` forks each.

    s / sqrt(n) over examples, since the forks of one example hang together; sqrt(p (1 - p) / forks) of one alone.
    """
    n = len(shares)
    if n > 1:
        return float(shares.std(unbiased=True)) / math.sqrt(n)
    p = float(shares[0])
    return math.sqrt(p * (1.0 - p) / forks)


def _check(query: DecisionQuery, scene: Scene) -> None:
    for name, value, least in (("forks", query.forks, 1), ("moments", query.moments, 2)):
        if value < least:
            raise SpecError(name, f"{name} is {value}; expected at least {least}")
    if query.way == "return" and Renoises.word not in scene.model.offers():
        raise SpecError("way", f"way is 'return', but {scene.model.title} cannot put examples back: choose 'fork'")
    check_way(_whole(query), scene)


def _whole(query: DecisionQuery) -> TrajectoryQuery:
    return TrajectoryQuery(
        query.seed, query.n, query.y, query.sampler, query.steps, guidance=query.guidance, mix=query.mix
    )


def _base(query: DecisionQuery, scene: Scene) -> Generator[None, None, list[StepState]]:
    """The states of the base way at the moments, evenly in progress from 0 to nearly 1, and its last state."""
    stops: list[StepState] = []
    last: StepState | None = None
    for _, state in travel(_whole(query), scene):
        if len(stops) < query.moments and state.progress >= len(stops) / query.moments - 1e-9:
            stops.append(state)
        last = state
        yield None
    if last is None or len(stops) < query.moments or stops[-1] is last:
        steps = query.steps or scene.model.default_steps
        raise SpecError("moments", f"moments is {query.moments}, but the way has {steps} steps: choose fewer moments")
    return [*stops, last]


def _ends(
    query: DecisionQuery, scene: Scene, stop: StepState, final: Tensor, place: int
) -> Generator[None, None, Tensor]:
    """Where the forks of one moment end: (n * forks, ...), the forks of one example one after another."""
    import torch

    model = scene.model
    rng = torch.Generator(scene.rng.device).manual_seed((query.seed + 1) * 1_000_003 + place)
    starts = (final if query.way == "return" else stop.x).repeat_interleave(query.forks, 0)
    found = []
    for part in starts.split(AT_ONCE[model.card.kind]):
        at = stop.at
        if query.way == "return":
            part, at = model.renoise(part, stop.progress, rng)
        route = Route(
            query.sampler, query.steps, query.guidance, mixed(query.mix, len(part), scene), part, at, stop.progress
        )
        for state in model.trajectory(len(part), rng, labels(query.y, len(part), scene), route):
            last = state.x
            yield None
        found.append(last)
    return torch.cat(found)


class _Judge:
    """Tells classes by a vote of the nearest training examples, and how often that is right on others."""

    right: Accuracy
    chance: float

    def __init__(self, scene: Scene, classes: int) -> None:
        self._scene, self._count = scene, classes

    def learn(self) -> Iterator[None]:
        """Gather labelled examples, and be examined on those held out."""
        import torch

        from gm_core.maths.probes import accuracy

        rng = torch.Generator().manual_seed(0)  # the same judge whatever is asked, and the way keeps its own noise
        dusting = torch.Generator(self._scene.rng.device).manual_seed(0)
        splits = {}
        held_out = "validation" if self._scene.data.count("validation") else "test"
        for split, most in (("train", LEARNED), (held_out, HELD)):
            chosen = torch.randperm(self._scene.data.count(split), generator=rng)[:most]
            parts = []
            for part in chosen.split(250):
                parts.append(self._scene.data.examples(split, part, dusting))
                yield None
            known = [y for _, y in parts if y is not None]
            if not known:
                raise SpecError("data", f"{self._scene.data.card.title}: {WANTED}")
            splits["train" if split == "train" else "held"] = (
                torch.cat([x for x, _ in parts]).flatten(1).cpu(),
                torch.cat(known).cpu(),
            )
        self._x, self._y = splits["train"]
        held, truth = splits["held"]
        shares = torch.bincount(self._y, minlength=self._count).double() / len(self._y)
        self.chance = float(shares.square().sum())
        guesses = yield from self.classes(held)
        self.right = accuracy(guesses, truth)

    def classes(self, x: Tensor) -> Generator[None, None, Tensor]:
        """The classes (n,) of examples (n, ...), on the CPU."""
        from gm_core.maths.probes import neighbour_votes

        return (yield from neighbour_votes(self._x, self._y, self._count, x.flatten(1).cpu()))
