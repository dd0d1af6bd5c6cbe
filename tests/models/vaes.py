"""VAEs and data cards that several tests of the VAE share."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from gm_core.maths import gaussian
from gm_core.model import build
from gm_core.models.vae import VAE
from gm_core.protocol.cards import DataCard

PLANE = DataCard("plane", "Plane", (2,), "continuous", (-3.0, 3.0))
BITS = DataCard("bits", "Bits", (4,), "binary", (0.0, 1.0), levels=2)
GREY = DataCard("grey", "Grey 8x8", (1, 8, 8), "levels", (0.0, 1.0), levels=17)
BINARY = replace(GREY, name="binary", title="Binary 8x8", values="binary", levels=2)
NOISY = replace(GREY, name="noisy", title="Dequantised 8x8", values="continuous", dequantised=True)


def vae(card: DataCard, seed: int = 0, **options: Any) -> VAE:
    """A VAE in eval mode and float64."""
    made = build({"kind": "vae", **options}, card, seed).double().eval()
    assert isinstance(made, VAE)
    return made


def rng(seed: int = 0) -> torch.Generator:
    """A generator on the CPU."""
    return torch.Generator().manual_seed(seed)


def uniform(*shape: int, seed: int = 1) -> Tensor:
    """Numbers in 0..1, float64."""
    return torch.rand(shape, generator=rng(seed), dtype=torch.float64)


def steer(model: VAE, scale: float) -> VAE:
    """Make an untrained decoder say something: larger weights in its last layer."""
    with torch.no_grad():
        list(model.decoder.parameters())[-2].mul_(scale)
    return model


def code_grid(side: int = 61, reach: float = 7.0) -> tuple[Tensor, Tensor]:
    """Codes on a grid of the latent plane with their prior log masses: (k, 2), (k,)."""
    axis = torch.linspace(-reach, reach, side, dtype=torch.float64)
    z = torch.cartesian_prod(axis, axis)
    step = float(axis[1] - axis[0])
    return z, gaussian.log_prob_standard(z).sum(-1) + 2 * math.log(step)


def true_log_prob(model: VAE, x: Tensor) -> Tensor:
    """ln p(x) by summing p(x|z) p(z) over a fine grid of the latent plane."""
    z, masses = code_grid()
    h = model.decoder(z)
    return torch.stack([torch.logsumexp(model.likelihood.log_prob(each, h) + masses, 0) for each in x])


class Shelf:
    """Some examples, the same in each split."""

    def __init__(self, card: DataCard, x: Tensor) -> None:
        self.card = card
        self.x = x

    def examples(self, split: str, indices: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor | None]:
        """The examples at these indices."""
        return self.x[indices], None

    def count(self, split: str) -> int:
        """How many there are."""
        return len(self.x)
