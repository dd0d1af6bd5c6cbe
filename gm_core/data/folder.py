"""Your own pictures: a folder or a zip of them, resized and made square, with labels from subfolders if you like."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from gm_core.capabilities.preview import Preview
from gm_core.data.album import Album, album_of
from gm_core.data.base import SPLITS, Data, DataError, DataSpec, ImageSpec, Part, SplitName, dataset
from gm_core.data.images import finish
from gm_core.data.pictures import Fit, Ground, Wish
from gm_core.data.shares import MOST_CLASSES, SharedSpec, share_out
from gm_core.data.sources import Odd, open_source
from gm_core.protocol.cards import DataCard
from gm_core.spec import param

LISTED = 200
"""Files left out that a preview names; the card names NOTED of them."""
NOTED = 4
FIRST, TIMES = 24, 40
"""A preview shows so many pictures, as soon as they are read and then again so many times on the way."""


class FolderSpec(SharedSpec, ImageSpec):
    """Choices for a folder of pictures."""

    folder: str = param("", "A folder with pictures, or a zip of one.")
    size: int = param(28, "Side of an example; pictures are resized to it.", lo=4, hi=256, unit="pixels")
    fit: Fit = param("crop", "How a picture becomes square: its middle (crop), all of it with a border, or stretched.")
    colour: Literal["grey", "colour"] = param("grey", "One channel of grey, or red, green and blue.")
    labels: Literal["auto", "subfolders", "none"] = param(
        "auto", "Whether subfolders are classes; auto: if there are at least two and all pictures lie in them."
    )
    ground: Ground = param("white", "What lies under transparent parts, and beside a picture that is fitted whole.")


@dataset("folder", "Folder of pictures", "yours", ready=False)
class Folder(Data):
    """Your own pictures from a folder or zip: png, jpg, webp, bmp, gif, tiff; made square, grey or in colour.

    Files that cannot be used are left out, and the card says how many, which and why. Splits are drawn at random.
    """

    Spec = FolderSpec

    def __init__(self, spec: FolderSpec) -> None:
        super().__init__(spec)
        album = open_album(spec)
        for _ in album.read():
            pass
        path = album.source.path
        self.skipped = tuple(album.odd)
        if not album.names:
            name, why = album.odd[0]
            raise DataError(
                f"none of the {album.total} pictures in {path} can be used, such as {name}: {why}; "
                "choose another folder"
            )
        labels, self.classes = _labels(spec, album)
        places, notes = share_out(len(album.names), spec, path.name)
        if spec.limit:
            places["train"] = places["train"][: spec.limit]
        self._parts: dict[SplitName, Part] = {}
        for split in SPLITS:
            x = torch.from_numpy(album.pixels[places[split]])
            self._parts[split] = Part(x, None if labels is None else labels[torch.from_numpy(places[split])])
        self.levels = 256
        card = DataCard(
            self.name,
            path.stem or path.name,
            (album.wish.channels, spec.size, spec.size),
            "levels",
            (0.0, 1.0),
            256,
            self.classes,
            {split: len(part) for split, part in self._parts.items()},
        )
        self.card = finish(card, spec, " ".join([f"Read from {path}.", left_out(album.odd), *notes]).strip())

    @classmethod
    def prepare(cls, spec: DataSpec) -> Iterator[Preview | None]:
        """Read the pictures one by one, with a view of the first as soon as they are there."""
        assert isinstance(spec, FolderSpec)
        album = open_album(spec)
        shown = 0
        for _ in album.read():
            if len(album.names) >= FIRST and (not shown or album.done - shown >= max(FIRST, album.total // TIMES)):
                shown = album.done
                yield glimpse(album)
            else:
                yield None
        yield glimpse(album)

    def part(self, split: SplitName) -> Part:
        """The stored examples of one split, on the CPU."""
        return self._parts[split]


def open_album(spec: FolderSpec) -> Album:
    """The album that a spec means; with a limit, only as many files as it needs are read."""
    source = open_source(spec.folder)
    wish = Wish(spec.size, 3 if spec.colour == "colour" else 1, spec.fit, spec.ground)
    most = math.ceil(spec.limit / ((1 - spec.test) * (1 - spec.validation))) if spec.limit else 0
    return album_of(source, wish, most, spec.seed)


def glimpse(album: Album) -> Preview:
    """What has been read so far."""
    shown = album.pixels[: min(FIRST, len(album.names))].transpose(0, 2, 3, 1).copy()
    compared = np.stack(album.before) if album.before else np.empty((0, 1, 1, 4), np.uint8)
    return Preview(
        shown,
        before=compared,
        after=shown[: len(compared)],
        skipped=tuple(album.odd[:LISTED]),
        left_out=len(album.odd),
        done=album.done,
        total=album.total,
    )


def left_out(odd: list[Odd]) -> str:
    """A sentence on the files that are left out: how many, the first names and reasons; empty where all were used."""
    if not odd:
        return ""
    some = "; ".join(f"{name}: {why}" for name, why in odd[:NOTED])
    more = "" if len(odd) <= NOTED else ", ..."
    return f"{len(odd)} file{'s were' if len(odd) > 1 else ' was'} left out ({some}{more})."


def _labels(spec: FolderSpec, album: Album) -> tuple[Tensor | None, tuple[str, ...]]:
    """Classes by the outermost subfolders in which the pictures differ, and the number of each picture's."""
    if spec.labels == "none":
        return None, ()
    folders = [PurePosixPath(name).parts[:-1] for name in album.names]
    while all(parts for parts in folders) and len({parts[0] for parts in folders}) == 1:
        folders = [parts[1:] for parts in folders]  # one folder around all of them says nothing
    classes = tuple(sorted({parts[0] for parts in folders if parts}))
    loose = sum(not parts for parts in folders)
    fits = not loose and 2 <= len(classes) <= MOST_CLASSES
    if not fits and spec.labels == "auto":
        return None, ()
    if not fits:
        found = f"{len(classes)} subfolders with pictures and {loose} pictures outside of them"
        raise DataError(
            f"{album.source.path} has {found}; labels need 2 to {MOST_CLASSES} subfolders that hold all pictures: "
            "move them, or set data.labels to none"
        )
    numbers = {name: at for at, name in enumerate(classes)}
    return torch.tensor([numbers[parts[0]] for parts in folders], dtype=torch.int64), classes
