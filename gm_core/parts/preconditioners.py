"""Preconditioning: how a network is fed and read so that it sees and says numbers of one size at every noise level.

    D(x; sigma) = c_skip x + c_out F(c_in x, c_noise),  x = x_0 + sigma eps              Karras et al. 2022, Eq. 7
    c_skip  = sigma_d^2 / (sigma^2 + sigma_d^2)
    c_out   = sigma sigma_d / sqrt(sigma^2 + sigma_d^2)
    c_in    = 1 / sqrt(sigma^2 + sigma_d^2)
    c_noise = ln(sigma) / 4
    lambda  = 1 / c_out^2, so that the weighted error of D is the plain error of F       Table 1 and Eq. 8

Karras, Aittala, Aila & Laine 2022, "Elucidating the design space of diffusion-based generative models",
arXiv:2206.00364, appendix B.6: c_in gives the input, c_skip and c_out the target variance 1, for data of variance
sigma_d^2; c_skip is the choice for which errors of F are amplified least.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor


class Scales(NamedTuple):
    """The factors at some noise levels, in the shape of sigma."""

    skip: Tensor
    out: Tensor
    into: Tensor
    noise: Tensor
    weight: Tensor


@dataclass(frozen=True)
class Preconditioning:
    """The factors for data of standard deviation `data`."""

    data: float = 0.5

    def scales(self, sigma: Tensor) -> Scales:
        """All factors at the noise levels sigma > 0 of any shape."""
        square = sigma.square() + self.data**2
        out = sigma * self.data / square.sqrt()
        return Scales(self.data**2 / square, out, square.rsqrt(), sigma.log() / 4.0, 1.0 / out.square())

    def target(self, x0: Tensor, x: Tensor, sigma: Tensor) -> Tensor:
        """What F should say: (x_0 - c_skip x) / c_out, for sigma that broadcasts against x_0. Eq. 8."""
        scales = self.scales(sigma)
        return (x0 - scales.skip * x) / scales.out


def ramp(least: float, most: float, rho: float, steps: int) -> tuple[float, ...]:
    """Noise levels sigma_0 = most > ... > sigma_{N-1} = least, even in sigma^{1/rho}. Karras et al. 2022, Eq. 5.

    A sampler goes from the last of them to 0.
    """
    top, bottom = most ** (1.0 / rho), least ** (1.0 / rho)
    inner = ((top + k / (steps - 1) * (bottom - top)) ** rho for k in range(1, steps - 1))
    return (most, *inner, least) if steps > 1 else (most,)


def lognormal(n: int, mean: float, spread: float, rng: torch.Generator, device: torch.device) -> Tensor:
    """Noise levels to train at: ln sigma ~ N(mean, spread^2), (n,). Table 1, "noise distribution"."""
    return (mean + spread * torch.randn(n, generator=rng, device=rng.device)).exp().to(device)


def lognormal_shares(n: int, mean: float, spread: float, device: torch.device) -> Tensor:
    """The middles of n parts of equal probability of the same law, (n,), rising: for validation."""
    normal: Tensor = torch.special.ndtri((torch.arange(n, device=device) + 0.5) / n)
    return (mean + spread * normal).exp()


def place_in_lognormal(sigma: Tensor, mean: float, spread: float) -> Tensor:
    """The share of that law below sigma, in 0..1."""
    share: Tensor = torch.special.ndtr((sigma.log() - mean) / spread)
    return share

