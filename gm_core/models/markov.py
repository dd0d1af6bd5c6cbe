"""Markov models: each number looks at a few neighbours that came before it, through a table of counts.

    log p(x) = sum_k log p(x_o(k) | x_c(k)),    p(v | context) = (count(v, context) + a) / (count(context) + K a)

    chain, memory m    c(k) = the m numbers before it in the order o, AR(m); 2^m (n-m+1) - 1 free parameters for coins,
                       (K-1)(1 + K(n-1)) for m = 1 and K levels
    left, up, left-up, four (left, up and both corners above), ten (two rows up, two columns to the left)

Markov 1913 counted Pushkin's letters in this way (AR(1)); Shannon 1948, section 3, drew from such tables of orders 0 to
2; causal neighbourhoods in images: Abend, Harley & Kanal 1965, "Classification of binary random patterns". The tables
are each pixel's own, or shared. In a shared one, a neighbour beyond the border counts as the level 0 or as a value of
its own; what comes later in the order counts as beyond the border, so that any order can be taken.

Our departures: between the levels, where only the receptive field asks, the log odds are interpolated linearly in each
neighbour (and so equal the table at the levels); colours look at the neighbours of their own colour and at the colours
of their pixel that came before; a chain is completed exactly, wherever the gap lies, by messages sent backwards.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from typing import Literal

import torch
from torch import Tensor

from gm_core.capabilities.complete import Completing
from gm_core.model import model
from gm_core.parts.choices import OrderedSpec
from gm_core.parts.completing import numbers_for
from gm_core.parts.conditionals import Levels
from gm_core.parts.counting import Counting, smoothed
from gm_core.parts.neighbours import Context, beside, chain, contexts_met
from gm_core.parts.particles import precise
from gm_core.parts.sequential import Stepper
from gm_core.protocol.cards import DataCard
from gm_core.spec import SpecError, param

ROOM = 2**24
"""Counts that a table may hold: 128 MB."""


@model("markov", title="Markov model", paper="Markov 1913; Shannon 1948; Abend, Harley & Kanal 1965")
class Markov(Counting):
    """Draws each pixel by a table of how often it was lit beside such neighbours."""

    class Spec(OrderedSpec):
        """What can be chosen of Markov models."""

        context: Context = param(
            "chain", "What a pixel looks at: those before it in the order (chain), or neighbours above and to the left."
        )
        memory: int = param(2, "How many numbers before it a number looks at (chain).", lo=1, hi=16)
        shared: bool = param(False, "One table for all pixels (of a colour) instead of one for each.")
        border: Literal["zero", "own"] = param(
            "zero", "What a neighbour outside the image counts as in a shared table: level 0, or a value of its own."
        )
        smoothing: float = param(
            1.0, "Added to each count, so that nothing is impossible; tiny: frequencies.", lo=1e-6, hi=100.0, log=True
        )

    spec: Spec
    counts: Tensor
    near: Tensor
    row: Tensor

    def __init__(self, spec: Spec, card: DataCard) -> None:
        super().__init__(spec, card, spec.permutation(card), one_hot=True)
        own = spec.shared and spec.border == "own"
        self.base = self.levels + 1 if own else self.levels  # values that a neighbour can have
        self.beyond = self.levels if own else 0  # the value of a neighbour that is not there
        near = chain(self.order, spec.memory) if spec.context == "chain" else beside(self.order, card, spec.context)
        self.contexts = int(self.base ** len(near))
        channels = card.shape[0] if len(card.shape) == 3 else 1
        row = torch.arange(self.sites, dtype=torch.int32)
        row = row // (self.sites // channels) if spec.shared else row
        shape = (max(self.classes, 1), int(row[-1]) + 1, self.contexts, self.levels)
        total = math.prod(shape)
        if total > ROOM:
            raise SpecError(
                "model.context",
                f"these neighbours need a table of {total:,} counts; up to {ROOM:,} have room: take fewer neighbours, "
                "fewer levels (model.memory, data.binarisation), or share the table (model.shared)",
            )
        self.register_buffer("near", near, persistent=False)
        self.register_buffer("row", row, persistent=False)
        self.register_buffer("counts", torch.zeros(shape, dtype=torch.int64))

    def free_parameters(self) -> int:
        """K - 1 for each context that can occur, for each class; and the class frequencies."""
        there = self.near < self.sites
        if self.spec.shared:
            tables = [there[:, self.row == row] for row in self.row.unique()]
            met = sum(contexts_met(table, self.levels, self.base, self.beyond) for table in tables)
        else:
            met = int((self.levels**there.sum(0)).sum())
        return max(self.classes, 1) * met * (self.levels - 1) + max(self.classes - 1, 0)

    def support(self, order: str = "") -> Tensor:
        """The neighbours."""
        found = torch.zeros(self.sites, self.sites + 1, dtype=torch.bool, device=self.near.device)
        found.scatter_(1, self.near.T, True)
        return found[:, :-1]

    # ---- by whole numbers: counting, scoring, drawing

    def across(self, values: Tensor) -> Tensor:
        """Values (n, sites) by site, int32 (sites + 1, n); the last line is what lies beyond the border.

        So a neighbour is a row that is copied whole, in half the bytes.
        """
        padded = self.padded(len(values))
        padded[:-1] = values.to(torch.int32).T
        return padded

    def padded(self, n: int) -> Tensor:
        """The same for n rows before any value is there."""
        return torch.full((self.sites + 1, n), self.beyond, dtype=torch.int32, device=self.near.device)

    def places(self, padded: Tensor, y: Tensor | None) -> Tensor:
        """Where in the table, seen as (all contexts, K), the contexts of such values stand: int32 (sites, n)."""
        code = torch.zeros_like(padded[:-1])
        for neighbour in self.near:  # the neighbours' values are digits to `base`
            code.mul_(self.base).add_(padded.index_select(0, neighbour))
        group = 0 if y is None else y.to(torch.int32) * self.counts.shape[1]
        return code.add_((group + self.row[:, None]) * self.contexts)

    def count(self, values: Tensor, y: Tensor | None) -> None:
        """One more for each value in its context."""
        padded = self.across(values)
        cells = (self.places(padded, y) * self.levels + padded[:-1]).flatten().long()
        self.counts.view(-1).scatter_add_(0, cells, torch.ones_like(cells))

    def log_prob_given(self, x: Tensor, y: Tensor | None) -> Tensor:
        """log p(x|y), or log p(x) of a model without labels: (n,)."""
        padded = self.across(self.to_values(x))
        places = self.places(padded, self._needed(y))
        kind, smoothing = precise(x.device), self.spec.smoothing
        met = self.counts.view(-1)[places * self.levels + padded[:-1]].to(kind) + smoothing
        of = self.counts.sum(-1).view(-1)[places].to(kind) + smoothing * self.levels
        return (met.log() - of.log()).sum(0).to(self.one.dtype)

    def site_log_prob(self, x: Tensor, y: Tensor | None = None, order: str = "") -> tuple[Tensor, Tensor]:
        """Log-probability and entropy of every site given its neighbours, each (n, sites)."""
        values = self.to_values(x)
        table = self.look_up(self.places(self.across(values), self._needed(y))).transpose(0, 1)
        return table.gather(-1, values.unsqueeze(-1)).squeeze(-1), -(table.exp() * table).sum(-1)

    def conditional(self, x: Tensor, site: int, y: Tensor | None = None, order: str = "") -> Levels:
        """The distribution of one site given its neighbours in x."""
        places = self.places(self.across(self.to_values(x)), self._needed(y))
        return Levels(self._scores(self.look_up(places[site])))

    def look_up(self, places: Tensor) -> Tensor:
        """log p(v | context) of contexts by their places: (..., K)."""
        return smoothed(self.counts.view(-1, self.levels)[places], self.spec.smoothing).to(self.one.dtype)

    def begin(self, n: int, y: Tensor | None, order: str = "") -> Stepper:
        """Looks up one context for each row and site."""
        return _Looking(self, n, y)

    def _scores(self, table: Tensor) -> Tensor:
        """Log probabilities as logits: those of the upper level against the lower where there are two."""
        return table[..., 1:] - table[..., :1] if self.width == 1 else table

    # ---- between the levels

    def logits(self, u: Tensor, y: Tensor | None, order: str = "") -> Tensor:
        """The log odds at any u, linear in each neighbour: the sum over contexts of weight times entry.

        A neighbour weighs its levels by 1 - u and u, or by the K numbers that embed it.
        """
        weights = u if self.one_hot else torch.cat([1 - u, u], -1)
        edge = torch.nn.functional.one_hot(torch.tensor(self.beyond), self.base).to(u).expand(len(u), 1, -1)
        inside = torch.nn.functional.pad(weights, (0, self.base - self.levels))
        padded = torch.cat([inside, edge], 1)
        group = self.counts[:1] if y is None else self.counts[y]
        rest = self._scores(smoothed(group, self.spec.smoothing).to(self.one.dtype))[:, self.row]
        for neighbour in self.near:  # sums over one neighbour after another, the first digit first
            weight = padded[:, neighbour]
            weighed = torch.zeros((), device=u.device, dtype=u.dtype)
            for level, given in enumerate(rest.unflatten(2, (self.base, -1)).unbind(2)):
                weighed = weighed + weight[:, :, level, None, None] * given
            rest = weighed
        return rest.squeeze(2).expand(len(u), -1, -1)

    # ---- gaps anywhere in a chain

    def sums(self) -> bool:
        """Whether missing numbers can be summed out: of a chain, as long as one message for each context has room."""
        return self.spec.context == "chain" and max(self.classes, 1) * self.sites * self.contexts <= ROOM

    def exactly(self, known: Tensor) -> bool:
        """Whatever is missing in a chain; elsewhere what comes last in the order."""
        return self.sums() or super().exactly(known)

    def marginalises(self, known: Tensor) -> bool:
        """Whatever is missing in a chain; elsewhere what comes last in the order."""
        return self.sums() or super().marginalises(known)

    def messages(self, values: Tensor, known: Tensor, y: Tensor | None) -> Iterator[Tensor]:
        """log p(known sites from rank k on | context at rank k), (n, contexts), for k = n, n-1, ..., 0.

            m_k(c) = sum_v p(v | c) m_{k+1}((c K + v) mod K^m), only v = x_o(k) where that is known
        """
        follows = self._follows()
        message = torch.zeros(len(values), self.contexts, dtype=precise(values.device), device=values.device)
        yield message
        for site in reversed(self.sequence()):
            group = self.counts[:1, self.row[site]] if y is None else self.counts[y, self.row[site]]
            each = smoothed(group, self.spec.smoothing) + message[:, follows]
            if known[site]:
                message = each.gather(-1, values[:, None, site, None].expand(-1, self.contexts, 1)).squeeze(-1)
            else:
                message = each.logsumexp(-1)
            yield message

    def _follows(self) -> Tensor:
        """The context after a context and a value, (contexts, K)."""
        now = torch.arange(self.contexts, device=self.near.device) * self.base
        return (now[:, None] + torch.arange(self.levels, device=now.device)) % self.contexts

    def _start(self) -> int:
        """The context before the first number: all beyond the border."""
        return self.beyond * ((self.contexts - 1) // (self.base - 1))

    def evidence(self, x: Tensor, known: Tensor, y: Tensor | None) -> Tensor:
        """log p(known|y) of a chain, the rest summed out: (n,); log p(known) without labels."""
        if self.classes and y is None:
            return self.class_log_joint(x, known).logsumexp(-1)
        first = deque(self.messages(self.to_values(x), known, y if self.classes else None), maxlen=1).pop()
        return first[:, self._start()].to(self.one.dtype)

    def class_log_joint(self, x: Tensor, known: Tensor | None = None) -> Tensor:
        """log p(x|y) + log p(y), (n, classes); of a chain, whatever is not known is summed out."""
        if known is None or not self.classes or not self.sums() or self.begins_with(known):
            return super().class_log_joint(x, known)
        labels = torch.arange(self.classes, device=x.device)
        each = [self.evidence(x, known, label.expand(len(x))) for label in labels]
        return torch.stack(each, -1) + self.class_log_prior().to(each[0])

    def complete(
        self,
        x: Tensor,
        known: Tensor,
        n: int,
        rng: torch.Generator,
        y: Tensor | None = None,
        temperature: float = 0.0,
        particles: int = 16,
    ) -> Iterator[Completing]:
        """Of a chain, draw each missing number given the one before and all that is known later: exact."""
        if not self.sums() or self.begins_with(known):
            yield from super().complete(x, known, n, rng, y, temperature, particles)
            return
        self.check_labels(y)
        heat = temperature or self.temperature()
        with torch.no_grad():
            labels = self.labels_for(x, known, n, rng, y)
            met, which = None, torch.zeros_like(self.order[:1])
            if labels is not None:
                met, which = labels.unique(return_inverse=True)
            values = self.to_values(x).expand(n, -1).clone()
            uniform = numbers_for(values, rng)
            later = list(self.messages(values[: 1 if met is None else len(met)], known, met))[-2::-1]
            follows, place = self._follows(), torch.full((n,), self._start(), device=x.device)
        group = 0 if labels is None else labels * self.counts.shape[1]
        for rank, site in enumerate(self.sequence()):
            with torch.no_grad():
                if not known[site]:
                    each = self.look_up((group + self.row[site]) * self.contexts + place)
                    each = each + later[rank][which[:, None], follows[place]]
                    values[:, site] = Levels(each).draw(uniform[:, site], heat)
                place = follows[place, values[:, site]]
            yield Completing(self.to_example(values), (rank + 1) / self.sites)
        with torch.no_grad():
            done = self.to_example(values)
            whole = self.log_prob(done, rng, None if y is None else y.expand(n))
            behind = self.evidence(x, known, None if y is None else y.expand(len(x)))
        yield Completing(done, 1.0, whole - behind, torch.ones(()))


class _Looking(Stepper):
    def __init__(self, model: Markov, n: int, y: Tensor | None) -> None:
        self.model, self.y = model, y
        self.visits = [int(site) for site in model.visits().tolist()]
        self.values = model.padded(n)
        self.digits = model.base ** torch.arange(len(model.near) - 1, -1, -1, device=model.near.device)

    def at(self, rank: int) -> Levels:
        site = self.visits[rank]
        code = (self.values[self.model.near[:, site]] * self.digits[:, None]).sum(0)
        group = 0 if self.y is None else self.y * self.model.counts.shape[1]
        place = (group + self.model.row[site]) * self.model.contexts + code
        return Levels(self.model._scores(self.model.look_up(place)))

    def put(self, rank: int, values: Tensor) -> None:
        self.values[self.visits[rank]] = values

    def choose(self, rows: Tensor) -> None:
        self.values = self.values[:, rows]
        if self.y is not None:
            self.y = self.y[rows]
