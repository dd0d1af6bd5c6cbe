"""The feed: endless batches already on the device, shuffled, scaled and made binary there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from gm_core.data.base import SPLITS, Data, DataError, Exact, SplitName
from gm_core.maths.batch import Batch
from gm_core.maths.binning import binarise, dequantise, threshold, to_unit
from gm_core.protocol.cards import DataCard
from gm_core.spec import SpecError

ROOM = 2**30
"""A split of at most so many bytes lives on the device whole."""
WORTH = 2**15
"""Numbers in a batch from which drawing it (35 to 160 microseconds here) takes longer than handing it from thread to
thread (40)."""


class Feed:
    """Endless batches of one size from a split, each epoch in a new order; an epoch meets every example once.

    A batch may straddle two epochs, so that all batches have one shape. The order comes from a generator on the
    CPU, so that it is the same on every device; binarisation and dequantisation draw on the device. With
    `world` > 1, rank r takes the r-th part of each large batch: all ranks together meet an epoch once.
    Nothing here waits for the device.

    While it `draws_ahead`, which is for a CPU with a core to spare, each next batch is drawn on a thread of its own
    during the step before it. The batches are the same, and `state()` is that of the last one handed out.
    """

    factor_names: tuple[str, ...] = ()
    """The known causes of the examples, in the order of the columns of `factors`; none for most data."""

    def __init__(
        self,
        data: Data,
        batch: int,
        device: torch.device | str = "cpu",
        seed: int = 0,
        split: SplitName = "train",
        rank: int = 0,
        world: int = 1,
    ) -> None:
        if batch < 1 or not 0 <= rank < world:
            raise ValueError(f"batch is {batch}, rank {rank} of {world}; expected batch >= 1 and 0 <= rank < world")
        self.data = data
        self.card: DataCard = data.card
        self.factor_names = data.factor_names
        self.batch = batch
        self.device = torch.device(device)
        self.split = split
        self._rank, self._world, self._seed = rank, world, seed
        self._stores: dict[str, tuple[Tensor, Tensor | None]] = {}
        self._factors: dict[str, Tensor | None] = {}
        self._x, self._y = self._store(split)
        self._n = int(self._x.shape[0])
        self._shuffler = torch.Generator().manual_seed(seed)
        self._noise = torch.Generator(self.device).manual_seed(_mix(seed, rank))
        self._epoch = -1
        self._turn()
        self.draws_ahead = False
        self._thread: ThreadPoolExecutor | None = None
        self._drawn: Future[Batch] | None = None
        self._handed: dict[str, Tensor] = {}

    @property
    def exact(self) -> Exact | None:
        """The truth of the data, where it is known."""
        return self.data.exact

    def count(self, split: str) -> int:
        """Examples in a split."""
        return int(self._store(split)[0].shape[0])

    def next(self) -> Batch:
        """The next batch: x (batch, *card.shape) float32 in the card's range, y (batch,) or None, index (batch,)."""
        if self._drawn is None:
            batch = self._draw()
        else:
            try:
                batch = self._drawn.result()
            except BaseException:
                self._undraw()
                raise
            self._drawn = None
        if self.draws_ahead and batch.x.numel() >= WORTH:
            self._handed = self._place()
            self._thread = self._thread or ThreadPoolExecutor(1, "next batch")
            self._drawn = self._thread.submit(self._draw)
        return batch

    def _draw(self) -> Batch:
        index = self._indices()
        x, y = _gather(self._x, self._y, index, self.device)
        return Batch(bring(x, self.card, self.data.levels, self._noise), y, index.to(self.device))

    def examples(self, split: str, indices: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor | None]:
        """Examples by index on the device in the card's range; what is random comes from `rng` alone."""
        x, y = self._store(split)
        chosen, labels = _gather(x, y, indices, self.device)
        return bring(chosen, self.card, self.data.levels, rng), labels

    def factors(self, split: str, indices: Tensor) -> Tensor | None:
        """The known causes (n, f) of examples by index, float32 on the CPU, or None where they are not known."""
        if not self.factor_names:
            return None
        if split not in self._factors:
            self._store(split)
            self._factors[split] = self.data.part(split).factors  # type: ignore[arg-type]
        known = self._factors[split]
        return None if known is None else known.index_select(0, indices.to(known.device)).cpu()

    def fixed(self, split: str, n: int, seed: int = 0, portion: int = 0) -> Iterator[Batch]:
        """At most `n` examples spread evenly over a split, in portions, the same at each call and on each device.

        Dynamic binarisation draws from `seed`, so that validation scores can be compared. The generator of
        training is not touched.
        """
        data, card = self.data, self.card  # held to the end, even if the feed goes on with other data meanwhile
        stored, labels = self._store(split)
        count = int(stored.shape[0])
        taken = min(n, count)
        rng = torch.Generator().manual_seed(_mix(seed, 7))
        chosen = torch.arange(taken).mul_(count).div_(max(taken, 1), rounding_mode="floor")
        for index in chosen.split(portion or self.batch):
            x, y = _gather(stored, labels, index, self.device)
            yield Batch(bring(x, card, data.levels, rng), y, index.to(self.device))

    def elsewhere(self, wish: Mapping[str, Any]) -> Feed:
        """Another data set on the same device, made binary or scaled as this one; `wish` is its spec with `kind`.

        Raises SpecError where its examples have another shape or other values, DataError where its files are absent.
        """
        data = self._like(wish, "other")
        if data.card.range != self.card.range:
            raise _unfit(data.card, self.card, "other")
        return Feed(data, self.batch, self.device, self._seed)

    def fitting(self, wish: Mapping[str, Any]) -> tuple[Data, DataCard]:
        """Data that could take the place of these, and the card that they would go by; nothing changes yet.

        On the plane the box that is drawn stays as it is, so that nothing jumps. Raises as `elsewhere` does.
        """
        data = self._like(wish, "data")
        if data.card.kind == "images" and data.card.range != self.card.range:
            raise _unfit(data.card, self.card, "data")
        return data, replace(data.card, range=self.card.range)

    def beside(self, wish: Mapping[str, Any]) -> Feed:
        """A feed of its own of data that are `fitting`, to look at while these go on; raises as `elsewhere` does."""
        data, card = self.fitting(wish)
        made = Feed(data, self.batch, self.device, self._seed)
        made.card = card
        return made

    def change(self, data: Data, card: DataCard) -> None:
        """Go on with other data that are `fitting`, from the next batch on: a new epoch begins, in an order that
        follows from the same generator, so that training on from a saved state is exact after a change too."""
        self._undraw()
        self.data, self.card, self.factor_names = data, card, data.factor_names
        self._stores, self._factors = {}, {}
        self._x, self._y = self._store(self.split)
        self._n = int(self._x.shape[0])
        self._turn()

    def _like(self, wish: Mapping[str, Any], path: str) -> Data:
        """Another data set, made binary or scaled as this one; raises SpecError where its examples do not fit."""
        from gm_core.data.registry import data_class, make_data

        rows, own = data_class(wish.get("kind")).Spec.model_fields, self.data.spec.plain()
        alike: dict[str, Any] = {n: own[n] for n in ("binarisation", "dequantise", "centred") if n in rows and n in own}
        data = make_data({**alike, **wish})
        if (data.card.shape, data.card.values) != (self.card.shape, self.card.values):
            raise _unfit(data.card, self.card, path)
        if self.card.values == "levels" and data.card.levels != self.card.levels:
            raise SpecError(
                path,
                f"{data.card.title} has {data.card.levels} levels; this model takes {self.card.levels}: choose a data "
                "set of as many levels",
            )
        return data

    def state(self) -> dict[str, Tensor]:
        """All that is needed to go on exactly here: the shuffler as the epoch began, the place in it, the noise."""
        return dict(self._handed) if self._drawn is not None else self._place()

    def _place(self) -> dict[str, Tensor]:
        place = torch.tensor([self._epoch, self._position, self._seed], dtype=torch.int64)
        return {"shuffler": self._before.clone(), "place": place, "noise": self._noise.get_state()}

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Go on exactly where `state()` was taken; bit-exact on the same kind of device.

        The noise of another kind of device cannot be continued; it is seeded anew from the place reached.
        """
        epoch, position, seed = state["place"].tolist()
        if not 0 <= position <= self._n:
            raise DataError(
                f"the saved run stands at example {position} of an epoch; {self.card.title} has {self._n} to train on: "
                "open it with the data that it was trained on"
            )
        if self._drawn is not None:
            wait([self._drawn])
            self._drawn = None
        self._shuffler.set_state(state["shuffler"])
        self._epoch, self._seed = epoch - 1, seed
        self._turn()
        self._position = position
        noise = state["noise"]
        if noise.shape == self._noise.get_state().shape:
            self._noise.set_state(noise)
        else:
            self._noise.manual_seed(_mix(seed + 1_000_003 * (epoch * self._n + position), self._rank))

    def _undraw(self) -> None:
        """Go back to the last batch handed out, if another was drawn ahead."""
        if self._drawn is not None:
            self.load(self._handed)

    def _store(self, split: str) -> tuple[Tensor, Tensor | None]:
        """A split on the device if there is room, else in pinned memory of the CPU; brought once."""
        if split not in self._stores:
            if split not in SPLITS:
                raise ValueError(f"split is {split!r}; expected one of: {', '.join(SPLITS)}")
            part = self.data.part(split)
            x, y = part.x, part.y
            if self.device.type != "cpu":
                if x.numel() * x.element_size() <= ROOM:
                    x = x.to(self.device)
                elif self.device.type == "cuda":
                    x = x.pin_memory()
                y = None if y is None else y.to(self.device)
            self._stores[split] = (x.contiguous(), y)
        return self._stores[split]

    def _turn(self) -> None:
        """Begin an epoch: a new order, brought once to where the examples are stored."""
        self._before = self._shuffler.get_state()
        self._order = torch.randperm(self._n, generator=self._shuffler).to(self._x.device)
        self._epoch += 1
        self._position = 0

    def _indices(self) -> Tensor:
        """The indices of this rank's next batch; the position counts the examples of all ranks."""
        wide = self.batch * self._world
        first = self._rank * self.batch
        if self._position + wide <= self._n:
            start = self._position + first
            self._position += wide
            return self._order[start : start + self.batch]
        pieces, lacking = [], wide
        while lacking:
            if self._position == self._n:
                self._turn()
            taken = min(lacking, self._n - self._position)
            pieces.append(self._order[self._position : self._position + taken])
            self._position += taken
            lacking -= taken
        return torch.cat(pieces)[first : first + self.batch]


