"""An energy-based model: a network says how unlikely each point is, and nothing else; probability is what is left.

    p(x) = exp(-E(x)) / Z,  E(x) = f(x) + |x|^2 / 2c^2,  Z = integral of exp(-E)
    grad ln p(x) of the weights = -grad E(x) + E_{x' ~ p}[grad E(x')]                   Hinton 2002; Tieleman 2008
    x' = x - eta/2 dE/dx + sqrt(eta) z                                                  Langevin steps, for x' ~ p
    or, without samples:  E_{x, eps} | sigma dE/dx(x + sigma eps) - eps |^2             Vincent 2011

Du & Mordatch 2019, "Implicit generation and modeling with energy-based models", arXiv:1903.08689: chains are kept in a
buffer from step to step and begun anew now and then, and great energies are pulled back a little (their section 3.3).
Departures: Langevin steps have the noise that belongs to them (theirs have less, so that their chains follow no
temperature that could be named); |x|^2 / 2c^2 makes every E a density, however f was learned; data are given some
noise, sigma, so that p is smooth, and the last step of pictures takes it off again. Z is not needed to learn or to
draw. On the plane it is had by a sum over a grid, and p is a density; elsewhere p is known up to a constant only.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Literal, get_args

import numpy as np
import torch
from pydantic import field_validator
from torch import Tensor, nn

from gm_core.capabilities.density import Density, DensityKind
from gm_core.capabilities.field import Field
from gm_core.capabilities.partition import Partition
from gm_core.capabilities.samples import Samples
from gm_core.capabilities.stepwise import OWN, Route, StepState, Stepwise
from gm_core.maths.gaussian import noise_like
from gm_core.model import Batch, ModelSpec, model
from gm_core.nn.conv import ConvEncoder, stages
from gm_core.nn.mlp import FlatEncoder
from gm_core.parts.guidance import check_guidance
from gm_core.parts.langevin import Tried, metropolis, unadjusted
from gm_core.parts.partition import Remembered, log_partition
from gm_core.parts.ranges import Ranged
from gm_core.parts.score_matching import denoising
from gm_core.protocol.cards import Chart, DataCard
from gm_core.spec import SpecError, param

SamplerName = Literal["langevin", "mala"]
SAMPLERS: tuple[SamplerName, ...] = get_args(SamplerName)
LONGEST = 10_000
STEEP = 5.0
"""How many times steeper than usual a perceptron's first layer begins: valleys are narrow beside the whole plane, and
one that begins gently takes longer to find them (in one trial on the ring a steeper start learned the score faster).
"""


class EnergySpec(ModelSpec):
    """What can be chosen of an energy-based model: its network, how it learns, and how its chains move."""

    width: int = param(128, "Units of a hidden layer of the perceptron (points and vectors).", lo=8, hi=2048, log=True)
    depth: int = param(3, "Hidden layers of the perceptron (points and vectors).", lo=1, hi=12)
    channels: tuple[int, ...] = param(
        (32, 64), "Channels of each convolution; each halves the picture (images).", lo=1, hi=512
    )
    objective: Literal["contrastive", "denoising"] = param(
        "contrastive", "How E is fitted: against samples of its own, or by its slope alone (score matching)."
    )
    smooth: float = param(0.3, "sigma, the noise that is added to the data.", lo=1e-3, hi=10.0, log=True)
    confine: float = param(1.0, "c, how far from the middle E lets anything go.", lo=0.1, hi=100.0, log=True)
    scale: float = param(
        1.0, "Points and vectors are divided by this; their standard deviation is good.", lo=1e-3, hi=1e3, log=True
    )
    chains: int = param(1000, "Chains that are kept from step to step (contrastive).", lo=1, hi=20_000, log=True)
    chain_steps: int = param(
        10, "Langevin steps that a chain makes for each step of training.", lo=1, hi=1000, log=True, live=True
    )
    renew: float = param(0.01, "Share of chains that begin anew in noise each time.", lo=0.0, hi=1.0, live=True)
    pull: float = param(0.001, "Weight of the squared energies, which keeps them small.", lo=0.0, hi=10.0, live=True)
    step: float = param(
        0.05, "eta, the size of a Langevin step, in training and in drawing.", lo=1e-6, hi=1.0, log=True, live=True
    )
    sampler: SamplerName = param(
        "langevin", "How chains move in drawing: every step is made, or refused where p demands it (mala).", live=True
    )
    sample_steps: int = param(200, "Steps of a chain in drawing.", lo=1, hi=LONGEST, log=True, unit="steps", live=True)
    clean: Literal["auto", "always", "never"] = param(
        "auto", "End with a jump to the mean of the data behind the noise; auto does so for images.", live=True
    )

    _has_stages = field_validator("channels")(stages)


@model("energy", title="Energy-based model", paper="Du & Mordatch 2019, arXiv:1903.08689")
class EnergyModel(Ranged, Samples, Stepwise, Density, Partition, Field):
    """Learns a landscape whose valleys are where the data are, and draws by letting points roll and shake in it.

    Inside, images live in -1..1 and points are divided by `scale`; every method takes and gives the card's own range.
    What it learns is the law of the data with noise `smooth`. It is not conditional: labels are accepted and ignored.
    """

    Spec = EnergySpec
    charts: tuple[Chart, ...] = (
        Chart(
            "mse",
            "Error of the score",
            unit="",
            tip="Squared error of the noise that the slope of E implies, a number; shown as the loss either way.",
            is_loss=True,
        ),
        Chart(
            "gap",
            "Energy of samples minus data",
            unit="nats",
            better="neither",
            tip="Near 0 where chains keep up with E; far below, chains found a hole that the data do not know.",
        ),
    )
    accepts = frozenset({"points", "vectors", "images", "continuous", "levels", "binary"})
    spec: EnergySpec
    buffer: Tensor

    def __init__(self, spec: ModelSpec, card: DataCard) -> None:
        super().__init__(spec, card)
        chosen = self.spec
        self.take_range(chosen.scale)
        self.landscape: nn.Module
        if card.kind == "images":
            self.small = False
            self.landscape = ConvEncoder(card.shape, chosen.channels, 1, "silu")
        else:
            self.landscape = steep = FlatEncoder(card.shape, (chosen.width,) * chosen.depth, 1, "silu")
            with torch.no_grad():
                for parameter in steep.net[0].parameters():
                    parameter.mul_(STEEP)
        if chosen.objective == "contrastive":
            # A buffer of the module, so that it is saved, resumed and rolled back with the weights that made it.
            self.register_buffer("buffer", chosen.confine * torch.randn(chosen.chains, *card.shape))
        else:
            self.charts = self.charts[:1]
        self._log_z = Remembered()

    @property
    def density_kind(self) -> DensityKind:
        """A sum over a grid on the plane; elsewhere nobody knows the constant."""
        return "solver" if self.card.kind == "points" else "unnormalised"

    # ---- the landscape

    def energy(self, x: Tensor) -> Tensor:
        """E(x) of points (n, ...) in the model's own range, (n,), in nats; its zero means nothing."""
        f: Tensor = self.landscape(x).squeeze(-1).to(x.dtype)
        return f + x.square().flatten(1).sum(1) / (2.0 * self.spec.confine**2)

    def log_density(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """-E (n,) and its gradient (n, ...) at points in the model's own range; nothing stays attached."""
        with torch.enable_grad():
            x = x.detach().requires_grad_()
            energy = self.energy(x)
            (slope,) = torch.autograd.grad(energy.sum(), x)
        return -energy.detach(), -slope

    # ---- learning

    def loss(self, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """The error of the slope of E as a number; descended is that error, or the negative log-likelihood.

        The likelihood has no value here, since Z is not known, but its gradient can be estimated: that of the energy of
        data minus that of samples, which the chains of the buffer come to be. `total` has its gradient and the value of
        the error, by which both ways of learning can be compared.
        """
        keep = torch.is_grad_enabled()
        x, sigma = self.inside(batch.x), self.spec.smooth
        eps = noise_like(x, rng)
        contrastive = self.spec.objective == "contrastive"
        with torch.enable_grad():
            noised = (x + sigma * eps).requires_grad_()
            real = self.energy(noised)
            (slope,) = torch.autograd.grad(real.sum(), noised, retain_graph=keep, create_graph=keep and not contrastive)
        error = denoising(-slope, eps, sigma).mean()
        if not contrastive:
            return {"total": error, "mse": error}
        real = real if keep else real.detach()
        fake = self.energy(self._chains(len(x), rng))
        gap = fake.mean() - real.mean()
        aim = -gap + self.spec.pull * (real.square().mean() + fake.square().mean())
        return {"total": error + (aim - aim.detach()), "mse": error, "gap": gap.detach()}

    def _chains(self, n: int, rng: torch.Generator) -> Tensor:
        """Points that nearly follow p: chains of the buffer, in training some steps on, of which some began anew."""
        n = min(n, len(self.buffer))
        if not self.training:
            return self.buffer[:n]
        chosen = torch.randperm(len(self.buffer), generator=rng, device=rng.device)[:n].to(self.buffer.device)
        fresh = torch.rand(n, generator=rng, device=rng.device).to(self.buffer.device) < self.spec.renew
        x = self.buffer[chosen]
        noise = self.spec.confine * noise_like(x, rng)
        x = torch.where(fresh.reshape(-1, *(1,) * (x.ndim - 1)), noise, x)
        for stand in unadjusted(self.log_density, x, self.spec.step, self.spec.chain_steps, rng):
            x = stand.x
        self.buffer[chosen] = x
        return x

    # ---- ranges

    # ---- drawing

    @property
    def default_steps(self) -> int:
        """Steps of a chain, as the spec says."""
        return self.spec.sample_steps

    def samplers(self) -> tuple[str, ...]:
        """Ways for chains to move, the model's own first."""
        return tuple(sorted(SAMPLERS, key=lambda name: name != self.spec.sampler))

    def trajectory(
        self, n: int, rng: torch.Generator, y: Tensor | None = None, route: Route = OWN
    ) -> Iterator[StepState]:
        """Yield every step of n chains that begin in N(0, c^2 I): steps + 1 states.

        Beside x the view `x0` is the mean of the data behind its noise and `score` is sigma times the slope of -E, both
        in the card's range; the number `energy` is the mean of E, `accepted` the share of chains that moved. Pictures
        are clipped to their range at the end. Raises SpecError for an unknown sampler or steps out of range.
        """
        name = route.sampler or self.spec.sampler
        if name not in SAMPLERS:
            raise SpecError("sampler", f"sampler is {name!r}; expected one of: {', '.join(SAMPLERS)}")
        steps = route.steps or self.default_steps
        if not 1 <= steps <= LONGEST:
            raise SpecError("steps", f"steps is {steps}; the range is 1 to {LONGEST}")
        check_guidance(self.title, route.guidance, route.mix, 0)
        times = [1.0 - k / steps for k in range(steps)]
        if route.start is None:
            x = self.spec.confine * noise_like(next(self.parameters()), rng, (n, *self.card.shape))
        else:
            x = self.inside(route.start)
            times = [route.at, *(t for t in times if t < route.at - 1e-9)] if route.at > 0.0 else []
        for stand in self._walk(name, x, len(times), rng):
            done = stand.number == len(times)
            progress = route.begin + (1.0 - route.begin) * (stand.number / len(times) if times else 1.0)
            state = self._state(stand, name, 0.0 if done else times[stand.number], progress, steps)
            clipped = done and self.card.kind == "images"
            yield replace(state, x=state.x.clamp(*self.card.range)) if clipped else state

    def _walk(self, name: str, x: Tensor, steps: int, rng: torch.Generator) -> Iterator[Tried]:
        """So many steps of a sampler, of which the last is the jump to the mean where the spec wants it."""
        clean = self.spec.clean
        jump = steps > 0 and (clean == "always" or (clean == "auto" and self.card.kind == "images"))
        rule = metropolis if name == "mala" else unadjusted
        for stand in rule(self.log_density, x, self.spec.step, steps - jump, rng):
            yield stand
        if jump:
            x = stand.x + self.spec.smooth**2 * stand.score
            yield Tried(steps, x, *self.log_density(x), stand.accepted)

    def _state(self, stand: Tried, name: str, t: float, progress: float, steps: int) -> StepState:
        sigma = self.spec.smooth
        views = {
            "x0": self.outside(stand.x + sigma**2 * stand.score),
            "score": self.outside(sigma * stand.score),
        }
        numbers = {
            "t": t,
            "energy": -float(stand.log_density.mean()),
            "score_norm": float(stand.score.square().mean().sqrt()) / self.spread,
        }
        if name == "mala":
            numbers["accepted"] = float(stand.accepted.float().mean())
        time = f"step {round((1.0 - t) * steps)}"
        return StepState(self.outside(stand.x), progress, time, views, numbers, t, stand.number)

    def sample(self, n: int, rng: torch.Generator, y: Tensor | None = None) -> Tensor:
        """The ends of n chains with the model's own sampler and steps: (n, *card.shape) in the card's range."""
        *_, end = self.trajectory(n, rng, y)
        return end.x

    def curves(self) -> Mapping[str, Any]:
        """The size of a step over t = 0..1: it is always the same."""
        return {"t": np.array([0.0, 1.0]), "step": np.full(2, self.spec.step)}

    # ---- probability

    def log_z(self) -> tuple[float, float]:
        """ln Z on the plane, in the model's own range, and by how much it still changed on the finest grid."""
        like = next(self.parameters())
        reach = 6.0 * self.spec.confine
        return self._log_z.of(self.landscape, lambda: log_partition(lambda x: -self.energy(x), reach, like))

    def log_prob(self, x: Tensor, rng: torch.Generator, y: Tensor | None = None, samples: int = 0) -> Tensor:
        """ln p(x) of the data with noise, in nats per unit of the data, on the plane; elsewhere -E(x): (n,)."""
        with torch.no_grad():
            found = -self.energy(self.inside(x))
        if self.card.kind != "points":
            return found
        return found - (self.log_z()[0] + self.card.size * math.log(self.spread))

    # ---- the plane

    def field_kinds(self) -> tuple[str, ...]:
        """The score, which is downhill, and the gradient of E, which is uphill."""
        return ("score", "energy_gradient")

    def scaling(self, noise: float) -> tuple[float, float]:
        """1, and the noise of the data in the card's range, whatever noise is asked for: E knows only this."""
        return 1.0, self.spec.smooth * self.spread

    def field(self, x: Tensor, noise: float, kind: str = "") -> Tensor:
        """The score of the data with noise `smooth`, or the gradient of E, per unit of the data: (n, 2)."""
        _, score = self.log_density(self.inside(x))
        return (-score if kind == "energy_gradient" else score) / self.spread

    def offers(self) -> frozenset[str]:
        """All of its class line on the plane; no field and no ln Z elsewhere."""
        return super().offers() if self.card.kind == "points" else super().offers() - {Field.word, Partition.word}
