"""Posteriors: what an encoder knows about the code of an example, as a Gaussian for each of n examples.

    diagonal    q(z|x) = N(mu(x), diag sigma(x)^2)                       Kingma & Welling 2013, arXiv:1312.6114, eq. 9
    full        q(z|x) = N(mu(x), L(x) L(x)'),  L lower triangular with diagonal softplus(. + ln(e - 1)) > 0

Kingma & Welling 2019, arXiv:1906.02691, section 2.5.1, for the Cholesky factor. Draws let gradients through: z = mu + L
eps. The same objects serve as components of learned priors (`priors`). Codes have k numbers; all results are in nats.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import softplus

from gm_core.maths import gaussian

PosteriorName = Literal["diagonal", "full"]
SMALLEST_STD = 1e-4
"""Added to the diagonal of L, so that no logarithm of zero is ever taken."""
UNIT = math.log(math.e - 1.0)
"""Where softplus is 1: an encoder that says 0 throughout means the standard normal, as with ln sigma^2 = 0."""


class Gaussians(ABC):
    """n Gaussians over codes, with means `mu` (n, k). Codes z (..., n, k) are held each against the Gaussian n."""

    mu: Tensor
    factorises: bool
    """Whether the numbers of a code are independent."""

    @property
    @abstractmethod
    def logvar(self) -> Tensor:
        """Log variance of each number by itself: (n, k)."""

    @property
    def std(self) -> Tensor:
        """Standard deviation of each number by itself: (n, k)."""
        return (0.5 * self.logvar).exp()

    @property
    @abstractmethod
    def covariance(self) -> Tensor:
        """Covariances, (n, k, k): what ellipses of the map are drawn from."""

    @abstractmethod
    def draw(self, rng: torch.Generator, times: int) -> Tensor:
        """Draws through which gradients flow (Kingma & Welling 2013, eq. 10): (times, n, k)."""

    @abstractmethod
    def log_prob(self, z: Tensor) -> Tensor:
        """ln q(z) for z (..., n, k), or (..., 1, k) to hold each against all: (..., n)."""

    @abstractmethod
    def kl_standard(self) -> Tensor:
        """KL(q || N(0, I)) in closed form: (n,)."""

    @abstractmethod
    def detach(self) -> Gaussians:
        """The same Gaussians, through which no gradient flows."""

    @abstractmethod
    def pick(self, chosen: Tensor) -> Gaussians:
        """Some of them, by index (m,)."""

    def log_prob_dimensions(self, z: Tensor) -> Tensor:
        """ln q(z_j) of each number by itself, z as in `log_prob`: (..., n, k)."""
        return gaussian.log_prob(z, self.mu, self.logvar)

    def kl_dimensions(self) -> Tensor:
        """KL(q(z_j) || N(0, 1)) of each number by itself: (n, k)."""
        return gaussian.kl_standard(self.mu, self.logvar)


class Diagonal(Gaussians):
    """Numbers of a code that are independent given the example: mu and ln sigma^2, each (n, k)."""

    factorises = True

    def __init__(self, mu: Tensor, logvar: Tensor) -> None:
        self.mu = mu
        self._logvar = logvar

    @property
    def logvar(self) -> Tensor:
        """ln sigma^2."""
        return self._logvar

    @property
    def covariance(self) -> Tensor:
        """diag sigma^2."""
        return torch.diag_embed(self._logvar.exp())

    def draw(self, rng: torch.Generator, times: int) -> Tensor:
        """mu + sigma eps."""
        return gaussian.draw(self.mu, self._logvar, rng, times)

    def log_prob(self, z: Tensor) -> Tensor:
        """A sum over the numbers of a code."""
        return self.log_prob_dimensions(z).sum(-1)

    def kl_standard(self) -> Tensor:
        """1/2 sum_j (mu_j^2 + sigma_j^2 - 1 - ln sigma_j^2) (Kingma & Welling 2013, appendix B)."""
        return self.kl_dimensions().sum(-1)

    def detach(self) -> Diagonal:
        """Without gradients."""
        return Diagonal(self.mu.detach(), self._logvar.detach())

    def pick(self, chosen: Tensor) -> Diagonal:
        """Some of them."""
        return Diagonal(self.mu[chosen], self._logvar[chosen])


class Full(Gaussians):
    """Numbers of a code that may depend on each other: mu (n, k) and the Cholesky factor `root` (n, k, k)."""

    factorises = False

    def __init__(self, mu: Tensor, root: Tensor) -> None:
        self.mu = mu
        self.root = root

    @property
    def logvar(self) -> Tensor:
        """ln of the sums of squares of the rows of L."""
        return self.root.square().sum(-1).log()

    @property
    def covariance(self) -> Tensor:
        """L L'."""
        return self.root @ self.root.mT

    def draw(self, rng: torch.Generator, times: int) -> Tensor:
        """mu + L eps."""
        eps = gaussian.noise_like(self.mu, rng, (times, *self.mu.shape))
        return self.mu + torch.einsum("nij,tnj->tni", self.root, eps)

    def log_prob(self, z: Tensor) -> Tensor:
        """-1/2 (k ln 2 pi + |L^-1 (z - mu)|^2) - sum_j ln L_jj."""
        return gaussian.log_prob_root(z, self.mu, self.root)

    def kl_standard(self) -> Tensor:
        """1/2 (|L|^2 + |mu|^2 - k) - sum_j ln L_jj."""
        return gaussian.kl_standard_root(self.mu, self.root)

    def detach(self) -> Full:
        """Without gradients."""
        return Full(self.mu.detach(), self.root.detach())

    def pick(self, chosen: Tensor) -> Full:
        """Some of them."""
        return Full(self.mu[chosen], self.root[chosen])


def numbers(name: PosteriorName, k: int) -> int:
    """How many numbers an encoder gives for codes of k numbers."""
    return 2 * k if name == "diagonal" else k + k * (k + 1) // 2


def read(name: PosteriorName, raw: Tensor, k: int) -> Gaussians:
    """The Gaussians that the numbers (n, numbers(name, k)) of an encoder stand for.

    Diagonal: mu, then ln sigma^2. Full: mu, then the diagonal of L before its softplus, then what lies below it, row
    after row. Numbers of half precision are read in single.
    """
    raw = raw.float() if raw.dtype.itemsize < 4 else raw
    if name == "diagonal":
        mu, logvar = raw.chunk(2, -1)
        return Diagonal(mu, logvar)
    mu, diagonal, rest = raw.split([k, k, k * (k - 1) // 2], -1)
    rows, columns = torch.tril_indices(k, k, -1, device=raw.device)
    root = torch.diag_embed(softplus(diagonal + UNIT) + SMALLEST_STD)
    root[..., rows, columns] = rest
    return Full(mu, root)
