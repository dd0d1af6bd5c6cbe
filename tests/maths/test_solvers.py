"""Solvers against closed forms, their own orders, and scipy's RK45; densities along an ODE against Gaussians."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp
from torch import Tensor
from torch.func import jacrev, vmap

from gm_core.maths import divergence_trace
from gm_core.maths.solvers import METHODS, TABLEAUX, adaptive, evenly, log_prob_by_ode, solve, stations
from gm_core.spec import SpecError

ORDERS = {"euler": 1, "midpoint": 2, "heun": 2, "rk4": 4}
START = torch.tensor([[2.0, 0.0]], dtype=torch.float64)


def van_der_pol(x: Tensor, t: float) -> Tensor:
    """A field that is lively here and lazy there, so that a good solver changes its step."""
    return torch.stack([x[:, 1], 3.0 * (1 - x[:, 0] ** 2) * x[:, 1] - x[:, 0]], 1)


def swirl(x: Tensor, t: float) -> Tensor:
    """A field on any number of axes that depends on all of them and on time."""
    return torch.sin(x + t * x.roll(1, -1)) * x.square().sum(-1, keepdim=True) + math.cos(t)


def seeded(*shape: int, seed: int = 0) -> Tensor:
    """Standard normal numbers in float64."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def end_of(method: str, steps: int, t0: float, t1: float, x: Tensor) -> Tensor:
    """Where a fixed method ends on x' = x cos t."""
    *_, last = solve(lambda x, t: x * math.cos(t), x, evenly(t0, t1, steps), method)
    return last.x


@pytest.mark.parametrize("method", TABLEAUX)
@pytest.mark.parametrize(("t0", "t1"), [(0.0, 1.5), (1.5, 0.0)])
def test_halving_the_step_divides_the_error_by_two_to_the_order_in_either_direction(
    method: str, t0: float, t1: float
) -> None:
    x = seeded(3, 2)
    truth = x * math.exp(math.sin(t1) - math.sin(t0))
    steps = (16, 32, 64)
    errors = [float((end_of(method, n, t0, t1, x) - truth).abs().max()) for n in steps]
    slope = np.polyfit(np.log2(steps), -np.log2(errors), 1)[0]
    assert slope == pytest.approx(ORDERS[method], abs=0.15)


@pytest.mark.parametrize("method", TABLEAUX)
def test_one_step_on_a_linear_field_is_the_taylor_polynomial_of_the_exponential(method: str) -> None:
    h, x = 0.37, seeded(4, 3)
    *_, last = solve(lambda x, t: -x, x, (0.0, h), method)
    polynomial = sum((-h) ** k / math.factorial(k) for k in range(ORDERS[method] + 1))
    torch.testing.assert_close(last.x, x * polynomial, rtol=1e-14, atol=1e-15)
    assert last.evaluations == len(TABLEAUX[method].c) and last.number == 1 and last.t == h


@pytest.mark.parametrize(("rtol", "atol"), [(1e-3, 1e-6), (1e-6, 1e-8), (1e-9, 1e-10)])
def test_with_plain_control_the_adaptive_solver_takes_the_very_steps_of_scipy(rtol: float, atol: float) -> None:
    theirs = solve_ivp(
        lambda t, y: van_der_pol(torch.from_numpy(y)[None], t)[0].numpy(), (0.0, 5.0), START[0], rtol=rtol, atol=atol
    )
    ours = list(adaptive(van_der_pol, START, 0.0, 5.0, rtol, atol, "plain"))
    assert ours[-1].evaluations == theirs.nfev and len(ours) == len(theirs.t)
    np.testing.assert_allclose([place.t for place in ours], theirs.t, rtol=1e-9)
    np.testing.assert_allclose(torch.cat([place.x for place in ours]).numpy(), theirs.y.T, atol=1e-9)


