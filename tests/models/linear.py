"""Linear VAEs and the closed form of their optimum: what several tests of the VAE share.

A VAE without hidden layers and with a Gaussian likelihood is x = W z + m + sigma eps. With S the covariance of the
data, lambda_i its eigenvalues and U its eigenvectors, the best W is U_q (Lambda_q - sigma^2 I)^(1/2), the best sigma^2
the mean of the eigenvalues left out, and the best encoder the true posterior N(Lambda^-1 W' (x - m), sigma^2
Lambda^-1) (Tipping & Bishop 1999). Float64.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from gm_core.model import Batch, build
from gm_core.models.vae import VAE
from gm_core.parts.likelihoods import SMALLEST_SIGMA
from gm_core.protocol.cards import DataCard

D, Q = 6, 3
CARD = DataCard("plane", "Six numbers", (D,), "continuous", (-5.0, 5.0))
EIGENVALUES = (6.0, 3.0, 1.5, 0.4, 0.3, 0.2)


@dataclass(frozen=True)
class Truth:
    """Data whose covariance has exactly these eigenvalues, with its mean and eigenvectors."""

    x: Tensor
    mean: Tensor
    values: Tensor
    vectors: Tensor


def make_truth(scale: float = 1.0) -> Truth:
    """200 examples, made so that mean and covariance are exact; eigenvalues are multiplied by scale^2."""
    rng = torch.Generator().manual_seed(0)
    raw = torch.randn(200, D, generator=rng, dtype=torch.float64)
    raw = raw - raw.mean(0)
    white = torch.linalg.solve_triangular(torch.linalg.cholesky(raw.T @ raw / 200), raw.T, upper=False).T
    vectors = torch.linalg.qr(torch.randn(D, D, generator=rng, dtype=torch.float64)).Q
    values = scale**2 * torch.tensor(EIGENVALUES, dtype=torch.float64)
    mean = torch.linspace(-1.0, 1.0, D, dtype=torch.float64)
    return Truth(white * values.sqrt() @ vectors.T + mean, mean, values, vectors)


def linear(variance: str = "learned", beta: float = 1.0, sigma: float = 0.5, seed: int = 0, **more: Any) -> VAE:
    """A VAE without hidden layers, float64."""
    options = {"latent": Q, "hidden": [], "likelihood": "gaussian", "variance": variance, "sigma": sigma, **more}
    made = build({"kind": "vae", "beta": beta, **options}, CARD, seed).double()
    assert isinstance(made, VAE)
    return made


def optimum(truth: Truth, sigma2: float, variance: str = "learned", beta: float = 1.0) -> VAE:
    """The linear VAE at its best, for noise sigma2."""
    model = linear(variance=variance, beta=beta)
    kept = truth.values[:Q].clamp_min(beta * sigma2)
    directions = truth.vectors[:, :Q]
    w = directions * (kept - beta * sigma2).sqrt()
    with torch.no_grad():
        decoder, encoder = model.decoder.net[0], model.encoder.net[0]  # type: ignore[index, union-attr]
        decoder.weight.copy_(w)
        decoder.bias.copy_(truth.mean)
        encoder.weight[:Q] = (w / kept).T
        encoder.bias[:Q] = -(w / kept).T @ truth.mean
        encoder.weight[Q:] = 0.0
        encoder.bias[Q:] = (beta * sigma2 / kept).log()
        raw = sigma2 - SMALLEST_SIGMA**2 if variance == "learned" else sigma2
        model.likelihood.raw_logvar.fill_(math.log(raw))
    return model


def descend(model: VAE, batch: Batch, most: int = 2000) -> float:
    """Bring the loss of one batch to its minimum by a quasi-Newton method; returns the loss there."""
    optimiser = torch.optim.LBFGS(
        model.parameters(), lr=1.0, max_iter=most, max_eval=2 * most, tolerance_grad=1e-9, tolerance_change=1e-14,
        history_size=30, line_search_fn="strong_wolfe",
    )  # fmt: skip

    def closure() -> Tensor:
        optimiser.zero_grad()
        total = model.loss(batch, torch.Generator())["total"]
        total.backward()
        return total

    optimiser.step(closure)  # type: ignore[no-untyped-call, arg-type]
    return float(closure().detach())


def repeated(x: Tensor) -> Batch:
    """Each example once for each of the 2q points."""
    return Batch(x.repeat(2 * Q, 1))


def discarded(truth: Truth) -> float:
    """The best sigma^2: the mean eigenvalue that q directions leave out."""
    return float(truth.values[Q:].mean())


def ppca_log_likelihood(truth: Truth) -> float:
    """Mean log-likelihood at the optimum: -1/2 [d ln 2 pi + sum_{i<=q} ln lambda_i + (d - q) ln sigma^2 + d]."""
    kept = float(truth.values[:Q].log().sum())
    return -0.5 * (D * math.log(2 * math.pi) + kept + (D - Q) * math.log(discarded(truth)) + D)
