"""Real-valued NADE: each number is drawn from a mixture of Gaussians that the numbers before it decide.

    h_i = relu(rho_i a_i),    a_i = c + sum_{j < i} x_j W_j
    p(x_i | x_<i) = sum_k pi_ik N(x_i; mu_ik, sigma_ik^2)
    pi_i = softmax(A_i h_i + a_i'),  mu_i = B_i h_i + b_i',  sigma_i = floor + exp(C_i h_i + c_i')

Uria, Murray & Larochelle 2013, "RNADE: the real-valued neural autoregressive density-estimator", arXiv:1306.0186,
eq. 4-11; i counts in the order chosen. rho_i is learned, as there: the sum grows with i, and without a scale of its own
it would drown the units of later numbers.

Our departures: rho_i begins at 1 / sqrt(i), the size of a sum of i independent terms; sigma has a floor, since the
likelihood of a mixture has no upper bound; inputs are divided by `scale` (fixed, so that nothing depends on which data
came first) and the mixture is multiplied by it again, so that densities are those of the data's own units; the gradient
of mu is not multiplied by sigma, since Adam scales steps itself; labels are biases of the hidden and output units.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from gm_core.model import Batch, model
from gm_core.nn.running import Bend, bent, running_sums
from gm_core.parts.choices import OrderedSpec
from gm_core.parts.conditionals import GaussianMixture
from gm_core.parts.orders import ranks
from gm_core.parts.sequential import Sequential, Stepper
from gm_core.protocol.cards import Chart, DataCard
from gm_core.spec import param


class RNADESpec(OrderedSpec):
    """What can be chosen of an RNADE."""

    hidden: int = param(50, "Hidden units, shared by all numbers.", lo=1, hi=16_384, log=True)
    bend: Bend = param("relu", "The activation of the hidden units.")
    components: int = param(10, "Gaussians in the mixture of each number.", lo=1, hi=1000, log=True)
    floor: float = param(
        0.01, "No Gaussian gets narrower than this many scales; keeps the density bounded.", lo=1e-6, hi=1.0, log=True
    )
    scale: float = param(
        1.0, "Numbers are divided by this on their way in; their standard deviation is good.", lo=1e-3, hi=1e3, log=True
    )


@model("rnade", title="RNADE", paper="Uria, Murray & Larochelle 2013, arXiv:1306.0186")
class RNADE(Sequential):
    """Draws one number after another, each from a mixture of Gaussians that depends on those before it."""

    Spec = RNADESpec
    spec: RNADESpec
    charts = (
        Chart(
            "bits",
            "Bits per dimension",
            unit="bits per dimension",
            tip="-log2 p(x) for each number of an example; p is a density here, so that it may be below 0.",
        ),
    )
    accepts = frozenset({"points", "vectors", "continuous"})

    def __init__(self, spec: RNADESpec, card: DataCard) -> None:
        super().__init__(spec, card, spec.permutation(card))
        size = spec.hidden
        width = 3 * spec.components
        self.weight = nn.Parameter(torch.randn(self.sites, 1, size))
        self.hidden_bias = nn.Parameter(torch.randn(size))
        self.rho = nn.Parameter(torch.arange(1, self.sites + 1).float().rsqrt())  # by rank, not by site
        self.out = nn.Parameter(0.1 * torch.randn(self.sites, width, size) / math.sqrt(size))
        # Means that start apart: components that start alike would stay so.
        self.out_bias = nn.Parameter(torch.zeros(self.sites, 3, spec.components))
        with torch.no_grad():
            self.out_bias[:, 1] = torch.randn(self.sites, spec.components)
        if self.classes:
            self.hidden_of_class = nn.Parameter(torch.zeros(self.classes, size))
            self.out_of_class = nn.Parameter(torch.zeros(self.classes, self.sites, 3, spec.components))

    # ---- the network

    def start(self, n: int, y: Tensor | None) -> Tensor:
        """The hidden units before scale and activation when nothing is known: (n, hidden)."""
        return self.hidden_bias.expand(n, -1) if y is None else self.hidden_bias + self.hidden_of_class[y]

    def mixture(self, scores: Tensor, bias: Tensor) -> GaussianMixture:
        """Mixtures in the data's units from scores (..., 3 components) and biases (..., 3, components)."""
        raw = scores.unflatten(-1, (3, self.spec.components)) + bias
        logits, mu, log_sigma = raw.unbind(-2)
        sigma = self.spec.floor + log_sigma.exp()
        return GaussianMixture(logits, self.spec.scale * mu, self.spec.scale * sigma)

    def mixtures(self, values: Tensor, y: Tensor | None, order: str = "") -> GaussianMixture:
        """The conditionals of all sites by teacher forcing: values (n, sites) to mixtures of n * sites rows."""
        visits = self.visits(order)
        u = (values / self.spec.scale).index_select(1, visits).unsqueeze(-1)
        weight, out = self.weight.index_select(0, visits), self.out.index_select(0, visits)
        ((_, a),) = running_sums(self.start(len(values), y), u, weight, self.sites)
        h = bent(self.rho.unsqueeze(-1) * a, self.spec.bend)
        scores = torch.einsum("nkh,kwh->nkw", h, out).index_select(1, ranks(visits))
        bias = self.out_bias if y is None else self.out_bias + self.out_of_class[y]
        found = self.mixture(scores, bias)
        return GaussianMixture(found.logits.flatten(0, 1), found.mu.flatten(0, 1), found.sigma.flatten(0, 1))

    def begin(self, n: int, y: Tensor | None, order: str = "") -> Stepper:
        """The running sum, kept from number to number."""
        return _Running(self, n, y, order)

    # ---- values

    def to_values(self, x: Tensor) -> Tensor:
        """Examples as they are, (n, sites)."""
        return x.flatten(1).to(self.weight.dtype)

    def to_example(self, values: Tensor) -> Tensor:
        """Numbers as they are, (n, *card.shape)."""
        return values.reshape(-1, *self.card.shape)

    # ---- learning

    def loss(self, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """The negative log-likelihood by teacher forcing: nats per example, mean over the batch."""
        y = self.met(batch.y)
        values = self.to_values(batch.x)
        nats = -self.mixtures(values, y).log_prob(values.flatten()).sum() / len(values)
        return {"total": nats, "bits": nats.detach() / (self.sites * math.log(2.0))}

    # ---- scoring

    def log_prob_given(self, x: Tensor, y: Tensor | None) -> Tensor:
        """log p(x|y), or log p(x) of a model without labels, without the entropies: (n,)."""
        values = self.to_values(x)
        return self.mixtures(values, self._needed(y)).log_prob(values.flatten()).reshape(values.shape).sum(-1)

    def site_log_prob(self, x: Tensor, y: Tensor | None = None, order: str = "") -> tuple[Tensor, Tensor]:
        """Log-density and differential entropy of every number given its past, each (n, sites)."""
        values = self.to_values(x)
        found = self.mixtures(values, self._needed(y), order)
        return found.log_prob(values.flatten()).reshape(values.shape), found.entropy().reshape(values.shape)

    def conditional(self, x: Tensor, site: int, y: Tensor | None = None, order: str = "") -> GaussianMixture:
        """The mixture of one number given its past in x."""
        found = self.mixtures(self.to_values(x), self._needed(y), order)
        rows = torch.arange(len(x), device=x.device) * self.sites + site
        return GaussianMixture(found.logits[rows], found.mu[rows], found.sigma[rows])

    def influence(self, x: Tensor, site: int, y: Tensor | None = None, order: str = "") -> Tensor:
        """The norm of the Jacobian of log pi, mu and log sigma of one number by each number: (sites,)."""
        with torch.enable_grad():
            values = self.to_values(x).detach().requires_grad_()
            found = self.mixtures(values, self._needed(y), order)
            out = torch.cat([found.logits.log_softmax(-1)[site], found.mu[site], found.sigma[site].log()])
            total = torch.zeros(self.sites, device=values.device, dtype=values.dtype)
            for number in range(len(out)):
                (slope,) = torch.autograd.grad(out[number], values, retain_graph=number + 1 < len(out))
                total = total + slope[0].square()
        return total.sqrt()


class _Running(Stepper):
    """The sum of the hidden units so far: each number costs O(hidden)."""

    def __init__(self, rnade: RNADE, n: int, y: Tensor | None, order: str) -> None:
        self.rnade, self.y = rnade, y
        self.visits = [int(site) for site in rnade.visits(order).tolist()]
        self.a = rnade.start(n, y)

    def at(self, rank: int) -> GaussianMixture:
        rnade, site = self.rnade, self.visits[rank]
        h = bent(rnade.rho[rank] * self.a, rnade.spec.bend)
        bias = rnade.out_bias[site]
        if self.y is not None:
            bias = bias + rnade.out_of_class[self.y, site]
        return rnade.mixture(h @ rnade.out[site].T, bias)

    def put(self, rank: int, values: Tensor) -> None:
        u = (values.to(self.a.dtype) / self.rnade.spec.scale).unsqueeze(-1)
        self.a = torch.addmm(self.a, u, self.rnade.weight[self.visits[rank]])

    def choose(self, rows: Tensor) -> None:
        self.a = self.a[rows]
        if self.y is not None:
            self.y = self.y[rows]
