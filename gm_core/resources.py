"""Where the files that ship with the program lie: icons, fonts, themes, presets, pretrained models."""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path


@cache
def resource_folder() -> Path:
    """The folder `resources`: beside gm_core in a checkout, an installation and the frozen program alike.

    Raises FileNotFoundError, naming the places looked at, where the installation is incomplete.
    """
    beside = Path(__file__).resolve().parent.parent / "resources"
    if beside.is_dir():
        return beside
    # An import hook may serve gm_core from elsewhere; then `resources` is found as the package that it is installed as.
    found = importlib.util.find_spec("resources")
    places = [Path(place) for place in (found.submodule_search_locations or ())] if found else []
    for place in places:
        if (place / "icons").is_dir():
            return place
    looked = ", ".join(str(place) for place in [beside, *places])
    raise FileNotFoundError(f"the folder 'resources' was not found at {looked}; install the program again")


def resource(*parts: str) -> Path:
    """The path of one shipped file or folder, such as resource("icons", "play.svg"); it need not exist."""
    return resource_folder().joinpath(*parts)
