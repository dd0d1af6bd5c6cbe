"""Completing: what is missing of an example is drawn given the rest, in order or by a particle filter.

Where the known sites come first in the order, ancestral drawing is exact. Elsewhere each of several particles goes
through the order and is weighted at known sites (`Particles`); in the limit of many the completions follow
p(missing | known), whose logarithm is estimated with log p(known) from the weights. Class labels that are not given are
drawn and weighted like everything else.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from gm_core.capabilities.complete import Completing
from gm_core.maths.binning import uniform
from gm_core.parts.particles import Particles, precise
from gm_core.parts.portions import check_known, in_portions
from gm_core.spec import SpecError

if TYPE_CHECKING:
    from gm_core.parts.sequential import Sequential


def numbers_for(values: Tensor, rng: torch.Generator) -> Tensor:
    """A uniform number in [0, 1) for each site of each row, (n, sites)."""
    return uniform(values.shape, rng, values.device, precise(rng.device))


def completions(
    model: Sequential,
    x: Tensor,
    known: Tensor,
    n: int,
    rng: torch.Generator,
    y: Tensor | None,
    temperature: float,
    particles: int,
) -> Iterator[Completing]:
    """n completions of the one example x (1, ...), in portions that have room; see `Completes.complete`."""
    model.check_labels(y)
    check_known(known)
    many = 1 if model.exactly(known) else particles
    if many < 2 and not model.exactly(known):
        raise SpecError("particles", f"particles is {particles}; expected at least 2, since some must compete")

    def some(size: int) -> Iterator[Completing]:
        return _portion(model, x, known, size, rng, y, temperature or model.temperature(), many)

    yield from in_portions(x, n, max(1, model.rows() // many), some)


def _portion(
    model: Sequential,
    x: Tensor,
    known: Tensor,
    n: int,
    rng: torch.Generator,
    y: Tensor | None,
    heat: float,
    many: int,
) -> Iterator[Completing]:
    """Completions of one portion, each by `many` particles; 1 where one drawing is exact."""
    kept, order = known.tolist(), model.order_for(known)
    values = model.to_values(x).expand(n * many, -1).clone()
    label, y = y, model.labels_for(x, known, n * many, rng, y)
    numbers = numbers_for(values, rng)
    weights = Particles(n, many, values.device)
    with torch.no_grad():
        stepper = model.begin(n * many, y, order)
    begun = False
    for rank, site in enumerate(model.sequence(order)):
        with torch.no_grad():
            if many > 1 or not kept[site]:
                conditional = stepper.at(rank)
            if not kept[site]:
                values[:, site] = conditional.draw(numbers[:, site], heat).to(values.dtype)
                begun = True
            stepper.put(rank, values[:, site])
            if kept[site] and many > 1:
                weights.weigh(conditional.log_prob(values[:, site]))
                if begun:
                    going = weights.renew(rng)
                    values = values[going]
                    stepper.choose(going)
        yield Completing(model.to_example(values[::many]), (rank + 1) / len(kept))
    with torch.no_grad():
        done = model.to_example(values[weights.pick(rng)])
        behind = weights.evidence() if many > 1 else model.log_prob_of_known(x, known, label, order)
        every = None if label is None else label.expand(n)
        if order:  # a model of many orders: both terms in this one, since its density may be a mean over orders
            whole = model.log_prob_of_known(done, torch.ones_like(known), every, order)
        else:
            whole = model.log_prob(done, rng, every)
    yield Completing(done, 1.0, whole - behind, weights.effective.mean())
