"""What the tests of diffusions share: cards, schedules, and denoisers that are known in closed form."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from gm_core.maths.schedules import CLEAN, Level, NoiseSchedule, Spacing, Target, noise_schedule, target_of, times_back
from gm_core.model import build
from gm_core.models.ddpm import DDPM
from gm_core.models.edm import EDM
from gm_core.parts.samplers import Denoiser, Guess
from gm_core.protocol.cards import DataCard

PLANE = DataCard("plane", "Plane", (2,), "continuous", (-4.0, 4.0))
VECTORS = DataCard("vectors", "Vectors", (16,), "continuous", (-4.0, 4.0))
CENTRED = DataCard("small", "Small images", (1, 8, 8), "levels", (-1.0, 1.0), levels=17)
GREY = DataCard("grey", "Grey images", (1, 8, 8), "levels", (0.0, 1.0), levels=17)
TOLD = DataCard("told", "Plane with labels", (2,), "continuous", (-4.0, 4.0), classes=("a", "b", "c"))
LINEAR = noise_schedule("linear", 1000, 1e-4, 0.02)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def ddpm(card: DataCard, **chosen: object) -> DDPM:
    model = build({"kind": "ddpm", **chosen}, card)
    assert isinstance(model, DDPM)
    return model


def edm(card: DataCard, **chosen: object) -> EDM:
    model = build({"kind": "edm", **chosen}, card)
    assert isinstance(model, EDM)
    return model


def stirred(model: nn.Module) -> None:
    """Make the last layers no longer zero, so that a model's answers depend on everything."""
    rng = generator(99)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=rng))
    model.eval()


def levels(times: Sequence[int], schedule: NoiseSchedule = LINEAR) -> tuple[Level, ...]:
    """The levels of these times, and the data."""
    return (*map(schedule.level, times), CLEAN)


def back(visits: int, spacing: Spacing = "trailing") -> tuple[Level, ...]:
    return levels(times_back(LINEAR.steps, visits, spacing))


def karras(visits: int, least: float = 0.002, most: float = 80.0) -> tuple[Level, ...]:
    """Levels with a signal of 1, even in ln sigma."""
    low, high = math.log(least), math.log(most)
    sigmas = [math.exp(high + (low - high) * k / (visits - 1)) for k in range(visits)]
    return (*(Level(sigma, 1.0, sigma) for sigma in sigmas), CLEAN)


def gaussian(variance: float) -> Denoiser:
    """The exact denoiser of data N(0, variance)."""

    def denoise(x: Tensor, level: Level) -> Guess:
        spread = level.signal**2 * variance + level.sigma**2
        return Guess(x, level, x0=level.signal * variance / spread * x, eps=level.sigma / spread * x)

    return denoise


class Mixture:
    """Three round Gaussians on the plane, unlike in weight and width, whose score is known at every level."""

    weights = torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64)
    means = torch.tensor([[-1.2, 0.0], [1.0, 1.0], [0.8, -1.0]], dtype=torch.float64)
    variances = torch.tensor([0.04, 0.09, 0.02], dtype=torch.float64)

    def sample(self, n: int, rng: torch.Generator) -> Tensor:
        k = torch.multinomial(self.weights, n, replacement=True, generator=rng)
        return self.means[k] + self.variances[k, None].sqrt() * torch.randn(n, 2, generator=rng, dtype=torch.float64)

    def log_prob(self, x: Tensor, level: Level) -> Tensor:
        """log p_t = log sum_k w_k N(signal m_k, (signal^2 s_k + sigma^2) I)."""
        spread = level.signal**2 * self.variances + level.sigma**2
        far = (x[:, None] - level.signal * self.means).square().sum(-1)
        return torch.logsumexp(self.weights.log() - far / (2 * spread) - (2 * math.pi * spread).log(), 1)

    def denoise(self, x: Tensor, level: Level) -> Guess:
        """eps* = -sigma times the score."""
        spread = level.signal**2 * self.variances + level.sigma**2
        away = level.signal * self.means - x[:, None]
        share = torch.softmax(self.weights.log() - away.square().sum(-1) / (2 * spread) - spread.log(), 1)
        eps = -level.sigma * ((share / spread)[..., None] * away).sum(1)
        return Guess(x, level, eps=eps)


class PerfectNetwork(nn.Module):
    """The best answer of a ddpm's network for data N(0, variance), in the language that the model asked for.

    `about` leads from a time t / T, which may lie between two steps, to the level.
    """

    def __init__(self, schedule: NoiseSchedule, variance: float, target: Target) -> None:
        super().__init__()
        self.schedule, self.variance, self.target = schedule, variance, target
        self.table = 0.5 * ((1 - schedule.alpha_bar[1:]).log() - schedule.alpha_bar[1:].log())

    def forward(self, x: Tensor, t: Tensor, y: Tensor | None = None) -> Tensor:
        place = (t.double() * self.schedule.steps - 1).clamp(0, self.schedule.steps - 1)
        low = place.floor().long().clamp(max=self.schedule.steps - 2)
        ratio = (self.table[low] + (place - low) * (self.table[low + 1] - self.table[low])).exp()
        keeps = (1 / (1 + ratio**2)).to(x).reshape(-1, *(1,) * (x.ndim - 1))
        spread = keeps * self.variance + 1 - keeps
        x0, eps = keeps.sqrt() * self.variance / spread * x, (1 - keeps).sqrt() / spread * x
        return target_of(self.target, x0, eps, keeps.sqrt(), (1 - keeps).sqrt())


def perfect_edm(model: EDM, denoise: Callable[[Tensor, Level], tuple[Tensor, Tensor]]) -> nn.Module:
    """The network that makes an edm on the plane say what this denoiser says, for a time that all examples share."""

    class Network(nn.Module):
        def forward(self, fed: Tensor, told: Tensor, y: Tensor | None = None) -> Tensor:
            low, high = math.log(0.002), math.log(80.0)
            rows = []
            for k in range(len(told)):
                sigma = math.exp(low + float(told[k]) * (high - low))
                level = model.level_of((sigma / model.spec.sigma_max) ** (1 / model.spec.rho))
                x = (fed if len(told) == 1 else fed[k : k + 1]) * model.spec.sigma_data
                rows.append((denoise(x, level).x0 - level.signal * x) / level.sigma)
            return torch.cat(rows)

    return Network()
