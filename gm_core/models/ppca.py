"""Probabilistic PCA: a linear VAE whose best parameters are known in closed form.

    z ~ N(0, I_q)    x = m + W z + sigma eps, eps ~ N(0, I_d)    so that    x ~ N(m, W W' + sigma^2 I)     (eq. 2, 4)

    m = mean of the data    W = U_q (L_q - sigma^2 I)^(1/2)    sigma^2 = mean of the d - q smaller eigenvalues
                                                                                                          (eq. 7, 8)
with U_q, L_q the leading eigenvectors and eigenvalues of the data's covariance, and the posterior

    z | x ~ N(M^-1 W'(x - m), sigma^2 M^-1),    M = W'W + sigma^2 I                                       (eq. 6)

Tipping & Bishop 1999, "Probabilistic principal component analysis", J. R. Statist. Soc. B 61. One pass over the data
gathers mean and covariance; nothing is learned by a gradient. A linear VAE trained to its optimum reaches the same
likelihood and the same subspace (Lucas et al. 2019, arXiv:1911.02469).

Our departures: the rotation that W leaves open is none, so that axes are the principal ones, the strongest first, the
largest number of each positive; sigma^2 is at least SMALLEST_VARIANCE, because the density of a constant pixel has no
upper end; `latent` is cut to d - 1, for there must be something left to be noise.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

import torch
from torch import Tensor

from gm_core.capabilities.denoises import CorruptionName, Denoises
from gm_core.capabilities.density import Density
from gm_core.capabilities.encodes import Encodes
from gm_core.capabilities.features import Features
from gm_core.capabilities.latent import Latent
from gm_core.capabilities.reconstruct import Reconstructs
from gm_core.capabilities.samples import Samples
from gm_core.maths import gaussian, moments
from gm_core.model import Batch, GenerativeModel, ModelSpec, Stage, model
from gm_core.nn.filters import as_pieces
from gm_core.protocol.cards import Chart, DataCard
from gm_core.spec import SpecError, param

SMALLEST_VARIANCE = 1e-6
"""The least sigma^2, in the units of the examples: a width of 0.001."""
SMALL_SIZE = 256
"""Examples of fewer numbers are computed fastest by one thread."""


@model("ppca", title="Probabilistic PCA", paper="Tipping & Bishop 1999, J. R. Statist. Soc. B 61")
class PPCA(GenerativeModel, Samples, Reconstructs, Latent, Encodes, Features, Denoises, Density):
    """One Gaussian: wide along the directions in which the data vary most, with equal noise in all others."""

    class Spec(ModelSpec):
        """What can be chosen of probabilistic PCA."""

        latent: int = param(
            16, "Principal axes that are kept; at most one less than an example has numbers.", lo=1, hi=1024, log=True
        )
        pictures: Literal["mean", "draw"] = param(
            "mean", "Whether a sampled picture is the mean of p(x|z), or a draw from it with all its pixel noise."
        )

    spec: Spec
    charts = (
        Chart("kept", "Variance kept", unit="share", better="higher", tip="Of all variance, what lies on the axes."),
        Chart("noise", "Noise", unit="variance", better="neither", tip="sigma^2: the mean variance of all other axes."),
        Chart("variances", "Variance of each axis", unit="variance", better="neither", vector=True,
              tip="The leading eigenvalues of the covariance; where they fall off, the data have no more directions."),
    )  # fmt: skip
    accepts = frozenset({"points", "vectors", "images", "binary", "continuous", "levels"})
    density_kind = "exact"
    counted: Tensor
    mean: Tensor
    data_covariance: Tensor
    axes: Tensor
    variances: Tensor
    noise: Tensor

    def __init__(self, spec: Spec, card: DataCard) -> None:
        super().__init__(spec, card)
        d, q = card.size, min(spec.latent, card.size - 1)
        if q < 1:
            raise SpecError("data", f"{card.title} has examples of one number; an axis and noise need at least two")
        self.latent_size = q
        # Sums need their digits; Apple's GPU has no float64, and eigenvalues are not computed there.
        kind = torch.float32 if torch.backends.mps.is_available() else torch.float64
        self.register_buffer("counted", torch.zeros((), dtype=kind))
        # Until something is counted: the middle of the range, and more variance along the first numbers than elsewhere.
        middle = 0.5 * (card.range[0] + card.range[1]) if card.kind == "images" else 0.0
        self.register_buffer("mean", torch.full((d,), middle, dtype=kind))
        self.register_buffer("data_covariance", torch.zeros(d, d, dtype=kind))
        self.register_buffer("axes", torch.eye(d, q, dtype=kind))
        self.register_buffer("variances", torch.full((q,), 2.0, dtype=kind))
        self.register_buffer("noise", torch.ones((), dtype=kind))
        self.small = d < SMALL_SIZE

    # Fitting --------------------------------------------------------------------------------------------------------

    def stages(self) -> list[Stage]:
        """One stage, in closed form."""
        return [Stage("fit", fit=self.fit)]

    def fit(self, feed: Any) -> Iterator[Mapping[str, Tensor]]:
        """One pass over the training examples, each counted once, and the solution after every batch.

        Reports how well each batch was expected just before it was counted. Ends after the pass: more would change
        nothing. All state is in buffers, so it can be resumed anywhere.
        """
        left = feed.count("train") - int(self.counted)
        while left > 0:
            batch: Batch = feed.next()
            x = batch.x[:left]  # a batch may run on into the next pass
            with torch.no_grad():
                terms = self._terms(x)
                self.count(x)
                self.solve()
            left -= len(x)
            yield terms

    def count(self, x: Tensor) -> None:
        """Add examples (n, *card.shape) to the mean and covariance."""
        flat = x.flatten(1).to(self.mean)
        total = self.counted + len(flat)
        found = moments.merge(self.mean, self.data_covariance, *moments.mean_and_covariance(flat), len(flat) / total)
        self.mean.copy_(found[0])
        self.data_covariance.copy_(found[1])
        self.counted.copy_(total)

    def solve(self) -> None:
        """The maximum likelihood (eq. 7 and 8) for the present covariance."""
        q, covariance = self.latent_size, self.data_covariance
        values, vectors = torch.linalg.eigh(covariance.to("cpu") if covariance.device.type == "mps" else covariance)
        axes = vectors[:, -q:].flip(1)
        largest = axes.gather(0, axes.abs().argmax(0, keepdim=True))
        noise = values[:-q].mean().clamp(min=SMALLEST_VARIANCE)
        self.axes.copy_(axes * largest.sign())
        self.noise.copy_(noise)
        self.variances.copy_(values[-q:].flip(0).clamp(min=noise))

    def loss(self, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """The mean of -ln p(x); nothing is learned by its gradient."""
        return self._terms(batch.x)

    def _terms(self, x: Tensor) -> dict[str, Tensor]:
        d, q = self.axes.shape
        along = self.variances.sum()
        return {
            "total": -self._log_prob(x).mean().float(),
            "kept": (along / (along + (d - q) * self.noise)).float(),
            "noise": self.noise.float(),
            "variances": self.variances.float(),
        }

    def free_parameters(self) -> int:
        """The mean, W without the rotation that it leaves open, and sigma^2."""
        d, q = self.axes.shape
        return d + d * q - q * (q - 1) // 2 + 1

    # Capabilities ---------------------------------------------------------------------------------------------------

    def offers(self) -> frozenset[str]:
        """A density only on continuous data: on discrete levels it could be raised at will."""
        honest = self.card.values == "continuous" or self.card.dequantised
        return super().offers() if honest else super().offers() - {Density.word}

    @property
    def weight(self) -> Tensor:
        """W, (d, latent_size)."""
        return self.axes * (self.variances - self.noise).sqrt()

    def _split(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """x - m along the axes, (n, latent_size), and what is left of it, (n, d)."""
        away = x.flatten(1).to(self.mean) - self.mean
        along = away @ self.axes
        return along, away - along @ self.axes.T

    def _log_prob(self, x: Tensor) -> Tensor:
        """ln N(x; m, W W' + sigma^2 I) by its eigenvalues: `variances` along the axes, sigma^2 across: (n,)."""
        d, q = self.axes.shape
        along, rest = self._split(x)
        nats = gaussian.log_prob(along, torch.zeros_like(along), self.variances.log()).sum(1)
        across = (d - q) * (gaussian.LOG_2PI + self.noise.log()) + rest.square().sum(1) / self.noise
        return nats - 0.5 * across

    def log_prob(self, x: Tensor, rng: torch.Generator, y: Tensor | None = None, samples: int = 0) -> Tensor:
        """ln p(x), (n,), exactly; it draws nothing, and labels do not matter."""
        return self._log_prob(x).to(x.dtype)

    def prior(self, n: int, rng: torch.Generator) -> Tensor:
        """Codes from N(0, I): (n, latent_size), float32."""
        return gaussian.noise_like(self.mean.float(), rng, (n, self.latent_size))

    def decode(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """m + W z for codes (n, latent_size): (n, *card.shape); pictures are clipped to the card's range."""
        _refuse(y)
        return self._shaped(self.mean + z.to(self.mean) @ self.weight.T, z.dtype)

    def sample(self, n: int, rng: torch.Generator, y: Tensor | None = None) -> Tensor:
        """Points and vectors are drawn from p(x), pictures as `pictures` says."""
        _refuse(y)
        z = self.prior(n, rng)
        if self.card.kind == "images" and self.spec.pictures == "mean":
            return self.decode(z)
        mean = self.mean + z.to(self.mean) @ self.weight.T
        return self._shaped(mean + self.noise.sqrt() * gaussian.noise_like(mean, rng), z.dtype)

    def encode(self, x: Tensor, y: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation of p(z|x) (eq. 6), each (n, latent_size); the latter is the same for all x."""
        mu = self._split(x)[0] * (self.variances - self.noise).sqrt() / self.variances
        return mu.to(x.dtype), (self.noise / self.variances).sqrt().to(x.dtype).expand(mu.shape)

    def reconstruct(self, x: Tensor, rng: torch.Generator, y: Tensor | None = None) -> Tensor:
        """Decode the mean code of x, which is drawn a little towards the mean of all."""
        return self.decode(self.encode(x)[0])

    def denoise(self, x: Tensor, sigma: float | None = None, y: Tensor | None = None) -> Tensor:
        """E[clean | x] = m + C (C + s^2 I)^-1 (x - m) for Gaussian noise of width s, C = W W' + sigma^2 I: the best
        linear repair. Where s is not known, the reconstruction.
        """
        if sigma is None:
            return self.decode(self.encode(x)[0])
        along, rest = self._split(x)
        kept = along * (self.variances / (self.variances + sigma**2)) @ self.axes.T
        return self._shaped(self.mean + kept + rest * (self.noise / (self.noise + sigma**2)), x.dtype)

    def filters(self) -> Tensor:
        """The principal axes, each of length 1: (latent_size, c, h, w)."""
        return as_pieces(self.axes.T, self.card.shape)

    def undoes(self) -> tuple[CorruptionName | Literal["none"], float]:
        """Nothing was learned from spoilt examples; Gaussian noise of a known width is undone by arithmetic."""
        return "none", 0.0

    def _shaped(self, flat: Tensor, dtype: torch.dtype) -> Tensor:
        """Numbers (n, d) as examples (n, *card.shape) of that type; pictures clipped to the card's range."""
        x = flat.to(dtype).reshape(len(flat), *self.card.shape)
        return x.clamp(*self.card.range) if self.card.kind == "images" else x


def _refuse(y: Tensor | None) -> None:
    if y is not None:
        raise SpecError("y", "y is given but probabilistic PCA learns no classes; leave y out")
