"""Sitewise: the model draws an example one number after another, and states each conditional distribution."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gm_core.capabilities.base import Capability, Scene, answers, from_picture, labels, to_picture
from gm_core.protocol.commands import Query
from gm_core.protocol.events import Array, Frame
from gm_core.spec import SpecError

if TYPE_CHECKING:
    import torch
    from torch import Tensor


@dataclass(frozen=True)
class SiteState:
    """One site was drawn. `values` (n, sites) is grown in place from state to state: copy it to keep it.

    `drawn` (n,) are this site's values, drawn from `conditional` (a `gm_core.parts.conditionals.Conditional`); `number`
    sites of `total` that had to be drawn are drawn.
    """

    values: Tensor
    site: int
    number: int
    total: int
    drawn: Tensor
    conditional: Any

    @property
    def log_prob(self) -> Tensor:
        """log p of what was drawn, (n,), in nats, at temperature 1."""
        found: Tensor = self.conditional.log_prob(self.drawn)
        return found

    @property
    def entropy(self) -> Tensor:
        """Entropy of the conditional, (n,), in nats, at temperature 1."""
        found: Tensor = self.conditional.entropy()
        return found


@dataclass(frozen=True)
class Drawing:
    """Examples on the way: `values` (n, sites) is grown in place; `number` of `total` steps are done."""

    values: Tensor
    number: int
    total: int


class Sitewise(Capability):
    """Factorises log p(x) over sites, the numbers of an example: log p(x) = sum_k log p(x_o(k) | x_o(1..k-1)).

    Laws. The support of the Jacobian of each conditional is `support(order)`, and lies in the past of the order.
    `site_log_prob` sums to `log_prob` (for a model of one order), and equals what `fill` reports while drawing.
    Closing `fill` midway leaks nothing. Sites number the entries of an example as it lies in memory.
    """

    word = "sitewise"

    @abstractmethod
    def orders(self) -> tuple[str, ...]:
        """The names of the orders in which this model can draw and score, its own first."""

    @abstractmethod
    def visits(self, order: str = "") -> Tensor:
        """The permutation behind a name ("": the model's own): int64 (sites,), the k-th entry is visited as the k-th.

        Raises SpecError for a name that is not among `orders()`.
        """

    @abstractmethod
    def temperature(self) -> float:
        """The temperature at which the model draws where none is given."""

    @abstractmethod
    def support(self, order: str = "") -> Tensor:
        """Bool (sites, sites): whether the conditional of site i may depend on the value at site j."""

    @abstractmethod
    def fill(
        self,
        x: Tensor,
        known: Tensor,
        rng: torch.Generator,
        y: Tensor | None = None,
        temperature: float = 0.0,
        order: str = "",
    ) -> Iterator[SiteState]:
        """Draw the sites that are not `known` (sites,) of examples x (n, *card.shape), in order, one state for each.

        Each site is conditioned on those before it in the order; later known ones are kept but not looked at (that is
        what completing does). `temperature` 0 takes the model's own.
        """

    @abstractmethod
    def drawing(self, n: int, rng: torch.Generator, y: Tensor | None = None) -> Iterator[Drawing]:
        """Draw n examples from the model's density, one number after another; the last state is what `sample` gives.

        Of a model whose density is a mean over several orders, each example is drawn in one of them.
        """

    @abstractmethod
    def site_log_prob(self, x: Tensor, y: Tensor | None = None, order: str = "") -> tuple[Tensor, Tensor]:
        """Log-probability and entropy of every site given its past, each (n, sites), in nats, by teacher forcing."""

    @abstractmethod
    def conditional(self, x: Tensor, site: int, y: Tensor | None = None, order: str = "") -> Any:
        """The distribution of one site given its past in x: a `gm_core.parts.conditionals.Conditional` of n rows."""

    @abstractmethod
    def influence(self, x: Tensor, site: int, y: Tensor | None = None, order: str = "") -> Tensor:
        """How strongly the conditional of `site` reacts to each site of the one example x (1, ...): (sites,), >= 0.

        The norm of the gradient; exactly 0 where there is no path, so that it shows the receptive field.
        """

    @abstractmethod
    def to_example(self, values: Tensor) -> Tensor:
        """Values as `SiteState` has them (n, sites) as examples (n, *card.shape) in the card's range."""


@dataclass(frozen=True, slots=True)
class FillQuery(Query):
    """Draw `n` examples site by site, or the unknown sites of a given picture.

    `given` is one picture, uint8 (1, h, w, c) or float32 (1, d); `known` marks the pixels to keep, bool (h, w) or (d,).
    With `draw_from` k >= 0, all sites before the k-th of the order are known instead. About `frames` frames are sent.
    """

    n: int = 16
    y: int | None = None
    temperature: float = 0.0
    order: str = ""
    given: Array | None = None
    known: Array | None = None
    draw_from: int = -1
    frames: int = 200


@dataclass(frozen=True, slots=True)
class Filled(Frame):
    """Sites drawn since the last frame: `sites` (m,), their `values`, `log_probs` and `entropies`, each (n, m).

    Values are as drawn: uint8 for images, float32 else; colours are sites of their own. The first frame has no sites,
    and brings the picture to start from `start`, uint8 (n, h, w, c) or float32 (n, d), `known` bool (sites,), the whole
    `order` (sites,) and the `orders` one may choose. The picture at any moment follows by putting values in place.
    `number` of `total` sites are drawn.
    """

    sites: Array
    values: Array
    log_probs: Array
    entropies: Array
    number: int
    total: int
    start: Array | None = None
    known: Array | None = None
    order: Array | None = None
    orders: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ConditionalQuery(Query):
    """The distribution of one site given its past in a picture (1, h, w, c) or (1, d), and what it looks at.

    The bars are those that are drawn from at this `temperature`; 0 takes the model's own.
    """

    given: Array | None = None
    site: int = 0
    y: int | None = None
    temperature: float = 0.0
    order: str = ""


@dataclass(frozen=True, slots=True)
class SiteBars(Frame):
    """Values in the card's range (m,) and their probabilities (densities where `continuous`) (m,) at one site.

    `entropy`, and `log_prob` of the value in the picture, are in nats, at temperature 1; `influence` float32 (sites,)
    is the norm of the gradient; `support` bool (sites,) is what the model declares that it may look at.
    """

    site: int
    values: Array
    probabilities: Array
    continuous: bool
    entropy: float
    log_prob: float
    influence: Array
    support: Array


@dataclass(frozen=True, slots=True)
class SiteMapsQuery(Query):
    """Log-probability and entropy of each site of the given pictures, or of `n` test examples."""

    given: Array | None = None
    n: int = 1
    y: int | None = None
    order: str = ""


@dataclass(frozen=True, slots=True)
class SiteMaps(Frame):
    """Pictures, and float32 maps (n, sites) in nats; sites number an example as (c, h, w) lies in memory."""

    items: Array
    log_probs: Array
    entropies: Array


@answers(Sitewise.word, FillQuery)
def fill(query: FillQuery, scene: Scene) -> Iterator[Filled | None]:
    """Send what was drawn in portions; None between the portions."""
    import numpy as np
    import torch

    model = scene.model
    card = model.card
    order = model.visits(query.order)
    if query.given is None:
        x = torch.full((query.n, *card.shape), card.range[0], device=scene.device)
        known = torch.zeros(card.size, dtype=torch.bool)
    else:
        x = given(query.given, scene)
        x = x.expand(query.n, *x.shape[1:]).clone()
        known = known_sites(query.known, scene)
    if query.draw_from >= 0:
        known = torch.zeros(card.size, dtype=torch.bool)
        known[order[: query.draw_from].cpu()] = True
    total = int((~known).sum())
    empty = np.empty((query.n, 0), np.float32)
    kind = np.uint8 if card.kind == "images" else np.float32
    yield Filled(
        np.empty(0, np.int64), empty.astype(kind), empty, empty, 0, total, to_picture(x, card), known.numpy(),
        order.cpu().numpy(), model.orders(),
    )
    stride = max(1, total // max(query.frames, 1))
    fresh: list[SiteState] = []
    y = labels(query.y, query.n, scene)
    for state in model.fill(x, known, scene.rng, y, query.temperature, query.order):
        fresh.append(state)
        if len(fresh) < stride and state.number < state.total:
            yield None
            continue
        sites = [old.site for old in fresh]
        picture = to_picture(model.to_example(state.values), card)
        flat = picture.transpose(0, 3, 1, 2).reshape(len(picture), -1) if card.kind == "images" else picture
        yield Filled(
            np.array(sites),
            np.ascontiguousarray(flat[:, sites]),
            torch.stack([old.log_prob for old in fresh], 1).float().cpu().numpy(),
            torch.stack([old.entropy for old in fresh], 1).float().cpu().numpy(),
            state.number,
            state.total,
        )
        fresh = []


@answers(Sitewise.word, ConditionalQuery)
def conditional(query: ConditionalQuery, scene: Scene) -> Iterator[SiteBars]:
    """The bars of one site, and its receptive field by gradient."""
    model = scene.model
    if not 0 <= query.site < model.card.size:
        raise SpecError("site", f"site is {query.site}; the sites of this data are 0 to {model.card.size - 1}")
    x = given(query.given, scene)
    y = labels(query.y, 1, scene)
    found = model.conditional(x, query.site, y, query.order)
    temperature = query.temperature or model.temperature()
    values, probabilities = found.bars(*model.card.range, temperature)
    log_probs, _ = model.site_log_prob(x, y, query.order)
    yield SiteBars(
        query.site,
        values.float().cpu().numpy(),
        probabilities[0].float().cpu().numpy(),
        model.card.values == "continuous",
        float(found.entropy()[0].cpu()),
        float(log_probs[0, query.site].cpu()),
        model.influence(x, query.site, y, query.order).float().cpu().numpy(),
        model.support(query.order)[query.site].cpu().numpy(),
    )


@answers(Sitewise.word, SiteMapsQuery)
def maps(query: SiteMapsQuery, scene: Scene) -> Iterator[SiteMaps]:
    """Heat maps by one pass."""
    import torch

    if query.given is not None:
        x = from_picture(query.given, scene.model.card, scene.device)
    else:
        chosen = torch.randperm(scene.data.count("test"), generator=scene.rng, device=scene.rng.device)[: query.n]
        x, _ = scene.data.examples("test", chosen, scene.rng)
    log_probs, entropies = scene.model.site_log_prob(x, labels(query.y, len(x), scene), query.order)
    card = scene.model.card
    yield SiteMaps(to_picture(x, card), log_probs.float().cpu().numpy(), entropies.float().cpu().numpy())


def given(picture: Array | None, scene: Scene) -> Tensor:
    """The one picture of a query as an example (1, *card.shape); raises SpecError where it is of another size."""
    card = scene.model.card
    wanted = (*card.shape[1:], card.shape[0]) if card.kind == "images" else card.shape
    if picture is None or picture.shape != (1, *wanted):
        found = "missing" if picture is None else f"of shape {picture.shape[1:]}"
        raise SpecError("given", f"the picture is {found}; this model takes {wanted}: give one picture of that size")
    return from_picture(picture, card, scene.device)


def known_sites(known: Array | None, scene: Scene) -> Tensor:
    """A mask of pixels (h, w) or numbers (d,) as a mask of sites on the CPU; nothing is known without one."""
    import torch

    card = scene.model.card
    if known is None:
        return torch.zeros(card.size, dtype=torch.bool)
    wanted = card.shape[1:] if card.kind == "images" else card.shape
    if known.shape != wanted:
        raise SpecError("known", f"the mask has the shape {known.shape}; expected {wanted}: one mark for each pixel")
    mask = torch.as_tensor(known, dtype=torch.bool)
    return mask.flatten().repeat(card.shape[0]) if card.kind == "images" else mask
