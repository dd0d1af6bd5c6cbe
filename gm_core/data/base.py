"""What a data set is: a card, splits of tensors, and, where the truth is known, the truth."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal, TypeVar

import torch
from torch import Tensor

from gm_core.capabilities.preview import Preview, Skipped
from gm_core.protocol.cards import DataCard
from gm_core.spec import Spec, param

SplitName = Literal["train", "validation", "test"]
SPLITS: tuple[SplitName, ...] = ("train", "validation", "test")


class DataError(Exception):
    """Data that cannot be used: one sentence that says what was found, what was expected and what to do."""


@dataclass(frozen=True, slots=True)
class Part:
    """One split: `x` as stored, uint8 (n, c, h, w) for images or float32 (n, d), and labels `y` int64 (n,) or None.

    `factors`, float32 (n, f), are the causes that each example was made from, where they are known; the data set's
    `factor_names` say what the columns are. A factor of few kinds (a shape) is written as 0, 1, 2 ...
    """

    x: Tensor
    y: Tensor | None = None
    factors: Tensor | None = None

    def __len__(self) -> int:
        return int(self.x.shape[0])


@dataclass(frozen=True, slots=True)
class Remote:
    """One file to fetch: its name, addresses (mirrors in order), checksum, and what files an archive holds."""

    name: str
    addresses: tuple[str, ...]
    md5: str
    holds: tuple[str, ...] = ()


class DataSpec(Spec):
    """The parameters of a data set; each declares its own subclass in its own file."""


class Data(ABC):
    """A data set as it lies in memory; `feed` brings it to the device and to the card's range.

    A data set is made from its Spec and keeps it; `card` states range, values, splits and classes. `exact` is the
    truth where it is known (the card's trait "exact"). The first line of a class's docstring is its summary.
    """

    Spec: ClassVar[type[DataSpec]]
    name: ClassVar[str]
    title: ClassVar[str]
    group: ClassVar[str]
    ready: ClassVar[bool] = True

    spec: DataSpec
    card: DataCard
    levels: int = 0
    """Grey levels as stored (0 for floats); the card says 2 where they are made binary."""
    factor_names: tuple[str, ...] = ()
    """What the columns of `Part.factors` are, for data made from known causes; none for all others."""
    exact: Exact | None = None
    skipped: tuple[Skipped, ...] = ()
    """Files or lines of the user's own data that were left out, and why."""

    def __init__(self, spec: DataSpec) -> None:
        self.spec = spec

    @classmethod
    def remotes(cls, spec: DataSpec) -> tuple[Remote, ...]:
        """The files that can be downloaded for this choice; none where nothing is needed."""
        return ()

    @classmethod
    def prepare(cls, spec: DataSpec) -> Iterator[Preview | None]:
        """What takes long, done in portions, so that making the set is quick afterwards; perhaps with views on the way.

        A set that is made at once has nothing to prepare.
        """
        return iter(())

    @abstractmethod
    def part(self, split: SplitName) -> Part:
        """The stored examples of one split, on the CPU."""


class Exact(ABC):
    """A distribution whose truth is known: what a model of it can be held against. All in nats, float64-safe."""

    @abstractmethod
    def log_prob(self, x: Tensor) -> Tensor:
        """log p(x) for x (n, d); shape (n,)."""

    @abstractmethod
    def score(self, x: Tensor) -> Tensor:
        """The gradient of log p at x (n, d); same shape."""

    @property
    @abstractmethod
    def entropy(self) -> float:
        """Differential entropy in nats."""

    @abstractmethod
    def sample(self, n: int, rng: torch.Generator) -> Tensor:
        """Draw x (n, d), float32."""

    def noised(self, a: float, b: float) -> Exact | None:
        """The distribution of a x + b eps, eps ~ N(0, I), or None where it is not known; a and b are not negative."""
        return None

    def diffused(self, sigma: float) -> Exact | None:
        """The distribution of x + sigma eps, eps ~ N(0, I), or None where it is not known."""
        return self.noised(1.0, sigma)

    def modes(self) -> tuple[Tensor, float, Tensor] | None:
        """Centres (K, d), the deviation around each, and weights (K,) of a mixture of round Gaussians; else None."""
        return None


DATA: dict[str, type[Data]] = {}

Kind = TypeVar("Kind", bound=Data)


def dataset(name: str, title: str, group: str, *, ready: bool = True) -> Callable[[type[Kind]], type[Kind]]:
    """Register a data set under the name that specs use as `kind`; `ready` says that it needs no files."""

    def register(cls: type[Kind]) -> type[Kind]:
        cls.name, cls.title, cls.group, cls.ready = name, title, group, ready
        DATA[name] = cls
        return cls

    return register


class ImageSpec(DataSpec):
    """Choices that every set of grey or colour images shares."""

    binarisation: Literal["none", "dynamic", "threshold"] = param(
        "none", "Grey pixels made binary: drawn anew each time (dynamic), by x > 0.5 (threshold), or left grey."
    )
    dequantise: bool = param(False, "Add uniform noise of one grey level, so that a density on pixels makes sense.")
    centred: bool = param(False, "Bring pixels to -1..1 (as diffusion wants) instead of 0..1.")
    limit: int = param(0, "Use only so many training examples; 0 uses all.", lo=0, hi=10_000_000)


def data_folders() -> tuple[Path, ...]:
    """Where data files are looked for: GM_DATA (several, separated like PATH), then the user's data folder."""
    import os

    import platformdirs

    named = [Path(p) for p in os.environ.get("GM_DATA", "").split(os.pathsep) if p]
    return (*named, Path(platformdirs.user_data_dir("generative-models-playground")) / "data")
