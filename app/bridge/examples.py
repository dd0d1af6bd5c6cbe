"""The shipped examples: each is a recording until the worker has opened its weights and answers for itself."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from app.bridge.asking import Wish
from app.bridge.recorded import Recording
from app.bridge.run_view import RunView
from gm_core import api


class Examples:
    """All examples by the name of their run. `send` gives a command to the worker, `ready` says whether it is there."""

    def __init__(self, send: Callable[[api.Command], None], ready: Callable[[], bool]) -> None:
        self._send, self._ready = send, ready
        self._held: dict[str, Recording] = {}
        self._live: set[Recording] = set()
        self._opening: set[Recording] = set()

    def __contains__(self, run: str) -> bool:
        return run in self._held

    def add(self, recording: Recording) -> RunView:
        """Take a recording in; gives what is known of its run."""
        run = recording.card.run
        self._held[run] = recording
        view = RunView(recording.card)
        for curves in recording.curves:
            view.extend(curves)
        return view

    def first(self) -> str:
        """The example that is shown first, or ''."""
        return next(iter(self._held), "")

    def fitting(self, needs: frozenset[str], views: Mapping[str, RunView]) -> api.RunCard | None:
        """The card of the first example that offers all of this."""
        cards = (views[run].card for run in self._held if run in views)
        return next((card for card in cards if needs <= card.traits), None)

    def at(self, folder: str | Path) -> str | None:
        """The example whose weights lie in this folder."""
        wanted = Path(folder).resolve()
        held = self._held.items()
        return next((run for run, one in held if one.folder is not None and one.folder.resolve() == wanted), None)

    def answer(self, wish: Wish, views: Mapping[str, RunView]) -> list[api.Answered] | None:
        """What the recording of an example has for a wish; None where the worker should be asked."""
        recording = self._held.get(wish.run)
        if recording is None:
            return None
        self.enliven([wish.run])
        if recording in self._live and not _without_data(wish, views[wish.run].card):
            return None
        return wish.recorded(recording)

    def enliven(self, runs: Iterable[str]) -> None:
        """Let the worker open examples, once they are looked at: opening all would hold up what one does first."""
        for recording in [self._held[run] for run in runs if run in self._held]:
            if self._ready() and recording.folder is not None and recording not in self._opening:
                self._opening.add(recording)
                self._send(api.OpenRun(str(recording.folder)))

    def opened(self, card: api.RunCard) -> str | None:
        """Note that the worker has opened an example, if this is the card of one; gives the name it had until now."""
        for run, recording in self._held.items():
            shipped = recording.folder is not None and card.run.endswith(recording.folder.name)
            if shipped and not card.folder and recording not in self._live:
                self._live.add(recording)
                self._held = {card.run if name == run else name: held for name, held in self._held.items()}
                return run
        return None

    def give_way(self, run: str) -> None:
        """A run of the user's own has taken an example's name."""
        del self._held[run]


def _without_data(wish: Wish, card: api.RunCard) -> bool:
    """Whether real examples are asked for that are not on this machine; the recording has some."""
    if "no_data" not in card.facts:
        return False
    asked = {field.name for field in dataclasses.fields(wish.query)}
    searched = isinstance(wish.query, api.NearestQuery)  # among the data, whatever is given
    some = "split" in asked and getattr(wish.query, "among", 1) != 0
    return some and (searched or getattr(wish.query, "given", None) is None)
