"""Solvers of ordinary differential equations, as generators: where dx/dt = f(x, t) leads, step by step.

    Euler      x' = x + h f(x, t)                                          order 1, 1 evaluation a step
    midpoint   x' = x + h f(x + h/2 f(x, t), t + h/2)                      order 2, 2
    Heun       x' = x + h/2 (k1 + k2),  k1 = f(x, t), k2 = f(x + h k1, t + h)   order 2, 2
    RK4        x' = x + h/6 (k1 + 2 k2 + 2 k3 + k4)                        order 4, 4
    adaptive   Dormand-Prince 5(4), whose second answer of order 4 says how wrong a step is; order 5, 6

Hairer, Norsett & Wanner 1993, "Solving ordinary differential equations I", II.1 and tables II.5.2 (Dormand & Prince
1980). Time may run either way. Numbers have the type of x; times are Python floats. A density follows the same way:
Chen et al. 2018, "Neural ordinary differential equations", arXiv:1806.07366, eq. 8.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, NamedTuple, get_args

import torch
from torch import Tensor

from gm_core.maths import divergence_trace
from gm_core.spec import SpecError

Velocity = Callable[[Tensor, float], Tensor]
"""f: points (n, ...) and a time to dx/dt of the same shape."""
Method = Literal["euler", "midpoint", "heun", "rk4", "adaptive"]
Control = Literal["plain", "pi"]
METHODS: tuple[Method, ...] = get_args(Method)


class Reached(NamedTuple):
    """Where a solver stands: after `number` steps, at time `t`, at points x, after so many evaluations of f."""

    number: int
    t: float
    x: Tensor
    evaluations: int


class Station(NamedTuple):
    """A time of a grid: as `Reached`, with the `slope` dx/dt there.

    The slope is what the next step begins with, so that it costs nothing to look at; `evaluations` leaves it out. At
    the last time it is the last that was computed. The adaptive solver visits by interpolation, and `step` is the step
    that it chose here; it is 0 for the others.
    """

    number: int
    t: float
    x: Tensor
    evaluations: int
    slope: Tensor
    step: float


@dataclass(frozen=True)
class Tableau:
    """An explicit Runge-Kutta method: times c, stages a, weights b."""

    c: tuple[float, ...]
    a: tuple[tuple[float, ...], ...]
    b: tuple[float, ...]


TABLEAUX: dict[str, Tableau] = {
    "euler": Tableau((0.0,), ((),), (1.0,)),
    "midpoint": Tableau((0.0, 0.5), ((), (0.5,)), (0.0, 1.0)),
    "heun": Tableau((0.0, 1.0), ((), (1.0,)), (0.5, 0.5)),
    "rk4": Tableau((0.0, 0.5, 0.5, 1.0), ((), (0.5,), (0.0, 0.5), (0.0, 0.0, 1.0)), (1 / 6, 1 / 3, 1 / 3, 1 / 6)),
}
DORMAND_PRINCE = Tableau(
    (0.0, 1 / 5, 3 / 10, 4 / 5, 8 / 9, 1.0),
    (
        (),
        (1 / 5,),
        (3 / 40, 9 / 40),
        (44 / 45, -56 / 15, 32 / 9),
        (19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729),
        (9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656),
    ),
    (35 / 384, 0.0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84),
)
ERROR = (71 / 57600, 0.0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40)
"""Order 5 minus order 4, as weights of the six slopes and of the slope at the end."""
BETWEEN = (
    (1.0, -8048581381 / 2820520608, 8663915743 / 2820520608, -12715105075 / 11282082432),
    (0.0, 0.0, 0.0, 0.0),
    (0.0, 131558114200 / 32700410799, -68118460800 / 10900136933, 87487479700 / 32700410799),
    (0.0, -1754552775 / 470086768, 14199869525 / 1410260304, -10690763975 / 1880347072),
    (0.0, 127303824393 / 49829197408, -318862633887 / 49829197408, 701980252875 / 199316789632),
    (0.0, -282668133 / 205662961, 2019193451 / 616988883, -1453857185 / 822651844),
    (0.0, 40617522 / 29380423, -110615467 / 29380423, 69997945 / 29380423),
)
"""Powers 1 to 4 of the share of a step, as weights of the seven slopes: Shampine 1986, order 4."""
SAFETY, SHRINK, GROW = 0.9, 0.2, 10.0


def solve(f: Velocity, x: Tensor, times: Sequence[float], method: str = "euler") -> Iterator[Reached]:
    """Walk from x (n, ...) at times[0] over a grid of times that rises or falls, and yield each of its points.

    Raises SpecError for an unknown method or times that turn back.
    """
    if method not in TABLEAUX:
        raise SpecError("sampler", f"the solver is {method!r}; expected one of: {', '.join(TABLEAUX)}")
    for station in stations(f, x, times, method):
        yield Reached(*station[:4])


def adaptive(
    f: Velocity,
    x: Tensor,
    t0: float,
    t1: float,
    rtol: float = 1e-4,
    atol: float = 1e-4,
    control: Control = "pi",
) -> Iterator[Reached]:
    """Walk from x (n, ...) at t0 to t1 in steps as long as the tolerance allows, and yield each that is accepted.

    One step size serves the whole batch: the example that errs most decides. An error of atol + rtol |x| is allowed in
    each number (root mean square over an example). `control` sets the next step by this error alone (plain) or by its
    trend too (pi: Gustafsson 1991), which rejects fewer. Each step waits for one number from the device.
    """
    yield Reached(0, t0, x, 0)
    for number, leap in enumerate(_leaps(f, x, t0, t1, rtol, atol, control), 1):
        yield Reached(number, leap.t + leap.h, leap.end, leap.evaluations)


def stations(
    f: Velocity, x: Tensor, times: Sequence[float], method: str, rtol: float = 1e-4, atol: float = 1e-4
) -> Iterator[Station]:
    """Walk over a grid of times by any method, and yield each of its points with the slope there.

    "adaptive" takes its own steps and is read off between them by a polynomial of order 4; it ends exactly.
    """
    checked(times)
    if method not in METHODS:
        raise SpecError("sampler", f"the solver is {method!r}; expected one of: {', '.join(METHODS)}")
    if len(times) == 1:
        yield Station(0, times[0], x, 0, f(x, times[0]), 0.0)
        return
    if method == "adaptive":
        yield from _read_off(f, x, times, rtol, atol)
        return
    tableau, evaluations = TABLEAUX[method], 0
    slope = x
    for number, (t, after) in enumerate(pairwise(times)):
        slope = f(x, t)
        yield Station(number, t, x, evaluations, slope, 0.0)
        x, slopes = _step(tableau, f, x, t, after - t, slope)
        evaluations += len(slopes)
        slope = slopes[-1]
    yield Station(len(times) - 1, times[-1], x, evaluations, slope, 0.0)


def checked(times: Sequence[float]) -> None:
    """Raise SpecError unless times rise all the way or fall all the way."""
    if not times or not all(math.isfinite(t) for t in times):
        raise SpecError("times", f"the times are {tuple(times)}; expected at least one, all finite")
    rises = [b > a for a, b in pairwise(times)]
    falls = [b < a for a, b in pairwise(times)]
    if not (all(rises) or all(falls)):
        turn = next(k for k, (up, down) in enumerate(zip(rises, falls)) if not (up if rises[0] else down))
        found = f"time {turn + 1} is {times[turn + 1]:g} after {times[turn]:g}"
        raise SpecError("times", f"{found}; expected times that only rise or only fall: sort them, each once")


def log_prob_by_ode(
    f: Velocity,
    x: Tensor,
    t0: float,
    t1: float,
    log_base: Callable[[Tensor], Tensor],
    divergence: divergence_trace.Divergence = divergence_trace.exact,
    method: str = "rk4",
    steps: int = 32,
    rtol: float = 1e-5,
    atol: float = 1e-5,
) -> Tensor:
    """ln p(x) of points at t0 that f carries to t1, where the density is known: (n,), in nats.

        ln p_{t0}(x) = ln p_{t1}(x(t1)) + integral from t0 to t1 of div f(x(t), t) dt           Chen et al. 2018, eq. 8

    `log_base` says ln p_{t1} of (n, ...). `divergence` gives f and its divergence together; see `divergence_trace`.
    Fixed methods take `steps` equal steps, "adaptive" the steps that its tolerances ask for.
    """
    shape, size = x.shape, x[0].numel()

    def both(state: Tensor, t: float) -> Tensor:
        velocity, trace = divergence(f, state[:, :size].reshape(shape), t)
        return torch.cat([velocity.flatten(1), trace[:, None]], 1)

    state = torch.cat([x.flatten(1), x.new_zeros(len(x), 1)], 1)
    if method == "adaptive":
        *_, last = adaptive(both, state, t0, t1, rtol, atol)
    else:
        *_, last = solve(both, state, evenly(t0, t1, steps), method)
    return log_base(last.x[:, :size].reshape(shape)) + last.x[:, size]


def evenly(t0: float, t1: float, steps: int) -> tuple[float, ...]:
    """`steps` equal steps from t0 to t1, both ends exact."""
    return (*(t0 + (t1 - t0) * (k / steps) for k in range(steps)), t1)


# ---- one step


def _step(tableau: Tableau, f: Velocity, x: Tensor, t: float, h: float, first: Tensor) -> tuple[Tensor, list[Tensor]]:
    """One step of an explicit method whose first slope is known: where it leads, and all slopes."""
    slopes = [first]
    for c, weights in zip(tableau.c[1:], tableau.a[1:]):
        slopes.append(f(_moved(x, h, weights, slopes), t + c * h))
    return _moved(x, h, tableau.b, slopes), slopes


def _moved(x: Tensor, h: float, weights: Sequence[float], slopes: Sequence[Tensor]) -> Tensor:
    """x + h sum of weights times slopes."""
    for weight, slope in zip(weights, slopes):
        if weight:
            x = x + (h * weight) * slope
    return x


@dataclass(frozen=True)
class _Leap:
    """An accepted step of Dormand-Prince from x at t to `end` at t + h, with its seven slopes."""

    t: float
    h: float
    x: Tensor
    end: Tensor
    slopes: Sequence[Tensor]
    evaluations: int

    def at(self, t: float) -> tuple[Tensor, Tensor]:
        """Point and slope at a time within the step."""
        share = (t - self.t) / self.h
        powers = [sum(w * share**k for k, w in enumerate(row, 1)) for row in BETWEEN]
        slopes = [sum(k * w * share ** (k - 1) for k, w in enumerate(row, 1)) for row in BETWEEN]
        return _moved(self.x, self.h, powers, self.slopes), _moved(torch.zeros_like(self.x), 1.0, slopes, self.slopes)


def _leaps(
    f: Velocity, x: Tensor, t0: float, t1: float, rtol: float, atol: float, control: Control
) -> Iterator[_Leap]:
    """The accepted steps from t0 to t1; the last ends at t1 exactly."""
    checked((t0, t1))
    rtol = max(rtol, 100.0 * torch.finfo(x.dtype).eps)  # below it, rounding would pass for an error of the method
    towards = math.copysign(1.0, t1 - t0)
    t, slope = t0, f(x, t0)
    h = _first_step(f, x, t0, t1, slope, rtol, atol)
    evaluations, before, rejected = 2, 1.0, False
    while (t1 - t) * towards > 0.0:
        least = 16.0 * math.ulp(max(abs(t), abs(t1)))
        if not h >= least:
            raise SpecError(
                "sampler",
                f"the adaptive solver cannot meet its tolerance at t = {t:.3g}, where its step fell to {h:.1g}; "
                "choose a larger tolerance or a sampler with fixed steps",
            )
        last = h >= (t1 - t) * towards - least
        step = t1 - t if last else h * towards
        end, slopes = _step(DORMAND_PRINCE, f, x, t, step, slope)
        slopes.append(f(end, t + step))
        evaluations += 6
        error = _norm(_moved(torch.zeros_like(x), step, ERROR, slopes), x, end, rtol, atol)
        if error <= 1.0:
            yield _Leap(t, step, x, end, slopes, evaluations)
            factor = _factor(error, before, control)
            h = abs(step) * (min(factor, 1.0) if rejected else factor)
            t, x, slope = (t1 if last else t + step), end, slopes[-1]
            before, rejected = max(error, 1e-4), False
        else:  # also where the error is not a number, until the step is too small
            h = abs(step) * (max(SHRINK, SAFETY * error**-0.2) if math.isfinite(error) else SHRINK)
            rejected = True


def _factor(error: float, before: float, control: Control) -> float:
    """By how much the next step may be longer. Plain: error^-1/5; pi: error^-0.17 before^0.04, as DOPRI5 has it."""
    if error == 0.0:
        return GROW
    wish = math.pow(error, -0.2) if control == "plain" else math.pow(error, -0.17) * math.pow(before, 0.04)
    return min(GROW, max(SHRINK, SAFETY * wish))


def _norm(error: Tensor, x: Tensor, end: Tensor, rtol: float, atol: float) -> float:
    """Error in units of what is allowed: root mean square over an example, largest over the batch."""
    allowed = atol + rtol * torch.maximum(x.abs(), end.abs())
    return float((error / allowed).flatten(1).square().mean(1).max().sqrt())


def _first_step(f: Velocity, x: Tensor, t0: float, t1: float, slope: Tensor, rtol: float, atol: float) -> float:
    """A first step by the size of x, of its slope and of the change of its slope. HNW II.4, "starting step size"."""
    still = torch.zeros_like(x)
    size, speed = _norm(x, x, still, rtol, atol), _norm(slope, x, still, rtol, atol)
    if not math.isfinite(speed):
        return 1e-6  # the first step will say what is wrong
    h = 0.01 * size / speed if min(size, speed) >= 1e-5 else 1e-6
    h = min(h, abs(t1 - t0))
    towards = math.copysign(h, t1 - t0)
    turn = _norm(f(x + towards * slope, t0 + towards) - slope, x, still, rtol, atol) / h
    most = max(speed, turn)
    longer = max(1e-6, h * 1e-3) if most <= 1e-15 else (0.01 / most) ** 0.2
    return min(100.0 * h, longer, abs(t1 - t0)) if math.isfinite(most) else h


def _read_off(f: Velocity, x: Tensor, times: Sequence[float], rtol: float, atol: float) -> Iterator[Station]:
    """The points of a grid within the steps of the adaptive solver; the first and the last are its own."""
    towards = math.copysign(1.0, times[-1] - times[0])
    number, leap = 0, None
    for leap in _leaps(f, x, times[0], times[-1], rtol, atol, "pi"):
        while number < len(times) - 1 and (leap.t + leap.h - times[number]) * towards > 0.0:
            point, slope = leap.at(times[number]) if number else (x, leap.slopes[0])
            yield Station(number, times[number], point, leap.evaluations if number else 0, slope, leap.h)
            number += 1
    assert leap is not None
    for late in range(number, len(times)):
        yield Station(late, times[late], leap.end, leap.evaluations, leap.slopes[-1], leap.h)
