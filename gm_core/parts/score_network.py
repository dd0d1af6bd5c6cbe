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
from torch import Tensor

from gm_core.model import ModelSpec
from gm_core.parts.noise_levels import NoiseLevels
from gm_core.parts.timed import Timed, TimedSpec
from gm_core.protocol.cards import DataCard
from gm_core.spec import SpecError, param

PACE = 0.02
"""The level is told to the network as a time in 0..PACE: waves slow enough to be smooth from one level to the next."""


class ScoreNetworkSpec(TimedSpec):
    """What can be chosen of a score network beside its size: its noise levels."""

    levels: int = param(10, "L, the levels of noise, in a geometric series.", lo=1, hi=1000, log=True)
    sigma_max: float = param(5.0, "The largest noise: as far as data lie apart.", lo=1e-3, hi=1e3, log=True)
    sigma_min: float = param(0.05, "The smallest noise: too little to be seen.", lo=1e-4, hi=1e2, log=True)
    noise: Literal["levels", "between"] = param(
        "levels", "Noise met in training: that of the levels only, or any between the largest and the smallest."
    )
    drop: float = param(
        0.1, "How often a class is left out in training, so that p(x) is learned too (guidance).", lo=0.01, hi=0.9
    )

    @model_validator(mode="after")
    def _noise_falls(self) -> ScoreNetworkSpec:
        if self.sigma_min > self.sigma_max:
            raise SpecError(
                "sigma_min",
                f"sigma_min is {self.sigma_min:g}; expected no more than sigma_max, {self.sigma_max:g}: swap them",
            )
        return self


class ScoreNetwork(Timed):
    """Base of a score model: the network, its ranges and its answers; every public method but those here takes and
    gives the card's own range."""

    spec: ScoreNetworkSpec
    shares: Tensor

    def __init__(self, spec: ModelSpec, card: DataCard) -> None:
        super().__init__(spec, card)
        chosen = self.spec
        between = chosen.noise == "between"
        self.noise_levels = NoiseLevels(chosen.sigma_max, chosen.sigma_min, chosen.levels, between)
        self.register_buffer("shares", self.noise_levels.shares, persistent=False)  # it follows from the spec

    def asked(self, x: Tensor, sigma: Tensor, y: Tensor | None) -> Tensor:
        """The score at x (n, ...), noised by sigma, (n,) or (1,), in the model's own range; y as in `UNet`."""
        wide = sigma.reshape(-1, *(1,) * (x.ndim - 1))
        root = (1.0 + wide.square()).sqrt()
        time = PACE * self.noise_levels.time_of(sigma)
        said = self.network(x / root, time, y).to(x.dtype)
        score: Tensor = said / (wide * root) - x / root.square()
        return score

    def score(self, x: Tensor, sigma: float, y: Tensor | None = None) -> Tensor:
        """The learned gradient of log p_sigma at x (n, ...), both in the model's own range; y are labels (n,)."""
        with torch.no_grad():
            return self.asked(x, torch.full((1,), sigma, dtype=x.dtype, device=x.device), y)
