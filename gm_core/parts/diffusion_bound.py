"""The variational bound of a diffusion: what its whole chain of small steps says of the data, in nats.

    ln p(x_0) >= -L_T - sum_t L_{t-1} - L_0                                              Ho et al. 2020, Eq. 5
    L_T     = KL(q(x_T | x_0) || p(x_T))                    closed form
    L_{t-1} = KL(q(x_{t-1} | x_t, x_0) || p(x_{t-1} | x_t)) closed form, given x_t ~ q(x_t | x_0)
    L_0     = -ln p(x_0 | x_1)                              a Gaussian, integrated over each level where data have such

The sum over t is estimated by a few of its terms: drawn with a probability that follows the step in ln(sigma / signal),
one from each of equal shares of it, each divided by its probability. The estimate has the right mean; with as many
draws as steps it is the sum itself. Departure: the last step, whose posterior has no variance (beta~_1 = 0), takes the
forward one, beta_1 / alpha_1, which is best for data without finer detail; the authors' code takes beta~_2.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate, pairwise

import torch
from torch import Tensor

from gm_core.maths import gaussian
from gm_core.maths.binning import uniform
from gm_core.maths.schedules import Level, Variance, back_variance, jump_variance
from gm_core.parts.samplers import Denoiser

Pair = tuple[Level, Level]


def prior_term(x0: Tensor, last: Level, spread: float) -> Tensor:
    """L_T of x0 (n, ...): KL of N(signal x_0, sigma^2) from N(0, spread^2), (n,)."""
    share = (last.sigma / spread) ** 2
    each = 0.5 * ((last.signal / spread * x0).square() + share - 1.0 - math.log(share))
    return each.flatten(1).sum(1)


def step_term(x0: Tensor, guess: Tensor, pair: Pair, variance: Variance) -> Tensor:
    """L_{t-1} of x0 (n, ...) where the network's guess of it at x_t is `guess`: (n,). Ho et al. 2020, Eq. 6 to 8."""
    here, to = pair
    exact = back_variance(here, to, "fixed_small")
    chosen = back_variance(here, to, variance)
    reach = to.signal * jump_variance(here, to) / here.sigma**2
    apart = (reach * (x0 - guess)).square()
    return (0.5 * ((exact + apart) / chosen - 1.0 + math.log(chosen / exact))).flatten(1).sum(1)


def log_mass(x0: Tensor, guess: Tensor, spread: float, span: tuple[float, float], levels: int) -> Tensor:
    """ln of what N(guess, spread^2) gives to the level x0 of `levels` even ones over `span`: (n, ...).

    The outermost levels have all that lies beyond them. Ho et al. 2020, Eq. 13.
    """
    half = 0.5 * (span[1] - span[0]) / (levels - 1)
    above, below = (x0 + half - guess) / spread, (x0 - half - guess) / spread
    above = above.masked_fill(x0 > span[1] - half, math.inf)
    below = below.masked_fill(x0 < span[0] + half, -math.inf)
    # The same on the other side of 0, where neither term is next to 1 and their difference keeps its digits.
    mirrored = below > 0
    above, below = torch.where(mirrored, -below, above), torch.where(mirrored, -above, below)
    more: Tensor = torch.special.log_ndtr(above)
    less: Tensor = torch.special.log_ndtr(below)
    return more + torch.log(-torch.expm1(torch.clamp(less - more, max=-1e-12)))


def variational_bound(
    levels: Sequence[Level],
    denoise: Denoiser,
    x0: Tensor,
    rng: torch.Generator,
    variance: Variance,
    spread: float,
    draws: int,
    span: tuple[float, float] | None = None,
    bins: int = 0,
) -> Tensor:
    """The bound for data x0 (n, ...), in nats of x0's own unit: (n,).

    `levels` fall from noise to the data; `spread` is that of p(x_T). With `bins` levels over `span` it bounds a
    probability, without them a density. `draws` of the steps' terms are computed: so often is the denoiser asked, and
    once more for L_0.
    """
    total = -prior_term(x0, levels[0], spread)
    for pair, weight in _drawn(list(pairwise(levels))[:-1], draws, rng):
        total = total - weight * step_term(x0, _guess(denoise, x0, pair[0], rng), pair, variance)
    guess, width = _guess(denoise, x0, levels[-2], rng), levels[-2].ratio
    if bins and span is not None:
        last = log_mass(x0, guess, width, span, bins)
    else:
        last = gaussian.log_prob_standard((x0 - guess) / width) - math.log(width)
    return total + last.flatten(1).sum(1)


def _guess(denoise: Denoiser, x0: Tensor, level: Level, rng: torch.Generator) -> Tensor:
    x = level.signal * x0 + level.sigma * gaussian.noise_like(x0, rng)
    return denoise(x, level).x0


def _drawn(pairs: Sequence[Pair], draws: int, rng: torch.Generator) -> list[tuple[Pair, float]]:
    """Some of the steps, each with one over the number of times that it is drawn on average; or all of them."""
    if draws >= len(pairs):
        return [(pair, 1.0) for pair in pairs]
    ends = list(accumulate(math.log(here.ratio / to.ratio) for here, to in pairs))
    shares = [(end - start) / ends[-1] for start, end in pairwise([0.0, *ends])]
    table = torch.tensor(ends[:-1], dtype=torch.float64, device=rng.device) / ends[-1]
    places = torch.arange(draws, dtype=torch.float64, device=rng.device)
    places = (places + uniform(torch.Size([draws]), rng, rng.device, torch.float64)) / draws
    chosen: list[int] = torch.searchsorted(table, places, right=True).tolist()
    return [(pairs[k], 1.0 / (draws * shares[k])) for k in chosen]
