"""An album: pictures as they are read from a source, one at a time, so that reading can be watched and given up.

What was read stays with the album, and the last few albums are kept: a preview, the run that follows and every later
look at the same folder read each picture once.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator

import numpy as np

from gm_core.data.base import DataError
from gm_core.data.images import ROOM
from gm_core.data.pictures import OddPicture, Pixels, Wish, beside, open_picture, square
from gm_core.data.sources import Entry, Odd, Source, odd_file

COMPARED = 5
"""Pictures that are also kept as they were, to show what the fit does."""
KEPT = 2


class Album:
    """The chosen pictures of a source in one look; `pixels[:len(names)]` (n, c, size, size) are those read so far."""

    def __init__(self, source: Source, chosen: tuple[Entry, ...], wish: Wish) -> None:
        self.source, self.wish = source, wish
        self.names: list[str] = []
        self.odd: list[Odd] = list(source.odd)
        self.before: list[Pixels] = []
        self.pixels: Pixels = np.empty((len(chosen), wish.channels, wish.size, wish.size), np.uint8)
        self._chosen = chosen
        self.done = 0

    @property
    def total(self) -> int:
        """How many files are to be read."""
        return len(self._chosen)

    def read(self) -> Iterator[None]:
        """Read on where it stands, giving way after each file; what cannot be used goes to `odd` with its reason."""
        with self.source.reader() as reader:
            while self.done < self.total:
                entry = self._chosen[self.done]
                try:
                    with reader.open(entry) as file:
                        image = open_picture(file, self.wish)
                    self.pixels[len(self.names)] = square(image, self.wish)
                    if len(self.before) < COMPARED:
                        self.before.append(beside(image, self.wish))
                    self.names.append(entry.name.replace("\\", "/"))
                except OddPicture as odd:
                    self.odd.append(odd_file(entry.name, str(odd)))
                except OSError as error:
                    self.odd.append(odd_file(entry.name, error.strerror or str(error)))
                self.done += 1
                yield


def album_of(source: Source, wish: Wish, most: int, seed: int) -> Album:
    """The album of a source in one look, perhaps begun already; with `most` > 0, of so many files drawn by the seed.

    Raises DataError where the pictures would not fit into memory.
    """
    chosen = source.entries
    if 0 < most < len(chosen):
        rng = np.random.Generator(np.random.PCG64(seed))
        chosen = tuple(chosen[at] for at in np.sort(rng.permutation(len(chosen))[:most]))
    each = wish.channels * wish.size**2
    if len(chosen) * each > ROOM:
        raise DataError(
            f"{source.path} holds {len(chosen):,} pictures, which take {len(chosen) * each / 2**30:.1f} GiB at "
            f"{wish.size}x{wish.size}; at most {ROOM // each:,} find room: lower data.size or set data.limit"
        )
    key = (str(source.path), wish, chosen, source.odd)
    album = _ALBUMS.pop(key, None) or Album(source, chosen, wish)
    _ALBUMS[key] = album
    while len(_ALBUMS) > KEPT:
        _ALBUMS.popitem(last=False)
    return album


_ALBUMS: OrderedDict[tuple[str, Wish, tuple[Entry, ...], tuple[Odd, ...]], Album] = OrderedDict()
