"""The command line `gm-core`: the same engine and the same events as the window, without one."""

from __future__ import annotations

import os
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from gm_core.cli.output import CommandError, say
from gm_core.cli.parser import parse
from gm_core.runs.folders import RunsError
from gm_core.spec import SpecError
from gm_core.weights.checkpoint import CheckpointError

__all__ = ["main"]

FINE, UNEXPECTED, WRONG, INTERRUPTED = 0, 1, 2, 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status: 0 done, 2 one sentence says what is wrong, 130 interrupted.

    A fault of the program itself gives 1, one sentence, and a file that holds the whole story.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # before torch: idle threads shall not spin
    try:
        arguments = parse(list(sys.argv[1:] if argv is None else argv))
        status: int = arguments.command(arguments)
        sys.stdout.flush()
        return status
    except SystemExit as leaving:  # --help and faults of usage, which argparse has told
        return leaving.code if isinstance(leaving.code, int) else WRONG
    except KeyboardInterrupt:
        say("interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read us has seen enough. Python flushes stdout once more when it ends: let that go nowhere.
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FINE
    except Exception as error:
        if isinstance(error, _told()):
            say(" ".join(str(error).split()))
            return WRONG
        say(f"failed with {type(error).__name__}, a fault of the program: the whole story is in {_keep_story()}")
        return UNEXPECTED


def _told() -> tuple[type[Exception], ...]:
    """Errors whose message is the sentence for people; those of modules with torch count only where it is loaded."""
    kinds: list[type[Exception]] = [CommandError, SpecError, RunsError, CheckpointError]
    for module, name in (("gm_core.data.base", "DataError"), ("gm_core.evaluate.likelihood", "NoDensity")):
        if module in sys.modules:
            kinds.append(vars(sys.modules[module])[name])
    return tuple(kinds)


def _keep_story() -> Path:
    """Write the traceback to a file in the user's log folder, or where files may always be written."""
    import platformdirs

    name = f"gm-core-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.log"
    for folder in (Path(platformdirs.user_log_dir("generative-models-playground")), Path(tempfile.gettempdir())):
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(traceback.format_exc(), encoding="utf-8")
            return folder / name
    return Path(os.devnull)
