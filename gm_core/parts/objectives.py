"""Objectives: what is raised when a latent-variable model learns, and by which estimate of its gradient.

    ELBO   E_q [ln p(x|z)] - KL(q(z|x) || p(z))                                  Kingma & Welling 2013, eq. 3
    beta   E_q [ln p(x|z)] - beta KL                                             Higgins et al. 2017, eq. 4
    bits   E_q [ln p(x|z)] - sum_j max(lambda, mean_x KL_j)                      Kingma et al. 2016, eq. 15 (free bits)
    TC     E_q [ln p(x|z)] - KL - (beta - 1) TC,  TC = KL(q(z) || prod_j q(z_j)) Chen et al. 2018, eq. 4
    IWAE   E ln 1/k sum_i w_i,  w_i = p(x|z_i) p(z_i) / q(z_i|x)                 Burda et al. 2015, eq. 8

Gradients with respect to the encoder, beside each other:

    reparameterisation       through z = mu + sigma eps                          Kingma & Welling 2013, eq. 10
    doubly_reparameterised   sum_i W_i^2 (d ln w_i / dz_i) dz_i                  Tucker et al. 2018, eq. 8 (IWAE only)
    score                    sum_i (f_i - mean of the other f) d ln q(z_i|x)     Williams 1992; IWAE: VIMCO, Mnih &
                                                                                 Rezende 2016, eq. 5 to 8

Results are in nats, means over the batch. The KL has its closed form where the prior allows, elsewhere it is the mean
over the draws.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import torch
from torch import Tensor

from gm_core.maths.estimators import importance_bound
from gm_core.parts.posteriors import Gaussians
from gm_core.parts.priors import CodeDensity
from gm_core.protocol.cards import Chart

ObjectiveName = Literal["elbo", "iwae", "tc"]
GradientName = Literal["reparameterisation", "doubly_reparameterised", "score"]
ACTIVE = 0.01
"""Variance over examples from which the mean of a code's number counts as active (Burda et al. 2015, section 5.2)."""

CHARTS: tuple[Chart, ...] = (
    Chart(
        "reconstruction",
        "Reconstruction",
        tip="-E_q ln p(x|z): what an example costs once its code is known; a cross-entropy for grey values.",
    ),
    Chart("kl", "KL", better="neither", tip="KL(q(z|x) || p(z)): how much the codes say about the examples."),
    Chart(
        "elbo",
        "ELBO",
        better="higher",
        tip="Evidence lower bound, always with beta = 1: below ln p(x) on average, where the likelihood is one.",
    ),
    Chart("iwae", "IWAE bound", better="higher", tip="E ln of the mean of k weights, with beta = 1: a tighter bound."),
    Chart(
        "total_correlation",
        "Total correlation",
        better="neither",
        tip="KL(q(z) || prod q(z_j)) over the batch: how far the numbers of codes are from independent.",
    ),
    Chart(
        "kl_dimensions",
        "KL of each dimension",
        better="neither",
        vector=True,
        tip="How much each number of the code says; one near 0 is not used.",
    ),
    Chart(
        "active",
        "Active units",
        unit="units",
        better="neither",
        tip="Numbers of the code whose mean varies over the batch by more than 0.01 (variance).",
    ),
)
"""All that an objective may report; see `charts`."""


def charts(name: ObjectiveName) -> tuple[Chart, ...]:
    """What an objective of that name reports."""
    silent = {"iwae": "total_correlation", "tc": "iwae"}.get(name, "iwae total_correlation").split()
    return tuple(chart for chart in CHARTS if chart.name not in silent)


@dataclass
class Draws:
    """A batch of n examples as an objective sees it, with k codes drawn for each.

    `guess` is q(z|x), `prior` p(z); z (k, n, d); `log_likelihood` ln p(x|z), (k, n).
    """

    guess: Gaussians
    prior: CodeDensity
    z: Tensor
    log_likelihood: Tensor

    @cached_property
    def log_prior(self) -> Tensor:
        """ln p(z), (k, n)."""
        return self.prior.log_prob(self.z)

    @cached_property
    def log_guess(self) -> Tensor:
        """ln q(z|x), (k, n)."""
        return self.guess.log_prob(self.z)

    @cached_property
    def kl(self) -> Tensor:
        """KL(q(z|x) || p(z)), closed or by the draws, mean over the examples: a scalar."""
        if self.prior.closed:
            return self.kl_dimensions.sum() if self.guess.factorises else self.guess.kl_standard().mean()
        return (self.log_guess - self.log_prior).mean()

    @cached_property
    def kl_dimensions(self) -> Tensor:
        """KL(q(z_j|x) || p(z_j)) of each number by itself, closed or by the draws, mean over the examples: (d,)."""
        if self.prior.closed:
            return self.guess.kl_dimensions().mean(0)
        apart = self.guess.log_prob_dimensions(self.z) - self.prior.log_prob_dimensions(self.z)
        return apart.mean((0, 1))

    @cached_property
    def total_correlation(self) -> Tensor:
        """How far the numbers of codes are from independent over the batch: see `decomposition`."""
        return decomposition(self.guess, self.prior, self.z)[1]

    def log_weights(self, weight: float = 1.0) -> Tensor:
        """ln p(x|z) + weight (ln p(z) - ln q(z|x)): (k, n)."""
        return self.log_likelihood + weight * (self.log_prior - self.log_guess)


