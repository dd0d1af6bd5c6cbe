"""Corruption: ways to spoil examples, so that a model can learn to repair them, or be watched while it does.

    gaussian          x + sigma eps, eps ~ N(0, I)
    masking           each number is put out with probability `amount`: black in pictures, 0 elsewhere
    salt_and_pepper   each number becomes with probability `amount` one end of its range, either as likely

Vincent et al. 2008, "Extracting and composing robust features with denoising autoencoders" (masking); 2010, JMLR 11,
section 4.4 (all three). Numbers are spoilt one by one, so that a colour picture gets coloured spots. Gaussian noise is
not clipped: its identity with the score (Tweedie) would be lost.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import torch
from torch import Tensor

from gm_core.maths.binning import uniform
from gm_core.maths.gaussian import noise_like
from gm_core.protocol.cards import DataCard

Corruption = Callable[[Tensor, float, DataCard, torch.Generator], Tensor]
"""From clean examples (n, *card.shape), an amount, their card and a generator to spoilt ones of the same shape."""


def noise_width(amount: float, card: DataCard) -> float:
    """The standard deviation that an amount of Gaussian noise means, in the units of the examples.

    For pictures the amount is a part of their range, so that 0.2 looks the same in 0..1 and in -1..1.
    """
    lo, hi = card.range
    return amount * (hi - lo) if card.kind == "images" else amount


def gaussian(x: Tensor, amount: float, card: DataCard, rng: torch.Generator) -> Tensor:
    """x + sigma eps with the sigma that `noise_width` gives."""
    return x + noise_width(amount, card) * noise_like(x, rng)


def masking(x: Tensor, amount: float, card: DataCard, rng: torch.Generator) -> Tensor:
    """Each number is put out with probability `amount`."""
    nothing = card.range[0] if card.kind == "images" else 0.0
    return torch.where(uniform(x.shape, rng, x.device) < amount, x.new_tensor(nothing), x)


def salt_and_pepper(x: Tensor, amount: float, card: DataCard, rng: torch.Generator) -> Tensor:
    """Each number becomes with probability `amount` the smallest or the largest of its range, either as likely."""
    lo, hi = card.range
    u = uniform(x.shape, rng, x.device)  # one number decides both: below amount/2 pepper, from there to amount salt
    spots = torch.where(u < 0.5 * amount, x.new_tensor(lo), x.new_tensor(hi))
    return torch.where(u < amount, spots, x)


CORRUPTIONS: Mapping[str, Corruption] = MappingProxyType(
    {"gaussian": gaussian, "masking": masking, "salt_and_pepper": salt_and_pepper}
)
