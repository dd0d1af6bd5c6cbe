"""Diffusion as Karras et al. tell it: noise of any size, a network that sees and says numbers of size one, few steps.

    x = x_0 + sigma eps,  ln sigma ~ N(P_mean, P_std^2)                                    Table 1, training
    D(x; sigma) = c_skip x + c_out F(c_in x, c_noise)                                      Eq. 7
    loss = E lambda || D - x_0 ||^2 = E || F - (x_0 - c_skip x) / c_out ||^2               Eq. 8, lambda = 1 / c_out^2
    sigma_i^(1/rho) falls in equal strides from sigma_max to sigma_min, then to 0; Heun    Eq. 5, Algorithm 1

Karras, Aittala, Aila & Laine 2022, "Elucidating the design space of diffusion-based generative models",
arXiv:2206.00364. Departures: what is shown, and where a trajectory stands, is sigma_d c_in x, which keeps the size of
the data at every sigma (signal = sigma_d / sqrt(sigma^2 + sigma_d^2)) and changes no sampler; time is named
t = (sigma / sigma_max)^(1/rho), from 1 to 0, even over the grid; the network is told ln sigma on a scale from 0
(sigma_min) to 1 (sigma_max), a straight line of c_noise; the loss is a mean over numbers; the guess of x_0 is clipped
to the range of images; small networks; no churn (Algorithm 2). For sigma_d = 1, F is -v of Salimans & Ho 2022.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from pydantic import model_validator
from torch import Tensor, nn

from gm_core.maths.gaussian import noise_like
from gm_core.maths.schedules import CLEAN, Level, blend
from gm_core.model import Batch, ModelSpec, model
from gm_core.parts import preconditioners
from gm_core.parts.diffusion import Diffusion, DiffusionSpec
from gm_core.parts.preconditioners import Preconditioning
from gm_core.parts.samplers import Guess, SamplerName
from gm_core.protocol.cards import Chart, DataCard
from gm_core.spec import SpecError, param

BINS = 10
CHAIN, GRID = 256, 100
"""Levels of the chain of which the bound is made, and of the curves."""
STEPS, MOST_STEPS = 18, 1000
LOG_LEAST, LOG_MOST = math.log(0.002), math.log(80.0)
"""Where the network's scale of ln sigma has 0 and 1: fixed, whatever noise a sampler uses."""


class EDMSpec(DiffusionSpec):
    """What can be chosen of an EDM: its network, its noise in training, and how it samples."""

    sigma_data: float = param(
        0.5, "Standard deviation of the data inside (images: of -1..1; points: scaled).", lo=0.01, hi=10.0, log=True
    )
    p_mean: float = param(-1.2, "Mean of ln sigma in training.", lo=-10.0, hi=10.0)
    p_std: float = param(1.2, "Spread of ln sigma in training.", lo=0.01, hi=10.0)
    sigma_min: float = param(
        0.002, "The least noise of a sampler, before it goes to 0.", lo=1e-5, hi=10.0, log=True, live=True
    )
    sigma_max: float = param(80.0, "The noise that a sampler begins with.", lo=0.1, hi=1000.0, log=True, live=True)
    rho: float = param(7.0, "How much a sampler favours small noise: 1 is even strides.", lo=1.0, hi=20.0, live=True)
    sampler: SamplerName = param(
        "heun", "How noise becomes data: ddpm adds fresh noise in each step; heun asks the network twice.", live=True
    )
    sample_steps: int = param(18, "Steps of one sample; 0 takes 18.", lo=0, hi=MOST_STEPS, unit="steps", live=True)

    @model_validator(mode="after")
    def _noise_grows(self) -> EDMSpec:
        if self.sigma_min >= self.sigma_max:
            raise SpecError(
                "sigma_min", f"sigma_min is {self.sigma_min:g}; expected less than sigma_max, {self.sigma_max:g}"
            )
        return self


