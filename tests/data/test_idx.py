"""IDX files, MNIST and its family, CIFAR-10: read exactly, and refused with a clear sentence where damaged."""

from __future__ import annotations

import gzip
import io
import struct
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gm_core.data.base import DataError
from gm_core.data.cifar import TEST, TRAIN
from gm_core.data.idx import read_idx
from gm_core.data.registry import make_data
from gm_core.spec import SpecError


def idx(x: np.ndarray[Any, Any]) -> bytes:
    return struct.pack(f">HBB{x.ndim}I", 0, 8, x.ndim, *x.shape) + x.astype(np.uint8).tobytes()


def write_family(folder: Path, prefix: str = "", packed: bool = True, n: int = 30, first: int = 0) -> dict[str, Any]:
    """A small set in the layout of MNIST; returns what was written."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    written: dict[str, Any] = {}
    for word in ("train", "test" if prefix else "t10k"):
        images = rng.integers(0, 256, (n, 28, 28))
        labels = rng.integers(0, 10, n) + first
        for what, x in (("images-idx3", images), ("labels-idx1", labels)):
            name = f"{prefix}{word}-{what}-ubyte"
            raw = idx(x)
            (folder / (f"{name}.gz" if packed else name)).write_bytes(gzip.compress(raw) if packed else raw)
            written[name] = x
    return written


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(1, 6), min_size=1, max_size=4), st.booleans())
def test_what_was_written_is_read(tmp_path: Path, shape: list[int], packed: bool) -> None:
    x = np.random.default_rng(1).integers(0, 256, shape)
    path = tmp_path / ("x.gz" if packed else "x")
    path.write_bytes(gzip.compress(idx(x)) if packed else idx(x))
    assert np.array_equal(read_idx(path, len(shape)).numpy(), x)


WHOLE = idx(np.zeros((4, 3, 2)))
FAULTS = [
    ("empty", b"", r"holds 0 bytes; expected an IDX file"),
    ("magic", b"\x00\x01" + WHOLE[2:], r"begins with 00010803; expected 00000803"),
    ("floats", b"\x00\x00\x0d\x03" + WHOLE[4:], r"begins with 00000d03; expected 00000803"),
    ("dimensions", idx(np.zeros(24)), r"has 1 dimensions; expected 3"),
    ("header", WHOLE[:9], r"holds 9 bytes; expected a header of 16"),
    ("truncated", WHOLE[:-5], r"holds 35 bytes \(unpacked\); its header asks for 40"),
    ("too long", WHOLE + b"123", r"holds 43 bytes \(unpacked\); its header asks for 40"),
    ("nothing", idx(np.zeros((0, 3, 2))), r"says that its shape is \(0, 3, 2\)"),
    ("bomb", struct.pack(">HBB3I", 0, 8, 3, 2**31, 2**31, 2**31), r"says that its shape is"),
]


@pytest.mark.parametrize(("name", "raw", "sentence"), FAULTS, ids=[fault[0] for fault in FAULTS])
@pytest.mark.parametrize("packed", [True, False])
def test_a_damaged_file_is_named_with_what_was_found(
    tmp_path: Path, name: str, raw: bytes, sentence: str, packed: bool
) -> None:
    path = tmp_path / ("x.gz" if packed else "x")
    path.write_bytes(gzip.compress(raw) if packed else raw)
    with pytest.raises(DataError, match=sentence) as caught:
        read_idx(path, 3)
    assert str(path) in str(caught.value)


def test_a_truncated_or_foreign_gzip_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.gz"
    path.write_bytes(gzip.compress(WHOLE * 50)[:-20])
    with pytest.raises(DataError, match="ends too early"):
        read_idx(path, 3)
    path.write_bytes(b"not gzip at all")
    with pytest.raises(DataError, match="not a whole gzip file"):
        read_idx(path, 3)
    broken = bytearray(gzip.compress(np.random.default_rng(0).bytes(5000)))
    broken[2000] ^= 255
    path.write_bytes(bytes(broken))
    with pytest.raises(DataError, match=r"not a whole gzip file|ends too early"):
        read_idx(path, 3)


def test_a_file_that_is_a_folder_or_absent_is_said_plainly(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is not there"):
        read_idx(tmp_path / "x", 3)
    with pytest.raises(DataError, match="cannot be read"):
        read_idx(tmp_path, 3)


@pytest.mark.parametrize(("kind", "below"), [("mnist", ""), ("mnist", "MNIST/raw"), ("fashion", "FashionMNIST/raw")])
@pytest.mark.parametrize("packed", [True, False])
def test_a_set_is_found_in_its_folder_and_in_the_layout_of_torchvision(
    tmp_path: Path, kind: str, below: str, packed: bool
) -> None:
    written = write_family(tmp_path / below, packed=packed)
    data = make_data({"kind": kind, "folder": str(tmp_path), "validation": 10})
    assert dict(data.card.splits) == {"train": 20, "validation": 10, "test": 30}
    images = written["train-images-idx3-ubyte"]
    assert np.array_equal(data.part("train").x[:, 0].numpy(), images[:20])
    assert np.array_equal(data.part("validation").x[:, 0].numpy(), images[20:])
    labels = data.part("test").y
    assert labels is not None and np.array_equal(labels.numpy(), written["t10k-labels-idx1-ubyte"])


def test_gm_data_is_searched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GM_DATA", str(tmp_path))
    write_family(tmp_path / "kmnist")
    assert make_data({"kind": "kmnist", "validation": 0}).card.splits["train"] == 30
    # Files of one family lying about under the names that all four share are taken for MNIST only.
    write_family(tmp_path)
    assert make_data({"kind": "mnist", "validation": 0}).card.splits["train"] == 30
    with pytest.raises(DataError, match="Fashion-MNIST is not here"):
        make_data({"kind": "fashion"})


def test_absent_files_are_named_with_where_and_what_to_do(tmp_path: Path) -> None:
    write_family(tmp_path)
    (tmp_path / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(DataError) as caught:
        make_data({"kind": "mnist", "folder": str(tmp_path)})
    words = str(caught.value)
    for expected in ("t10k-labels-idx1-ubyte", str(tmp_path), "gm-core datasets --download mnist", "data.folder"):
        assert expected in words
    assert "train-images" not in words and "\n" not in words


def test_as_many_labels_as_images_are_asked_for(tmp_path: Path) -> None:
    write_family(tmp_path)
    (tmp_path / "train-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(np.zeros(29))))
    with pytest.raises(DataError, match="holds 30 images but 29 labels"):
        make_data({"kind": "mnist", "folder": str(tmp_path)})


def test_labels_out_of_range_are_refused(tmp_path: Path) -> None:
    write_family(tmp_path)
    (tmp_path / "train-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(np.full(30, 12))))
    with pytest.raises(DataError, match="holds labels from 12 to 12; expected 0 to 9"):
        make_data({"kind": "mnist", "folder": str(tmp_path)})


def test_more_held_out_than_there_is_names_the_parameter(tmp_path: Path) -> None:
    write_family(tmp_path)
    with pytest.raises(SpecError, match=r"data.validation is 5000; expected fewer than the 30"):
        make_data({"kind": "mnist", "folder": str(tmp_path)})


def test_emnist_is_turned_upright_and_its_letters_count_from_zero(tmp_path: Path) -> None:
    written = write_family(tmp_path, "emnist-letters-", first=1)
    data = make_data({"kind": "emnist", "folder": str(tmp_path), "validation": 0})
    images, labels = data.part("train").x[:, 0].numpy(), data.part("train").y
    assert np.array_equal(images, written["emnist-letters-train-images-idx3-ubyte"].transpose(0, 2, 1))
    assert labels is not None
    assert np.array_equal(labels.numpy() + 1, written["emnist-letters-train-labels-idx1-ubyte"])
    assert data.card.classes[0] == "a" and len(data.card.classes) == 26


def test_the_divisions_of_emnist_have_the_published_numbers_of_classes() -> None:
    from gm_core.data.torchvision_sets import EMNIST_CLASSES

    counts = {part: len(set(names)) for part, names in EMNIST_CLASSES.items()}
    assert counts == {"digits": 10, "mnist": 10, "letters": 26, "balanced": 47, "bymerge": 47, "byclass": 62}


def write_cifar(folder: Path) -> dict[str, Any]:
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(2)
    written = {}
    for name in TRAIN + TEST:
        records = rng.integers(0, 256, (7, 3073)).astype(np.uint8)
        records[:, 0] %= 10
        (folder / name).write_bytes(records.tobytes())
        written[name] = records
    return written


def test_cifar_is_read_from_its_records(tmp_path: Path) -> None:
    written = write_cifar(tmp_path / "cifar-10-batches-bin")
    data = make_data({"kind": "cifar10", "folder": str(tmp_path), "validation": 5})
    assert data.card.shape == (3, 32, 32) and data.card.splits["train"] == 30
    third, part = written["data_batch_1.bin"][2], data.part("train")
    assert part.y is not None and int(part.y[2]) == third[0]
    # red, green and blue in turn, each by rows
    assert int(part.x[2, 1, 4, 9]) == third[1 + 1024 + 4 * 32 + 9]


def test_cifar_is_read_from_its_archive_too(tmp_path: Path) -> None:
    written = write_cifar(tmp_path / "loose")
    with tarfile.open(tmp_path / "cifar-10-binary.tar.gz", "w:gz") as archive:
        for name, records in written.items():
            entry = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            entry.size = records.nbytes
            archive.addfile(entry, io.BytesIO(records.tobytes()))
    data = make_data({"kind": "cifar10", "folder": str(tmp_path), "validation": 0})
    assert np.array_equal(data.part("test").x.flatten(1).numpy(), written["test_batch.bin"][:, 1:])


def test_damaged_cifar_is_refused(tmp_path: Path) -> None:
    write_cifar(tmp_path)
    (tmp_path / "data_batch_3.bin").write_bytes(b"1" * 100)
    with pytest.raises(DataError, match=r"data_batch_3.bin.* holds 100 bytes; expected a multiple of 3073"):
        make_data({"kind": "cifar10", "folder": str(tmp_path)})


def test_the_pickles_of_cifar_are_pointed_at_and_not_read(tmp_path: Path) -> None:
    (tmp_path / "cifar-10-batches-py").mkdir()
    with pytest.raises(DataError, match="cifar-10-batches-py holds pickles, which are never read"):
        make_data({"kind": "cifar10", "folder": str(tmp_path)})


def test_the_real_mnist_is_whole_and_its_last_five_thousand_are_held_out(mnist_folder: Path) -> None:
    data = make_data({"kind": "mnist", "folder": str(mnist_folder)})
    assert dict(data.card.splits) == {"train": 55_000, "validation": 5000, "test": 10_000}
    parts = [data.part("train"), data.part("validation")]
    counts = sum(torch.bincount(part.x.flatten().long(), minlength=256).double() for part in parts)
    assert isinstance(counts, torch.Tensor)
    grey = torch.arange(256, dtype=torch.float64) / 255
    mean = float((counts * grey).sum() / counts.sum())
    spread = float(((counts * grey.square()).sum() / counts.sum() - mean**2).sqrt())
    assert mean == pytest.approx(0.13066, abs=5e-6) and spread == pytest.approx(0.30811, abs=5e-6)
    labels = torch.cat([part.y for part in parts if part.y is not None])
    assert labels.bincount().tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert labels[:5].tolist() == [5, 0, 4, 1, 9]
    assert "last 5000 training examples are the validation split" in data.card.note
