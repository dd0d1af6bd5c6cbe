"""Counting: models whose best parameters are frequencies are fitted by one pass over the data, batch after batch.

    p(v | context) = (count(v, context) + a) / (count(context) + K a)            (additive smoothing, Laplace for a = 1)

The counts are buffers, so that they are saved, resumed and looked at like any weights, at every moment of the pass.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from gm_core.model import Batch, Stage
from gm_core.parts.autoregressive import Autoregressive


class Counting(Autoregressive):
    """Base of the autoregressive models in closed form: no gradient, one batch counted in each step."""

    @abstractmethod
    def count(self, values: Tensor, y: Tensor | None) -> None:
        """Add levels (n, sites) with labels (n,) or None to the counts."""

    def stages(self) -> list[Stage]:
        """One stage: counting."""
        return [Stage("count", fit=self.fit)]

    def fit(self, feed: Any) -> Iterator[Mapping[str, Tensor]]:
        """Count one batch after another; reports how probable each batch was just before it was counted.

        Endless: the spec's number of steps ends it. It keeps nothing but the counts, so it can be resumed anywhere.
        """
        while True:
            batch: Batch = feed.next()
            y = self.met(batch.y)
            with torch.no_grad():
                nats = -self.log_prob_given(batch.x, y).mean()
                self.count(self.to_values(batch.x), y)
            yield {"total": nats, "bits": self.bits(nats)}

    def loss(self, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """The negative log-likelihood at the present counts; nothing is learned by its gradient."""
        nats = -self.log_prob_given(batch.x, batch.y if self.classes else None).mean()
        return {"total": nats, "bits": self.bits(nats)}


def smoothed(counts: Tensor, smoothing: float) -> Tensor:
    """Log probabilities of the last axis from counts (..., K) with additive smoothing > 0, in float64 if it can."""
    kind = torch.float32 if counts.device.type == "mps" else torch.float64
    raised = counts.to(kind) + smoothing
    return raised.log() - raised.sum(-1, keepdim=True).log()
