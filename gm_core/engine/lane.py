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

PHASES = "phases.off"
"""As what switching phases is recorded among the edits, and what is said where none is off."""
NONE = "none"
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
        self.only: frozenset[str] = frozenset()
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
        self.training.notes = {"data": spec.data}
        self.timeline = Timeline(spec.train.memory * 2**20)
        self.job: Iterator[None] | None = None
        self._then: tuple[Mapping[str, Any], Feed] | None = None

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
            phases=self.phases,
            off=self.off,
        )

    # ---- training

    def advance(self) -> bool:
        """One yield of training; False when the run has reached its end."""
        if self.job is None:
            self.job = self.training.steps()
        before = self.training.step
        self.training.only = self.only if self.left is not None else frozenset()
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
        """Change a live parameter now; raises SpecError where it is not live or not allowed.

        "data" means all data, "phases.off" the phases that rest, as words with commas.
        """
        if path == "data":
            return self.change_data(value)
        if path == PHASES:
            return self.switch(() if value == NONE else tuple(str(value).split(", ")))
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

    def change_data(self, wish: Mapping[str, Any]) -> Change:
        """Learn from other data from the next step on; raises SpecError where this model could not, DataError where
        they are absent. A snapshot of this very step is taken again, so that what is saved now says so."""
        change = self._take_data(wish)
        if self.training.step in self.timeline.steps:
            self.snapshot()
        return change

    def learns_from(self, wish: Mapping[str, Any]) -> bool:
        """Whether these are the present data, however much of them is left unsaid; raises as `change_data` does."""
        spec = self.spec.replace("data", dict(wish))
        if self.no_data or spec.data["kind"] != self.spec.data["kind"]:
            return False
        now = self.training.feed.data.spec
        return type(now).read({name: value for name, value in spec.data.items() if name != "kind"}, "data") == now

    def _take_data(self, wish: Mapping[str, Any]) -> Change:
        """Other data in place of these, or a sentence and all as it was."""
        if self.no_data:
            raise SpecError("data", self.no_data)
        spec, old = self.spec.replace("data", dict(wish)), self.spec.data
        data, card = self.training.feed.fitting(spec.data)
        self._check_model(card)
        self.training.change_data(data, card)
        self.spec = spec
        self.training.notes = {"data": spec.data}
        self.saved_step = -1
        return Change("data", old, spec.data)

    def _check_model(self, card: DataCard) -> None:
        """Raise SpecError unless a model made for such data would have the same weights and offer the same."""
        now = self.training.model
        other = build(self.spec.model, card, self.spec.train.seed)
        shapes = [{name: tensor.shape for name, tensor in made.state_dict().items()} for made in (now, other)]
        if shapes[0] != shapes[1] or now.offers() != other.offers():
            raise SpecError(
                "data",
                f"{card.title} has {len(card.classes)} classes; this model was made for {len(now.card.classes)} and "
                "needs as many: keep their number, or train a new run on these data",
            )

    # ---- phases

    @property
    def phases(self) -> tuple[str, ...]:
        """The phases of all stages by name, in order."""
        return tuple(phase.name for stage in self.training.stages for phase in stage.phases)

    @property
    def off(self) -> tuple[str, ...]:
        """The phases that are switched off, in order."""
        return tuple(name for name in self.phases if name in self.training.switched_off)

    def switch(self, off: tuple[str, ...]) -> Change:
        """Let these phases rest from the next step on; raises SpecError where none would be left, or for unknown ones.

        A snapshot of this very step is taken again, so that what is saved now says so.
        """
        self.check_phases(off, "off")
        for stage in self.training.stages:
            names = [phase.name for phase in stage.phases]
            if names and set(names) <= set(off):
                raise SpecError(
                    "off",
                    f"off is {' and '.join(names)}, so that nothing would learn; leave at least one of them on, or "
                    "pause the run",
                )
        old = self.off
        self.training.switched_off = frozenset(off)
        self.saved_step = -1
        if self.training.step in self.timeline.steps:
            self.snapshot()
        return Change(PHASES, ", ".join(old) or NONE, ", ".join(self.off) or NONE)

    def check_phases(self, names: tuple[str, ...], path: str) -> None:
        """Raise SpecError where a phase is named that this model does not have."""
        unknown = [name for name in names if name not in self.phases]
        if unknown:
            known = ", ".join(self.phases) or "none"
            raise SpecError(path, f"{path} names {', '.join(unknown)}; the phases of this run are: {known}")

    # ---- the past

    def snapshot(self) -> Snapshot:
        """Keep the present on the timeline and return it."""
        taken = self.training.snapshot()
        self.timeline.add(taken)
        return taken

    def feed_of(self, snapshot: Snapshot) -> Feed:
        """The data that a snapshot was learning from: the present ones, or where they were changed since, those of then
        (kept until others are asked for). Raises as `change_data` does."""
        was = snapshot.facts.get("data", self.spec.data)
        if was == self.spec.data or self.no_data:
            return self.training.feed
        if self._then is None or self._then[0] != was:
            self._then = was, self.training.feed.beside(was)
        return self._then[1]

    def restore(self, snapshot: Snapshot) -> Change | None:
        """Jump to a snapshot; what comes after it on the timeline is forgotten. Tells where the data change by it."""
        self.halt()
        change = self.put_back(snapshot)
        self.timeline.cut(snapshot.step)
        self.epoch += 1
        self.poisoned = False
        self.facts.pop("trouble", None)
        return change

    def put_back(self, snapshot: Snapshot) -> Change | None:
        """Weights, random state and data as they were at a snapshot; tells where the data change by it."""
        was = snapshot.facts.get("data", self.spec.data)
        change = self._take_data(was) if was != self.spec.data and not self.no_data else None
        self.training.restore(snapshot)
        return change


def _defaults(row: Row, model: Mapping[str, Any]) -> dict[str, Any]:
    """The default of a model parameter that the spec leaves unsaid."""
    name = row.path.removeprefix("model.")
    return {} if not row.path.startswith("model.") or name in model else {name: row.default}
