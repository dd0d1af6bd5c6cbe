"""Your own data: arrays of images or vectors from .npy and .npz files."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from gm_core.data.base import SPLITS, Data, DataError, ImageSpec, Part, SplitName, dataset
from gm_core.data.images import check_pair, finish
from gm_core.data.read_array import Array, Layout, check_numbers, lay_out, number_labels, read_arrays, whole_levels
from gm_core.data.shares import SharedSpec, share_out
from gm_core.protocol.cards import DataCard, Values
from gm_core.spec import SpecError, param


class ArraysSpec(SharedSpec, ImageSpec):
    """Choices for arrays."""

    file: str = param("", "A .npy, or a .npz with x (and y), or with x_train, x_validation, x_test (and y_...).")
    labels: str = param("", "A .npy of labels for a .npy of examples; empty for none.")
    values: Literal["auto", "binary", "levels", "continuous"] = param(
        "auto", "What the numbers are: zeros and ones, whole levels from 0, or continuous; auto looks at them."
    )
    levels: int = param(0, "How many levels there are; 0 takes the largest value plus one, or 256.", lo=0, hi=256)
    layout: Layout = param("auto", "Which dimension is which: examples n, height h, width w, channels c.")


@dataset("arrays", "Arrays (.npy, .npz)", "yours", ready=False)
class Arrays(Data):
    """Your own images or vectors from .npy or .npz files, binary, in K levels or continuous.

    Images are (n, h, w), (n, c, h, w) or (n, h, w, c), vectors (n, d). A split that the file does not name is drawn
    at random from the training examples; one whose share is 0 looks at the training examples, and the card says so.
    """

    Spec = ArraysSpec

    def __init__(self, spec: ArraysSpec) -> None:
        super().__init__(spec)
        if not spec.file:
            raise DataError("data.file is empty; expected the path of a .npy or .npz file: set data.file")
        path = Path(spec.file).expanduser()
        xs, ys, notes = _splits(spec, path)
        for split, x in xs.items():
            check_numbers(x, f"{split} x of {path.name}")
        xs = {split: lay_out(x, spec.layout, f"{split} x of {path.name}") for split, x in xs.items()}
        shape = xs["train"].shape[1:]
        for split, x in xs.items():
            if x.shape[1:] != shape:
                raise DataError(f"{split} x of {path.name} has examples of {x.shape[1:]}; expected {shape} as train x")
        if xs["train"].min() == xs["train"].max():
            raise DataError(f"every number in {path.name} is {xs['train'].min()}; expected data that vary")
        values, self.levels = _kind(spec, xs, path.name)
        classes: tuple[str, ...] = ()
        labels: dict[SplitName, Tensor] = {}
        if ys:
            numbered, classes = number_labels(list(ys.values()), f"y of {path.name}")
            labels = dict(zip(ys, numbered))
        lo, hi = _range(xs, values, len(shape))
        stored: dict[SplitName, Tensor] = {}
        for split, x in xs.items():
            kept = x.astype(np.uint8 if self.levels else np.float32)
            stored[split] = torch.from_numpy(np.ascontiguousarray(kept))
        if spec.centred and not self.levels and spec.binarisation == "none":
            stored = {split: (x - lo) * (2 / (hi - lo)) - 1 for split, x in stored.items()}
        _refuse(spec, values, (lo, hi))
        if spec.limit:
            stored["train"] = stored["train"][: spec.limit]
            labels = {split: y[: spec.limit] if split == "train" else y for split, y in labels.items()}
        self._parts = {s: check_pair(stored[s], labels.get(s), f"{s} of {path.name}") for s in SPLITS}
        card = DataCard(
            self.name,
            path.stem,
            tuple(shape),
            values,
            (lo, hi),
            self.levels,
            classes,
            {split: len(part) for split, part in self._parts.items()},
        )
        self.card = finish(card, spec, " ".join([f"Read from {path}.", *notes]))

    def part(self, split: SplitName) -> Part:
        """The stored examples of one split, on the CPU."""
        return self._parts[split]


Named = dict[SplitName, Array]


def _splits(spec: ArraysSpec, path: Path) -> tuple[Named, Named, list[str]]:
    """Examples and labels by split, as named in the file or drawn from the training examples; notes for the card."""
    arrays = read_arrays(path)
    if spec.labels:
        arrays["y"] = next(iter(read_arrays(Path(spec.labels).expanduser()).values()))
    elif len(arrays) == 1 and not {"x", "x_train"} & set(arrays):
        arrays = {"x": next(iter(arrays.values()))}
    suffix = "_train" if "x_train" in arrays else ""
    if f"x{suffix}" not in arrays:
        raise DataError(
            f"{path.name} holds {', '.join(arrays) or 'nothing'}; expected x (and y), or x_train (and x_validation, "
            "x_test, y_...)"
        )
    xs: Named = {"train": arrays[f"x{suffix}"]}
    ys: Named = {"train": arrays[f"y{suffix}"]} if f"y{suffix}" in arrays else {}
    for split in SPLITS[1:]:
        if f"x_{split}" in arrays:
            xs[split] = arrays[f"x_{split}"]
            if ys and f"y_{split}" not in arrays:
                raise DataError(f"{path.name} holds labels for training but not y_{split}; expected both or none")
            if ys:
                ys[split] = arrays[f"y_{split}"]
    _pairs(xs, ys, path.name)
    places, notes = share_out(len(xs["train"]), spec, path.name, tuple(s for s in SPLITS[1:] if s in xs))
    for named in (xs, ys) if ys else (xs,):
        whole = named["train"]
        named.update({split: whole[at] for split, at in places.items()})
    return xs, ys, notes


def _pairs(xs: Named, ys: Named, name: str) -> None:
    """Every split has examples, and as many labels as examples."""
    for split, x in xs.items():
        if x.ndim == 0 or len(x) == 0:
            raise DataError(f"{split} x of {name} has the shape {x.shape}; expected at least one example")
        if split in ys and ys[split].shape[:1] != x.shape[:1]:
            raise DataError(
                f"{split} of {name} holds {len(x)} examples and labels of shape {ys[split].shape}; "
                "expected as many of each"
            )


def _kind(spec: ArraysSpec, xs: Named, name: str) -> tuple[Values, int]:
    """What the numbers are and how many levels they have, 0 for continuous ones."""
    largest = max(whole_levels(x) for x in xs.values())
    whole = min(whole_levels(x) for x in xs.values()) >= 0
    values = spec.values
    if values == "auto":
        counted = all(x.dtype.kind in "bui" for x in xs.values())
        values = "binary" if whole and largest == 1 else "levels" if whole and counted else "continuous"
    if values == "continuous":
        return "continuous", 0
    if not whole:
        lo, hi = min(x.min() for x in xs.values()), max(x.max() for x in xs.values())
        raise DataError(
            f"{name} holds values from {lo:g} to {hi:g}; {values} data need whole numbers from 0 to 255: "
            "set data.values to continuous"
        )
    if values == "binary":
        if largest > 1:
            raise DataError(f"{name} holds values up to {largest}; binary data are 0 and 1: set data.values to levels")
        return "binary", 2
    levels = spec.levels or (largest + 1 if largest < 32 else 256)
    if largest >= levels:
        raise DataError(f"{name} holds values up to {largest}; data.levels {levels} allows {levels - 1}: raise it")
    return "levels", max(levels, 2)


def _range(xs: Named, values: Values, dimensions: int) -> tuple[float, float]:
    """0..1 for levels and for what lies in it, -1..1 likewise, else from the smallest to the largest, with air."""
    if values != "continuous":
        return 0.0, 1.0
    lo, hi = float(min(x.min() for x in xs.values())), float(max(x.max() for x in xs.values()))
    if dimensions == 3:
        for a, b in ((0.0, 1.0), (-1.0, 1.0)):
            if a <= lo and hi <= b:
                return a, b
        return lo, hi
    air = 0.05 * (hi - lo)
    return lo - air, hi + air


def _refuse(spec: ArraysSpec, values: Values, span: tuple[float, float]) -> None:
    """Choices that do not go with continuous numbers."""
    if values == "continuous" and spec.dequantise:
        raise SpecError("data.dequantise", "data.dequantise is on but the data are continuous already; turn it off")
    if values == "continuous" and spec.binarisation != "none" and span != (0.0, 1.0):
        raise SpecError(
            "data.binarisation",
            f"data.binarisation is {spec.binarisation} but values run from {span[0]:g} to {span[1]:g}; expected 0 to 1",
        )
