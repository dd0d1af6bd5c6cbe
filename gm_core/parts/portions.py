"""Completions in portions: as many as have room side by side, then the next ones; and what cannot be completed."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from gm_core.capabilities.complete import Completing
from gm_core.spec import SpecError


def check_known(known: Tensor) -> None:
    """Raise SpecError where everything or nothing of the mask `known` (sites,) is known: nothing is to be completed."""
    missing = known.numel() - int(known.sum())
    if missing in (0, known.numel()):
        found, wish = ("everything is", "rub out a part") if missing == 0 else ("nothing is", "leave a part")
        raise SpecError("known", f"{found} known, so there is nothing to complete; {wish} of the picture")


def in_portions(
    x: Tensor, n: int, at_once: int, some: Callable[[int], Iterator[Completing]]
) -> Iterator[Completing]:
    """States of n completions of the example x (1, ...), of which `some(size)` makes `size` at a time.

    Those whose turn has not come look as x does.
    """
    ended: list[Completing] = []
    sizes = [min(at_once, n - first) for first in range(0, n, at_once)]
    for number, size in enumerate(sizes):
        before, after = sum(sizes[:number]), sum(sizes[number + 1 :])
        for state in some(size):
            waiting = x.expand(after, *x.shape[1:]).to(state.x)
            together = torch.cat([*(old.x for old in ended), state.x, waiting])
            if state.log_prob is None:
                yield Completing(together, (before + size * state.progress) / n)
        ended.append(state)
    log_probs = [state.log_prob for state in ended if state.log_prob is not None]
    effective = [size * state.effective for size, state in zip(sizes, ended) if state.effective is not None]
    yield Completing(together, 1.0, torch.cat(log_probs), torch.stack(effective).sum() / n)
