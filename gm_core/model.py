"""The whole contract of a model: parameters to choose, a loss to lower, and capabilities in the class line.

    @model("vae", title="Variational autoencoder", paper="Kingma & Welling 2013, arXiv:1312.6114")
    class VAE(GenerativeModel, Samples, Reconstructs, Latent, Encodes, Density):
        class Spec(ModelSpec): ...
        charts = (Chart("elbo", "Evidence lower bound", better="higher"), ...)
        accepts = frozenset({"binary", "continuous", ...})
        def loss(self, batch, rng): return {"total": ..., "elbo": ...}

The class line states the most that a model can do; `offers()` narrows it by spec and data.
"""

from __future__ import annotations

import importlib
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from typing import Any, ClassVar, TypeVar

import torch
from torch import Tensor, nn

from gm_core.capabilities.base import Capability
from gm_core.maths.batch import Batch as Batch
from gm_core.protocol.cards import Chart, DataCard, ModelCard
from gm_core.spec import Spec, SpecError, describe


class ModelSpec(Spec):
    """The parameters of a model; each model declares its own subclass in its own file."""


Loss = Callable[[Batch, torch.Generator], dict[str, Tensor]]


@dataclass
class Phase:
    """One gradient step of a round: which parameters move, by which loss, how often. A GAN has two.

    `loss` returns a dict with the key "total" and the declared charts: scalars, or vectors where the chart says so.
    `after` is called once the step is taken, with the generator of training: what is learned by no gradient, such as
    moving averages. A batch may come in parts, for each of which `loss` is called; `after` comes once.
    """

    name: str
    parameters: list[nn.Parameter]
    loss: Loss
    repeat: int = 1
    after: Callable[[torch.Generator], None] | None = None


@dataclass
class Stage:
    """What runs in order: rounds of phases, or `fit`, a generator over exact passes (closed forms).

    `share` is the part of `train.steps` at whose end the stage ends; the last stage goes on to the end whatever it
    says. Of a model with several stages, each reports its own charts, and `scores` reports all of them.
    """

    name: str
    phases: list[Phase] = field(default_factory=list)
    fit: Callable[[Any], Iterator[Mapping[str, Tensor]]] | None = None
    share: float = 1.0


class GenerativeModel(nn.Module, ABC):
    """A model of data: a torch module made from its Spec and the card of its data.

    Class variables: `Spec`, `title`, `paper`, `charts`, `accepts` (traits of data cards, of which a data set must
    have all listed in at least one of the alternatives; see `fits`).
    """

    Spec: ClassVar[type[ModelSpec]]
    name: ClassVar[str] = ""
    title: ClassVar[str] = ""
    paper: ClassVar[str] = ""
    charts: tuple[Chart, ...]
    """The most that a model reports; one whose loss has fewer terms with its spec keeps fewer on itself."""
    accepts: ClassVar[frozenset[str]]
    small: bool = True
    """Whether one CPU thread is best (toys and small perceptrons); convolutions say no."""
    long_operations: bool = False
    """Whether a second thread pays where there are but two cores: convolutions of whole pictures, attention."""
    splittable: bool = True
    """Whether the loss is a mean over examples that know nothing of each other, so that a batch may come in parts."""

    card: DataCard

    def __init__(self, spec: ModelSpec, card: DataCard) -> None:
        super().__init__()
        self.spec = spec
        self.card = card

    @abstractmethod
    def loss(self, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """The loss of one batch, key "total" to minimise, and the declared charts."""

    def stages(self) -> list[Stage]:
        """One stage with one phase over all parameters, unless a model says otherwise."""
        return [Stage("train", [Phase("model", list(self.parameters()), self.loss)])]

    def scores(self, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """What validation reports; the loss in eval mode unless a model says otherwise."""
        return self.loss(batch, rng)

    def averaged(self) -> Mapping[str, nn.Parameter]:
        """The parameters of which averages are kept (`train.ema`), by name; all unless a model says otherwise."""
        return dict(self.named_parameters())

    def at(self, step: int) -> None:
        """Told the number of finished steps before each step, for warm-ups; must depend on nothing else."""

    def edit(self, spec: ModelSpec) -> None:
        """Take live changes of the spec."""
        self.spec = spec

    def free_parameters(self) -> int:
        """How many numbers are learned; a model of frequencies counts those that are free."""
        return sum(parameter.numel() for parameter in self.parameters())

    def offers(self) -> frozenset[str]:
        """What this model can do with this spec and data: the words of its class line unless it narrows them."""
        return words(type(self))

    @classmethod
    def fits(cls, card: DataCard) -> str:
        """Empty if the model can learn such data, else one sentence that says why not."""
        lacking = {card.kind, card.values} - cls.accepts
        if not lacking:
            return ""
        takes = ", ".join(sorted(cls.accepts))
        found = " and ".join(sorted(lacking))
        return f"{cls.title} takes {takes}; {card.title} is {found}: choose other data or another model"


MODELS: dict[str, type[GenerativeModel]] = {}


Kind = TypeVar("Kind", bound=GenerativeModel)


def model(name: str, *, title: str, paper: str) -> Callable[[type[Kind]], type[Kind]]:
    """Register a model under the name that specs use as `kind`."""

    def register(cls: type[Kind]) -> type[Kind]:
        cls.name, cls.title, cls.paper = name, title, paper
        MODELS[name] = cls
        return cls

    return register


def words(cls: type) -> frozenset[str]:
    """The capabilities in a class line, as words."""
    return frozenset(base.word for base in cls.__mro__ if issubclass(base, Capability) and "word" in vars(base))


def find_models() -> dict[str, type[GenerativeModel]]:
    """Import every file of gm_core.models and every entry point in the group `gm_core.models`; names to classes."""
    package = importlib.import_module("gm_core.models")
    for found in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"gm_core.models.{found.name}")
    for point in entry_points(group="gm_core.models"):
        point.load()
    return dict(sorted(MODELS.items()))


def model_class(kind: str) -> type[GenerativeModel]:
    """The class of a kind; raises SpecError with the nearest names where there is none."""
    known = find_models()
    if kind not in known:
        raise SpecError("model.kind", f"model.kind is {kind!r}; expected one of: {', '.join(known)}")
    return known[kind]


def card_of(cls: type[GenerativeModel]) -> ModelCard:
    """The card of a kind of model."""
    summary = (cls.__doc__ or cls.title).strip().splitlines()[0]
    return ModelCard(cls.name, cls.title, cls.paper, summary, describe(cls.Spec), words(cls), cls.accepts, cls.charts)


def build(mapping: Mapping[str, Any], card: DataCard, rng_seed: int = 0) -> GenerativeModel:
    """Make an untrained model from its plain spec (with `kind`) for data with this card; weights follow the seed.

    torch initialises layers from its global generator; it is forked here, so that nothing outside is disturbed.
    """
    cls = model_class(str(mapping.get("kind")))
    spec = cls.Spec.read({k: v for k, v in mapping.items() if k != "kind"}, "model")
    why = cls.fits(card)
    if why:
        raise SpecError("model.kind", why)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(rng_seed)
        return cls(spec, card)