@pytest.mark.parametrize(("t0", "t1"), [(0.0, 5.0), (1.0, 0.0)])
def test_pi_control_meets_the_tolerance_in_either_direction_and_ends_exactly_there(t0: float, t1: float) -> None:
    fine = solve_ivp(
        lambda t, y: van_der_pol(torch.from_numpy(y)[None], t)[0].numpy(), (t0, t1), START[0], rtol=1e-12, atol=1e-13
    )
    places = list(adaptive(van_der_pol, START, t0, t1, 1e-6, 1e-8))
    assert places[0].t == t0 and places[-1].t == t1
    assert [place.number for place in places] == list(range(len(places)))
    np.testing.assert_allclose(places[-1].x[0].numpy(), fine.y[:, -1], atol=1e-4)
    loose = list(adaptive(van_der_pol, START, t0, t1, 1e-3, 1e-4))
    assert loose[-1].evaluations < places[-1].evaluations


def test_the_evaluations_that_are_counted_are_those_that_were_made() -> None:
    for method in METHODS:
        calls: list[float] = []

        def counted(x: Tensor, t: float, calls: list[float] = calls) -> Tensor:
            calls.append(t)
            return van_der_pol(x, t)

        *_, last = stations(counted, START, evenly(0.0, 2.0, 7), method)
        assert last.evaluations == len(calls)


def test_the_batch_shares_one_step_and_its_worst_example_decides_it() -> None:
    def shrinking(x: Tensor, t: float) -> Tensor:
        return -x * x.square().sum(1, keepdim=True)

    calm = torch.tensor([[1e-3, 0.0]], dtype=torch.float64)
    alone = list(adaptive(shrinking, START, 0.0, 1.0, 1e-6, 1e-8))
    crowd = list(adaptive(shrinking, torch.cat([calm] * 50 + [START]), 0.0, 1.0, 1e-6, 1e-8))
    # With the mean error of the batch as its norm, 50 calm companions would hide the wild one.
    assert [place.t for place in crowd] == pytest.approx([place.t for place in alone], abs=1e-12)
    torch.testing.assert_close(crowd[-1].x[-1:], alone[-1].x, rtol=0, atol=1e-12)


def test_the_adaptive_solver_is_read_off_at_any_time_as_scipy_reads_its_own() -> None:
    theirs = solve_ivp(
        lambda t, y: van_der_pol(torch.from_numpy(y)[None], t)[0].numpy(),
        (0.0, 5.0),
        START[0],
        rtol=1e-10,
        atol=1e-11,
        dense_output=True,
    )
    calls: list[float] = []
    times = evenly(0.0, 5.0, 40)
    found = list(stations(lambda x, t: (calls.append(t), van_der_pol(x, t))[1], START, times, "adaptive", 1e-7, 1e-9))  # type: ignore[func-returns-value]
    assert [station.t for station in found] == list(times)
    for station in found:
        np.testing.assert_allclose(station.x[0].numpy(), theirs.sol(station.t), atol=1e-5)
        torch.testing.assert_close(station.slope, van_der_pol(station.x, station.t), rtol=0, atol=1e-3)
    assert len(calls) == found[-1].evaluations, "looking at a time costs nothing"


@pytest.mark.parametrize("method", METHODS)
def test_the_slope_at_a_station_is_that_of_the_field_and_the_way_may_be_left_and_taken_up_again(method: str) -> None:
    x = seeded(5, 3).float()
    whole = list(stations(swirl, x, evenly(0.0, 0.5, 6), method, 1e-6, 1e-6))
    for station in whole[:-1]:
        torch.testing.assert_close(station.slope, swirl(station.x, station.t), rtol=1e-2, atol=1e-2)
    rest = list(stations(swirl, whole[3].x, evenly(0.0, 0.5, 6)[3:], method, 1e-6, 1e-6))
    torch.testing.assert_close(rest[-1].x, whole[-1].x, rtol=1e-3, atol=1e-4)
    (still,) = stations(swirl, x, (0.3,), method)
    assert torch.equal(still.x, x) and torch.equal(still.slope, swirl(x, 0.3))


def test_solvers_are_lazy_and_keep_the_type_of_their_points() -> None:
    calls: list[float] = []
    walk = solve(lambda x, t: (calls.append(t), -x)[1], torch.ones(2, 2), (0.0, 0.5, 1.0), "rk4")  # type: ignore[func-returns-value]
    assert calls == [] and next(walk).number == 0 and len(calls) == 1
    assert next(walk).x.dtype == torch.float32 and len(calls) == 5
    walk.close()  # type: ignore[attr-defined]
    assert list(adaptive(lambda x, t: -x, torch.ones(2, 2), 0.0, 1.0))[-1].x.dtype == torch.float32


