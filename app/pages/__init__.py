"""The pages of the notes, one module each, strangers to one another; imported when they are first opened."""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING

from app.contents import ORDER

if TYPE_CHECKING:
    from app.page import Page


def load_page(name: str) -> type[Page]:
    """The class of one page; raises KeyError where there is none of that name."""
    if name not in ORDER:
        raise KeyError(name)
    from app.page import Page  # not before a page is opened: the contents alone are needed at the start

    module = importlib.import_module(f"app.pages.{name}")
    for value in vars(module).values():
        if isinstance(value, type) and issubclass(value, Page) and value.__module__ == module.__name__:
            return value
    raise KeyError(name)


def find_pages() -> dict[str, type[Page]]:
    """Every page that there is, by name, in order."""
    there = {entry.name for entry in pkgutil.iter_modules(__path__)}
    return {name: load_page(name) for name in ORDER if name in there}
