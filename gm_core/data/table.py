"""Your own vectors: a table of numbers in a text file (CSV), one example a line."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from gm_core.data.base import SPLITS, Data, DataError, Part, SplitName, dataset
from gm_core.data.read_table import Header, Table, read_table
from gm_core.data.shares import MOST_CLASSES, SharedSpec, share_out
from gm_core.protocol.cards import DataCard
from gm_core.spec import param

Numbers = npt.NDArray[np.float64]
NOTED = 3
AIR = 0.05
"""Room around the smallest and the largest value, as a share of what lies between them."""


class TableSpec(SharedSpec):
    """Choices for a table."""

    file: str = param("", "A table of numbers as text: commas, semicolons or tabs between the columns.")
    label: str = param(
        "auto", "The column of classes: its name, last, or nothing for none; auto: the last one if it holds words."
    )
    header: Header = param("auto", "Whether the first line names the columns; auto: if it holds words.")
    values: Literal["auto", "binary", "continuous"] = param(
        "auto", "What the numbers are; auto takes them for binary if all are 0 or 1."
    )
    standardise: bool = param(False, "Bring each column to mean 0 and standard deviation 1 (of the training examples).")
    faults: Literal["refuse", "skip"] = param("refuse", "What to do with lines that have gaps, words or NaN.")
    limit: int = param(0, "Use only so many training examples; 0 uses all.", lo=0, hi=10_000_000)


@dataset("table", "Table (CSV)", "yours", ready=False)
class TableData(Data):
    """Your own vectors from a CSV file, binary or continuous; two columns are points of the plane.

    Splits are drawn at random, one whose share is 0 looks at the training examples, and the card says so.
    """

    Spec = TableSpec

    def __init__(self, spec: TableSpec) -> None:
        super().__init__(spec)
        if not spec.file.strip():
            raise DataError("data.file is empty; expected the path of a table (.csv, .tsv, .txt): set data.file")
        path = Path(spec.file.strip()).expanduser()
        table = read_table(path, spec.header, spec.label, spec.faults == "skip")
        values = table.values
        if (values == values[0]).all():
            found = "every line is the same" if len(values) > 1 else "there is one line"
            raise DataError(f"{found} in {path.name}; expected examples that vary: choose another file")
        self.skipped = tuple(table.odd)
        binary = _binary(spec, values, path.name)
        labels, classes = _number(table, path.name)
        places, notes = share_out(len(values), spec, path.name)
        if spec.limit:
            places["train"] = places["train"][: spec.limit]
        notes = [f"Read from {path}.", _left_out(table), *notes]
        if binary:
            self.levels = 2
            stored = torch.from_numpy(values.astype(np.uint8))
            lo, hi = 0.0, 1.0
        else:
            if spec.standardise:
                values, words = _standardise(values, values[places["train"]])
                notes.insert(1, words)
            stored = torch.from_numpy(values.astype(np.float32))
            lo, hi = float(values.min()), float(values.max())
            air = AIR * (hi - lo)
            lo, hi = lo - air, hi + air
        self._parts: dict[SplitName, Part] = {}
        for split in SPLITS:
            at = torch.from_numpy(places[split])
            self._parts[split] = Part(stored[at], None if labels is None else labels[at])
        self.card = DataCard(
            self.name,
            path.stem,
            (values.shape[1],),
            "binary" if binary else "continuous",
            (lo, hi),
            self.levels,
            classes,
            {split: len(part) for split, part in self._parts.items()},
            note=" ".join(filter(None, notes)),
        )

    def part(self, split: SplitName) -> Part:
        """The stored examples of one split, on the CPU."""
        return self._parts[split]


def _binary(spec: TableSpec, values: Numbers, name: str) -> bool:
    """Whether the numbers are coins; DataError where that is wished and they are not."""
    coins = bool(np.isin(values, (0.0, 1.0)).all())
    if spec.values == "binary" and not coins:
        odd = values[~np.isin(values, (0.0, 1.0))][0]
        raise DataError(f"{name} holds {odd:g}; binary data are 0 and 1: set data.values to continuous")
    if spec.values == "binary" and spec.standardise:
        raise DataError("data.standardise is on and data.values is binary; choose one")
    return coins and spec.values != "continuous" and not spec.standardise


def _standardise(
    values: Numbers, train: Numbers
) -> tuple[Numbers, str]:
    """(x - mean) / std by column; a column that never changes becomes 0."""
    std = train.std(0)
    flat = int((std == 0).sum())
    words = "Each column has mean 0 and standard deviation 1 over the training examples"
    return (values - train.mean(0)) / np.where(std > 0, std, 1.0), words + (f" ({flat} never change)." if flat else ".")


def _number(table: Table, name: str) -> tuple[Tensor | None, tuple[str, ...]]:
    """Labels as 0..K-1 and what they were; whole numbers in their order, words in the alphabet's."""
    if not table.labels:
        return None, ()
    found = set(table.labels)
    if len(found) > MOST_CLASSES:
        raise DataError(
            f"the label column of {name} holds {len(found)} different values; expected classes, at most "
            f"{MOST_CLASSES}: choose another column with data.label, or none"
        )
    try:
        classes = tuple(sorted(found, key=float))
    except ValueError:
        classes = tuple(sorted(found))
    numbers = {label: at for at, label in enumerate(classes)}
    return torch.tensor([numbers[label] for label in table.labels], dtype=torch.int64), classes


def _left_out(table: Table) -> str:
    if not table.odd:
        return ""
    some = "; ".join(f"{line} {why}" for line, why in table.odd[:NOTED])
    more = "" if len(table.odd) <= NOTED else "; ..."
    return f"{len(table.odd)} line{'s were' if len(table.odd) > 1 else ' was'} left out ({some}{more})."
