"""Names at the ends of lines, moved apart where they would cover each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

LEAST_GAP = 1.0


@dataclass(frozen=True)
class End:
    """A name in the colour of its line, at the pixel where the line ends."""

    words: str
    colour: str
    x: float
    y: float


def spread(wished: Sequence[float], room: float, top: float, bottom: float) -> list[float] | None:
    """Heights as near as can be to the wished ones, `room` apart, between top and bottom; None where all do not fit.

    Neighbours that are too near become a block about the mean of its wishes, and blocks that meet become one: this is
    the least-squares answer (pool adjacent violators).
    """
    n = len(wished)
    if not n:
        return []
    if (n - 1) * room > bottom - top:
        return None
    order = sorted(range(n), key=lambda i: wished[i])
    blocks: list[list[float]] = []  # sum of the wishes for the first of a block, and how many there are
    for rank, i in enumerate(order):
        blocks.append([wished[i] - rank * room, 1.0])
        while len(blocks) > 1 and blocks[-2][0] / blocks[-2][1] > blocks[-1][0] / blocks[-1][1]:
            total, count = blocks.pop()
            blocks[-1][0] += total
            blocks[-1][1] += count
    found, rank = [0.0] * n, 0
    for total, count in blocks:
        start = min(max(total / count, top), bottom - (n - 1) * room)
        for _ in range(int(count)):
            found[order[rank]] = start + rank * room
            rank += 1
    return found
