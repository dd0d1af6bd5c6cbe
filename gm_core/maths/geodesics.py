"""The shortest way between two codes as the decoder sees it: least change of the picture, not of the code.

A decoder f carries the metric of the pictures back to the codes, G(z) = J(z)^T J(z) with J = df/dz, so that a curve
z(t) has the speed |df(z)/dt| = sqrt(z'^T G z'). Of all curves with the same ends, a geodesic has the least energy

    E = integral_0^1 |d f(z(t)) / dt|^2 dt     about    S sum_i |f(z_{i+1}) - f(z_i)|^2     for S + 1 codes z_i,

and with it the least length, at constant speed (E >= length^2, equal where the speed is constant). The discrete energy
is that of Shao, Kumar & Fletcher 2018, "The Riemannian Geometry of Deep Generative Models", arXiv:1711.08014
(Algorithm 1), with the metric of Arvanitidis et al. 2018, "Latent Space Oddity", arXiv:1710.11379, of a decoder
without variance.

Our departures: Shao et al. descend along the gradient; here each iteration solves the Gauss-Newton system of the sum of
squares, which is block tridiagonal, with Levenberg's damping, and is taken only if it lowers the energy. Arvanitidis et
al. add the Jacobian of the variance, which keeps their geodesics near the data; a decoder of means alone does not.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from gm_core.spec import SpecError

Decode = Callable[[Tensor], Tensor]
ROWS = 128
"""Directional derivatives between two safe points."""
DAMPING, LEAST, MOST = 1e-3, 1e-7, 1e6
"""Levenberg's damping as a share of the mean of the metric's diagonal: where it begins, and its bounds."""


@dataclass(frozen=True)
class Curve:
    """A discrete curve: codes z (n, k), their examples x (n, ...), its energy and length, and how often it improved.

    `done` says that it was not improved any further: it has converged, or all iterations are spent.
    """

    z: Tensor
    x: Tensor
    energy: float
    length: float
    iteration: int
    done: bool


def steps(x: Tensor) -> Tensor:
    """|x_{i+1} - x_i|, how much neighbouring examples (n, ...) differ: (n - 1,)."""
    found: Tensor = (x[1:] - x[:-1]).flatten(1).norm(dim=1)
    return found


def energy(x: Tensor, legs: int = 1) -> Tensor:
    """S sum_i |x_{i+1} - x_i|^2 of examples (legs * S + 1, ...): the energy, each leg taking one unit of time; ()."""
    total: Tensor = steps(x).double().square().sum() if x.device.type != "mps" else steps(x).square().sum()
    return total * ((len(x) - 1) // legs)


def geodesic(
    decode: Decode, start: Tensor, legs: int = 1, iterations: int = 30, tolerance: float = 1e-4
) -> Iterator[Curve | None]:
    """Shorten a curve `start` (legs * S + 1, k) step by step, holding its ends and every stop between two legs exactly.

    Yields the curve as it begins and after each iteration, the last one with `done`, and None at safe points between;
    the energy never rises. It stops after so many iterations, or when one lowers the energy by less than the share
    `tolerance`. `decode` maps codes (n, k) to examples (n, ...), each by itself, and must be differentiable; where it
    is flat in a direction (a code that is not used), the curve stays as it was. No randomness.
    """
    inner = (len(start) - 1) // legs
    if start.ndim != 2 or inner < 1 or len(start) != legs * inner + 1:
        shape = tuple(start.shape)
        raise SpecError("nodes", f"the curve has the shape {shape}; expected (S * {legs} + 1, k) with S at least 1")
    z, x = start, decode(start)
    best = energy(x, legs)
    damping, iteration = DAMPING, 0
    done = inner == 1 or iterations < 1
    yield _curve(z, x, best, 0, done)
    while not done:
        diagonal, beside, downhill = yield from _system(decode, z, x, legs)
        scale = diagonal.diagonal(dim1=-2, dim2=-1).mean()
        better = False
        while not better and damping <= MOST:
            move = _solve(diagonal, beside, downhill, damping * scale)
            tried = _moved(z, move, legs)
            seen = decode(tried)
            found = energy(seen, legs)
            better = bool(found < best)  # also false where the step could not be found, as nan
            damping = max(damping / 10.0, LEAST) if better else damping * 10.0
            yield None
        iteration += 1
        gain = float((best - found) / best) if better else 0.0
        if better:
            z, x, best = tried, seen, found
        done = gain < tolerance or iteration >= iterations
        yield _curve(z, x, best, iteration, done)


def jacobians(decode: Decode, z: Tensor) -> Iterator[Tensor]:
    """The transposed Jacobians of a decoder at codes z (n, k), some codes at a time: (some, k, d), in order.

    One directional derivative for each code and axis: d is large and k is small, so this is the cheap way round.
    """
    k = z.shape[1]
    for part in z.split(max(1, ROWS // k)):
        axes = torch.eye(k, dtype=z.dtype, device=z.device).repeat(len(part), 1)
        yield _along(decode, part.repeat_interleave(k, 0), axes).unflatten(0, (len(part), k))


def _along(decode: Decode, z: Tensor, v: Tensor) -> Tensor:
    """J(z) v for codes and directions (n, k): (n, d), as the derivative of (J^T u)^T v by u, in which it is linear.

    Two backward passes. Forward differentiation would be one pass, but its first use imports a second's worth of torch.
    """
    with torch.enable_grad():
        at = z.detach().requires_grad_(True)
        x = decode(at).flatten(1)
        if not x.requires_grad:  # the decoder is flat, such as one that rounds
            return torch.zeros_like(x)
        u = torch.zeros_like(x, requires_grad=True)
        (pulled,) = torch.autograd.grad(x, at, u, create_graph=True)
        (found,) = torch.autograd.grad(pulled, u, v)
    return found.detach()


def even_times(moved: Tensor, wanted: Tensor) -> Tensor:
    """The times (m,) at which a curve has come the shares `wanted` (m,) of its length, which is walked piece by piece.

    `moved` (s,) are the lengths of its s pieces, each of which takes the time 1/s; exactly 0 at 0 and 1 at 1. A curve
    without length is walked in even time.
    """
    gone = torch.cat([moved.new_zeros(1), moved.cumsum(0)])
    if not bool(gone[-1] > 0):
        return wanted
    goal = wanted.to(gone.dtype) * gone[-1]
    piece = (torch.searchsorted(gone, goal, right=True) - 1).clamp(0, len(moved) - 1)
    part = ((goal - gone[piece]) / moved[piece].clamp_min(torch.finfo(gone.dtype).tiny)).clamp(0.0, 1.0)
    times = (piece + part) / len(moved)
    inside = (wanted > 0.0) & (wanted < 1.0)
    return torch.where(inside, times, wanted.to(times.dtype).clamp(0.0, 1.0))


def between(nodes: Tensor, leg: Tensor, t: Tensor, legs: int = 1) -> Tensor:
    """Codes (n, k) at fractions t (n,) of the legs (n,) of a curve (legs * S + 1, k), straight between its codes."""
    pieces = (len(nodes) - 1) // legs
    place = t * pieces
    piece = place.floor().clamp(0, pieces - 1)
    part = (place - piece).to(nodes.dtype).unsqueeze(-1)
    first = leg * pieces + piece.long()
    return nodes[first] * (1.0 - part) + nodes[first + 1] * part


def _system(decode: Decode, z: Tensor, x: Tensor, legs: int) -> Generator[None, None, tuple[Tensor, Tensor, Tensor]]:
    """The Gauss-Newton system of 1/2 sum |x_{i+1} - x_i|^2 for the codes between the stops, in double precision.

    Blocks on the diagonal 2 J_i^T J_i (legs, S - 1, k, k) and beside it -J_i^T J_{i+1} (legs, S - 2, k, k), and the
    downhill direction J_i^T (x_{i-1} - 2 x_i + x_{i+1}) (legs, S - 1, k).
    """
    pieces = (len(z) - 1) // legs
    inside = torch.arange(len(z) - 1, device=z.device).reshape(legs, pieces)[:, 1:].flatten()
    flat = x.flatten(1)
    bend = (flat[inside - 1] - 2.0 * flat[inside] + flat[inside + 1]).unsqueeze(-1)
    diagonals, couplings, falls = [], [], []
    last: Tensor | None = None  # a Jacobian is large, and only its neighbours need it
    done = 0
    for rows in jacobians(decode, z[inside]):
        diagonals.append(2.0 * rows @ rows.mT)
        falls.append((rows @ bend[done : done + len(rows)]).squeeze(-1))
        chain = rows if last is None else torch.cat([last, rows])
        couplings.append(-chain[:-1] @ chain[1:].mT)
        last = rows[-1:]
        done += len(rows)
        yield
    k = z.shape[1]
    beside = torch.cat([*couplings, z.new_zeros(1, k, k)])  # what would couple two legs is left out
    precise = torch.float32 if z.device.type == "mps" else torch.float64
    return (
        torch.cat(diagonals).unflatten(0, (legs, pieces - 1)).to(precise),
        beside.unflatten(0, (legs, pieces - 1))[:, :-1].to(precise),
        torch.cat(falls).unflatten(0, (legs, pieces - 1)).to(precise),
    )


def _solve(diagonal: Tensor, beside: Tensor, goal: Tensor, damping: Tensor) -> Tensor:
    """Solve a symmetric block tridiagonal system (each leg by itself), its diagonal made larger by `damping`.

    Gaussian elimination by blocks (Thomas): (legs, s, k). Holds nan where the damping does not make it solvable.
    """
    s, k = goal.shape[1:]
    extra = damping * torch.eye(k, dtype=goal.dtype, device=goal.device)
    factors: list[Tensor] = []
    right: list[Tensor] = []
    for i in range(s):
        block, b = diagonal[:, i] + extra, goal[:, i].unsqueeze(-1)
        if i:
            coupling = beside[:, i - 1].mT
            block = block - coupling @ torch.cholesky_solve(beside[:, i - 1], factors[-1])
            b = b - coupling @ torch.cholesky_solve(right[-1], factors[-1])
        factor, trouble = torch.linalg.cholesky_ex(block)
        factors.append(torch.where((trouble > 0)[:, None, None], torch.nan, factor))
        right.append(b)
    found = [torch.cholesky_solve(right[-1], factors[-1])]
    for i in reversed(range(s - 1)):
        found.append(torch.cholesky_solve(right[i] - beside[:, i] @ found[-1], factors[i]))
    return torch.stack(found[::-1], 1).squeeze(-1)


def _moved(z: Tensor, move: Tensor, legs: int) -> Tensor:
    """The codes between the stops moved; the stops are kept bit by bit."""
    pieces = (len(z) - 1) // legs
    made = z.clone()
    made[:-1].unflatten(0, (legs, pieces))[:, 1:] += move.to(z.dtype)
    return made


def _curve(z: Tensor, x: Tensor, found: Tensor, iteration: int, done: bool) -> Curve:
    return Curve(z, x, float(found), float(steps(x).sum()), iteration, done)
