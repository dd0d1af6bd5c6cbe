"""Data that lies in files: where it is looked for, how it is read, and what is said where it is absent."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

from gm_core.data.base import DataError, ImageSpec, data_folders
from gm_core.spec import param


class FileSpec(ImageSpec):
    """Choices for sets that lie in files."""

    folder: str = param("", "Where the files lie; empty looks in GM_DATA and the program's data folder.")
    validation: int = param(
        5000, "Training examples held out for validation, from the end; 0 holds out none.", lo=0, hi=1_000_000
    )


def folders_for(folder: str, names: tuple[str, ...], flat: bool = False) -> tuple[Path, ...]:
    """Where to look, in order: `folder` and the names below it, or those below GM_DATA and the data folder.

    The four families of IDX files share file names, so that files which lie in GM_DATA itself count only where
    `flat` says so or where that folder bears one of the names.
    """
    if folder:
        root = Path(folder).expanduser()
        return (root, *(root / name for name in names))
    looked: list[Path] = []
    for root in data_folders():
        looked.extend(root / name for name in names)
        if flat or root.name.lower() in {name.lower() for name in names}:
            looked.append(root)
    return tuple(looked)


def find_file(folders: tuple[Path, ...], names: tuple[str, ...]) -> Path | None:
    """The first of the files, plain or .gz, that lies in one of the folders."""
    for folder in folders:
        for name in names:
            for path in (folder / name, folder / f"{name}.gz"):
                if path.is_file():
                    return path
    return None


def absent(name: str, title: str, files: list[str], folder: str, names: tuple[str, ...], hint: str = "") -> DataError:
    """The sentence for files that are not there: which, looked where, what to do."""
    roots = ", ".join([folder] if folder else [str(root) for root in data_folders()])
    return DataError(
        f"{title} is not here: {', '.join(files)} not found in {roots} or {', '.join(names)} below{hint}; "
        f"fetch it with the Download button or `gm-core datasets --download {name}`, or set data.folder"
    )


def read_bytes(path: Path) -> bytes:
    """All bytes of a file, unpacked if its name ends in .gz; DataError where that cannot be."""
    try:
        if path.suffix == ".gz":
            with gzip.open(path, "rb") as file:
                return file.read()
        return path.read_bytes()
    except FileNotFoundError:
        raise DataError(f"{path} is not there; download the data set or set data.folder to where it lies") from None
    except EOFError:
        raise DataError(f"{path} ends too early, after {path.stat().st_size} packed bytes; fetch it again") from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"{path} is not a whole gzip file ({error}); fetch the file again") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror or error}); check the disk and your rights") from None
