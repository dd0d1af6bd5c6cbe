"""Embedding: codes of many dimensions laid out on a plane by t-SNE, so that near codes stay near.

t-SNE (van der Maaten & Hinton 2008, JMLR 9) matches the chances p_ij that codes i and j are neighbours with those q_ij
on the plane, by lowering KL(P || Q). Distances between far groups mean nothing, and no place between the points can be
decoded: a map to look at, not to walk on. By scikit-learn, on a thread of its own, as one call cannot be interrupted.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass

from gm_core.capabilities.base import Scene, answers
from gm_core.capabilities.encodes import Encodes
from gm_core.protocol.commands import Query
from gm_core.protocol.events import Array, Frame
from gm_core.spec import SpecError

ROUND = 250
"""Steps of descent between two pictures; scikit-learn takes no fewer."""
ROUNDS = 3
MOST = 2000
WAIT = 0.005
"""Seconds that the worker rests between two looks at the thread, so that it does not spin."""


@dataclass(frozen=True, slots=True)
class EmbedQuery(Query):
    """Lay out the `codes` (n, k) on the plane, for 4 to 2000 codes; 1000 take 3 to 6 s on one core.

    `perplexity` is about how many neighbours each code has; it is kept below a third of n.
    """

    codes: Array | None = None
    perplexity: float = 30.0


@dataclass(frozen=True, slots=True)
class Embedding(Frame):
    """Where each code lies, xy float32 (n, 2), after `done` of `total` rounds; centred, and within -3 to 3."""

    xy: Array
    done: int
    total: int


@answers(Encodes.word, EmbedQuery)
def embed(query: EmbedQuery, scene: Scene) -> Iterator[Embedding | None]:
    """Each round sends a picture; closing it in between stops the thread at the end of its round."""
    import numpy as np

    if query.codes is None or query.codes.ndim != 2 or not 4 <= len(query.codes) <= MOST:
        found = "missing" if query.codes is None else f"of shape {query.codes.shape}"
        raise SpecError("codes", f"the codes are {found}; expected (n, k) with n from 4 to {MOST}: give as many")
    if not np.isfinite(query.codes).all():
        raise SpecError("codes", "some codes are no numbers; train the model anew before it is mapped")
    made: queue.SimpleQueue[Array | Exception] = queue.SimpleQueue()
    given_up = threading.Event()
    thread = threading.Thread(target=_rounds, args=(query, made, given_up), name="t-SNE", daemon=True)
    thread.start()
    try:
        for done in range(1, ROUNDS + 1):
            while True:
                try:
                    found_xy = made.get(timeout=WAIT)
                    break
                except queue.Empty:
                    yield None
            if isinstance(found_xy, Exception):
                raise found_xy
            yield Embedding(found_xy, done, ROUNDS)
    finally:
        given_up.set()


def _rounds(query: EmbedQuery, made: queue.SimpleQueue[Array | Exception], given_up: threading.Event) -> None:
    """The work itself: the first round exaggerates what is near, each next one goes on from where the last ended."""
    import numpy as np

    try:
        from sklearn.manifold import TSNE

        assert query.codes is not None
        codes = np.ascontiguousarray(query.codes, np.float32)
        start: str | Array = "pca" if codes.shape[1] >= 2 else "random"
        perplexity = min(query.perplexity, (len(codes) - 1) / 3)
        for number in range(ROUNDS):
            xy = TSNE(
                perplexity=perplexity,
                init=start,
                max_iter=ROUND,
                early_exaggeration=12.0 if number == 0 else 1.0,
                random_state=query.seed,
                n_jobs=1,
            ).fit_transform(codes)
            xy = np.asarray(xy - xy.mean(0), np.float32)
            made.put(xy / max(float(np.abs(xy).max()), 1e-12) * 3.0)
            if given_up.is_set():
                return
            start = xy
    except Exception as error:  # whatever went wrong is told by the worker, in its own words
        made.put(error)
