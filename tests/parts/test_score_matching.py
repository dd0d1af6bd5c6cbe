"""Three objectives, one aim: their expectations and gradients agree, by quadrature and by all probes at once."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from torch import Tensor

from gm_core.parts.score_matching import denoising, implicit

DOUBLE = torch.float64


def hermite(n: int = 24) -> tuple[Tensor, Tensor]:
    """Nodes and weights of a standard normal, exact for polynomials below degree 2n."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(n)
    return torch.from_numpy(nodes), torch.from_numpy(weights / weights.sum())


@pytest.mark.parametrize("sigma", [0.3, 1.5])
def test_denoising_implicit_and_explicit_score_matching_differ_by_a_constant_alone(sigma: float) -> None:
    """Data N(0, 0.8), s(x) = a x + b x^3: all expectations by exact quadrature, values and gradients to 1e-10."""
    nodes, weights = hermite()
    x0, eps = (grid.flatten() for grid in torch.meshgrid(0.8**0.5 * nodes, nodes, indexing="ij"))
    mass = torch.outer(weights, weights).flatten()
    x = (x0 + sigma * eps)[:, None]
    variance = 0.8 + sigma**2
    gradients, values = [], []
    for name in ("explicit", "denoising", "implicit"):
        a, b = (torch.tensor(v, dtype=DOUBLE, requires_grad=True) for v in (-0.4, 0.07))

        def score_of(at: Tensor, a: Tensor = a, b: Tensor = b) -> Tensor:
            return a * at + b * at**3

        if name == "explicit":
            each = sigma**2 * (score_of(x) + x / variance).square()[:, 0]
        elif name == "denoising":
            each = denoising(score_of(x), eps[:, None], sigma)
        else:
            each, _ = implicit(score_of, x, sigma, None)
        value = (mass * each).sum()
        gradients.append(torch.stack(torch.autograd.grad(value, (a, b))))
        values.append(value.detach())
    torch.testing.assert_close(gradients[1], gradients[0], rtol=0, atol=1e-10)
    torch.testing.assert_close(gradients[2], gradients[0], rtol=0, atol=1e-10)
    # Denoising = explicit + the variance of the noise that nobody can tell; implicit plus 1 is of the same scale.
    assert float(values[1] - values[0]) == pytest.approx(0.8 / variance, abs=1e-10)
    assert float(values[2] - values[1]) == pytest.approx(0.0, abs=1e-10)


def curved(x: Tensor) -> Tensor:
    """A field whose Jacobian is neither symmetric nor constant."""
    first, second, third = x.unbind(1)
    return torch.stack([first * second.sin(), first**2 - third, second * third.exp()], 1)


def test_the_slices_of_all_sign_vectors_make_the_exact_trace() -> None:
    x = torch.randn(7, 3, generator=torch.Generator().manual_seed(0), dtype=DOUBLE)
    signs = torch.tensor(list(itertools.product([-1.0, 1.0], repeat=3)), dtype=DOUBLE)
    probes = signs[:, None, :].expand(8, 7, 3)
    sliced, score = implicit(curved, x, 0.5, probes)
    whole, same = implicit(curved, x, 0.5, None)
    jacobian = torch.func.vmap(torch.func.jacrev(lambda at: curved(at[None])[0]))(x)
    trace = jacobian.diagonal(dim1=1, dim2=2).sum(1)
    by_hand = 1 + 0.25 * (2 * trace + curved(x).square().sum(1)) / 3
    torch.testing.assert_close(whole, by_hand, rtol=0, atol=1e-12)
    torch.testing.assert_close(sliced, whole, rtol=0, atol=1e-12)
    torch.testing.assert_close(score, curved(x))
    torch.testing.assert_close(same, score)


def test_the_gradient_of_a_sliced_objective_is_that_of_finite_differences() -> None:
    rng = torch.Generator().manual_seed(1)
    x = torch.randn(5, 2, generator=rng, dtype=DOUBLE)
    probes = torch.randn(3, 5, 2, generator=rng, dtype=DOUBLE)
    weight = torch.randn(2, 2, generator=rng, dtype=DOUBLE, requires_grad=True)
    sigma = torch.rand(5, generator=rng, dtype=DOUBLE)

    def value(w: Tensor) -> Tensor:
        return implicit(lambda at: (at @ w).sin(), x, sigma, probes)[0].sum()

    assert torch.autograd.gradcheck(value, (weight,), atol=1e-8)


def test_without_gradients_the_value_is_the_same_and_nothing_stays_attached() -> None:
    x = torch.randn(4, 3, generator=torch.Generator().manual_seed(0), dtype=DOUBLE)
    with_graph, _ = implicit(curved, x, 0.5, None)
    with torch.no_grad():
        found, score = implicit(curved, x, 0.5, None)
    assert not found.requires_grad and not score.requires_grad
    torch.testing.assert_close(found, with_graph.detach(), rtol=0, atol=1e-14)
