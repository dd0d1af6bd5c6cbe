"""A network that says the score of noisy data at every level of noise: what it is made of, and how it is read.

    s(x, sigma) = -x / (1 + sigma^2) + F(x / sqrt(1 + sigma^2), sigma) / (sigma sqrt(1 + sigma^2))

with the network F: for data of unit variance what F sees and says has size one, and while it says nothing s is the
score of a unit Gaussian with noise (the c_skip, c_out and c_in of Karras et al. 2022, Table 1, for sigma_data = 1).
Inside, images live in -1..1 and points are divided by `scale`; sigma is of that size.
"""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import model_validator
from torch import Tensor, nn

from gm_core.model import ModelSpec
from gm_core.nn.time_mlp import TimeMLP
from gm_core.nn.unet import UNet
from gm_core.parts.labels import Labelled
from gm_core.parts.noise_levels import NoiseLevels
from gm_core.protocol.cards import DataCard
from gm_core.spec import SpecError, param

PACE = 0.02
"""The level is told to the network as a time in 0..PACE: waves slow enough to be smooth from one level to the next."""


class ScoreNetworkSpec(ModelSpec):
    """What can be chosen of a score network: its size, its noise levels and its labels."""

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
    levels: int = param(10, "L, the levels of noise, in a geometric series.", lo=1, hi=1000, log=True)
    sigma_max: float = param(5.0, "The largest noise: as far as data lie apart.", lo=1e-3, hi=1e3, log=True)
    sigma_min: float = param(0.05, "The smallest noise: too little to be seen.", lo=1e-4, hi=1e2, log=True)
    noise: Literal["levels", "between"] = param(
        "levels", "Noise met in training: that of the levels only, or any between the largest and the smallest."
    )
    scale: float = param(
        1.0, "Points and vectors are divided by this; their standard deviation is good.", lo=1e-3, hi=1e3, log=True
    )
    labels: bool = param(False, "Learn p(x|y) beside p(x), so that classes can be asked for and exaggerated.")
    drop: float = param(0.1, "Share of examples whose label is hidden, by which p(x) is learned.", lo=0.01, hi=0.9)
    guidance: float = param(1.0, "Leaning towards a class that is asked for; 1 is p(x|y).", lo=0.0, hi=20.0, live=True)

    @model_validator(mode="after")
    def _noise_falls(self) -> ScoreNetworkSpec:
        if self.sigma_min > self.sigma_max:
            raise SpecError(
                "sigma_min",
                f"sigma_min is {self.sigma_min:g}; expected no more than sigma_max, {self.sigma_max:g}: swap them",
            )
        if not 1 <= len(self.multipliers) <= 6:
            found = f"multipliers has {len(self.multipliers)} levels"
            raise SpecError("multipliers", f"{found}; give 1 to 6, for example [1, 2, 2]")
        if self.guidance != 1.0 and not self.labels:
            raise SpecError("guidance", f"guidance is {self.guidance:g}, but labels is off; leave guidance at 1")
        return self


class ScoreNetwork(Labelled):
    """Base of a score model: the network, its ranges and its answers; every public method but those here takes and
    gives the card's own range."""

    spec: ScoreNetworkSpec
    network: nn.Module
    shares: Tensor

    def __init__(self, spec: ModelSpec, card: DataCard) -> None:
        super().__init__(spec, card)
        chosen = self.spec
        self.learn_labels(chosen.labels)
        between = chosen.noise == "between"
        self.noise_levels = NoiseLevels(chosen.sigma_max, chosen.sigma_min, chosen.levels, between)
        self.register_buffer("shares", self.noise_levels.shares, persistent=False)  # it follows from the spec
        if card.kind == "images":
            self.small = False
            self.long_operations = True
            self.network = UNet(
                card.shape[0], chosen.base, chosen.multipliers, chosen.blocks, chosen.attention, self.classes
            )
            low, high = card.range
            self.centre, self.spread = (low + high) / 2, (high - low) / 2
        else:
            self.network = TimeMLP(card.size, chosen.width, chosen.depth, self.classes)
            self.centre, self.spread = 0.0, chosen.scale

    def asked(self, x: Tensor, sigma: Tensor, y: Tensor | None) -> Tensor:
        """The score at x (n, ...), noised by sigma, (n,) or (1,), in the model's own range; y as in `UNet`."""
        wide = sigma.reshape(-1, *(1,) * (x.ndim - 1))
        root = (1.0 + wide.square()).sqrt()
        time = PACE * self.noise_levels.time_of(sigma)
        said = self.network(x / root, time, y).to(x.dtype)
        score: Tensor = said / (wide * root) - x / root.square()
        return score

    # ---- ranges and levels

    def inside(self, x: Tensor) -> Tensor:
        """From the card's range to the model's own."""
        return (x - self.centre) / self.spread

    def outside(self, x: Tensor) -> Tensor:
        """From the model's own range to the card's."""
        return x * self.spread + self.centre

    def score(self, x: Tensor, sigma: float, y: Tensor | None = None) -> Tensor:
        """The learned gradient of log p_sigma at x (n, ...), both in the model's own range; y are labels (n,)."""
        with torch.no_grad():
            return self.asked(x, torch.full((1,), sigma, dtype=x.dtype, device=x.device), y)
