"""Divergences: how fast a vector field spreads the points that it carries, which is how fast their density falls.

    div f(x) = sum_i d f_i / d x_i = trace J(x)                     exact: one backward pass for each number of x
    div f(x) = E_e [e^T J(x) e],  E[e e^T] = I                      by probes e of random signs

Hutchinson 1990, "A stochastic estimator of the trace of the influence matrix"; used for flows by Grathwohl et al. 2019,
"FFJORD", arXiv:1810.01367, eq. 8. Both hold for fields whose examples know nothing of one another, and work for callers
that have gradients switched off.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

Field = Callable[[Tensor, float], Tensor]
Divergence = Callable[[Field, Tensor, float], tuple[Tensor, Tensor]]
"""A field f, points x (n, ...) and a time to the pair: f(x, t) of the same shape, and div f (n,)."""


def exact(f: Field, x: Tensor, t: float) -> tuple[Tensor, Tensor]:
    """f(x, t) and its exact divergence (n,), for x (n, ...) of few numbers: as many backward passes as there are."""
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        velocity = f(x, t)
        flat = velocity.flatten(1)
        size = flat.shape[1]
        total = x.new_zeros(len(x))
        for i in range(size):
            if flat.requires_grad:  # a field that is the same everywhere has no gradient, and no divergence
                (gradient,) = torch.autograd.grad(flat[:, i].sum(), x, retain_graph=i + 1 < size, allow_unused=True)
                total = total if gradient is None else total + gradient.flatten(1)[:, i]
    return velocity.detach(), total.detach()


def by_probes(probes: Tensor) -> Divergence:
    """A divergence estimated with fixed probes (m, n, ...): e^T J e averaged over m, one backward pass for each.

    An unbiased estimate; the same probes all along an ODE keep its right-hand side smooth, as a solver needs it.
    """

    def estimated(f: Field, x: Tensor, t: float) -> tuple[Tensor, Tensor]:
        with torch.enable_grad():
            x = x.detach().requires_grad_()
            velocity = f(x, t)
            total = x.new_zeros(len(x))
            for number, probe in enumerate(probes, 1):
                if velocity.requires_grad:
                    (gradient,) = torch.autograd.grad(
                        velocity, x, probe, retain_graph=number < len(probes), allow_unused=True
                    )
                    total = total if gradient is None else total + (gradient * probe).flatten(1).sum(1)
        return velocity.detach(), (total / len(probes)).detach()

    return estimated


def signs(x: Tensor, count: int, rng: torch.Generator) -> Tensor:
    """Probes of random signs (count, n, ...) for points x (n, ...): the least variance among independent entries."""
    bits = torch.randint(0, 2, (count, *x.shape), generator=rng, device=rng.device)
    return (2 * bits - 1).to(x.device, x.dtype)
