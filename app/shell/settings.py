"""Settings are habits: theme, text size, layout, what panels remember. One JSON file, written whole or not at all."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import platformdirs

from gm_core import api

NAME = "generative-models-playground"
FILE = "settings.json"


class Settings(api.Spec):
    """What is remembered between two sessions."""

    theme: Literal["system", "light", "dark"] = api.param("system", "Colours of the window.")
    text_size: float = api.param(1.0, "Size of all text relative to the usual.", lo=0.7, hi=3.0)
    view_share: float = api.param(0.1, "Time that views may take from training while both run.", lo=0.0, hi=1.0)
    layout: str = api.param("", "Where the docks are, as Qt writes it.")
    geometry: str = api.param("", "Where the window is, as Qt writes it.")
    preset: str = api.param("", "The preset chosen last.")
    last_folder: str = api.param("", "Where a picture was saved last.")
    panels: dict[str, Any] = api.param({}, "What each panel remembers.")


def settings_path() -> Path:
    """The file in the user's configuration folder; GM_SETTINGS names another."""
    named = os.environ.get("GM_SETTINGS")
    return Path(named) if named else Path(platformdirs.user_config_dir(NAME)) / FILE


def read_settings(path: Path) -> tuple[Settings, str]:
    """The stored settings and a sentence where something was wrong with them.

    A value that does not hold is replaced by its default, the rest is kept; a file that is no JSON at all is set aside
    with the ending .broken, so that nothing is lost and the program opens.
    """
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Settings(), ""
    except (OSError, UnicodeDecodeError) as error:
        return (
            Settings(),
            f"The settings in {path} cannot be read ({error.__class__.__name__}); the usual ones are used.",
        )
    except json.JSONDecodeError:
        return Settings(), _set_aside(path)
    if not isinstance(raw, dict):
        return Settings(), _set_aside(path)
    kept: dict[str, Any] = {}
    bad: list[str] = []
    for name, value in raw.items():
        try:
            Settings.read({name: value})
        except api.SpecError:
            bad.append(name)
        else:
            kept[name] = value
    words = f"Settings that do not hold were left out: {', '.join(bad)}." if bad else ""
    return Settings.read(kept), words


def _set_aside(path: Path) -> str:
    aside = path.with_suffix(".broken")
    try:
        os.replace(path, aside)
    except OSError:
        return f"The settings in {path} are damaged; the usual ones are used."
    return f"The settings were damaged; the usual ones are used, and the old file is kept as {aside}."


def write_settings(path: Path, settings: Settings) -> str:
    """Write the settings, whole or not at all; returns a sentence where they could not be written."""
    temporary = path.with_name(path.name + ".new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("w", encoding="utf-8") as file:
            json.dump(settings.plain(), file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        return (
            f"The settings cannot be written to {path} ({error.strerror or error}); they last until the window closes."
        )
    return ""


def changed(settings: Settings, values: Mapping[str, Any]) -> Settings:
    """A copy with some values replaced."""
    return Settings.read({**settings.plain(), **values})
