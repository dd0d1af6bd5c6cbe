"""Neighbours: which numbers before it a number looks at, as indices that a table can be looked up by.

Each function gives int64 (m, sites): the m neighbours of every site, and the number of sites where one is missing.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from gm_core.parts.orders import ranks
from gm_core.protocol.cards import DataCard
from gm_core.spec import SpecError

Context = Literal["chain", "left", "up", "left-up", "four", "ten"]
FOUR = ((0, -1), (-1, 0), (-1, -1), (-1, 1))
NEIGHBOURS: dict[str, tuple[tuple[int, int], ...]] = {
    "left": FOUR[:1],
    "up": FOUR[1:2],
    "left-up": FOUR[:2],
    "four": FOUR,
    "ten": (*FOUR, (0, -2), (-1, -2), (-1, 2), (-2, -1), (-2, 0), (-2, 1)),
}
"""Rows and columns from a pixel to its neighbours."""


def chain(order: Tensor, memory: int) -> Tensor:
    """The `memory` sites visited just before each site, the last one last."""
    sites = len(order)
    before = ranks(order)[None] - torch.arange(min(memory, sites - 1), 0, -1)[:, None]
    return torch.where(before >= 0, order[before.clamp(min=0)], sites)


def beside(order: Tensor, card: DataCard, context: str) -> Tensor:
    """The neighbours in the image that come before a site in the order; raises SpecError where there is no image."""
    if len(card.shape) != 3:
        raise SpecError(
            "model.context", f"model.context is {context} but {card.title} holds no images; expected chain: choose it"
        )
    channels, height, width = card.shape
    sites = card.size
    grid = torch.arange(sites).reshape(channels, height, width)
    found = []
    for down, right in NEIGHBOURS[context]:
        padded = torch.nn.functional.pad(grid, (2, 2, 2, 0), value=sites)
        found.append(padded[:, 2 + down : 2 + down + height, 2 + right : 2 + right + width])
    for colour in range(1, channels):  # the colours of the same pixel that are before this one
        found.append(torch.where(torch.arange(channels)[:, None, None] >= colour, grid.roll(colour, 0), sites))
    near = torch.stack(found).flatten(1)
    place = torch.cat([ranks(order), torch.tensor([sites])])  # what is not there comes after all
    return torch.where(place[near] < place[:-1], near, sites)


def contexts_met(there: Tensor, levels: int, base: int, beyond: int) -> int:
    """How many contexts can occur among sites that have their neighbours where `there` (m, sites) says so."""
    found = torch.zeros(base ** len(there), dtype=torch.bool)
    for pattern in there.cpu().unique(dim=1).T.tolist():
        code = torch.zeros(1, dtype=torch.int64)
        for present in pattern:
            digit = torch.arange(levels) if present else torch.tensor([beyond])
            code = (code[:, None] * base + digit).flatten()
        found[code] = True
    return int(found.sum())
