"""Likelihoods: what the decoder's output h says about an example, log p(x | z) in nats.

    Bernoulli              p(x_i | z) = theta_i^x_i (1 - theta_i)^(1 - x_i),       theta = sigmoid(h)
    continuous Bernoulli   p(x_i | z) = the same times its normaliser C(h_i), for grey values in 0..1
    Gaussian               p(x_i | z) = N(x_i; m_i(h), sigma^2)
    discretised logistic   P(x_i | z) = F((x_i + step/2 - m_i)/s) - F((x_i - step/2 - m_i)/s), for levels

Kingma & Welling 2013, arXiv:1312.6114, appendix C; Loaiza-Ganem & Cunningham 2019, arXiv:1907.06845; Salimans et al.
2017, arXiv:1701.05517, eq. 2. Each keeps the examples' own shape: h and x end in `shape`, any axes may come before, so
that many codes can be weighed against one example at once.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Literal

import torch
from torch import Tensor, nn

from gm_core.maths import bernoulli, continuous_bernoulli, gaussian, logistic
from gm_core.protocol.cards import DataCard
from gm_core.spec import SpecError

LikelihoodName = Literal["auto", "bernoulli", "gaussian", "continuous_bernoulli", "discretised_logistic"]
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

    def _unit(self, x: Tensor) -> Tensor:
        """The card's range brought to 0..1."""
        lo, hi = self.card.range
        return x if (lo, hi) == (0.0, 1.0) else (x - lo) / (hi - lo)

    def _stretch(self, x: Tensor) -> Tensor:
        """0..1 brought to the card's range."""
        lo, hi = self.card.range
        return x * (hi - lo) + lo


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
        return bernoulli.log_prob(self._unit(x), h).sum(self.axes)

    def mean(self, h: Tensor) -> Tensor:
        """theta, stretched to the card's range."""
        return self._stretch(h.sigmoid())

    def draw(self, h: Tensor, rng: torch.Generator) -> Tensor:
        """One of the two ends of the range, for each number."""
        return self._stretch(bernoulli.draw(h, rng))


class ContinuousBernoulli(Likelihood):
    """Each grey value has the density of a coin's formula, divided by its integral: what a cross-entropy forgets.

    On the discrete levels of a plain picture a density can be raised at will, so that it counts as one only where
    pictures are dequantised or truly continuous.
    """

    @property
    def is_density(self) -> bool:
        """Only for continuous data."""
        return self.card.values == "continuous"

    def log_prob(self, x: Tensor, h: Tensor) -> Tensor:
        """sum_i h_i x_i - A(h_i), and -D ln(width) where the card's range is not one wide: (...)."""
        lo, hi = self.card.range
        return continuous_bernoulli.log_prob(self._unit(x), h).sum(self.axes) - self.card.size * math.log(hi - lo)

    def mean(self, h: Tensor) -> Tensor:
        """The mean of the density, which lies nearer to grey than theta."""
        return self._stretch(continuous_bernoulli.mean(h))

    def draw(self, h: Tensor, rng: torch.Generator) -> Tensor:
        """By the inverse of the cumulative distribution."""
        return self._stretch(continuous_bernoulli.draw(h, rng))


class _Wide(Likelihood):
    """A likelihood with one standard deviation for all numbers, fixed or learned.

    A learned variance is SMALLEST_SIGMA^2 + e^raw, because the density of a constant pixel has no upper end.
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
    def logvar(self) -> Tensor:
        """ln sigma^2, a scalar."""
        if not self.learned:
            return self.raw_logvar
        return torch.logaddexp(self.raw_logvar, self.raw_logvar.new_tensor(2.0 * math.log(SMALLEST_SIGMA)))


class Gaussian(_Wide):
    """Each number is normal around its mean with one sigma for all, fixed or learned.

    The mean of points and vectors is h itself; the mean of pictures is held inside the card's range by a sigmoid.
    """

    @property
    def is_density(self) -> bool:
        """Only for continuous data: on the discrete levels of a plain picture, a density can be raised at will."""
        return self.card.values == "continuous" or self.card.dequantised

    def log_prob(self, x: Tensor, h: Tensor) -> Tensor:
        """-D/2 ln(2 pi sigma^2) - |x - m|^2 / 2 sigma^2: (...)."""
        return gaussian.log_prob(x, self.mean(h), self.logvar).sum(self.axes)

    def mean(self, h: Tensor) -> Tensor:
        """m(h)."""
        return self._stretch(h.sigmoid()) if self.card.kind == "images" else h

    def draw(self, h: Tensor, rng: torch.Generator) -> Tensor:
        """m + sigma eps."""
        mean = self.mean(h)
        x = mean + (0.5 * self.logvar).exp() * gaussian.noise_like(mean, rng)
        return x.clamp(*self.card.range) if self.card.kind == "images" else x


class DiscretisedLogistic(_Wide):
    """Each level of a picture has the probability of its slice of a logistic curve with one sigma for all.

    The middle m = (lo + hi) / 2 + h (hi - lo) / 2 may lie outside the range, so that an end can be nearly certain.
    """

    @property
    def is_density(self) -> bool:
        """Always: the probabilities of the levels sum to 1."""
        return True

    @property
    def _scale(self) -> Tensor:
        return logistic.scale_of((0.5 * self.logvar).exp())

    def _middle(self, h: Tensor) -> Tensor:
        return self._stretch(0.5 + 0.5 * h)

    def log_prob(self, x: Tensor, h: Tensor) -> Tensor:
        """Log probabilities of the levels that are there: (...)."""
        middle, card = self._middle(h), self.card
        return logistic.log_mass(x, middle, self._scale, card.range, card.levels).sum(self.axes)

    def mean(self, h: Tensor) -> Tensor:
        """The mean level."""
        return logistic.mean(self._middle(h), self._scale, self.card.range, self.card.levels)

    def draw(self, h: Tensor, rng: torch.Generator) -> Tensor:
        """One of the levels, for each number."""
        return logistic.draw(self._middle(h), self._scale, self.card.range, self.card.levels, rng)


def make_likelihood(name: LikelihoodName, card: DataCard, sigma: float, learned: bool) -> Likelihood:
    """The likelihood of that name; "auto" takes coins for binary data and pictures in 0..1, else the Gaussian.

    Raises SpecError where it makes no sense of such data.
    """
    if name == "auto":
        coins = card.values == "binary" or (card.kind == "images" and card.range == (0.0, 1.0) and not card.dequantised)
        name = "bernoulli" if coins else "gaussian"
    found = f"model.likelihood is '{name}' but the numbers of {card.title} are {card.values}"
    if name in ("bernoulli", "continuous_bernoulli") and card.kind != "images" and card.values != "binary":
        raise SpecError("model.likelihood", f"{found}; coins need binary data or pictures: choose 'gaussian' or 'auto'")
    if name == "discretised_logistic" and (card.values == "continuous" or card.levels < 2):
        raise SpecError("model.likelihood", f"{found}; it needs whole levels: choose 'gaussian' or 'auto'")
    if name == "bernoulli":
        return Bernoulli(card)
    if name == "continuous_bernoulli":
        return ContinuousBernoulli(card)
    wide = DiscretisedLogistic if name == "discretised_logistic" else Gaussian
    return wide(card, sigma, learned)
