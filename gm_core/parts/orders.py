"""Orders: in which sequence the numbers of an example are visited.

An order is a permutation of the sites 0..n-1; `order[k]` is the site visited as the k-th. The sites of an image
(c, h, w) are numbered as it lies in memory, channel by channel; the channels of one pixel follow one another in every
order (red, then green, then blue), as van den Oord et al. 2016 factorise colours (arXiv:1601.06759, section 3.3).
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from gm_core.spec import SpecError

OrderName = Literal["raster", "column", "snake", "random", "centre", "own"]
ORDERS: tuple[OrderName, ...] = ("raster", "column", "snake", "random", "centre")


def make_order(name: OrderName, shape: tuple[int, ...], seed: int = 0, own: tuple[int, ...] = ()) -> Tensor:
    """The order of that name for examples of that shape, int64 (n,).

    raster: row by row; column: column by column; snake: rows, every second one backwards; random: by `seed`;
    centre: from the middle outwards; own: the pixels listed in `own` (without channels). Of a vector, raster, column
    and snake are its own order. Raises SpecError where `own` is no permutation.
    """
    channels, height, width = shape if len(shape) == 3 else (1, 1, shape[0])
    pixels = height * width
    grid = torch.arange(pixels).reshape(height, width)
    if name == "raster":
        visits = grid.flatten()
    elif name == "column":
        visits = grid.T.flatten()
    elif name == "snake":
        visits = torch.stack([row.flip(0) if number % 2 else row for number, row in enumerate(grid)]).flatten()
    elif name == "random":
        visits = torch.randperm(pixels, generator=torch.Generator().manual_seed(seed))
    elif name == "centre":
        rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
        far = (2 * rows - (height - 1)).square() + (2 * columns - (width - 1)).square()  # whole numbers: ties are ties
        visits = torch.sort(far.flatten(), stable=True).indices
    else:
        visits = _checked(own, pixels)
    return (visits[:, None] + pixels * torch.arange(channels)).flatten()


def ranks(order: Tensor) -> Tensor:
    """The inverse: `ranks(order)[site]` is the place of a site in the order."""
    return torch.empty_like(order).scatter_(0, order, torch.arange(len(order), device=order.device))


def _checked(own: tuple[int, ...], pixels: int) -> Tensor:
    """A listed order as a tensor, if it is a permutation of the pixels."""
    if sorted(own) != list(range(pixels)):
        missing = sorted(set(range(pixels)) - set(own))
        found = f"lists {len(own)} pixels" + (f", without {missing[0]}" if missing and len(own) == pixels else "")
        raise SpecError(
            "model.sites", f"model.sites {found}; expected each number from 0 to {pixels - 1} once: mend it, or choose "
            "another order"
        )
    return torch.tensor(own, dtype=torch.int64)
