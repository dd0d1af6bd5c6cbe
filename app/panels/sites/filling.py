"""A filling: every value that was drawn, in order, so that the picture at any moment can be put together."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from gm_core import api


@dataclass(eq=False)
class Filling:
    """n examples of `shape` (c, h, w) whose sites come in `order`; the first `reached` of them are there.

    `values` uint8 (n, sites), `log_probs` and `entropies` float32 (n, sites) by site; not a number where unknown. A
    site is a number of an example as (c, h, w) lies in memory. `marks` are the sites that a person has overwritten.
    """

    shape: tuple[int, int, int]
    order: np.ndarray
    values: np.ndarray
    log_probs: np.ndarray
    entropies: np.ndarray
    reached: int = 0
    step: int | None = None
    done: bool = False
    orders: tuple[str, ...] = ()
    marks: frozenset[tuple[int, int]] = frozenset()
    labels: tuple[int, ...] = ()
    real: bool = False
    ranks: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        self.ranks = np.empty_like(self.order)
        self.ranks[self.order] = np.arange(len(self.order))

    @property
    def count(self) -> int:
        """How many examples."""
        return len(self.values)

    @property
    def sites(self) -> int:
        """Numbers in one example."""
        return len(self.order)

    @property
    def channels(self) -> int:
        """1 for grey, 3 for colours."""
        return self.shape[0]

    @property
    def pixels(self) -> int:
        """Pixels in one example."""
        return self.shape[1] * self.shape[2]

    def take(self, frame: api.Filled, row: int | None = None) -> None:
        """Put the sites of a frame in place: of all examples, or of one."""
        for mine, new in (
            (self.values, frame.values), (self.log_probs, frame.log_probs), (self.entropies, frame.entropies)
        ):  # fmt: skip
            if row is None:
                mine[:, frame.sites] = new
            else:
                mine[row, frame.sites] = new[0]
        if len(frame.sites):
            self.reached = int(self.ranks[frame.sites[-1]]) + 1

    def from_rank(self, rank: int, row: int, site: int = -1, value: int = 0, all_rows: int = 0) -> Filling:
        """A copy that ends before `rank`, in which a value of one example may be overwritten.

        With `all_rows` n, there are n examples, all with the beginning of example `row`.
        """
        rows = np.full(all_rows, row) if all_rows else np.arange(self.count)
        made = replace(
            self, values=self.values[rows].copy(), log_probs=self.log_probs[rows].copy(),
            entropies=self.entropies[rows].copy(), reached=rank, done=False,
            labels=tuple(self.labels[i] for i in rows) if self.labels else (),
        )  # fmt: skip
        touched = range(len(rows)) if all_rows else [row]
        marks = {(i, s) for i in touched for r, s in self.marks if r == row and self.ranks[s] < rank}
        marks |= set() if all_rows else {(r, s) for r, s in self.marks if r != row}
        if site >= 0:
            for i in touched:
                made.values[i, site] = value
                made.log_probs[i, site] = made.entropies[i, site] = np.nan
                marks.add((i, site))
        rest = self.order[rank:]
        for i in touched:
            made.log_probs[i, rest] = made.entropies[i, rest] = np.nan
        made.marks = frozenset(marks)
        return made

    def picture(self, row: int) -> np.ndarray:
        """What a query takes as given: uint8 (1, h, w, c), with what was drawn of one example so far."""
        flat = np.zeros(self.sites, np.uint8)
        there = self.order[: self.reached]
        flat[there] = self.values[row, there]
        return np.ascontiguousarray(flat.reshape(1, *self.shape).transpose(0, 2, 3, 1))

    def place_of(self, unit: int) -> int:
        """Sites that are there when `unit` pixels are: a pixel brings all its colours at once."""
        return min(self.sites, unit * self.channels)

    def units(self) -> int:
        """Whole pixels that have been reached."""
        return self.reached // self.channels


class Screen:
    """The pictures of a filling as they are shown, uint8 (n, h, w, 4), changed only where something changes.

    What is not drawn yet is transparent.
    """

    def __init__(self) -> None:
        self.rgba: np.ndarray | None = None
        self._of: Filling | None = None
        self._place = 0

    def show(self, filling: Filling, place: int) -> np.ndarray:
        """The pictures when `place` sites are there."""
        if self._of is not filling or self.rgba is None:
            _, h, w = filling.shape
            self.rgba = np.zeros((filling.count, h, w, 4), np.uint8)
            self._of, self._place = filling, 0
        lo, hi = sorted((self._place, place))
        changed = filling.order[lo:hi]
        channel, pixel = np.divmod(changed, filling.pixels)
        flat = self.rgba.reshape(filling.count, filling.pixels, 4)
        if place >= self._place:
            if filling.channels == 1:
                flat[:, pixel, :3] = filling.values[:, changed, None]
            else:
                flat[:, pixel, channel] = filling.values[:, changed]
            flat[:, pixel, 3] = 255
        else:
            flat[:, pixel, :3 if filling.channels == 1 else 4] = 0
            flat[:, pixel, 3] = 0
        self._place = place
        return self.rgba

    def forget(self) -> None:
        """Put the pictures together anew next time."""
        self._of = None


def begin(frame: api.Filled, card: api.DataCard, step: int) -> Filling:
    """An empty filling from the first frame of an answer."""
    assert frame.start is not None and frame.order is not None
    n, sites = len(frame.start), len(frame.order)
    unknown = np.full((n, sites), np.nan, np.float32)
    c, h, w = card.shape
    values = np.ascontiguousarray(frame.start.transpose(0, 3, 1, 2).reshape(n, sites))
    return Filling(
        (c, h, w), np.asarray(frame.order), values.copy(), unknown, unknown.copy(), step=step, orders=frame.orders
    )


def of_examples(found: api.ExamplesFrame, like: Filling) -> Filling:
    """Real examples as if they had been drawn in the order of another filling."""
    n = len(found.items)
    values = np.ascontiguousarray(found.items.transpose(0, 3, 1, 2).reshape(n, like.sites))
    unknown = np.full(values.shape, np.nan, np.float32)
    return Filling(
        like.shape, like.order, values.copy(), unknown, unknown.copy(), like.sites, like.step, True, like.orders,
        labels=tuple(int(y) for y in found.labels), real=True,
    )  # fmt: skip


def level(value: int, levels: int) -> int:
    """The number of a level from its value as a picture holds it, 0 to 255."""
    return round(value / 255 * (max(levels, 2) - 1))


def pixel_value(number: int, levels: int) -> int:
    """The value that a picture holds, 0 to 255, of the level of that number."""
    return round(min(max(number, 0), max(levels, 2) - 1) * 255 / (max(levels, 2) - 1))
