"""A network that tells data from noise, whatever the family: what it is made of, what it is told, how it is read.

A family says how its network is read at a `Level`, which levels there are and what they are called; the rest is here.
Inside, images live in -1..1 and points are divided by `scale`; every public method takes and gives the card's range.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Literal

import torch
from torch import Tensor

from gm_core.maths.schedules import Level
from gm_core.model import ModelSpec
from gm_core.parts.guidance import check_guidance, evaluations, guided
from gm_core.parts.samplers import Denoiser, Guess
from gm_core.parts.timed import Timed, TimedSpec
from gm_core.protocol.cards import DataCard
from gm_core.spec import param


class DenoisingSpec(TimedSpec):
    """What can be chosen of every diffusion beside its network: how it draws, completes and scores."""

    clip_x0: Literal["auto", "always", "never"] = param(
        "auto", "Clip the guess of the data to the range of the data; auto clips images only.", live=True
    )
    variance: Literal["fixed_small", "fixed_large"] = param(
        "fixed_small", "Fresh noise of a ddpm step: the posterior's (small) or the forward step's (large).", live=True
    )
    eta: float = param(0.0, "Fresh noise of a ddim step: 0 none, 1 as much as ddpm.", lo=0.0, hi=1.0, live=True)
    resample: int = param(
        5, "How often each step of a completion is taken back and made again (RePaint).", lo=1, hi=100, live=True
    )
    likelihood: Literal["auto", "bound", "solver"] = param(
        "auto",
        "How log p(x) is computed: by the variational bound, or by solving the probability flow (auto: on the plane).",
        live=True,
    )


class Denoising(Timed):
    """Base of the diffusions: a network and its guesses at any level."""

    spec: DenoisingSpec
    origin: Tensor

    def __init__(self, spec: ModelSpec, card: DataCard) -> None:
        super().__init__(spec, card)
        self.register_buffer("origin", torch.zeros(()), persistent=False)  # says device and precision

    # ---- what a family says

    @abstractmethod
    def told_time(self, level: Level) -> float:
        """What the network is told of a level, in 0..1."""

    @abstractmethod
    def read(self, output: Tensor, x: Tensor, level: Level) -> Guess:
        """The network's answer at x_t as data and noise."""

    @abstractmethod
    def noise_share(self, level: Level) -> float:
        """The noise that is read from one unit of the network's answer."""

    def fed(self, x: Tensor, level: Level) -> Tensor:
        """What the network sees of x_t; x_t itself unless a family scales it."""
        return x

    @abstractmethod
    def levels(self, steps: int) -> tuple[Level, ...]:
        """The levels that so many steps visit, from the noisiest to the data: steps + 1; raises SpecError."""

    @abstractmethod
    def chain(self) -> tuple[Level, ...]:
        """All levels of the model itself, from the noisiest to the data, of which the bound is made."""

    @abstractmethod
    def level_of(self, at: float) -> Level:
        """The level that the model's own time `at` stands for; 0 is the data."""

    @abstractmethod
    def level_at(self, noise: float) -> Level:
        """The level of a share of noise from 0 (the cleanest that the network knows) to 1 (pure noise)."""

    @abstractmethod
    def between(self, log_ratio: float) -> Level:
        """The level where ln(sigma / signal) has this value."""

    def first_spread(self) -> float:
        """Standard deviation of the noise that drawing begins with; 1 unless a family says otherwise."""
        return 1.0

    # ---- what follows

    def limits(self) -> tuple[float, float] | None:
        """Where guesses of the data are clipped, in the model's own range; None where they are not."""
        clip = self.spec.clip_x0
        if clip == "never" or (clip == "auto" and self.card.kind != "images"):
            return None
        low, high = self.card.range
        return (low - self.centre) / self.spread, (high - self.centre) / self.spread

    def guess(
        self, x: Tensor, level: Level, y: Tensor | None = None, guidance: float = 1.0, told: Tensor | None = None
    ) -> Guess:
        """The best guesses of data and noise in x_t (n, ...), for labels (n,), weights (n, classes + 1) or no class.

        `told` (1,) is the time that the network is told, where somebody has computed it before.
        Where the guess of the data is clipped, the noise is what is left: x_t = signal x0 + sigma eps stays true.
        """
        if told is None:  # one time for all: what the network makes of it is computed once, not once an example
            told = torch.full((1,), self.told_time(level), device=x.device, dtype=x.dtype)
        output, added = guided(self.network, self.fed(x, level), told, y, guidance, self.classes)
        found = self.read(output, x, level)
        limits = self.limits()
        if limits is not None:
            found = Guess(x, level, x0=found.x0.clamp(*limits))
        if added is not None:
            found.added = self.noise_share(level) * added
        return found

    def denoiser(self, y: Tensor | None = None, guidance: float = 1.0, *, gradients: bool = False) -> Denoiser:
        """The guesses as samplers ask for them; or, letting `gradients` through, as solvers of densities do."""

        def denoise(x: Tensor, level: Level) -> Guess:
            with torch.set_grad_enabled(gradients and torch.is_grad_enabled()):
                return self.guess(x, level, y, guidance)

        return denoise

    def some_class(self, n: int, rng: torch.Generator, y: Tensor | None, mix: Tensor | None = None) -> Tensor | None:
        """What the network is told when it draws: the mix, or the labels, or none; drawn labels where it needs some.

        A network that never saw the empty class draws from p(x) by drawing a class first. Raises SpecError for a label
        given to a model that learned none.
        """
        self.check_labels(y)
        if mix is not None:
            return mix
        return self.some_labels(n, rng, y) if y is None and not self.learned_empty else y

    def leaning(self, guidance: float | None, mix: Tensor | None = None) -> float:
        """The guidance that was asked for, or the spec's; raises SpecError where the model cannot be guided."""
        check_guidance(self.title, guidance, mix, self.classes, empty=self.spec.drop > 0.0)
        return self.spec.guidance if guidance is None else guidance

    def evaluations(self, y: Tensor | None, guidance: float) -> int:
        """Network evaluations of one guess."""
        return evaluations(y, guidance, self.classes)

    def offers(self) -> frozenset[str]:
        """The words of the class line; no field off the plane, no classes without labels, no guidance without p(x)."""
        found = super().offers()
        if self.card.kind != "points":
            found -= {"field"}
        if not self.classes:
            found -= {"conditional", "guided"}
        elif not self.spec.drop:
            found -= {"guided"}
        return found
