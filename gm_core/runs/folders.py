"""Where runs lie: the folder of all runs, a folder of its own for each, and how a name finds it."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator
from pathlib import Path

import platformdirs

from gm_core.weights.checkpoint import reason

SPEC_FILE = "spec.yaml"
CHECKPOINTS = "checkpoints"
ARTIFACTS = "artifacts"


class RunsError(Exception):
    """Runs that cannot be kept or found: one sentence, found, expected, what to do."""


def default_folder() -> Path:
    """The user's folder of runs: GM_RUNS where it is set, else inside the data folder of the platform."""
    named = os.environ.get("GM_RUNS")
    return Path(named) if named else Path(platformdirs.user_data_dir("generative-models-playground")) / "runs"


def open_folder(folder: Path) -> None:
    """Make the folder of runs where it is missing; raises RunsError where it cannot hold runs."""
    if folder.exists() and not folder.is_dir():
        raise RunsError(f"{folder} is a file; expected a folder for runs: choose another with --runs")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunsError(f"the runs folder {folder} cannot be made: {reason(error)}") from None


def claim(folder: Path, name: str) -> Path:
    """Make a new folder called `name`, or `name-2`, `name-3` and so on where that is taken.

    Making a folder either succeeds or finds it there, so two programs never claim the same one.
    """
    open_folder(folder)
    number = 1
    while True:
        place = folder / (name if number == 1 else f"{name}-{number}")
        try:
            place.mkdir()
        except FileExistsError:
            number += 1
        except OSError as error:
            raise RunsError(f"the run folder {place} cannot be made: {reason(error)}") from None
        else:
            return place


def is_run(folder: Path) -> bool:
    """Whether a folder holds a run."""
    try:
        return (folder / SPEC_FILE).is_file()
    except OSError:
        return False


def run_folders(folder: Path) -> Iterator[Path]:
    """The runs inside a folder, by name; hidden folders are skipped, a missing folder has none."""
    try:
        inside = sorted(folder.iterdir())
    except OSError:
        return
    yield from (place for place in inside if not place.name.startswith(".") and is_run(place))


def resolve(text: str, runs: Path | None = None) -> Path:
    """The folder of a run, given that folder's path or the run's name; raises RunsError with near names."""
    place = Path(text).expanduser()
    if is_run(place):
        return place.resolve()
    home = runs if runs is not None else default_folder()
    if text and Path(text).name == text and is_run(home / text):
        return (home / text).resolve()
    if place.is_dir() and place.name != text:
        raise RunsError(f"{text} is a folder without {SPEC_FILE}; expected the folder of a run")
    names = [found.name for found in run_folders(home)]
    if not names:
        raise RunsError(f"there is no run {text!r}; {home} holds no runs: train one, or choose a folder with --runs")
    near = difflib.get_close_matches(text, names, 1)
    listed = f"{home} holds: {', '.join(names[:12])}{' ...' if len(names) > 12 else ''}"
    raise RunsError(f"there is no run {text!r}; {f'did you mean {near[0]}?' if near else listed}")


def size_of(folder: Path) -> int:
    """Bytes of all files in a folder and below."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(place, name)).st_size
            except OSError:
                continue  # it was replaced or pruned meanwhile
    return total
