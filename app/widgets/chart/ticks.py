"""Which round numbers stand along an axis, and how they are written. No Qt."""

from __future__ import annotations

import math
from dataclasses import dataclass

from app.widgets import kit

MOST_DECADES = 12
"""More labelled decades than this are thinned, so that an axis of 60 decades stays readable."""


@dataclass(frozen=True)
class Tick:
    """A place on an axis in the units of the axis (log10 where it is logarithmic); without words it is a faint line."""

    at: float
    words: str = ""


def linear(lo: float, hi: float, about: int) -> list[Tick]:
    """Round numbers between lo and hi, at most about as many as asked, written as finely as their step."""
    places = kit.nice_ticks(lo, hi, about)
    if not places:
        return []
    step = kit.nice_step((hi - lo) / max(1, about))
    return [Tick(at, _words(at, step)) for at in places]


def logarithmic(lo: float, hi: float, about: int) -> list[Tick]:
    """Ticks between the decimal logarithms lo and hi: decades, within few decades also 2 and 5, within one round
    numbers as on a linear axis."""
    if not (math.isfinite(lo) and math.isfinite(hi)) or hi <= lo:
        return []
    if hi - lo < 0.7:
        return [Tick(math.log10(t.at), t.words) for t in linear(10.0**lo, 10.0**hi, about) if t.at > 0]
    first, last = math.floor(lo), math.ceil(hi)
    every = max(1, math.ceil((last - first) / min(MOST_DECADES, max(2, about))))
    worded = (1, 2, 5) if hi - lo < 0.45 * about else (1,)
    made = []
    for power in range(first, last + 1):
        for m in range(1, 10) if last - first <= MOST_DECADES else (1,):
            at = power + math.log10(m)
            if lo - 1e-9 <= at <= hi + 1e-9:
                named = m in worded and power % every == 0
                made.append(Tick(at, kit.number_text(m * 10.0**power) if named else ""))
    return made


def _words(value: float, step: float) -> str:
    """As many figures as tell a tick from its neighbours, and no more."""
    if value == 0:
        return "0"
    finest = math.floor(math.log10(step) + 1e-9)
    if abs(value) < 1e7 and finest >= -4:
        return f"{value:,.{max(0, -finest)}f}"
    size = math.floor(math.log10(abs(value)) + 1e-9)
    mantissa, _, power = f"{value:.{max(0, size - finest)}e}".partition("e")
    return f"{mantissa}e{int(power)}"
