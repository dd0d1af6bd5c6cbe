"""Spectral normalisation: weights divided by their largest singular value, so that a layer stretches nothing.

    W / sigma(W),  sigma(W) = u^T W v,  after   v <- W^T u / ||W^T u||,  u <- W v / ||W v||

Miyato et al. 2018, arXiv:1802.05957, eq. 8, 10 and 11. A convolution counts as the matrix (c_out, c_in h w) of its
kernel, as there. Departures: u and v begin after a few iterations from a seed of their own, and move only when
`improve` is called, once after each step of the discriminator; looking at a network never changes it, however often.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import parametrize

FIRST_ITERATIONS = 15


class SpectralNorm(nn.Module):
    """What stands between a stored weight (rows, ...) and the one that is used; u and v are kept with the weights."""

    u: Tensor
    v: Tensor

    def __init__(self, weight: Tensor, seed: int = 0) -> None:
        super().__init__()
        matrix = weight.detach().flatten(1)
        noise = torch.Generator().manual_seed(seed)
        start = torch.randn(len(matrix), generator=noise, dtype=matrix.dtype).to(matrix.device)
        self.register_buffer("u", F.normalize(start, dim=0))
        self.register_buffer("v", F.normalize(matrix.T @ self.u, dim=0))
        self.iterate(weight, FIRST_ITERATIONS)

    @torch.no_grad()
    def iterate(self, weight: Tensor, times: int = 1) -> None:
        """Bring u and v nearer to the first singular vectors of the stored weight. Eq. 10 and 11."""
        matrix = weight.flatten(1)
        for _ in range(times):
            self.v.copy_(F.normalize(matrix.T @ self.u, dim=0))
            self.u.copy_(F.normalize(matrix @ self.v, dim=0))

    def forward(self, weight: Tensor) -> Tensor:
        """The weight divided by u^T W v, through which its gradient flows. Eq. 8."""
        sigma = torch.dot(self.u, weight.flatten(1) @ self.v)
        return weight / sigma


def normalise(network: nn.Module) -> None:
    """Give every linear layer and convolution inside spectral normalisation."""
    layers = [layer for layer in network.modules() if isinstance(layer, nn.Linear | nn.Conv2d)]
    for number, layer in enumerate(layers):
        parametrize.register_parametrization(layer, "weight", SpectralNorm(layer.weight, number))


@torch.no_grad()
def improve(network: nn.Module) -> None:
    """One power iteration in every normalised layer inside; nothing where there is none."""
    for layer in network.modules():
        if isinstance(layer, parametrize.ParametrizationList) and isinstance(layer[0], SpectralNorm):
            assert isinstance(layer.original, Tensor)
            layer[0].iterate(layer.original)
