"""Two classes told apart in two ways: by a Gaussian for each class and Bayes' rule, or by logistic regression.

    log-odds(x) = ln p(y=1|x) / p(y=0|x) = x' A x + w' x + b

Gaussians with one covariance have A = 0 (linear discriminant analysis), with a covariance each they have A != 0
(quadratic). Logistic regression looks for w and b alone, without saying what x is like. Leading axes are batches: all
fits of a learning curve are made side by side. Hastie, Tibshirani & Friedman 2009, sections 4.3 and 4.4.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

HALVINGS = 8
CLOSE = 1e-7
"""A Newton step below this is the last: the next would be about its square."""


def fit_gaussians(x: Tensor, y: Tensor, shared: bool, ridge: float = 0.0) -> tuple[Tensor, Tensor]:
    """Means (..., 2, d) and covariances (..., 2, d, d) by maximum likelihood of x (..., n, d) with y (..., n) in 0, 1.

    Covariances are divided by n. `ridge` adds so many made-up points with covariance I, so that a handful of points
    still has an inverse. `shared` pools the covariances, each by its number of points.
    """
    member = torch.stack((1 - y, y), -2).to(x)  # (..., 2, n)
    count = member.sum(-1)
    means = member @ x / count[..., None]
    away = x.unsqueeze(-3) - means.unsqueeze(-2)  # (..., 2, n, d)
    scatter = (away * member[..., None]).mT @ away
    eye = torch.eye(x.shape[-1], dtype=x.dtype, device=x.device)
    if shared:
        pooled = (scatter.sum(-3) + ridge * eye) / (x.shape[-2] + ridge)
        return means, pooled.unsqueeze(-3).expand_as(scatter)
    return means, (scatter + ridge * eye) / (count[..., None, None] + ridge)


def log_odds(means: Tensor, covariances: Tensor, prior: float | Tensor = 0.5) -> tuple[Tensor, Tensor, Tensor]:
    """A (..., d, d), w (..., d) and b (...) of the log-odds of two Gaussians, `prior` being p(y=1)."""
    precision = torch.linalg.inv(covariances)
    pull = (precision @ means[..., None]).squeeze(-1)
    height = -0.5 * (pull * means).sum(-1) - 0.5 * torch.linalg.slogdet(covariances).logabsdet
    chance = torch.as_tensor(prior, dtype=means.dtype, device=means.device)
    bend = -0.5 * (precision[..., 1, :, :] - precision[..., 0, :, :])
    bias = height[..., 1] - height[..., 0] + torch.logit(chance)
    return bend, pull[..., 1, :] - pull[..., 0, :], bias


def logistic_regression(x: Tensor, y: Tensor, decay: float = 1.0, steps: int = 40) -> tuple[Tensor, Tensor]:
    """w (..., d) and b (...) that maximise sum ln p(y|x) - decay/2 |w|^2, by Newton's method with halved steps.

    Each step solves a weighted least-squares problem (iteratively reweighted least squares). With `decay` 0 there is no
    maximum where a line parts the classes; the bias is never decayed. x (..., n, d), y (..., n) in 0, 1.
    """
    z = torch.cat((x, torch.ones_like(x[..., :1])), -1)
    penalty = torch.full((z.shape[-1],), decay, dtype=x.dtype, device=x.device)
    penalty[-1] = 1e-9  # none, but for data whose classes are the same everywhere
    target = y.to(x)

    def loss(theta: Tensor) -> tuple[Tensor, Tensor]:
        reach = (z @ theta[..., None]).squeeze(-1)
        cost = (torch.nn.functional.softplus(reach) - target * reach).sum(-1)
        return cost + 0.5 * (penalty * theta.square()).sum(-1), reach

    theta = torch.zeros((*x.shape[:-2], z.shape[-1]), dtype=x.dtype, device=x.device)
    before, reach = loss(theta)
    for _ in range(steps):
        p = reach.sigmoid()
        gradient = (z.mT @ (p - target)[..., None]).squeeze(-1) + penalty * theta
        curvature = (z * (p * (1 - p))[..., None]).mT @ z + penalty.diag()
        step = torch.linalg.solve(curvature, gradient)
        after, reach = loss(theta - step)
        for _ in range(HALVINGS):
            worse = after > before + 1e-12 * before.abs()
            if not worse.any():
                break
            step = torch.where(worse[..., None], step / 2, step)
            after, reach = loss(theta - step)
        theta, before = theta - step, after
        if step.abs().max() < CLOSE:
            break
    return theta[..., :-1], theta[..., -1]


def linear_error(
    w: Tensor, b: Tensor, means: Tensor, covariances: Tensor, weights: Tensor, labels: Tensor
) -> Tensor:  # fmt: skip
    """How often the sign of w' x + b errs on a mixture of Gaussians of two classes, exactly: (...).

    w' x + b is a Gaussian within each component, so that each errs with Phi(-+m / s). w (..., d), b (...); components
    by means (k, d), covariances (k, d, d), weights (k,) that sum to 1 over both classes, labels (k,) in 0, 1.
    """
    middle = w @ means.T + b[..., None]
    spread = torch.einsum("...i,kij,...j->...k", w, covariances, w).clamp(min=1e-300).sqrt()
    side = torch.where(labels.bool(), -1.0, 1.0).to(w)
    return (weights * normal_mass(side * middle / spread)).sum(-1)


def normal_mass(z: Tensor) -> Tensor:
    """Phi(z), the mass of N(0, 1) below z."""
    mass: Tensor = 0.5 * torch.erfc(-z / math.sqrt(2.0))
    return mass
