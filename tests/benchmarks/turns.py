"""Programs that count their own steps, let run in turn: a second each, the others stopped by the system.

Two programs that are measured one after the other meet two machines: a shared one drifts by a tenth within seconds.
"""

from __future__ import annotations

import mmap
import signal
import subprocess
import time
from pathlib import Path

WITHIN = 120.0
"""Seconds in which a program must have begun to count."""


class Counter:
    """Eight bytes in a file that one program writes and another reads, without waiting."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(bytes(8))
        with path.open("r+b") as file:
            self._bytes = mmap.mmap(file.fileno(), 8)

    def write(self, steps: int) -> None:
        """Tell how many steps there have been."""
        self._bytes[:] = steps.to_bytes(8, "little")

    def read(self) -> int:
        """How many were told last."""
        return int.from_bytes(self._bytes[:], "little")


class Runner:
    """A program that counts into a file; it rests until it is its turn. Raises AssertionError if it ends."""

    def __init__(self, command: list[str], environ: dict[str, str], counter: Path, warm: int) -> None:
        self._counter = Counter(counter)
        self._process = subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            until = time.monotonic() + WITHIN
            while self._counter.read() < warm:
                assert self._process.poll() is None and time.monotonic() < until, f"{command} does not count"
                time.sleep(0.05)
        except BaseException:
            self.end()
            raise
        self._process.send_signal(signal.SIGSTOP)

    def turn(self, seconds: float) -> tuple[int, float]:
        """Let it run; the steps that it told of meanwhile, and how long it really ran.

        What it has not told yet when it is stopped, it tells in its next turn: over many turns nothing is lost.
        """
        before, began = self._counter.read(), time.perf_counter()
        self._process.send_signal(signal.SIGCONT)
        time.sleep(seconds)
        self._process.send_signal(signal.SIGSTOP)
        took = time.perf_counter() - began
        assert self._process.poll() is None
        return self._counter.read() - before, took

    def end(self) -> None:
        """Let it go."""
        self._process.kill()
        self._process.wait()


def rates(runners: dict[str, Runner], rounds: int, seconds: float) -> dict[str, float]:
    """Steps a second of each, over so many turns in alternating order."""
    steps, took = dict.fromkeys(runners, 0), dict.fromkeys(runners, 0.0)
    for turn in range(rounds):
        for name in sorted(runners, reverse=bool(turn % 2)):
            made, spent = runners[name].turn(seconds)
            steps[name] += made
            took[name] += spent
    return {name: steps[name] / took[name] for name in runners}
