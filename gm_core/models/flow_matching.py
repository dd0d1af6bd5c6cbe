"""Flow matching: learn the wind that carries noise to data, by asking it to blow along straight lines between the two.

    x_t = (1 - t) eps + t x,   eps ~ N(0, I), x ~ data, t uniform in 0..1       Lipman et al. 2023, eq. 20 (sigma_min 0)
    loss = E || v_theta(x_t, t) - (x - eps) ||^2                                Eq. 21; Liu et al. 2022, eq. 1
    dx/dt = v_theta(x, t) from noise at t = 0 to data at t = 1

Lipman, Chen, Ben-Hamu, Nickel & Le 2023, "Flow matching for generative modeling", arXiv:2210.02747; Liu, Gong & Liu
2022, "Flow straight and fast", arXiv:2209.03003. The best v is the mean of x - eps over all lines through x_t, so that

    x_0-hat = x_t + (1 - t) v,    eps-hat = x_t - t v,    score of p_t = -eps-hat / (1 - t)  (independent coupling)
    ln p(x) = ln N(x(0); 0, I) - integral over t of div v                        Chen et al. 2018, arXiv:1806.07366

Departures: the loss is a mean over numbers; noise may be paired with data by optimal transport within a batch (Tong et
al. 2024); reflow is a second stage of the same network, on pairs that are made while it trains (`parts.reflow`).
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from gm_core.capabilities.density import Density
from gm_core.capabilities.encodes import Encodes
from gm_core.capabilities.field import Field
from gm_core.capabilities.latent import Latent
from gm_core.capabilities.reconstruct import Reconstructs
from gm_core.capabilities.samples import Samples
from gm_core.capabilities.stepwise import Guided, Renoises, Stepwise
from gm_core.maths import couplings
from gm_core.maths.gaussian import noise_like
from gm_core.model import Batch, ModelSpec, Phase, Stage, model
from gm_core.parts.flowing import MOST_STEPS, Flowing, Way
from gm_core.parts.guidance import guided
from gm_core.parts.reflow import Teacher
from gm_core.parts.timed import Timed, TimedSpec
from gm_core.protocol.cards import Chart, DataCard
from gm_core.spec import param

BINS = 10


class FlowMatchingSpec(TimedSpec):
    """What can be chosen of a flow beside its network: how noise is paired with data, and what follows it."""

    coupling: Literal["independent", "optimal"] = param(
        "independent", "Which noise goes with which example: any, or the nearest (optimal transport within a batch)."
    )
    reflow: float = param(
        0.0, "Share of the steps, at the end, that straighten the flow on pairs of its own making.", lo=0.0, hi=0.9
    )
    reflow_pairs: int = param(2048, "Pairs that reflow keeps at a time.", lo=16, hi=65536, log=True)
    reflow_steps: int = param(10, "Midpoint steps that make a pair for reflow.", lo=1, hi=100, log=True, unit="steps")
    sampler: Literal["euler", "midpoint", "heun", "rk4", "adaptive"] = param(
        "midpoint", "How the flow is followed: one look a step (euler), two, four, or as many as needed.", live=True
    )
    sample_steps: int = param(
        25, "Steps from noise to data; adaptive shows as many, and takes its own.", lo=1, hi=MOST_STEPS, live=True
    )
    tolerance: float = param(
        1e-3, "Error that one adaptive step may make, in units of the noise.", lo=1e-6, hi=1.0, log=True, live=True
    )
    density_steps: int = param(
        24, "Steps of the solver (rk4) that follows a point back to noise for its density.", lo=1, hi=500, live=True
    )
    code_steps: int = param(
        8, "Steps of the solver (rk4) between an example and its code, the noise.", lo=1, hi=500, live=True
    )


@model("flow_matching", title="Flow matching", paper="Lipman et al. 2023, arXiv:2210.02747")
class FlowMatching(Timed, Flowing, Samples, Stepwise, Renoises, Guided, Field, Density, Latent, Encodes, Reconstructs):
    """Learns a wind that carries noise to data along nearly straight lines, and draws by following it.

    Inside, images live in -1..1 and points are divided by `scale`; every method takes and gives the card's own range.
    Its time t runs from 0 (noise) to 1 (data). The code of an example is the noise that the flow takes it back to.
    """

    Spec = FlowMatchingSpec
    charts: tuple[Chart, ...] = (
        Chart("mse", "Error of the velocity", unit="", tip="Mean squared error of one number of the velocity."),
        Chart(
            "mse_by_time",
            "Error by time",
            unit="",
            vector=True,
            tip="The error in each tenth of time, from pure noise to nearly data; their mean is the error.",
        ),
        Chart("reflow_mse", "Error on its own pairs", unit="", tip="The same error while reflow straightens the flow."),
    )
    accepts = frozenset({"points", "vectors", "images", "continuous", "levels", "binary"})
    density_kind = "solver"
    spec: FlowMatchingSpec

    def __init__(self, spec: ModelSpec, card: DataCard) -> None:
        super().__init__(spec, card)
        chosen = self.spec
        self.latent_size = card.size
        self.straight = chosen.coupling == "independent" and not chosen.reflow
        self.splittable = self.straight
        self.teacher: Teacher | None = None
        if chosen.reflow:
            self.teacher = Teacher(self.network, card.shape, chosen.reflow_pairs, chosen.reflow_steps)
        else:
            self.charts = self.charts[:2]
        self.steps_done = 0

    # ---- learning

    def stages(self) -> list[Stage]:
        """One stage; with reflow a second one on pairs of the first one's making."""
        if not self.spec.reflow:
            return super().stages()
        learned = list(self.network.parameters())
        first = Phase("flow", learned, self.loss, after=self._follow)
        second = Phase("reflow", learned, self.straighten)
        return [Stage("flow", [first], share=1.0 - self.spec.reflow), Stage("reflow", [second])]

    def at(self, step: int) -> None:
        """Note the finished steps, by which the average that reflow learns from gets slower."""
        self.steps_done = step

    def _follow(self, rng: torch.Generator) -> None:
        assert self.teacher is not None
        self.teacher.follow(self.network, self.steps_done)

    def loss(self, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """The error of the velocity at one random time for each example. Eq. 21, as a mean over numbers."""
        x, y = self.inside(batch.x), self.met(batch.y)
        t = torch.rand(len(x), generator=rng, device=rng.device).to(x.device)
        eps = noise_like(x, rng)
        if self.spec.coupling == "optimal":
            eps = eps[couplings.optimal(x, eps, y)]
        error = self._errors(x, eps, t, self.told(y, rng))
        total = error.mean()
        return {"total": total, "mse": total, "mse_by_time": _by_time(error.detach(), t)}

    def straighten(self, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """The same error on pairs that the first flow made; of the batch only its labels are looked at."""
        assert self.teacher is not None
        t = torch.rand(len(batch.x), generator=rng, device=rng.device).to(batch.x.device)
        eps, x, y = self.teacher.draw(self.network, len(batch.x), self.met(batch.y), rng)
        total = self._errors(x, eps, t, self.told(y, rng)).mean()
        return {"total": total, "reflow_mse": total}

    def scores(self, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """The same errors with times spread evenly over the batch, so that two validations differ by the model alone.

        Once reflow has begun, the total is that of its own pairs.
        """
        x, y = self.inside(batch.x), self.met(batch.y)
        t = (torch.arange(len(x), device=x.device, dtype=x.dtype) + 0.5) / len(x)
        eps = noise_like(x, rng)
        if self.spec.coupling == "optimal":
            eps = eps[couplings.optimal(x, eps, y)]
        error = self._errors(x, eps, t, y)
        found = {"total": error.mean(), "mse": error.mean(), "mse_by_time": _by_time(error, t)}
        if self.teacher is not None:
            own = self._errors(self.teacher.carried(self.network, eps, y), eps, t, y).mean()
            found |= {"reflow_mse": own, "total": torch.where(self.teacher.count > 0, own, found["total"])}
        return found

    def _errors(self, x: Tensor, eps: Tensor, t: Tensor, y: Tensor | None) -> Tensor:
        """The mean squared error of each example's velocity, (n,)."""
        each = t.reshape(-1, *(1,) * (x.ndim - 1))
        found = self._network((1.0 - each) * eps + each * x, t, y)
        return (found - (x - eps)).square().flatten(1).mean(1)

    def _network(self, x: Tensor, t: Tensor, y: Tensor | None) -> Tensor:
        output: Tensor = self.network(x, t, y)
        return output.to(x.dtype)

    # ---- following

    def velocity(self, x: Tensor, t: float, y: Tensor | None, guidance: float) -> tuple[Tensor, Tensor | None]:
        """v(x, t), guided where classes are given, and what guidance added; see `Flowing`."""
        when = torch.full((len(x),), t, dtype=x.dtype, device=x.device)
        return guided(self._network, x, when, y, guidance, self.classes)

    @property
    def way(self) -> Way:
        """What the spec says now."""
        spec = self.spec
        return Way(spec.sampler, spec.sample_steps, spec.tolerance, spec.guidance, spec.density_steps, spec.code_steps)


def _by_time(error: Tensor, t: Tensor) -> Tensor:
    """Errors (n,) as means of each tenth of time (BINS,): a tenth holds a tenth of the draws, on average."""
    tenth = nn.functional.one_hot((t * BINS).long().clamp(max=BINS - 1), BINS).to(error.dtype)
    return BINS * (tenth * error[:, None]).mean(0)
