"""When something goes wrong in the window: one sentence for people, the story in a file, no traceback on screen."""

from __future__ import annotations

import atexit
import contextlib
import faulthandler
import hashlib
import logging
import os
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import platformdirs

from app.shell.settings import NAME

NOISE = (
    "propagateSizeHints",
    "Could not register app ID",
    "QXcbConnection",
    "qt.qpa.services",
    "This system does not support OpenGL",
    "QFont::setPointSize",
)
"""What Qt says on healthy systems; none of it helps a person."""

log = logging.getLogger("playground")
Reporter = Callable[[str, str], None]


class Reports:
    """Faults on their way to the person: from any thread in, on the UI thread out, each kind once a while."""

    def __init__(self, again_after: float = 10.0) -> None:
        self.again_after = again_after
        self.waiting: deque[tuple[str, str]] = deque(maxlen=100)
        self._seen: dict[str, float] = {}
        self._lock = threading.Lock()

    def take(self, kind: type[BaseException], fault: BaseException | None, trace: TracebackType | None) -> None:
        """Note a fault; the same one within a few seconds (a failing paint, say) is noted once."""
        if issubclass(kind, KeyboardInterrupt | SystemExit):
            return
        details = "".join(traceback.format_exception(kind, fault, trace))
        log.error("unexpected fault\n%s", details)
        place = "".join(traceback.format_tb(trace)[-3:])
        mark = hashlib.sha1((kind.__name__ + place).encode()).hexdigest()
        now = time.monotonic()
        with self._lock:
            if now - self._seen.get(mark, -1e9) < self.again_after:
                return
            self._seen[mark] = now
            self.waiting.append((sentence(kind, fault), details))

    def deliver(self, show: Reporter) -> None:
        """Hand over what waits; called on the UI thread, by its timer."""
        while self.waiting:
            words, details = self.waiting.popleft()
            show(words, details)


def sentence(kind: type[BaseException], fault: BaseException | None) -> str:
    """One sentence about a fault of the program itself."""
    first = str(fault).strip().splitlines()[0] if fault is not None and str(fault).strip() else "no more is known"
    return (
        f"Something in the window failed ({kind.__name__}: {first[:160]}). Training goes on; the log has the details."
    )


reports = Reports()


def log_folder() -> Path:
    """Where the log lies; GM_LOGS names another folder."""
    named = os.environ.get("GM_LOGS")
    return Path(named) if named else Path(platformdirs.user_log_dir(NAME))


def open_log() -> IO[str] | None:
    """The log file of this session, the one before is kept; None where no file can be written."""
    folder = log_folder()
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "window.log"
        with contextlib.suppress(FileNotFoundError):
            os.replace(path, folder / "window.before.log")
        return path.open("w", encoding="utf-8", buffering=1)
    return None


def install() -> IO[str] | None:
    """Set every hook through which a fault can come; returns the log file, which must stay open."""
    file = open_log()
    if file is not None:
        handler = logging.StreamHandler(file)
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        log.addHandler(handler)
        log.propagate = False
        faulthandler.enable(file, all_threads=True)
    sys.excepthook = reports.take
    threading.excepthook = lambda args: reports.take(args.exc_type, args.exc_value, args.exc_traceback)
    sys.unraisablehook = lambda args: reports.take(args.exc_type, args.exc_value, args.exc_traceback)
    return file


def install_qt() -> None:
    """Send Qt's own messages to the log, without the known noise."""
    from PySide6.QtCore import QtMsgType, qInstallMessageHandler

    levels = {QtMsgType.QtWarningMsg: logging.WARNING, QtMsgType.QtCriticalMsg: logging.ERROR}

    def take(kind: QtMsgType, _context: Any, message: str) -> None:
        if not any(noise in message for noise in NOISE):
            log.log(levels.get(kind, logging.INFO), "Qt: %s", message)
            if kind == QtMsgType.QtFatalMsg:
                print(message, file=sys.__stderr__)

    qInstallMessageHandler(take)
    atexit.register(qInstallMessageHandler, None)  # Qt may speak when Python is gone already


def loop_fault(_loop: Any, context: dict[str, Any]) -> None:
    """The exception handler of the asyncio loop."""
    fault = context.get("exception")
    if isinstance(fault, BaseException):
        reports.take(type(fault), fault, fault.__traceback__)
    else:
        log.error("loop: %s", context.get("message"))
