"""Drawing, completing and classifying with any factorisation over sites.

    log p(x|y) = sum_k log p(x_o(k) | x_o(1), ..., x_o(k-1), y)                         (the chain rule, in the order o)

`Sequential` is what all autoregressive models share, whatever their conditionals are: how examples are drawn one site
after another, how a missing part is completed, and how Bayes' rule turns p(x|y) into p(y|x). A model brings its
conditionals twice: all at once given a whole example (teacher forcing), and one after another by a `Stepper`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator

import torch
from torch import Tensor

from gm_core.capabilities.classes import Classes
from gm_core.capabilities.complete import Completes, Completing
from gm_core.capabilities.density import Density
from gm_core.capabilities.samples import Samples
from gm_core.capabilities.sitewise import Drawing, SiteState, Sitewise
from gm_core.parts.choices import SitesSpec
from gm_core.parts.completing import completions, numbers_for
from gm_core.parts.conditionals import Conditional
from gm_core.parts.labels import Labelled
from gm_core.parts.orders import ranks
from gm_core.protocol.cards import DataCard
from gm_core.spec import SpecError

ROOM = 2**18
"""Numbers that are drawn side by side: steppers remember much for each of them, so that more come in portions."""


class Stepper(ABC):
    """The conditionals of n rows, one site after another. Ranks come in order; `put` may come without `at`."""

    @abstractmethod
    def at(self, rank: int) -> Conditional:
        """The conditional of the site visited at `rank`, given all values put before."""

    @abstractmethod
    def put(self, rank: int, values: Tensor) -> None:
        """Fix the values (n,) of the site visited at `rank`."""

    @abstractmethod
    def choose(self, rows: Tensor) -> None:
        """Go on with these rows (n,), some of them several times: what a particle filter needs."""


class Sequential(Labelled, Samples, Density, Sitewise, Completes, Classes):
    """Base of the models of one number after another; those that learn labels also offer `classes`."""

    density_kind = "exact"
    spec: SitesSpec
    order: Tensor

    def __init__(self, spec: SitesSpec, card: DataCard, order: Tensor) -> None:
        super().__init__(spec, card)
        self.sites = card.size
        self.register_buffer("order", order, persistent=False)  # it follows from the spec
        self.learn_labels(spec.labels)

    # ---- what a model brings

    @abstractmethod
    def begin(self, n: int, y: Tensor | None, order: str = "") -> Stepper:
        """A stepper for n rows with labels y (n,) or None."""

    @abstractmethod
    def to_values(self, x: Tensor) -> Tensor:
        """Examples (n, *card.shape) as the values of their sites (n, sites)."""

    # ---- orders

    def orders(self) -> tuple[str, ...]:
        """The one order of the spec."""
        return ("own",)

    def visits(self, order: str = "") -> Tensor:
        """The order of the spec: int64 (sites,)."""
        if order and order not in self.orders():
            raise SpecError("order", f"order is {order!r}; this model knows: {', '.join(self.orders())}")
        return self.order

    def support(self, order: str = "") -> Tensor:
        """All predecessors in the order, unless a model looks at fewer."""
        place = ranks(self.visits(order))
        return place[None, :] < place[:, None]

    # ---- drawing

    def fill(
        self,
        x: Tensor,
        known: Tensor,
        rng: torch.Generator,
        y: Tensor | None = None,
        temperature: float = 0.0,
        order: str = "",
    ) -> Iterator[SiteState]:
        """Draw the unknown sites in order; see `Sitewise.fill`.

        The uniform numbers of all sites are drawn first, so that they do not depend on how conditionals are computed.
        """
        heat = temperature or self.temperature()
        values = self.to_values(x).clone()
        n = len(values)
        y = self.some_labels(n, rng, y)
        uniform = numbers_for(values, rng)
        with torch.no_grad():
            stepper = self.begin(n, y, order)
        kept = known.tolist()
        total, number = len(kept) - sum(kept), 0
        for rank, site in enumerate(self.sequence(order)):
            if number == total:
                return
            with torch.no_grad():
                if kept[site]:
                    stepper.put(rank, values[:, site])
                    continue
                conditional = stepper.at(rank)
                drawn = conditional.draw(uniform[:, site], heat).to(values.dtype)
                values[:, site] = drawn
                stepper.put(rank, drawn)
                number += 1
                state = SiteState(values, site, number, total, drawn, conditional)
            yield state

    def temperature(self) -> float:
        """As the spec says."""
        return self.spec.temperature

    def together(self) -> tuple[str, ...]:
        """The orders over which the density is a mean of probabilities; of most models the one that they have."""
        return ("",)

    def drawing(self, n: int, rng: torch.Generator, y: Tensor | None = None) -> Iterator[Drawing]:
        """Each example in one of the orders that make up the density; see `Sitewise.drawing`."""
        y = self.some_labels(n, rng, y)
        names, values = self.together(), self.to_values(self.blank(n)).clone()
        which = torch.zeros(n, dtype=torch.int64)
        if len(names) > 1:
            which = torch.randint(len(names), (n,), generator=rng, device=rng.device).cpu()
        groups = [
            (name, rows.to(values.device))
            for place, name in enumerate(names)
            for rows in (which == place).nonzero()[:, 0].split(self.rows())
            if len(rows)
        ]
        nothing = torch.zeros(self.card.size, dtype=torch.bool)
        for done, (name, rows) in enumerate(groups):
            given = None if y is None else y[rows]
            for state in self.fill(self.blank(len(rows)), nothing, rng, given, order=name):
                values[rows, state.site] = state.values[:, state.site].to(values)
                yield Drawing(values, done * state.total + state.number, len(groups) * state.total)

    def sample(self, n: int, rng: torch.Generator, y: Tensor | None = None) -> Tensor:
        """Draw n examples (n, *card.shape), every site by its conditional at the temperature of the spec."""
        values = self.to_values(self.blank(n))
        for state in self.drawing(n, rng, y):
            values = state.values
        return self.to_example(values)

    def rows(self) -> int:
        """How many examples are drawn side by side."""
        return max(1, ROOM // self.card.size)

    def blank(self, n: int) -> Tensor:
        """Examples (n, *card.shape) of the smallest value, to begin with."""
        return torch.full((n, *self.card.shape), self.card.range[0], device=self.order.device)

    # ---- scoring

    def log_prob(self, x: Tensor, rng: torch.Generator, y: Tensor | None = None, samples: int = 0) -> Tensor:
        """log p(x), exactly, (n,) in nats; log p(x|y) where labels are given to a model of labels."""
        if self.classes and y is None:
            return self.class_log_joint(x).logsumexp(-1)
        return self.log_prob_given(x, y)

    def log_prob_given(self, x: Tensor, y: Tensor | None) -> Tensor:
        """log p(x|y), or log p(x) of a model without labels: (n,)."""
        return self.site_log_prob(x, self._needed(y))[0].sum(-1)

    # ---- labels

    def offers(self) -> frozenset[str]:
        """No classes where the model is not one of p(x|y)."""
        return super().offers() if self.classes else super().offers() - {Classes.word}

    def class_log_joint(self, x: Tensor, known: Tensor | None = None) -> Tensor:
        """log p(x|y) + log p(y), (n, classes); what is not known (sites,) is summed out if it is last in the order."""
        if not self.classes:
            raise SpecError("y", "this model learned no classes; train it with model.labels on")
        if known is not None and not self.marginalises(known):
            raise SpecError("known", "the missing pixels cannot be summed out, since later known ones depend on them")
        return self._joint(x, known, "" if known is None else self.order_for(known))

    def _joint(self, x: Tensor, known: Tensor | None, order: str) -> Tensor:
        """log p(known part of x | y) + log p(y), (n, classes), in an order whose first sites are the known ones."""
        kept = None if known is None else known.to(self.order.device)
        scores = []
        for label in range(self.classes):
            if known is not None and not bool(known.any()):
                scores.append(torch.zeros(len(x), device=x.device))
                continue
            y = torch.full((len(x),), label, device=x.device)
            if kept is None:
                scores.append(self.log_prob_given(x, y))
            else:
                each = self.site_log_prob(x, y, order)[0]
                scores.append(torch.where(kept, each, 0.0).sum(-1))
        joint = torch.stack(scores, -1)
        return joint + self.class_log_prior().to(joint)

    def marginalises(self, known: Tensor) -> bool:
        """Whether the missing sites come after all known ones in the order in which this part is completed."""
        return self.begins_with(known, self.order_for(known))

    def begins_with(self, known: Tensor, order: str = "") -> bool:
        marks = [bool(known[site]) for site in self.sequence(order)]
        return marks == sorted(marks, reverse=True)

    def _needed(self, y: Tensor | None) -> Tensor | None:
        """Labels for a model of labels; one of none ignores them."""
        if self.classes and y is None:
            raise SpecError("y", "this model states p(x|y): choose a class")
        return y if self.classes else None

    def sequence(self, order: str = "") -> list[int]:
        return [int(site) for site in self.visits(order).tolist()]

    # ---- completing

    def order_for(self, known: Tensor) -> str:
        """The order in which this part is completed; a model of many orders may choose one that suits."""
        return ""

    def exactly(self, known: Tensor) -> bool:
        """Exact where the known sites come first in the order."""
        return self.begins_with(known, self.order_for(known))

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
        """Ancestral where the order allows; elsewhere a particle filter of its own for each completion.

        Each of `particles` drawings goes through the order and is weighted at known sites (`Particles`). In the limit
        of many particles the completions follow p(missing | known); its logarithm is estimated with log p(known) from
        the weights. Class labels, where they are not given, are drawn and weighted like everything else.
        """
        return completions(self, x, known, n, rng, y, temperature, particles)

    def log_prob_of_known(self, x: Tensor, known: Tensor, y: Tensor | None, order: str) -> Tensor:
        """log p(known), (1,), where the known sites come first in the order."""
        if self.classes and y is None:
            joint = self._joint(x, known, order) if order else self.class_log_joint(x, known)
            return joint.logsumexp(-1)
        return torch.where(known.to(x.device), self.site_log_prob(x, y, order)[0], 0.0).sum(-1)

    def labels_for(self, x: Tensor, known: Tensor, rows: int, rng: torch.Generator, y: Tensor | None) -> Tensor | None:
        """The label asked for, for all rows; or labels from p(y | known) where they can be had, else from p(y)."""
        if y is not None:
            return y.expand(rows)
        if not self.classes:
            return None
        if not self.marginalises(known):
            return self.some_labels(rows, rng, None)
        with torch.no_grad():
            share = self.class_log_joint(x, known)[0].softmax(-1).to(rng.device)
        return torch.multinomial(share, rows, replacement=True, generator=rng).to(self.order.device)
