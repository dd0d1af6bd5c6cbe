"""Real handwritten digits that need no download: the 8x8 test set of Alpaydin & Kaynak 1998, from scikit-learn."""

from __future__ import annotations

import torch

from gm_core.data.base import ImageSpec, Part, dataset
from gm_core.data.images import Images
from gm_core.spec import param

TRAIN = 1347


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
        from sklearn.datasets import load_digits  # a second of import, only where digits are wanted

        bunch = load_digits()
        x = torch.from_numpy(bunch.images.astype("uint8")).unsqueeze(1)
        y = torch.from_numpy(bunch.target.astype("int64"))
        self.hold(
            spec,
            spec.validation,
            Part(x[:TRAIN], y[:TRAIN]),
            Part(x[TRAIN:], y[TRAIN:]),
            levels=17,
            classes=tuple(str(digit) for digit in range(10)),
        )
