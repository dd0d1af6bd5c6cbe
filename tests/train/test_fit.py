"""Exact passes in the training loop: bounded by the number of steps, resumed in the middle, and gone on with later."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import torch
from torch import Tensor

from gm_core.data.feed import Feed
from gm_core.data.registry import make_data
from gm_core.model import Stage, build
from gm_core.spec import TrainSpec
from gm_core.train.loop import Training


def counting(kind: str, steps: int) -> Training:
    """A training of a counting model of p(x|y) on the small digits."""
    made = make_data({"kind": "digits", "limit": 100, "binarisation": "dynamic"})
    spec = TrainSpec.read({"steps": steps, "batch": 32, "validate_every": 3})
    model = build({"kind": kind, "labels": True}, made.card, 0)
    return Training(model, Feed(made, spec.batch, "cpu", spec.seed), spec, torch.device("cpu"))


@pytest.mark.parametrize("kind", ["independent", "markov"])
def test_counts_that_came_to_their_last_step_go_on_when_more_steps_are_given(kind: str) -> None:
    whole, half = counting(kind, 7), counting(kind, 4)
    list(whole.steps())
    list(half.steps())
    later = counting(kind, 7)
    later.restore(half.snapshot())
    list(later.steps())
    assert later.step == 7
    wanted, found = whole.snapshot().tensors, later.snapshot().tensors
    assert wanted.keys() == found.keys() and all(torch.equal(wanted[name], found[name]) for name in wanted)
    assert int(found["model.label_counts"].sum()) == 7 * 32


def test_a_fit_that_ends_by_itself_is_not_made_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    training = counting("independent", 9)
    fit: Any = training.stages[0].fit

    def thrice(feed: Feed) -> Iterator[Mapping[str, Tensor]]:
        endless = fit(feed)
        yield from (next(endless) for _ in range(3))

    training.stages[0] = Stage("count", fit=thrice)
    list(training.steps())
    list(training.steps())
    assert training.step == 3 and training.stage == 1
