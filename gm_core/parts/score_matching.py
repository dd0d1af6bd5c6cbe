"""Score matching: three ways to fit s(x) to the gradient of log p without knowing p, all of one scale.

    explicit    E |s - grad log p|^2                                                  what is wanted, and not known
    implicit    E [2 tr ds/dx + |s|^2]              = explicit - E |grad log p|^2     Hyvarinen 2005, Theorem 1
    sliced      E [2 v . d(v . s)/dx + |s|^2]       = implicit on average over v      Song et al. 2019, Eq. 8 (SSM-VR)
    denoising   E |s + eps / sigma|^2               = explicit + a constant       Vincent 2011; Song & Ermon 2019, Eq. 5

at x + sigma eps, p being the law of that. Each is weighted by sigma^2 (Song & Ermon 2019, Eq. 6) and is a mean over
the numbers of an example. To the implicit ones 1 is added: then all three have the same expectation, whatever s is,
which is the mean squared error of the noise that s implies, -sigma s. Single draws of the implicit ones can be below 0.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

Objective = Literal["denoising", "sliced", "exact"]
Map = Callable[[Tensor], Tensor]
"""Points (n, ...) to a score of the same shape; examples know nothing of one another."""


def denoising(score: Tensor, eps: Tensor, sigma: Tensor | float) -> Tensor:
    """|sigma s + eps|^2 as a mean over the numbers of each example (n,), for s at x + sigma eps."""
    return (sigma * score + eps).square().flatten(1).mean(1)


def implicit(score_of: Map, x: Tensor, sigma: Tensor | float, probes: Tensor | None) -> tuple[Tensor, Tensor]:
    """1 + sigma^2 (2 tr ds/dx + |s|^2) as a mean over the numbers of each example (n,), and s itself.

    The trace is estimated by `probes` v (m, n, ...) with E[v v^T] = I, or exact without them, at the price of a
    backward pass for each number of x. With gradients switched on, the result can be descended: a second backward pass.
    """
    keep = torch.is_grad_enabled()
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        score = score_of(x)
        flat = score.flatten(1)
        if probes is None:
            axes = torch.eye(flat.shape[1], dtype=flat.dtype, device=flat.device)
            directions = [axis.expand_as(flat).reshape(score.shape) for axis in axes]
            share = 1.0
        else:
            directions, share = list(probes), 1.0 / len(probes)
        trace = flat.new_zeros(len(flat))
        for number, v in enumerate(directions, 1):
            more = keep or number < len(directions)
            (slope,) = torch.autograd.grad(score, x, v, retain_graph=more, create_graph=keep)
            trace = trace + share * (slope * v).flatten(1).sum(1)
        weight = sigma.flatten() if isinstance(sigma, Tensor) else sigma
        found = 1.0 + weight**2 * (2.0 * trace + flat.square().sum(1)) / flat.shape[1]
    return (found, score) if keep else (found.detach(), score.detach())
