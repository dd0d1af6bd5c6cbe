"""What every diffusion does once its network can tell data from noise: draw, step, complete, and show its field."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from gm_core.capabilities.complete import Completes, Completing
from gm_core.capabilities.field import Field
from gm_core.capabilities.samples import Samples
from gm_core.capabilities.stepwise import OWN, Guided, Renoises, Route, StepState, Stepwise
from gm_core.maths.gaussian import noise_like
from gm_core.maths.schedules import CLEAN, Level
from gm_core.parts.denoising import DenoisingSpec
from gm_core.parts.diffusion_likelihood import Scored
from gm_core.parts.portions import check_known
from gm_core.parts.repaint import repaint
from gm_core.parts.samplers import SAMPLERS, Guess, Multistep, Place, Sampler, SamplerName, sampler_of, walk
from gm_core.spec import param

COMPLETION_STEPS = 50
"""Steps of a completion at most, each made as often as the spec says."""


class DiffusionSpec(DenoisingSpec):
    """What can be chosen of every diffusion, with the sampler and its steps."""

    sampler: SamplerName = param(
        "ddim", "How noise becomes data: ddpm adds fresh noise in each step; heun asks the network twice.", live=True
    )
    sample_steps: int = param(
        50, "Steps of one sample; 0, or more than T, takes all T.", lo=0, hi=4000, unit="steps", live=True
    )


class Diffusion(Scored, Samples, Stepwise, Renoises, Guided, Field, Completes):
    """Base of the diffusions; a family adds its loss, its levels and how its network is read."""

    spec: DiffusionSpec

    # ---- drawing

    def samplers(self) -> tuple[str, ...]:
        """All that there are, the model's own first."""
        return tuple(sorted(SAMPLERS, key=lambda name: name != self.spec.sampler))

    @torch.no_grad()
    def trajectory(
        self, n: int, rng: torch.Generator, y: Tensor | None = None, route: Route = OWN
    ) -> Iterator[StepState]:
        """Yield x_t beside the guesses x0 and noise that the network makes from it, down to the data.

        `steps` steps give steps + 1 states; at the data x0 is x and the noise is none. Views are in the card's range.
        Raises SpecError for a sampler, a number of steps or a guidance that the model does not have.
        """
        way = _Way(self, n, rng, y, route)
        steps = len(way.levels) - 1
        for place in way.walk(rng):
            done = place.number / steps if steps else 1.0
            yield self._state(place, way, route.begin + (1.0 - route.begin) * done)

    @torch.no_grad()
    def sample(self, n: int, rng: torch.Generator, y: Tensor | None = None) -> Tensor:
        """The last x of a trajectory with the model's own sampler and steps: (n, *card.shape) in the card's range."""
        way = _Way(self, n, rng, y, OWN)
        for place in way.walk(rng):
            x = place.x
        return self.outside(x)

    def _state(self, place: Place, way: _Way, progress: float) -> StepState:
        level = place.level
        clean = level.sigma == 0.0
        guess = place.guess
        views = {"x0": self.outside(guess.x0), "noise": self.outside(guess.eps)}
        numbers = self.numbers_of(level)
        if not clean:
            numbers["score_norm"] = _size(guess.eps) / (level.sigma * self.spread)
        if way.leans:
            added = torch.zeros_like(place.x) if guess.added is None else guess.added
            views["guidance"] = self.outside(added)
            numbers["guidance"] = _size(added)
        memory = None
        if place.before is not None and isinstance(way.rule, Multistep):
            memory = (place.before[0].t, self.outside(place.before[1].x0))
        return StepState(
            x=self.outside(place.x),
            progress=progress,
            time=self.time_words(level),
            views=views,
            numbers=numbers,
            at=level.t,
            cost=place.cost * self.evaluations(way.y, way.guidance),
            memory=memory,
        )

    def time_words(self, level: Level) -> str:
        """The model's own label of a level."""
        return f"t = {level.t:g}"

    def numbers_of(self, level: Level) -> dict[str, float]:
        """What a level is, in numbers."""
        snr = level.ratio**-2 if level.sigma else math.inf
        return {"t": level.t, "alpha_bar": level.signal**2, "sigma": level.sigma, "snr": snr}

    def renoise(self, x: Tensor, progress: float, rng: torch.Generator) -> tuple[Tensor, float]:
        """Data as they stand at the level of noise 1 - progress: x_t = signal x_0 + sigma eps."""
        level = self.level_at(1.0 - progress) if progress < 1.0 else CLEAN
        inside = self.inside(x)
        return self.outside(level.signal * inside + level.sigma * noise_like(inside, rng)), level.t

    # ---- completing

    def exactly(self, known: Tensor) -> bool:
        """Never: replacement comes near p(missing | known) and is not it."""
        return False

    def how(self) -> str:
        """That it is RePaint."""
        rounds = self.spec.resample
        return (
            f"the known part is noised and put in place at every step, and each step is made {rounds} times "
            "(RePaint); the model gives no probability of a completion"
        )

    def complete(
        self,
        x: Tensor,
        known: Tensor,
        n: int,
        rng: torch.Generator,
        y: Tensor | None = None,
        temperature: float = 0.0,
        particles: int = 16,
    ) -> Iterator[Completing]:
        """Replacement with resampling, see `repaint`; the guess of the whole on the way, the completion at the end.

        Temperature and particles play no part. There is no log-probability.
        """
        check_known(known)
        y = None if y is None else y.expand(n)
        classes = self.some_class(n, rng, y)
        denoise = self.denoiser(classes, self.leaning(None))
        levels = self.levels(min(self.default_steps, COMPLETION_STEPS))
        mask = known.reshape(self.card.shape).to(x.device)
        noise = self.first_spread() * _noise(self, n, rng)
        for progress, found in repaint(levels, denoise, self.inside(x), mask, noise, rng, self.spec.resample):
            yield Completing(torch.where(mask, x, self.outside(found)), progress)

    # ---- the plane

    def scaling(self, noise: float) -> tuple[float, float]:
        """Signal and sigma of the level, the latter in the card's range."""
        level = self.level_at(noise)
        return level.signal, level.sigma * self.spread

    def field(self, x: Tensor, noise: float, kind: str = "") -> Tensor:
        """The score of the noised data, -eps(x_t, t) / sigma, per unit of the data: (n, 2). Song & Ermon 2019."""
        level = self.level_at(noise)
        with torch.no_grad():
            eps = self.guess(self.inside(x), level).eps
        return -eps / (level.sigma * self.spread)


