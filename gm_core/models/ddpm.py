"""Denoising diffusion: destroy data with noise in T small steps, learn to undo one step, then start from pure noise.

    x_t = sqrt(alpha_bar_t) x_0 + sqrt(1 - alpha_bar_t) eps,  eps ~ N(0, I)                           Eq. 4
    loss = E_{t, x_0, eps} || eps - eps_theta(x_t, t) ||^2,  t uniform on 1..T                        Eq. 14
    x_{t-1} = (x_t - beta_t / sqrt(1 - alpha_bar_t) eps_theta(x_t, t)) / sqrt(alpha_t) + sigma_t z    Algorithm 2

Ho, Jain & Abbeel 2020, "Denoising diffusion probabilistic models", arXiv:2006.11239. Departures: the loss is a mean
over numbers, so that pictures of all sizes share an axis; the network may say x_0 or v instead of eps (Salimans & Ho
2022, appendix D), and may be told the class (Ho & Salimans 2022); fewer steps and other samplers may be used to draw,
and DDIM (Song et al. 2021) with 50 steps is the default, so that a picture takes a second; the guess of x_0 is clipped
to the range of images, as in the authors' code; small networks.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Literal

import torch
from pydantic import model_validator
from torch import Tensor, nn

from gm_core.maths import schedules
from gm_core.maths.gaussian import noise_like
from gm_core.maths.schedules import CLEAN, Level
from gm_core.model import Batch, ModelSpec, model
from gm_core.parts.diffusion import Diffusion, DiffusionSpec
from gm_core.parts.samplers import Guess
from gm_core.protocol.cards import Chart, DataCard
from gm_core.spec import SpecError, param

BINS = 10


class DDPMSpec(DiffusionSpec):
    """What can be chosen of a diffusion model: its network, its schedule, what it predicts and how it samples."""

    timesteps: int = param(1000, "T, the steps from data to noise.", lo=BINS, hi=4000, log=True, unit="steps")
    schedule: Literal["linear", "cosine"] = param("linear", "How the noise grows: evenly, or gently at both ends.")
    beta_start: float = param(1e-4, "Noise of the first step (linear schedule).", lo=1e-7, hi=0.5, log=True)
    beta_end: float = param(0.02, "Noise of the last step (linear schedule).", lo=1e-6, hi=0.999, log=True)
    predict: Literal["eps", "x0", "v"] = param("eps", "What the network says: the noise, the data, or their mixture v.")
    spacing: Literal["trailing", "leading", "linspace"] = param(
        "trailing",
        "Times that fewer steps visit: from T down to a stride (trailing), from below T to 1 (leading), from T to 1.",
        live=True,
    )

    @model_validator(mode="after")
    def _noise_grows(self) -> DDPMSpec:
        if self.schedule == "linear" and self.beta_start > self.beta_end:
            raise SpecError(
                "beta_start", f"beta_start is {self.beta_start:g}; expected no more than beta_end, {self.beta_end:g}"
            )
        return self


@model("ddpm", title="Diffusion (DDPM)", paper="Ho, Jain & Abbeel 2020, arXiv:2006.11239")
class DDPM(Diffusion):
    """Learns to tell noise from data, and draws new data by removing a little noise again and again."""

    Spec = DDPMSpec
    charts = (
        Chart("mse", "Error of the prediction", unit="", tip="Mean squared error of one predicted number."),
        Chart(
            "mse_by_time",
            "Error by time",
            unit="",
            vector=True,
            tip="The error in each tenth of time, from nearly clean to pure noise; their mean is the error.",
        ),
    )
    accepts = frozenset({"points", "vectors", "images", "continuous", "levels", "binary"})
    spec: DDPMSpec
    signal: Tensor
    sigma: Tensor

    def __init__(self, spec: ModelSpec, card: DataCard) -> None:
        super().__init__(spec, card)
        chosen = self.spec
        self.schedule = schedules.noise_schedule(chosen.schedule, chosen.timesteps, chosen.beta_start, chosen.beta_end)
        # In float64 until here: 1 - alpha_bar would lose its digits in float32. Not saved: it follows from the spec.
        self.register_buffer("signal", self.schedule.alpha_bar.sqrt().float(), persistent=False)
        self.register_buffer("sigma", self.schedule.sigma.float(), persistent=False)

    # ---- learning

    def loss(self, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """The error of the network at one random time for each example. Eq. 14, as a mean over numbers."""
        t = torch.randint(1, self.schedule.steps + 1, (len(batch.x),), generator=rng, device=rng.device)
        return self._errors(batch.x, t.to(batch.x.device), self.learnt_class(batch.y, rng), rng)

    def scores(self, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """The same error with times spread evenly over the batch, so that two validations differ by the model alone."""
        n, steps = len(batch.x), self.schedule.steps
        t = (torch.arange(n, device=batch.x.device) * 2 + 1) * steps // (2 * n) + 1
        return self._errors(batch.x, t, self.met(batch.y), rng)

    def _errors(self, x: Tensor, t: Tensor, y: Tensor | None, rng: torch.Generator) -> dict[str, Tensor]:
        x0 = self.inside(x)
        eps = noise_like(x0, rng)
        each = (-1, *(1,) * (x0.ndim - 1))
        signal, sigma = self.signal[t].reshape(each), self.sigma[t].reshape(each)
        noised = schedules.noised(x0, eps, signal, sigma)
        output = self.network(noised, t.to(x0.dtype) / self.schedule.steps, y)
        target = schedules.target_of(self.spec.predict, x0, eps, signal, sigma)
        error = (output.to(x0.dtype) - target).square().flatten(1).mean(1)
        # Each tenth of time holds a tenth of the draws: ten times its share of the mean is its own mean, on average,
        # with no division by a count that may be 0; and the mean of the ten is exactly the error.
        tenth = nn.functional.one_hot((t - 1) * BINS // self.schedule.steps, BINS).to(error.dtype)
        total = error.mean()
        return {"total": total, "mse": total, "mse_by_time": BINS * (tenth * error.detach()[:, None]).mean(0)}

    # ---- how the network is read

    def told_time(self, level: Level) -> float:
        """t / T."""
        return level.t / self.schedule.steps

    def read(self, output: Tensor, x: Tensor, level: Level) -> Guess:
        """What it said, and what follows from that; of v both follow."""
        said = output.to(x.dtype)
        if self.spec.predict == "eps":
            return Guess(x, level, eps=said)
        if self.spec.predict == "x0":
            return Guess(x, level, x0=said)
        x0, eps = schedules.read_output("v", said, x, *level.scales)
        return Guess(x, level, x0=x0, eps=eps)

    def noise_share(self, level: Level) -> float:
        """1 for eps, signal for v, -signal / sigma for x0."""
        return {"eps": 1.0, "v": level.signal, "x0": -1.0 / level.ratio}[self.spec.predict]

    # ---- levels

    @property
    def default_steps(self) -> int:
        """Steps of one sample, as the spec says."""
        return min(self.spec.sample_steps or self.schedule.steps, self.schedule.steps)

    def levels(self, steps: int) -> tuple[Level, ...]:
        """The levels of so many of the T times, and the data."""
        whole = self.schedule.steps
        if not 1 <= steps <= whole:
            raise SpecError("steps", f"steps is {steps}; the range is 1 to {whole} (timesteps)")
        return (*(self.schedule.level(t) for t in schedules.times_back(whole, steps, self.spec.spacing)), CLEAN)

    @cached_property
    def _chain(self) -> tuple[Level, ...]:
        return tuple(self.schedule.level(t) for t in reversed(range(self.schedule.steps + 1)))

    def chain(self) -> tuple[Level, ...]:
        """Every t from T to 0."""
        return self._chain

    def level_of(self, at: float) -> Level:
        """The level of t, rounded."""
        return self.schedule.level(min(max(0, round(at)), self.schedule.steps))

    def level_at(self, noise: float) -> Level:
        """t = noise T, rounded, at least 1."""
        return self.level_of(max(1.0, noise * self.schedule.steps))

    def between(self, log_ratio: float) -> Level:
        """With a time between two of the schedule."""
        return self.schedule.between(log_ratio)

    def curves(self) -> Mapping[str, Any]:
        """The schedule over t = 1..T: alpha_bar, sigma and the logarithm of alpha_bar / (1 - alpha_bar)."""
        keeps = self.schedule.alpha_bar[1:]
        tables = {
            "t": torch.arange(1, self.schedule.steps + 1, dtype=torch.float64),
            "alpha_bar": keeps,
            "sigma": self.schedule.sigma[1:],
            "log_snr": keeps.log() - (1.0 - keeps).log(),
        }
        return {name: table.numpy() for name, table in tables.items()}
