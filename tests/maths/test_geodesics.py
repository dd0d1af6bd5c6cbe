"""Geodesics of decoders whose geometry is known: planes, spheres, bent sheets; and the laws of all of them."""

from __future__ import annotations

import gc
import math
import weakref
from collections.abc import Callable
from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn

from gm_core.maths.geodesics import Curve, between, energy, even_times, geodesic, jacobians, steps
from gm_core.maths.paths import polyline
from gm_core.spec import SpecError

Decode = Callable[[Tensor], Tensor]
N = 24


def seeded(seed: int) -> torch.Generator:
    """A generator on the CPU."""
    return torch.Generator().manual_seed(seed)


def codes(n: int, k: int, seed: int = 0) -> Tensor:
    """Codes from a standard normal, in float64."""
    return torch.randn(n, k, generator=seeded(seed), dtype=torch.float64)


def globe(angles: Tensor) -> Tensor:
    """Polar and azimuthal angle as a point of the unit sphere: its geodesics are great circles."""
    polar, turn = angles.unbind(-1)
    return torch.stack([polar.sin() * turn.cos(), polar.sin() * turn.sin(), polar.cos()], -1)


def sheet(z: Tensor) -> Tensor:
    """A sheet bent along a parabola, (x, x^2, y): rolled flat, its geodesics are straight lines."""
    return torch.stack([z[:, 0], z[:, 0].square(), z[:, 1]], -1)


def network(k: int = 5, seed: int = 3, dtype: torch.dtype = torch.float64) -> Decode:
    """A small decoder with random weights, made of pictures (1, 6, 6)."""
    first, second = 0.5 * codes(k, 30, seed).to(dtype), 0.3 * codes(30, 36, seed + 1).to(dtype)
    return lambda z: torch.sigmoid(torch.tanh(z @ first) @ second).reshape(-1, 1, 6, 6)


def curves(decode: Decode, stops: Tensor, n: int = N, **options: float) -> list[Curve]:
    """All curves on the way from the straight line to the geodesic."""
    line = polyline(stops, n)
    return [c for c in geodesic(decode, line, len(stops) - 1, **options) if c is not None]  # type: ignore[arg-type]


def test_the_geodesic_of_a_linear_decoder_is_the_straight_line() -> None:
    weights = codes(6, 40, 1)
    stops = codes(2, 6)
    found = curves(lambda z: z @ weights, stops)[-1]
    torch.testing.assert_close(found.z, polyline(stops, N), rtol=0, atol=1e-8)


@pytest.mark.parametrize(("a", "b"), [((0.5, 0.2), (1.0, 2.5)), ((0.3, 0.0), (1.4, 1.9)), ((1.2, -1.0), (1.2, 1.0))])
def test_on_a_sphere_the_geodesic_is_the_great_circle(a: tuple[float, float], b: tuple[float, float]) -> None:
    stops = torch.tensor([a, b], dtype=torch.float64)
    found = curves(globe, stops, iterations=100, tolerance=1e-12)[-1]
    ends = globe(stops)
    angle = math.acos(float((ends[0] * ends[1]).sum()))
    # N - 1 equal chords of an arc, not the arc itself: this is exact.
    assert found.length == pytest.approx(2 * (N - 1) * math.sin(angle / (2 * (N - 1))), rel=1e-9)
    across = torch.linalg.cross(ends[0], ends[1])
    assert float((found.x @ across).abs().max()) < 1e-5, "every point lies in the plane of the great circle"


