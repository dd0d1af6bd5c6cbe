"""What the desk can wish of the worker, one verb each; what needs a run means the run in front."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from app.bridge.run_view import RunView
from gm_core import api

NEW: Final = "(the next new run)"
"""What is awaited at the front after a start or a branch: whatever run is born next."""


class Commands:
    """The verbs of the desk, which says what is in front, sends, and moves the shared step."""

    current: str
    now: int | None
    card: api.RunCard | None
    view: RunView | None
    showing_examples: bool
    _awaited: str

    def send(self, command: api.Command) -> None:
        """Send any command; the desk does."""
        raise NotImplementedError

    def seek(self, step: float | None) -> int | None:
        """Move the shared step; the desk does."""
        raise NotImplementedError

    def start(self, spec: Mapping[str, Any], paused: bool = False) -> None:
        """Train a new run from a RunSpec in plain form; it comes to the front when it is born."""
        self._awaited = NEW
        card = self.card
        if card is not None and card.state == "training":
            self.send(api.Pause(card.run))  # one run at a time has the machine, unless somebody resumes the other
        self.send(api.Start(dict(spec), paused))

    def open_run(self, source: str | Path) -> None:
        """Open a saved run by name or folder and bring it to the front."""
        self._awaited = str(source)
        self.send(api.OpenRun(str(source)))

    def toggle(self) -> None:
        """Train or rest, whichever it is not doing."""
        card = self.card
        if card is None or self.showing_examples:
            return
        self.pause() if card.state == "training" else self.resume()

    def pause(self) -> None:
        """Rest after the step in hand."""
        self._to_current(api.Pause)

    def resume(self) -> None:
        """Go on training; the time bar returns to the present."""
        self.seek(None)
        self._to_current(api.Resume)

    def stop(self) -> None:
        """End training and save; the run stays open for viewing."""
        self._to_current(api.Stop)

    def advance(self, steps: int = 1) -> None:
        """Take so many steps, then rest."""
        self.seek(None)
        if self.current:
            self.send(api.Advance(self.current, steps))

    def edit(self, path: str, value: Any) -> None:
        """Change a live parameter at the next step boundary."""
        if self.current:
            self.send(api.Edit(self.current, path, value))

    def change_data(self, data: Mapping[str, Any]) -> None:
        """Let the run in front learn from other data from the next step on."""
        if self.current and not self.showing_examples:
            self.send(api.ChangeData(self.current, dict(data)))

    def undo(self) -> None:
        """Take the last live edit back."""
        self._to_current(api.Undo)

    def redo(self) -> None:
        """Make the edit again that was taken back last."""
        self._to_current(api.Redo)

    def rollback(self, step: int | None = None) -> None:
        """Return training to a kept step (None: the shared step)."""
        target = self.now if step is None else step
        if self.current and target is not None:
            self.seek(None)
            self.send(api.Rollback(self.current, target))

    def branch(self, step: int | None = None, edits: Mapping[str, Any] | None = None) -> None:
        """Start a second run from a kept step (None: the shared step, else the newest kept one)."""
        view = self.view
        target = self.now if step is None else step
        if target is None and view is not None and view.kept:
            target = view.kept[-1]
        if self.current and target is not None:
            self._awaited = NEW
            self.send(api.Branch(self.current, target, dict(edits or {})))

    def pin(self, step: int | None = None, pinned: bool = True) -> None:
        """Keep the snapshot at a step whatever the memory budget says (None: the shared step)."""
        target = self.now if step is None else step
        if self.current and target is not None:
            self.send(api.Pin(self.current, target, pinned))

    def _to_current(self, make: Callable[[str], api.Command]) -> None:
        if self.current and not self.showing_examples:
            self.send(make(self.current))
