"""An inline engine in a temporary runs folder, turned by hand, and a model that can be made to fail."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from gm_core import api
from gm_core.capabilities.samples import Samples
from gm_core.model import MODELS, Batch, GenerativeModel, ModelSpec, model
from gm_core.protocol.cards import Chart
from gm_core.spec import param


class Saboteur(GenerativeModel, Samples):
    """A tiny model that fails at a chosen step: with NaN, out of memory, or a plain bug."""

    class Spec(ModelSpec):
        """When and how to fail."""

        fail_at: int = param(5, "The step at which it fails.", lo=0, hi=1000, live=True)
        how: str = param("nan", "nan, memory or bug.")

    charts = (Chart("squared", "Squared distance"),)
    accepts = frozenset({"points", "vectors", "images", "binary", "continuous", "levels"})

    def __init__(self, spec: ModelSpec, card: Any) -> None:
        super().__init__(spec, card)
        self.mean = nn.Parameter(torch.zeros(card.shape))
        self.finished = 0

    def at(self, step: int) -> None:
        self.finished = step

    def loss(self, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        squared = (batch.x - self.mean).square().mean()
        if self.training and self.finished + 1 == self.spec.fail_at:
            if self.spec.how == "memory":
                raise torch.OutOfMemoryError("CUDA out of memory (injected)")
            if self.spec.how == "bug":
                raise KeyError("missing")
            squared = squared * float("nan")
        return {"total": squared, "squared": squared}

    def sample(self, n: int, rng: torch.Generator, y: Tensor | None = None) -> Tensor:
        return self.mean.expand(n, *self.card.shape) + torch.randn(n, *self.card.shape, generator=rng)


@pytest.fixture
def saboteur() -> Iterator[None]:
    """Register the failing model for one test."""
    model("saboteur", title="Saboteur", paper="none")(Saboteur)
    yield
    del MODELS["saboteur"]


class Bench:
    """An inline engine and everything that it has said."""

    def __init__(self, runs: Path) -> None:
        self.engine = api.open_engine(runs, "inline")
        self.engine.start()
        self.events: list[api.Event] = []
        self.pull()

    def pull(self) -> list[api.Event]:
        fresh = self.engine.drain()
        self.events.extend(fresh)
        return fresh

    def send(self, *commands: api.Command) -> None:
        for command in commands:
            self.engine.send(command)
        self.engine.pump()
        self.pull()

    def until(self, done: Callable[[], bool], turns: int = 20_000) -> None:
        """Turn the worker until something is so."""
        for _ in range(turns):
            busy = self.engine.pump()
            self.pull()
            if done():
                return
            assert busy or any(done() for _ in [0]), "the worker is idle and what was waited for has not come"
        raise AssertionError("what was waited for has not come")

    def of(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def card(self) -> api.RunCard:
        return self.of(api.RunChanged)[-1].card

    def start(self, **changes: Any) -> str:
        """Begin a small run; keyword names use __ for dots."""
        plain: dict[str, Any] = {
            "name": "small",
            "model": {"kind": "vae", "latent": 2, "hidden": [16]},
            "data": {"kind": "digits", "limit": 200},
            "train": {"steps": 30, "batch": 20, "validate_every": 10, "validate_examples": 50},
        }
        for path, value in changes.items():
            *parents, last = path.split("__")
            at = plain
            for name in parents:
                at = at[name]
            at[last] = value
        self.send(api.Start(plain))
        return self.card.run if self.of(api.RunChanged) else ""

    def rest(self) -> None:
        """Turn until the newest run is at rest."""
        self.until(lambda: self.card.state != "training")


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path / "runs")
    yield made
    made.engine.close()
