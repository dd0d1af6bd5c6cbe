"""What every set of images shares: splits cut from the end of the training set, binary, grey or dequantised pixels."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from gm_core.data.base import Data, DataError, ImageSpec, Part, SplitName
from gm_core.protocol.cards import DataCard, Values
from gm_core.spec import SpecError

ROOM = 2**30
"""At most so many bytes of pictures are made or read."""


class Images(Data):
    """Images of K grey levels, stored as uint8 0..K-1."""

    def hold(
        self,
        spec: ImageSpec,
        validation: int,
        train: Part,
        test: Part,
        levels: int,
        classes: tuple[str, ...],
        note: str = "",
    ) -> None:
        """Cut the splits and write the card. The last `validation` training examples are held out.

        With `validation` 0 nothing is held out: training uses all, and validation looks at the last tenth of
        the training examples, so that its curve shows the fit and not the generalisation; the card says so.
        """
        n = len(train)
        if validation >= n:
            raise SpecError(
                "data.validation", f"data.validation is {validation}; expected fewer than the {n} training examples"
            )
        kept = n - validation
        used = min(spec.limit, kept) if spec.limit else kept
        tail = kept if validation else n - max(1, n // 10)
        self._parts: dict[SplitName, Part] = {
            "train": _cut(train, 0, used),
            "validation": _cut(train, tail, n),
            "test": test,
        }
        shape = tuple(train.x.shape[1:])
        self.levels = levels
        card = DataCard(
            self.name,
            self.title,
            shape,
            "levels",
            (0.0, 1.0),
            levels,
            classes,
            {split: len(part) for split, part in self._parts.items()},
        )
        split_note = (
            f"The last {validation} training examples are the validation split."
            if validation
            else "No example is held out: validation looks at training examples."
        )
        self.card = finish(card, spec, " ".join(filter(None, [note, split_note])))

    def part(self, split: SplitName) -> Part:
        """The stored examples of one split, on the CPU."""
        return self._parts[split]


def finish(card: DataCard, spec: ImageSpec, note: str = "") -> DataCard:
    """The card of levels as the choices of an ImageSpec make it: values, range and a note that says how."""
    if spec.dequantise and spec.binarisation != "none":
        raise SpecError(
            "data.dequantise", f"data.dequantise is on and data.binarisation is {spec.binarisation}; choose one"
        )
    values: Values = card.values
    levels = card.levels
    how = ""
    if spec.binarisation == "dynamic":
        values, levels = "binary", 2
        how = "Pixels are drawn anew each time, black or white, with the probability of their grey."
    elif spec.binarisation == "threshold":
        values, levels = "binary", 2
        how = "Pixels are white where the grey is above one half, else black."
    elif spec.dequantise:
        values, how = "continuous", f"Uniform noise of one of {levels} levels is added to each pixel."
    return replace(
        card,
        values=values,
        levels=levels,
        range=(-1.0, 1.0) if spec.centred else card.range,
        binarisation=spec.binarisation,
        dequantised=spec.dequantise,
        note=" ".join(filter(None, [how, note])),
    )


def check_pair(x: Tensor, y: Tensor | None, where: str) -> Part:
    """Images and their labels as a part; raises DataError where their numbers differ."""
    if y is not None and len(x) != len(y):
        raise DataError(
            f"{where} holds {len(x)} images but {len(y)} labels; expected as many of each: take both from one source"
        )
    return Part(x, y)


def join(first: Part, second: Part) -> Part:
    """Two parts as one."""
    y = torch.cat([first.y, second.y]) if first.y is not None and second.y is not None else None
    factors = None
    if first.factors is not None and second.factors is not None:
        factors = torch.cat([first.factors, second.factors])
    return Part(torch.cat([first.x, second.x]), y, factors)


def _cut(part: Part, start: int, stop: int) -> Part:
    factors = None if part.factors is None else part.factors[start:stop]
    return Part(part.x[start:stop], None if part.y is None else part.y[start:stop], factors)
