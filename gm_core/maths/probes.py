"""How well codes tell classes apart: straight cuts learned from labels, and a vote of the nearest neighbours.

Both learn from some examples and are scored on others. They run on the CPU in float64 and offer safe points, so that
training can go on while they are fitted.
"""

from __future__ import annotations

import math
from collections.abc import Generator
from dataclasses import dataclass

import torch
from torch import Tensor

from gm_core.maths.optimisers import LBFGS

PENALTY = 1.0
"""Weight of 1/2 |W|^2 beside the summed loss: what scikit-learn's LogisticRegression has by default (C = 1)."""
ITERATIONS = 100
AT_ONCE = 2**23
"""Numbers multiplied between two safe points, about: some milliseconds."""
NEIGHBOURS = 5


@dataclass(frozen=True)
class Accuracy:
    """The share of `count` held-out examples that was right, with its binomial standard error sqrt(p (1 - p) / n).

    The error speaks of the choice of held-out examples only, and is 0 where all (or none) are right.
    """

    share: float
    error: float
    count: int


def accuracy(guesses: Tensor, truth: Tensor) -> Accuracy:
    """How many guesses (n,) are the truth (n,)."""
    n = len(truth)
    share = float((guesses == truth).double().mean())
    return Accuracy(share, math.sqrt(share * (1.0 - share) / n), n)


def majority(learn: Tensor, held: Tensor) -> Accuracy:
    """What guessing the most frequent class of the labels `learn` (n,) reaches on the labels `held` (m,)."""
    return accuracy(torch.bincount(learn).argmax().expand(len(held)), held)


def standardise(learn: Tensor, held: Tensor) -> tuple[Tensor, Tensor]:
    """Both with the mean taken off and over the standard deviation of `learn`; what never changes is left at 0."""
    mean, std = learn.mean(0), learn.std(0, unbiased=False)
    scale = torch.where(std > 0, std, 1.0)
    return (learn - mean) / scale, (held - mean) / scale


def linear_probe(x: Tensor, y: Tensor, classes: int, held: Tensor) -> Generator[None, None, Tensor]:
    """Softmax regression of labels y (n,) on x (n, d); its guesses for `held` (m, d), (m,), are what it returns.

    Minimises 1/2 |W|^2 + sum_i -ln softmax(W x_i + b)[y_i] by L-BFGS on standardised numbers: the objective of
    scikit-learn's LogisticRegression, in steps that can be interrupted, which that one cannot.
    """
    x, held = standardise(x.double(), held.double())
    weight = torch.zeros(classes, x.shape[1], dtype=torch.float64)
    bias = torch.zeros(classes, dtype=torch.float64)
    hot = torch.nn.functional.one_hot(y, classes).double()

    def slope() -> Tensor:
        logs = torch.log_softmax(torch.addmm(bias, x, weight.T), 1)
        off = (logs.exp() - hot) / len(x)
        weight.grad, bias.grad = off.T @ x + PENALTY / len(x) * weight, off.sum(0)
        return -(logs * hot).sum() / len(x) + 0.5 * PENALTY / len(x) * weight.square().sum()

    rounds = max(1, min(4, AT_ONCE // (2 * classes * x.numel())))
    search = LBFGS(
        [weight, bias],
        max_iter=rounds,
        tolerance_grad=1e-5,
        tolerance_change=1e-10,
        line_search_fn="strong_wolfe",
    )
    before = math.inf
    for _ in range(ITERATIONS // rounds):
        now = float(search.step(slope))
        if before - now < 1e-7:  # the loss at the start of this round and of the one before
            break
        before = now
        yield None
    return torch.addmm(bias, held, weight.T).argmax(1)


def neighbour_votes(
    x: Tensor, y: Tensor, classes: int, held: Tensor, k: int = NEIGHBOURS
) -> Generator[None, None, Tensor]:
    """The most frequent label among the k nearest (Euclidean) of x (n, d) for each of `held` (m, d): (m,).

    Where classes have equally many votes, the smallest wins, as in scikit-learn. Codes are taken as they are: a number
    that hardly changes hardly counts.
    """
    x, k = x.double(), min(k, len(x))
    portion, guesses = max(8, min(250, 8 * AT_ONCE // x.numel())), []
    for part in held.double().split(portion):
        nearest = torch.cdist(part, x).topk(k, largest=False).indices
        votes = torch.nn.functional.one_hot(y[nearest], classes).sum(1)
        guesses.append(votes.argmax(1))
        yield None
    return torch.cat(guesses)
