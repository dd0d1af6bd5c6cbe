"""MADE: a perceptron whose masks let each output see only the inputs before it, so one pass gives every conditional.

    h^0 = x,  h^l = g(b^l + (W^l * M^l) h^(l-1) + c^l_y),  logits = a + (V * M^V) h^L + (A * M^A) x + c_y    (Eqs. 8-10)
    log p(x|y) = sum_d log p(x_d | x_<d, y)                                                                  (Eq. 6)
    with masks m = 1..M:  log p(x) = logsumexp_m log p_m(x) - log M

Germain, Gregor, Murray & Larochelle 2015, "MADE: Masked autoencoder for distribution estimation", arXiv:1502.03509;
masks by Algorithm 1. Our departures: K levels (one-hot inputs, softmax outputs); labels add a bias to every layer, the
last too, since the first pixel hears no hidden unit; the set of masks is cycled, one a step, not drawn, so that a step
depends on its number alone. Many masks are averaged as probabilities of whole examples. The mean of the logits of
several orders, which is in use elsewhere, belongs to no distribution: its "probabilities" do not sum to one.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from itertools import pairwise
from typing import Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gm_core.capabilities.complete import Completing
from gm_core.maths.estimators import log_mean_exp
from gm_core.model import Batch, model
from gm_core.nn.masked import MaskedLinear, connections, draw_degrees, paths
from gm_core.nn.mlp import Activation, activation
from gm_core.parts.autoregressive import Autoregressive
from gm_core.parts.choices import OrderedSpec
from gm_core.parts.conditionals import Levels, pick
from gm_core.parts.orders import make_order, ranks
from gm_core.parts.sequential import Stepper
from gm_core.protocol.cards import DataCard
from gm_core.spec import param


@model("made", title="MADE", paper="Germain, Gregor, Murray & Larochelle 2015, arXiv:1502.03509")
class MADE(Autoregressive):
    """Learns all conditionals with one perceptron, masked so that no pixel sees those that come later."""

    class Spec(OrderedSpec):
        """What can be chosen of MADE."""

        hidden: tuple[int, ...] = param(
            (500,), "Units of each hidden layer; none: a logistic regression for each pixel.", lo=1, hi=65_536
        )
        activation: Activation = param("relu", "What bends the sums of hidden units.")
        direct: bool = param(False, "Connect inputs to outputs directly as well (the paper's matrix A).")
        masks: int = param(
            1,
            "How many sets of connections share the weights, one a step, averaged as probabilities; with the random "
            "order each has an order of its own.",
            lo=1,
            hi=256,
        )
        mask_seed: int = param(0, "Which random connections.", lo=0, hi=2**31 - 1)

    spec: Spec
    sequences: Tensor

    def __init__(self, spec: Spec, card: DataCard) -> None:
        orders = [make_order(spec.order, card.shape, spec.order_seed + m, spec.sites) for m in range(spec.masks)]
        super().__init__(spec, card, orders[0], one_hot=True)
        widths = (self.sites * self.features, *spec.hidden, self.sites * self.width)
        self.check_room(sum(a * b for a, b in pairwise(widths)) + spec.direct * widths[0] * widths[-1])
        self.layers = nn.ModuleList(MaskedLinear(a, b) for a, b in pairwise(widths))
        self.direct = MaskedLinear(widths[0], widths[-1], bias=False) if spec.direct and spec.hidden else None
        if self.classes:
            self.shifts = nn.ModuleList(nn.Embedding(self.classes, width) for width in widths[1:])
            for shift in self.shifts:
                nn.init.zeros_(shift.weight)  # type: ignore[arg-type]
        self.bend = activation(spec.activation)
        self.chosen = tuple(range(spec.masks))  # the masks that this object averages over
        self.turn = 0
        self.register_buffer("sequences", torch.stack(orders), persistent=False)
        drawn = [
            draw_degrees(self.sites, spec.hidden, torch.Generator().manual_seed(spec.mask_seed + m))
            for m in range(spec.masks)
        ]
        for number, layer in enumerate(zip(*drawn)):  # masks follow from degrees, which are small
            self.register_buffer(f"degrees_{number}", torch.stack(layer), persistent=False)

    # ---- masks and orders

    def orders(self) -> tuple[str, ...]:
        """One for each mask: "1", "2", ...; "own" where there is but one."""
        return ("own",) if len(self.chosen) == 1 else tuple(str(number + 1) for number in self.chosen)

    def visits(self, order: str = "") -> Tensor:
        """The order behind the name of a mask; "" is the first."""
        super().visits(order)  # refuses a name that is not among them
        return self.sequences[self.number(order)]

    def together(self) -> tuple[str, ...]:
        """All masks."""
        return self.orders()

    def number(self, order: str) -> int:
        """The mask behind a name."""
        return self.chosen[self.orders().index(order)] if order else self.chosen[0]

    def alone(self, number: int) -> Self:
        """The model of one mask: it shares all weights with this one."""
        one = copy.copy(self)
        one.chosen = (number,)
        return one

    def masks(self, number: int) -> list[Tensor]:
        """What is connected in each layer, between sites and hidden units: bool (after, before)."""
        place = ranks(self.sequences[number]) + 1
        degrees = [place, *(self.get_buffer(f"degrees_{k}")[number] for k in range(len(self.layers) - 1))]
        between = [connections(before, after) for before, after in pairwise(degrees)]
        return [*between, connections(degrees[-1], place, strictly=True)]

    def support(self, order: str = "") -> Tensor:
        """The sites from which a path leads to a site: with few hidden units, not all predecessors."""
        number = self.number(order)
        found = paths(self.masks(number))
        return found | self._straight(number) if self.direct is not None else found

    def weights(self, number: int) -> tuple[list[Tensor], Tensor | None]:
        """The masked weights of all layers, and of the direct connections."""
        masks = self.masks(number)
        masks[0] = masks[0].repeat_interleave(self.features, 1) if self.features > 1 else masks[0]
        masks[-1] = masks[-1].repeat_interleave(self.width, 0) if self.width > 1 else masks[-1]
        layers = [layer.masked(mask) for layer, mask in zip(self._layers(), masks)]
        if self.direct is None:
            return layers, None
        straight = self._straight(number).repeat_interleave(self.features, 1).repeat_interleave(self.width, 0)
        return layers, self.direct.masked(straight)

    def biases(self, y: Tensor | None) -> list[Tensor]:
        """What is added in each layer: (width,), or (n, width) where there are labels."""
        plain: list[Tensor] = [layer.bias for layer in self._layers()]
        if y is None:
            return plain
        return [bias + shift(y) for bias, shift in zip(plain, self.shifts)]

    def _layers(self) -> list[MaskedLinear]:
        return [layer for layer in self.layers if isinstance(layer, MaskedLinear)]

    def _straight(self, number: int) -> Tensor:
        place = ranks(self.sequences[number])
        return connections(place, place, strictly=True)

    # ---- learning and scoring

    def logits(self, u: Tensor, y: Tensor | None, order: str = "") -> Tensor:
        """One pass through the masked layers: (n, sites, width)."""
        layers, direct = self.weights(self.number(order))
        x = h = u.flatten(1)
        for number, (weight, bias) in enumerate(zip(layers, self.biases(y))):
            h = F.linear(self.bend(h) if number else h, weight) + bias
        if direct is not None:
            h = h + F.linear(x, direct)
        return h.reshape(-1, self.sites, self.width)

    def at(self, step: int) -> None:
        """Each step trains the next mask."""
        self.turn = step

    def loss(self, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """Nats per example: in training of the mask whose turn it is, else of the average of all."""
        met = self.met(batch.y)
        whole = not self.training or len(self.chosen) == 1
        scored = self if whole else self.alone(self.chosen[self.turn % len(self.chosen)])
        nats = -scored.log_prob_given(batch.x, met).mean()
        return {"total": nats, "bits": self.bits(nats.detach())}

    def log_prob_given(self, x: Tensor, y: Tensor | None) -> Tensor:
        """log p(x|y), averaged over masks as probabilities: (n,)."""
        if len(self.chosen) == 1:
            return super().log_prob_given(x, y)
        values = self.to_values(x)
        u, y = self.embed(values), self._needed(y)
        return self._average([pick(self.logits(u, y, name), values).sum(-1) for name in self.orders()])

    def class_log_joint(self, x: Tensor, known: Tensor | None = None) -> Tensor:
        """log p(x|y) + log p(y), (n, classes), averaged over masks as probabilities."""
        if known is None or len(self.chosen) == 1:
            return super().class_log_joint(x, known)
        return self._average([self.alone(number).class_log_joint(x, known) for number in self.chosen])

    def _average(self, logs: list[Tensor]) -> Tensor:
        """The logarithm of the mean of probabilities, one tensor of logarithms for each mask."""
        return log_mean_exp(torch.stack(logs))

    # ---- drawing and completing

    def begin(self, n: int, y: Tensor | None, order: str = "") -> Stepper:
        """The sums of the first layer are kept and grow by a column a site; only the site's own output is computed."""
        return _Running(self, n, y, order)

    def exactly(self, known: Tensor) -> bool:
        """Where the known sites come first in the order of every mask."""
        return all(self.begins_with(known, name) for name in self.orders())

    def marginalises(self, known: Tensor) -> bool:
        """The same."""
        return self.exactly(known)

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
        """As one mask does; of many, each completes, and each completion is taken from one of them by p(mask | known).

        p(missing | known) = sum_m p_m(known) p_m(missing | known) / sum_m p_m(known)
        """
        if len(self.chosen) == 1:
            yield from super().complete(x, known, n, rng, y, temperature, particles)
            return
        labels = None if y is None else y.expand(n)
        pictures, evidence, effective = [], [], []
        for place, number in enumerate(self.chosen):
            one = self.alone(number)
            for state in one.complete(x, known, n, rng, y, temperature, particles):
                yield Completing(state.x, min((place + state.progress) / len(self.chosen), 0.999))
            assert state.log_prob is not None and state.effective is not None
            with torch.no_grad():
                evidence.append(one.log_prob(state.x, rng, labels) - state.log_prob)
            pictures.append(state.x)
            effective.append(state.effective)
        known_log_prob = torch.stack(evidence, -1)
        drawn = torch.multinomial(known_log_prob.softmax(-1).to(rng.device), 1, generator=rng).to(x.device)[:, 0]
        done = torch.stack(pictures)[drawn, torch.arange(n, device=x.device)]
        with torch.no_grad():
            whole = self.log_prob(done, rng, labels)
        yield Completing(done, 1.0, whole - self._average(evidence), torch.stack(effective).mean())