def bring(x: Tensor, card: DataCard, levels: int, rng: torch.Generator) -> Tensor:
    """Examples stored as 0..levels-1 as float32 in the card's range, made binary or dequantised as the card says.

    Floats are stored in their range already, unless they are to be made binary.
    """
    if card.binarisation == "dynamic":
        unit = binarise(x, levels, rng)
    elif card.binarisation == "threshold":
        unit = threshold(x, levels)
    elif x.is_floating_point():
        return x
    elif card.dequantised:
        unit = dequantise(x, levels, rng)
    else:
        unit = to_unit(x, levels)
    lo, hi = card.range
    return unit if (lo, hi) == (0.0, 1.0) else unit.mul_(hi - lo).add_(lo)


def _gather(x: Tensor, y: Tensor | None, index: Tensor, device: torch.device) -> tuple[Tensor, Tensor | None]:
    """Rows by index on the device, wherever they are stored."""
    chosen = x.index_select(0, index.to(x.device)).to(device, non_blocking=True)
    return chosen, None if y is None else y.index_select(0, index.to(y.device))


def _unfit(found: DataCard, wanted: DataCard, path: str) -> SpecError:
    """What to say where examples are of another kind."""
    return SpecError(
        path,
        f"{found.title} has {found.values} examples of shape {found.shape}; this model takes {wanted.values} ones of "
        f"shape {wanted.shape}: choose a data set of the same kind",
    )


def _mix(seed: int, salt: int) -> int:
    """A seed for a second generator, far from the first."""
    return (seed * 0x9E3779B1 + salt * 0x85EBCA77 + 0x165667B1) % (2**63)
