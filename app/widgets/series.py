"""The arithmetic behind curves: smoothing of a million points, cutting at rewinds, ranges that ignore outliers."""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise

import numpy as np

BLOCK = 64


@lru_cache(maxsize=16)
def _kernel(decay: float) -> np.ndarray:
    """The powers of the decay: row j, column i has decay^(i - j) for i >= j."""
    lag = np.arange(BLOCK)[None, :] - np.arange(BLOCK)[:, None]
    return np.where(lag >= 0, decay ** np.maximum(lag, 0), 0.0)


def _scan(x: np.ndarray, decay: float) -> np.ndarray:
    """s[i] = decay s[i-1] + (1 - decay) x[i] from s = 0, without a Python loop over the points.

    Each block of 64 is one product with a triangular matrix; the values carried from block to block obey the same
    recursion with decay**64, so they are found by calling this function again on 64 times fewer numbers.
    """
    n = len(x)
    rows = -(-n // BLOCK)
    padded = np.zeros(rows * BLOCK)
    padded[:n] = x
    inside = padded.reshape(rows, BLOCK) @ _kernel(decay) * (1.0 - decay)
    if rows > 1:
        leap = decay**BLOCK
        # c[k] = leap c[k-1] + end[k]; the function computes (1 - leap) c, hence the division.
        carried = _scan(inside[:-1, -1], leap) / (1.0 - leap) if leap < 1.0 else np.cumsum(inside[:-1, -1])
        inside[1:] += carried[:, None] * decay ** np.arange(1, BLOCK + 1)[None, :]
    return inside.ravel()[:n]


def ema(y: np.ndarray, weight: float, start: float = 0.0, count: int = 0) -> np.ndarray:
    """Exponential moving average with the bias of its start removed; gaps (NaN) stay gaps and are not averaged in.

    s_i = w s_{i-1} + (1 - w) y_i and the result is s_i / (1 - w^i), as Adam does for its moments. A constant stays
    that constant from the first point on. `start` and `count` continue an average that has already seen `count` points.
    """
    y = np.asarray(y, float)
    w = float(np.clip(weight, 0.0, 0.9999))
    if w == 0.0 or not len(y):
        return y.copy()
    good = np.isfinite(y)
    values = y if good.all() else y[good]
    if not len(values):
        return y.copy()
    smooth = _scan(values, w)
    # Both corrections fade like w^i: beyond the 1e-18 mark they change no digit and are not computed.
    early = min(len(values), int(np.ceil(np.log(1e-18) / np.log(w))) + 1)
    fading = w ** np.arange(1, early + 1)
    if count:
        smooth[:early] += start * fading
    smooth[:early] /= 1.0 - fading * w**count
    if good.all():
        return smooth
    out = np.full(len(y), np.nan)
    out[good] = smooth
    return out


class Smoother:
    """The moving average of a series that grows at its end: only the new points cost anything."""

    def __init__(self) -> None:
        self._weight = -1.0
        self._out = np.empty(0)
        self._n, self._state, self._count = 0, 0.0, 0
        self._ends = (0.0, 0.0)

    def __call__(self, y: np.ndarray, weight: float) -> np.ndarray:
        """The smoothed series, same length as y."""
        n = self._n
        grown = (
            weight == self._weight and 0 < n <= len(y)
            and np.array_equal((y[0], y[n - 1]), self._ends, equal_nan=True)
        )  # fmt: skip
        if not grown:
            self._weight, n, self._state, self._count = weight, 0, 0.0, 0
        if len(y) > n:
            if len(self._out) < len(y):
                larger = np.empty(max(256, 2 * len(y)))
                larger[:n] = self._out[:n]
                self._out = larger
            fresh = ema(y[n:], weight, self._state, self._count)
            self._out[n : len(y)] = fresh
            good = np.isfinite(fresh)
            self._count += int(good.sum())
            if good.any():  # turn the last debiased value back into the running sum
                last = fresh[good][-1]
                self._state = float(last * (1.0 - min(weight, 0.9999) ** self._count))
            self._n = len(y)
            self._ends = (float(y[0]), float(y[-1]))
        return self._out[: len(y)]


def pieces(x: np.ndarray) -> list[slice]:
    """Cut a series wherever x goes back, which it does after a return to an earlier step."""
    x = np.asarray(x)
    cuts = np.flatnonzero(np.diff(x) < 0) + 1
    edges = [0, *cuts.tolist(), len(x)]
    return [slice(a, b) for a, b in pairwise(edges) if b > a]


def lineage(x: np.ndarray) -> tuple[slice | np.ndarray, list[slice]]:
    """The points that lead to the present, and the stretches that were given up by going back to an earlier step."""
    parts = pieces(x)
    if len(parts) <= 1:
        return slice(0, len(x)), []
    keep, given_up, until = [parts[-1]], [], x[parts[-1].start]
    for part in reversed(parts[:-1]):
        cut = part.start + int(np.searchsorted(x[part], until))
        if cut > part.start:
            keep.append(slice(part.start, cut))
        if cut < part.stop:
            given_up.append(slice(cut, part.stop))
        until = min(until, x[part.start])
    return np.concatenate([np.arange(s.start, s.stop) for s in reversed(keep)]), given_up[::-1]


def sample(y: np.ndarray, most: int = 6000) -> np.ndarray:
    """Finite values of y, evenly thinned so that percentiles stay cheap; the newest value is always among them."""
    v = y[:: max(1, len(y) // most)] if len(y) > most else y
    if len(y):
        v = np.append(v, y[-1])
    return v[np.isfinite(v)]


def percentiles(values: np.ndarray, *wanted: float) -> np.ndarray:
    """These percentiles of finite values (n,), with straight lines between neighbours.

    As numpy's, which loads its masked arrays for them: too much for a window that opens.
    """
    return np.interp(np.asarray(wanted) / 100 * (len(values) - 1), np.arange(len(values)), np.sort(values))


def value_range(values: list[np.ndarray], ignore_outliers: bool, log: bool) -> tuple[float, float] | None:
    """The y range that shows these values with a margin; without outliers it leaves out the farthest 2 percent."""
    if not values:
        return None
    v = np.concatenate(values)
    if log:
        v = np.log10(v[v > 0])
    if not len(v):
        return None
    lo, hi = percentiles(v, 1, 99) if ignore_outliers else (v.min(), v.max())
    pad = (hi - lo) * 0.06 or max(abs(hi) * 0.05, 1e-6)
    return float(lo - pad), float(hi + pad)
