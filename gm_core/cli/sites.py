"""`complete`, and what `sample` and `trajectory` do with models that draw one number after another."""

from __future__ import annotations

import argparse
import sys
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from gm_core.capabilities import Completes, Sitewise
from gm_core.capabilities.base import to_picture
from gm_core.capabilities.sitewise import SiteState
from gm_core.capabilities.stepwise import StepState
from gm_core.cli.common import able, count_of, done, load, numbers, read_examples, settings, source_of
from gm_core.cli.output import CommandError, say
from gm_core.cli.pictures import Pixels, ending, square, tiles, write_npy, write_png
from gm_core.data.base import DataError
from gm_core.model import GenerativeModel
from gm_core.protocol.cards import DataCard
from gm_core.scripting import device_of

Item = TypeVar("Item")


def draw_sites(model: Any, n: int, rng: torch.Generator, y: Tensor | None) -> Tensor:
    """What `model.sample` draws, saying on the error stream how far it is."""
    x: Tensor = model.to_example(deque(_filled(model, n, rng, y), maxlen=1).pop().values)
    return x


def filling(model: Any, n: int, rng: torch.Generator, y: Tensor | None) -> Iterator[StepState]:
    """The pictures on the way, from the empty one; `t` counts the sites that are drawn."""
    yield StepState(_blank(model, n), 0.0, "empty", {}, {"t": 0.0})
    for state in _filled(model, n, rng, y):
        x = model.to_example(state.values.clone())
        yield StepState(x, state.number / state.total, f"site {state.number}", {}, {"t": float(state.number)})


def _blank(model: GenerativeModel, n: int) -> Tensor:
    return torch.full((n, *model.card.shape), model.card.range[0], device=device_of(model))


def _filled(model: GenerativeModel, n: int, rng: torch.Generator, y: Tensor | None) -> Iterator[SiteState]:
    assert isinstance(model, Sitewise)
    nothing = torch.zeros(model.card.size, dtype=torch.bool)
    return _watched(model.fill(_blank(model, n), nothing, rng, y), model.card.size)


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
    last = deque(_watched(states, card.size + 1), maxlen=1).pop()
    assert last.log_prob is not None and last.effective is not None
    how = "exactly" if exact else f"with {arguments.particles} particles, {float(last.effective):.1f} of them effective"
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
    flat = torch.from_numpy(np.ascontiguousarray(mask != 0)).flatten()
    return flat.repeat(card.shape[0]) if card.kind == "images" else flat


def label_of(name: str | None, n: int, model: GenerativeModel) -> Tensor | None:
    """The class that was named or numbered, n times; None where none was. Raises CommandError."""
    if name is None:
        return None
    classes = model.card.classes
    if "classes" not in model.offers():
        raise CommandError(f"--y is {name!r} but this model learned no classes; leave it out, or train with labels")
    if name not in classes and not (name.isdigit() and int(name) < len(classes)):
        raise CommandError(f"--y is {name!r}; expected one of: {', '.join(classes)}")
    label = classes.index(name) if name in classes else int(name)
    return torch.full((n,), label, device=device_of(model))


def _watched(items: Iterator[Item], total: int) -> Iterator[Item]:
    """Pass items on; where a person looks and it takes a while, say how far it is and how long it will last."""
    began = told = time.monotonic()
    watched = sys.stderr.isatty()
    for number, item in enumerate(items, 1):
        now = time.monotonic()
        if watched and now - told > 0.5:
            told = now
            left = (now - began) / number * (total - number)
            print(f"\rsite {number} of {total}, about {left:.0f} s left ", end="", file=sys.stderr, flush=True)
        yield item
    if watched and told > began:
        print("\r\x1b[2K", end="", file=sys.stderr, flush=True)
