"""What codes know: how many nats they carry about their examples, and how well they keep known causes apart.

Codes are Gaussians q(z|x) with means mu (n, k) and deviations std (n, k), or Cholesky factors of full covariances; n
examples stand for the data. Everything is in nats, and should be computed in float64: a narrow q makes large numbers
that nearly cancel.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from gm_core.maths.gaussian import LOG_2PI

BINS = 10
"""Equal shares into which numbers are cut before their mutual information is counted."""


def log_prob_pairs(z: Tensor, mu: Tensor, std: Tensor) -> Tensor:
    """ln q(z_i | x_j) of every code z (m, k) under every Gaussian mu, std (n, k): (m, n). `std` must not be 0."""
    precise = std.square().reciprocal()
    centre = mu.mean(0)  # squares of numbers far from 0 would cancel badly
    z, mu = z - centre, mu - centre
    squares: Tensor = z.square() @ precise.T - 2.0 * z @ (mu * precise).T + (mu.square() * precise).sum(-1)
    return -0.5 * (squares + mu.shape[-1] * LOG_2PI) - std.log().sum(-1)


def own_and_aggregate(pairs: Tensor, first: int) -> tuple[Tensor, Tensor]:
    """ln q(z_i | x_i) and ln qbar(z_i), each (m,), from ln q(z_i | x_j) (m, n) for codes drawn for the examples first,
    first + 1, ...

    qbar(z) = 1/n sum_j q(z | x_j) is the aggregate posterior of all n examples, the own one among them.
    """
    m, n = pairs.shape
    own = pairs[torch.arange(m), torch.arange(first, first + m)]
    return own, torch.logsumexp(pairs, 1) - math.log(n)


@dataclass(frozen=True)
class Split:
    """The mean KL to the prior in its two parts (Hoffman & Johnson 2016, "ELBO surgery"), all from the same draws.

        E KL(q(z|x) || p) = I(x; z) + KL(qbar || p)

    `information` averages ln q(z_i|x_i) - ln qbar(z_i). It never exceeds ln n, and on average it lies below the true
    I(x; z) of the distribution behind the n examples (it is the InfoNCE bound with the best critic; Poole et al. 2019,
    arXiv:1905.06922): near ln n it says only that the truth is larger. `marginal` has the opposite bias, and `kl` has
    none. `information` can come out a little below 0 by chance.
    """

    information: float
    marginal: float
    kl: float
    ceiling: float


def split_kl(own: Tensor, aggregate: Tensor, log_prior: Tensor) -> Split:
    """The parts of the mean KL from ln q(z_i|x_i), ln qbar(z_i) and ln p(z_i) of n draws, each (n,)."""
    information, marginal = (own - aggregate).mean(), (aggregate - log_prior).mean()
    return Split(
        float(information), float(marginal), float((own - log_prior).mean()), math.log(len(own)) if len(own) else 0.0
    )


def shares(values: Tensor, bins: int = BINS) -> Tensor:
    """Numbers (n, k) as whole numbers below `bins`, column by column: their kinds where there are few, else `bins`
    equally full shares.

    Equal shares do not change when a code is stretched or bent, as long as its order stays. What is equal shares a bin.
    """
    ordered, places = values.sort(0)
    new = torch.zeros(values.shape, dtype=torch.int64)
    new[1:] = ordered[1:] != ordered[:-1]
    rank = new.cumsum(0)
    kinds = torch.empty_like(rank).scatter_(0, places, rank)
    cuts = ordered[torch.arange(1, bins) * len(values) // bins]
    bucket = torch.searchsorted(cuts.T.contiguous(), values.T.contiguous(), right=True).T
    return torch.where(rank[-1] < bins, kinds, bucket)


def entropy(counts: Tensor) -> Tensor:
    """H of a distribution that was counted, (..., kinds): -sum p ln p in nats, (...)."""
    p = counts.double() / counts.sum(-1, keepdim=True)
    nats: Tensor = -torch.special.xlogy(p, p).sum(-1)
    return nats


def mutual_information(joint: Tensor) -> Tensor:
    """I(a; b) from how often each pair was met, (..., a, b), in nats; never below 0.

    Counting a few examples finds chance resemblance; its mean is taken off: + (K_a + K_b - K_ab - 1) / 2n, where K is
    the number of kinds (pairs) met (Miller 1955).
    """
    a, b, pairs = joint.sum(-1), joint.sum(-2), joint.flatten(-2)
    met = (a > 0).sum(-1) + (b > 0).sum(-1) - (pairs > 0).sum(-1) - 1
    counted = entropy(a) + entropy(b) - entropy(pairs)
    return (counted + met.double() / (2 * pairs.sum(-1))).clamp(min=0.0)


def information_table(z: Tensor, factors: Tensor, bins: int = BINS) -> tuple[Tensor, Tensor]:
    """I(factor; z_j) for factors (n, f) and codes (n, k): nats (f, k), and the entropy of each factor (f,)."""
    codes, causes = shares(z, bins), shares(factors, bins)
    k, rows, entropies = z.shape[1], [], []
    for cause in causes.T:
        at = (torch.arange(k) * bins + codes) * bins + cause[:, None]
        joint = torch.bincount(at.flatten(), minlength=k * bins * bins).reshape(k, bins, bins)
        rows.append(mutual_information(joint))
        entropies.append(entropy(torch.bincount(cause, minlength=bins)))
    return torch.stack(rows), torch.stack(entropies)


def information_gaps(table: Tensor, entropies: Tensor) -> Tensor:
    """For each factor, by how much the best number knows more of it than the second best, over its entropy: (f,).

    Their mean is the mutual information gap, MIG (Chen et al. 2018, arXiv:1802.04942, eq. 6): 1 where each cause has a
    number of its own, 0 where two numbers know equally much. NaN for a factor that never changes, or where a code has
    one number only.
    """
    if table.shape[1] < 2:
        return torch.full((table.shape[0],), math.nan, dtype=table.dtype)
    best = table.topk(2, dim=1).values
    return torch.where(entropies > 0, (best[:, 0] - best[:, 1]) / entropies, torch.nan)
