"""Neural autoregressive distribution estimator: logistic regressions in a row that share one layer of hidden units.

    h_i = sigmoid(c + sum_{j < i} x_j W_j),    p(x_i = 1 | x_<i) = sigmoid(b_i + V_i h_i)

Larochelle & Murray 2011, "The neural autoregressive distribution estimator", eq. 8-10; i counts in the order chosen. An
example costs O(sites hidden), since each sum is the one before plus one term; 2 n H + n + H parameters for n coins.

    loss = E_{o, d} D / (D - d + 1) sum_{i at or after d in o} -log p(x_i | x before d in o)

is how one network learns all orders at once ("agnostic"): Uria, Murray & Larochelle 2014, "A deep and tractable density
estimator", arXiv:1310.1757, eq. 8-11. It sees the known numbers and a mask of which are known, may be deep, and its
density is the mean of the probabilities over `ensemble` orders (never of logits: that would not sum to 1).

Our departures: K levels, as one-hot inputs and softmax outputs; labels, as biases of the hidden and output units for
each class; the number of known sites is spread evenly over a batch instead of drawn for each example by itself.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Literal

import torch
from pydantic import model_validator
from torch import Tensor, nn

from gm_core.maths.estimators import log_mean_exp
from gm_core.model import Batch, model
from gm_core.nn.running import Bend, bent, running_sums, shared_scores
from gm_core.parts.autoregressive import Autoregressive
from gm_core.parts.choices import OrderedSpec
from gm_core.parts.conditionals import Levels, pick
from gm_core.parts.orders import ORDERS, OrderName, make_order, ranks
from gm_core.parts.sequential import Stepper
from gm_core.protocol.cards import DataCard
from gm_core.spec import SpecError, param

PORTION = 32
"""Sites whose hidden units are held at once where all of them are needed."""
SMALL = 2_000_000
"""Weights up to which one CPU thread is as fast as several."""


class NADESpec(OrderedSpec):
    """What can be chosen of a NADE."""

    hidden: tuple[int, ...] = param(
        (500,), "Hidden units of each layer; one layer if trained in order.", lo=1, hi=16_384
    )
    bend: Bend = param("sigmoid", "The activation of the hidden units.")
    training: Literal["order", "agnostic"] = param(
        "order", "Learn one order of the pixels, or all orders at once (agnostic), to be chosen when drawing."
    )
    ensemble: int = param(
        4, "Orders over which the probability of an example is averaged (agnostic).", lo=1, hi=1024, log=True
    )

    @model_validator(mode="after")
    def _layers_fit(self) -> NADESpec:
        if not self.hidden:
            raise SpecError("hidden", "hidden is empty; give the size of each hidden layer, for example [500]")
        if self.training == "order" and len(self.hidden) > 1:
            raise SpecError(
                "hidden", f"hidden has {len(self.hidden)} layers; training order takes 1: set training to agnostic"
            )
        return self


@model("nade", title="NADE", paper="Larochelle & Murray 2011; Uria, Murray & Larochelle 2014, arXiv:1310.1757")
class NADE(Autoregressive):
    """Predicts each pixel from those before it by hidden units that all pixels share.

    Trained in order, it has that one order. Trained agnostic, it draws and scores in any: then every part of an example
    can be completed exactly, in an order that begins with what is known. Exact means: from the distribution that the
    model states for that order; its orders agree only as well as it has learned.
    """

    Spec = NADESpec
    spec: NADESpec

    def __init__(self, spec: NADESpec, card: DataCard) -> None:
        super().__init__(spec, card, spec.permutation(card), one_hot=True)
        self.agnostic = spec.training == "agnostic"
        first, last = spec.hidden[0], spec.hidden[-1]
        self.check_room(self.sites * (self.features * first + self.width * last))
        # A sum runs over the inputs that are on: about one of the features of each site, or one site in four.
        self.weight = nn.Parameter(torch.randn(self.sites, self.features, first) / math.sqrt(self.sites))
        self.hidden_bias = nn.Parameter(torch.zeros(first))
        self.out = nn.Parameter(torch.randn(self.sites, self.width, last) / math.sqrt(last))
        self.out_bias = nn.Parameter(torch.zeros(self.sites, self.width))
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(spec.hidden))
        if self.agnostic:
            self.mask_weight = nn.Parameter(torch.randn(self.sites, first) / math.sqrt(self.sites))
        if self.classes:
            self.hidden_of_class = nn.Parameter(torch.zeros(self.classes, first))
            self.out_of_class = nn.Parameter(torch.zeros(self.classes, self.sites, self.width))
        self.small = sum(p.numel() for p in self.parameters()) < SMALL

    # ---- the network

    def start(self, n: int, y: Tensor | None) -> Tensor:
        """The hidden units before the activation when nothing is known: (n, first hidden)."""
        return self.hidden_bias.expand(n, -1) if y is None else self.hidden_bias + self.hidden_of_class[y]

    def biases(self, y: Tensor | None) -> Tensor:
        """The biases of the outputs, (1 or n, sites, width)."""
        return self.out_bias.unsqueeze(0) if y is None else self.out_bias + self.out_of_class[y]

    def deep(self, a: Tensor) -> Tensor:
        """The last hidden layer from the sums of the first, (..., hidden)."""
        h = bent(a, self.spec.bend)
        for layer in self.layers:
            h = bent(layer(h), self.spec.bend)
        return h

    def logits(self, u: Tensor, y: Tensor | None, order: str = "") -> Tensor:
        """By running sums over the sites in order; lean where no gradient in u is asked for."""
        visits = self.visits(order)
        start, u = self.start(len(u), y), u.index_select(1, visits)
        weight, out = self.weight.index_select(0, visits), self.out.index_select(0, visits)
        if self.agnostic:  # that a site is known is one more feature, which is always on
            u = torch.cat([u, torch.ones_like(u[..., :1])], -1)
            weight = torch.cat([weight, self.mask_weight.index_select(0, visits).unsqueeze(1)], 1)
        if self.agnostic or u.requires_grad:
            scores = torch.cat(
                [
                    torch.einsum("nkh,kwh->nkw", self.deep(a), out[part])
                    for part, a in running_sums(start, u, weight, PORTION)
                ],
                1,
            )
        else:
            scores = shared_scores(start, u, weight, out, self.spec.bend)
        return scores.index_select(1, ranks(visits)) + self.biases(y)

    def masked_logits(self, u: Tensor, known: Tensor, y: Tensor | None) -> Tensor:
        """Logits (n, sites, width) of all sites given those that are known, bool (n, sites), at once (agnostic)."""
        marks = known.to(u.dtype)
        a = self.start(len(u), y) + marks @ self.mask_weight
        a = a + (u * marks.unsqueeze(-1)).flatten(1) @ self.weight.flatten(0, 1)
        scores = self.deep(a) @ self.out.flatten(0, 1).T
        return scores.reshape(len(u), self.sites, self.width) + self.biases(y)

    def begin(self, n: int, y: Tensor | None, order: str = "") -> Stepper:
        """The running sum, kept from site to site."""
        return _Running(self, n, y, order)

    # ---- learning all orders at once

    def loss(self, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """The negative log-likelihood, nats per example; agnostic: an unbiased estimate of its mean over all orders.

        Such an estimate lies above the negative log-likelihood of the ensemble (Jensen's inequality).
        """
        if not self.agnostic:
            return super().loss(batch, rng)
        y = self.met(batch.y)
        values = self.to_values(batch.x)
        known = self._some_known(len(values), rng)
        log_probs = pick(self.masked_logits(self.embed(values), known, y), values)
        left = self.sites - known.sum(-1)
        nats = -(self.sites / left * torch.where(known, 0.0, log_probs).sum(-1)).mean()
        return {"total": nats, "bits": self.bits(nats.detach())}

    def _some_known(self, n: int, rng: torch.Generator) -> Tensor:
        """Masks (n, sites): the first d - 1 sites of a random order each, d - 1 spread evenly over 0..sites - 1."""
        shift = torch.rand((), generator=rng, device=rng.device, dtype=torch.float32)
        count = ((torch.arange(n, device=rng.device) + shift) * (self.sites / n)).long().clamp(max=self.sites - 1)
        place = torch.rand(n, self.sites, generator=rng, device=rng.device).argsort(1).argsort(1)
        return (place < count.unsqueeze(1)).to(self.order.device)

    # ---- orders (agnostic)

    def orders(self) -> tuple[str, ...]:
        """The one order of the spec; agnostic: all that have a name, that of the spec first."""
        if not self.agnostic:
            return super().orders()
        return (self.spec.order, *(name for name in ORDERS if name != self.spec.order))

    def visits(self, order: str = "") -> Tensor:
        """The permutation of that name; agnostic: also "random:7" by seed, "known:0110..." with what is known first."""
        word, _, detail = order.partition(":")
        if not self.agnostic or not order or order == self.spec.order:
            return super().visits(order)
        if word == "random" and detail.isdecimal():
            return self._order("random", int(detail))
        if word == "known" and len(detail) == self.sites and set(detail) <= {"0", "1"}:
            known = torch.tensor([mark == "1" for mark in detail], device=self.order.device)
            return torch.cat([self.order[known[self.order]], self.order[~known[self.order]]])
        for name in ORDERS:
            if name == order:
                return self._order(name, self.spec.order_seed)
        return super().visits(order)

    def _order(self, name: OrderName, seed: int) -> Tensor:
        return make_order(name, self.card.shape, seed).to(self.order.device)

    def order_for(self, known: Tensor) -> str:
        """Agnostic: what is known comes first, so that completing is exact for the conditional of that order."""
        return "known:" + "".join("01"[int(mark)] for mark in known.tolist()) if self.agnostic else ""

    def together(self) -> tuple[str, ...]:
        """The orders of the ensemble: the model's own; agnostic, then random ones that follow from the order's seed."""
        if not self.agnostic:
            return super().together()
        return ("", *(f"random:{self.spec.order_seed + number}" for number in range(1, self.spec.ensemble)))

    def log_prob_given(self, x: Tensor, y: Tensor | None) -> Tensor:
        """log p(x|y), (n,); agnostic: the logarithm of the mean of the orders' probabilities, which sums to 1 too."""
        if not self.agnostic:
            return super().log_prob_given(x, y)
        values = self.to_values(x)
        u, y = self.embed(values), self._needed(y)
        each = [pick(self.logits(u, y, name), values).sum(-1) for name in self.together()]
        return log_mean_exp(torch.stack(each))


class _Running(Stepper):
    """The sum of the hidden units so far: a site costs O(hidden), or that and the deeper layers."""

    def __init__(self, nade: NADE, n: int, y: Tensor | None, order: str) -> None:
        self.nade, self.y = nade, y
        self.visits = [int(site) for site in nade.visits(order).tolist()]
        self.a = nade.start(n, y)

    def at(self, rank: int) -> Levels:
        site = self.visits[rank]
        bias = self.nade.out_bias[site]
        if self.y is not None:
            bias = bias + self.nade.out_of_class[self.y, site]
        return Levels(self.nade.deep(self.a) @ self.nade.out[site].T + bias)

    def put(self, rank: int, values: Tensor) -> None:
        site = self.visits[rank]
        self.a = torch.addmm(self.a, self.nade.embed(values), self.nade.weight[site])
        if self.nade.agnostic:
            self.a = self.a + self.nade.mask_weight[site]

    def choose(self, rows: Tensor) -> None:
        self.a = self.a[rows]
        if self.y is not None:
            self.y = self.y[rows]
