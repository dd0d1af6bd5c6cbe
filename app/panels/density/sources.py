"""Where the examples of the density panel come from, and what they teach."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gm_core import api


@dataclass(frozen=True)
class Source:
    """One kind of examples that can be scored: its key, words, explanation and place among the series colours."""

    key: str
    label: str
    tip: str
    colour: int
    images_only: bool = False


SOURCES = (
    Source("test", "test", "Examples that the model never saw in training.", 0),
    Source("train", "train", "Examples that it was trained on: higher than test means that it remembers them.", 2),
    Source("noise", "noise", "Every number uniform at random.", 1),
    Source("shuffled", "shuffled", "Test examples whose pixels changed places: as much ink, no shape.", 4, True),
    Source("inverted", "inverted", "Test examples with black for white.", 6, True),
    Source("blank", "blank", "One empty picture.", 3, True),
    Source("other", "other", "The test examples of another data set of the same size.", 5, True),
)
MISLEADING = {
    "blank": "The empty picture",
    "inverted": "The median inverted picture",
    "other": "The median picture of the other data set",
}
YOURS = 7
"""The colour of the user's own drawing, among the label colours."""


def others(catalogue: api.Catalogue | None, own: str) -> tuple[str, ...]:
    """The sets of images that a model of images may be held against, but for its own."""
    kinds = () if catalogue is None else catalogue.data
    return tuple(kind.name for kind in kinds if kind.group == "images" and kind.name != own)


def query_for(key: str, n: int, seed: int, other: str) -> api.LogProbQuery:
    """The question behind a source."""
    if key in ("test", "train"):
        return api.LogProbQuery(seed=seed, n=n, split=key, pictures=True)
    if key == "other":
        return api.LogProbQuery(seed=seed, n=n, other={"kind": other}, pictures=True)
    return api.LogProbQuery(seed=seed, n=n, source=key, pictures=True)  # type: ignore[arg-type]


def share_below(value: float, values: np.ndarray) -> float:
    """The share of the values that are lower, 0 to 1."""
    return float((values < value).mean()) if len(values) else float("nan")


def warning(scores: dict[str, np.ndarray], yours: float | None = None) -> str:
    """What these numbers must not be taken for, with the case at hand if it is among them."""
    test = scores.get("test")
    words = []
    if test is not None and len(test):
        if yours is not None:
            share = 100 * share_below(yours, test)
            words.append(f"Yours: {yours:,.1f} nats, more probable than {share:.0f} % of the test set.")
        for key, name in MISLEADING.items():
            found = scores.get(key)
            share = 0.0 if found is None or not len(found) else 100 * share_below(float(np.median(found)), test)
            if share > 25:
                words.append(f"{name} is more probable than {share:.0f} % of the test set, yet nothing like it.")
                break
    words.append(
        "A high likelihood alone does not say that an example belongs to the data: models of clothes find digits more "
        "probable than clothes (Nalisnick et al. 2019)."
    )
    return " ".join(words)
