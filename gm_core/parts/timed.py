"""A network that is told a time and perhaps a class: a perceptron for points and vectors, a U-Net for images.

Diffusions, scores and flows all learn with one; what they make it say, and what its time means, is theirs.
"""

from __future__ import annotations

import torch
from pydantic import field_validator, model_validator
from torch import Tensor, nn

from gm_core.model import ModelSpec
from gm_core.nn.time_mlp import TimeMLP
from gm_core.nn.unet import UNet
from gm_core.parts.guidance import dropped
from gm_core.parts.labels import Labelled
from gm_core.parts.ranges import Ranged
from gm_core.protocol.cards import DataCard
from gm_core.spec import SpecError, param


class TimedSpec(ModelSpec):
    """What can be chosen of every such network: its size, the scale of its data, and its labels."""

    width: int = param(128, "Units of a hidden layer of the perceptron (points and vectors).", lo=8, hi=2048, log=True)
    depth: int = param(3, "Hidden layers of the perceptron (points and vectors).", lo=1, hi=12)
    base: int = param(16, "Channels of the U-Net at full resolution (images).", lo=8, hi=256, log=True)
    multipliers: tuple[int, ...] = param(
        (1, 1, 1),
        "Channels at each level of the U-Net, as multiples of the base; each level halves the picture.",
        lo=1,
        hi=8,
    )
    blocks: int = param(1, "Residual blocks at each level of the U-Net, down and up.", lo=1, hi=4)
    attention: bool = param(False, "Let the places of the coarsest picture look at one another (U-Net).")
    scale: float = param(
        1.0, "Points and vectors are divided by this; their standard deviation is good.", lo=1e-3, hi=1e3, log=True
    )
    labels: bool = param(False, "Learn p(x|y): the network is told the class of each example.")
    drop: float = param(
        0.1, "How often a class is left out in training, so that p(x) is learned too (guidance).", lo=0.0, hi=1.0
    )
    guidance: float = param(
        1.0, "Lean towards the class: 0 ignores it, 1 is p(x|y), more exaggerates it.", lo=0.0, hi=20.0, live=True
    )

    @field_validator("multipliers")
    @classmethod
    def _has_levels(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if not 1 <= len(value) <= 6:
            raise SpecError("multipliers", f"multipliers has {len(value)} levels; give 1 to 6, for example [1, 2, 2]")
        return value

    @model_validator(mode="after")
    def _can_be_guided(self) -> TimedSpec:
        if self.guidance != 1.0 and not (self.labels and self.drop):
            lacks = "drop is 0, so p(x) is not learned" if self.labels else "labels is off"
            raise SpecError("guidance", f"guidance is {self.guidance:g}, but {lacks}; leave guidance at 1")
        return self


class Timed(Labelled, Ranged):
    """Base of the models that learn with such a network: `network(x, t, y)`, its range, and what the labels allow."""

    spec: TimedSpec
    network: nn.Module

    def __init__(self, spec: ModelSpec, card: DataCard) -> None:
        super().__init__(spec, card)
        chosen = self.spec
        self.learn_labels(chosen.labels)
        self.take_range(chosen.scale)
        if card.kind == "images":
            self.small = False
            self.long_operations = True
            self.network = UNet(
                card.shape[0], chosen.base, chosen.multipliers, chosen.blocks, chosen.attention, self.classes
            )
        else:
            self.network = TimeMLP(card.size, chosen.width, chosen.depth, self.classes)

    @property
    def learned_empty(self) -> bool:
        """Whether the model knows p(x), beside p(x|y) perhaps."""
        return not self.classes or self.spec.drop > 0.0

    def told(self, y: Tensor | None, rng: torch.Generator) -> Tensor | None:
        """The labels of a batch as the network is told them in training: some of them left out."""
        return dropped(y, self.spec.drop, self.classes, rng) if y is not None and self.spec.drop else y

    def learnt_class(self, y: Tensor | None, rng: torch.Generator) -> Tensor | None:
        """The same of a batch that is met; raises SpecError where the model needs labels and there are none."""
        return self.told(self.met(y), rng)
