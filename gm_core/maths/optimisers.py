"""Torch's optimisers as they are used here: as they are, without the compiler that nothing here asks for.

Their methods want of torch's compiler a form of themselves that it leaves alone, or tell it where a step begins, and
import it for that: `torch._dynamo`, 600 modules and 1.7 s between pressing Train and the first step. Nothing here is
ever compiled, so each method is that form itself. The numbers are torch's own, bit for bit (tests/maths).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, cast

import torch
from torch.optim import LBFGS, Optimizer

__all__ = ["LBFGS", "SGD", "Adam", "AdamW"]

MARK = "__dynamo_disable"
"""The attribute in which torch keeps that form of a function (torch/_compile.py)."""


def _eager(step: Callable[..., Any]) -> Callable[..., Any]:
    """A step that switches gradients off, as its wrapper in torch does, and does not speak to the compiler."""
    return cast("Callable[..., Any]", torch.no_grad()(inspect.unwrap(step)))


class Adam(torch.optim.Adam):
    """Adam of Kingma and Ba (2015), arXiv:1412.6980."""

    step = _eager(torch.optim.Adam.step)


class AdamW(torch.optim.AdamW):
    """Adam with decoupled weight decay, of Loshchilov and Hutter (2019), arXiv:1711.05101."""

    step = _eager(torch.optim.AdamW.step)


class SGD(torch.optim.SGD):
    """Stochastic gradient descent, with momentum if wished."""

    step = _eager(torch.optim.SGD.step)


def _mark() -> None:
    for name in ("add_param_group", "zero_grad", "state_dict", "load_state_dict"):
        plain = getattr(getattr(Optimizer, name), "__wrapped__", None)
        if plain is not None and getattr(plain, MARK, None) is None:  # else this torch does without
            setattr(plain, MARK, plain)


_mark()
