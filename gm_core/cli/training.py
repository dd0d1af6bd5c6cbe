"""`train` and `resume`: an inline engine, turned until the run rests; Ctrl+C stops it and saves."""

from __future__ import annotations

import argparse
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from gm_core.cli.output import ProgressBar, print_json, print_table, say
from gm_core.cli.overrides import parameter_help, rows_of, with_overrides
from gm_core.engine.engine import Engine, open_engine
from gm_core.presets import find_preset
from gm_core.protocol.cards import RunCard
from gm_core.protocol.commands import Command, Edit, OpenRun, Resume, Start, Stop
from gm_core.protocol.events import Ended, Event, RunChanged, Trouble
from gm_core.runs.folders import is_run, resolve
from gm_core.spec import RunSpec, load_yaml

FINE, WRONG, INTERRUPTED = 0, 2, 130


def train(arguments: argparse.Namespace) -> int:
    """Train a new run from a preset or a YAML file."""
    spec = with_overrides(wished(arguments.preset), _overrides(arguments))
    if arguments.name:
        spec = spec.replace("name", arguments.name)
    if arguments.help_parameters:
        plain = spec.plain()
        print_table([("parameter", "value", "what it does"), *parameter_help(rows_of(plain), plain)])
        return FINE
    with engine_in(arguments.runs) as engine:
        return Session(engine, arguments.json).go(Start(spec.plain()), lambda card: [])


def resume(arguments: argparse.Namespace) -> int:
    """Go on with a saved run; overrides are live edits, made before its first step."""
    folder = resolve(arguments.run, arguments.runs)
    edits = _edits(folder, arguments.overrides)

    def then(card: RunCard) -> list[Command]:
        return [*(Edit(card.run, path, value) for path, value in edits.items()), Resume(card.run)]

    with engine_in(arguments.runs if arguments.runs is not None else folder.parent) as engine:
        return Session(engine, arguments.json).go(OpenRun(str(folder)), then)


def wished(text: str) -> RunSpec:
    """The RunSpec of a preset's name, a YAML file or the folder of a run; raises SpecError."""
    path = Path(text)
    if path.suffix in {".yaml", ".yml"}:
        return load_yaml(path)
    return load_yaml(path / "spec.yaml") if is_run(path) else RunSpec.read(find_preset(text).spec)


def _overrides(arguments: argparse.Namespace) -> dict[str, str]:
    """The overrides with their short forms."""
    found = dict(arguments.overrides)
    for path, value in (("train.seed", arguments.seed), ("train.device", arguments.device)):
        if value is not None:
            found[path] = str(value)
    return found


def _edits(folder: Path, overrides: Mapping[str, str]) -> dict[str, Any]:
    """Overrides of a saved run as values of the right kind; raises SpecError as a new run would."""
    from gm_core.runs.facts import row_from
    from gm_core.spec import load_mapping
    from gm_core.spec.base import fetch

    if not overrides:
        return {}
    stored = RunSpec.read(load_mapping(row_from(folder)["spec"], f"the spec of {folder.name}"))
    changed = with_overrides(stored, overrides).plain()
    return {path: fetch(changed, path) for path in overrides}


@contextmanager
def engine_in(runs: Path | None) -> Iterator[Engine]:
    """An inline engine that has been started; torch is imported here."""
    engine = open_engine(runs, "inline")
    engine.start()
    yield engine


class Session:
    """One training from its first command to the last event; every event is printed once, in its order."""

    def __init__(self, engine: Engine, as_json: bool) -> None:
        self._engine = engine
        self._json = as_json
        self._bar = ProgressBar()
        self._card: RunCard | None = None
        self._told: list[str] = []
        self._interrupted = False

    def go(self, first: Command, then: Callable[[RunCard], list[Command]]) -> int:
        """Send the first command, the others once its run is there, and turn the engine until nothing is left to do."""
        engine, stopping = self._engine, False
        left: list[Command] | None = None
        with self._ctrl_c():
            engine.send(first)
            busy = True
            while busy:
                busy = engine.pump()
                self._print(engine.drain())
                if self._card is not None and left is None:
                    left = then(self._card)
                if left and not self._told:  # one at a time: what comes after a refused edit would go on without it
                    engine.send(left.pop(0))
                    busy = True
                if self._interrupted and not stopping and self._card is not None:
                    stopping = busy = True
                    engine.send(Stop(self._card.run))
                if self._interrupted and self._card is None:
                    break
            engine.close()
            self._print(engine.drain())
        return self._close()

    def _print(self, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, RunChanged):
                self._card = event.card
                self._bar.step, self._bar.steps = event.card.step, event.card.steps
            if isinstance(event, Trouble) and event.words not in self._told:
                self._bar.clear()
                say(event.words)
                if event.severity == "error":
                    self._told.append(event.words)
            # The last line shall name the run's folder, and Ended says nothing of a run.
            if self._json and not isinstance(event, Ended):
                print_json(event)
            elif not self._json:
                self._bar.take(event)

    def _close(self) -> int:
        self._bar.clear()
        card = self._card
        if card is not None and card.folder and card.state != "viewed" and not self._json:
            print(f"{card.run}: {card.state} at step {card.step} of {card.steps}")
            print(f"run folder: {card.folder}", flush=True)
        if self._interrupted:
            saved = f"; saved at step {card.step}: go on with gm-core resume {card.folder}" if card is not None else ""
            say(f"interrupted{saved}")
            return INTERRUPTED
        return WRONG if self._told else FINE

    @contextmanager
    def _ctrl_c(self) -> Iterator[None]:
        """The first Ctrl+C asks for a stop at the next step; a second one ends at once."""

        def stop(number: int, frame: FrameType | None) -> None:
            if self._interrupted:
                raise KeyboardInterrupt
            self._interrupted = True

        try:
            before = signal.signal(signal.SIGINT, stop)
        except ValueError:  # not the main thread: somebody else decides what Ctrl+C means
            yield
            return
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)


def wait_a_little() -> None:
    """Between two looks at something that another thread does."""
    time.sleep(0.02)
