"""Autoregressive models of K levels: logits of every site at once, from which all else follows.

    log p(x) = sum_i log softmax(scores_i(x_<i))_{x_i}          or, with two levels, a coin of logit scores_i(x_<i)

A model of this kind brings one method, `logits`: by teacher forcing it turns the whole example, embedded as numbers
`u`, into the logits of every site, such that the logits of site i see only what comes before i in the order. It may
bring a faster `begin` for drawing; without one, each site costs a full pass, which is slow but right, and the standard
that faster ones are held against.
"""

from __future__ import annotations

import math
from abc import abstractmethod

import torch
from torch import Tensor

from gm_core.model import Batch
from gm_core.parts.choices import SitesSpec
from gm_core.parts.conditionals import Levels, log_table, pick
from gm_core.parts.sequential import Sequential, Stepper
from gm_core.protocol.cards import Chart, DataCard
from gm_core.spec import SpecError

PROJECTIONS = 32
"""Logits of one site up to which its Jacobian is computed whole; of more, as many random sums are taken."""

ROOM = 2**27
"""Weights that a model of fully connected sites may have: 512 MB, and three times as much again in training."""


class Autoregressive(Sequential):
    """Base of the models of K levels. `features` numbers embed one value: 1 (its size in 0..1), or K (which it is)."""

    spec: SitesSpec
    charts = (
        Chart(
            "bits",
            "Bits per dimension",
            unit="bits per dimension",
            tip="-log2 p(x) for each number of an example: what an ideal coder would need; nats / (sites ln 2).",
        ),
    )
    accepts = frozenset({"images", "vectors", "binary", "levels"})
    one: Tensor

    def __init__(self, spec: SitesSpec, card: DataCard, order: Tensor, one_hot: bool = False) -> None:
        super().__init__(spec, card, order)
        self.levels = max(card.levels, 2)
        self.width = 1 if self.levels == 2 else self.levels
        self.one_hot = one_hot and self.levels > 2
        self.features = self.levels if self.one_hot else 1
        self.register_buffer("one", torch.ones(()), persistent=False)  # knows device and type where no weight does

    def check_room(self, weights: int, room: int = ROOM) -> None:
        """Raise SpecError where a layer that connects all sites would be larger than memory should hold."""
        if weights > room:
            raise SpecError(
                "model.kind",
                f"{self.sites} numbers of {self.levels} levels need {weights:,} weights; up to {room:,} have room: "
                "take smaller examples, fewer levels (data.binarisation) or a smaller model",
            )

    # ---- what a model brings

    @abstractmethod
    def logits(self, u: Tensor, y: Tensor | None, order: str = "") -> Tensor:
        """Logits of all sites (n, sites, width) of examples embedded as u (n, sites, features), labels y (n,) or None.

        `width` is 1 for two levels (the logit of the higher one), else the number of levels. Sites are numbered as the
        example lies in memory, whatever the order.
        """

    def begin(self, n: int, y: Tensor | None, order: str = "") -> Stepper:
        """A full pass for each site, unless a model knows better."""
        return FullPasses(self, n, y, order)

    # ---- values

    def to_values(self, x: Tensor) -> Tensor:
        """Examples in the card's range as levels 0..K-1, int64 (n, sites); others are rounded to the nearest."""
        lo, hi = self.card.range
        return ((x.flatten(1) - lo) * ((self.levels - 1) / (hi - lo))).round().clamp(0, self.levels - 1).long()

    def to_example(self, values: Tensor) -> Tensor:
        """Levels (n, sites) as examples (n, *card.shape) in the card's range."""
        lo, hi = self.card.range
        x = values.to(self.one.dtype) * ((hi - lo) / (self.levels - 1)) + lo
        return x.reshape(-1, *self.card.shape)

    def embed(self, values: Tensor) -> Tensor:
        """Levels (n, sites) as numbers for the network: (n, sites, features)."""
        if self.one_hot:
            return torch.nn.functional.one_hot(values, self.levels).to(self.one.dtype)
        return (values.to(self.one.dtype) / (self.levels - 1)).unsqueeze(-1)

    # ---- learning

    def loss(self, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """The negative log-likelihood by teacher forcing: nats per example, mean over the batch."""
        y = self.met(batch.y)
        values = self.to_values(batch.x)
        nats = -pick(self.logits(self.embed(values), y), values).sum(-1).mean()
        return {"total": nats, "bits": self.bits(nats.detach())}

    def bits(self, nats: Tensor) -> Tensor:
        """Nats per example as bits per dimension."""
        return nats / (self.sites * math.log(2.0))

    # ---- scoring

    def site_log_prob(self, x: Tensor, y: Tensor | None = None, order: str = "") -> tuple[Tensor, Tensor]:
        """Log-probability and entropy of every site given its past, each (n, sites)."""
        values = self.to_values(x)
        logits = self.logits(self.embed(values), self._needed(y), order)
        table = log_table(logits)
        return table.gather(-1, values.unsqueeze(-1)).squeeze(-1), -(table.exp() * table).sum(-1)

    def log_prob_given(self, x: Tensor, y: Tensor | None) -> Tensor:
        """log p(x|y), or log p(x) of a model without labels, without the entropies: (n,)."""
        values = self.to_values(x)
        return pick(self.logits(self.embed(values), self._needed(y)), values).sum(-1)

    def conditional(self, x: Tensor, site: int, y: Tensor | None = None, order: str = "") -> Levels:
        """The distribution of one site given its past in x."""
        return Levels(self.logits(self.embed(self.to_values(x)), self._needed(y), order)[:, site])

    def influence(self, x: Tensor, site: int, y: Tensor | None = None, order: str = "") -> Tensor:
        """The norm of the Jacobian of the logits of one site with respect to each site's embedding: (sites,)."""
        with torch.enable_grad():
            u = self.embed(self.to_values(x)).requires_grad_()
            out = self.logits(u, self._needed(y), order)[0, site]
            if len(out) > PROJECTIONS:
                source = torch.Generator().manual_seed(0)
                out = torch.randn(PROJECTIONS, len(out), generator=source).to(out) @ out
            total = torch.zeros(self.sites, device=u.device, dtype=u.dtype)
            for number in range(len(out) if out.requires_grad else 0):
                (slope,) = torch.autograd.grad(out[number], u, retain_graph=number + 1 < len(out), allow_unused=True)
                if slope is not None:
                    total = total + slope[0].square().sum(-1)
        return total.sqrt()


class FullPasses(Stepper):
    """Each conditional by teacher forcing on what is there so far: right for any model, at a full pass a site."""

    def __init__(self, model: Autoregressive, n: int, y: Tensor | None, order: str = "") -> None:
        self.model, self.y, self.order = model, y, order
        self.visits = [int(site) for site in model.visits(order).tolist()]
        self.values = torch.zeros(n, model.sites, dtype=torch.int64, device=model.order.device)

    def at(self, rank: int) -> Levels:
        """One full pass, of which one site is used."""
        logits = self.model.logits(self.model.embed(self.values), self.y, self.order)
        return Levels(logits[:, self.visits[rank]])

    def put(self, rank: int, values: Tensor) -> None:
        """Remember the values."""
        self.values[:, self.visits[rank]] = values

    def choose(self, rows: Tensor) -> None:
        """Go on with these rows."""
        self.values = self.values[rows]
        if self.y is not None:
            self.y = self.y[rows]
