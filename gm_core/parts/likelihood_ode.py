"""The density of a diffusion by its probability flow: the differential equation that has the same law at each time.

    d xhat / d r = eps(x_t, t),   xhat = x_t / signal,  r = sigma / signal
    ln p(x) = ln p_T(xhat(r_T)) + integral of div eps dr                      Song et al. 2021, arXiv:2011.13456, Eq. 39

It is Eq. 13 of Song et al. in the variables of Karras et al. 2022 (arXiv:2206.00364, Eq. 1), in which the field is the
noise itself. Steps are even in arsinh(r / FINE): in ln r where data have their detail, in r below it. The way begins at
the first noise level that the network knows, where the data carry next to no noise, and not at no noise at all, where
the score of data on a line has no end. What it says is the density of what the flow draws, if the network is the noise
of some law; the error of the solver aside, it integrates to 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from torch import Tensor

from gm_core.maths import divergence_trace, gaussian
from gm_core.maths.schedules import Level
from gm_core.maths.solvers import log_prob_by_ode
from gm_core.parts.samplers import Denoiser

FINE = 0.03
"""Noise below which data of size 1 hardly have detail. Of mixtures with scales from 0.014 to 1 it makes 0.5 to 0.7 of
the error that as many steps make that are even in ln r."""


def flow_log_prob(
    denoise: Denoiser,
    between: Callable[[float], Level],
    first: Level,
    last: Level,
    spread: float,
    x: Tensor,
    divergence: divergence_trace.Divergence = divergence_trace.exact,
    steps: int = 20,
) -> Tensor:
    """ln p(x) of data x (n, ...), in nats: (n,), with x as they stand at the level `first`, divided by its signal.

    `between` gives the level of ln r, `spread` is the deviation of the noise that sampling begins with at the level
    `last`. `steps` of RK4 ask the denoiser four times each; it must let gradients through.
    """

    def field(point: Tensor, w: float) -> Tensor:
        ratio = FINE * math.sinh(w)
        level = between(math.log(ratio))
        return math.hypot(ratio, FINE) * denoise(level.signal * point, level).eps  # eps dr/dw

    width = spread / last.signal

    def base(point: Tensor) -> Tensor:
        return (gaussian.log_prob_standard(point / width) - math.log(width)).flatten(1).sum(1)

    begin, end = math.asinh(first.ratio / FINE), math.asinh(last.ratio / FINE)
    return log_prob_by_ode(field, x, begin, end, base, divergence, method="rk4", steps=steps)
