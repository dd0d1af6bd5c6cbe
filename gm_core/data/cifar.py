"""CIFAR-10 from its binary archive; the pickles of the Python archive are never read.

Layout (Krizhevsky 2009): records of 3073 bytes, one label, then 1024 bytes each of red, green and blue by rows.
"""

from __future__ import annotations

import tarfile
from pathlib import Path

import numpy as np
import torch

from gm_core.data.base import DataError, DataSpec, Part, Remote, dataset
from gm_core.data.files import FileSpec, absent, find_file, folders_for, read_bytes
from gm_core.data.images import Images

ADDRESS = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
MD5 = "c32a1d4ab5d03f1284b67883e8d87530"
TRAIN = tuple(f"data_batch_{number}.bin" for number in range(1, 6))
TEST = ("test_batch.bin",)
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
RECORD = 1 + 3 * 32 * 32


class CifarSpec(FileSpec):
    """Choices for CIFAR-10."""


@dataset("cifar10", "CIFAR-10", "images", ready=False)
class Cifar10(Images):
    """Sixty thousand small colour photographs of ten kinds of things, 32x32 pixels (Krizhevsky 2009)."""

    Spec = CifarSpec

    def __init__(self, spec: CifarSpec) -> None:
        super().__init__(spec)
        below = ("cifar10", "cifar-10-batches-bin", "CIFAR10/cifar-10-batches-bin", "CIFAR10")
        looked = folders_for(spec.folder, below, flat=True)
        found = {name: find_file(looked, (name,)) for name in TRAIN + TEST}
        missing = [name for name, path in found.items() if path is None]
        archive = find_file(looked, ("cifar-10-binary.tar",)) if missing else None
        if archive is not None:
            raw = _from_archive(archive)
        elif missing:
            pickled = [folder for folder in looked if (folder / "cifar-10-batches-py").is_dir()]
            hint = f" ({pickled[0] / 'cifar-10-batches-py'} holds pickles, which are never read)" if pickled else ""
            raise absent(self.name, self.title, missing, spec.folder, below, hint)
        else:
            raw = {name: read_bytes(path) for name, path in found.items() if path is not None}
        source = archive or next(path for path in found.values() if path is not None).parent
        train, test = (_decode([(name, raw[name]) for name in names], source) for names in (TRAIN, TEST))
        self.hold(spec, spec.validation, train, test, 256, CLASSES, f"Read from {source}.")

    @classmethod
    def remotes(cls, spec: DataSpec) -> tuple[Remote, ...]:
        """The binary archive."""
        return (Remote("cifar-10-binary.tar.gz", (ADDRESS,), MD5, TRAIN + TEST),)


def _from_archive(path: Path) -> dict[str, bytes]:
    """The six files out of the archive."""
    try:
        with tarfile.open(path) as archive:
            raw = {}
            for member in archive:
                name = Path(member.name).name
                source = archive.extractfile(member) if member.isfile() and name in TRAIN + TEST else None
                if source is not None:
                    raw[name] = source.read()
    except (tarfile.TarError, EOFError, OSError) as error:
        raise DataError(f"{path} is not a whole archive ({error}); fetch it again") from None
    missing = [name for name in TRAIN + TEST if name not in raw]
    if missing:
        raise DataError(f"{path} lacks {', '.join(missing)}; expected the binary archive of CIFAR-10: fetch it again")
    return raw


def _decode(files: list[tuple[str, bytes]], source: Path) -> Part:
    """Records to images (n, 3, 32, 32) and labels."""
    for name, raw in files:
        if not raw or len(raw) % RECORD:
            raise DataError(
                f"{name} in {source} holds {len(raw)} bytes; expected a multiple of {RECORD} (a label and 32x32x3 "
                "pixels): fetch it again"
            )
    records = torch.from_numpy(np.frombuffer(b"".join(raw for _, raw in files), np.uint8).copy()).reshape(-1, RECORD)
    y = records[:, 0].to(torch.int64)
    if int(y.max()) >= len(CLASSES):
        raise DataError(f"{files[0][0]} in {source} holds the label {int(y.max())}; expected 0 to 9: fetch it again")
    return Part(records[:, 1:].reshape(-1, 3, 32, 32).contiguous(), y)
