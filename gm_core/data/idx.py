"""IDX files, the format of MNIST: a short header, then bytes; read plain or .gz, every header checked.

Layout (LeCun et al. 1998): two zero bytes, a type (8 for unsigned bytes), the number of dimensions, each dimension
as a big-endian 32-bit number, then the values, the last dimension fastest.
"""

from __future__ import annotations

import math
import struct
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from gm_core.data.base import DataError
from gm_core.data.files import read_bytes

UNSIGNED_BYTES = 8
LARGEST = 2**33
"""No file of pixels that we read is larger; a header that says so is damaged."""


def read_idx(path: Path, dimensions: int) -> Tensor:
    """The values of an IDX file of unsigned bytes as uint8, shaped as the header says.

    Raises DataError, naming the file, where it is absent, damaged or of another kind.
    """
    raw = read_bytes(path)
    again = "fetch the file again"
    if len(raw) < 4:
        raise DataError(f"{path} holds {len(raw)} bytes; expected an IDX file with at least 4: {again}")
    zero, kind, found = struct.unpack(">HBB", raw[:4])
    if zero != 0 or kind != UNSIGNED_BYTES:
        raise DataError(
            f"{path} begins with {raw[:4].hex()}; expected 0000080{dimensions} (IDX of unsigned bytes): {again}"
        )
    if found != dimensions:
        raise DataError(f"{path} has {found} dimensions; expected {dimensions}: is it the right file of the set?")
    start = 4 + 4 * dimensions
    if len(raw) < start:
        raise DataError(f"{path} holds {len(raw)} bytes; expected a header of {start}: {again}")
    shape = struct.unpack(f">{dimensions}I", raw[4:start])
    size = math.prod(shape)
    expected = start + size
    if size == 0 or size > LARGEST:
        raise DataError(f"{path} says that its shape is {shape}; expected something to read: {again}")
    if len(raw) != expected:
        raise DataError(f"{path} holds {len(raw)} bytes (unpacked); its header asks for {expected}: {again}")
    return torch.from_numpy(np.frombuffer(raw, np.uint8, offset=start).reshape(shape).copy())
