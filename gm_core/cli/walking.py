"""`interpolate`: walk between codes by one way or by all of them, as a strip, a film, or numbers."""

from __future__ import annotations

import argparse

import numpy as np
import torch

from gm_core.capabilities.base import Scene, answer
from gm_core.capabilities.latent import Latent
from gm_core.capabilities.paths import WAYS, ComparedPaths, ComparePathsQuery, PathStop, PathWay
from gm_core.cli.common import able, done, load, numbers, settings, source_of
from gm_core.cli.output import CommandError, say
from gm_core.cli.pictures import Pixels, ending, sheet, tiles, write_gif, write_mp4, write_npy, write_png
from gm_core.cli.sites import label_of
from gm_core.data.feed import Feed
from gm_core.data.registry import make_data
from gm_core.engine.lane import NoFeed
from gm_core.maths.pacing import film_order
from gm_core.protocol.cards import DataCard
from gm_core.runs.video import video_missing
from gm_core.scripting import Loaded, device_of

STRIP, FILM = 10, 60
FPS = 1000 / 60


def interpolate(arguments: argparse.Namespace) -> int:
    """Walk between codes of the prior or of real examples; length and energy are said."""
    kind = ending(arguments.out, (".png", ".gif", ".mp4", ".npy"))
    if kind == ".mp4" and video_missing():
        raise CommandError(video_missing())
    if arguments.way == "all" and kind == ".npy":
        raise CommandError("--way is 'all', but numbers are those of one way; name it, or write a picture")
    loaded = load(arguments)
    able(loaded, Latent.word, "interpolate")
    found = _walk(arguments, loaded, kind)
    for way in found.ways:
        say(f"{way.way}: length {way.length:.4g}, energy {way.energy:.4g}")
    card = loaded.model.card
    if kind == ".npy":
        y = label_of(arguments.y, len(found.ways[0].z), loaded.model)
        with torch.no_grad():
            z = torch.as_tensor(found.ways[0].z, device=device_of(loaded.model))
            x = loaded.model.decode(z, y)  # type: ignore[operator]
        write_npy(arguments.out, numbers(x))
    elif kind == ".png":
        rows = [tiles(way.items, card) for way in found.ways]
        write_png(
            arguments.out, sheet([tile for row in rows for tile in row], len(rows[0])), settings(arguments, loaded)
        )
    else:
        order = film_order(len(found.ways[0].items), arguments.order)
        pages = [_page(found.ways, frame, card) for frame in order]
        rests = arguments.order == "once"
        write = write_gif if kind == ".gif" else write_mp4
        write(arguments.out, pages, settings(arguments, loaded), arguments.fps, rests)
    return done(arguments)


def _walk(arguments: argparse.Namespace, loaded: Loaded, kind: str) -> ComparedPaths:
    """All frames of the answer, of which the last is the best."""
    stops = tuple(PathStop(index=index) for index in arguments.examples or ())
    if not stops and arguments.stops != 2:
        stops = tuple(PathStop(seed=arguments.seed + i) for i in range(arguments.stops))
    y = label_of(arguments.y, 1, loaded.model)
    query = ComparePathsQuery(
        seed=arguments.seed,
        stops=stops,
        n=arguments.n or (STRIP if kind in (".png", ".npy") else FILM),
        ways=WAYS if arguments.way == "all" else (arguments.way,),
        easing=arguments.easing,
        closed=arguments.order == "loop",
        even=arguments.even,
        among=0,
        y=None if y is None else int(y[0]),
    )
    device = device_of(loaded.model)
    if arguments.examples:
        feed = Feed(make_data(loaded.spec.data), batch=1, device=device)
    else:
        feed = NoFeed(loaded.model.card, "no examples were named; name some with --examples")
    with torch.no_grad():
        frames = answer(query, Scene(loaded.model, feed, source_of(arguments, loaded), device))
        *_, last = (frame for frame in frames if isinstance(frame, ComparedPaths))
    return last


def _page(ways: tuple[PathWay, ...], frame: int, card: DataCard) -> Pixels:
    """One frame of a film: each way's picture side by side, or all their points in one plot."""
    if card.kind == "images":
        return sheet([tiles(way.items[frame : frame + 1], card)[0] for way in ways], len(ways))
    return sheet(tiles(np.concatenate([way.items[frame : frame + 1] for way in ways]), card), 1)
