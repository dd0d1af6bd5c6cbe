"""How far an importance-weighted average can be trusted, known beforehand: second moments of weights in closed form.

    E_p[f] = E_q[w f],  w = p / q        Var_q[w f] = E_q[w^2 f^2] - E_p[f]^2

(Owen 2013, Monte Carlo theory, methods and examples, chapter 9.) For Gaussians the second moment is a Gaussian
integral, and infinite where q is too narrow: its tails must not fall faster than those of p^2.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor


def log_second_moment(
    mean: Tensor, variance: Tensor, proposal_mean: Tensor, proposal_width: Tensor, above: float = -math.inf
) -> Tensor:
    """ln E_q[w^2 1(x > above)] for w = N(x; mean, variance) / N(x; proposal mean, proposal width^2).

    All arguments have or broadcast to one shape, which is that of the answer. It is +inf where the width squared is
    not above half of the variance. (On that line itself a one-sided integral may be finite; it counts as infinite.)
    """
    square = proposal_width.square()
    fall = 1.0 / variance - 0.5 / square  # the integrand is exp(-fall x^2 + slope x - constant) times a factor
    slope = 2.0 * mean / variance - proposal_mean / square
    constant = mean.square() / variance - 0.5 * proposal_mean.square() / square
    good = fall > 1e-12
    safe = torch.where(good, fall, torch.ones_like(fall))
    middle = 0.5 * slope / safe
    part: Tensor = torch.special.log_ndtr((middle - above) * (2.0 * safe).sqrt()) if above > -math.inf else 0.0 * middle
    factor = proposal_width.log() - variance.log() - 0.5 * math.log(2.0 * math.pi)
    whole = factor + 0.5 * (math.log(math.pi) - safe.log()) + 0.5 * slope * middle - constant + part
    return torch.where(good, whole, torch.full_like(whole, math.inf))
