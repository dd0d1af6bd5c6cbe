"""A model beside the truth on the plane: what it learned, what is exact, and how far apart they are in nats."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from gm_core.capabilities.base import Scene, answers
from gm_core.capabilities.density import Density
from gm_core.capabilities.field import Field
from gm_core.capabilities.partition import Partition
from gm_core.capabilities.samples import SampleQuery, Samples, Sheet, draw
from gm_core.capabilities.truth import Box, scaling_at, sized, with_noise
from gm_core.protocol.commands import Query
from gm_core.protocol.events import Array, Frame
from gm_core.spec import SpecError

if TYPE_CHECKING:
    from torch import Tensor

    from gm_core.data.base import Exact
    from gm_core.maths.on_grid import Gap

Kind = Literal["exact", "bound", "solver", "unnormalised", "estimate"]
FOLDS = 10
"""Parts of the samples, each left out once, from which the error of an estimate is read."""
PORTION, SLOW_PORTION = 2048, 128
"""Points scored between two safe points; the fewer where each costs a solver many evaluations of a network."""


@dataclass(frozen=True, slots=True)
class CompareQuery(Query):
    """What the model learned and what is exact, on a grid of `size` x `size` cells over the box (x0, x1, y0, y1).

    `noise` from 0 to 1 compares what both have become at that moment of the model's own diffusion. A model without a
    density is guessed from `n` of its samples, and any model where `kernel` says so (a solver takes long); a bound is
    taken with `draws` draws; `score` compares scores too.
    """

    box: Box = (-3.0, 3.0, -3.0, 3.0)
    size: int = 96
    noise: float = 0.0
    n: int = 2000
    draws: int = 16
    score: bool = False
    kernel: bool = False


@dataclass(frozen=True, slots=True)
class Compared(Frame):
    """Log densities in nats at the middles of cells, float32 (size, size), row 0 at the smallest y.

    `kind` says honestly what `learned` is: "estimate" is a kernel estimate of width `kernel` from `samples` samples;
    "unnormalised" was divided by Z, a sum over the grid whose logarithm is `log_z` (of a model that sums Z itself, its
    own, in its own range). Without a known truth `exact` is
    None and all numbers are nan. `kl` is KL(truth || model), `reverse` KL(model || truth), `js` the Jensen-Shannon
    divergence, in nats, by sums over the grid, with standard errors (0 where nothing is random). With a bound below
    the density, `kl` is at most what it says, and `js` and `reverse` are those of the bound made to sum to 1. `floor`
    is what as many draws from the truth itself would read as (kl, js) by the same kernels. `mass` (truth, model) is
    what lies on the grid, `outside` what of the truth lies off it; `coarse` warns that the cells are too wide for sums.
    `score_gap` is the root mean square difference of the scores, weighed by the truth, `score_size` that of the exact
    score (nan where not asked or not known). `scaling` (a, b) is the noise in both.
    """

    learned: Array
    exact: Array | None
    box: Box
    kind: Kind
    scaling: tuple[float, float]
    kl: float = math.nan
    reverse: float = math.nan
    js: float = math.nan
    errors: tuple[float, float, float] = (0.0, 0.0, 0.0)
    floor: tuple[float, float] = (math.nan, math.nan)
    mass: tuple[float, float] = (math.nan, math.nan)
    outside: float = math.nan
    coarse: bool = False
    samples: int = 0
    kernel: float = 0.0
    log_z: float = math.nan
    score_gap: float = math.nan
    score_size: float = math.nan


@dataclass(frozen=True)
class _Learned:
    """A log density at the middles of the cells, float64 (size^2,), and what it rests on.

    `others` (FOLDS, size^2) leave out a part of the samples each.
    """

    log_q: Tensor
    kind: Kind
    log_z: float = math.nan
    samples: int = 0
    kernel: float = 0.0
    others: Tensor | None = None


@answers("points", CompareQuery)
def compare(query: CompareQuery, scene: Scene) -> Iterator[Compared | None]:
    """The density of the model, by whatever way it has, beside the exact one."""
    sized(query.size)
    offers = scene.model.offers()
    scaling = scaling_at(query.noise, scene) if query.noise > 0 else (1.0, 0.0)
    if Density.word in offers and not (query.kernel and Samples.word in offers):
        learned = yield from _scored(query, scene, scaling)
    elif Samples.word in offers:
        learned = yield from _guessed(query, scene, scaling)
    else:
        raise SpecError("model", f"{scene.model.title} neither scores points nor draws them: nothing can be compared")
    yield None
    yield (yield from _beside(query, scene, learned, scaling))


def _scored(query: CompareQuery, scene: Scene, scaling: tuple[float, float]) -> Generator[None, None, _Learned]:
    """A density that the model computes; noise is added by a sum over the grid where it is wide enough for that.

    Narrower noise than a cell only scales the plane: it could not be seen.
    """
    import torch

    from gm_core.maths import on_grid

    (a, b), model = scaling, scene.model
    blur = b > 0 and on_grid.fits(query.box, query.size, a, b)
    stretch = 1.0 if blur else a
    points = (on_grid.middles(query.box, query.size) / stretch).float().to(scene.device)
    found = []
    for part in points.split(SLOW_PORTION if model.density_kind == "solver" else PORTION):
        found.append(model.log_prob(part, scene.rng, None, query.draws).detach().cpu().double())
        yield None
    log_q = torch.cat(found) - 2 * math.log(stretch)
    log_z = float(model.log_z()[0]) if Partition.word in model.offers() else math.nan
    if model.density_kind == "unnormalised":
        # Z is that of the energy on the clean plane: stretching both ways cancels.
        log_z = on_grid.log_mass(log_q, on_grid.cell(query.box, query.size))
        log_q = log_q - log_z
    if blur:
        log_q = on_grid.blurred(log_q.reshape(query.size, query.size), query.box, a, b).flatten()
    return _Learned(log_q, model.density_kind, log_z)


def _guessed(query: CompareQuery, scene: Scene, scaling: tuple[float, float]) -> Generator[None, None, _Learned]:
    """A kernel estimate from samples; noise widens the kernels, for theirs are Gaussian too."""
    import torch

    from gm_core.maths.kernel_density import likely_bandwidth_steps

    sheet: Sheet | None = None
    for frame in draw(SampleQuery(seed=query.seed, n=query.n), scene):
        sheet = frame if isinstance(frame, Sheet) else sheet
        yield None
    assert sheet is not None
    points = torch.from_numpy(sheet.items).double()
    likely = yield from likely_bandwidth_steps(points)
    x0, x1, y0, y1 = query.box
    kernel = max(likely, 0.6 * max(x1 - x0, y1 - y0) / query.size)  # what is narrower than a cell, no sum would see
    log_q, others = yield from _smeared(points, kernel, query, scaling)
    return _Learned(log_q, "estimate", samples=len(points), kernel=kernel, others=others)


def _smeared(
    points: Tensor, kernel: float, query: CompareQuery, scaling: tuple[float, float]
) -> Generator[None, None, tuple[Tensor, Tensor]]:
    """The kernel estimate on the grid, (size^2,), and those that leave a part of the points out, (FOLDS, size^2)."""
    import torch

    from gm_core.maths import on_grid
    from gm_core.maths.kernel_density import log_kde_parts

    (a, b), at = scaling, on_grid.middles(query.box, query.size)
    rows = []
    for k in range(FOLDS):
        row = []
        for part in log_kde_parts(a * points[k::FOLDS], at, math.hypot(a * kernel, b)):
            row.append(part)
            yield None
        rows.append(torch.cat(row))
    parts = torch.stack(rows)
    weights = torch.tensor([len(points[k::FOLDS]) for k in range(FOLDS)], dtype=torch.float64).log()[:, None]
    joint = parts + weights

    def mean(some: Tensor) -> Tensor:
        return joint[some].logsumexp(0) - weights[some].logsumexp(0)

    every = torch.arange(FOLDS)
    return mean(every), torch.stack([mean(every[every != k]) for k in range(FOLDS)])


def _beside(
    query: CompareQuery, scene: Scene, learned: _Learned, scaling: tuple[float, float]
) -> Generator[None, None, Compared]:
    """The truth beside what was learned, where it is known, and the numbers."""
    from gm_core.maths import on_grid

    def drawn(values: Tensor) -> Array:
        return values.reshape(query.size, query.size).float().cpu().numpy()

    shown = drawn(learned.log_q)
    if not scene.data.card.exact:
        return Compared(
            shown, None, query.box, learned.kind, scaling, samples=learned.samples, kernel=learned.kernel,
            log_z=learned.log_z,
        )  # fmt: skip
    clean: Exact = scene.data.exact  # type: ignore[attr-defined]  # promised by the trait "exact"
    exact = with_noise(clean, scaling)
    area = on_grid.cell(query.box, query.size)
    log_p = exact.log_prob(on_grid.middles(query.box, query.size))
    yield None
    found = _numbers(log_p, learned.log_q, area, learned.kind)
    errors, floor = (0.0, 0.0, 0.0), (math.nan, math.nan)
    if learned.others is not None:
        errors = _errors([_numbers(log_p, other, area, learned.kind) for other in learned.others])
        perfect = clean.sample(learned.samples, scene.rng).double().cpu()
        least, _ = yield from _smeared(perfect, learned.kernel, query, scaling)
        level = _numbers(log_p, least, area, learned.kind)
        floor = (level.kl, level.js)
    outside, coarse = _beyond(exact, query, scene, found.mass_p)
    score_gap, score_size = _scores(query, scene, clean) if query.score else (math.nan, math.nan)
    return Compared(
        shown, drawn(log_p), query.box, learned.kind, scaling, found.kl, found.reverse, found.js, errors, floor,
        (found.mass_p, found.mass_q), outside, coarse, learned.samples, learned.kernel, learned.log_z, score_gap,
        score_size,
    )  # fmt: skip


def _numbers(log_p: Tensor, log_q: Tensor, area: float, kind: Kind) -> Gap:
    """The divergences; a bound is made to sum to 1 for those of them that are none of a bound itself."""
    from gm_core.maths import on_grid

    found = on_grid.gap(log_p, log_q, area)
    if kind != "bound":
        return found
    whole = on_grid.gap(log_p, log_q - on_grid.log_mass(log_q, area), area)
    return replace(whole, kl=found.kl, mass_q=found.mass_q)


def _errors(others: list[Gap]) -> tuple[float, float, float]:
    """Standard errors by leaving out one part at a time: the square root of (k - 1) / k sum (t_i - mean)^2."""

    def error(values: list[float]) -> float:
        if not all(map(math.isfinite, values)):
            return math.nan
        mean = sum(values) / len(values)
        return math.sqrt((len(values) - 1) / len(values) * sum((v - mean) ** 2 for v in values))

    return (
        error([gap.kl for gap in others]), error([gap.reverse for gap in others]), error([gap.js for gap in others])
    )  # fmt: skip


def _beyond(exact: Exact, query: CompareQuery, scene: Scene, mass: float) -> tuple[float, bool]:
    """How much of the truth lies off the grid, and whether sums over the grid miss what lies on it.

    Draws of the truth say how much should be there, to a hundredth; where the sum agrees, it says so more closely.
    """
    x0, x1, y0, y1 = query.box
    x = exact.sample(4000, scene.rng)
    inside = (x[:, 0] > x0) & (x[:, 0] < x1) & (x[:, 1] > y0) & (x[:, 1] < y1)
    share = float(inside.float().mean())
    coarse = abs(mass - share) > 0.02
    return (1.0 - share if coarse else max(0.0, 1.0 - mass)), coarse


def _scores(query: CompareQuery, scene: Scene, clean: Exact) -> tuple[float, float]:
    """Root mean squares over p_t by the grid: of the model's score less the exact one, and of the exact one."""
    from gm_core.maths import on_grid

    model = scene.model
    if Field.word not in model.offers() or "score" not in model.field_kinds():
        return math.nan, math.nan
    exact = with_noise(clean, scaling_at(query.noise, scene))
    points = on_grid.middles(query.box, query.size)
    weights = exact.log_prob(points).softmax(0)
    truth = exact.score(points)
    ours = model.field(points.float().to(scene.device), query.noise, "score").detach().cpu().double()
    there = weights > 0  # a board has no score where it is not

    def mean(vectors: Tensor) -> float:
        return math.sqrt(float((weights * vectors.square().sum(1))[there].sum()))

    return mean(ours - truth), mean(truth)
