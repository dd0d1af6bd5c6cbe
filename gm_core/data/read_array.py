"""Arrays from .npy and .npz files, never unpickled, checked before anything is built on them."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from gm_core.data.base import DataError

Layout = Literal["auto", "vectors", "nhw", "nchw", "nhwc"]
Array = npt.NDArray[Any]
COLOURS = (1, 3)
MOST_BYTES = 2**34
"""More is not loaded: a small packed file may say that it holds as much as it likes."""


def read_arrays(path: Path) -> dict[str, Array]:
    """The arrays of a .npz by name, or the one array of a .npy under the name "x".

    Raises DataError for files that are absent, damaged, or hold pickled objects, which are refused.
    """
    if path.suffix not in (".npy", ".npz"):
        raise DataError(f"{path} is not an array file; expected a name that ends in .npy or .npz")
    if not path.is_file():
        raise DataError(f"{path} is not there; expected a .npy or .npz file: set data.file to where it lies")
    try:
        whole = _unpacked(path)
        if whole > MOST_BYTES:
            raise DataError(
                f"{path} unpacks to {whole:,} bytes; at most {MOST_BYTES:,} are read: save fewer examples or "
                "smaller numbers"
            )
        with path.open("rb") as file:
            loaded = np.load(file, allow_pickle=False)
            if isinstance(loaded, np.ndarray):
                return {"x": loaded}
            with loaded:
                return {name: loaded[name] for name in loaded.files}
    except (ValueError, EOFError, zipfile.BadZipFile, KeyError) as error:
        if "pickle" in str(error).lower():
            raise DataError(
                f"{path} holds Python objects, or is no array file; expected numbers only, since pickles can run code "
                "and are never loaded: save it again as a plain array"
            ) from None
        raise DataError(f"{path} is damaged ({error}); expected a whole .npy or .npz file: save it again") from None
    except MemoryError:
        raise DataError(f"{path} says that it holds more numbers than memory has room for; save it again") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror or error}); check the disk and your rights") from None


def _unpacked(path: Path) -> int:
    """How many bytes a file comes to once it is unpacked."""
    if path.suffix != ".npz" or not zipfile.is_zipfile(path):
        return path.stat().st_size
    with zipfile.ZipFile(path) as archive:
        return sum(info.file_size for info in archive.infolist())


def check_numbers(x: Array, name: str) -> None:
    """Raise DataError unless x is a filled array of finite real numbers."""
    if x.dtype.kind not in "buif":
        raise DataError(f"{name} holds values of type {x.dtype}; expected real numbers: convert it first")
    if x.size == 0:
        raise DataError(f"{name} has the shape {x.shape} and is empty; expected at least one example")
    if x.dtype.kind == "f":
        bad = int(np.count_nonzero(~np.isfinite(x)))
        if bad:
            raise DataError(f"{name} holds {bad} values that are NaN or infinite; expected finite numbers: clean it")
    if max(abs(float(x.min())), abs(float(x.max()))) > 1e30:
        raise DataError(f"{name} holds values from {x.min():g} to {x.max():g}; expected at most 1e30: scale it down")


def lay_out(x: Array, layout: Layout, name: str) -> Array:
    """The array as vectors (n, d) or images (n, c, h, w); DataError where its dimensions do not say which is which."""
    wanted = {"vectors": 2, "nhw": 3, "nchw": 4, "nhwc": 4}.get(layout)
    if wanted not in (None, x.ndim) or x.ndim not in (2, 3, 4):
        expected = f"{wanted} dimensions ({layout})" if wanted else "(n, d), (n, h, w), (n, c, h, w) or (n, h, w, c)"
        raise DataError(f"{name} has the shape {x.shape}; expected {expected}: reshape it or set data.layout")
    if x.ndim == 2:
        return x
    if x.ndim == 3:
        return x[:, None]
    if layout == "auto":
        first, last = x.shape[1] in COLOURS, x.shape[3] in COLOURS
        if first == last:
            raise DataError(
                f"{name} has the shape {x.shape}, which can be read in two ways; set data.layout to nchw or nhwc"
            )
        layout = "nchw" if first else "nhwc"
    return x if layout == "nchw" else x.transpose(0, 3, 1, 2)


def whole_levels(x: Array) -> int:
    """The largest value if all are whole numbers from 0 to 255, else -1."""
    lo, hi = x.min(), x.max()
    if lo < 0 or hi > 255 or (x.dtype.kind == "f" and not np.array_equal(x, np.floor(x))):
        return -1
    return int(hi)


def number_labels(parts: list[Array], name: str) -> tuple[list[Tensor], tuple[str, ...]]:
    """Labels of any whole numbers as 0..K-1 over all splits, and the numbers that they were as class names."""
    for y in parts:
        check_numbers(y, name)
        if y.ndim != 1 or (y.dtype.kind == "f" and not np.array_equal(y, np.floor(y))):
            raise DataError(f"{name} has the shape {y.shape} and type {y.dtype}; expected one whole number an example")
    values = np.unique(np.concatenate([y.astype(np.int64) for y in parts]))
    if len(values) > 1000:
        raise DataError(f"{name} holds {len(values)} different labels; expected classes, at most 1000 of them")
    numbered = [torch.from_numpy(np.searchsorted(values, y.astype(np.int64)).astype(np.int64)) for y in parts]
    return numbered, tuple(str(value) for value in values)
