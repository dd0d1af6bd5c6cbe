"""The answer to what data would look like: read in portions, checked whole, and shown as a model will see them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import torch

from gm_core.capabilities.base import answers_alone, to_picture
from gm_core.capabilities.preview import Preview, PreviewQuery
from gm_core.data.feed import Feed
from gm_core.data.folder import LISTED
from gm_core.data.registry import make_data, prepare_data


@answers_alone(PreviewQuery)
def preview(query: PreviewQuery, rng: torch.Generator) -> Iterator[Preview | None]:
    """Views while the data are read, then the examples and the card; raises as making the data does."""
    last = None
    for view in prepare_data(query.data):
        last = view or last
        yield view
    data = make_data(query.data)
    feed = Feed(data, 1)
    count = feed.count("train")
    shown = min(query.n, count)
    chosen = torch.arange(shown) * count // max(shown, 1)  # spread evenly: folders come one after another
    x, y = feed.examples("train", chosen, rng)
    names = () if y is None else tuple(data.card.classes[at] for at in y.tolist())
    items = to_picture(x, data.card)
    yield replace(
        last or Preview(items),
        items=items,
        labels=names,
        skipped=data.skipped[:LISTED],
        left_out=len(data.skipped),
        card=data.card,
    )
