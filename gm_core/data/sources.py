"""Where pictures lie: a folder with all below it, or a zip, which is read in place and never unpacked to the disk."""

from __future__ import annotations

import io
import os
import re
import zipfile
import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from gm_core.data.base import DataError
from gm_core.data.pictures import ENDINGS, OddPicture

MOST_FILES = 200_000
MOST_BYTES = 2**28
"""A single file of more bytes is no picture of reasonable size."""
MOST_UNPACKED = 2**34
BOMB_RATIO, BOMB_BYTES = 200, 2**28
"""A zip that grows so much, to so much, is a bomb: pictures are packed already and hardly grow."""
SILENT = {"thumbs.db", "desktop.ini", "__macosx"}


@dataclass(frozen=True, slots=True)
class Entry:
    """A picture file: its path below the source with "/" between, bytes, and a stamp that changes with it."""

    name: str
    bytes: int
    stamp: int


Odd = tuple[str, str]
"""A file that is left out, and why, both fit to be shown in one line."""


def odd_file(name: str, why: str) -> Odd:
    """A file that is left out; damaged archives have names that are empty or hold line ends."""
    return _shown(name) or "a file without a name", _shown(why)


def _shown(text: str) -> str:
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


class Source(ABC):
    """The picture files of a place, sorted by name, and the files that are left out."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.entries: tuple[Entry, ...] = ()
        self.odd: tuple[Odd, ...] = ()

    def _take(self, entries: list[Entry], odd: list[Odd]) -> None:
        self.entries = tuple(sorted(entries, key=lambda entry: natural(entry.name)))
        odd = sorted(odd_file(*one) for one in odd)
        self.odd = tuple(odd)
        if not self.entries:
            found = f"{len(odd)} other files, such as {odd[0][0]} ({odd[0][1]})" if odd else "no files at all"
            raise DataError(
                f"{self.path} holds no pictures but {found}; expected {', '.join(e[1:] for e in ENDINGS)}: "
                "choose the folder or zip in which they lie"
            )

    @contextmanager
    @abstractmethod
    def reader(self) -> Iterator[Reader]:
        """Something that opens entries, as long as the context lasts."""
        ...


class Reader(ABC):
    """Opens one entry after the other."""

    @abstractmethod
    def open(self, entry: Entry) -> IO[bytes]:
        """The bytes of an entry; raises OddPicture or OSError."""


def open_source(text: str) -> Source:
    """The folder or zip that a text names; raises DataError with a sentence where there are no pictures in it."""
    if not text.strip():
        raise DataError("data.folder is empty; expected a folder or zip of pictures: set data.folder")
    path = Path(text.strip()).expanduser()
    try:
        if path.is_dir():
            return FolderSource(path)
        if not path.is_file():
            raise DataError(f"{path} is not there; expected a folder or zip of pictures: set data.folder to one")
        if path.suffix.lower() in ENDINGS:
            raise DataError(f"{path} is a single picture; expected a folder or zip of many: name the folder it lies in")
        return ZipSource(path)
    except (OSError, ValueError) as error:  # a name that cannot be one, no right to look, a disk that is gone
        raise DataError(f"{text!r} cannot be read ({error}); check the path, the disk and your rights") from None


class FolderSource(Source):
    """All picture files below a folder. Links to folders are not followed, and hidden files are passed over."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        entries: list[Entry] = []
        odd: list[Odd] = []
        seen = 0

        def closed(error: OSError) -> None:
            if Path(error.filename) == path:
                raise error
            odd.append((str(error.filename), error.strerror or "cannot be read"))

        for place, folders, files in os.walk(path, onerror=closed):
            folders[:] = sorted(name for name in folders if not _silent(name))
            for file in files:
                if _silent(file):
                    continue
                seen += 1
                if seen > MOST_FILES:
                    raise DataError(
                        f"{path} holds more than {MOST_FILES:,} files; expected a folder of pictures: "
                        "choose a smaller one"
                    )
                whole = Path(place, file)
                name = whole.relative_to(path).as_posix()
                why = _why_not(name)
                try:
                    found = whole.stat()
                    why = why or ("" if whole.is_file() else "no ordinary file") or _too_large(found.st_size)
                except OSError as error:
                    why = error.strerror or "cannot be read"
                if why:
                    odd.append((name, why))
                else:
                    entries.append(Entry(name, found.st_size, found.st_mtime_ns))
        self._take(entries, odd)

    @contextmanager
    def reader(self) -> Iterator[Reader]:
        """Opens files below the folder."""
        yield _FolderReader(self.path)