def test_on_a_bent_sheet_the_geodesic_is_the_straight_line_of_the_flat_sheet() -> None:
    stops = torch.tensor([[-1.0, 0.0], [1.5, 2.0]], dtype=torch.float64)
    found = curves(sheet, stops, n=200, iterations=200, tolerance=1e-12)[-1]

    def rolled(x: float) -> float:
        """The length of the parabola from 0 to x."""
        return 0.5 * x * math.sqrt(1 + 4 * x * x) + 0.25 * math.asinh(2 * x)

    exact = math.hypot(rolled(1.5) - rolled(-1.0), 2.0)
    # 199 chords: second order in the number of pieces, 2e-5 of the length here.
    assert found.length == pytest.approx(exact, rel=1e-4)
    assert found.length < float(steps(sheet(polyline(stops, 200))).sum()) - 0.03
    middle = found.z[100]
    share = (rolled(float(middle[0])) - rolled(-1.0)) / (rolled(1.5) - rolled(-1.0))
    assert float(middle[1]) == pytest.approx(2.0 * share, abs=1e-3)


@pytest.mark.parametrize("seed", range(4))
def test_the_energy_never_rises_and_the_geodesic_is_no_longer_than_the_straight_line(seed: int) -> None:
    decode = network(seed=seed)
    found = curves(decode, 1.5 * codes(2, 5, seed))
    assert len(found) > 2 and found[-1].done and not any(c.done for c in found[:-1])
    assert all(after.energy <= before.energy for before, after in pairwise(found))
    assert found[-1].length < found[0].length
    for curve in found:
        assert curve.energy == pytest.approx(float(energy(decode(curve.z))), rel=1e-12)
        assert curve.energy >= curve.length**2 * (1 - 1e-12), "energy is length squared at constant speed, else more"


def test_along_a_geodesic_the_speed_is_constant() -> None:
    stops = 1.5 * codes(2, 5, 7)
    first, *_, last = curves(network(seed=7), stops, iterations=60, tolerance=1e-9)
    spread = [float(steps(c.x).std() / steps(c.x).mean()) for c in (first, last)]
    assert spread[0] > 0.1
    assert spread[1] < 0.02  # chords, not arcs: the discrete speed is constant up to the curvature of a piece


def test_ends_and_stops_are_kept_bit_by_bit_in_single_precision_too() -> None:
    stops = codes(4, 5, 11).float()
    found = curves(network(dtype=torch.float32), stops, n=3 * 8 + 1)
    for curve in found:
        assert curve.z.dtype == torch.float32
        assert torch.equal(curve.z[::8], stops)
    assert found[-1].energy < 0.99 * found[0].energy


def test_each_leg_between_stops_is_a_geodesic_of_its_own() -> None:
    stops, decode = codes(3, 5, 5), network(seed=5)
    whole = curves(decode, stops, n=21, iterations=60, tolerance=1e-10)[-1]
    for leg in range(2):
        alone = curves(decode, stops[leg : leg + 2], n=11, iterations=60, tolerance=1e-10)[-1]
        torch.testing.assert_close(whole.z[10 * leg : 10 * leg + 11], alone.z, rtol=0, atol=1e-4)


def test_along_axes_that_change_nothing_the_curve_stays_straight() -> None:
    decode, stops = network(k=3, seed=2), codes(2, 5, 4)
    found = curves(lambda z: decode(z[:, :3]), stops)[-1]
    torch.testing.assert_close(found.z[:, 3:], polyline(stops, N)[:, 3:], rtol=0, atol=1e-12)
    assert float((found.z[:, :3] - polyline(stops, N)[:, :3]).abs().max()) > 1e-2


def test_a_decoder_that_says_always_the_same_leaves_the_straight_line() -> None:
    stops = codes(2, 3)
    (*_, last) = curves(lambda z: 0.0 * z, stops)
    assert last.done and last.energy == 0.0 and torch.equal(last.z, polyline(stops, N))


def test_the_same_ends_give_the_same_curve() -> None:
    first, second = (curves(network(dtype=torch.float32), codes(2, 5).float())[-1] for _ in range(2))
    assert torch.equal(first.z, second.z) and first.energy == second.energy


