"""Vector quantisation: every vector is replaced by the nearest of K learned ones, its code.

    q(z) = e_k,  k = argmin_j |z - e_j|                                                                (eq. 1 and 2)
    straight through: dL/dz = dL/dq, as if the step were not there                                      (sec. 3.2)
    commitment |z - sg[e]|^2, times beta, pulls vectors to their codes                                     (eq. 3)
    codes follow their vectors by the gradient of |sg[z] - e|^2 (eq. 3), or as moving averages:
        N_k <- g N_k + (1 - g) n_k,    m_k <- g m_k + (1 - g) sum of z with code k,    e_k = m_k / N_k (A.1)

van den Oord, Vinyals & Kavukcuoglu 2017, "Neural discrete representation learning", arXiv:1711.00937; sg stops the
gradient. Codes that hardly any vector takes may begin anew at a vector of the batch (Dhariwal et al. 2020, Jukebox,
arXiv:2005.00341, sec. 3.1).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

Learning = Literal["averages", "gradient"]
NUMBERS_AT_ONCE = 2**22
"""Distances held at once while codes are looked up: 16 MiB of float32."""
FEWEST = 1e-5
"""Average uses of a code below which it stays where it is: what is divided by must not vanish."""


@dataclass(frozen=True)
class Quantised:
    """Vectors brought to their codes.

    codes int64 (...); q (..., d) the codes' vectors, with the gradient passed straight through to z; `commitment` (...)
    |z - sg[e]|^2, whose gradient moves z; `pull` (...) |sg[z] - e|^2, whose gradient moves the codes (0 where they are
    moving averages).
    """

    codes: Tensor
    q: Tensor
    commitment: Tensor
    pull: Tensor


class VectorQuantiser(nn.Module):
    """A codebook of `size` vectors of `dim` numbers; what it met in a step is learned by `settle()`, called after it.

    Everything that is learned without a gradient lies in buffers, so that it is saved, resumed and rolled back like
    any weights. `quantise` changes nothing but what the present step has met, which `forget()` drops.
    """

    uses: Tensor
    sums: Tensor
    vectors: Tensor

    def __init__(self, size: int, dim: int, learning: Learning = "averages") -> None:
        super().__init__()
        self.size, self.dim, self.learning = size, dim, learning
        start = torch.randn(size, dim) / math.sqrt(dim)
        if learning == "gradient":
            self.vectors = nn.Parameter(start)
        else:
            self.register_buffer("vectors", start)
            self.register_buffer("sums", torch.zeros(size, dim))
        self.register_buffer("uses", torch.zeros(size))  # so that codes idle in the first step begin among its vectors
        self._met: list[tuple[Tensor, Tensor]] = []

    # ---- codes

    def nearest(self, z: Tensor) -> Tensor:
        """The nearest code of each vector z (..., d): int64 (...), the first of several equally near."""
        vectors = self.vectors.detach()
        half = 0.5 * vectors.square().sum(-1)
        rows = max(1, NUMBERS_AT_ONCE // self.size)
        with torch.no_grad(), torch.autocast(z.device.type, enabled=False):  # near codes need all digits
            flat = z.detach().float().reshape(-1, self.dim)
            found = [torch.addmm(half, part, vectors.T, alpha=-1.0).argmin(-1) for part in flat.split(rows)]
        return torch.cat(found).reshape(z.shape[:-1])

    def look_up(self, codes: Tensor) -> Tensor:
        """The vectors of codes (...): (..., d)."""
        return nn.functional.embedding(codes, self.vectors)

    def quantise(self, z: Tensor) -> Quantised:
        """Bring vectors z (..., d) to their codes; in training, remember them for `settle()`."""
        codes = self.nearest(z)
        e = self.look_up(codes)
        if self.training:
            self._met.append((codes.flatten(), z.detach().reshape(-1, self.dim)))
        commitment = (z - e.detach()).square().sum(-1)
        pull = (z.detach() - e).square().sum(-1) if self.learning == "gradient" else torch.zeros_like(commitment)
        return Quantised(codes, z + (e - z).detach(), commitment, pull)

    # ---- learning

    def forget(self) -> None:
        """Drop what was met since the last `settle()`: a step that was given up must leave no trace."""
        self._met = []

    @torch.no_grad()
    def settle(self, decay: float, fewest: float, rng: torch.Generator) -> None:
        """Take in what this step met: move averages, and restart codes that are used less than `fewest` times a step.

        A code that restarts is put on one of the step's vectors, drawn by `rng`, and counts as used once.
        """
        if not self._met:
            return
        codes, z = (torch.cat(parts) for parts in zip(*self._met, strict=True))
        self._met = []
        z = z.to(self.vectors)
        self.uses.mul_(decay).add_(counted(codes, self.size), alpha=1.0 - decay)
        if self.learning == "averages":
            self.sums.mul_(decay).add_(torch.zeros_like(self.sums).index_add_(0, codes, z), alpha=1.0 - decay)
            alive = (self.uses > FEWEST)[:, None]
            self.vectors.copy_(torch.where(alive, self.sums / self.uses.clamp(min=FEWEST)[:, None], self.vectors))
        if fewest > 0:
            self._restart(z, self.uses < fewest, rng)

    def _restart(self, z: Tensor, dead: Tensor, rng: torch.Generator) -> None:
        chosen = torch.randint(len(z), (self.size,), generator=rng, device=rng.device).to(z.device)
        fresh = z[chosen]
        self.vectors.copy_(torch.where(dead[:, None], fresh, self.vectors))
        if self.learning == "averages":
            self.sums.copy_(torch.where(dead[:, None], fresh, self.sums))
        self.uses.masked_fill_(dead, 1.0)


def counted(codes: Tensor, size: int) -> Tensor:
    """How often each code occurs among codes (n,): float (size,). Unlike bincount it never makes the host wait."""
    ones = torch.ones(codes.shape, device=codes.device)
    return torch.zeros(size, device=codes.device).index_add_(0, codes, ones)


def perplexity(codes: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """How many codes are in use: exp of the entropy of their frequencies, and how many occur at all.

    Both are scalars; uniform use of K codes has perplexity K.
    """
    counts = counted(codes.flatten(), size)
    share = counts / counts.sum()
    return (-torch.xlogy(share, share).sum()).exp(), (counts > 0).float().sum()
