"""Calls the frozen program as a user would, away from the checkout, and sees that it works.

    python3 packaging/smoke.py dist/gm-playground/gm-playground

`--smoke` lists models, panels and pages, trains ten steps of two presets off-screen, lays out some codes, so that each
library that is imported late has been imported, and ends with status 0.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

EXPECTED = ("vae", "ddpm", "pages: overview", "laid out 50 codes")


def smoke(program: Path, timeout: float = 300) -> tuple[bool, str]:
    """Whether the program did what `--smoke` promises, and a line about it with what it printed."""
    with tempfile.TemporaryDirectory() as home:
        # Neither the checkout nor this Python may help: with them a broken program could pass.
        hidden = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")
        environ = {name: value for name, value in os.environ.items() if name not in hidden}
        environ |= {"HOME": home, "XDG_DATA_HOME": home, "XDG_CONFIG_HOME": home, "QT_QPA_PLATFORM": "offscreen"}
        started = time.monotonic()
        try:
            done = subprocess.run(
                [str(program.resolve()), "--smoke"],
                cwd=home,
                env=environ,
                capture_output=True,
                text=True,
                timeout=timeout,
            )
        except subprocess.TimeoutExpired:
            return False, f"{program} --smoke did not end within {timeout:.0f} s"
        except OSError as error:
            return False, f"{program} cannot be started: {error}"
    said = done.stdout + done.stderr
    took = f"after {time.monotonic() - started:.1f} s"
    if done.returncode != 0:
        return False, f"{program} --smoke ended with status {done.returncode} {took}; it should be 0:\n{said}"
    absent = [name for name in EXPECTED if name not in done.stdout]
    if absent:
        return False, f"{program} --smoke ended well but did not say {', '.join(absent)}:\n{said}"
    return True, f"{program} --smoke ended well {took}:\n{said}"


def main() -> int:
    if len(sys.argv) != 2:
        print("usage: python3 packaging/smoke.py PROGRAM", file=sys.stderr)
        return 2
    well, line = smoke(Path(sys.argv[1]))
    print(line)
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
