"""Critic: a second network of the model tells its samples from data, and says which way each sample should move."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from gm_core.capabilities.base import Capability, Scene, answers, labels, to_picture
from gm_core.protocol.commands import Query
from gm_core.protocol.events import Array, Frame
from gm_core.spec import SpecError

if TYPE_CHECKING:
    from torch import Tensor

OpinionUnit = Literal["probability", "value"]
KERNELS = 800
"""Samples from which the density of the generator is estimated."""
PORTION = 4096
LARGEST = 256
NOWHERE = 12.0
"""Where both densities are so many nats below the highest, nobody ever is, and the best answer is left at even odds."""
EDGE = 0.005
"""The lattice of codes leaves out so much of the prior's mass at either end of each axis."""


class Critic(Capability):
    """Has a discriminator. Laws: `judge` judges each example for itself; a `probability` lies in 0..1; `wishes` is the
    gradient of `complaints`, and finite."""

    word = "critic"
    opinion_unit: OpinionUnit = "probability"
    """What `opinion` says: the probability that an example is real, or a number on a scale of its own."""

    @abstractmethod
    def judge(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        """The discriminator's raw number (logit) for examples (n, *card.shape), for a class or for all: (n,)."""

    @abstractmethod
    def opinion(self, judged: Tensor) -> Tensor:
        """Raw numbers as they should be shown, in `opinion_unit`: same shape."""

    @abstractmethod
    def complaints(self, judged: Tensor) -> Tensor:
        """What examples with these raw numbers would cost the generator, had it made them: same shape."""

    @abstractmethod
    def game_value(self, real: Tensor, fake: Tensor) -> Tensor:
        """What the discriminator raises, given its raw numbers for real (n,) and generated (m,) examples."""

    @abstractmethod
    def best(self, log_p: Tensor, log_q: Tensor) -> Tensor | None:
        """The raw numbers of the best discriminator where data and generator have these log densities (n,).

        None where the objective alone does not say.
        """

    def wishes(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        """The way in which each example should move to cost the generator less, -dL_G/dx: same shape as x."""
        import torch

        with torch.enable_grad():
            at = x.detach().requires_grad_(True)
            (gradient,) = torch.autograd.grad(self.complaints(self.judge(at, y)).sum(), at)
        return -gradient


@dataclass(frozen=True, slots=True)
class CriticQuery(Query):
    """What the discriminator says of `n` real and `n` generated examples.

    On the plane also on a grid of `size` x `size` points over the box (x0, x1, y0, y1), with the best answer beside it
    where the density of the data is known, and what becomes of a lattice of `lattice` x `lattice` codes.
    """

    n: int = 200
    box: tuple[float, float, float, float] = (-3.0, 3.0, -3.0, 3.0)
    size: int = 64
    lattice: int = 25
    y: int | None = None


@dataclass(frozen=True, slots=True)
class Verdicts(Frame):
    """Real and generated examples, uint8 (n, h, w, c) or float32 (n, d), with what the discriminator says of each (n,).

    `wishes` float32 (n, d) is -dL_G/dx at each generated example: which way it should move; None for pictures.
    On the plane, else None: `surface` float32 (size, size), row 0 at the smallest y; `best` the same of the best
    discriminator, where the density p of the data is known: p/(p + q) and its like, with q estimated by kernels, so
    that it is an estimate, and at even odds where neither has any mass. `value` is what the discriminator reaches on
    these examples, `best_value` what the best one would (None where not known). With codes of two numbers: `codes`
    (g, g, 2) with `grid` (g, g, 2), where the generator puts them, and `log_density` (g-1, g-1), the log of the mass
    of each cell over its area.
    """

    unit: OpinionUnit
    box: tuple[float, float, float, float]
    real: Array
    fake: Array
    real_says: Array
    fake_says: Array
    value: float
    best_value: float | None = None
    wishes: Array | None = None
    surface: Array | None = None
    best: Array | None = None
    codes: Array | None = None
    grid: Array | None = None
    log_density: Array | None = None


@answers(Critic.word, CriticQuery)
def verdicts(query: CriticQuery, scene: Scene) -> Iterator[Verdicts | None]:
    """Ask the discriminator in portions. Raises SpecError for a grid that is too small or too large."""
    import torch

    model, card = scene.model, scene.model.card
    if not (2 <= query.size <= LARGEST and 2 <= query.lattice <= LARGEST and query.n >= 1):
        raise SpecError(
            "size", f"size is {query.size} and lattice {query.lattice}; expected 2 to {LARGEST} for both, and n from 1"
        )
    count = scene.data.count("validation")
    chosen = torch.randperm(count, generator=scene.rng, device=scene.rng.device)[: query.n]
    real, _ = scene.data.examples("validation", chosen, scene.rng)
    y = labels(query.y, query.n, scene)
    fake = model.sample(query.n, scene.rng, y)
    among = None if y is None else y[:1].expand(len(real))
    judged = model.judge(real, among), model.judge(fake, y)
    real_says, fake_says = (model.opinion(part).float().cpu().numpy() for part in judged)
    value = float(model.game_value(*judged))
    yield None
    wishes = surface = best = best_value = codes = grid = log_density = None
    if card.kind != "images":
        wishes = model.wishes(fake, y)
        yield None
    if card.kind == "points":
        plane = _grid(query, scene)
        surface = model.opinion(torch.cat([model.judge(part, _told(query, part)) for part in plane.split(PORTION)]))
        yield None
        if card.exact and query.y is None:
            best, best_value = yield from _best(model, scene, plane, real, fake)
            yield None
        if model.latent_size == 2:
            codes, grid, log_density = _deformed(query, scene)

    def drawn(x: Tensor | None, *shape: int) -> Array | None:
        return None if x is None else x.detach().reshape(shape or x.shape).float().cpu().numpy()

    yield Verdicts(
        model.opinion_unit,
        query.box,
        to_picture(real, card),
        to_picture(fake, card),
        real_says,
        fake_says,
        value,
        best_value,
        drawn(wishes),
        drawn(surface, query.size, query.size),
        drawn(best, query.size, query.size),
        drawn(codes),
        drawn(grid),
        drawn(log_density),
    )


def _told(query: CriticQuery, x: Tensor) -> Tensor | None:
    """The label of the query for each of x, or None."""
    import torch

    return None if query.y is None else torch.full((len(x),), query.y, device=x.device)


def _grid(query: CriticQuery, scene: Scene) -> Tensor:
    """The points of the plane, (size^2, 2), rows from the smallest y."""
    import torch

    x0, x1, y0, y1 = query.box
    across = torch.linspace(x0, x1, query.size, device=scene.device)
    up = torch.linspace(y0, y1, query.size, device=scene.device)
    return torch.stack(torch.meshgrid(across, up, indexing="xy"), -1).reshape(-1, 2)


def _best(
    model: Any, scene: Scene, plane: Tensor, real: Tensor, fake: Tensor
) -> Generator[None, None, tuple[Tensor | None, float | None]]:
    """What the best discriminator would say on the plane, and the value that it would reach on these examples.

    p is exact; q is estimated from other samples than those that are judged, which would speak for themselves. None
    where the objective knows no best, or where the samples are all the same point.
    """
    import torch

    from gm_core.maths.kernel_density import likely_bandwidth_steps, log_kde

    if model.best(torch.zeros(1), torch.zeros(1)) is None:
        return None, None
    drawn = model.sample(KERNELS, scene.rng)
    try:
        width = yield from likely_bandwidth_steps(drawn)
    except SpecError:
        return None, None

    def both(x: Tensor) -> tuple[Tensor, Tensor]:
        log_p: Tensor = scene.data.exact.log_prob(x.double().cpu())  # type: ignore[attr-defined]  # promised by the card
        return log_p, log_kde(drawn, x, width).to(log_p)

    log_p, log_q = both(plane)
    yield None
    highest = torch.maximum(log_p, log_q)
    seen = highest > highest.max() - NOWHERE
    nothing = torch.zeros_like(log_p)
    surface = model.best(torch.where(seen, log_p, nothing), torch.where(seen, log_q, nothing))
    return model.opinion(surface), float(model.game_value(model.best(*both(real)), model.best(*both(fake))))


def _deformed(query: CriticQuery, scene: Scene) -> tuple[Tensor, Tensor, Tensor]:
    """A lattice of codes that cuts the prior N(0, I) into cells of equal mass, where it lands, and how dense it is.

    Returns codes (g, g, 2), grid (g, g, 2) and log (mass / area) of each cell, (g-1, g-1), in nats.
    """
    import torch

    g = query.lattice
    share = torch.linspace(EDGE, 1.0 - EDGE, g, device=scene.device)
    ticks = torch.special.ndtri(share)
    codes = torch.stack(torch.meshgrid(ticks, ticks, indexing="xy"), -1)
    grid = scene.model.decode(codes.reshape(-1, 2), _told(query, codes.reshape(-1, 2))).reshape(g, g, 2)
    across, up = grid[1:, 1:] - grid[:-1, :-1], grid[1:, :-1] - grid[:-1, 1:]
    area = 0.5 * (across[..., 0] * up[..., 1] - across[..., 1] * up[..., 0]).abs()
    mass = ((1.0 - 2.0 * EDGE) / (g - 1)) ** 2
    return codes, grid, math.log(mass) - area.clamp(min=1e-12).log()