@model("edm", title="Diffusion (EDM)", paper="Karras, Aittala, Aila & Laine 2022, arXiv:2206.00364")
class EDM(Diffusion):
    """Learns to remove noise of any size with a network that always works at size one, and draws in few steps."""

    Spec = EDMSpec
    charts = (
        Chart("mse", "Error of the network", unit="", tip="Mean squared error of one number of the network's target."),
        Chart(
            "mse_by_noise",
            "Error by noise",
            unit="",
            vector=True,
            tip="The error in each tenth of the noise in training, from little to much; their mean is the error.",
        ),
    )
    accepts = frozenset({"points", "vectors", "images", "continuous", "levels", "binary"})
    spec: EDMSpec

    def __init__(self, spec: ModelSpec, card: DataCard) -> None:
        super().__init__(spec, card)
        self.scaled = Preconditioning(self.spec.sigma_data)

    # ---- learning

    def loss(self, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """The error of F at one random noise level for each example. Eq. 8, as a mean over numbers."""
        sigma = preconditioners.lognormal(len(batch.x), self.spec.p_mean, self.spec.p_std, rng, batch.x.device)
        return self._errors(batch.x, sigma, self.learnt_class(batch.y, rng), rng)

    def scores(self, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """The same error with levels spread evenly over their law, so that validations differ by the model alone."""
        sigma = preconditioners.lognormal_shares(len(batch.x), self.spec.p_mean, self.spec.p_std, batch.x.device)
        return self._errors(batch.x, sigma, self.met(batch.y), rng)

    def _errors(self, x: Tensor, sigma: Tensor, y: Tensor | None, rng: torch.Generator) -> dict[str, Tensor]:
        x0 = self.inside(x)
        sigma = sigma.to(x0.dtype)
        wide = sigma.reshape(-1, *(1,) * (x0.ndim - 1))
        noised = x0 + wide * noise_like(x0, rng)
        scales = self.scaled.scales(wide)
        output = self.network(scales.into * noised, self._told(sigma), y)
        error = (output.to(x0.dtype) - self.scaled.target(x0, noised, wide)).square().flatten(1).mean(1)
        share = preconditioners.place_in_lognormal(sigma, self.spec.p_mean, self.spec.p_std)
        # Each tenth of the law holds a tenth of the draws: as in ddpm, ten times its share of the mean is its own.
        tenth = nn.functional.one_hot((share * BINS).long().clamp(0, BINS - 1), BINS).to(error.dtype)
        total = error.mean()
        return {"total": total, "mse": total, "mse_by_noise": BINS * (tenth * error.detach()[:, None]).mean(0)}

    def _told(self, sigma: Tensor) -> Tensor:
        return (sigma.log() - LOG_LEAST) / (LOG_MOST - LOG_LEAST)

    # ---- how the network is read

    def told_time(self, level: Level) -> float:
        """ln sigma, from 0 at the least noise to 1 at the most that the defaults of a sampler know."""
        return (math.log(level.ratio) - LOG_LEAST) / (LOG_MOST - LOG_LEAST)

    def fed(self, x: Tensor, level: Level) -> Tensor:
        """c_in x; the x_t of a trajectory is sigma_d c_in x already."""
        return x / self.spec.sigma_data

    def read(self, output: Tensor, x: Tensor, level: Level) -> Guess:
        """D = c_skip x + c_out F, which is signal x_t + sigma F."""
        return Guess(x, level, x0=blend(level.signal, x, level.sigma, output.to(x.dtype)))

    def noise_share(self, level: Level) -> float:
        """-signal, since eps = (x_t - signal x0) / sigma."""
        return -level.signal

    # ---- levels

    def _level(self, sigma: float) -> Level:
        spec = self.spec
        signal = spec.sigma_data / math.hypot(sigma, spec.sigma_data)
        return Level((sigma / spec.sigma_max) ** (1.0 / spec.rho), signal, signal * sigma)

    @property
    def default_steps(self) -> int:
        """Steps of one sample, as the spec says."""
        return self.spec.sample_steps or STEPS

    def levels(self, steps: int) -> tuple[Level, ...]:
        """Eq. 5, and the data."""
        if not 1 <= steps <= MOST_STEPS:
            raise SpecError("steps", f"steps is {steps}; the range is 1 to {MOST_STEPS}")
        spec = self.spec
        return (*map(self._level, preconditioners.ramp(spec.sigma_min, spec.sigma_max, spec.rho, steps)), CLEAN)

    def chain(self) -> tuple[Level, ...]:
        """Even strides of ln sigma."""
        low, high = math.log(self.spec.sigma_min), math.log(self.spec.sigma_max)
        strides = (math.exp(high + (low - high) * k / (CHAIN - 1)) for k in range(CHAIN))
        return (*map(self._level, strides), CLEAN)

    def level_of(self, at: float) -> Level:
        """sigma = sigma_max t^rho."""
        return self._level(self.spec.sigma_max * at**self.spec.rho) if at > 0.0 else CLEAN

    def level_at(self, noise: float) -> Level:
        """t is the share of noise, and sigma at least sigma_min."""
        return self._level(max(self.spec.sigma_min, self.spec.sigma_max * min(noise, 1.0) ** self.spec.rho))

    def between(self, log_ratio: float) -> Level:
        """Any sigma is a level."""
        return self._level(math.exp(log_ratio))

    def first_spread(self) -> float:
        """That of the noise alone at sigma_max."""
        return self._level(self.spec.sigma_max).sigma

    def time_words(self, level: Level) -> str:
        """sigma, the noise beside data of unit signal."""
        return f"sigma = {level.ratio:.3g}"

    def numbers_of(self, level: Level) -> dict[str, float]:
        """With sigma beside a signal of 1, as the paper has it."""
        return {**super().numbers_of(level), "sigma": level.ratio}

    def curves(self) -> Mapping[str, Any]:
        """The grid of a sampler over t, from where sigma is sigma_min to 1: sigma, alpha_bar and -2 ln sigma."""
        levels = self.levels(GRID)[-2::-1]
        tables = {
            "t": [level.t for level in levels],
            "alpha_bar": [level.signal**2 for level in levels],
            "sigma": [level.ratio for level in levels],
            "log_snr": [-2.0 * math.log(level.ratio) for level in levels],
        }
        return {name: np.asarray(table) for name, table in tables.items()}