def report(draws: Draws, name: ObjectiveName) -> dict[str, Tensor]:
    """The charts of an objective for these draws, without gradients."""
    with torch.no_grad():
        reconstruction, kl = -draws.log_likelihood.mean(), draws.kl
        mu = draws.guess.mu
        found = {
            "reconstruction": reconstruction,
            "kl": kl,
            "elbo": -(reconstruction + kl),
            "kl_dimensions": draws.kl_dimensions,
            "active": (mu.var(0, unbiased=False) > ACTIVE).sum().to(mu.dtype),
        }
        if name == "iwae":
            found["iwae"] = importance_bound(draws.log_weights()).mean()
        elif name == "tc":
            found["total_correlation"] = draws.total_correlation
    return {name: value.detach() for name, value in found.items()}


def decomposition(guess: Gaussians, prior: CodeDensity, z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """KL(q(z|x) || p) in three parts (Chen et al. 2018, eq. 2), for codes z (k, n, d) ~ q(z|x), each a scalar:

        I(z; n)                what a code says about which example it came from
        TC                     KL(q(z) || prod_j q(z_j)), how the numbers of a code hang together
        sum_j KL(q(z_j)||p)    how far each number by itself is from the prior; where the prior does not factorise, it
                               is E ln prod_j q(z_j) - ln p(z), so that the three always sum to E ln q(z|x) - ln p(z)

    q(z) is the aggregate over the batch, 1/n sum_m q(z|x_m). The minibatch-weighted sampling of their eq. S4 differs
    in TC by the constant (d - 1) ln N, so that its gradient is this one, and these values stay readable.
    """
    n = z.shape[1]
    each = guess.log_prob_dimensions(z.unsqueeze(-2))  # (k, n, n, d)
    own = guess.log_prob(z)
    aggregate = guess.log_prob(z.unsqueeze(-2)).logsumexp(-1) - math.log(n)
    apart = (each.logsumexp(-2) - math.log(n)).sum(-1)
    return (own - aggregate).mean(), (aggregate - apart).mean(), (apart - prior.log_prob(z)).mean()


def negative_elbo(draws: Draws, weight: float, tc: float, free_bits: float, gradient: GradientName) -> Tensor:
    """-E_q ln p(x|z) + weight KL + tc TC, where each number's KL counts as `free_bits` nats at least: a scalar.

    Free bits need the closed KL of the standard normal prior; the score gradient does not know TC.
    """
    fit, prior = draws.log_likelihood, draws.prior
    if prior.closed:
        rated, kl = fit, draws.kl
        if free_bits:
            kl = kl + (free_bits - draws.kl_dimensions).clamp(min=0.0).sum()
    else:
        # The expected slope of ln q at its own draws is zero, so that the score gradient may leave it out.
        log_guess = draws.log_guess.detach() if gradient == "score" else draws.log_guess
        kl = (log_guess - draws.log_prior).mean()
        rated = fit - weight * (log_guess - draws.log_prior)
    total = weight * kl - fit.mean()
    if tc:
        total = total + tc * draws.total_correlation
    if gradient == "score":
        reward = (rated - others(rated)).detach() * draws.log_guess
        total = total - _slope_of(reward.mean())
    return total


def negative_iwae(draws: Draws, weight: float, gradient: GradientName) -> Tensor:
    """-ln 1/k sum_i w_i with w_i = p(x|z_i) (p(z_i) / q(z_i|x))^weight, mean over the examples: a scalar."""
    if gradient == "doubly_reparameterised":
        fixed = draws.guess.detach().log_prob(draws.z)
        log_weights = draws.log_likelihood + weight * (draws.log_prior - fixed)
        shares = log_weights.softmax(0).detach()
        if draws.z.requires_grad:
            draws.z.register_hook(lambda slope: slope * shares.unsqueeze(-1))
        surrogate = (shares * log_weights).sum(0).mean()
        return -(importance_bound(log_weights).mean().detach() + _slope_of(surrogate))
    log_weights = draws.log_weights(weight)
    bound = importance_bound(log_weights)
    if gradient == "reparameterisation":
        return -bound.mean()
    if len(log_weights) == 1:
        without = others(log_weights)
    else:
        # ln of the mean in which w_i is replaced by the geometric mean of the others, for each i
        mine = torch.eye(len(log_weights), dtype=torch.bool, device=log_weights.device).unsqueeze(-1)
        without = importance_bound(torch.where(mine, others(log_weights), log_weights.unsqueeze(1)))
    # 1/k: the expected slope of ln q at its own draws is zero, and so much of it, added, quiets that of the bound.
    reward = ((bound - without).detach() + 1.0 / len(log_weights)) * draws.log_guess
    return -(bound.mean() + _slope_of(reward.sum(0).mean()))


def others(values: Tensor) -> Tensor:
    """The mean of the other draws' values (k, n) for the same example, or, of a single draw, of the other examples'.

    What depends on other draws alone can be subtracted from a reward without moving the expected gradient.
    """
    axis = 0 if len(values) > 1 else 1
    rest = values.shape[axis] - 1
    return (values.sum(axis, keepdim=True) - values) / rest if rest else torch.zeros_like(values)


def _slope_of(value: Tensor) -> Tensor:
    """Zero, with the gradient of `value`."""
    return value - value.detach()