class _Running(Stepper):
    """Running sums: a new value adds its column to the first layer; the layers above are passed for each site."""

    def __init__(self, made: MADE, n: int, y: Tensor | None, order: str) -> None:
        self.made = made
        self.visits = [int(site) for site in made.visits(order).tolist()]
        self.weights, self.direct = made.weights(made.number(order))
        self.columns = self.weights[0].T.contiguous()
        self.biases = [bias.expand(n, -1) for bias in made.biases(y)]
        self.sums = self.biases[0].clone()
        self.u = torch.zeros(n, made.sites * made.features, dtype=made.one.dtype, device=made.one.device)

    def at(self, rank: int) -> Levels:
        site, width = self.visits[rank], self.made.width
        own = slice(site * width, (site + 1) * width)
        h = self.sums
        for number, (weight, bias) in enumerate(zip(self.weights[1:], self.biases[1:]), 2):
            last = number == len(self.weights)
            h = self.made.bend(h)
            h = F.linear(h, weight[own]) + bias[:, own] if last else F.linear(h, weight) + bias
        logits = h if len(self.weights) > 1 else h[:, own]
        if self.direct is not None:
            logits = logits + F.linear(self.u, self.direct[own])
        return Levels(logits)

    def put(self, rank: int, values: Tensor) -> None:
        site, features = self.visits[rank], self.made.features
        own = slice(site * features, (site + 1) * features)
        embedded = self.made.embed(values[:, None])[:, 0]
        self.sums = self.sums + embedded @ self.columns[own]
        if self.direct is not None:
            self.u[:, own] = embedded

    def choose(self, rows: Tensor) -> None:
        self.sums, self.u = self.sums[rows], self.u[rows]
        self.biases = [bias[rows] for bias in self.biases]
