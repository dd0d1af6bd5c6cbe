"""Known causes come with their examples, by index, and data without them say so."""

from __future__ import annotations

import torch

from gm_core.data.base import SPLITS
from gm_core.data.feed import Feed
from gm_core.data.registry import make_data
from gm_core.engine.lane import NoFeed


def test_causes_belong_to_the_examples_of_the_same_indices() -> None:
    feed = Feed(make_data({"kind": "sprites", "train": 60, "validation": 20, "test": 20}), batch=10)
    assert "shape" in feed.factor_names
    for split in SPLITS:
        chosen = torch.tensor([7, 0, 13])
        found = feed.factors(split, chosen)
        assert found is not None and found.shape == (3, len(feed.factor_names)) and found.dtype == torch.float32
        _, y = feed.examples(split, chosen, torch.Generator())
        assert y is not None and torch.equal(found[:, feed.factor_names.index("shape")].long(), y)
        whole = feed.data.part(split).factors
        assert whole is not None and torch.equal(found, whole[chosen])


def test_digits_have_no_known_causes() -> None:
    feed = Feed(make_data({"kind": "digits"}), batch=10)
    assert feed.factor_names == () and feed.factors("train", torch.tensor([0])) is None


def test_data_that_are_not_here_have_none_either() -> None:
    feed = NoFeed(make_data({"kind": "digits"}).card, "nothing is here")
    assert feed.factor_names == () and feed.factors("train", torch.tensor([0])) is None
