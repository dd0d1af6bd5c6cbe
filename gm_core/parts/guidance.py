"""Classifier-free guidance: one network that knows p(x|y) and p(x), and what is had by leaning from one to the other.

    training   y is replaced by the empty class with a small probability              Ho & Salimans 2022, Algorithm 1
    drawing    out = out_0 + s (out_y - out_0)                                        Eq. 6, with s = 1 + w

out is anything linear in the score: eps, x_0, v, a score, a velocity. s = 0 is p(x), s = 1 is p(x|y), and above 1 the
class is exaggerated: out is then the score of p_t(x) p_t(y|x)^s at each time, which is not the diffusion of any such
law: what comes out follows no density that could be written down. Departure: weights may mix several classes, by
mixing their learned features.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from gm_core.spec import SpecError

Network = Callable[[Tensor, Tensor, Tensor | None], Tensor]
"""x (n, ...), t (n,) and classes to an answer of x's shape: labels (n,) or weights (n, classes + 1), None for none."""


def dropped(y: Tensor, share: float, classes: int, rng: torch.Generator) -> Tensor:
    """Labels y (n,) in which each is the empty class, `classes`, with probability `share`. Algorithm 1, line 3."""
    lost = torch.rand(len(y), generator=rng, device=rng.device).to(y.device) < share
    return y.masked_fill(lost, classes)


def guided(
    network: Network, x: Tensor, t: Tensor, y: Tensor | None, guidance: float, classes: int
) -> tuple[Tensor, Tensor | None]:
    """The guided answer, and what guidance added to the conditional one: (s - 1)(out_y - out_0).

    t is (n,), or (1,) for all; y are labels (n,) or weights (n, classes + 1). Without y, or without `classes`, the
    network is asked once and nothing is added (None); with s = 1 it is asked once too; otherwise twice, in one batch.
    """
    if y is None or not classes:
        return network(x, t, None), None
    if guidance == 1.0:
        return network(x, t, y), None
    empty = torch.full((len(x),), classes, dtype=torch.int64, device=x.device)
    none = empty if y.ndim == 1 else torch.nn.functional.one_hot(empty, classes + 1).to(y)
    times = t if len(t) == 1 else torch.cat([t, t])
    with_class, without = network(torch.cat([x, x]), times, torch.cat([y, none])).chunk(2)
    difference = with_class - without
    return without + guidance * difference, (guidance - 1.0) * difference


def evaluations(y: Tensor | None, guidance: float, classes: int) -> int:
    """How often `guided` asks its network for one answer: 1, or 2 where it must know the answer without a class too."""
    return 2 if y is not None and classes and guidance != 1.0 else 1


def check_guidance(title: str, guidance: float | None, mix: Tensor | None, classes: int, *, empty: bool = True) -> None:
    """Raise SpecError where guidance or a mix is asked of a model that cannot give it.

    `empty` says whether it learned the empty class: without it p(x|y) is known, but not p(x).
    """
    if guidance is not None and not 0.0 <= guidance <= 20.0:
        raise SpecError("guidance", f"guidance is {guidance:g}; the range is 0 to 20")
    if classes and empty:
        return
    lacks = "never saw the empty class; train it with drop above 0"
    if not classes:
        lacks = "learned no classes; train it with labels on"
    if guidance is not None and (guidance != 1.0 or not classes):
        raise SpecError("guidance", f"guidance is {guidance:g}, but {title} {lacks}, or leave guidance out")
    if mix is not None and not classes:
        raise SpecError("mix", f"mix is given, but {title} {lacks}, or leave mix out")
