"""The truth on the plane: what is known exactly of a toy distribution, also with the noise of a diffusion in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gm_core.capabilities.base import Scene, answers
from gm_core.protocol.commands import Query
from gm_core.protocol.events import Array, Frame
from gm_core.spec import SpecError

if TYPE_CHECKING:
    from gm_core.data.base import Exact

Box = tuple[float, float, float, float]
LARGEST = 512
"""Points along one side of a grid."""


@dataclass(frozen=True, slots=True)
class TruthQuery(Query):
    """The exact log density (and score, if asked) of a toy distribution on a grid.

    With noise in it: that of a x + b eps by `scaling` (a, b); or, by `noise` from 0 to 1, as the run's model has it at
    that moment. Without `scaling` and `noise`, or with noise 0, the data themselves.
    """

    box: Box = (-3.0, 3.0, -3.0, 3.0)
    size: int = 128
    score_size: int = 20
    scaling: tuple[float, float] = (1.0, 0.0)
    noise: float = 0.0


@dataclass(frozen=True, slots=True)
class Truth(Frame):
    """Exact log density (size, size) at the middles of cells, row 0 at the smallest y; score arrows at points.

    `entropy` is that of the data themselves, in nats; `scaling` (a, b) says how much noise is in density and score.
    """

    values: Array
    box: Box
    points: Array
    vectors: Array
    entropy: float
    scaling: tuple[float, float] = (1.0, 0.0)


@answers("exact", TruthQuery)
def truth(query: TruthQuery, scene: Scene) -> Iterator[Truth]:
    """The truth on the plane; asked only where the data card says `exact`."""
    import torch

    from gm_core.maths.on_grid import middles

    sized(query.size)
    scaling = query.scaling if query.noise <= 0 else scaling_at(query.noise, scene)
    clean = scene.data.exact  # type: ignore[attr-defined]  # promised by the trait "exact"
    exact = with_noise(clean, scaling)
    values = exact.log_prob(middles(query.box, query.size)).reshape(query.size, query.size)
    x0, x1, y0, y1 = query.box
    across, up = (torch.linspace(lo, hi, query.score_size) for lo, hi in ((x0, x1), (y0, y1)))
    points = torch.stack(torch.meshgrid(across, up, indexing="xy"), -1).reshape(-1, 2).double()
    vectors = exact.score(points)
    yield Truth(
        values.float().cpu().numpy(),
        query.box,
        points.float().numpy(),
        vectors.float().cpu().numpy(),
        float(clean.entropy),
        scaling,
    )


def sized(size: int) -> None:
    """Raise SpecError for a grid that is too small or too large."""
    if not 2 <= size <= LARGEST:
        raise SpecError("size", f"size is {size}; the range is 2 to {LARGEST} points along one side")


def scaling_at(noise: float, scene: Scene) -> tuple[float, float]:
    """What the run's model has at a noise level from 0 to 1: (a, b) of a x + b eps; a model without any has none."""
    from gm_core.capabilities.field import Field

    if not 0 <= noise <= 1:
        raise SpecError("noise", f"noise is {noise:g}; the range is 0 (data) to 1 (pure noise)")
    model = scene.model
    if Field.word not in model.offers():
        return 1.0, 0.0
    a, b = model.scaling(noise)
    return float(a), float(b)


def with_noise(exact: Exact, scaling: tuple[float, float]) -> Exact:
    """The law of a x + b eps; raises SpecError where it is not known."""
    a, b = scaling
    if not (a >= 0 and b >= 0 and a + b > 0):
        raise SpecError("scaling", f"scaling is {a:g}, {b:g}; expected neither below 0, and not both 0")
    found = exact if (a, b) == (1.0, 0.0) else exact.noised(a, b)
    if found is None:
        raise SpecError("noise", "noise is above 0, but what it makes of these data is not known: set noise to 0")
    return found
