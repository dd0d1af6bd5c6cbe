"""A model that learns nothing: a random walk towards a class, all of whose laws are known in closed form.

x starts at 0, or at noise of the size `spread`; each of T steps adds N(0, 1/T) with the sampler "noisy" and nothing
with "still", and both add a T-th of where the class lies. So x at progress s is B_s + s mean, B a Brownian motion.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from gm_core.capabilities.base import Scene
from gm_core.capabilities.samples import Samples
from gm_core.capabilities.stepwise import OWN, Guided, Renoises, Route, StepState, Stepwise
from gm_core.protocol.cards import DataCard
from gm_core.spec import SpecError

POINTS = DataCard("signs", "Signs", (2,), "continuous", (-3.0, 3.0), classes=("left", "right"))
PICTURES = DataCard("stamps", "Stamps", (1, 4, 4), "continuous", (-1.0, 1.0), classes=("dark", "light"))
MOST = 40


class Walker(Samples, Stepwise, Renoises, Guided):
    """The random walk; `knows` says whether it has learned its classes."""

    title = "Random walk"

    def __init__(self, card: DataCard = POINTS, knows: bool = True, spread: float = 0.0) -> None:
        self.card, self.knows, self.spread = card, knows, spread
        self.evaluations = 0

    def offers(self) -> frozenset[str]:
        return frozenset({"samples", "stepwise", "renoise"} | ({"conditional", "guided"} if self.knows else set()))

    @property
    def default_steps(self) -> int:
        return 10

    def samplers(self) -> tuple[str, ...]:
        return ("noisy", "still")

    def curves(self) -> Mapping[str, Any]:
        return {"t": torch.linspace(0, 1, 5).numpy(), "sigma": torch.linspace(1, 0, 5).numpy()}

    def places(self) -> Tensor:
        """Where the classes lie, in the first number: (classes,)."""
        return torch.linspace(-1.0, 1.0, len(self.card.classes))

    def renoise(self, x: Tensor, progress: float, rng: torch.Generator) -> tuple[Tensor, float]:
        """The law of the way at a moment, given its end: a Brownian bridge."""
        eps = torch.randn(x.shape, generator=rng)
        return progress * x + (progress * (1.0 - progress)) ** 0.5 * eps, progress

    def trajectory(
        self, n: int, rng: torch.Generator, y: Tensor | None = None, route: Route = OWN
    ) -> Iterator[StepState]:
        sampler, steps = route.sampler or "noisy", route.steps or self.default_steps
        if steps > MOST:
            raise SpecError("steps", f"steps is {steps}; the range is 1 to {MOST}")
        x = self.spread * torch.randn((n, *self.card.shape), generator=rng) if route.start is None else route.start
        first = round(route.begin * steps)
        drift = torch.zeros(n)
        if route.mix is not None:
            drift = route.mix[:, :-1] @ self.places()
        elif y is not None:
            drift = self.places()[y]
        added = drift * (1.0 if route.guidance is None else route.guidance)
        push = added.reshape(-1, *(1,) * (x.ndim - 1)).expand_as(x)
        for number in range(first, steps + 1):
            yield StepState(
                x=x,
                progress=number / steps,
                time=f"s = {number / steps:g}",
                views={"x0": x, "guidance": push - drift.reshape(push.shape[0], *(1,) * (x.ndim - 1))},
                numbers={"t": number / steps, "score_norm": 1.0},
                at=number / steps,
                cost=number - first,
            )
            self.evaluations += number < steps
            fresh = torch.randn(x.shape, generator=rng) if sampler == "noisy" else torch.zeros_like(x)
            x = x + push / steps + fresh / steps**0.5

    def sample(self, n: int, rng: torch.Generator, y: Tensor | None = None) -> Tensor:
        *_, last = self.trajectory(n, rng, y)
        return last.x


@dataclass
class Signs:
    """As many labelled examples as one likes: the class is the sign of the first number."""

    card: DataCard = POINTS
    labelled: bool = True
    n: int = 1500
    factor_names: tuple[str, ...] = ()

    def factors(self, split: str, indices: Tensor) -> Tensor | None:
        return None

    def examples(self, split: str, indices: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor | None]:
        x = torch.randn(self.n, *self.card.shape, generator=torch.Generator().manual_seed(len(split)))[indices]
        return x, (x.flatten(1)[:, 0] > 0).long() if self.labelled else None

    def count(self, split: str) -> int:
        return self.n

    def elsewhere(self, wish: Any) -> Signs:
        raise AssertionError("nobody asks for other data here")


def scene(model: Walker, seed: int = 0, labelled: bool = True) -> Scene:
    """A scene of the walk, with labelled examples beside it."""
    card = model.card if labelled else DataCard("bare", "Bare", model.card.shape, "continuous", model.card.range)
    return Scene(model, Signs(card, labelled), torch.Generator().manual_seed(seed), torch.device("cpu"))
