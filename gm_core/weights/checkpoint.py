"""Checkpoints: a snapshot as one safetensors file, written whole or not at all, read without trusting it.

The tensors lie flat under their names in the snapshot; everything else is JSON text in the file's metadata: `format`
and `version`, `step`, `facts`, the writer's `header` (the run's spec, its data card), the time of `written`, and a
CRC-32 of all of these and every byte, because safetensors does not notice a flipped bit. Nothing here can run code
from a file. Importing this module imports no torch.
"""

from __future__ import annotations

import errno
import json
import os
import time
import zlib
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

    from gm_core.weights.snapshot import Snapshot

FORMAT = "generative-models-playground"
VERSION = 1
LARGEST_HEADER = 100_000_000  # the limit of safetensors itself
PART = ".part"  # how the name of an unfinished file ends


class CheckpointError(Exception):
    """A file that cannot be written or read as a checkpoint: one sentence, found, expected, what to do."""


@dataclass(frozen=True, slots=True)
class Peek:
    """What a checkpoint says of itself before any tensor is read: `names` are its tensors with their shapes."""

    step: int
    facts: Mapping[str, Any]
    header: dict[str, Any]
    written: float
    texts: tuple[str, ...]
    checksum: str
    names: Mapping[str, tuple[int, ...]]


def write(path: Path, snapshot: Snapshot, header: Mapping[str, Any]) -> None:
    """Write a snapshot so that `path` holds either what it held before or all of the new file, even if power fails.

    The bytes go to a temporary file in the same folder, which is flushed to the disk and then renamed. Raises
    CheckpointError (a full disk, no permission); the temporary file is gone then.
    """
    from safetensors.torch import save

    tensors = _own(snapshot.tensors)
    texts = {
        "step": str(snapshot.step),
        "facts": json.dumps(dict(snapshot.facts)),
        "header": json.dumps(dict(header)),
        "written": repr(time.time()),
    }
    metadata = {"format": FORMAT, "version": str(VERSION), **texts, "checksum": checksum(tensors, texts.values())}
    try:
        replace_file(path, save(tensors, metadata))
    except OSError as error:
        raise CheckpointError(f"the checkpoint {path} cannot be written: {reason(error)}") from None


def read(path: Path) -> tuple[Snapshot, dict[str, Any]]:
    """Read a checkpoint whole: its snapshot, on the CPU and sharing memory with nothing, and its header.

    Raises CheckpointError where the file is missing, cut short, damaged, foreign or from a newer program.
    """
    from safetensors import SafetensorError, safe_open

    from gm_core.weights.snapshot import Snapshot

    seen = peek(path)
    try:
        # Cloned, because safetensors maps the file: what is read must survive the file's being replaced.
        with safe_open(path, framework="pt", device="cpu") as file:
            tensors = {name: file.get_tensor(name).clone() for name in seen.names}
    except OSError as error:
        raise _unreadable(path, error) from None
    except SafetensorError as error:
        raise _damaged(path, str(error)) from None
    if checksum(tensors, seen.texts) != seen.checksum:
        raise _damaged(path, "its checksum differs")
    return Snapshot(seen.step, tensors, seen.facts), seen.header


def peek(path: Path) -> Peek:
    """Read only the beginning of a checkpoint: cheap, without torch; a file that is cut short is noticed."""
    try:
        with path.open("rb") as file:
            start = file.read(8)
            size = int.from_bytes(start, "little")
            text = file.read(size) if len(start) == 8 and size <= LARGEST_HEADER else b""
            length = os.fstat(file.fileno()).st_size
    except OSError as error:
        raise _unreadable(path, error) from None
    if not text.startswith(b"{") and (start[:4] == b"PK\x03\x04" or (start[:1] == b"\x80" and start[1:2] <= b"\x05")):
        raise CheckpointError(
            f"{path} is a pickle (a .pt file), which can run code and is never loaded; "
            "expected a .safetensors checkpoint"
        )
    try:
        layout = json.loads(text.decode())
        metadata = layout.pop("__metadata__", {})
        names = {str(name): tuple(int(n) for n in place["shape"]) for name, place in layout.items()}
        end = max((int(place["data_offsets"][1]) for place in layout.values()), default=0)
    except (ValueError, AttributeError, KeyError, TypeError, IndexError):
        raise _damaged(path, "its beginning is not that of a safetensors file") from None
    if metadata.get("format") != FORMAT:
        raise CheckpointError(f"{path} is a safetensors file of another program; expected one that this one saved")
    _know(path, str(metadata.get("version")))
    if length != 8 + size + end:
        raise _damaged(path, f"it has {length} bytes of {8 + size + end}")
    try:
        return Peek(
            int(metadata["step"]),
            json.loads(metadata["facts"]),
            json.loads(metadata["header"]),
            float(metadata["written"]),
            tuple(metadata[key] for key in ("step", "facts", "header", "written")),
            str(metadata["checksum"]),
            names,
        )
    except (KeyError, ValueError, TypeError):
        raise _damaged(path, "its description is incomplete") from None


