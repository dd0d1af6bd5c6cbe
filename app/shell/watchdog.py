"""The watchdog: notes in the log where every thread stands when the window has not moved for two seconds."""

from __future__ import annotations

import faulthandler
import threading
import time
from collections.abc import Callable
from typing import IO

LATE = 2.0


class Watchdog:
    """Looks twice a second at the time of the last tick. One report an incident; `bites` counts them."""

    def __init__(self, last_tick: Callable[[], float], file: IO[str] | None, late: float = LATE) -> None:
        self._last_tick, self._file, self._late = last_tick, file, late
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self.bites = 0

    def start(self) -> None:
        """Begin to look."""
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Look no more; returns when the thread is gone."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join(2.0)

    def _watch(self) -> None:
        reported = -1.0
        while not self._ended.wait(self._late / 4):
            seen = self._last_tick()
            late = time.monotonic() - seen
            if late > self._late and seen != reported:
                reported = seen
                self.bites += 1
                if self._file is not None and not self._file.closed:
                    self._file.write(f"the window has not moved for {late:.1f} s; every thread stands here:\n")
                    faulthandler.dump_traceback(self._file, all_threads=True)
