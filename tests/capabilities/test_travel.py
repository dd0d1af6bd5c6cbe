"""Trajectories with turns: told by their seeds, equal where they should be, and refused in one sentence."""

from __future__ import annotations

import math
import pickle
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from gm_core.capabilities.base import answer
from gm_core.capabilities.stepwise import StepFrame, StepState, TrajectoryQuery, Turn
from gm_core.capabilities.travel import travel
from gm_core.model import build
from gm_core.protocol.cards import DataCard
from gm_core.spec import SpecError

from .walker import MOST, PICTURES, POINTS, Walker, scene


def way(query: TrajectoryQuery, model: Walker | None = None, seed: int = 5) -> list[tuple[int, StepState]]:
    """All states of a query."""
    return list(travel(query, scene(model or Walker(spread=1.0), seed)))


def frames(query: TrajectoryQuery, model: Walker | None = None, seed: int = 5) -> list[StepFrame]:
    """What a window gets."""
    found = answer(query, scene(model or Walker(spread=1.0), seed))
    return [frame for frame in found if isinstance(frame, StepFrame)]


def end(query: TrajectoryQuery, model: Walker | None = None, seed: int = 5) -> Tensor:
    """Where it ends."""
    return way(query, model, seed)[-1][1].x


PLAIN = TrajectoryQuery(n=6, steps=10)


# ---- turns


def test_a_turn_that_changes_nothing_where_no_noise_is_added_ends_in_the_same_place() -> None:
    still = replace(PLAIN, sampler="still", y=1)
    turned = replace(still, turns=(Turn(0.3, seed=1), Turn(0.7, seed=2)))
    assert torch.equal(end(still), end(turned))


def test_new_noise_leaves_all_before_the_turn_as_it_was_and_changes_all_after_it() -> None:
    plain, turned = way(PLAIN), way(replace(PLAIN, turns=(Turn(0.4, seed=1),)))
    before = [state for segment, state in turned if segment == 0]
    after = [state for segment, state in turned if segment == 1]
    assert [state.progress for state in before] == pytest.approx([0.0, 0.1, 0.2, 0.3, 0.4])
    for (_, old), new in zip(plain, before):
        assert torch.equal(old.x, new.x)
    assert torch.equal(after[0].x, before[-1].x), "the new way begins where the old one was left"
    for (_, old), new in zip(plain[5:], after[1:], strict=True):
        assert old.progress == pytest.approx(new.progress) and not torch.equal(old.x, new.x)


def test_the_same_seeds_tell_the_same_tree_and_other_seeds_another() -> None:
    turned = replace(PLAIN, turns=(Turn(0.2, seed=1), Turn(0.6, seed=7)))
    assert torch.equal(end(turned), end(turned))
    other = replace(PLAIN, turns=(Turn(0.2, seed=1), Turn(0.6, seed=8)))
    assert not torch.equal(end(turned), end(other))
    assert [s.progress for _, s in way(turned)[:9]] == [s.progress for _, s in way(other)[:9]]
    assert all(torch.equal(a.x, b.x) for (_, a), (_, b) in zip(way(turned)[:8], way(other)[:8], strict=True))


def test_turns_are_taken_by_their_progress_in_whatever_order_they_are_given() -> None:
    turns = (Turn(0.2, seed=1), Turn(0.6, seed=7, sampler="still"))
    assert torch.equal(end(replace(PLAIN, turns=turns)), end(replace(PLAIN, turns=turns[::-1])))


def test_a_turn_may_change_the_sampler_the_steps_the_class_and_the_guidance_and_nothing_else_changes() -> None:
    still = replace(PLAIN, sampler="still")
    finer = way(replace(still, turns=(Turn(0.5, steps=20),)))
    assert [s.progress for i, s in finer if i == 1][:3] == pytest.approx([0.5, 0.55, 0.6])
    begun = way(still)[0][1].x
    half = end(replace(still, turns=(Turn(0.5, y=1),))) - begun
    torch.testing.assert_close(half, torch.full_like(half, 0.5))
    both = end(replace(still, y=1, turns=(Turn(0.5, guidance=3.0),))) - begun
    torch.testing.assert_close(both, torch.full_like(both, 0.5 + 1.5))
    kept = end(replace(still, y=1, turns=(Turn(0.5, seed=4),))) - begun
    torch.testing.assert_close(kept, torch.ones_like(kept))


def test_a_mix_with_all_weight_on_one_class_is_that_class_and_the_last_weight_is_for_none() -> None:
    still = replace(PLAIN, sampler="still")
    torch.testing.assert_close(end(replace(still, mix=(0.0, 2.0, 0.0))), end(replace(still, y=1)))
    torch.testing.assert_close(end(replace(still, mix=(0.0, 0.0, 1.0))), end(still))
    torch.testing.assert_close(
        end(replace(still, y=0, turns=(Turn(0.0, mix=(0.0, 1.0, 0.0)),))), end(replace(still, y=1))
    )


