"""Encodes: the model says where in its latent space an example lies, and how surely."""

from __future__ import annotations

import math
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
PRIOR_DRAWS = 2000
COVARIANCES = 100
WIDEST = 32
"""Codes of more numbers than this are sent without their covariances."""
LEAST_STD = 1e-6
"""A code surer than this counts as this sure, so that logarithms stay finite."""


class Encodes(Capability):
    """Maps examples to codes. Law: `decode(encode(x)[0])` has x's shape; `use` orders the axes."""

    word = "encodes"

    @abstractmethod
    def encode(self, x: Tensor, y: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation of the code of x (n, *card.shape): two tensors (n, latent_size)."""

    def use(self, mu: Tensor, std: Tensor) -> Tensor:
        """How much each axis is used, (k,), larger is more: the mean KL to a standard normal, in nats.

        A deterministic encoder (std = 0) would be infinitely far from it; its axes count by the variance of the codes.
        """
        if not bool((std > 0).any()):
            return mu.var(0, unbiased=False)
        return 0.5 * (mu.square() + std.square() - 1.0 - 2.0 * std.clamp_min(LEAST_STD).log()).mean(0)

    def covariance(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        """Covariance of the code of x, (n, latent_size, latent_size); diagonal unless a model says otherwise."""
        import torch

        return torch.diag_embed(self.encode(x, y)[1].square())

    def log_prior(self, z: Tensor) -> Tensor:
        """ln p(z) of codes (n, latent_size), (n,) in nats: N(0, I) unless the model has another prior."""
        return -0.5 * (z.square() + math.log(2.0 * math.pi)).sum(-1)


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
    from most to least used; active (k,) true where the axis carries information (see `carrying`); histogram (k, bins)
    of the aggregate posterior over `edges` (bins + 1,), which reach from -4 to 4 where prior and codes have the scale
    of a standard normal, else over nearly all of both. `prior` (m, k) are codes from the prior, to be compared with
    mu; m is 0 where the model has none. `deterministic` says that std is 0 and `use` a variance instead of nats.
    `covariances` (m, k, k) are those of the first m codes, m is 0 where they are diagonal.
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
    prior: Array | None = None
    deterministic: bool = False
    split: str = "validation"
    covariances: Array | None = None


def carrying(mu: Tensor, std: Tensor) -> Tensor:
    """Which axes carry information about the examples, bool (k,): those whose mean moves, Var_x(mu) > 0.01.

    Burda et al. 2015, section 5.2, where the prior has unit variance. A deterministic encoder (std = 0 throughout) has
    no such scale: there an axis counts from a hundredth of the variance of the widest one.
    """
    variance = mu.float().var(0, unbiased=False)
    threshold = 0.01 * variance.max() if not bool((std > 0).any()) else 0.01 * variance.new_ones(())
    return variance > threshold


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

    from gm_core.maths.gaussian import noise_like

    model = scene.model
    total = scene.data.count(query.split)
    chosen = torch.randperm(total, generator=scene.rng, device=scene.rng.device)[: query.n]
    mus, stds, ys, full = [], [], [], None
    for part in chosen.split(500):
        x, y = scene.data.examples(query.split, part, scene.rng)
        mu, std = model.encode(x, y)
        if full is None:
            some = COVARIANCES if model.latent_size <= WIDEST else 0
            full = model.covariance(x[:some], None if y is None else y[:some]).float()
        mus.append(mu.float())
        stds.append(std.float())
        if y is not None:
            ys.append(y)
        yield None
    mu, std = torch.cat(mus), torch.cat(stds)
    assert full is not None
    crossed = full - torch.diag_embed(full.diagonal(dim1=1, dim2=2))
    if not bool((crossed.abs() > 1e-6).any()):
        full = full[:0]
    use = model.use(mu, std)
    drawn = mu + std * noise_like(mu, scene.rng)
    prior = model.prior(PRIOR_DRAWS, scene.rng).float() if "latent" in model.offers() else mu[:0]
    edges = np.linspace(*_reach(prior, drawn), HISTOGRAM_BINS + 1, dtype=np.float32)
    inside = drawn.cpu().numpy().clip(edges[0], edges[-1])
    histogram = np.stack([np.histogram(axis, edges)[0] for axis in inside.T]).astype(np.float32)
    yield LatentMap(
        mu=mu.cpu().numpy(),
        std=std.cpu().numpy(),
        labels=torch.cat(ys).cpu().numpy() if ys else np.empty(0, np.int64),
        indices=chosen.cpu().numpy(),
        use=use.float().cpu().numpy(),
        order=use.argsort(descending=True).cpu().numpy(),
        active=carrying(mu, std).cpu().numpy(),
        histogram=histogram / max(len(mu), 1),
        edges=edges,
        prior=prior.cpu().numpy(),
        deterministic=not bool((std > 0).any()),
        split=query.split,
        covariances=full.cpu().numpy(),
    )


def _reach(prior: Tensor, drawn: Tensor) -> tuple[float, float]:
    """From where to where histograms go: -4 to 4 for codes of unit scale, else over nearly all codes."""
    import torch

    codes = torch.cat([prior, drawn]).nan_to_num(0.0, 0.0, 0.0)
    ends = torch.quantile(codes, codes.new_tensor([0.002, 0.998]), dim=0)
    lo, hi = float(ends[0].min().cpu()), float(ends[1].max().cpu())
    widest = float(drawn.std(0).max().cpu()) if len(drawn) > 1 else 1.0
    if lo >= -4.0 and hi <= 4.0 and widest > 0.4:
        return -4.0, 4.0
    margin = max(0.1 * (hi - lo), 1e-3)
    return lo - margin, hi + margin
