"""Paths between codes: exact ends, constant speed, and arcs that keep their distance from the origin."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor

from gm_core.maths.pacing import EASINGS, ease, film_order, moments
from gm_core.maths.paths import ClosedForm, norm_corrected, polyline, spherical, straight
from gm_core.spec import SpecError

NUMBERS = st.floats(-100.0, 100.0, allow_subnormal=False)
CODES = st.integers(2, 6).flatmap(lambda k: st.tuples(*[st.lists(NUMBERS, min_size=k, max_size=k) for _ in range(2)]))
TIMES = st.floats(0.0, 1.0)
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")  # the first call warms torch up; nothing here is about time


def code(values: list[float]) -> Tensor:
    """A code in float64."""
    return torch.tensor(values, dtype=torch.float64)


def at(t: float) -> Tensor:
    """A time, ready to be broadcast."""
    return torch.tensor([t], dtype=torch.float64)


@given(CODES)
def test_all_paths_begin_and_end_exactly(pair: tuple[list[float], list[float]]) -> None:
    a, b = map(code, pair)
    for path in (straight, spherical, norm_corrected):
        assert torch.equal(path(a, b, at(0.0)), a)
        assert torch.equal(path(a, b, at(1.0)), b)


@given(CODES, TIMES)
def test_on_the_arc_and_on_the_corrected_line_the_length_grows_evenly(
    pair: tuple[list[float], list[float]], t: float
) -> None:
    a, b = map(code, pair)
    assume(min(a.norm(), b.norm()) > 1e-3)
    expected = (1 - t) * float(a.norm()) + t * float(b.norm())
    for path in (spherical, norm_corrected):
        assert float(path(a, b, at(t)).norm()) == pytest.approx(expected, rel=1e-9)


@given(CODES, TIMES)
def test_the_corrected_line_points_where_the_straight_line_points(
    pair: tuple[list[float], list[float]], t: float
) -> None:
    a, b = map(code, pair)
    line = straight(a, b, at(t))
    assume(min(a.norm(), b.norm()) > 1e-3 and line.norm() > 1e-6 * max(a.norm(), b.norm()))
    assert _angle(norm_corrected(a, b, at(t)), line) < 1e-7


def test_between_opposite_codes_the_corrected_line_jumps_to_the_other_side_at_the_origin() -> None:
    a = code([3.0, 4.0])
    found = [norm_corrected(a, -a, at(t)) for t in (0.25, 0.5, 0.75)]
    for path, expected in zip(found, (a, a, -a), strict=True):
        torch.testing.assert_close(path, expected, rtol=0, atol=1e-12)


@given(CODES, TIMES)
def test_on_the_arc_the_direction_turns_evenly(pair: tuple[list[float], list[float]], t: float) -> None:
    a, b = map(code, pair)
    assume(min(a.norm(), b.norm()) > 1e-3)
    whole = _angle(a, b)
    assume(whole < math.pi - 1e-3)
    # Angles below 1e-6 are lost in the rounding of the codes themselves.
    assert _angle(a, spherical(a, b, at(t))) == pytest.approx(t * whole, abs=2e-6)


@given(CODES, TIMES)
def test_the_way_back_is_the_same_way(pair: tuple[list[float], list[float]], t: float) -> None:
    a, b = map(code, pair)
    assume(min(a.norm(), b.norm()) > 1e-3 and 1e-3 < _angle(a, b) < math.pi - 1e-3)
    there, back = spherical(a, b, at(t)), spherical(b, a, at(1.0 - t))
    torch.testing.assert_close(there, back, rtol=0, atol=1e-6 * float(a.norm() + b.norm()))


@given(st.lists(NUMBERS, min_size=2, max_size=6), st.floats(0.1, 10.0), TIMES)
def test_between_opposite_codes_the_arc_goes_round_the_origin(values: list[float], stretch: float, t: float) -> None:
    a = code(values)
    assume(a.norm() > 1e-3)
    b = -stretch * a
    expected = (1 - t) * float(a.norm()) + t * float(b.norm())
    assert float(spherical(a, b, at(t)).norm()) == pytest.approx(expected, rel=1e-9)


@given(st.lists(NUMBERS, min_size=2, max_size=6), st.floats(0.1, 10.0), TIMES)
def test_between_codes_of_one_direction_the_arc_is_the_straight_line(
    values: list[float], stretch: float, t: float
) -> None:
    a = code(values)
    assume(a.norm() > 1e-3)
    b = stretch * a
    torch.testing.assert_close(spherical(a, b, at(t)), straight(a, b, at(t)), rtol=1e-9, atol=1e-9)


def test_from_the_origin_and_in_one_dimension_only_the_straight_line_is_left() -> None:
    zero, b = code([0.0, 0.0]), code([3.0, 4.0])
    assert torch.equal(spherical(zero, b, at(0.5)), 0.5 * b)
    assert torch.equal(spherical(code([-2.0]), code([2.0]), at(0.25)), code([-1.0]))
    assert torch.equal(norm_corrected(zero, b, at(0.5)), 0.5 * b)
    assert torch.equal(norm_corrected(zero, zero, at(0.5)), zero)


def test_a_quarter_turn_in_three_steps() -> None:
    found = polyline(torch.tensor([[2.0, 0.0], [0.0, 2.0]], dtype=torch.float64), 3, "spherical")
    root = math.sqrt(2.0)
    torch.testing.assert_close(found, torch.tensor([[2.0, 0.0], [root, root], [0.0, 2.0]], dtype=torch.float64))


@given(st.integers(1, 5), st.integers(2, 40), st.sampled_from(["straight", "spherical", "norm-corrected"]))
def test_a_line_through_stops_keeps_its_ends_and_every_stop_it_meets(m: int, n: int, path: ClosedForm) -> None:
    stops = torch.randn(m, 3, generator=torch.Generator().manual_seed(m))
    line = polyline(stops, n, path)
    assert line.shape == (n, 3) and line.isfinite().all()
    assert torch.equal(line[0], stops[0]) and torch.equal(line[-1], stops[-1])
    if m > 1 and (n - 1) % (m - 1) == 0:
        assert torch.equal(line[:: (n - 1) // (m - 1)], stops)


def test_codes_on_a_straight_line_are_evenly_spaced() -> None:
    line = polyline(torch.tensor([[0.0], [1.0], [3.0]], dtype=torch.float64), 5)
    assert line.flatten().tolist() == [0.0, 0.5, 1.0, 2.0, 3.0]


@pytest.mark.parametrize(("shape", "n"), [((0, 2), 3), ((4,), 3), ((2, 2), 0)])
def test_stops_that_make_no_line_are_refused(shape: tuple[int, ...], n: int) -> None:
    with pytest.raises(SpecError, match=r"expected \(m, k\)"):
        polyline(torch.zeros(shape), n)


@pytest.mark.parametrize("easing", EASINGS)
def test_easing_begins_at_0_ends_at_1_and_never_goes_back(easing: str) -> None:
    come = [ease(i / 100, easing) for i in range(101)]  # type: ignore[arg-type]
    assert come[0] == 0.0 and come[-1] == 1.0
    assert all(before < after for before, after in pairwise(come))


def test_smooth_easing_is_slow_at_both_ends_and_the_others_at_one() -> None:
    first = {easing: ease(0.01, easing) for easing in EASINGS}
    last = {easing: 1.0 - ease(0.99, easing) for easing in EASINGS}
    assert first["linear"] == pytest.approx(0.01) and last["linear"] == pytest.approx(0.01)
    assert max(first["smooth"], last["smooth"], first["ease in"], last["ease out"]) < 0.0005
    assert min(first["ease out"], last["ease in"]) > 0.019
    assert ease(0.5, "smooth") == 0.5


@given(st.integers(1, 60), st.integers(1, 6), st.sampled_from(EASINGS))
def test_frames_stand_at_even_times_and_meet_the_stops_exactly(n: int, legs: int, easing: str) -> None:
    places = moments(n, legs, easing)  # type: ignore[arg-type]
    assert len(places) == n and places[0] == (0, 0.0)
    assert all(0 <= leg < legs and 0.0 <= part <= 1.0 for leg, part in places)
    assert all(before < after for before, after in pairwise(places))
    if n > 1:
        assert places[-1] == (legs - 1, 1.0)
        if (n - 1) % legs == 0:
            assert [places[i * (n - 1) // legs] for i in range(legs)] == [(leg, 0.0) for leg in range(legs)]


@given(st.integers(2, 60))
def test_no_frame_of_a_film_is_shown_twice_running_not_even_where_it_begins_again(n: int) -> None:
    there_and_back = film_order(n, "ping-pong")
    assert len(there_and_back) == 2 * n - 2 and set(there_and_back) == set(range(n))
    assert all(abs(a - b) == 1 for a, b in zip(there_and_back, there_and_back[1:] + there_and_back[:1], strict=True))
    # The last frame of a closed way shows what the first shows, so it is left out of the round.
    assert film_order(n, "loop") == list(range(n - 1))
    assert film_order(n) == list(range(n))


def test_a_film_of_one_frame_shows_it_once_in_any_order() -> None:
    assert film_order(1) == film_order(1, "loop") == film_order(1, "ping-pong") == [0]
    with pytest.raises(SpecError, match="expected at least 1"):
        film_order(0)


def _angle(a: Tensor, b: Tensor) -> float:
    u, v = a / a.norm(), b / b.norm()
    return 2.0 * math.atan2(float((u - v).norm()), float((u + v).norm()))
