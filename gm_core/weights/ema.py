"""Averaged weights: an exponential moving average whose memory is a half-life in examples."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn


class Ema:
    """Keeps avg <- decay * avg + (1 - decay) * w after each step, with decay = 2^(-batch / half_life).

    The half-life is counted in examples, so that a change of batch size keeps its meaning (Karras et al. 2022).
    Early on the decay is held below (1 + k) / (10 + k) after k steps, so that the start is forgotten soon.
    """

    def __init__(self, live: Mapping[str, nn.Parameter], half_life: float) -> None:
        self.half_life = half_life
        self._live = dict(live)
        self.average = {name: p.detach().clone() for name, p in self._live.items()}

    @torch.no_grad()
    def update(self, step: int, batch: int) -> None:
        """Take the weights after the step numbered `step` (from 1) on a batch of so many examples."""
        decay = min(0.5 ** (batch / self.half_life), (1 + step) / (10 + step))
        torch._foreach_lerp_(list(self.average.values()), [p.detach() for p in self._live.values()], 1.0 - decay)

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Put stored averages back."""
        for name, tensor in tensors.items():
            self.average[name].copy_(tensor)
