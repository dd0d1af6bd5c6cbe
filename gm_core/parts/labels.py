"""Labels: what a model of p(x|y) needs beside its p(x|y), namely p(y) and sentences about missing labels.

    p(y) = (count(y) + 1) / sum_y' (count(y') + 1)           from the labels met in training, kept as a buffer
"""

from __future__ import annotations

import torch
from torch import Tensor

from gm_core.model import GenerativeModel
from gm_core.parts.particles import precise
from gm_core.spec import SpecError


class Labelled(GenerativeModel):
    """Base of the models that learn p(x|y) where the spec says so; `classes` is 0 where it does not."""

    classes: int = 0
    label_counts: Tensor

    def learn_labels(self, wanted: bool) -> None:
        """Make room for the counts of labels; raises SpecError for data without any."""
        if wanted and not self.card.classes:
            raise SpecError(
                "model.labels",
                f"model.labels is on but {self.card.title} has no labels; turn it off, or choose data with labels",
            )
        self.classes = len(self.card.classes) if wanted else 0
        if self.classes:
            self.register_buffer("label_counts", torch.zeros(self.classes, dtype=torch.int64))

    def met(self, y: Tensor | None) -> Tensor | None:
        """Count labels met in training, and refuse a batch without labels if the model needs them."""
        if not self.classes:
            return None
        if y is None:
            raise SpecError("data", "the model learns p(x|y) but these examples have no labels; turn model.labels off")
        if self.training:
            self.label_counts += torch.bincount(y, minlength=self.classes).to(self.label_counts)
        return y

    def class_log_prior(self) -> Tensor:
        """log p(y), (classes,), from the labels met in training, each counted once more than it was met."""
        counted = self.label_counts.to(precise(self.label_counts.device)) + 1
        return (counted / counted.sum()).log()

    def each_label(self, like: Tensor) -> list[Tensor]:
        """Each label in turn, (n,), for as many examples as there are in `like` (n, ...)."""
        return [torch.full((len(like),), y, device=like.device) for y in range(self.classes)]

    def check_labels(self, y: Tensor | None) -> None:
        """Raise SpecError where a label is given to a model that learned none."""
        if y is not None and not self.classes:
            raise SpecError(
                "y", "y is given but this model learned no classes; leave y out, or train a model with model.labels on"
            )

    def some_labels(self, n: int, rng: torch.Generator, y: Tensor | None) -> Tensor | None:
        """The labels asked for, or labels drawn from p(y) where the model needs some."""
        self.check_labels(y)
        if y is not None or not self.classes:
            return y
        share = self.class_log_prior().exp().to(rng.device)
        return torch.multinomial(share, n, replacement=True, generator=rng).to(self.label_counts.device)
