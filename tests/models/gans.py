"""Small GANs for tests."""

from __future__ import annotations

from typing import Any

import torch

from gm_core.model import build
from gm_core.models.gan import GAN
from gm_core.protocol.cards import DataCard

PLANE = DataCard("points", "Points", (2,), "continuous", (-3.0, 3.0))
SMALL = {"width": 32, "depth": 2}
CPU = torch.device("cpu")


def seeded(seed: int = 0) -> torch.Generator:
    """A generator on the CPU."""
    return torch.Generator().manual_seed(seed)


def gan(card: DataCard = PLANE, seed: int = 0, **spec: Any) -> GAN:
    """A small untrained GAN."""
    made = build({"kind": "gan", **SMALL, **spec}, card, seed)
    assert isinstance(made, GAN)
    return made
