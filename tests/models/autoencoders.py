"""Autoencoders and a way to train them that several of their tests share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from gm_core.model import Batch, build
from gm_core.models.autoencoder import Autoencoder
from gm_core.protocol.cards import DataCard

PLANE = DataCard("plane", "Plane", (2,), "continuous", (-6.0, 6.0))
FIVE = DataCard("five", "Five numbers", (5,), "continuous", (-5.0, 5.0))
BITS = DataCard("bits", "Bits", (4,), "binary", (0.0, 1.0), levels=2)
GREY = DataCard("grey", "Grey 8x8", (1, 8, 8), "levels", (0.0, 1.0), levels=17)
CENTRED = DataCard("centred", "Centred 9x11", (3, 9, 11), "continuous", (-1.0, 1.0), dequantised=True)


def autoencoder(card: DataCard, seed: int = 0, **options: Any) -> Autoencoder:
    """An autoencoder in training mode and float32."""
    made = build({"kind": "autoencoder", **options}, card, seed)
    assert isinstance(made, Autoencoder)
    return made.train()


def seeded(seed: int) -> torch.Generator:
    """A generator on the CPU."""
    return torch.Generator().manual_seed(seed)


def trained(it: Autoencoder, draw: Callable[[torch.Generator], Tensor], steps: int, lr: float) -> Autoencoder:
    """Adam on fresh batches, with a step size that falls to nothing; in eval mode at the end."""
    rng = seeded(7)
    (phase,) = it.stages()[0].phases
    optimiser = torch.optim.Adam(phase.parameters, lr=lr)
    falling = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for step in range(steps):
        it.at(step)
        optimiser.zero_grad()
        it.loss(Batch(draw(rng)), rng)["total"].backward()
        optimiser.step()
        falling.step()
        assert phase.after is not None
        phase.after(rng)
    return it.eval()
