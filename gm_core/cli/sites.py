"""`complete`, and what `sample` and `trajectory` do with models that draw one number after another."""

from __future__ import annotations

import argparse
import sys
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gm_core.capabilities.base import to_picture
from gm_core.capabilities.complete import Completes
from gm_core.capabilities.sitewise import Drawing, Sitewise
from gm_core.capabilities.stepwise import Conditional, StepState
from gm_core.cli.common import able, count_of, done, load, numbers, read_examples, settings, source_of
from gm_core.cli.output import CommandError, say
from gm_core.cli.pictures import Pixels, ending, square, tiles, write_npy, write_png
from gm_core.data.base import DataError
from gm_core.model import GenerativeModel
from gm_core.protocol.cards import DataCard
from gm_core.scripting import device_of


def draw_sites(model: Any, n: int, rng: torch.Generator, y: Tensor | None) -> Tensor:
    """What `model.sample` draws, saying on the error stream how far it is."""
    x: Tensor = model.to_example(deque(_drawn(model, n, rng, y), maxlen=1).pop().values)
    return x


def filling(model: Any, n: int, rng: torch.Generator, y: Tensor | None, wanted: int = 0) -> list[StepState]:
    """Pictures on the way from the empty one to the last, at most `wanted` (0: all); `t` counts steps."""
    blank = torch.full((n, *model.card.shape), model.card.range[0], device=device_of(model))
    kept = [StepState(blank, 0.0, "empty", {}, {"t": 0.0})]
    chosen: set[int] = set()
    for state in _drawn(model, n, rng, y):
        chosen = chosen or set(spread(state.total + 1, wanted or state.total + 1))
        if state.number in chosen:
            x = model.to_example(state.values.clone())
            t = float(state.number)
            kept.append(StepState(x, state.number / state.total, f"site {state.number}", {}, {"t": t}))
    return kept


def spread(count: int, wanted: int) -> list[int]:
    """At most so many of the numbers below `count`, evenly, the first and the last among them."""
    if wanted >= count:
        return list(range(count))
    return list(dict.fromkeys(np.linspace(0, count - 1, max(wanted, 2)).round().astype(int).tolist()))


def _drawn(model: GenerativeModel, n: int, rng: torch.Generator, y: Tensor | None) -> Iterator[Drawing]:
    """The drawing, with how far it is and how long it will last where a person looks."""
    assert isinstance(model, Sitewise)
    watch = Watch()
    for state in model.drawing(n, rng, y):
        watch.tell(state.number, state.total)
        yield state
    watch.clear()


def complete(arguments: argparse.Namespace) -> int:
    """Draw the missing part of one example, several times."""
    kind = ending(arguments.out, (".png", ".npy"))
    loaded = load(arguments)
    model = able(loaded, Completes.word, "complete")
    assert isinstance(model, Completes)
    card, device = loaded.model.card, device_of(loaded.model)
    x = read_examples(arguments.data, card)[:1].to(device)
    known = read_mask(arguments.known, card)
    exact = model.exactly(known)
    y = label_of(arguments.y, 1, loaded.model)
    states = model.complete(x, known, count_of(arguments.n), source_of(arguments, loaded), y, 0.0, arguments.particles)
    watch, last = Watch(), None
    for last in states:
        watch.tell(round(last.progress * card.size), card.size)
    watch.clear()
    assert last is not None
    how = "exactly" if exact else model.how()
    if not how and last.effective is not None:
        how = f"with {arguments.particles} particles, {float(last.effective):.1f} of them effective"
    if last.log_prob is None:
        say(f"completed, approximately: {how}")
    else:
        nats = ", ".join(f"{value:.2f}" for value in last.log_prob.tolist())
        say(f"completed {how}; log p(missing | known) in nats: {nats}")
    if kind == ".npy":
        write_npy(arguments.out, numbers(last.x))
    else:
        shown: Pixels = square(tiles(to_picture(torch.cat([x, last.x]), card), card))
        write_png(arguments.out, shown, settings(arguments, loaded))
    return done(arguments)


def read_mask(path: Path, card: DataCard) -> Tensor:
    """Which numbers are known, bool (sites,), from a .npy of pixels (h, w) or numbers (d,). Raises DataError."""
    try:
        mask: Any = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        raise DataError(f"{path} is not a readable .npy array; give a mask of zeros and ones") from None
    wanted = card.shape[1:] if card.kind == "images" else card.shape
    if not isinstance(mask, np.ndarray) or mask.shape != wanted:
        found = mask.shape if isinstance(mask, np.ndarray) else "an archive"
        raise DataError(f"{path} has shape {found}; expected {wanted}: one mark for each pixel, 1 where it is known")
    if mask.dtype.kind not in "biuf":
        raise DataError(f"{path} holds {mask.dtype}; expected zeros and ones, 1 where a pixel is known")
    flat = torch.from_numpy(np.ascontiguousarray(mask != 0)).flatten()
    return flat.repeat(card.shape[0]) if card.kind == "images" else flat


def label_of(name: str | None, n: int, model: GenerativeModel) -> Tensor | None:
    """The class that was named or numbered, n times; None where none was. Raises CommandError."""
    if name is None:
        return None
    classes = model.card.classes
    if not {"classes", Conditional.word} & model.offers():
        raise CommandError(f"--y is {name!r} but this model learned no classes; leave it out, or train with labels")
    if name not in classes and not (name.isdigit() and int(name) < len(classes)):
        raise CommandError(f"--y is {name!r}; expected one of: {', '.join(classes)}")
    label = classes.index(name) if name in classes else int(name)
    return torch.full((n,), label, device=device_of(model))


class Watch:
    """Where a person looks and it takes a while, says how far it is and how long it will last."""

    def __init__(self) -> None:
        self._began = self._told = time.monotonic()
        self._watched = sys.stderr.isatty()

    def tell(self, number: int, total: int) -> None:
        """So many of all sites are done."""
        now = time.monotonic()
        if self._watched and now - self._told > 0.5:
            self._told = now
            left = (now - self._began) / number * (total - number)
            print(f"\rsite {number} of {total}, about {left:.0f} s left ", end="", file=sys.stderr, flush=True)

    def clear(self) -> None:
        """Take the line away."""
        if self._watched and self._told > self._began:
            print("\r\x1b[2K", end="", file=sys.stderr, flush=True)
