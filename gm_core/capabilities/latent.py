"""Latent: the model turns a latent point into an example, so that one can walk between pictures."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from gm_core.capabilities.base import Capability, Scene, answers, labels, to_picture
from gm_core.protocol.commands import Query
from gm_core.protocol.events import Array, Frame
from gm_core.spec import SpecError

if TYPE_CHECKING:
    import torch
    from torch import Tensor


class Latent(Capability):
    """Has a space of codes with a prior. Law: `decode` is deterministic; `latent_size` numbers make one code."""

    word = "latent"
    latent_size: int

    @abstractmethod
    def prior(self, n: int, rng: torch.Generator) -> Tensor:
        """Draw n codes (n, latent_size) from the prior."""

    @abstractmethod
    def decode(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """The mean example of each code z (n, latent_size): (n, *card.shape) in the card's range."""


@dataclass(frozen=True, slots=True)
class DecodeQuery(Query):
    """Decode the codes `z`, float32 (n, latent_size)."""

    z: Array | None = None
    y: int | None = None


@dataclass(frozen=True, slots=True)
class Decoded(Frame):
    """The pictures of codes, with the codes themselves: items uint8 (n, h, w, c) or float32 (n, d), z (n, k)."""

    items: Array
    z: Array


@dataclass(frozen=True, slots=True)
class WalkQuery(Query):
    """Walk between codes in `stops` (m, k): `n` pictures on the straight line, on the sphere, or on the line whose
    codes are brought to the length that lies between those of the ends."""

    stops: Array | None = None
    n: int = 16
    path: Literal["straight", "spherical", "norm-corrected"] = "straight"
    y: int | None = None


@answers(Latent.word, DecodeQuery)
def decode(query: DecodeQuery, scene: Scene) -> Iterator[Decoded]:
    """Decode the given codes, or one from the prior where none is given."""
    model = scene.model
    z = model.prior(1, scene.rng) if query.z is None else codes(query.z, scene)
    x = model.decode(z, labels(query.y, len(z), scene))
    yield Decoded(to_picture(x, model.card), z.float().cpu().numpy())


@answers(Latent.word, WalkQuery)
def walk(query: WalkQuery, scene: Scene) -> Iterator[Decoded]:
    """Decode a path through the stops (two codes from the prior where none are given); its ends are exact."""
    from gm_core.maths.paths import polyline

    model = scene.model
    if query.stops is None:
        stops = model.prior(2, scene.rng)
    else:
        stops = codes(query.stops, scene)
    z = polyline(stops, query.n, query.path)
    x = model.decode(z, labels(query.y, len(z), scene))
    yield Decoded(to_picture(x, model.card), z.float().cpu().numpy())


def codes(given: Array, scene: Scene) -> Tensor:
    """Codes of a query as a tensor (n, latent_size); raises SpecError where they are of another size."""
    import torch

    size = scene.model.latent_size
    if given.ndim != 2 or given.shape[1] != size:
        found = f"the codes have the shape {given.shape}"
        raise SpecError("z", f"{found}; this model's have {size} numbers: give (n, {size})")
    return torch.as_tensor(given, dtype=torch.float32, device=scene.device)