class _Way:
    """A trajectory that is settled: its rule, levels, classes and guidance, and where it begins."""

    def __init__(self, model: Diffusion, n: int, rng: torch.Generator, y: Tensor | None, route: Route) -> None:
        self.model = model
        self.guidance = model.leaning(route.guidance, route.mix)
        self.rule: Sampler = sampler_of(route.sampler or model.spec.sampler, model.spec.variance, model.spec.eta)
        self.levels = model.levels(route.steps or model.default_steps)
        self.before = None
        if route.start is None:
            self.x = model.first_spread() * _noise(model, n, rng)
        else:
            self.x = model.inside(route.start.to(model.origin.dtype))
            begun = model.level_of(route.at)
            rest = (level for level in self.levels if level.t < begun.t)
            self.levels = (begun, *rest) if begun.sigma else (CLEAN,)
            if route.memory is not None:
                last, data = model.level_of(route.memory[0]), model.inside(route.memory[1])
                self.before = (last, Guess(data, last, x0=data))
        noisy = [level for level in self.levels if level.sigma]
        told = torch.tensor([model.told_time(level) for level in noisy], dtype=self.x.dtype, device=self.x.device)
        self.told = dict(zip((level.t for level in noisy), told.split(1) if noisy else (), strict=True))
        self.y = model.some_class(n, rng, y, route.mix)
        self.leans = self.y is not None and bool(model.classes) and self.guidance != 1.0

    def walk(self, rng: torch.Generator) -> Iterator[Place]:
        """The places of the way."""
        return walk(self.rule, self.levels, self._denoise, self.x, rng, self.before)

    def _denoise(self, x: Tensor, level: Level) -> Guess:
        return self.model.guess(x, level, self.y, self.guidance, self.told.get(level.t))


def _noise(model: Diffusion, n: int, rng: torch.Generator) -> Tensor:
    return noise_like(model.origin, rng, (n, *model.card.shape))


def _size(x: Tensor) -> float:
    """Root mean square of all numbers."""
    return float(x.square().mean().sqrt())