def check(snapshot: Snapshot, expected: Mapping[str, Sequence[int]], prefix: str = "model.") -> None:
    """Raise CheckpointError unless the tensors under `prefix` have exactly the expected names and shapes.

    `expected` is what the model has: `{name: tensor.shape for name, tensor in model.state_dict().items()}`.
    """
    found = snapshot.under(prefix)
    advice = "open it with the spec that it was trained with"
    for name, shape in expected.items():
        if name not in found:
            raise CheckpointError(f"the checkpoint has no weights {name}; the model expects them: {advice}")
        has, wants = tuple(found[name].shape), tuple(shape)
        if has != wants:
            raise CheckpointError(f"the weights {name} have shape {has}; the model expects {wants}: {advice}")
    for name in found:
        if name not in expected:
            raise CheckpointError(f"the checkpoint has weights {name}, which the model does not know: {advice}")


def checksum(tensors: Mapping[str, Tensor], texts: Iterable[str]) -> str:
    """CRC-32 over the texts and over each tensor's name, type, shape and bytes, as eight hexadecimal digits."""
    import torch

    total = zlib.crc32("\n".join(texts).encode())
    for name in sorted(tensors):
        total = zlib.crc32(f"{name} {tensors[name].dtype} {tuple(tensors[name].shape)}".encode(), total)
        octets = tensors[name].contiguous().reshape(-1).view(torch.uint8).numpy()
        total = zlib.crc32(octets.data, total)
    return f"{total:08x}"


def replace_file(path: Path, content: bytes) -> None:
    """Write a file whole or not at all: temporary file beside it, flush to disk, rename, flush the folder.

    Raises OSError; the temporary file is gone then and the old file untouched.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}{PART}")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError:
        with suppress(OSError):  # the first error is the one to tell
            temporary.unlink(missing_ok=True)
        raise
    _flush_folder(path.parent)


def reason(error: OSError) -> str:
    """An error of the operating system as words that say what to do."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return "the disk is full; free some space, what was saved before is untouched"
    if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
        return "the folder may not be written; allow writing there or choose another"
    if error.errno in {errno.ENOTDIR, errno.ENOENT}:
        return "its folder does not exist; make it or choose another"
    return f"{(error.strerror or str(error)).lower()}; mend that or choose another folder"


def _own(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors on the CPU, contiguous, no two in one memory, as safetensors demands."""
    owned: dict[str, Tensor] = {}
    seen: set[int] = set()
    for name, tensor in tensors.items():
        plain = tensor.detach().cpu().contiguous()
        place = plain.untyped_storage().data_ptr()
        if place in seen:
            plain = plain.clone()
        seen.add(plain.untyped_storage().data_ptr())
        owned[name] = plain
    return owned


def _flush_folder(folder: Path) -> None:
    """Make a rename survive a power failure; only POSIX can and needs to."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _know(path: Path, version: str) -> None:
    if not version.isdigit():
        raise _damaged(path, f"its version is {version!r}")
    if int(version) > VERSION:
        raise CheckpointError(
            f"{path} has format version {version}; this program reads up to {VERSION}: update the program to open it"
        )


def _unreadable(path: Path, error: OSError) -> CheckpointError:
    if isinstance(error, FileNotFoundError):
        return CheckpointError(f"{path} does not exist; give the path of a .safetensors checkpoint")
    if isinstance(error, IsADirectoryError):
        return CheckpointError(f"{path} is a folder; give the path of a .safetensors checkpoint")
    why = (error.strerror or str(error)).lower()
    return CheckpointError(f"{path} cannot be read ({why}); expected a readable checkpoint")


def _damaged(path: Path, how: str) -> CheckpointError:
    return CheckpointError(f"{path} is damaged or not a checkpoint ({how}); delete it and use an earlier one")
