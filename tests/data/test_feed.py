"""The feed: every example once an epoch, scaled and binarised as the card says, resumed exactly."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from gm_core.data.base import SPLITS, DataError
from gm_core.data.feed import WORTH, Feed, bring
from gm_core.data.registry import data_kinds, find_data, make_data
from gm_core.maths.batch import Batch
from gm_core.maths.binning import binarise, dequantise, evenly, threshold, to_unit
from gm_core.spec import SpecError

READY = [kind.name for kind in data_kinds() if kind.ready]


def digits(**choices: Any) -> Any:
    return make_data({"kind": "digits", **choices})


def toy(n: int) -> Any:
    return make_data({"kind": "moons", "train": n, "validation": 10, "test": 10})


@pytest.mark.parametrize("kind", READY)
def test_every_ready_set_is_made_with_its_defaults_and_obeys_its_card(kind: str) -> None:
    data = make_data({"kind": kind})
    card, feed = data.card, Feed(data, 64)
    lo, hi = card.range
    assert card.name == kind
    for split in SPLITS:
        assert feed.count(split) == card.splits[split] == len(data.part(split))
        x, y = feed.examples(split, torch.arange(feed.count(split)), torch.Generator().manual_seed(0))
        assert x.dtype == torch.float32 and tuple(x.shape[1:]) == card.shape
        inside = float(((x >= lo) & (x <= hi)).double().mean())
        assert inside == 1.0 or (card.kind == "points" and inside > 0.995)
        if card.classes:
            assert y is not None and y.dtype == torch.int64
            assert y.unique().tolist() == list(range(len(card.classes)))
        else:
            assert y is None
    assert card.exact == (data.exact is not None) == (feed.exact is not None)


def test_every_parameter_of_every_set_has_a_tip_and_every_number_bounds() -> None:
    for kind in data_kinds():
        for row in kind.rows:
            assert row.tip.endswith("."), f"{kind.name}.{row.path}"
            if row.kind in ("int", "float", "ints", "floats"):
                assert row.lo is not None and row.hi is not None, f"{kind.name}.{row.path}"


def test_the_catalogue_names_every_set_with_a_sentence() -> None:
    kinds = {kind.name: kind for kind in data_kinds()}
    assert set(kinds) == set(find_data())
    for kind in kinds.values():
        assert kind.title and kind.group and kind.summary.endswith((".", "?"))


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 60), st.integers(1, 25), st.integers(0, 5))
def test_each_epoch_meets_every_example_exactly_once(n: int, batch: int, seed: int) -> None:
    feed = Feed(toy(n), batch, seed=seed)
    drawn: list[int] = []
    while len(drawn) < 3 * n:
        made = feed.next()
        assert made.index is not None and len(made) == batch
        drawn.extend(made.index.tolist())
    for epoch in range(3):
        assert sorted(drawn[epoch * n : (epoch + 1) * n]) == list(range(n))


def test_a_batch_holds_the_examples_that_its_index_names() -> None:
    data = toy(40)
    part, made = data.part("train"), Feed(data, 7).next()
    assert made.index is not None and made.y is not None
    assert torch.equal(made.x, part.x[made.index]) and torch.equal(made.y, part.y[made.index])


def test_the_order_changes_from_epoch_to_epoch_and_with_the_seed() -> None:
    feed = Feed(toy(50), 50, seed=1)
    first, second = feed.next().index, feed.next().index
    other = Feed(toy(50), 50, seed=2).next().index
    assert not torch.equal(first, second) and not torch.equal(first, other)
    assert torch.equal(first, Feed(toy(50), 50, seed=1).next().index)


def test_all_ranks_together_meet_an_epoch_once() -> None:
    data = toy(60)
    feeds = [Feed(data, 5, seed=3, rank=rank, world=3) for rank in range(3)]
    drawn = [index for _ in range(4) for feed in feeds for index in feed.next().index.tolist()]
    assert sorted(drawn) == list(range(60))


def test_ranks_draw_different_noise() -> None:
    data = digits(binarisation="dynamic")
    a, b = (Feed(data, 10, seed=3, rank=rank, world=2) for rank in range(2))
    assert not torch.equal(torch.rand(5, generator=a._noise), torch.rand(5, generator=b._noise))


def ahead(data: Any, batch: int, seed: int = 0) -> Feed:
    """A feed that draws each next batch on a thread of its own."""
    feed = Feed(data, batch, seed=seed)
    feed.draws_ahead = True
    return feed


def same(one: Batch, two: Batch) -> bool:
    """Whether two batches are of the same bits."""
    assert one.index is not None and two.index is not None
    return torch.equal(one.x, two.x) and torch.equal(one.index, two.index)


@pytest.mark.parametrize("make", [Feed, ahead])
@pytest.mark.parametrize("choices", [{"binarisation": "dynamic"}, {"dequantise": True}, {}])
@pytest.mark.parametrize("batch", [100, 700])
def test_ten_batches_equal_five_then_save_and_load_then_five(
    choices: dict[str, Any], batch: int, make: Callable[..., Feed]
) -> None:
    data = digits(**choices)
    whole = Feed(data, batch, seed=4)
    expected = [whole.next() for _ in range(10)]
    first = make(data, batch, seed=4)
    for made in expected[:5]:
        assert same(made, first.next())
    saved = first.state()
    assert saved.keys() == whole.state().keys()
    first.next()  # what the first feed does afterwards does not reach what was saved
    second = make(data, batch, seed=99)
    second.next()
    second.load(saved)
    for made in expected[5:]:
        assert same(made, second.next())
    assert all(torch.equal(value, second.state()[name]) for name, value in whole.state().items())


def test_only_batches_that_are_worth_it_are_drawn_ahead_and_on_another_thread(monkeypatch: Any) -> None:
    drew: list[str] = []

    def watched(feed: Feed, draw: Any = Feed._draw) -> Batch:
        drew.append(threading.current_thread().name)
        return draw(feed)  # type: ignore[no-any-return]

    monkeypatch.setattr(Feed, "_draw", watched)
    small, large = ahead(digits(), WORTH // 64 - 1), ahead(digits(), WORTH // 64)
    for feed, others in (small, 0), (large, 3):
        drew.clear()
        for _ in range(3):
            feed.next()
        feed.load(feed.state())  # waits for the one that is drawn
        assert sum(name != threading.current_thread().name for name in drew) == others


def test_other_data_come_after_the_last_batch_that_was_handed_out() -> None:
    """What was drawn ahead from the old data is forgotten, also where it had begun a new epoch."""
    old, new = digits(binarisation="dynamic"), digits(binarisation="dynamic", limit=700)
    for batches in 1, 2, 3:
        quiet, hasty = Feed(old, 600, seed=2), ahead(old, 600, seed=2)
        for _ in range(batches):
            assert same(quiet.next(), hasty.next())
        for feed in quiet, hasty:
            feed.change(new, new.card)
        for _ in range(3):
            assert same(quiet.next(), hasty.next())
        hasty.draws_ahead = False
        assert same(quiet.next(), hasty.next()) and same(quiet.next(), hasty.next())


def test_a_batch_that_could_not_be_drawn_ahead_fails_when_it_is_asked_for_and_can_be_asked_for_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    quiet, hasty = (make(digits(binarisation="dynamic"), 600, seed=2) for make in (Feed, ahead))
    here, room = threading.current_thread(), threading.Event()

    def crowded(x: Tensor, card: Any, levels: int, rng: torch.Generator) -> Tensor:
        made = bring(x, card, levels, rng)
        if threading.current_thread() is not here and not room.is_set():
            raise MemoryError("no room")
        return made

    monkeypatch.setattr("gm_core.data.feed.bring", crowded)
    assert same(quiet.next(), hasty.next())
    with pytest.raises(MemoryError):
        hasty.next()
    assert all(torch.equal(value, hasty.state()[name]) for name, value in quiet.state().items())
    room.set()
    for _ in range(3):
        assert same(quiet.next(), hasty.next())


def test_a_state_that_is_refused_leaves_the_batch_that_was_drawn_ahead() -> None:
    quiet, hasty = Feed(digits(limit=700), 600), ahead(digits(limit=700), 600)
    large = Feed(digits(), 900)
    for feed in quiet, hasty, large:
        feed.next()
    with pytest.raises(DataError, match="stands at example 900"):
        hasty.load(large.state())
    assert same(quiet.next(), hasty.next())


def test_the_state_is_small_and_made_of_tensors() -> None:
    state = Feed(toy(1000), 10).state()
    assert all(isinstance(value, torch.Tensor) for value in state.values())
    assert sum(value.numel() * value.element_size() for value in state.values()) < 20_000


def test_looking_at_examples_does_not_disturb_training() -> None:
    data = digits(binarisation="dynamic")
    quiet, watched = Feed(data, 50, seed=1), Feed(data, 50, seed=1)
    for step in range(20):
        watched.examples("train", torch.arange(10), torch.Generator().manual_seed(step))
        list(watched.fixed("validation", 100, 0))
        assert torch.equal(quiet.next().x, watched.next().x)


def test_fixed_batches_are_the_same_each_time_and_spread_over_the_split() -> None:
    feed = Feed(digits(binarisation="dynamic"), 50)
    a, b = list(feed.fixed("test", 100, seed=2, portion=40)), list(feed.fixed("test", 100, seed=2, portion=40))
    assert [len(batch) for batch in a] == [40, 40, 20]
    assert all(torch.equal(one.x, two.x) for one, two in zip(a, b))
    index = torch.cat([batch.index for batch in a if batch.index is not None])
    assert index.unique().numel() == 100 and int(index.max()) >= 440
    assert sum(len(batch) for batch in feed.fixed("test", 10_000)) == 450


def test_dynamic_binarisation_has_the_grey_as_its_mean() -> None:
    data = digits(binarisation="dynamic")
    feed, draws = Feed(data, 1), 2000
    grey = data.part("test").x[:8].float() / 16
    total = torch.zeros_like(grey)
    rng = torch.Generator().manual_seed(0)
    for _ in range(draws):
        x, _ = feed.examples("test", torch.arange(8), rng)
        assert set(x.unique().tolist()) <= {0.0, 1.0}
        total += x
    error = (grey * (1 - grey) / draws).sqrt()
    assert bool(((total / draws - grey).abs() <= 5 * error + 1e-12).all())


@pytest.mark.parametrize("levels", [2, 17, 256])
def test_threshold_is_white_above_one_half(levels: int) -> None:
    x = torch.arange(levels, dtype=torch.uint8)
    assert torch.equal(threshold(x, levels), (x.double() / (levels - 1) > 0.5).float())
    assert torch.equal(threshold(to_unit(x, levels), levels), threshold(x, levels))


@pytest.mark.parametrize("levels", [2, 17, 256])
def test_dequantised_levels_stay_in_their_cells(levels: int) -> None:
    x = torch.arange(levels, dtype=torch.uint8).repeat(5000)
    spread = dequantise(x, levels, torch.Generator().manual_seed(0))
    assert float(spread.min()) >= 0 and float(spread.max()) < 1
    inside = (spread.double() * levels).floor() == x
    assert float(inside.double().mean()) > 0.9999  # float32 rounds a few onto the next cell's edge


@pytest.mark.parametrize("levels", [2, 17, 256])
def test_black_stays_black_and_white_stays_white(levels: int) -> None:
    x = torch.tensor([0, levels - 1], dtype=torch.uint8).repeat(100_000)
    assert torch.equal(binarise(x, levels, torch.Generator().manual_seed(0)), to_unit(x, levels))


@pytest.mark.parametrize("count", [1, 2, 3, 16, 100, 199, 254, 255])
def test_whole_numbers_are_drawn_evenly(count: int) -> None:
    n = 400_000
    drawn = evenly(torch.Size([n]), count, torch.Generator().manual_seed(0))
    seen = torch.bincount(drawn.long(), minlength=count).double()
    assert len(seen) == count
    chi2 = float(((seen - n / count).square() / (n / count)).sum())
    assert chi2 <= count - 1 + 4.5 * (2 * count) ** 0.5  # mean and spread of chi-squared with count - 1 freedoms


@pytest.mark.parametrize("levels", [2, 3, 17, 200, 256])
def test_every_grey_is_white_as_often_as_it_should_be(levels: int) -> None:
    n = 20_000
    x = torch.arange(levels, dtype=torch.uint8).repeat(n, 1)
    found = binarise(x, levels, torch.Generator().manual_seed(0)).double().mean(0)
    p = torch.arange(levels, dtype=torch.float64) / (levels - 1)
    assert bool(((found - p).abs() <= 4.5 * (p * (1 - p) / n).sqrt() + 1e-12).all())


def test_neighbouring_pixels_are_drawn_independently() -> None:
    x = torch.full((100_000, 9), 128, dtype=torch.uint8)
    white = binarise(x, 256, torch.Generator().manual_seed(0)).double()
    error = torch.corrcoef(white.T) - torch.eye(9, dtype=torch.float64)
    assert float(error.abs().max()) < 5 / 100_000**0.5


@pytest.mark.parametrize(
    ("choices", "values", "levels", "span"),
    [
        ({}, "levels", 17, (0.0, 1.0)),
        ({"centred": True}, "levels", 17, (-1.0, 1.0)),
        ({"binarisation": "threshold"}, "binary", 2, (0.0, 1.0)),
        ({"binarisation": "dynamic", "centred": True}, "binary", 2, (-1.0, 1.0)),
        ({"dequantise": True}, "continuous", 17, (0.0, 1.0)),
    ],
)
def test_the_card_says_what_comes_out(
    choices: dict[str, Any], values: str, levels: int, span: tuple[float, float]
) -> None:
    data = digits(**choices)
    assert (data.card.values, data.card.levels, data.card.range) == (values, levels, span)
    x = Feed(data, 1200).next().x
    assert float(x.min()) == pytest.approx(span[0], abs=0.01) and float(x.max()) == pytest.approx(span[1], abs=0.01)
    if values == "binary":
        assert x.unique().tolist() == list(span)
    elif values == "levels":
        assert len(x.unique()) == levels


def test_digits_are_split_as_the_published_baselines_are() -> None:
    from sklearn.datasets import load_digits

    truth = torch.from_numpy(load_digits().images)
    data = digits(validation=0)
    assert dict(data.card.splits) == {"train": 1347, "validation": 134, "test": 450}
    assert torch.equal(data.part("train").x[:, 0].double(), truth[:1347])
    assert torch.equal(data.part("test").x[:, 0].double(), truth[1347:])
    held = digits()
    assert torch.equal(held.part("validation").x[:, 0].double(), truth[1200:1347])
    assert torch.equal(held.part("train").x[:, 0].double(), truth[:1200])


def test_digits_are_the_same_where_scikit_learn_keeps_its_file_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    quick = digits().part("train")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    asked = digits().part("train")
    assert torch.equal(quick.x, asked.x) and quick.y is not None and asked.y is not None
    assert torch.equal(quick.y, asked.y)


def test_the_limit_takes_the_first_training_examples_only() -> None:
    data = digits(limit=100)
    assert data.card.splits["train"] == 100 and data.card.splits["validation"] == 147


def test_two_ways_of_treating_grey_at_once_are_refused() -> None:
    with pytest.raises(ValueError, match=r"data\.dequantise is on and data\.binarisation is dynamic"):
        digits(dequantise=True, binarisation="dynamic")


def test_a_split_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="split is 'dev'; expected one of: train, validation, test"):
        Feed(toy(10), 2).count("dev")


def test_a_state_from_a_larger_set_is_refused() -> None:
    large = Feed(toy(500), 400)
    large.next()
    with pytest.raises(DataError, match="stands at example 400 of an epoch; Two moons has 50"):
        Feed(toy(50), 10).load(large.state())


def test_another_data_set_is_brought_to_the_same_values_or_refused(tmp_path: Any) -> None:
    import numpy as np

    np.save(tmp_path / "grey.npy", np.arange(64 * 30).reshape(30, 8, 8).astype(np.uint8) % 17)
    feed = Feed(digits(binarisation="threshold"), 16)
    other = feed.elsewhere({"kind": "arrays", "file": str(tmp_path / "grey.npy"), "levels": 17})
    assert other.card.values == "binary" and other.card.shape == feed.card.shape
    x, _ = other.examples("test", torch.arange(3), torch.Generator().manual_seed(0))
    assert set(x.unique().tolist()) <= {0.0, 1.0}
    with pytest.raises(SpecError, match="this model takes binary ones of shape"):
        feed.elsewhere({"kind": "moons"})