def test_what_it_costs_is_counted_over_all_turns_and_a_fork_costs_only_what_it_walks() -> None:
    model = Walker()
    states = way(replace(PLAIN, turns=(Turn(0.4), Turn(0.8))), model)
    assert states[-1][1].cost == model.evaluations == 10
    costs = [state.cost for _, state in states]
    assert all(before <= after for before, after in pairwise(costs))


def test_a_turn_at_the_very_end_changes_nothing() -> None:
    assert torch.equal(end(PLAIN), end(replace(PLAIN, turns=(Turn(1.0, seed=9),))))


# ---- paint


def test_paint_goes_into_the_picture_exactly_where_the_mask_says_so_and_nowhere_else() -> None:
    model = Walker(PICTURES, spread=0.5)
    paint, mask = np.zeros((3, 4, 4, 1), np.uint8), np.zeros((3, 4, 4), bool)
    paint[1, 2, 3], mask[1, 2, 3] = 255, True
    paint[1, 0, 0] = 200  # not under the mask
    query = TrajectoryQuery(n=3, steps=10, turns=(Turn(0.5, seed=1, paint=paint, mask=mask),))
    states = way(query, model)
    before = [s for i, s in states if i == 0][-1].x
    after = next(s for i, s in states if i == 1).x
    assert after[1, 0, 2, 3] == 1.0
    left = torch.ones_like(after, dtype=torch.bool)
    left[1, 0, 2, 3] = False
    assert torch.equal(after[left], before[left]) and not torch.equal(after, before)
    shown = next(frame for frame in frames(query, model) if frame.segment == 1)
    assert shown.x[1, 2, 3, 0] == 255, "and the first frame after it shows it"


def test_a_point_can_be_dragged_to_another_place_on_its_way() -> None:
    paint, mask = np.full((6, 2), 2.5, np.float32), np.zeros((6, 2), bool)
    mask[4] = True
    dragged = replace(PLAIN, sampler="still", turns=(Turn(0.5, paint=paint, mask=mask),))
    moved, plain = end(dragged), end(replace(PLAIN, sampler="still"))
    assert torch.equal(moved[4], torch.tensor([2.5, 2.5]))
    assert torch.equal(moved[[0, 1, 2, 3, 5]], plain[[0, 1, 2, 3, 5]])


# ---- where a way begins


def test_points_that_are_given_raw_are_where_the_way_begins_and_pictures_are_put_back_first() -> None:
    given = np.array([[0.5, -1.0]], np.float32)
    raw = way(TrajectoryQuery(n=3, sampler="still", given=given, begin=0.4, raw=True))
    assert torch.equal(raw[0][1].x, torch.tensor(given).expand(3, 2)) and raw[0][1].progress == 0.4
    noised = way(TrajectoryQuery(n=3, sampler="still", given=given, begin=0.4))
    assert noised[0][1].progress == 0.4 and not torch.equal(noised[0][1].x[0], noised[0][1].x[1])
    kept = way(TrajectoryQuery(n=3, given=given, begin=1.0))
    assert len(kept) == 1 and torch.equal(kept[0][1].x, torch.tensor(given).expand(3, 2))


# ---- frames


@pytest.mark.parametrize("turns", [(), (Turn(0.35, seed=1),), (Turn(0.35, seed=1), Turn(0.6, seed=2, steps=20))])
@pytest.mark.parametrize("few", [1, 4, 100])
def test_frames_begin_at_noise_end_at_data_and_never_go_back(turns: tuple[Turn, ...], few: int) -> None:
    found = frames(replace(PLAIN, turns=turns, frames=few))
    assert found[0].progress == 0.0 and found[-1].progress == 1.0
    assert all(a.progress <= b.progress and a.number <= b.number for a, b in pairwise(found))
    assert found[0].curves is not None and found[0].samplers == ("noisy", "still")
    assert all(frame.curves is None and frame.samplers == () for frame in found[1:])
    assert found[-1].number == found[-1].total == found[-1].cost
    assert [frame.segment for frame in found][-1] == len(turns)


def test_with_a_tail_only_what_comes_after_the_last_turn_is_sent_and_it_is_the_same() -> None:
    turned = replace(PLAIN, turns=(Turn(0.3, seed=1), Turn(0.6, seed=2)))
    whole, tail = frames(turned), frames(replace(turned, tail=True))
    expected = [frame for frame in whole if frame.segment == 2]
    assert len(tail) == len(expected) == 5 and tail[0].curves is not None
    for a, b in zip(tail, expected, strict=True):
        assert np.array_equal(a.x, b.x) and (a.progress, a.number, a.cost) == (b.progress, b.number, b.cost)


def test_a_query_with_turns_and_its_frames_cross_the_thread() -> None:
    query = replace(PLAIN, turns=(Turn(0.3, 1, paint=np.zeros((1, 2)), mask=np.zeros((1, 2), bool)),))
    assert pickle.loads(pickle.dumps(query)).turns[0].progress == 0.3
    for frame in frames(query):
        assert np.array_equal(pickle.loads(pickle.dumps(frame)).x, frame.x)


