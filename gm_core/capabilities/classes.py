"""Classes: a model of p(x|y) and p(y) says by Bayes' rule to which class an example belongs."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gm_core.capabilities.base import Capability, Scene, answers
from gm_core.capabilities.sitewise import given, known_sites
from gm_core.protocol.commands import Query
from gm_core.protocol.events import Array, Frame
from gm_core.spec import SpecError

if TYPE_CHECKING:
    from torch import Tensor


class Classes(Capability):
    """p(y|x) = p(x|y) p(y) / sum_y' p(x|y') p(y'). Laws: posteriors sum to 1; with labels, log p(x) is the logsumexp of
    `class_log_joint`."""

    word = "classes"

    @abstractmethod
    def class_log_joint(self, x: Tensor, known: Tensor | None = None) -> Tensor:
        """log p(x|y) + log p(y) for each class, (n, classes), in nats.

        With `known` bool (sites,) the missing numbers are summed out. Raises SpecError where `marginalises` says no.
        """

    @abstractmethod
    def marginalises(self, known: Tensor) -> bool:
        """Whether the numbers that are not known (sites,) can be summed out exactly."""


@dataclass(frozen=True, slots=True)
class ConfusionQuery(Query):
    """Classify `n` examples of a split by Bayes' rule."""

    n: int = 500
    split: str = "test"


@dataclass(frozen=True, slots=True)
class Confusion(Frame):
    """How often class i (rows) was taken for class j: int64 (k, k), after `done` of `total` examples.

    `wrong` holds indices of mistaken examples of the split (at most 64), `guesses` what they were taken for.
    """

    counts: Array
    accuracy: float
    log_loss: float
    done: int
    total: int
    wrong: Array
    guesses: Array


@dataclass(frozen=True, slots=True)
class PosteriorQuery(Query):
    """p(y|x) of one picture, uint8 (1, h, w, c) or float32 (1, d); pixels outside `known` are summed out if that can
    be done."""

    given: Array | None = None
    known: Array | None = None


@dataclass(frozen=True, slots=True)
class Posterior(Frame):
    """log p(x|y), log p(y) and p(y|x), each float32 (k,); `log_prob` is log p(x).

    `marginalised` says that missing pixels were summed out; where it is False though some are missing, they counted
    as they look in the picture.
    """

    log_likelihoods: Array
    log_priors: Array
    probabilities: Array
    log_prob: float
    marginalised: bool


@answers(Classes.word, ConfusionQuery)
def confusion(query: ConfusionQuery, scene: Scene) -> Iterator[Confusion | None]:
    """Classify in portions; each portion sends what is known so far."""
    import numpy as np
    import torch

    model = scene.model
    k = len(model.card.classes)
    count = scene.data.count(query.split)
    chosen = torch.randperm(count, generator=scene.rng, device=scene.rng.device)[: query.n]
    counts = np.zeros((k, k), np.int64)
    loss, wrong, guesses = 0.0, np.empty(0, np.int64), np.empty(0, np.int64)
    done = 0
    for part in chosen.split(50):
        x, y = scene.data.examples(query.split, part, scene.rng)
        if y is None:
            raise SpecError("data", f"{scene.data.card.title} has no labels to compare with; choose data with labels")
        joint = model.class_log_joint(x)
        posterior = joint.log_softmax(-1).double().cpu().numpy()
        truth, guess = y.cpu().numpy(), posterior.argmax(-1)
        np.add.at(counts, (truth, guess), 1)
        loss -= float(posterior[np.arange(len(truth)), truth].sum())
        done += len(truth)
        missed = guess != truth
        wrong = np.concatenate([wrong, part.cpu().numpy()[missed]])[:64]
        guesses = np.concatenate([guesses, guess[missed]])[:64]
        yield Confusion(
            counts.copy(), float(np.trace(counts)) / done, loss / done, done, len(chosen), wrong, guesses
        )


@answers(Classes.word, PosteriorQuery)
def posterior(query: PosteriorQuery, scene: Scene) -> Iterator[Posterior]:
    """Bayes' rule for one picture."""
    import torch

    model = scene.model
    x = given(query.given, scene)
    known = None if query.known is None else known_sites(query.known, scene)
    summed = known is not None and not bool(known.all()) and model.marginalises(known)
    joint = model.class_log_joint(x, known if summed else None)[0]
    prior = model.class_log_joint(x, torch.zeros(model.card.size, dtype=torch.bool))[0]
    total = joint.logsumexp(-1)
    yield Posterior(
        (joint - prior).float().cpu().numpy(),
        prior.float().cpu().numpy(),
        (joint - total).exp().float().cpu().numpy(),
        float(total.cpu()),
        summed,
    )