def test_the_jacobian_is_that_of_another_mode_and_is_found_in_portions() -> None:
    decode, z = network(), codes(40, 5)
    found = list(jacobians(decode, z))
    assert [len(part) for part in found] == [25, 15], "128 rows at a time"
    expected = torch.func.vmap(torch.func.jacrev(lambda code: decode(code[None]).flatten()))(z)
    torch.testing.assert_close(torch.cat(found).mT, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("legs", [1, 2])
def test_the_first_step_is_that_of_gauss_and_newton_on_the_whole_sum_of_squares(legs: int) -> None:
    decode, line = network(k=3, seed=1), polyline(codes(legs + 1, 3, 6), legs * 4 + 1)
    free = [i for i in range(len(line)) if i % 4]

    def residuals(inner: Tensor) -> Tensor:
        """All differences of neighbours, of which the energy is the sum of squares."""
        z = line.clone().index_put((torch.tensor(free),), inner)
        return (decode(z)[1:] - decode(z)[:-1]).flatten()

    jacobian = torch.func.jacrev(residuals)(line[free]).flatten(1)  # type: ignore[union-attr]
    normal, fall = jacobian.T @ jacobian, -jacobian.T @ residuals(line[free])
    scale = normal.diagonal().mean()
    eye = torch.eye(len(normal), dtype=normal.dtype)
    search = (c for c in geodesic(decode, line, legs, iterations=1) if c is not None)
    first, second = search
    moved = second.z[free] - first.z[free]
    # The damping is raised tenfold until a step lowers the energy, so one of these it must be.
    steps_ = [torch.linalg.solve(normal + 1e-3 * 10**i * scale * eye, fall).reshape(-1, 3) for i in range(6)]
    assert min(float((moved - step).abs().max()) for step in steps_) < 1e-9


def test_a_decoder_that_rounds_leaves_the_straight_line() -> None:
    stops = 3.0 * codes(2, 3)
    (*_, last) = curves(lambda z: z.detach().round(), stops)
    assert last.done and torch.equal(last.z, polyline(stops, N))


def test_closing_the_search_midway_leaks_nothing() -> None:
    weights = nn.Linear(4, 9)
    search = geodesic(lambda z: torch.tanh(weights(z)), codes(N, 4).float())
    with torch.no_grad():
        held = [weakref.ref(c.z) for c in (next(search) for _ in range(9)) if c is not None]
    assert len(held) >= 2
    search.close()
    del search
    gc.collect()
    assert all(reference() is None for reference in held)
    assert all(parameter.grad is None for parameter in weights.parameters())


def test_a_curve_that_does_not_divide_into_its_legs_is_refused() -> None:
    with pytest.raises(SpecError, match=r"expected \(S \* 2 \+ 1, k\)"):
        next(geodesic(globe, torch.zeros(6, 2), legs=2))


def test_walked_at_the_times_of_even_length_any_way_has_constant_speed() -> None:
    stops, decode = 1.5 * codes(2, 5, 7), network(seed=7)
    fine = polyline(stops, 401)
    wanted = torch.linspace(0, 1, N, dtype=torch.float64)
    times = even_times(steps(decode(fine)), wanted)
    assert times[0] == 0.0 and times[-1] == 1.0 and bool((times[1:] > times[:-1]).all())
    moved = steps(decode(between(fine, torch.zeros(N, dtype=torch.int64), times)))
    assert float(moved.std() / moved.mean()) < 0.02
    assert float(steps(decode(polyline(stops, N))).std() / moved.mean()) > 0.1
    assert torch.equal(even_times(torch.zeros(5), wanted), wanted), "a curve that stands still is walked evenly"


def test_between_the_nodes_of_a_curve_it_is_straight_and_at_them_it_is_exact() -> None:
    nodes = codes(9, 3)
    leg = torch.tensor([0, 0, 0, 1, 1])
    t = torch.tensor([0.0, 0.25, 0.375, 0.0, 1.0], dtype=torch.float64)
    found = between(nodes, leg, t, legs=2)
    assert torch.equal(found[[0, 1, 3, 4]], nodes[[0, 1, 4, 8]])
    torch.testing.assert_close(found[2], 0.5 * (nodes[1] + nodes[2]))
