"""Where talks lie: those that ship with the program, which are only read, and the user's own. One YAML file each."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from app.stage.cues import Talk
from gm_core import api
from gm_core.resources import resource

ENDING = ".yaml"


@dataclass(frozen=True)
class Held:
    """A talk that lies in a folder: its file, and whether it ships with the program."""

    path: Path
    shipped: bool

    @property
    def name(self) -> str:
        """The file's name without its ending."""
        return self.path.stem


def shipped_folder() -> Path:
    """Where the talks lie that come with the program."""
    return resource("talks")


def find_talks(folder: Path) -> list[Held]:
    """The shipped talks, then the user's own, each in the order of their names; a folder that is missing has none."""
    found = [Held(path, True) for path in sorted(shipped_folder().glob(f"*{ENDING}"))]
    return found + [Held(path, False) for path in sorted(folder.glob(f"*{ENDING}"))]


def is_shipped(path: Path) -> bool:
    """Whether a file belongs to the program and is only read."""
    return path.resolve().parent == shipped_folder().resolve()


def read_talk(path: Path) -> Talk:
    """Read a talk; raises SpecError with one sentence that names the file."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise api.SpecError("", f"{path} cannot be read ({error.strerror}); choose another talk") from None
    except UnicodeDecodeError:
        raise api.SpecError("", f"{path} is not text; expected a talk as YAML in UTF-8") from None
    mapping = api.load_mapping(text, str(path), "title and cues")
    try:
        return Talk.read(mapping)
    except api.SpecError as error:
        raise api.SpecError(error.path, f"{path.name}: {error.message}") from None


def write_talk(path: Path, talk: Talk) -> str:
    """Write a talk, whole or not at all; returns a sentence where it could not be written."""
    temporary = path.with_name(f".{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("w", encoding="utf-8") as file:
            file.write(api.dump_mapping(talk.brief()))
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        return f"The talk cannot be written to {path} ({error.strerror or error}); it lasts until the window closes."
    return ""


def free_path(folder: Path, title: str) -> Path:
    """A file for a talk of this title that does not exist yet."""
    stem = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:60] or "talk"
    number, path = 1, folder / f"{stem}{ENDING}"
    while path.exists():
        number += 1
        path = folder / f"{stem}-{number}{ENDING}"
    return path


def write_to(path: Path, talk: Talk) -> None:
    """Write a talk where somebody wants it; raises OSError with the sentence of `write_talk`."""
    words = write_talk(path, talk)
    if words:
        raise OSError(words)


def title_of(path: Path) -> str:
    """The title of a talk, read from the first line of its file alone; else the file's name."""
    try:
        with path.open(encoding="utf-8") as file:
            found = api.load_mapping(file.readline(), path.name).get("title")
    except (OSError, UnicodeDecodeError, api.SpecError):
        return path.stem
    return str(found) if found else path.stem
