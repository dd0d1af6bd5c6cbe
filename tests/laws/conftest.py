"""Models of every kind on cards of every kind, with data made up on the spot; what no model may do is checked here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor

from gm_core.capabilities.base import Capability
from gm_core.model import Batch, GenerativeModel, build, find_models
from gm_core.protocol.cards import DataCard

CARDS = {
    "points": DataCard("points", "Points", (2,), "continuous", (-3.0, 3.0)),
    "vectors": DataCard("vectors", "Vectors", (5,), "continuous", (-3.0, 3.0)),
    "grey": DataCard("grey", "Grey 8x8", (1, 8, 8), "levels", (0.0, 1.0), levels=17),
    "binary": DataCard("binary", "Binary 8x8", (1, 8, 8), "binary", (0.0, 1.0), levels=2),
    "centred": DataCard("centred", "Colour 9x11, centred", (3, 9, 11), "continuous", (-1.0, 1.0), dequantised=True),
}
SMALLER: dict[str, dict[str, Any]] = {
    "ddpm": {"timesteps": 20, "schedule": "cosine", "resample": 2, "predict": "v"},  # new: N(0, I)
    "edm": {"sample_steps": 6, "resample": 1},
    "gan": {"width": 32, "channels": (8, 16)},
    "flow_matching": {"base": 8, "multipliers": [1], "sample_steps": 4, "density_steps": 8, "code_steps": 1},
    "realnvp": {"width": 16, "couplings": 4},
    "energy": {"channels": (8, 16), "chain_steps": 3, "sample_steps": 12},
    "pixel_transformer": {"size": 16, "layers": 2, "heads": 2},
    "score": {"base": 8, "multipliers": [1], "sample_steps": 12},
}
"""Where the defaults of a model would make a law slow; a model that is not named is taken as it is."""

KINDS = tuple(find_models())
CASES = [(kind, card) for kind in KINDS for card in CARDS]


def seeded(seed: int) -> torch.Generator:
    """A generator on the CPU."""
    return torch.Generator().manual_seed(seed)


def made(kind: str, card: str, seed: int = 0) -> GenerativeModel:
    """An untrained model in eval mode; skips where the model says that it cannot learn such data."""
    why = find_models()[kind].fits(CARDS[card])
    if why:
        pytest.skip(why)
    return build({"kind": kind, **SMALLER.get(kind, {})}, CARDS[card], seed).eval()


def having(kind: str, card: str, capability: type[Capability]) -> GenerativeModel:
    """A model that offers the capability on such data, or a skipped test."""
    model = made(kind, card)
    word = capability.word
    if word not in model.offers():
        pytest.skip(f"{kind} on {card} does not offer {word}")
    return model


def examples(card: DataCard, n: int, rng: torch.Generator) -> Tensor:
    """Examples such as the card describes."""
    shape = (n, *card.shape)
    if card.kind != "images":
        return torch.randn(shape, generator=rng)
    lo, hi = card.range
    unit = torch.rand(shape, generator=rng)
    if card.levels:
        unit = (unit * (card.levels - 1)).round() / (card.levels - 1)
    return unit * (hi - lo) + lo


def batch(card: DataCard, n: int = 6, seed: int = 0) -> Batch:
    """A batch such as the card describes."""
    return Batch(examples(card, n, seeded(seed)))


@dataclass
class MadeUp:
    """As many examples in each split as one asks for, without labels."""

    card: DataCard
    n: int = 40
    factor_names: tuple[str, ...] = ()

    def factors(self, split: str, indices: Tensor) -> Tensor | None:
        """Nobody knows the causes of what is made up."""
        return None

    def examples(self, split: str, indices: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor | None]:
        """The examples at these indices."""
        return examples(self.card, self.n, seeded(len(split)))[indices], None

    def count(self, split: str) -> int:
        """Examples in a split."""
        return self.n


@pytest.fixture(autouse=True)
def nothing_is_drawn_from_the_global_generator() -> Any:
    """Whatever a law does with a model, torch's global random state stays as it was."""
    before = torch.random.get_rng_state()
    yield
    assert torch.equal(before, torch.random.get_rng_state()), "something drew from torch's global generator"
