"""Score matching over noise levels: learn the direction in which probability grows, then follow it with some noise.

    s(x, sigma) ~ grad log p_sigma(x),  p_sigma the law of x + sigma eps        sigma_1 > ... > sigma_L, geometric
    loss = E_{sigma, x, eps} | sigma s(x + sigma eps, sigma) + eps |^2                              Eq. 5, 6
    x' = x + eta_i/2 s(x, sigma_i) + sqrt(eta_i) z,  eta_i = c sigma_i^2, i = 1..L                  Algorithm 1

Song & Ermon 2019, "Generative modeling by estimating gradients of the data distribution", arXiv:1907.05600. At choice
the loss is sliced score matching (Song, Garg, Shi & Ermon 2019, arXiv:1905.07088) or Hyvarinen's with the exact trace;
see `parts.score_matching`. With levels between the sigma_i (Song et al. 2021, arXiv:2011.13456) samples come from the
reverse stochastic equation or from the ordinary one too, and on the plane a density: dx/d ln sigma = -sigma^2 s.
Departures: the loss is a mean over numbers; the network begins as the score of a unit Gaussian and is scaled by level,
see `parts.score_network`; the last step goes to the mean of the data (Jolicoeur-Martineau et al. 2021); small networks.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from gm_core.capabilities.density import Density
from gm_core.capabilities.field import Field
from gm_core.capabilities.samples import Samples
from gm_core.capabilities.stepwise import OWN, Conditional, Guided, Renoises, Route, StepState, Stepwise
from gm_core.maths.divergence_trace import signs
from gm_core.maths.gaussian import noise_like
from gm_core.maths.schedules import Level
from gm_core.model import Batch, ModelSpec, model
from gm_core.parts.guidance import check_guidance, evaluations, guided
from gm_core.parts.langevin import Stand
from gm_core.parts.likelihood_ode import flow_log_prob
from gm_core.parts.noise_levels import WAYS, Way, WayName
from gm_core.parts.samplers import Guess
from gm_core.parts.score_matching import Objective, denoising, implicit
from gm_core.parts.score_network import ScoreNetwork, ScoreNetworkSpec
from gm_core.protocol.cards import Chart, DataCard
from gm_core.spec import SpecError, param

LONGEST = 10_000


class ScoreSpec(ScoreNetworkSpec):
    """What can be chosen of a score model: its network and noise levels, how it learns and how it draws."""

    objective: Objective = param(
        "denoising", "How the score is fitted: to the noise that was added, by slices of its slope, or by all of it."
    )
    slices: int = param(1, "Random directions for each example (sliced).", lo=1, hi=64)
    sampler: WayName = param(
        "annealed",
        "From noise to data: Langevin down the levels, Langevin at the lowest only (ula), the reverse equation with "
        "noise, with Langevin corrections, or without noise (ode).",
        live=True,
    )
    sample_steps: int = param(
        200, "Steps of one sample; the levels share them.", lo=1, hi=LONGEST, log=True, unit="steps", live=True
    )
    step: float = param(
        0.2, "c, the size of a Langevin step in units of sigma^2.", lo=1e-3, hi=2.0, log=True, live=True
    )
    corrections: int = param(1, "Langevin steps after each step back (corrected).", lo=1, hi=20, live=True)
    clean: bool = param(True, "End a Langevin walk with a jump to the mean of the data behind it.", live=True)


@model("score", title="Score matching (NCSN)", paper="Song & Ermon 2019, arXiv:1907.05600")
class ScoreModel(ScoreNetwork, Samples, Stepwise, Renoises, Guided, Density, Field):
    """Learns in which direction probability grows at every level of noise, and climbs there with Langevin steps.

    Inside, images live in -1..1 and points are divided by `scale`, and sigma is of that size; every method takes and
    gives the card's own range. Data at time t in 0..1 stand at sigma_min (sigma_max / sigma_min)^t.
    """

    Spec = ScoreSpec
    charts = (
        Chart("mse", "Error of the score", unit="", tip="Squared error of the noise that the score implies, a number."),
        Chart(
            "mse_by_level",
            "Error by noise level",
            unit="",
            vector=True,
            tip="The error at each level of noise (or a tenth of them), from the smallest to the largest.",
        ),
    )
    accepts = frozenset({"points", "vectors", "images", "continuous", "levels", "binary"})
    density_kind = "solver"
    spec: ScoreSpec

    def __init__(self, spec: ModelSpec, card: DataCard) -> None:
        super().__init__(spec, card)
        chosen = self.spec
        if chosen.objective == "exact" and card.size > 16:
            raise SpecError(
                "model.objective",
                f"model.objective is 'exact' but {card.title} has {card.size} numbers, of which each would cost a "
                "backward pass; the limit is 16: choose 'sliced' or 'denoising'",
            )

    # ---- learning

    def loss(self, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """The objective at one random level of noise for each example."""
        u = torch.rand(len(batch.x), generator=rng, device=rng.device, dtype=self.shares.dtype)
        return self._errors(batch.x, u.to(batch.x.device), self.learnt_class(batch.y, rng), rng)

    def scores(self, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """The same with levels spread evenly over the batch, so that two validations differ by the model alone."""
        n = len(batch.x)
        u = (torch.arange(n, device=batch.x.device, dtype=self.shares.dtype) + 0.5) / n
        return self._errors(batch.x, u, self.met(batch.y), rng)

    def _errors(self, x: Tensor, u: Tensor, y: Tensor | None, rng: torch.Generator) -> dict[str, Tensor]:
        """The objective of examples whose level of noise is given by numbers u in 0..1."""
        sigma, place = self.noise_levels.drawn(u)
        x0 = self.inside(x)
        eps = noise_like(x0, rng)
        wide = sigma.reshape(-1, *(1,) * (x0.ndim - 1))
        noised = x0 + wide * eps
        if self.spec.objective == "denoising":
            score = self.asked(noised, sigma, y)
            error = objective = denoising(score, eps, wide)
        else:
            probes = signs(x0, self.spec.slices, rng) if self.spec.objective == "sliced" else None
            objective, score = implicit(lambda at: self.asked(at, sigma, y), noised, wide, probes)
            error = denoising(score.detach(), eps, wide)
        here = nn.functional.one_hot(place, len(self.shares)).to(error.dtype)
        by_level = (here * error.detach()[:, None]).mean(0) / self.shares  # no division by a count that may be 0
        return {"total": objective.mean(), "mse": error.mean(), "mse_by_level": by_level}

    # ---- drawing

    @property
    def default_steps(self) -> int:
        """Steps of one sample, as the spec says."""
        return self.spec.sample_steps

    def samplers(self) -> tuple[str, ...]:
        """Ways from noise to data, the model's own first."""
        return tuple(sorted(WAYS, key=lambda name: name != self.spec.sampler))

    def trajectory(
        self, n: int, rng: torch.Generator, y: Tensor | None = None, route: Route = OWN
    ) -> Iterator[StepState]:
        """Yield every step of the walk from noise of sigma_max: steps + 1 states, with x0 = x + sigma^2 s beside x.

        A state's own time is t in 1..0. The view `score` is sigma s, which is minus the noise that is guessed; views
        are in the card's range, the number `score_norm` is the root mean square of s per unit of the data. Pictures
        are clipped to their range at the end. Raises SpecError for an unknown sampler, steps out of range, or guidance
        where no classes were learned.
        """
        name = route.sampler or self.spec.sampler
        way = next((Way(w, self.spec.step, self.spec.corrections, self.spec.clean) for w in WAYS if w == name), None)
        if way is None:
            raise SpecError("sampler", f"sampler is {name!r}; expected one of: {', '.join(WAYS)}")
        steps = route.steps or self.default_steps
        if not 1 <= steps <= LONGEST:
            raise SpecError("steps", f"steps is {steps}; the range is 1 to {LONGEST}")
        check_guidance(self.title, route.guidance, route.mix, self.classes)
        self.check_labels(y)
        asked = y if route.mix is None else route.mix
        lean = self.spec.guidance if route.guidance is None else route.guidance
        times = [1.0 - k / steps for k in range(steps)]
        if route.start is None:
            x = self.spec.sigma_max * noise_like(self.shares, rng, (n, *self.card.shape))
        else:
            x = self.inside(route.start)
            times = [route.at, *(t for t in times if t < route.at - 1e-9)] if route.at > 0.0 else []
        added: list[Tensor | None] = [None]

        def score(at: Tensor, sigma: float) -> Tensor:
            with torch.no_grad():
                level = torch.full((1,), sigma, dtype=at.dtype, device=at.device)
                found, added[0] = guided(self.asked, at, level, asked, lean, self.classes)
            return found

        each, total = evaluations(asked, lean, self.classes), len(times)
        for stand in way.walk(self.noise_levels, score, x, times, rng):
            done = stand.number == total
            progress = route.begin + (1.0 - route.begin) * (stand.number / total if total else 1.0)
            t = 0.0 if done else times[stand.number]
            state = self._state(stand, added[0], t, progress, each * way.evaluations(stand.number, total))
            clipped = done and self.card.kind == "images"
            yield replace(state, x=state.x.clamp(*self.card.range)) if clipped else state

    def _state(self, stand: Stand, added: Tensor | None, t: float, progress: float, cost: int) -> StepState:
        sigma, x = stand.sigma, self.outside(stand.x)
        views = {
            "x0": self.outside(stand.x + sigma**2 * stand.score),
            "score": self.outside(sigma * stand.score),
        }
        numbers = {
            "t": t,
            "sigma": sigma,
            "snr": sigma**-2,
            "score_norm": float(stand.score.square().mean().sqrt()) / self.spread,
        }
        if added is not None:
            views["guidance"] = self.outside(sigma * added)
            numbers["guidance"] = float(added.square().mean().sqrt()) / self.spread
        return StepState(x, progress, f"σ = {sigma:.3g}", views, numbers, t, cost)

    def renoise(self, x: Tensor, progress: float, rng: torch.Generator) -> tuple[Tensor, float]:
        """x + sigma eps at t = 1 - progress; at the end the data themselves."""
        t = 1.0 - progress
        if t <= 0.0:
            return x, 0.0
        return x + self.noise_levels.sigma(t) * self.spread * noise_like(x, rng), t

    def sample(self, n: int, rng: torch.Generator, y: Tensor | None = None) -> Tensor:
        """The last x of a trajectory with the model's own sampler and steps: (n, *card.shape) in the card's range."""
        *_, end = self.trajectory(n, rng, y)
        return end.x

    def curves(self) -> Mapping[str, Any]:
        """Over t = 0..1: sigma, the level of the ladder that annealed Langevin stands on, and its step size."""
        return self.noise_levels.curves(self.spec.step)

    # ---- the plane

    def scaling(self, noise: float) -> tuple[float, float]:
        """1, and sigma at t = noise in the card's range: nothing is taken from the data, noise is only added."""
        return 1.0, self.noise_levels.sigma(noise) * self.spread

    def field(self, x: Tensor, noise: float, kind: str = "") -> Tensor:
        """The score of the data with the noise of t = noise, per unit of the data: (n, 2)."""
        return self.score(self.inside(x), self.noise_levels.sigma(noise)) / self.spread

    def log_prob(self, x: Tensor, rng: torch.Generator, y: Tensor | None = None, samples: int = 0) -> Tensor:
        """ln p of the data with noise sigma_min, by the ordinary equation: (n,); y (n,) asks for ln p(x|y).

        dx/d ln sigma = -sigma^2 s carries x to sigma_max, where p is taken to be N(0, (1 + sigma_max^2) I), as it is
        for data of unit variance but for what is left of its form. RK4 with 16 steps.
        """
        self.check_labels(y)
        levels = self.noise_levels

        def denoise(at: Tensor, level: Level) -> Guess:
            asked = self.asked(at, torch.full((1,), level.sigma, dtype=at.dtype, device=at.device), y)
            return Guess(at, level, eps=-level.sigma * asked)

        first, last = (Level(t, 1.0, levels.sigma(t)) for t in (0.0, 1.0))
        wide = math.hypot(1.0, levels.largest)
        found = flow_log_prob(denoise, lambda u: Level(0.0, 1.0, math.exp(u)), first, last, wide, self.inside(x))
        return found - self.card.size * math.log(self.spread)

    def offers(self) -> frozenset[str]:
        """A field on the plane only, and a density if there is a way from much noise to little; classes if learned."""
        found = super().offers()
        if self.card.kind != "points":
            found -= {Density.word, Field.word}
        elif self.spec.sigma_min == self.spec.sigma_max:
            found -= {Density.word}
        return found if self.classes else found - {Guided.word, Conditional.word}
