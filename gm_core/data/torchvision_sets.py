"""MNIST and its family as torchvision knows them: addresses, checksums, names and folder layout.

The files are read by our own readers; torchvision is asked, lazily, only for addresses and checksums.
"""

from __future__ import annotations

import importlib
import string
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from gm_core.data.base import DataError, DataSpec, Part, Remote, dataset
from gm_core.data.files import FileSpec, absent, find_file, folders_for
from gm_core.data.idx import read_idx
from gm_core.data.images import Images, check_pair
from gm_core.spec import param

DIGITS = tuple(string.digits)
MERGED = tuple(string.digits + string.ascii_uppercase + "abdefghnqrt")
EMNIST_CLASSES = {
    "digits": DIGITS,
    "mnist": DIGITS,
    "letters": tuple(string.ascii_lowercase),
    "balanced": MERGED,
    "bymerge": MERGED,
    "byclass": tuple(string.digits + string.ascii_uppercase + string.ascii_lowercase),
}


class MnistSpec(FileSpec):
    """Choices for MNIST."""


class EmnistSpec(FileSpec):
    """Choices for EMNIST."""

    part: Literal["letters", "balanced", "digits", "mnist", "bymerge", "byclass"] = param(
        "letters", "Which of the six divisions of the set."
    )


def known_to_torchvision(name: str) -> Any:
    """A class of torchvision, which knows addresses and checksums; DataError where torchvision does not load."""
    try:
        return getattr(importlib.import_module("torchvision.datasets"), name)
    except (ImportError, RuntimeError, OSError) as error:
        raise DataError(
            f"torchvision, which knows the addresses of {name}, does not load ({error}); install torch and torchvision "
            "from the same index, or put the files where they are looked for"
        ) from None


class IdxImages(Images):
    """A family of four IDX files: images and labels for training and for testing."""

    torchvision_name = "MNIST"
    flat = False

    def load(self, spec: FileSpec, classes: tuple[str, ...], prefix: str = "", first: int = 0) -> None:
        """Read the four files and cut the splits; labels are counted from `first`."""
        below = (self.name, f"{self.torchvision_name}/raw", self.torchvision_name)
        looked = folders_for(spec.folder, below, self.flat)
        found: dict[str, Path | None] = {}
        for split, word in (("train", "train"), ("test", "test" if prefix else "t10k")):
            for what, dimensions in (("images", 3), ("labels", 1)):
                stem = f"{prefix}{word}-{what}"
                names = (f"{stem}-idx{dimensions}-ubyte", f"{stem}.idx{dimensions}-ubyte")
                found[f"{split} {what} {names[0]}"] = find_file(looked, names)
        missing = [key.split()[-1] for key, path in found.items() if path is None]
        if missing:
            raise absent(self.name, self.title, missing, spec.folder, below)
        paths = [path for path in found.values() if path is not None]
        train = self._read(paths[0], paths[1], classes, first)
        test = self._read(paths[2], paths[3], classes, first)
        if train.x.shape[1:] != test.x.shape[1:]:
            raise DataError(
                f"{paths[2]} holds images of {tuple(test.x.shape[2:])} pixels; "
                f"expected {tuple(train.x.shape[2:])} as in {paths[0]}"
            )
        self.hold(spec, spec.validation, train, test, 256, classes, f"Read from {paths[0].parent}.")

    @classmethod
    def remotes(cls, spec: DataSpec) -> tuple[Remote, ...]:
        """The four files, with addresses and checksums from torchvision."""
        known = known_to_torchvision(cls.torchvision_name)
        return tuple(
            Remote(name, tuple(mirror + name for mirror in known.mirrors), md5) for name, md5 in known.resources
        )

    def turn(self, images: Tensor) -> Tensor:
        """Images as they should be seen."""
        return images

    def _read(self, images: Path, labels: Path, classes: tuple[str, ...], first: int) -> Part:
        x = self.turn(read_idx(images, 3)).unsqueeze(1).contiguous()
        y = read_idx(labels, 1).to(torch.int64) - first
        lo, hi = int(y.min()), int(y.max())
        if lo < 0 or hi >= len(classes):
            raise DataError(
                f"{labels} holds labels from {lo + first} to {hi + first}; "
                f"expected {first} to {first + len(classes) - 1}: is it the right file of the set?"
            )
        return check_pair(x, y, f"{images.name} with {labels.name}")


@dataset("mnist", "MNIST", "images", ready=False)
class Mnist(IdxImages):
    """Seventy thousand handwritten digits, 28x28 grey pixels (LeCun et al. 1998)."""

    Spec = MnistSpec
    flat = True

    def __init__(self, spec: MnistSpec) -> None:
        super().__init__(spec)
        self.load(spec, DIGITS)


@dataset("fashion", "Fashion-MNIST", "images", ready=False)
class Fashion(IdxImages):
    """Seventy thousand pictures of clothes, 28x28 grey pixels (Xiao et al. 2017)."""

    Spec = MnistSpec
    torchvision_name = "FashionMNIST"

    def __init__(self, spec: MnistSpec) -> None:
        super().__init__(spec)
        names = "T-shirt,trouser,pullover,dress,coat,sandal,shirt,sneaker,bag,ankle boot"
        self.load(spec, tuple(names.split(",")))


@dataset("kmnist", "KMNIST", "images", ready=False)
class Kmnist(IdxImages):
    """Seventy thousand cursive Japanese characters of ten kinds, 28x28 grey pixels (Clanuwat et al. 2018)."""

    Spec = MnistSpec
    torchvision_name = "KMNIST"

    def __init__(self, spec: MnistSpec) -> None:
        super().__init__(spec)
        self.load(spec, ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"))


@dataset("emnist", "EMNIST", "images", ready=False)
class Emnist(IdxImages):
    """Handwritten letters and digits, 28x28 grey pixels, in six divisions (Cohen et al. 2017).

    The files hold each image transposed; it is turned upright here. Letters are labelled from 1 there, from 0 here.
    """

    Spec = EmnistSpec
    torchvision_name = "EMNIST"

    def __init__(self, spec: EmnistSpec) -> None:
        super().__init__(spec)
        self.load(spec, EMNIST_CLASSES[spec.part], f"emnist-{spec.part}-", 1 if spec.part == "letters" else 0)

    @classmethod
    def remotes(cls, spec: DataSpec) -> tuple[Remote, ...]:
        """The one archive that holds all six divisions."""
        known = known_to_torchvision(cls.torchvision_name)
        holds = tuple(
            f"emnist-{part}-{split}-{what}-ubyte.gz"
            for part in EMNIST_CLASSES
            for split in ("train", "test")
            for what in ("images-idx3", "labels-idx1")
        )
        return (Remote("emnist.zip", (known.url,), known.md5, holds),)

    def turn(self, images: Tensor) -> Tensor:
        """Rows and columns swapped back."""
        return images.transpose(1, 2)
