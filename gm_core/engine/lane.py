"""A lane: one run inside the worker, with its training, its past, its edits and its state."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from gm_core.data.base import DataError
from gm_core.data.feed import Feed
from gm_core.data.registry import make_data
from gm_core.model import Batch, build
from gm_core.protocol.cards import DataCard, RunCard
from gm_core.spec import Row, RunSpec, SpecError, describe
from gm_core.spec.base import fetch
from gm_core.train.device import choose_device
from gm_core.train.loop import Training, Validated
from gm_core.weights.snapshot import Snapshot
from gm_core.weights.timeline import Timeline

State = Literal["training", "paused", "finished", "stopped", "failed", "viewed"]


@dataclasses.dataclass(frozen=True)
class Change:
    """One live edit, so that it can be taken back."""

    path: str
    old: Any
    new: Any


class NoFeed(Feed):
    """Stands in for data that is not on this machine: a saved model can still be looked at, but not trained."""

    def __init__(self, card: DataCard, why: str) -> None:
        self.card = card
        self._why = why
        self._state: dict[str, Tensor] = {}

    def next(self) -> Batch:
        raise DataError(self._why)

    def examples(self, split: str, indices: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor | None]:
        raise DataError(self._why)

    def count(self, split: str) -> int:
        raise DataError(self._why)

    def state(self) -> dict[str, Tensor]:
        return self._state

    def load(self, state: Mapping[str, Tensor]) -> None:
        self._state = dict(state)


class Lane:
    """One run in the worker. `epoch` changes with each rollback, so that equal steps of two pasts are told apart."""

    def __init__(
        self, run: str, spec: RunSpec, validated: Validated, folder: Path | None = None, stored: DataCard | None = None
    ) -> None:
        self.run = run
        self.spec = spec
        self.folder = folder
        self.state: State = "paused"
        self.parent = ""
        self.parent_step = 0
        self.epoch = 0
        self.left: int | None = None
        self.poisoned = False
        self.saved_step = -1
        self.facts: dict[str, Any] = {}
        self.done: list[Change] = []
        self.undone: list[Change] = []
        device = choose_device(spec.train.device)
        self.no_data = ""
        feed: Feed
        try:
            feed = Feed(make_data(spec.data), batch=spec.train.batch, device=device, seed=spec.train.seed + 2)
        except DataError as error:
            if stored is None:
                raise
            self.no_data = str(error)
            feed = NoFeed(stored, self.no_data)
        model = build(spec.model, feed.card, spec.train.seed)
        self.training = Training(model, feed, spec.train, device, validated)
        self.timeline = Timeline(spec.train.memory * 2**20)
        self.job: Iterator[None] | None = None

    @property
    def card(self) -> RunCard:
        """The run as the window sees it."""
        training = self.training
        return RunCard(
            run=self.run,
            title=self.spec.title or self.run,
            spec=self.spec.plain(),
            data=training.model.card,
            offers=training.model.offers(),
            charts=training.model.charts,
            parameters=training.model.free_parameters(),
            step=training.step,
            steps=self.spec.train.steps,
            state=self.state,
            folder=str(self.folder) if self.folder else "",
            device=training.device.type,
            parent=self.parent,
            parent_step=self.parent_step,
            kept=self.timeline.steps,
            pinned=tuple(sorted(self.timeline.pinned)),
            facts={**self.facts, **({"no_data": self.no_data} if self.no_data else {})},
        )

    # ---- training

    def advance(self) -> bool:
        """One yield of training; False when the run has reached its end."""
        if self.job is None:
            self.job = self.training.steps()
        before = self.training.step
        try:
            next(self.job)
        except StopIteration:
            self.job = None
            return False
        if self.left is not None and self.training.step > before:
            self.left -= 1
        return True

    def halt(self) -> None:
        """Drop the running generator, for a jump or after an error; the next advance makes a new one."""
        if self.job is not None:
            self.job.close()  # type: ignore[attr-defined]  # a generator
            self.job = None

    # ---- live edits

    def rows(self) -> dict[str, Row]:
        """Every parameter of this run's spec by path."""
        model = type(self.training.model).Spec
        made = (*describe(model, "model"), *describe(type(self.spec.train), "train"))
        return {row.path: row for row in made}

    def edit(self, path: str, value: Any) -> Change:
        """Change a live parameter now; raises SpecError where it is not live or not allowed."""
        row = self.rows().get(path)
        if row is None:
            near = ", ".join(p for p, r in self.rows().items() if r.live)
            raise SpecError(path, f"{path} cannot be edited while training; live parameters are: {near}")
        if not row.live:
            raise SpecError(path, f"{path} cannot change while training; start a new run or branch with the new value")
        plain = self.spec.plain()
        old = fetch({**plain, "model": {**_defaults(row, plain["model"]), **plain["model"]}}, path)
        spec = self.spec.replace(path, value)
        model = type(self.training.model)
        made = model.Spec.read({k: v for k, v in spec.model.items() if k != "kind"}, "model")
        self.spec = spec
        self.training.edit(spec.train, made)
        return Change(path, old, value)

    # ---- the past

    def snapshot(self) -> Snapshot:
        """Keep the present on the timeline and return it."""
        taken = self.training.snapshot()
        self.timeline.add(taken)
        return taken

    def restore(self, snapshot: Snapshot) -> None:
        """Jump to a snapshot; what comes after it on the timeline is forgotten."""
        self.halt()
        self.training.restore(snapshot)
        self.timeline.cut(snapshot.step)
        self.epoch += 1
        self.poisoned = False
        self.facts.pop("trouble", None)


def _defaults(row: Row, model: Mapping[str, Any]) -> dict[str, Any]:
    """The default of a model parameter that the spec leaves unsaid."""
    name = row.path.removeprefix("model.")
    return {} if not row.path.startswith("model.") or name in model else {name: row.default}
