"""Likelihoods: what the decoder's output h says about an example, log p(x | z) in nats.

    Bernoulli     p(x_i | z) = theta_i^x_i (1 - theta_i)^(1 - x_i),       theta = sigmoid(h)
    Gaussian      p(x_i | z) = N(x_i; m_i(h), sigma^2)

Kingma & Welling 2013, arXiv:1312.6114, appendix C. Each keeps the examples' own shape: h and x end in `shape`, any axes
may come before, so that many codes can be weighed against one example at once.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Literal

import torch
from torch import Tensor, nn

from gm_core.maths import bernoulli, gaussian
from gm_core.protocol.cards import DataCard

LikelihoodName = Literal["auto", "bernoulli", "gaussian"]
SMALLEST_SIGMA = 1e-3


class Likelihood(nn.Module, ABC):
    """p(x | z) for examples of one card, read off the decoder's output h (..., *card.shape)."""

    def __init__(self, card: DataCard) -> None:
        super().__init__()
        self.card = card
        self.axes = tuple(range(-len(card.shape), 0))

    @property
    @abstractmethod
    def is_density(self) -> bool:
        """Whether log_prob is a true log probability (or density) for examples such as the card describes."""

    @abstractmethod
    def log_prob(self, x: Tensor, h: Tensor) -> Tensor:
        """log p(x | z), summed over all numbers of an example: (...)."""

    @abstractmethod
    def mean(self, h: Tensor) -> Tensor:
        """E[x | z] in the card's range: (..., *card.shape)."""

    @abstractmethod
    def draw(self, h: Tensor, rng: torch.Generator) -> Tensor:
        """x ~ p(x | z); pictures are clipped to the card's range."""


class Bernoulli(Likelihood):
    """Each number is a coin between the two ends of the card's range.

    On binary data this is a probability. On grey values the same formula is only a cross-entropy: it trains well, and
    every paper plots it, but it is no log density of the grey values and is not offered as one. A range other than
    0..1 is brought to 0..1 first; for binary data, two values stay two values, and no correction is due.
    """

    @property
    def is_density(self) -> bool:
        """Only for data of two values."""
        return self.card.values == "binary"

    def log_prob(self, x: Tensor, h: Tensor) -> Tensor:
        """Cross-entropy with the grey values, a log probability for binary ones: (...)."""
        lo, hi = self.card.range
        unit = x if (lo, hi) == (0.0, 1.0) else (x - lo) / (hi - lo)
        return bernoulli.log_prob(unit, h).sum(self.axes)

    def mean(self, h: Tensor) -> Tensor:
        """theta, stretched to the card's range."""
        return self._stretch(h.sigmoid())

    def draw(self, h: Tensor, rng: torch.Generator) -> Tensor:
        """One of the two ends of the range, for each number."""
        return self._stretch(bernoulli.draw(h, rng))

    def _stretch(self, x: Tensor) -> Tensor:
        lo, hi = self.card.range
        return x * (hi - lo) + lo


class Gaussian(Likelihood):
    """Each number is normal around its mean with one sigma for all, fixed or learned.

    The mean of points and vectors is h itself; the mean of pictures is held inside the card's range by a sigmoid. A
    learned variance is SMALLEST_SIGMA^2 + e^logvar, because the density of a constant pixel has no upper end.
    """

    def __init__(self, card: DataCard, sigma: float, learned: bool) -> None:
        super().__init__(card)
        start = torch.tensor(math.log(max(sigma**2 - SMALLEST_SIGMA**2, 1e-12)) if learned else 2.0 * math.log(sigma))
        self.learned = learned
        self.raw_logvar: Tensor
        if learned:
            self.register_parameter("raw_logvar", nn.Parameter(start))
        else:
            self.register_buffer("raw_logvar", start)

    @property
    def is_density(self) -> bool:
        """Only for continuous data: on the discrete levels of a plain picture, a density can be raised at will."""
        return self.card.values == "continuous" or self.card.dequantised

    @property
    def logvar(self) -> Tensor:
        """ln sigma^2, a scalar."""
        if not self.learned:
            return self.raw_logvar
        return torch.logaddexp(self.raw_logvar, self.raw_logvar.new_tensor(2.0 * math.log(SMALLEST_SIGMA)))

    def log_prob(self, x: Tensor, h: Tensor) -> Tensor:
        """-D/2 ln(2 pi sigma^2) - |x - m|^2 / 2 sigma^2: (...)."""
        return gaussian.log_prob(x, self.mean(h), self.logvar).sum(self.axes)

    def mean(self, h: Tensor) -> Tensor:
        """m(h)."""
        if self.card.kind != "images":
            return h
        lo, hi = self.card.range
        return h.sigmoid() * (hi - lo) + lo

    def draw(self, h: Tensor, rng: torch.Generator) -> Tensor:
        """m + sigma eps."""
        mean = self.mean(h)
        x = mean + (0.5 * self.logvar).exp() * gaussian.noise_like(mean, rng)
        return x.clamp(*self.card.range) if self.card.kind == "images" else x


def make_likelihood(name: LikelihoodName, card: DataCard, sigma: float, learned: bool) -> Likelihood:
    """The likelihood of that name; "auto" takes coins for binary data and pictures in 0..1, else the Gaussian."""
    if name == "auto":
        coins = card.values == "binary" or (card.kind == "images" and card.range == (0.0, 1.0) and not card.dequantised)
        name = "bernoulli" if coins else "gaussian"
    return Bernoulli(card) if name == "bernoulli" else Gaussian(card, sigma, learned)
