"""Denoising diffusion: destroy data with noise in T small steps, learn to undo one step, then start from pure noise.

    x_t = sqrt(alpha_bar_t) x_0 + sqrt(1 - alpha_bar_t) eps,  eps ~ N(0, I)                           Eq. 4
    loss = E_{t, x_0, eps} || eps - eps_theta(x_t, t) ||^2,  t uniform on 1..T                        Eq. 14
    x_{t-1} = (x_t - beta_t / sqrt(1 - alpha_bar_t) eps_theta(x_t, t)) / sqrt(alpha_t) + sigma_t z    Algorithm 2

Ho, Jain & Abbeel 2020, "Denoising diffusion probabilistic models", arXiv:2006.11239. Departures: the loss is a mean
over numbers, so that pictures of all sizes share an axis; the network may say x_0 or v instead of eps (Salimans & Ho
2022, appendix D); fewer steps and DDIM (Song et al. 2021) may be used to sample, and DDIM with 50 steps is the default,
so that a picture takes a second; the guess of x_0 is clipped to the range of images, as in the authors' code; small
networks.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, Literal

import torch
from pydantic import field_validator, model_validator
from torch import Tensor, nn

from gm_core.capabilities import OWN, Field, Renoises, Route, Samples, StepState, Stepwise
from gm_core.maths import schedules
from gm_core.model import Batch, GenerativeModel, ModelSpec, model
from gm_core.nn.time_mlp import TimeMLP
from gm_core.nn.unet import UNet
from gm_core.parts.samplers import Ancestral, Implicit, Sampler, walk
from gm_core.protocol.cards import Chart, DataCard
from gm_core.spec import SpecError, param

SAMPLERS = ("ddpm", "ddim")
BINS = 10


class DDPMSpec(ModelSpec):
    """What can be chosen of a diffusion model: its network, its schedule, what it predicts and how it samples."""

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
    timesteps: int = param(1000, "T, the steps from data to noise.", lo=BINS, hi=4000, log=True, unit="steps")
    schedule: Literal["linear", "cosine"] = param("linear", "How the noise grows: evenly, or gently at both ends.")
    beta_start: float = param(1e-4, "Noise of the first step (linear schedule).", lo=1e-7, hi=0.5, log=True)
    beta_end: float = param(0.02, "Noise of the last step (linear schedule).", lo=1e-6, hi=0.999, log=True)
    predict: Literal["eps", "x0", "v"] = param("eps", "What the network says: the noise, the data, or their mixture v.")
    scale: float = param(
        1.0, "Points and vectors are divided by this; their standard deviation is good.", lo=1e-3, hi=1e3, log=True
    )
    sampler: Literal["ddpm", "ddim"] = param(
        "ddim", "How noise becomes data: with fresh noise in each step (ddpm), or without (ddim).", live=True
    )
    sample_steps: int = param(
        50, "Network evaluations of one sample; 0, or more than T, takes all T.", lo=0, hi=4000, unit="steps", live=True
    )
    spacing: Literal["trailing", "leading", "linspace"] = param(
        "trailing",
        "Times that fewer steps visit: from T down to a stride (trailing), from below T to 1 (leading), from T to 1.",
        live=True,
    )
    variance: Literal["fixed_small", "fixed_large"] = param(
        "fixed_small", "Fresh noise of a ddpm step: the posterior's (small) or the forward step's (large).", live=True
    )
    eta: float = param(0.0, "Fresh noise of a ddim step: 0 none, 1 as much as ddpm.", lo=0.0, hi=1.0, live=True)
    clip_x0: Literal["auto", "always", "never"] = param(
        "auto", "Clip the guess of the data to the range of the data; auto clips images only.", live=True
    )

    @field_validator("multipliers")
    @classmethod
    def _has_levels(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if not 1 <= len(value) <= 6:
            raise SpecError("multipliers", f"multipliers has {len(value)} levels; give 1 to 6, for example [1, 2, 2]")
        return value

    @model_validator(mode="after")
    def _noise_grows(self) -> DDPMSpec:
        if self.schedule == "linear" and self.beta_start > self.beta_end:
            raise SpecError(
                "beta_start", f"beta_start is {self.beta_start:g}; expected no more than beta_end, {self.beta_end:g}"
            )
        return self


@model("ddpm", title="Diffusion (DDPM)", paper="Ho, Jain & Abbeel 2020, arXiv:2006.11239")
class DDPM(GenerativeModel, Samples, Stepwise, Renoises, Field):
    """Learns to tell noise from data, and draws new data by removing a little noise again and again.

    Inside, images live in -1..1 and points are divided by `scale`; every method takes and gives the card's own range.
    It is not conditional: labels are accepted and ignored.
    """

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
        self.network: nn.Module
        if card.kind == "images":
            self.small = False
            self.long_operations = True
            self.network = UNet(card.shape[0], chosen.base, chosen.multipliers, chosen.blocks, chosen.attention)
            low, high = card.range
            self.centre, self.spread = (low + high) / 2, (high - low) / 2
        else:
            self.network = TimeMLP(card.size, chosen.width, chosen.depth)
            self.centre, self.spread = 0.0, chosen.scale

    # ---- learning

    def loss(self, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """The error of the network at one random time for each example. Eq. 14, as a mean over numbers."""
        t = torch.randint(1, self.schedule.steps + 1, (len(batch.x),), generator=rng, device=rng.device)
        return self._errors(batch.x, t.to(batch.x.device), rng)

    def scores(self, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """The same error with times spread evenly over the batch, so that two validations differ by the model alone."""
        n, steps = len(batch.x), self.schedule.steps
        t = (torch.arange(n, device=batch.x.device) * 2 + 1) * steps // (2 * n) + 1
        return self._errors(batch.x, t, rng)

    def _errors(self, x: Tensor, t: Tensor, rng: torch.Generator) -> dict[str, Tensor]:
        x0 = self._inside(x)
        eps = torch.randn(x0.shape, generator=rng, device=rng.device, dtype=x0.dtype).to(x0.device)
        each = (-1, *(1,) * (x0.ndim - 1))
        signal, sigma = self.signal[t].reshape(each), self.sigma[t].reshape(each)
        output = self._network(schedules.noised(x0, eps, signal, sigma), t)
        target = schedules.target_of(self.spec.predict, x0, eps, signal, sigma)
        error = (output - target).square().flatten(1).mean(1)
        # Each tenth of time holds a tenth of the draws: ten times its share of the mean is its own mean, on average,
        # with no division by a count that may be 0; and the mean of the ten is exactly the error.
        tenth = nn.functional.one_hot((t - 1) * BINS // self.schedule.steps, BINS).to(error.dtype)
        total = error.mean()
        return {"total": total, "mse": total, "mse_by_time": BINS * (tenth * error.detach()[:, None]).mean(0)}

    def _network(self, x: Tensor, t: Tensor) -> Tensor:
        output: Tensor = self.network(x, t.to(x.dtype) / self.schedule.steps)
        return output.to(x.dtype)

    # ---- ranges

    def _inside(self, x: Tensor) -> Tensor:
        """From the card's range to the model's own."""
        return (x - self.centre) / self.spread

    def _outside(self, x: Tensor) -> Tensor:
        """From the model's own range to the card's."""
        return x * self.spread + self.centre

    # ---- drawing

    def predict(self, x: Tensor, t: int) -> tuple[Tensor, Tensor]:
        """The best guesses of the data and of the noise in x_t (n, ...), both in the model's own range.

        Where the guess of the data is clipped, the noise is what is left: x_t = signal x_0 + sigma eps stays true.
        """
        with torch.no_grad():
            output = self._network(x, torch.full((len(x),), t, device=x.device))
        keeps = self.schedule.keeps(t)
        signal, sigma = math.sqrt(keeps), math.sqrt(1.0 - keeps)
        x0, eps = schedules.read_output(self.spec.predict, output, x, signal, sigma)
        limits = self._limits()
        if limits is not None:
            x0 = x0.clamp(*limits)
            eps = schedules.noise_in(x, x0, signal, sigma)
        return x0, eps

    def _limits(self) -> tuple[float, float] | None:
        clip = self.spec.clip_x0
        if clip == "never" or (clip == "auto" and self.card.kind != "images"):
            return None
        low, high = self.card.range
        return (low - self.centre) / self.spread, (high - self.centre) / self.spread

    @property
    def default_steps(self) -> int:
        """Network evaluations of one sample, as the spec says."""
        return min(self.spec.sample_steps or self.schedule.steps, self.schedule.steps)

    def samplers(self) -> tuple[str, ...]:
        """"ddpm" and "ddim", the model's own first."""
        return tuple(sorted(SAMPLERS, key=lambda name: name != self.spec.sampler))

    def trajectory(
        self, n: int, rng: torch.Generator, y: Tensor | None = None, route: Route = OWN
    ) -> Iterator[StepState]:
        """Yield x_t beside the guesses x0 and noise that the network makes from it, from t = T (or near) down to 0.

        `steps` evaluations give steps + 1 states; at t = 0 x0 is x and the noise is none. Views are in the card's
        range. Raises SpecError for an unknown sampler or a number of steps that the schedule does not have.
        """
        rule = self._sampler(route.sampler or self.spec.sampler)
        visits = route.steps or self.default_steps
        if not 1 <= visits <= self.schedule.steps:
            raise SpecError("steps", f"steps is {visits}; the range is 1 to {self.schedule.steps} (timesteps)")
        times = schedules.times_back(self.schedule.steps, visits, self.spec.spacing)
        if route.start is None:
            x = torch.randn((n, *self.card.shape), generator=rng, device=rng.device, dtype=self.signal.dtype)
            x = x.to(self.signal.device)
        else:
            x, begun = self._inside(route.start), round(route.at)
            times = tuple(dict.fromkeys((begun, *(t for t in times if t < begun)))) if begun else ()
        for place in walk(rule, self.schedule, self.predict, x, times, rng):
            keeps = self.schedule.keeps(place.t)
            yield StepState(
                x=self._outside(place.x),
                progress=route.begin + (1.0 - route.begin) * (place.number / len(times) if times else 1.0),
                time=f"t = {place.t}",
                at=float(place.t),
                cost=place.number,
                views={"x0": self._outside(place.x0), "noise": self._outside(place.eps)},
                numbers={
                    "t": float(place.t),
                    "alpha_bar": keeps,
                    "sigma": math.sqrt(1.0 - keeps),
                    "snr": keeps / (1.0 - keeps) if place.t else math.inf,
                },
            )

    def renoise(self, x: Tensor, progress: float, rng: torch.Generator) -> tuple[Tensor, float]:
        """Eq. 4 at t = (1 - progress) T, rounded."""
        t = round((1.0 - progress) * self.schedule.steps)
        eps = torch.randn(x.shape, generator=rng, device=rng.device, dtype=x.dtype).to(x.device)
        keeps = self.schedule.keeps(t)
        return self._outside(schedules.noised(self._inside(x), eps, math.sqrt(keeps), math.sqrt(1.0 - keeps))), float(t)

    def _sampler(self, name: str) -> Sampler:
        if name == "ddpm":
            return Ancestral(self.spec.variance)
        if name == "ddim":
            return Implicit(self.spec.eta)
        raise SpecError("sampler", f"sampler is {name!r}; expected one of: {', '.join(SAMPLERS)}")

    def sample(self, n: int, rng: torch.Generator, y: Tensor | None = None) -> Tensor:
        """The last x of a trajectory with the model's own sampler and steps: (n, *card.shape) in the card's range."""
        *_, last = self.trajectory(n, rng, y)
        return last.x

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

    # ---- the plane

    def _time_of(self, noise: float) -> int:
        """The time of a noise level: t = noise T, at least 1."""
        return min(max(1, round(noise * self.schedule.steps)), self.schedule.steps)

    def scaling(self, noise: float) -> tuple[float, float]:
        """sqrt(alpha_bar_t) and sqrt(1 - alpha_bar_t), the latter in the card's range."""
        keeps = self.schedule.keeps(self._time_of(noise))
        return math.sqrt(keeps), math.sqrt(1.0 - keeps) * self.spread

    def field(self, x: Tensor, noise: float, kind: str = "") -> Tensor:
        """The score of the noised data, -eps_theta(x_t, t) / sqrt(1 - alpha_bar_t), per unit of the data: (n, 2).

        Song & Ermon 2019 with the noise level t = noise T, at least 1.
        """
        t = self._time_of(noise)
        _, eps = self.predict(self._inside(x), t)
        return -eps / (math.sqrt(1.0 - self.schedule.keeps(t)) * self.spread)

    def offers(self) -> frozenset[str]:
        """All of its class line on the plane; no field elsewhere."""
        return super().offers() if self.card.kind == "points" else super().offers() - {Field.word}