def test_closing_a_trajectory_after_a_turn_closes_the_way_that_is_walked() -> None:
    closed = []

    class Watched(Walker):
        def trajectory(self, *arguments: Any, **named: Any) -> Any:
            try:
                yield from super().trajectory(*arguments, **named)
            finally:
                closed.append(True)

    states = travel(replace(PLAIN, turns=(Turn(0.3),)), scene(Watched()))
    for _ in range(7):
        next(states)
    assert len(closed) == 1, "the first way was left at its turn"
    states.close()
    assert len(closed) == 2


# ---- what is refused


BAD: dict[str, tuple[TrajectoryQuery, str]] = {
    "none": (replace(PLAIN, n=0), "n is 0; expected at least 1"),
    "begin": (replace(PLAIN, given=np.zeros((1, 2)), begin=1.5), r"begin is 1.5; the range is 0 \(noise\) to 1"),
    "nowhere": (replace(PLAIN, begin=math.nan), "begin is nan"),
    "turn": (replace(PLAIN, turns=(Turn(-0.1),)), "progress is -0.1; the range is 0"),
    "many": (replace(PLAIN, steps=MOST + 1), f"steps is {MOST + 1}; the range is 1 to {MOST}"),
    "fewer than none": (replace(PLAIN, steps=-3), "steps is -3; expected 1 or more"),
    "turn's steps": (replace(PLAIN, turns=(Turn(0.5, steps=-3),)), "steps is -3"),
    "sampler": (replace(PLAIN, sampler="fast"), "sampler is 'fast'; expected one of: noisy, still"),
    "turn's sampler": (replace(PLAIN, turns=(Turn(0.5, sampler="fast"),)), "expected one of: noisy, still"),
    "few weights": (replace(PLAIN, mix=(1.0, 1.0)), "mix has 2 weights.*expected 3"),
    "negative": (replace(PLAIN, mix=(1.0, -1.0, 1.0)), "none negative"),
    "empty": (replace(PLAIN, mix=(0.0, 0.0, 0.0)), "not all 0"),
    "not a number": (replace(PLAIN, mix=(1.0, math.nan, 0.0)), "mix has 3 weights"),
    "turn's mix": (replace(PLAIN, turns=(Turn(0.5, mix=(1.0,)),)), "mix has 1 weights.*expected 3"),
    "guidance": (replace(PLAIN, guidance=math.inf), "guidance is inf; expected a finite number"),
    "class": (replace(PLAIN, y=2), "y is 2; expected 0 to 1"),
    "turn's class": (replace(PLAIN, turns=(Turn(0.5, y=9),)), "y is 9; expected 0 to 1"),
    "shape": (replace(PLAIN, given=np.zeros((1, 3)), begin=0.5), r"given has the shape \(1, 3\); expected \(6, 2\)"),
    "not finite": (replace(PLAIN, given=np.full((1, 2), np.nan), begin=0.5), "not finite"),
    "mask": (replace(PLAIN, turns=(Turn(0.5, paint=np.zeros((6, 2)), mask=np.ones((5, 2), bool)),)), "mask has the"),
    "paint": (replace(PLAIN, turns=(Turn(0.5, paint=np.zeros((6, 3)), mask=np.ones((6, 2), bool)),)), "paint has the"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_done_is_said_in_one_sentence(name: str) -> None:
    query, words = BAD[name]
    with pytest.raises(SpecError, match=words) as caught:
        way(query)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["turn", "fewer than none", "turn's sampler", "turn's mix", "turn's class"])
def test_it_is_refused_before_the_first_step(name: str) -> None:
    model = Walker()
    with pytest.raises(SpecError):
        next(travel(BAD[name][0], scene(model)))
    assert model.evaluations == 0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"guidance": 3.0}, "guidance is 3, but Random walk learned no classes; train it with labels on, or leave"),
        ({"mix": (1.0, 0.0, 0.0)}, "mix is .* learned no classes"),
        ({"y": 1}, "y is 1, but Random walk learned no classes"),
        ({"turns": (Turn(0.5, guidance=2.0),)}, "guidance is 2, but Random walk learned no classes"),
        ({"turns": (Turn(0.5, y=0),)}, "y is 0, but Random walk learned no classes"),
    ],
)
def test_a_model_without_classes_cannot_be_guided_and_says_so(change: dict[str, Any], words: str) -> None:
    with pytest.raises(SpecError, match=words):
        way(replace(PLAIN, **change), Walker(knows=False))


def test_a_diffusion_asked_for_more_steps_than_it_has_names_both_numbers() -> None:
    model = build(
        {"kind": "ddpm", "timesteps": 20, "schedule": "cosine"}, DataCard("p", "P", (2,), "continuous", (-3, 3))
    )
    with pytest.raises(SpecError) as caught:
        way(TrajectoryQuery(n=1, steps=21), model)  # type: ignore[arg-type]
    assert "21" in str(caught.value) and "20" in str(caught.value)


def test_the_points_of_the_walk_are_those_of_its_card() -> None:
    assert end(PLAIN).shape == (6, *POINTS.shape)
