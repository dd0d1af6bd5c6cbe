"""Priors: where codes come from before any example is seen, and how probable each code is there.

    normal     p(z) = N(0, I)
    mixture    p(z) = sum_k pi_k N(z; m_k, diag s_k^2)                  K components, all learned
    vamp       p(z) = 1/K sum_k q(z | u_k)                              K learned pseudo-inputs u_k through the encoder

Tomczak & Welling 2018, "VAE with a VampPrior", arXiv:1705.07120, eq. 9 to 11. With the data themselves as pseudo-inputs
the VampPrior is the aggregate posterior q(z) = 1/N sum_n q(z|x_n). For any prior, what codes cost on average is what
they say about their examples, and how far the aggregate is from the prior:

    E KL(q(z|x) || p) = I(z; n) + KL(q(z) || p),        I(z; n) <= ln N

A `Prior` holds what is learned; its `density`, made anew for each batch, is what codes are drawn from and held against.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn

from gm_core.maths import gaussian
from gm_core.parts.posteriors import Diagonal, Gaussians
from gm_core.protocol.cards import DataCard

PriorName = Literal["normal", "mixture", "vamp"]
Guess = Callable[[Tensor, Tensor | None], Gaussians]
"""The encoder: examples (n, ...) and shares of each label (n, classes) or None, to n Gaussians."""


class CodeDensity(ABC):
    """A distribution of codes (..., k); results in nats."""

    closed: bool = False
    """Whether KL(q || p) of a Gaussian q has a closed form."""

    @abstractmethod
    def log_prob(self, z: Tensor) -> Tensor:
        """ln p(z): (...)."""

    @abstractmethod
    def log_prob_dimensions(self, z: Tensor) -> Tensor:
        """ln p(z_j) of each number by itself: (..., k)."""

    @abstractmethod
    def draw(self, n: int, rng: torch.Generator) -> Tensor:
        """Codes (n, k)."""


class StandardNormal(CodeDensity):
    """N(0, I) for codes of k numbers, with the device and type of `like`."""

    closed = True

    def __init__(self, k: int, like: Tensor) -> None:
        self.k, self.like = k, like

    def log_prob(self, z: Tensor) -> Tensor:
        """-1/2 (k ln 2 pi + |z|^2)."""
        return self.log_prob_dimensions(z).sum(-1)

    def log_prob_dimensions(self, z: Tensor) -> Tensor:
        """-1/2 (ln 2 pi + z_j^2)."""
        return gaussian.log_prob_standard(z)

    def draw(self, n: int, rng: torch.Generator) -> Tensor:
        """Standard normal numbers."""
        return gaussian.noise_like(self.like, rng, (n, self.k))


class Mixture(CodeDensity):
    """sum_k w_k N_k(z), from log weights (K,) that sum to 1 and K Gaussians."""

    def __init__(self, log_weights: Tensor, components: Gaussians) -> None:
        self.log_weights, self.components = log_weights, components

    def log_prob(self, z: Tensor) -> Tensor:
        """logsumexp_k (ln w_k + ln N_k(z))."""
        return (self.log_weights + self.components.log_prob(z.unsqueeze(-2))).logsumexp(-1)

    def log_prob_dimensions(self, z: Tensor) -> Tensor:
        """The same of each number's marginals, which are mixtures with the same weights."""
        each = self.components.log_prob_dimensions(z.unsqueeze(-2))
        return (self.log_weights.unsqueeze(-1) + each).logsumexp(-2)

    def draw(self, n: int, rng: torch.Generator) -> Tensor:
        """A component by its weight, then a code from it."""
        share = self.log_weights.exp().to(rng.device)
        chosen = torch.multinomial(share, n, replacement=True, generator=rng).to(self.components.mu.device)
        return self.components.pick(chosen).draw(rng, 1)[0]


class Prior(nn.Module, ABC):
    """What is learned of a prior of codes of k numbers."""

    @abstractmethod
    def density(self, guess: Guess) -> CodeDensity:
        """The prior as it is now; `guess` is the encoder as it is now."""


class NormalPrior(Prior):
    """N(0, I): nothing to learn."""

    def __init__(self, k: int) -> None:
        super().__init__()
        self.k = k
        self.one: Tensor
        self.register_buffer("one", torch.ones(()), persistent=False)  # it knows device and type

    def density(self, guess: Guess) -> StandardNormal:
        """N(0, I)."""
        return StandardNormal(self.k, self.one)


class MixturePrior(Prior):
    """K diagonal Gaussians with learned weights, means and widths; they begin near the standard normal, a bit apart."""

    def __init__(self, k: int, components: int) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.zeros(components))
        self.mu = nn.Parameter(torch.empty(components, k))
        self.logvar = nn.Parameter(torch.zeros(components, k))
        nn.init.normal_(self.mu, std=0.5)

    def density(self, guess: Guess) -> Mixture:
        """The mixture."""
        return Mixture(self.logits.log_softmax(0), Diagonal(self.mu, self.logvar))


class VampPrior(Prior):
    """The mean of the encoder's guesses at K learned pseudo-inputs, pictures being held inside the card's range.

    They begin as noise around the middle of the range (points and vectors: around 0), or as examples: see `begin`. A
    model that knows labels also learns shares of labels for each of them.
    """

    def __init__(self, card: DataCard, components: int, classes: int) -> None:
        super().__init__()
        self.card = card
        lo, hi = card.range
        pictures = card.kind == "images"
        self.inputs = nn.Parameter(torch.empty(components, *card.shape))
        nn.init.normal_(self.inputs, 0.5 * (lo + hi) if pictures else 0.0, 0.1 * (hi - lo) if pictures else 1.0)
        self.shares = nn.Parameter(torch.zeros(components, classes)) if classes else None

    def pseudo_inputs(self) -> Tensor:
        """The pseudo-inputs, (K, *card.shape)."""
        return self.inputs.clamp(*self.card.range) if self.card.kind == "images" else self.inputs

    def begin(self, x: Tensor, y: Tensor | None) -> None:
        """Put examples x (K, *card.shape) in the place of the pseudo-inputs; of their labels, say nine tenths."""
        with torch.no_grad():
            self.inputs.copy_(x)
            if self.shares is not None and y is not None:
                classes = self.shares.shape[1]
                self.shares.copy_((0.9 * nn.functional.one_hot(y, classes) + 0.1 / classes).log())

    def density(self, guess: Guess) -> Mixture:
        """Guesses at all pseudo-inputs, each with the weight 1/K."""
        shares = None if self.shares is None else self.shares.softmax(-1)
        components = guess(self.pseudo_inputs(), shares)
        weights = self.inputs.new_zeros(len(self.inputs)).log_softmax(0)
        return Mixture(weights, components)


def make_prior(name: PriorName, k: int, components: int, card: DataCard, classes: int) -> Prior:
    """The prior of that name, for codes of k numbers of such examples."""
    if name == "normal":
        return NormalPrior(k)
    return MixturePrior(k, components) if name == "mixture" else VampPrior(card, components, classes)
