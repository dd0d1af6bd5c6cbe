"""Field: on the plane, the model shows at each point the direction in which probability grows: the score."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gm_core.capabilities.base import Capability, Scene, answers
from gm_core.protocol.commands import Query
from gm_core.protocol.events import Array, Frame
from gm_core.spec import SpecError

if TYPE_CHECKING:
    from torch import Tensor


class Field(Capability):
    """Has vector fields on the plane. Law: each has the shape of its input and is finite on the drawn box."""

    word = "field"

    def field_kinds(self) -> tuple[str, ...]:
        """What fields there are, the model's own first: "score" (gradient of log p_t), "velocity" (dx/dt)."""
        return ("score",)

    @abstractmethod
    def field(self, x: Tensor, noise: float, kind: str = "") -> Tensor:
        """The field at points x (n, 2) of the plane, per unit of the data: (n, 2).

        `noise` runs from 0 (data) to 1 (pure noise); `kind` "" is the model's own. The score is that of the points as a
        trajectory has them at that noise, in the card's range.
        """

    @abstractmethod
    def scaling(self, noise: float) -> tuple[float, float]:
        """What a trajectory holds at a noise level: (a, b) of x_t = a x_0 + b eps, in the card's range."""


@dataclass(frozen=True, slots=True)
class FieldQuery(Query):
    """Arrows on a grid of the plane, at a noise level from 0 (data) to 1 (pure noise)."""

    box: tuple[float, float, float, float] = (-3.0, 3.0, -3.0, 3.0)
    size: int = 20
    noise: float = 0.05
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Arrows(Frame):
    """Arrows at points (n, 2) along vectors (n, 2), both float32; `kind` of the `kinds` that there are.

    `scaling` is (a, b) of x_t = a x_0 + b eps: what stands at this noise level, so that the truth can follow.
    """

    points: Array
    vectors: Array
    kind: str = ""
    kinds: tuple[str, ...] = ()
    scaling: tuple[float, float] = (1.0, 0.0)


@answers(Field.word, FieldQuery)
def arrows(query: FieldQuery, scene: Scene) -> Iterator[Arrows]:
    """The field on a regular grid."""
    import torch

    x0, x1, y0, y1 = query.box
    across = torch.linspace(x0, x1, query.size, device=scene.device)
    up = torch.linspace(y0, y1, query.size, device=scene.device)
    points = torch.stack(torch.meshgrid(across, up, indexing="xy"), -1).reshape(-1, 2)
    kinds = scene.model.field_kinds()
    kind = query.kind or kinds[0]
    if kind not in kinds:
        raise SpecError("kind", f"kind is {kind!r}; expected one of: {', '.join(kinds)}")
    vectors = scene.model.field(points, query.noise, kind)
    scaling = scene.model.scaling(query.noise)
    yield Arrows(points.cpu().numpy(), vectors.float().cpu().numpy(), kind, kinds, scaling)
