"""How probable a model finds a whole split: log p(x) of every example, in portions, with its standard error.

For a bound the mean is a bound too: on average it lies below the truth, and more draws bring it closer. For the exact
kind it is the log-likelihood itself.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from gm_core.capabilities.base import Examples
from gm_core.capabilities.density import Density, DensityKind
from gm_core.maths.estimators import standard_error
from gm_core.model import GenerativeModel


class NoDensity(Exception):
    """A model that gives no density for its data was asked for one: a sentence for people."""


@dataclass(frozen=True)
class Estimate:
    """What is known after `done` of `total` examples: `values` (done,) in nats, on the device, in the split's order."""

    values: Tensor
    done: int
    total: int
    kind: DensityKind
    size: int

    @property
    def mean(self) -> Tensor:
        """Mean log-likelihood in nats per example, a scalar."""
        return self.values.mean()

    @property
    def error(self) -> Tensor:
        """Standard error of the mean over examples, a scalar; not a number for a single example."""
        return standard_error(self.values)

    @property
    def bits(self) -> Tensor:
        """The mean as bits for each number of an example, lower is better: -mean / (D ln 2), a scalar."""
        return -self.mean / (self.size * math.log(2.0))


def log_likelihood(
    model: GenerativeModel,
    data: Examples,
    split: str,
    rng: torch.Generator,
    samples: int = 0,
    portion: int = 100,
    limit: int = 0,
) -> Iterator[Estimate]:
    """Score a split in its own order, `portion` examples between two yields; the last estimate covers all of it.

    Labels play no part: a model of p(x|y) sums over y, so that the numbers of all models can be compared.

    The model should be in eval mode. `samples` is the number of draws of a stochastic bound (0: the model's own), and
    `limit` stops after so many examples (0: all). The random state decides every draw: the same generator and portion
    give the same numbers. Raises NoDensity where the model offers none for such data.
    """
    if not isinstance(model, Density) or Density.word not in model.offers():
        found = f"{model.title} on {model.card.title}" if model.title else type(model).__name__
        raise NoDensity(
            f"{found} gives no density: either it has none, or its likelihood is none for {model.card.values} data; "
            "choose a model, likelihood or binarisation with which the panel of densities opens"
        )
    total = data.count(split)
    total = min(limit, total) if limit else total
    values: list[Tensor] = []
    for start in range(0, total, portion):
        chosen = torch.arange(start, min(start + portion, total), device=rng.device)
        x, _ = data.examples(split, chosen, rng)
        with torch.no_grad():
            values.append(model.log_prob(x, rng, None, samples))
        yield Estimate(torch.cat(values), start + len(chosen), total, model.density_kind, model.card.size)
