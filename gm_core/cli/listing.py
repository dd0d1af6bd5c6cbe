"""`models`, `datasets`, `presets`, `runs`, `show`, `doctor`, `catalogue`: what there is. Mostly without torch."""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gm_core.cli.output import CommandError, plain, print_json, print_table, say, size_words
from gm_core.cli.overrides import catalogue_now, convert
from gm_core.presets import read_presets
from gm_core.protocol.events import Progress, Trouble
from gm_core.spec import dump_mapping


def models(arguments: argparse.Namespace) -> int:
    """Every kind of model."""
    cards = catalogue_now().models
    if arguments.json:
        print_json([{**plain(card), "parameters": plain(card.rows)} for card in cards])
    else:
        print_table([(card.name, card.title, card.summary) for card in cards])
    return 0


def datasets(arguments: argparse.Namespace) -> int:
    """Every kind of data set; with --download, fetch one."""
    if arguments.download:
        return _download(arguments)
    if arguments.overrides:
        raise CommandError("--data.NAME goes with --download; nothing is to be downloaded")
    kinds = catalogue_now().data
    if arguments.json:
        print_json([{**plain(kind), "parameters": plain(kind.rows)} for kind in kinds])
    else:
        ready = {True: "", False: "needs files"}
        print_table([(kind.name, kind.title, ready[kind.ready], kind.summary) for kind in kinds])
    return 0


def presets(arguments: argparse.Namespace) -> int:
    """Every preset."""
    found = read_presets()
    if arguments.json:
        print_json(found)
    else:
        print_table([(preset.name, preset.title, preset.note) for preset in found])
    return 0


def runs(arguments: argparse.Namespace) -> int:
    """Every saved run, newest first."""
    from gm_core.runs.store import Store

    store = Store(arguments.runs)
    rows = store.rows()
    _warn(store.warnings)
    if arguments.json:
        print_json([{"name": row.run, **plain(row)} for row in rows])
    elif not rows:
        print(f"no runs in {store.folder}; start one with gm-core train PRESET")
    else:
        lines = [
            (
                row.run,
                row.state,
                f"{row.step}/{row.steps}",
                _score(row.score),
                _when(row.updated),
                size_words(row.bytes),
                row.title,
            )
            for row in rows
        ]
        print_table([("name", "state", "step", "validation", "updated", "size", "title"), *lines])
    return 0


def show(arguments: argparse.Namespace) -> int:
    """One run: where it stands, what is kept, what it was made from."""
    from gm_core.runs.export import write_csv
    from gm_core.runs.folders import resolve
    from gm_core.runs.shelf import last_checkpoint, pinned_steps
    from gm_core.runs.store import Store, checkpoints
    from gm_core.weights.checkpoint import peek

    folder = resolve(arguments.run, arguments.runs)
    store = Store(arguments.runs if arguments.runs is not None else folder.parent)
    row = next((row for row in store.rows() if Path(row.folder) == folder), None)
    if row is None:
        raise CommandError(f"{folder} is not among the runs of {store.folder}; leave --runs out")
    history = store.history(row.run)
    _warn(store.warnings)
    if arguments.csv is not None:
        write_csv(history, arguments.csv)
    last = last_checkpoint(folder)
    shapes = peek(last).names if last is not None else {}
    weights = sum(_product(shape) for name, shape in shapes.items() if name.startswith("model."))
    scores = {
        curve.split: {name: float(value) for name, value in zip(curve.names, curve.values[-1])}
        for curve in history.curves
    }
    kept, pinned = list(checkpoints(folder)), sorted(pinned_steps(folder))
    if arguments.json:
        print_json(
            {
                "name": row.run,
                **plain(row),
                "weights": weights,
                "kept": kept,
                "pinned": pinned,
                "scores": scores,
                "edits": plain(history.edits),
            }
        )
        return 0
    lines = [
        ("run", row.run),
        ("title", row.title),
        ("folder", str(folder)),
        ("state", f"{row.state} at step {row.step} of {row.steps}"),
        ("updated", _when(row.updated)),
        ("weights", f"{weights:,} numbers"),
        ("on disk", size_words(row.bytes)),
        ("kept steps", " ".join(f"{step}*" if step in pinned else str(step) for step in kept) or "none"),
        *((f"{split} scores", _scores(values)) for split, values in scores.items()),
        *(("edit", f"step {edit.step}: {edit.path} {edit.old} -> {edit.new} ({edit.kind})") for edit in history.edits),
    ]
    print_table(lines)
    print()
    print(dump_mapping(row.spec).rstrip())
    return 0


