"""Field: on the plane, the model shows at each point the direction in which probability grows: the score."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gm_core.capabilities.base import Capability, Scene, answers
from gm_core.protocol.commands import Query
from gm_core.protocol.events import Array, Frame

if TYPE_CHECKING:
    from torch import Tensor


class Field(Capability):
    """Has a vector field on the plane. Law: it has the shape of its input and is finite on the drawn box."""

    word = "field"

    @abstractmethod
    def field(self, x: Tensor, noise: float) -> Tensor:
        """The score of the noised data at points x (n, 2): (n, 2). `noise` runs from 0 (data) to 1 (pure noise)."""


@dataclass(frozen=True, slots=True)
class FieldQuery(Query):
    """Arrows on a grid of the plane, at a noise level from 0 (data) to 1 (pure noise)."""

    box: tuple[float, float, float, float] = (-3.0, 3.0, -3.0, 3.0)
    size: int = 20
    noise: float = 0.05


@dataclass(frozen=True, slots=True)
class Arrows(Frame):
    """Arrows at points (n, 2) along vectors (n, 2), both float32."""

    points: Array
    vectors: Array


@answers(Field.word, FieldQuery)
def arrows(query: FieldQuery, scene: Scene) -> Iterator[Arrows]:
    """The field on a regular grid."""
    import torch

    x0, x1, y0, y1 = query.box
    across = torch.linspace(x0, x1, query.size, device=scene.device)
    up = torch.linspace(y0, y1, query.size, device=scene.device)
    points = torch.stack(torch.meshgrid(across, up, indexing="xy"), -1).reshape(-1, 2)
    vectors = scene.model.field(points, query.noise)
    yield Arrows(points.cpu().numpy(), vectors.float().cpu().numpy())
