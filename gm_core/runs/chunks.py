"""Curves as small blobs: columns of numbers, shuffled by byte and compressed, without losing a bit.

The first bytes of neighbouring floats are alike and their last bytes are noise; laying byte 0 of all numbers before
byte 1 of all numbers lets zlib find the likeness. Steps are stored as differences, which are nearly always 1.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from gm_core.protocol.events import Scalars

LEVEL = 3


def pack(numbers: npt.NDArray[Any]) -> bytes:
    """An array (n, ...) as a blob; its type and shape must be known when it is unpacked."""
    flat = np.ascontiguousarray(numbers)
    if flat.dtype.byteorder == ">":
        flat = flat.astype(flat.dtype.newbyteorder("<"))
    columns = flat.reshape(len(flat), -1).T  # each curve by itself
    raw = np.ascontiguousarray(columns).reshape(-1).view(np.uint8).reshape(-1, flat.dtype.itemsize)
    return zlib.compress(np.ascontiguousarray(raw.T).tobytes(), LEVEL)


def unpack(blob: bytes, kind: npt.DTypeLike, rows: int, columns: int) -> npt.NDArray[Any]:
    """The array (rows, columns) in a blob, bit for bit."""
    item = np.dtype(kind)
    raw = np.frombuffer(zlib.decompress(blob), np.uint8).reshape(item.itemsize, -1)
    flat = np.ascontiguousarray(raw.T).reshape(-1).view(item)
    return np.ascontiguousarray(flat.reshape(columns, rows).T)


def pack_steps(steps: npt.NDArray[np.int64]) -> bytes:
    """Step numbers as differences; the first difference is from 0."""
    return pack(np.diff(steps, prepend=np.int64(0)))


def unpack_steps(blob: bytes, rows: int) -> npt.NDArray[np.int64]:
    """Step numbers again."""
    steps: npt.NDArray[np.int64] = np.cumsum(unpack(blob, np.int64, rows, 1)[:, 0], dtype=np.int64)
    return steps


def joined(pieces: Sequence[Scalars]) -> Scalars:
    """Pieces of one run and split as one, in their order; a name that a piece lacks is NaN there."""
    names = tuple(dict.fromkeys(name for piece in pieces for name in piece.names))
    values = np.full((sum(len(piece.steps) for piece in pieces), len(names)), np.nan, np.float32)
    row = 0
    for piece in pieces:
        columns = [names.index(name) for name in piece.names]
        values[row : row + len(piece.steps), columns] = piece.values
        row += len(piece.steps)
    return Scalars(
        pieces[0].run,
        names,
        np.concatenate([piece.steps for piece in pieces]),
        np.concatenate([piece.seconds for piece in pieces]),
        values,
        pieces[0].split,
    )


def grouped(pieces: Iterable[Scalars]) -> list[Scalars]:
    """Neighbouring pieces of the same run, split and names joined; the order within each run and split is kept."""
    open_groups: dict[tuple[str, str], list[Scalars]] = {}
    done: list[Scalars] = []
    for piece in pieces:
        if not len(piece.steps):
            continue
        group = open_groups.setdefault((piece.run, piece.split), [])
        if group and group[-1].names != piece.names:
            done.append(joined(group))
            group.clear()
        group.append(piece)
    return [*done, *(joined(group) for group in open_groups.values() if group)]
