"""Cards describe: a model, a data set, a device, a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from gm_core.spec import Row

Values = Literal["binary", "levels", "continuous"]
Shape = Literal["points", "vectors", "images"]


@dataclass(frozen=True, slots=True)
class DataCard:
    """What a data set is, in the words that models and panels share.

    `shape` is (c, h, w) for images and (d,) for points and vectors. `range` is the smallest and largest value that
    an example can hold after `data/` has brought it to float; for the plane it is the box worth drawing.
    `traits` is the closed list that capabilities and panels share: "points" (the plane), "vectors", "images",
    "labels", "binary", "levels", "continuous", "exact" (the density is known).
    """

    name: str
    title: str
    shape: tuple[int, ...]
    values: Values
    range: tuple[float, float]
    levels: int = 0
    classes: tuple[str, ...] = ()
    splits: Mapping[str, int] = field(default_factory=dict)
    binarisation: Literal["none", "dynamic", "threshold"] = "none"
    dequantised: bool = False
    exact: bool = False
    note: str = ""

    @property
    def kind(self) -> Shape:
        """Whether examples are points of the plane, vectors or images."""
        if len(self.shape) == 3:
            return "images"
        return "points" if self.shape == (2,) else "vectors"

    @property
    def size(self) -> int:
        """Numbers in one example."""
        total = 1
        for extent in self.shape:
            total *= extent
        return total

    @property
    def traits(self) -> frozenset[str]:
        """The words by which models and panels ask whether they fit."""
        words: set[str] = {self.kind, self.values}
        if self.classes:
            words.add("labels")
        if self.exact:
            words.add("exact")
        return frozenset(words)


@dataclass(frozen=True, slots=True)
class ModelCard:
    """What a kind of model is: its parameters, the most it can do, what data it takes."""

    name: str
    title: str
    paper: str
    summary: str
    rows: tuple[Row, ...]
    offers: frozenset[str]
    accepts: frozenset[str]
    charts: tuple[Chart, ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """One curve that a model's loss reports: its key, words, unit and which way is good.

    `is_loss` says that it is the loss itself, so that nobody draws that a second time.
    """

    name: str
    title: str
    unit: str = "nats per example"
    better: Literal["lower", "higher", "neither"] = "lower"
    vector: bool = False
    tip: str = ""
    is_loss: bool = False


@dataclass(frozen=True, slots=True)
class DataKind:
    """A kind of data set that can be chosen, with its parameters; `ready` says that nothing must be downloaded."""

    name: str
    title: str
    summary: str
    rows: tuple[Row, ...]
    ready: bool = True
    group: str = ""


@dataclass(frozen=True, slots=True)
class DeviceCard:
    """Where the worker computes."""

    name: str
    title: str
    threads: int
    memory: int = 0


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All that can be chosen, as the worker knows it; the window builds its forms from this."""

    models: tuple[ModelCard, ...]
    data: tuple[DataKind, ...]
    train: tuple[Row, ...]
    device: DeviceCard
    presets: tuple[Preset, ...] = ()


@dataclass(frozen=True, slots=True)
class RunCard:
    """What a run is at this moment: its spec, what its model offers on its data, and where it stands.

    `offers` is what the model can do with this spec and data; `kept` are the steps whose snapshot is held.
    """

    run: str
    title: str
    spec: Mapping[str, Any]
    data: DataCard
    offers: frozenset[str]
    charts: tuple[Chart, ...]
    parameters: int
    step: int
    steps: int
    state: Literal["training", "paused", "finished", "stopped", "failed", "viewed"]
    folder: str = ""
    device: str = "cpu"
    parent: str = ""
    parent_step: int = 0
    kept: tuple[int, ...] = ()
    pinned: tuple[int, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    phases: tuple[str, ...] = ()
    """The phases of training in their order (a GAN has two), and those of them that are switched `off`."""
    off: tuple[str, ...] = ()

    @property
    def traits(self) -> frozenset[str]:
        """What a panel's needs are compared with."""
        return self.offers | self.data.traits


@dataclass(frozen=True, slots=True)
class RunRow:
    """A saved run as the list shows it. Times are seconds since 1970; `score` is the last validation total."""

    run: str
    title: str
    model: str
    data: str
    state: str
    step: int
    steps: int
    created: float
    updated: float
    folder: str
    spec: Mapping[str, Any] = field(default_factory=dict)
    parent: str = ""
    score: float | None = None
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class Preset:
    """A run worth starting from, read from a YAML file: a RunSpec in plain form and where it came from."""

    name: str
    title: str
    note: str
    spec: Mapping[str, Any]
    path: str = ""
