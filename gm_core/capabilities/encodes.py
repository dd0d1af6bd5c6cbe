"""Encodes: the model says where in its latent space an example lies, and how surely."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gm_core.capabilities.base import Capability, Scene, answers, from_picture
from gm_core.protocol.commands import Query
from gm_core.protocol.events import Array, Frame

if TYPE_CHECKING:
    from torch import Tensor

HISTOGRAM_BINS = 41


class Encodes(Capability):
    """Maps examples to codes. Law: `decode(encode(x)[0])` has x's shape; `use` orders the axes."""

    word = "encodes"

    @abstractmethod
    def encode(self, x: Tensor, y: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation of the code of x (n, *card.shape): two tensors (n, latent_size)."""

    def use(self, mu: Tensor, std: Tensor) -> Tensor:
        """How much each axis is used, (k,), larger is more: the mean KL to a standard normal, in nats."""
        return 0.5 * (mu.square() + std.square() - 1.0 - 2.0 * std.log()).mean(0)


@dataclass(frozen=True, slots=True)
class EncodeQuery(Query):
    """Encode pictures `given`, uint8 (n, h, w, c) or float32 (n, d)."""

    given: Array | None = None


@dataclass(frozen=True, slots=True)
class Codes(Frame):
    """Codes of the given pictures: mu and std, float32 (n, k)."""

    mu: Array
    std: Array


@dataclass(frozen=True, slots=True)
class MapQuery(Query):
    """Encode `n` examples of a split, chosen by the seed, for the latent map and the sliders."""

    n: int = 2000
    split: str = "validation"


@dataclass(frozen=True, slots=True)
class LatentMap(Frame):
    """Where the data lies in the latent space.

    mu, std (n, k); labels (n,) int or empty; indices (n,) of the examples; use (k,) in nats, `order` (k,) the axes
    from most to least used; active (k,) true where the axis carries information (Var of the mean above 0.01);
    histogram (k, bins) of the aggregate posterior over `edges` (bins + 1,).
    """

    mu: Array
    std: Array
    labels: Array
    indices: Array
    use: Array
    order: Array
    active: Array
    histogram: Array
    edges: Array


@answers(Encodes.word, EncodeQuery)
def encode(query: EncodeQuery, scene: Scene) -> Iterator[Codes]:
    """Encode what was drawn or dropped."""
    x = from_picture(query.given, scene.model.card, scene.device)
    mu, std = scene.model.encode(x)
    yield Codes(mu.float().cpu().numpy(), std.float().cpu().numpy())


@answers(Encodes.word, MapQuery)
def survey(query: MapQuery, scene: Scene) -> Iterator[LatentMap | None]:
    """Encode a part of the data in portions, so that training can go on between them."""
    import numpy as np
    import torch

    model = scene.model
    total = scene.data.count(query.split)
    chosen = torch.randperm(total, generator=scene.rng, device=scene.rng.device)[: query.n]
    mus, stds, ys = [], [], []
    for part in chosen.split(500):
        x, y = scene.data.examples(query.split, part, scene.rng)
        mu, std = model.encode(x, None)
        mus.append(mu)
        stds.append(std)
        if y is not None:
            ys.append(y)
        yield None
    mu, std = torch.cat(mus), torch.cat(stds)
    use = model.use(mu, std)
    edges = np.linspace(-4.0, 4.0, HISTOGRAM_BINS + 1, dtype=np.float32)
    drawn = (
        (mu + std * torch.randn(mu.shape, generator=scene.rng, device=scene.device)).clamp(-3.999, 3.999).cpu().numpy()
    )
    histogram = np.stack([np.histogram(axis, edges)[0] for axis in drawn.T]).astype(np.float32)
    yield LatentMap(
        mu=mu.float().cpu().numpy(),
        std=std.float().cpu().numpy(),
        labels=torch.cat(ys).cpu().numpy() if ys else np.empty(0, np.int64),
        indices=chosen.cpu().numpy(),
        use=use.float().cpu().numpy(),
        order=use.argsort(descending=True).cpu().numpy(),
        active=(mu.var(0) > 0.01).cpu().numpy(),
        histogram=histogram / max(len(mu), 1),
        edges=edges,
    )
