"""Stepwise: the model draws an example in many small steps, each of which can be watched."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gm_core.capabilities.base import Capability, Scene, answers, labels, to_picture
from gm_core.protocol.commands import Query
from gm_core.protocol.events import Array, Frame

if TYPE_CHECKING:
    import torch
    from torch import Tensor


@dataclass(frozen=True)
class StepState:
    """Where a trajectory stands, on tensors.

    `progress` runs from 0 (noise, empty) to 1 (data, full) and never falls; `time` is the model's own label.
    `views` are further pictures by name (x0, noise), `numbers` scalars by name (t, alpha_bar, sigma).
    """

    x: Tensor
    progress: float
    time: str
    views: Mapping[str, Tensor]
    numbers: Mapping[str, float]


class Stepwise(Capability):
    """Draws as a generator. Laws: progress never falls; the last state's x equals `sample` with that generator and
    the model's own sampler and steps; closing it midway leaks nothing."""

    word = "stepwise"

    @abstractmethod
    def trajectory(
        self, n: int, rng: torch.Generator, y: Tensor | None = None, sampler: str = "", steps: int = 0
    ) -> Iterator[StepState]:
        """Yield the states of n examples from pure noise to data. `sampler` "" and `steps` 0 take the model's own."""

    @abstractmethod
    def samplers(self) -> tuple[str, ...]:
        """The names that `trajectory` knows; the first is the model's own."""

    @abstractmethod
    def curves(self) -> Mapping[str, Any]:
        """The schedule for drawing: names to float arrays of one length, over the model's own time (key "t")."""


@dataclass(frozen=True, slots=True)
class TrajectoryQuery(Query):
    """Draw `n` examples and show each step; about `frames` of them are sent, the first and the last always."""

    n: int = 16
    y: int | None = None
    sampler: str = ""
    steps: int = 0
    frames: int = 100


@dataclass(frozen=True, slots=True)
class StepFrame(Frame):
    """One step: x and the named views as uint8 (n, h, w, c) or float32 (n, d).

    `number` of `total` network evaluations are done; `curves` comes with the first frame only; images are stretched
    from -1..1 or the card's range, clipped.
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


@answers(Stepwise.word, TrajectoryQuery)
def trace(query: TrajectoryQuery, scene: Scene) -> Iterator[StepFrame | None]:
    """Send the states of a trajectory; None between the frames that are left out, so that training can go on."""
    model = scene.model
    card = model.card
    states = model.trajectory(query.n, scene.rng, labels(query.y, query.n, scene), query.sampler, query.steps)
    curves = model.curves()
    sent = -1.0
    number = 0
    for state in states:
        due = state.progress >= 1.0 or state.progress - sent >= 1.0 / max(query.frames, 1) - 1e-9
        if not due:
            number += 1
            yield None
            continue
        first = sent < 0
        sent = state.progress
        yield StepFrame(
            x=to_picture(state.x, card),
            views={name: to_picture(view, card) for name, view in state.views.items()},
            progress=state.progress,
            time=state.time,
            numbers=dict(state.numbers),
            number=number,
            total=query.steps or model.default_steps,
            curves=dict(curves) if first else None,
            samplers=model.samplers() if first else (),
        )
        number += 1
