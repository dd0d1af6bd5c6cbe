"""Completing by replacement: at each noise level what is known is put in place of what the sampler made of it.

    known    x_s = a_s x + sigma_s eps          drawn from q(x_s | x_0)                    Lugmayr et al. 2022, Eq. 8a
    missing  x_s from the sampler's step                                                  Eq. 8b
    again    x_t = (a_t / a_s) x_s + sqrt(b) z  back to the noisier level, `rounds` times  Algorithm 1, line 8

Lugmayr et al. 2022, "RePaint", arXiv:2201.09865. Replacement alone draws from no posterior: the missing part hears of
the known one only through the network, one step late. Each round more lets both parts agree at that level, and with
many of them, as with small steps, the completions come near p(missing | known). It stays an approximation, and gives
no probability of what it draws. Departures: every step is repeated, not every tenth; strides of one step.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

import torch
from torch import Tensor

from gm_core.maths.gaussian import noise_like
from gm_core.maths.schedules import Level, jump_variance
from gm_core.parts.samplers import Ancestral, Denoiser, Here


def repaint(
    levels: Sequence[Level],
    denoise: Denoiser,
    given: Tensor,
    known: Tensor,
    x: Tensor,
    rng: torch.Generator,
    rounds: int,
) -> Iterator[tuple[float, Tensor]]:
    """Complete `given` (1, ...), of which `known` (...) is a mask, from noise x (n, ...): pairs (progress, guess).

    A guess is what the network takes the data to be, with what is known in its place; the last is the completion.
    """
    rule = Ancestral()
    whole = (len(levels) - 1) * rounds
    done = 0
    x = _put(given, known, x, levels[0], rng)
    for level, to in pairwise(levels):
        for again in range(rounds):
            guess = denoise(x, level)
            done += 1
            last = to.sigma == 0.0
            yield done / whole if not last else 1.0, torch.where(known, given, guess.x0)
            if last:
                return
            made = rule.step(Here(level, to, x, guess, denoise))
            made_x = made.x + made.fresh * noise_like(x, rng)
            x = _put(given, known, made_x, to, rng)
            if again + 1 < rounds:
                x = (level.signal / to.signal) * x + math.sqrt(jump_variance(level, to)) * noise_like(x, rng)


def _put(given: Tensor, known: Tensor, x: Tensor, level: Level, rng: torch.Generator) -> Tensor:
    return torch.where(known, level.signal * given + level.sigma * noise_like(x, rng), x)
