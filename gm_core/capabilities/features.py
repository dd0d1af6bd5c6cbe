"""Features: what the first layer of a model looks for, and what its codes are worth to someone who knows the labels."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from gm_core.capabilities.base import Capability, Scene, answers
from gm_core.capabilities.encodes import Encodes, carrying
from gm_core.capabilities.shown import ALWAYS
from gm_core.protocol.commands import Query
from gm_core.protocol.events import Array, Frame
from gm_core.spec import SpecError

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from gm_core.maths.information import Split
    from gm_core.maths.probes import Accuracy

ENCODED = 100
"""Examples encoded between two safe points."""
PAIRED = 200
"""At most so many codes are held against all Gaussians between two safe points."""
NUMBERS_AT_ONCE = 2**22
"""Numbers that are held at once for it: 32 MiB of float64."""


class Features(Capability):
    """Shows what its units look for. Law: filters are the weights themselves, as pictures."""

    word = "features"

    @abstractmethod
    def filters(self) -> Tensor:
        """The weights between the example and each unit of the first layer: (m, c, h, w), signed."""

    def atoms(self) -> Tensor | None:
        """What each unit of the last hidden layer adds to an example, (m, c, h, w); None where that makes no sense."""
        return None


@dataclass(frozen=True, slots=True)
class FiltersQuery(Query):
    """The `n` strongest filters of the first layer, or the strongest atoms of the last."""

    n: int = 100
    end: Literal["first", "last"] = "first"


@dataclass(frozen=True, slots=True)
class Filters(Frame):
    """Filters as pictures uint8 (n, h, w, c), strongest first: grey 128 is 0, white positive, black negative.

    Each is scaled for itself: white is its largest weight (by size), `scales` float32 (n,). `units` int64 (n,) says
    which unit each belongs to, of `total`. Empty where the model has none at this end.
    """

    items: Array
    scales: Array
    units: Array
    total: int
    end: Literal["first", "last"]


@dataclass(frozen=True, slots=True)
class RepresentationQuery(Query):
    """What the codes of `n` training examples know, and how well `held` examples of `split` are told apart by them."""

    n: int = 1000
    held: int = 1000
    split: str = "validation"


@dataclass(frozen=True, slots=True)
class Representation(Frame):
    """What codes know. A number that is not defined here is NaN, and `why` says why, by the names of the fields.

    `probe` and `neighbours`: held-out accuracy, 0 to 1, of a linear probe and of a vote of the 5 nearest codes, with
    binomial standard errors. `variances` (k,): Var_x of the mean of each number of the code; `active` (k,) bool.
    `kl` = `information` + `marginal`, in nats: E KL(q(z|x)||p) = I(x; z) + KL(qbar||p), estimated from one draw for
    each example; `information` cannot exceed `ceiling` = ln n. `table` (f, k): mutual information in nats between each
    of `causes` (the known factors, or the class alone) and each number of the code; `entropies` (f,) what there is to
    know of each. `gaps` (f,) and their mean `gap`, the MIG, exist for known factors only.
    """

    probe: float
    probe_error: float
    neighbours: float
    neighbours_error: float
    variances: Array
    active: Array
    information: float
    marginal: float
    kl: float
    ceiling: float
    causes: tuple[str, ...]
    table: Array
    entropies: Array
    gaps: Array
    gap: float
    examples: int
    held: int
    why: dict[str, str]


@dataclass(frozen=True, slots=True)
class BaselineQuery(Query):
    """The same probes on the examples themselves, as RepresentationQuery has them on their codes."""

    n: int = 1000
    held: int = 1000
    split: str = "validation"


@dataclass(frozen=True, slots=True)
class Baseline(Frame):
    """What codes must beat: held-out accuracies of the most frequent class, and of both probes on the raw numbers."""

    majority: float
    probe: float
    probe_error: float
    neighbours: float
    neighbours_error: float
    examples: int
    held: int


@answers(Features.word, FiltersQuery)
def strongest(query: FiltersQuery, scene: Scene) -> Iterator[Filters]:
    """The filters with the largest norms."""
    import numpy as np

    model = scene.model
    weights = model.filters() if query.end == "first" else model.atoms()
    if weights is None:
        none = np.empty(0, np.int64)
        yield Filters(np.empty((0, 1, 1, 1), np.uint8), none.astype(np.float32), none, 0, query.end)
        return
    weights = weights.detach().float()
    if weights.shape[1] not in (1, 3):  # no colours: each channel is a picture of its own
        weights = weights.flatten(0, 1).unsqueeze(1)
    order = weights.flatten(1).norm(dim=1).argsort(descending=True, stable=True)[: query.n]
    chosen = weights[order]
    scales = chosen.flatten(1).abs().amax(1)
    unit = chosen / scales.clamp(min=1e-30).reshape(-1, 1, 1, 1)
    pictures = (128.0 + 127.0 * unit).round().byte().permute(0, 2, 3, 1).contiguous()
    yield Filters(pictures.cpu().numpy(), scales.cpu().numpy(), order.cpu().numpy(), len(weights), query.end)


@answers(Encodes.word, RepresentationQuery)
def represent(query: RepresentationQuery, scene: Scene) -> Iterator[Representation | None]:
    """Encode a part of the data and measure its codes, in portions, so that training can go on between them."""
    import torch

    from gm_core.maths.information import Split, information_gaps, information_table

    learn, held = _chosen(query, scene)
    codes = yield from _encoded("train", learn, scene, whole=True)
    others = yield from _encoded(query.split, held, scene)
    mu, std, y = codes.mu, codes.std, codes.y
    z = codes.draw(scene.rng)
    why: dict[str, str] = {}

    parts = Split(math.nan, math.nan, math.nan, math.log(len(mu)))
    if not bool((std > 0).all()):
        why["information"] = (
            "The code of an example is one point here, not a cloud: how many nats it carries is not defined."
        )
    else:
        parts = yield from _split(z, codes, scene)

    probe = neighbours = None
    if y is None or others.y is None:
        why["probe"] = f"{scene.data.card.title} has no labels to ask its codes for."
    else:
        probe, neighbours = yield from _probed(mu, y, others.mu, others.y)

    factors, names = scene.data.factors("train", learn), scene.data.factor_names
    gaps = torch.empty(0)
    if factors is None:
        why["gap"] = f"The causes behind the examples of {scene.data.card.title} are not known."
    if factors is None and y is not None:
        factors, names = y.unsqueeze(1), ("class",)
    if factors is None:
        names, table, entropies = (), torch.empty(0, mu.shape[1]), torch.empty(0)
    else:
        table, entropies = information_table(z, factors.double())
        gaps = information_gaps(table, entropies) if "gap" not in why else torch.full_like(entropies, math.nan)
        if mu.shape[1] < 2:
            why.setdefault("gap", "A code of one number has no second number to compare with.")
        elif bool(gaps.isnan().all()):
            why.setdefault("gap", "None of the known causes ever changes.")
    yield Representation(
        probe=math.nan if probe is None else probe.share,
        probe_error=math.nan if probe is None else probe.error,
        neighbours=math.nan if neighbours is None else neighbours.share,
        neighbours_error=math.nan if neighbours is None else neighbours.error,
        variances=mu.var(0, unbiased=False).float().numpy(),
        active=carrying(mu, std).numpy(),
        information=parts.information,
        marginal=parts.marginal,
        kl=parts.kl,
        ceiling=parts.ceiling,
        causes=tuple(names),
        table=table.float().numpy(),
        entropies=entropies.float().numpy(),
        gaps=gaps.float().numpy(),
        gap=float(gaps.nanmean()),
        examples=len(mu),
        held=len(held),
        why=why,
    )


@answers(ALWAYS, BaselineQuery)
def baseline(query: BaselineQuery, scene: Scene) -> Iterator[Baseline | None]:
    """Both probes on the examples as they are: the same examples as for the codes, where the seed is the same."""
    import torch

    from gm_core.maths.probes import majority

    rows, labels = [], []
    for split, chosen in zip(("train", query.split), _chosen(query, scene)):
        parts = [scene.data.examples(split, part, scene.rng) for part in chosen.split(ENCODED)]
        yield None
        rows.append(torch.cat([x for x, _ in parts]).flatten(1).cpu().double())
        known = [y for _, y in parts if y is not None]
        if not known:
            title = scene.data.card.title
            raise SpecError("data", f"{title} has no labels to compare with; choose data with labels")
        labels.append(torch.cat(known).cpu())
    probe, neighbours = yield from _probed(rows[0], labels[0], rows[1], labels[1])
    guess = majority(labels[0], labels[1])
    yield Baseline(
        guess.share, probe.share, probe.error, neighbours.share, neighbours.error, len(rows[0]), len(rows[1])
    )


def _chosen(query: RepresentationQuery | BaselineQuery, scene: Scene) -> tuple[Tensor, Tensor]:
    """Indices of the examples to learn from and of those to be scored on; raises SpecError where there are none."""
    import torch

    if query.split == "train":
        raise SpecError("split", "split is 'train', which the probes learn from; choose validation or test")
    counts = {split: scene.data.count(split) for split in ("train", query.split)}
    for split, least in (("train", 2), (query.split, 1)):
        if counts[split] < least:
            raise SpecError(
                "split",
                f"the {split} split of {scene.data.card.title} has {counts[split]} examples; expected {least} or more: "
                "choose another split or more data",
            )
    rng = scene.rng
    learn, held = (torch.randperm(count, generator=rng, device=rng.device) for count in counts.values())
    return learn[: max(2, query.n)], held[: max(1, query.held)]


@dataclass(frozen=True)
class _Codes:
    """Codes of n examples, float64 on the CPU: means and deviations (n, k), labels (n,) or None, and the Cholesky
    factors (n, k, k) of their covariances, or None where the numbers of a code are independent."""

    mu: Tensor
    std: Tensor
    y: Tensor | None
    root: Tensor | None

    def draw(self, rng: torch.Generator) -> Tensor:
        """One code for each example, (n, k)."""
        from gm_core.maths.gaussian import noise_like

        eps = noise_like(self.mu.float(), rng).double()  # not every device draws in float64
        return self.mu + (self.std * eps if self.root is None else (self.root @ eps.unsqueeze(-1)).squeeze(-1))

    def pairs(self, z: Tensor) -> Tensor:
        """ln q(z_i | x_j) of codes z (m, k): (m, n)."""
        from gm_core.maths.gaussian import log_prob_root
        from gm_core.maths.information import log_prob_pairs

        if self.root is None:
            return log_prob_pairs(z, self.mu, self.std)
        return log_prob_root(z[:, None], self.mu, self.root)


def _encoded(split: str, chosen: Tensor, scene: Scene, whole: bool = False) -> Generator[None, None, _Codes]:
    """Codes of examples. The model is not shown the labels; `whole` also asks for covariances."""
    import torch

    mus, stds, ys, roots = [], [], [], []
    for part in chosen.split(ENCODED):
        x, y = scene.data.examples(split, part, scene.rng)
        mu, std = scene.model.encode(x, None)
        mus.append(mu.cpu().double())
        stds.append(std.cpu().double())
        if y is not None:
            ys.append(y.cpu())
        if whole and bool((stds[0] > 0).all()):
            covariance = scene.model.covariance(x, None).cpu().double()
            whole = bool((covariance != torch.diag_embed(torch.diagonal(covariance, dim1=1, dim2=2))).any())
            if whole:
                roots.append(torch.linalg.cholesky(covariance))
        yield None
    root = torch.cat(roots) if roots else None
    return _Codes(torch.cat(mus), torch.cat(stds), torch.cat(ys) if ys else None, root)


def _split(z: Tensor, codes: _Codes, scene: Scene) -> Generator[None, None, Split]:
    """The mean KL of codes to the prior, in its parts."""
    import torch

    from gm_core.maths.information import own_and_aggregate, split_kl

    owns, aggregates, priors = [], [], []
    portion = max(1, min(PAIRED, NUMBERS_AT_ONCE // z.numel()))
    for first in range(0, len(z), portion):
        part = z[first : first + portion]
        own, aggregate = own_and_aggregate(codes.pairs(part), first)
        owns.append(own)
        aggregates.append(aggregate)
        priors.append(scene.model.log_prior(part.float().to(scene.device)).cpu().double())
        yield None
    return split_kl(torch.cat(owns), torch.cat(aggregates), torch.cat(priors))


def _probed(x: Tensor, y: Tensor, held: Tensor, held_y: Tensor) -> Generator[None, None, tuple[Accuracy, Accuracy]]:
    """Both probes, learned from x and y, on what was held out."""
    from gm_core.maths.probes import accuracy, linear_probe, neighbour_votes

    classes = int(max(y.max(), held_y.max())) + 1
    guesses = yield from linear_probe(x, y, classes, held)
    votes = yield from neighbour_votes(x, y, classes, held)
    return accuracy(guesses, held_y), accuracy(votes, held_y)