def test_times_that_turn_back_and_unknown_methods_are_refused_in_one_sentence() -> None:
    x = torch.ones(1, 2)
    for times, words in (
        ((0.0, 0.5, 0.4), "time 2 is 0.4 after 0.5; expected times that only rise or only fall"),
        ((1.0, 0.5, 0.5), "time 2 is 0.5 after 0.5"),
        ((), "expected at least one"),
        ((0.0, math.nan), "all finite"),
    ):
        with pytest.raises(SpecError, match=words):
            list(solve(lambda x, t: -x, x, times))
    with pytest.raises(SpecError, match="expected one of: euler, midpoint, heun, rk4"):
        list(solve(lambda x, t: -x, x, (0.0, 1.0), "leapfrog"))


@pytest.mark.parametrize("broken", [math.nan, math.inf])
def test_a_field_without_numbers_ends_the_adaptive_solver_with_a_sentence(broken: float) -> None:
    with pytest.raises(SpecError, match=r"cannot meet its tolerance at t = 0.*larger tolerance"):
        list(adaptive(lambda x, t: x * broken, torch.ones(1, 2), 0.0, 1.0))


# ---- divergence


@pytest.mark.parametrize("d", [1, 2, 5])
def test_the_exact_divergence_is_the_trace_of_the_jacobian_even_where_gradients_are_off(d: int) -> None:
    x = seeded(7, d)
    with torch.no_grad():
        velocity, found = divergence_trace.exact(swirl, x, 0.3)
    jacobian = vmap(jacrev(lambda one: swirl(one[None], 0.3)[0]))(x)
    torch.testing.assert_close(found, jacobian.diagonal(dim1=1, dim2=2).sum(-1), rtol=1e-12, atol=1e-12)
    assert torch.equal(velocity, swirl(x, 0.3)) and not found.requires_grad and not velocity.requires_grad


def test_probes_of_signs_estimate_the_divergence_without_bias() -> None:
    x = seeded(4, 6)
    probes = divergence_trace.signs(x, 2000, torch.Generator().manual_seed(1))
    assert set(probes.unique().tolist()) == {-1.0, 1.0}
    with torch.no_grad():
        _, exact = divergence_trace.exact(swirl, x, 0.3)
        each = torch.stack([divergence_trace.by_probes(one[None])(swirl, x, 0.3)[1] for one in probes])
        _, mean = divergence_trace.by_probes(probes)(swirl, x, 0.3)
    torch.testing.assert_close(mean, each.mean(0), rtol=1e-10, atol=1e-10)
    error = each.std(0) / math.sqrt(len(probes))
    assert ((mean - exact).abs() < 4 * error).all(), "four standard errors"


def test_a_field_that_is_the_same_everywhere_has_no_divergence() -> None:
    x = seeded(3, 2)
    for divergence in (divergence_trace.exact, divergence_trace.by_probes(torch.ones(1, 3, 2, dtype=torch.float64))):
        _, found = divergence(lambda x, t: torch.ones_like(x), x, 0.0)
        assert torch.equal(found, torch.zeros(3, dtype=torch.float64))


# ---- density along the way


@pytest.mark.parametrize("method", ["rk4", "adaptive"])
def test_a_density_carried_by_a_linear_field_is_the_gaussian_that_it_must_be(method: str) -> None:
    """x' = A x from N(0, I) at t = 0 gives N(0, e^A e^A') at t = 1."""
    field = seeded(3, 3, seed=4) / 2
    x = seeded(6, 3, seed=5)
    nought, grown = torch.zeros(3, dtype=torch.float64), torch.linalg.matrix_exp(field)
    base = torch.distributions.MultivariateNormal(nought, torch.eye(3, dtype=torch.float64))
    truth = torch.distributions.MultivariateNormal(nought, grown @ grown.T).log_prob(x)
    with torch.no_grad():
        found = log_prob_by_ode(
            lambda x, t: x @ field.T, x, 1.0, 0.0, base.log_prob, method=method, steps=64, rtol=1e-9, atol=1e-9
        )
    torch.testing.assert_close(found, truth, rtol=0, atol=1e-6)
