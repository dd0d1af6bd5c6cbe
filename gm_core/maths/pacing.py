"""When a film is where: easing between two stops, and the order of frames once, in a loop, or there and back.

Plain numbers and no tensors, so that a window and the core can use the same rules.
"""

from __future__ import annotations

from typing import Literal, get_args

from gm_core.spec import SpecError

Easing = Literal["linear", "smooth", "ease in", "ease out"]
Order = Literal["once", "loop", "ping-pong"]
EASINGS: tuple[Easing, ...] = get_args(Easing)
ORDERS: tuple[Order, ...] = get_args(Order)


def ease(t: float, easing: Easing = "linear") -> float:
    """How far one has come at the time t, both from 0 to 1; exactly 0 at 0 and 1 at 1, and never back.

    linear: t. smooth: 3 t^2 - 2 t^3, slow at both ends. ease in: t^2, slow at first. ease out: 1 - (1 - t)^2.
    """
    if easing == "smooth":
        return t * t * (3.0 - 2.0 * t)
    if easing == "ease in":
        return t * t
    if easing == "ease out":
        return 1.0 - (1.0 - t) * (1.0 - t)
    if easing == "linear":
        return t
    raise SpecError("easing", f"easing is {easing!r}; expected one of: {', '.join(EASINGS)}")


def moments(n: int, legs: int, easing: Easing = "linear") -> list[tuple[int, float]]:
    """Where n frames stand on a way of so many legs: (leg, fraction of it), at even times, each leg eased by itself.

    The first frame is (0, 0.0) and the last (legs - 1, 1.0); a frame that falls on a stop has the fraction 0 exactly.
    """
    gaps = max(n - 1, 1)
    found = []
    for i in range(n):
        # Whole numbers first: so that the fraction is exactly 0 where a stop is reached.
        leg, rest = divmod(i * legs, gaps)
        found.append((leg, ease(rest / gaps, easing)) if leg < legs else (max(legs - 1, 0), float(legs > 0)))
    return found


def film_order(n: int, order: Order = "once") -> list[int]:
    """In which order n frames are shown; no frame is shown twice running, nor where the film begins again.

    once: from the first to the last. loop: for a closed way, whose last frame is its first again and is left out.
    ping-pong: there and back, each end once.
    """
    if n < 1:
        raise SpecError("n", f"n is {n}; expected at least 1 frame")
    if order == "ping-pong":
        return [*range(n), *range(n - 2, 0, -1)]
    if order == "loop":
        return list(range(max(1, n - 1)))
    if order == "once":
        return list(range(n))
    raise SpecError("order", f"order is {order!r}; expected one of: {', '.join(ORDERS)}")
