"""What was measured so far, step by step, of one run with one choice of examples."""

from __future__ import annotations

import numpy as np

from gm_core import api


class History:
    """Measurements by step. Where training went back to an earlier step, what was measured beyond it is forgotten."""

    def __init__(self) -> None:
        self._frames: dict[int, api.Representation] = {}

    def __len__(self) -> int:
        return len(self._frames)

    def add(self, step: int, frame: api.Representation, newest: bool) -> None:
        """Keep a measurement; `newest` says that it shows the present, so that no later step can hold."""
        if newest:
            self._frames = {at: kept for at, kept in self._frames.items() if at <= step}
        self._frames[step] = frame

    def clear(self) -> None:
        """Another run or other examples: nothing can be compared."""
        self._frames = {}

    def lacking(self, steps: tuple[int, ...]) -> list[int]:
        """Those of the kept steps that were not measured, the newest first."""
        return sorted((step for step in steps if step not in self._frames), reverse=True)

    def curve(self, name: str, scale: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
        """Steps and values of one number, in the order of steps; those that are no number are left out."""
        steps = sorted(self._frames)
        values = scale * np.array([getattr(self._frames[step], name) for step in steps], float)
        good = np.isfinite(values)
        return np.array(steps, float)[good], values[good]

    def table(self) -> tuple[list[str], list[list[str]]]:
        """All numbers by step, for CSV; empty where one is not defined."""
        names = ["probe", "probe_error", "neighbours", "neighbours_error", "information", "marginal", "kl", "gap"]
        rows = []
        for step in sorted(self._frames):
            frame = self._frames[step]
            values = [float(getattr(frame, name)) for name in names]
            told = [f"{value:.6g}" if np.isfinite(value) else "" for value in values]
            rows.append([str(step), *told, str(int(frame.active.sum()))])
        return ["step", *names, "active"], rows