class _FolderReader(Reader):
    def __init__(self, path: Path) -> None:
        self.path = path

    def open(self, entry: Entry) -> IO[bytes]:
        return (self.path / entry.name).open("rb")


class ZipSource(Source):
    """All picture files of a zip. Refused whole: names that lead outside, locked files, bombs, damaged archives."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        with _zip(path) as archive:
            infos = [info for info in archive.infolist() if not info.filename.endswith("/")]
        if len(infos) > MOST_FILES:
            raise DataError(f"{path} holds {len(infos):,} files; at most {MOST_FILES:,} are read: make a smaller zip")
        whole = sum(info.file_size for info in infos)
        packed = max(1, path.stat().st_size)
        if whole > MOST_UNPACKED or (whole > BOMB_BYTES and whole > BOMB_RATIO * packed):
            raise DataError(
                f"{path} says that its {packed:,} bytes unpack to {whole:,}, which looks like a zip bomb; expected "
                "pictures, which hardly shrink: pack them anew"
            )
        entries: list[Entry] = []
        odd: list[Odd] = []
        for info in infos:
            name = info.filename.replace("\\", "/")
            parts = PurePosixPath(name).parts
            if name.startswith("/") or re.match(r"^[A-Za-z]:", name) or ".." in parts:
                raise DataError(
                    f"{path} holds the path {info.filename!r}, which leads outside of it; expected plain names: do not "
                    "trust this zip, or pack the pictures anew"
                )
            if info.flag_bits & 1:
                locked = _shown(name)
                raise DataError(f"{path} is locked with a password ({locked}); expected an open zip: unpack it first")
            if any(_silent(part) for part in parts):
                continue
            why = _why_not(name) or _too_large(info.file_size)
            if why:
                odd.append((name, why))
            else:
                entries.append(Entry(info.filename, info.file_size, info.CRC))
        self._take(entries, odd)

    @contextmanager
    def reader(self) -> Iterator[Reader]:
        """Opens files inside the zip."""
        with _zip(self.path) as archive:
            yield _ZipReader(archive)


class _ZipReader(Reader):
    def __init__(self, archive: zipfile.ZipFile) -> None:
        self.archive = archive

    def open(self, entry: Entry) -> IO[bytes]:
        try:
            return io.BytesIO(self.archive.read(entry.name))  # whole, since decoders jump back and forth
        except (KeyError, EOFError, ValueError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
            raise OddPicture(f"damaged in the zip ({error})") from None


@contextmanager
def _zip(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, EOFError, ValueError, NotImplementedError, UnicodeDecodeError) as error:
        raise DataError(
            f"{path} is not a whole zip ({error}); expected a folder or zip of pictures: pack or fetch it again"
        ) from None
    with archive:
        yield archive


def natural(name: str) -> tuple[tuple[int, int, str], ...]:
    """How people sort names: 2.png before 10.png."""
    pieces = re.split(r"([0-9]+)", name.lower())
    return tuple((1, int(piece[:18]), piece) if piece.isdecimal() else (0, 0, piece) for piece in pieces)


def _silent(name: str) -> bool:
    return name.startswith(".") or name.lower() in SILENT


def _why_not(name: str) -> str:
    return "" if PurePosixPath(name).suffix.lower() in ENDINGS else "no picture by its name"


def _too_large(size: int) -> str:
    return f"{size:,} bytes; at most {MOST_BYTES:,}" if size > MOST_BYTES else ""