def doctor(arguments: argparse.Namespace) -> int:
    """Look at the machine; status 2 where something keeps the program from working."""
    from gm_core.doctor import diagnose, healthy, report

    findings = diagnose(arguments.runs)
    if arguments.json:
        print_json(findings)
    else:
        print(report(findings))
    return 0 if healthy(findings) else 2


def catalogue(arguments: argparse.Namespace) -> int:
    """The catalogue as this program knows it now."""
    from gm_core.engine.catalogue import make_catalogue
    from gm_core.presets import write_catalogue
    from gm_core.resources import resource

    made = make_catalogue()
    if not arguments.write:
        print_json(made)
        return 0
    path = resource("catalogue.json")
    try:
        write_catalogue(made, path)
    except OSError as error:
        raise CommandError(f"{path} cannot be written ({(error.strerror or str(error)).lower()})") from None
    print(path)
    return 0


def _download(arguments: argparse.Namespace) -> int:
    """Fetch the files of a data set through the engine, as the window does; what has come stays after Ctrl+C."""
    from gm_core.cli.training import engine_in, wait_a_little
    from gm_core.protocol.commands import Cancel, Download

    wish = _data_wish(arguments.download, arguments.overrides)
    failed = False
    with engine_in(None) as engine:
        engine.send(Download(wish))
        busy = True
        try:
            while busy:
                busy = engine.pump()
                events = engine.drain()
                failed |= _tell(events, arguments.json)
                if busy and not events:
                    wait_a_little()
        except KeyboardInterrupt:
            engine.send(Cancel(f"download:{wish['kind']}"))
            raise
        finally:
            engine.close()
        failed |= _tell(engine.drain(), arguments.json)
    return 2 if failed else 0


def _tell(events: list[Any], as_json: bool) -> bool:
    """Print how a download goes; whether it failed."""
    failed = False
    for event in events:
        if as_json:
            print_json(event)
        if isinstance(event, Trouble):
            say(event.words)
            failed |= event.severity == "error"
        elif isinstance(event, Progress) and not as_json:
            share = f"{size_words(event.done)} of {size_words(event.total)}" if event.total > 1 else ""
            say(" ".join(filter(None, [event.words or event.topic, share])))
    return failed


def _data_wish(kind: str, overrides: Mapping[str, str]) -> dict[str, Any]:
    """A data set in plain form; raises SpecError through `convert`, CommandError for an unknown name."""
    known = {card.name: card for card in catalogue_now().data}
    if kind not in known:
        raise CommandError(f"{kind!r} is not a data set; expected one of: {', '.join(known)}")
    rows = {f"data.{row.path}": row for row in known[kind].rows}
    values: dict[str, Any] = {"kind": kind}
    for path, text in overrides.items():
        if path not in rows:
            raise CommandError(f"{path} is not a parameter of {kind}; expected one of: {', '.join(rows)}")
        values[path.removeprefix("data.")] = convert(path, text, rows[path])
    return values


def _warn(sentences: list[str]) -> None:
    for sentence in sentences:
        say(f"warning: {sentence}")
    sentences.clear()


def _when(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))


def _score(score: float | None) -> str:
    return "" if score is None else f"{score:.4g}"


def _scores(values: Mapping[str, float]) -> str:
    return "  ".join(f"{name} {value:.4g}" for name, value in values.items())


def _product(shape: tuple[int, ...]) -> int:
    total = 1
    for extent in shape:
        total *= extent
    return total
