"""The engine as the window holds it: commands go down, events come up, nothing ever waits."""

from __future__ import annotations

import os
import queue
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from gm_core.engine.loading import load_torch_libraries
from gm_core.engine.outbox import Outbox
from gm_core.protocol.commands import Command, Shutdown
from gm_core.protocol.events import Event, Trouble

if TYPE_CHECKING:
    from gm_core.engine.worker import Worker

Transport = Literal["thread", "inline"]


class Engine:
    """A handle on the worker. With transport "thread" the worker has a thread of its own, which alone uses torch;
    with "inline" the caller turns the crank by `pump()` (command line, tests)."""

    def __init__(self, runs: Path | None, transport: Transport) -> None:
        self._runs = runs
        self._transport = transport
        self._commands: queue.SimpleQueue[Command] = queue.SimpleQueue()
        self._outbox = Outbox()
        self._thread: threading.Thread | None = None
        self._worker: Worker | None = None

    def start(self) -> None:
        """Begin: import torch (on the worker's thread), then report Ready."""
        if self._transport == "thread":
            self._thread = threading.Thread(target=self._live, name="worker", daemon=True)
            self._thread.start()
        else:
            self._worker = self._make()

    def send(self, command: Command) -> None:
        """Wish for something; never blocks."""
        self._commands.put(command)

    def drain(self) -> list[Event]:
        """Take the events that have come since the last call."""
        return self._outbox.drain()

    def announce(self, call: Callable[[], None]) -> None:
        """Call this when the next event is there to drain: once, and on the worker's thread, to wake another one."""
        self._outbox.announce(call)

    def wait(self, seconds: float) -> bool:
        """Wait until there are events to drain, at most so long; for command lines and tests, never for a window."""
        return self._outbox.waiting.wait(seconds)

    def pump(self) -> bool:
        """Inline only: one turn of the worker; False when it has nothing to do."""
        if self._worker is None:
            raise RuntimeError("pump() turns an inline engine that has been started; this one is not")
        return self._worker.tick()

    @property
    def alive(self) -> bool:
        """Whether the worker can still act on commands."""
        if self._transport == "inline":
            return self._worker is not None and not self._worker.ended
        return self._thread is not None and self._thread.is_alive()

    def close(self, seconds: float = 5.0) -> bool:
        """Save everything and end; True if the worker was gone in time."""
        self.send(Shutdown())
        if self._transport == "inline":
            while self._worker is not None and not self._worker.ended:
                self._worker.tick()
            return True
        if self._thread is not None:
            self._thread.join(seconds)
            return not self._thread.is_alive()
        return True

    def _make(self) -> Worker:
        os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # before torch: spinning threads starve small models
        load_torch_libraries()
        from gm_core.engine.worker import Worker

        return Worker(self._commands, self._outbox, self._runs)

    def _live(self) -> None:
        try:
            self._worker = self._make()
            self._worker.run()
        except Exception as error:  # a broken installation of torch, say: the window must hear of it
            words = (
                f"the engine stopped with {type(error).__name__}: {error}; restart the program, or run gm-core doctor"
            )
            self._outbox.append(Trouble(words, topic="engine", details=traceback.format_exc()))


def open_engine(runs: Path | None = None, transport: Transport = "thread") -> Engine:
    """An engine that keeps its runs in a folder (None: the user's data folder); call `start()` when it should live."""
    return Engine(runs, transport)
