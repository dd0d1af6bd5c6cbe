"""Fetching: downloads run beside the worker, since a network may keep one waiting; they use no torch."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from gm_core.data.base import DataError
from gm_core.data.download import fetch_data
from gm_core.engine.outbox import Outbox
from gm_core.protocol.events import Progress, Trouble
from gm_core.spec import SpecError


class Fetch:
    """One download on a thread of its own; it reports Progress and ends with done == total, or with a Trouble."""

    def __init__(self, data: Mapping[str, Any], outbox: Outbox) -> None:
        self.topic = f"download:{data.get('kind')}"
        self._data = data
        self._outbox = outbox
        self._cancelled = threading.Event()
        self._thread = threading.Thread(target=self._run, name=self.topic, daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self._thread.is_alive()

    def cancel(self) -> None:
        """Stop at the next portion; what has come stays, so that it can go on later."""
        self._cancelled.set()

    def _run(self) -> None:
        portions = fetch_data(self._data)
        try:
            for progress in portions:
                self._outbox.latest(self.topic, Progress(self.topic, progress.done, progress.total, progress.words))
                if self._cancelled.is_set():
                    self._outbox.append(
                        Trouble("the download was cancelled; what has come is kept", self.topic, severity="info")
                    )
                    return
        except (DataError, SpecError) as error:
            self._outbox.append(Trouble(str(error), self.topic))
            return
        except Exception as error:
            self._outbox.append(Trouble(f"the download failed with {type(error).__name__}: {error}", self.topic))
            return
        finally:
            portions.close()
        self._outbox.append(Progress(self.topic, 1, 1, "done"))
