"""How strongly a map answers to small changes of what it is given: the squared Frobenius norm of its Jacobian.

    ||J(x)||_F^2 = sum_ji (d h_j / d x_i)^2

Rifai et al. 2011, "Contractive auto-encoders: explicit invariance during feature extraction", eq. 6. Both ways here are
exact, so that the norm can be a penalty whose own gradient is exact as well.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

NUMBERS_AT_ONCE = 2**23
"""Numbers of Jacobians held at once by `squared_norm`: 32 MiB of float32."""


def squared_norm_of_sigmoid_layer(h: Tensor, weight: Tensor) -> Tensor:
    """||J||_F^2 of h = sigmoid(W x + b), in closed form: sum_j (h_j (1 - h_j))^2 sum_i W_ji^2 (Rifai 2011, eq. 7).

    h (n, k) and weight (k, d); shape (n,).
    """
    return (h * (1.0 - h)).square() @ weight.square().sum(1)


def squared_norm(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """||J||_F^2 of any differentiable map of single examples, (n, ...) to (n, k), by one backward pass for each output.

    The passes run side by side as far as memory allows. With gradients switched on, the result has an exact gradient
    with respect to whatever the function holds. Shape (n,).
    """
    keep = torch.is_grad_enabled()
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        h = function(x)
        k = h.shape[1]
        portion = max(1, NUMBERS_AT_ONCE // max(x.numel(), 1))
        axes = torch.eye(k, dtype=h.dtype, device=h.device)
        total = x.new_zeros(len(x))
        for rows in axes.split(portion):
            which = rows[:, None, :].expand(len(rows), *h.shape)
            # Examples know nothing of each other, so the gradient of a sum over them holds each one's own row of J.
            (found,) = torch.autograd.grad(h, x, which, retain_graph=True, create_graph=keep, is_grads_batched=True)
            total = total + found.flatten(2).square().sum((0, 2))
    return total if keep else total.detach()
