"""Real handwritten digits that need no download: the 8x8 test set of Alpaydin & Kaynak 1998, from scikit-learn."""

from __future__ import annotations

import gzip
import importlib.util
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from gm_core.data.base import ImageSpec, Part, dataset
from gm_core.data.images import Images
from gm_core.spec import param

TRAIN = 1347


def read_table() -> npt.NDArray[np.uint8]:
    """1797 rows of 64 pixels (0 to 16) and a label, from the file that comes with scikit-learn.

    Importing scikit-learn takes more than a second, reading its file three milliseconds: so we look for the file,
    and ask scikit-learn only where it lies elsewhere.
    """
    found = importlib.util.find_spec("sklearn")
    for place in (found.submodule_search_locations or ()) if found else ():
        path = Path(place, "datasets", "data", "digits.csv.gz")
        if path.is_file():
            with gzip.open(path, "rt") as file:
                return np.loadtxt(file, delimiter=",", dtype=np.uint8)
    from sklearn.datasets import load_digits

    bunch = load_digits()
    return np.column_stack([bunch.data, bunch.target]).astype(np.uint8)


class DigitsSpec(ImageSpec):
    """Choices for the small digits."""

    validation: int = param(
        147, "Training examples held out for validation, from the end; 0 holds out none.", lo=0, hi=1346
    )


@dataset("digits", "Digits 8x8", "images")
class Digits(Images):
    """Small handwritten digits, 8x8 pixels of 17 grey levels; nothing to download.

    The first 1347 of the 1797 examples are for training, the last 450 for testing.
    """

    Spec = DigitsSpec

    def __init__(self, spec: DigitsSpec) -> None:
        super().__init__(spec)
        table = torch.from_numpy(read_table())
        x, y = table[:, :-1].reshape(-1, 1, 8, 8).contiguous(), table[:, -1].to(torch.int64)
        self.hold(
            spec,
            spec.validation,
            Part(x[:TRAIN], y[:TRAIN]),
            Part(x[TRAIN:], y[TRAIN:]),
            levels=17,
            classes=tuple(str(digit) for digit in range(10)),
        )
