"""The only training loop: a generator that takes one step of every phase between two yields.

for stage in model.stages():                  # in order, each up to its share of the steps
    for step in ...:
        batch = feed.next()                   # on the device, from the feed's own generator
        for phase in stage.phases:            # a GAN has two
            for part in parts(batch):         # one, unless the spec says how many examples to take at once
                loss = phase.loss(part, rng); backward;    yield    # midway: others may look, nothing may change
            step; phase.after
        meter.write(...)                      # no synchronisation
        yield                                 # a safe point: pause, edit, look, cancel
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from gm_core.data.base import Data
from gm_core.data.feed import Feed
from gm_core.model import Batch, GenerativeModel, ModelSpec, Phase, Stage
from gm_core.protocol.cards import DataCard
from gm_core.spec import SpecError, TrainSpec
from gm_core.train.device import spare_core, use_threads
from gm_core.train.meter import Mean, Meter
from gm_core.train.optim import adjust, flatten_state, make_optimiser, restore_state
from gm_core.weights.ema import Ema
from gm_core.weights.mirror import Mirrors
from gm_core.weights.snapshot import Snapshot

Validated = Callable[[int, float, Mapping[str, float]], None]
PORTION, PORTION_OF_LARGE = 500, 100
"""Validation examples between two yields, of small models and of others: what they compute must fit in memory."""


def portion_of(model: GenerativeModel) -> int:
    """How many examples a model scores at once."""
    return PORTION if model.small else PORTION_OF_LARGE


class Training:
    """A model, its feed, its optimisers and its random state; `steps()` is the loop.

    Everything that decides the next step is in `snapshot()`, so that 10 steps equal 5, a snapshot, and 5 (bit for
    bit on the CPU). `validated(step, seconds, scores)` is told each validation. While `midway` is true the generator
    rests inside a step: the weights are those of the last one, but half a gradient is underway, so that nothing may be
    edited, saved or restored until the next safe point. Phases that are `switched_off` rest; while `only` names some,
    those alone learn, which no snapshot remembers. `notes` go into the facts of each snapshot: what else the
    owner must know to go on from there, such as which data these were.
    """

    def __init__(
        self,
        model: GenerativeModel,
        feed: Feed,
        spec: TrainSpec,
        device: torch.device,
        validated: Validated = lambda step, seconds, scores: None,
    ) -> None:
        if spec.microbatch and not model.splittable:
            raise SpecError(
                "train.microbatch",
                f"train.microbatch is {spec.microbatch}, but the loss of {model.title or 'this model'} compares the "
                "examples of a batch with each other; set it to 0",
            )
        self.model = model.to(device).train()
        self.feed = feed
        self.spec = spec
        self.device = device
        self.validated = validated
        self.step = 0
        self.seconds = 0.0
        self.stage = 0
        self.began = 0
        self.midway = False
        self.notes: dict[str, Any] = {}
        self._rested = 0.0
        self.switched_off: frozenset[str] = frozenset()
        self.only: frozenset[str] = frozenset()
        self.stages: list[Stage] = model.stages()
        self.optimisers = {
            phase.name: make_optimiser(phase.parameters, spec, device)
            for stage in self.stages
            for phase in stage.phases
            if phase.parameters
        }
        self.rng = torch.Generator(device).manual_seed(spec.seed)
        self.ema = Ema(model.averaged(), spec.ema) if spec.ema > 0 else None
        self.meter = Meter()
        self.mirrors = Mirrors(model)
        self._scaler = torch.amp.GradScaler("cuda", enabled=device.type == "cuda" and spec.precision == "float16")

    # ---- the loop

    def steps(self) -> Iterator[None]:
        """Train until the spec's number of steps is reached; each yield but those `midway` is a safe point."""
        use_threads(self.spec.threads, self.model.small, self.model.long_operations)
        self.feed.draws_ahead = self.device.type == "cpu" and spare_core()
        if self.step == 0:
            yield from self._validate()
        while self.stage < len(self.stages):
            stage = self.stages[self.stage]
            if stage.fit is not None:
                whole = yield from self._fit(stage)
                if not whole and self.stage == len(self.stages) - 1:
                    return  # in this stage, so that more steps can be given
            else:
                while self.step < self.end:
                    yield from self._step(stage.phases)
                    yield
                    if self.step % self.spec.validate_every == 0 or self.step >= self.end:
                        yield from self._validate()
                if self.stage == len(self.stages) - 1:
                    return
            self.stage, self.began = self.stage + 1, self.step

    @property
    def end(self) -> int:
        """The step at which the present stage ends: its share of all steps, or all of them for the last one."""
        last = self.stage >= len(self.stages) - 1
        return self.spec.steps if last else round(self.stages[self.stage].share * self.spec.steps)

    def _step(self, phases: list[Phase]) -> Iterator[None]:
        began = time.perf_counter()
        self._rested = 0.0
        self.model.at(self.step)
        batch = self.feed.next()
        fresh = True
        only = self.only & {phase.name for phase in phases}
        values: dict[str, Tensor] = {}
        for phase in phases:
            if (phase.name not in only) if only else phase.name in self.switched_off:
                continue
            optimiser = self.optimisers[phase.name]
            adjust(optimiser, self.spec, self.step - self.began, self.end - self.began)
            for _ in range(phase.repeat):
                if not fresh:
                    batch = self.feed.next()
                found = yield from self._descend(phase, optimiser, batch)
                fresh = phase.repeat == 1
            values[self._loss_name(phase)] = found.pop("total")
            values.update(found)
        self.step += 1
        if self.ema is not None:
            self.ema.update(self.step, len(batch.x))
        self.seconds += time.perf_counter() - began - self._rested
        self.meter.write(self.step, self.seconds, values)

    def _loss_name(self, phase: Phase) -> str:
        """What the loss of a phase is called in the curves: "total" only where it is the one loss of the whole run."""
        alone = len(self.stages) == 1 and len(self.stages[0].phases) == 1
        return "total" if alone else f"{phase.name}_total"

    def _descend(
        self, phase: Phase, optimiser: torch.optim.Optimizer, batch: Batch
    ) -> Generator[None, None, dict[str, Tensor]]:
        """One step down the gradient of a batch, gathered part by part; returns the batch's values, detached."""
        optimiser.zero_grad(set_to_none=True)
        parts = self._parts(batch)
        if len(parts) == 1:
            found = self._gather(phase, batch, 1.0)
        else:
            found = {}
            for number, part in enumerate(parts):
                if number:
                    yield from self._rest()
                share = len(part.x) / len(batch.x)
                for name, value in self._gather(phase, part, share).items():
                    found[name] = found[name] + share * value if number else share * value
        if self.spec.clip > 0:
            self._scaler.unscale_(optimiser)
            torch.nn.utils.clip_grad_norm_(phase.parameters, self.spec.clip)
        self._scaler.step(optimiser)
        self._scaler.update()
        if phase.after is not None:
            with torch.no_grad():
                phase.after(self.rng)
        return found

    def _parts(self, batch: Batch) -> list[Batch]:
        """The batch in parts of at most `train.microbatch` examples; whole where that is 0."""
        size, n = self.spec.microbatch, len(batch.x)
        if not 0 < size < n:
            return [batch]
        y, index = batch.y, batch.index
        cuts = [slice(first, min(first + size, n)) for first in range(0, n, size)]
        return [Batch(batch.x[c], None if y is None else y[c], None if index is None else index[c]) for c in cuts]

    def _gather(self, phase: Phase, part: Batch, share: float) -> dict[str, Tensor]:
        """Add the gradient of a part, whose loss is a mean over examples, by its share of the batch."""
        if self.device.type == "cuda" and self.spec.precision != "float32":
            kind = torch.bfloat16 if self.spec.precision == "bfloat16" else torch.float16
            with torch.autocast("cuda", kind):
                values = phase.loss(part, self.rng)
        else:
            values = phase.loss(part, self.rng)
        total = values["total"] if share == 1.0 else share * values["total"]
        self._scaler.scale(total).backward()
        return {name: value.detach() for name, value in values.items()}

    def _rest(self) -> Iterator[None]:
        """Let others look in the middle of a step; the time that they take is not counted as training."""
        began = time.perf_counter()
        self.midway = True
        try:
            yield
        finally:
            self.midway = False
            self._rested += time.perf_counter() - began

    def _fit(self, stage: Stage) -> Generator[None, None, bool]:
        """Exact passes, one a step, until the fit is done or the stage's last step is reached; was it done?"""
        assert stage.fit is not None
        fit, whole = stage.fit(self.feed), False
        while self.step < self.end:
            began = time.perf_counter()
            with torch.no_grad():
                values = next(fit, None)
            if values is None:
                whole = True
                break
            self.step += 1
            self.seconds += time.perf_counter() - began
            found = {name: value.detach() for name, value in values.items()}
            if len(self.stages) > 1:
                found = {f"{stage.name}_total": found.pop("total"), **found}
            self.meter.write(self.step, self.seconds, found)
            yield
            if self.step % self.spec.validate_every == 0 and self.step < self.end:
                yield from self._validate()
        yield from self._validate()
        return whole

    def _validate(self) -> Iterator[None]:
        """Score held-out examples with the weights that views use; its own generator, so training never notices."""
        rng = torch.Generator(self.device).manual_seed(self.spec.seed + 1)
        scores, portion = Mean(), portion_of(self.model)
        with self.mirrors.lease(self.weights(), None) as twin:
            assert isinstance(twin, GenerativeModel)
            twin.at(self.step)
            for batch in self.feed.fixed("validation", self.spec.validate_examples, self.spec.seed, portion):
                with torch.no_grad():
                    scores.add(twin.scores(batch, rng), len(batch.x))
                yield
        self.validated(self.step, self.seconds, scores.result())

    # ---- edits and state

    def edit(self, train: TrainSpec, model: ModelSpec) -> None:
        """Take live changes at a step boundary."""
        self.spec = train
        self.model.edit(model)
        self.model.at(self.step)
        self.mirrors = Mirrors(self.model)  # twins copy the spec too, so they are born anew

    def change_data(self, data: Data, card: DataCard) -> None:
        """Learn from other data from the next step on; they must fit (see `Feed.fitting`)."""
        self.feed.change(data, card)
        self.model.card = card
        self.mirrors = Mirrors(self.model)  # twins hold the card too

    def weights(self) -> dict[str, Tensor]:
        """What views and validation use now: averaged weights where they are kept. Not copied: read before a step."""
        averaged = self.ema.average if self.ema is not None else {}
        return {**self.model.state_dict(), **averaged}

    def snapshot(self) -> Snapshot:
        """Everything that decides what comes next, copied to the CPU."""
        tensors: dict[str, Tensor] = {f"model.{name}": t for name, t in self.model.state_dict().items()}
        if self.ema is not None:
            tensors.update({f"ema.{name}": t for name, t in self.ema.average.items()})
        for phase, optimiser in self.optimisers.items():
            tensors.update({f"optim.{phase}.{name}": t for name, t in flatten_state(optimiser).items()})
        tensors["rng.training"] = self.rng.get_state()
        tensors.update({f"rng.feed.{name}": t for name, t in self.feed.state().items()})
        facts: dict[str, Any] = {
            "seconds": self.seconds,
            "stage": self.stage,
            "began": self.began,
            "scaler": self._scaler.state_dict(),
            "off": sorted(self.switched_off),
            **self.notes,
        }
        return Snapshot(self.step, {name: t.detach().to("cpu", copy=True) for name, t in tensors.items()}, facts)

    def restore(self, snapshot: Snapshot) -> None:
        """Return to a snapshot; what follows is what followed then. One kept for viewing brings weights only."""
        self.model.load_state_dict(snapshot.under("model."))
        self.step = snapshot.step
        self.seconds = float(snapshot.facts.get("seconds", 0.0))
        self.stage = int(snapshot.facts.get("stage", 0))
        self.began = int(snapshot.facts.get("began", 0))
        self.switched_off = frozenset(snapshot.facts.get("off", ()))
        self.model.at(self.step)
        self.meter = Meter()
        if "rng.training" not in snapshot.tensors:
            if self.ema is not None:
                self.ema.load({name: p.detach() for name, p in self.model.averaged().items()})
            return
        if self.ema is not None:
            self.ema.load(snapshot.under("ema."))
        for phase, optimiser in self.optimisers.items():
            restore_state(optimiser, snapshot.under(f"optim.{phase}."))
        self.rng.set_state(snapshot.tensors["rng.training"].clone())
        self.feed.load(snapshot.under("rng.feed."))
        self._scaler.load_state_dict(dict(snapshot.facts.get("scaler", {})))
