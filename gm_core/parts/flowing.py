"""Flowing: all that can be done with a velocity that carries noise at t = 0 to data at t = 1.

    draw     follow dx/dt = v(x, t) from noise to data, by any solver of `maths.solvers`
    encode   follow it back: the noise that an example comes from
    density  ln p(x) = ln N(x(0); 0, I) - integral over t of div v(x(t), t)      Chen et al. 2018, arXiv:1806.07366
    guess    where lines are straight, x_t = (1 - t) eps + t x:  x_0-hat = x_t + (1 - t) v,  eps-hat = x_t - t v
    score    of p_t: -eps-hat / (1 - t), where eps is independent of x           Lipman et al. 2024, arXiv:2412.06264

A model brings `velocity` and its ranges; what flows is in units where noise is N(0, I).
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from gm_core.capabilities.density import Density
from gm_core.capabilities.encodes import Encodes
from gm_core.capabilities.field import Field
from gm_core.capabilities.latent import Latent
from gm_core.capabilities.reconstruct import Reconstructs
from gm_core.capabilities.stepwise import OWN, Conditional, Guided, Route, StepState
from gm_core.maths import gaussian, solvers
from gm_core.parts.guidance import check_guidance, evaluations
from gm_core.parts.labels import Labelled
from gm_core.parts.ranges import Ranged
from gm_core.spec import SpecError

MOST_STEPS = 1000
MOST_CODES = 256
"""Pictures of more numbers than this are not offered as codes: nobody could set so many, and each look takes long."""
MOST_EXACT = 16
"""Examples of more numbers than this have no exact divergence that could be waited for."""
LEAST_NOISE = 0.01
"""The score is shown at no less noise than this: at none it would be divided by zero."""


@dataclass(frozen=True)
class Way:
    """How a flow is followed: solver, steps, the adaptive solver's tolerance and guidance.

    `density_steps` and `code_steps` are steps of RK4 for densities and for codes: fixed, so that no example depends on
    the others of its batch.
    """

    sampler: solvers.Method
    steps: int
    tolerance: float
    guidance: float
    density_steps: int
    code_steps: int


class Flowing(Labelled, Ranged):
    """Base of models whose examples flow out of noise by `velocity`; `way` says how to follow it."""

    latent_size: int
    straight: bool
    """Whether data and noise are independent, so that the score follows from the velocity."""

    @abstractmethod
    def velocity(self, x: Tensor, t: float, y: Tensor | None, guidance: float) -> tuple[Tensor, Tensor | None]:
        """dx/dt of points x (n, ...) at time t, and what guidance added to it (None: nothing).

        y are labels (n,) or weights (n, classes + 1); None is the model of p(x).
        """

    @property
    @abstractmethod
    def learned_empty(self) -> bool:
        """Whether the model knows p(x), beside p(x|y) perhaps."""

    @property
    @abstractmethod
    def way(self) -> Way:
        """How the flow is followed where nobody says otherwise."""

    # ---- ranges

    def as_data(self, x: Tensor) -> Tensor:
        """Data in the card's range; pictures are clipped to it."""
        return self.outside(x).clamp(*self.card.range) if self.card.kind == "images" else self.outside(x)

    # ---- drawing

    @property
    def default_steps(self) -> int:
        """Steps of the model's own way."""
        return self.way.steps

    def samplers(self) -> tuple[str, ...]:
        """The solvers, the model's own first."""
        return tuple(sorted(solvers.METHODS, key=lambda name: name != self.way.sampler))

    def curves(self) -> Mapping[str, Any]:
        """How much of the data and of the noise there is at t: signal t and sigma 1 - t."""
        t = torch.linspace(0.0, 1.0, 101, dtype=torch.float64)
        return {"t": t.numpy(), "signal": t.numpy(), "sigma": (1.0 - t).numpy()}

    def trajectory(
        self, n: int, rng: torch.Generator, y: Tensor | None = None, route: Route = OWN
    ) -> Iterator[StepState]:
        """Yield x_t beside the guesses of data and noise and the velocity, from t = 0 to 1 or from the route's start.

        `steps` steps give steps + 1 states; the adaptive solver takes its own and is read off at as many times, with
        the number `step` saying how far it went at once. Views are in the card's range. Raises SpecError for an unknown
        solver, a number of steps out of range, or guidance without classes.
        """
        begun = None
        for place, added, each in self._stations(n, rng, y, route):
            begun = place.t if begun is None else begun
            share = (place.t - begun) / (1.0 - begun) if begun < 1.0 else 1.0
            progress = route.begin + (1.0 - route.begin) * share if share < 1.0 else 1.0
            yield self._state(place, added, progress, place.evaluations * each)

    def _stations(
        self, n: int, rng: torch.Generator, y: Tensor | None, route: Route
    ) -> Iterator[tuple[solvers.Station, Tensor | None, int]]:
        """Where the flow passes, what guidance adds there, and how often the network is asked for one velocity."""
        check_guidance(self.title, route.guidance, route.mix, self.classes, empty=self.learned_empty)
        steps = route.steps or self.default_steps
        if not 1 <= steps <= MOST_STEPS:
            raise SpecError("steps", f"steps is {steps}; the range is 1 to {MOST_STEPS}")
        method = route.sampler or self.way.sampler
        if method not in solvers.METHODS:
            raise SpecError("sampler", f"sampler is {method!r}; expected one of: {', '.join(solvers.METHODS)}")
        wish = route.mix if route.mix is not None else self._meant(n, rng, y)
        guidance = route.guidance
        if guidance is None:
            guidance = self.way.guidance if self.learned_empty else 1.0
        times = solvers.evenly(0.0, 1.0, steps)
        if route.start is None:
            x = gaussian.noise_like(next(self.parameters()), rng, (n, *self.card.shape))
        else:
            x, begun = self.inside(route.start), min(max(route.at, 0.0), 1.0)
            times = (begun, *(t for t in times if t > begun + 1e-9))
        added: Tensor | None = None

        @torch.no_grad()
        def field(x: Tensor, t: float) -> Tensor:
            nonlocal added
            found, added = self.velocity(x, t, wish, guidance)
            return found

        each = evaluations(wish, guidance, self.classes)
        tolerance = self.way.tolerance
        for place in solvers.stations(field, x, times, method, tolerance, tolerance):
            # Between its steps the adaptive solver looks without asking, and cannot say what guidance adds there.
            yield place, None if method == "adaptive" else added, each

    def _meant(self, n: int, rng: torch.Generator, y: Tensor | None) -> Tensor | None:
        """The labels asked for; for a model that knows no p(x) but p(x|y), labels drawn from p(y) where none are."""
        self.check_labels(y)
        return y if self.learned_empty else self.some_labels(n, rng, y)

    def _state(self, place: solvers.Station, added: Tensor | None, progress: float, cost: int) -> StepState:
        """What can be seen where the flow passes."""
        t, slope, sigma = place.t, place.slope, 1.0 - place.t
        shown = self.outside(place.x) if sigma > 0.0 else self.as_data(place.x)
        noise = place.x - t * slope
        views = {
            "x0": self.outside(place.x + sigma * slope) if sigma > 0.0 else shown,
            "noise": self.outside(noise),
            "velocity": self.outside(slope),
        }
        numbers = {"t": t, "sigma": sigma, "snr": (t / sigma) ** 2 if sigma > 0.0 else math.inf}
        if self.straight and sigma > 0.0:
            numbers["score_norm"] = float(noise.square().mean().sqrt()) / (sigma * self.spread)
        if place.step:
            numbers["step"] = abs(place.step)
        if added is not None:
            views["guidance"] = self.outside(added)
            numbers["guidance"] = float(added.square().mean().sqrt()) * self.spread
        return StepState(x=shown, progress=progress, time=f"t = {t:.3g}", views=views, numbers=numbers, at=t, cost=cost)

    def sample(self, n: int, rng: torch.Generator, y: Tensor | None = None) -> Tensor:
        """Where the flow carries fresh noise: (n, *card.shape) in the card's range."""
        *_, (last, _, _) = self._stations(n, rng, y, OWN)
        return self.as_data(last.x)

    def renoise(self, x: Tensor, progress: float, rng: torch.Generator) -> tuple[Tensor, float]:
        """x_t = (1 - t) eps + t x at t = progress."""
        eps = gaussian.noise_like(x, rng)
        return self.outside((1.0 - progress) * eps + progress * self.inside(x)), progress

    # ---- codes

    def prior(self, n: int, rng: torch.Generator) -> Tensor:
        """Codes are noise: (n, latent_size) from N(0, I)."""
        return gaussian.noise_like(next(self.parameters()), rng, (n, self.latent_size))

    def decode(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """Where the flow carries codes z (n, latent_size), of p(x) or p(x|y): (n, *card.shape)."""
        self.check_labels(y)
        return self.as_data(self._carried(z.reshape(len(z), *self.card.shape), 0.0, 1.0, y))

    def encode(self, x: Tensor, y: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The code that the flow takes x back to, surely: (n, latent_size), with a standard deviation of 0.

        A model that learned no classes ignores y.
        """
        z = self._carried(self.inside(x), 1.0, 0.0, y if self.classes else None).flatten(1)
        return z, torch.zeros_like(z)

    def reconstruct(self, x: Tensor, rng: torch.Generator, y: Tensor | None = None) -> Tensor:
        """Back to noise and forth again: x but for the errors of the solver."""
        return self.decode(self.encode(x, y)[0], y if self.classes else None)

    def _carried(self, x: Tensor, t0: float, t1: float, y: Tensor | None) -> Tensor:
        times = solvers.evenly(t0, t1, self.way.code_steps)
        *_, last = solvers.solve(lambda x, t: self.velocity(x, t, y, 1.0)[0], x, times, "rk4")
        return last.x

    # ---- density and fields

    def log_prob(self, x: Tensor, rng: torch.Generator, y: Tensor | None = None, samples: int = 0) -> Tensor:
        """ln p(x) or ln p(x|y) with the exact divergence and the errors of a solver, (n,), in nats.

        Where only p(x|y) is known, p(x) is its sum over classes.
        """
        self.check_labels(y)
        if y is None and not self.learned_empty:
            each = [self.log_prob(x, rng, label) for label in self.each_label(x)]
            return torch.logsumexp(torch.stack(each, -1) + self.class_log_prior().to(x), -1)
        nats = solvers.log_prob_by_ode(
            lambda x, t: self.velocity(x, t, y, 1.0)[0],
            self.inside(x),
            1.0,
            0.0,
            lambda z: gaussian.log_prob_standard(z).flatten(1).sum(1),
            steps=self.way.density_steps,
        )
        return nats - self.card.size * math.log(self.spread)

    def field_kinds(self) -> tuple[str, ...]:
        """The velocity; and the score where noise is independent of data, which is what ties the two together."""
        return ("velocity", "score") if self.straight else ("velocity",)

    def scaling(self, noise: float) -> tuple[float, float]:
        """t and 1 - t at t = 1 - noise, the latter in the card's range."""
        t = self._time_of(noise)
        return t, (1.0 - t) * self.spread

    def field(self, x: Tensor, noise: float, kind: str = "") -> Tensor:
        """dx/dt, or the score -eps-hat / (1 - t), at t = 1 - noise, per unit of the data: (n, 2)."""
        t, inner = self._time_of(noise), self.inside(x)
        velocity, _ = self.velocity(inner, t, None, 1.0)
        if kind == "score":
            return (t * velocity - inner) / ((1.0 - t) * self.spread)
        return velocity * self.spread

    def _time_of(self, noise: float) -> float:
        return 1.0 - min(max(noise, LEAST_NOISE), 1.0)

    def offers(self) -> frozenset[str]:
        """No fields off the plane; codes of few numbers; a density of few continuous numbers; guidance with classes.

        Where only p(x|y) is known, nothing that asks for p(x) alone.
        """
        pictures, lacking = self.card.kind == "images", set()
        if self.card.kind != "points" or not self.learned_empty:
            lacking.add(Field.word)
        if (pictures and self.card.size > MOST_CODES) or not self.learned_empty:
            lacking |= {Latent.word, Encodes.word, Reconstructs.word}
        if pictures or self.card.size > MOST_EXACT:
            lacking.add(Density.word)
        if not self.classes:
            lacking.add(Conditional.word)
        if not self.classes or not self.learned_empty:
            lacking.add(Guided.word)
        return super().offers() - lacking
