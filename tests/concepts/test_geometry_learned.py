"""The shipped arrays of trained autoencoders: small, safe, true to what they claim, and read back rightly."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.interpolate import RegularGridInterpolator

from gm_core.concepts import geometry_learned as concept
from gm_core.concepts.geometry import law_of, spread_points
from gm_core.concepts.geometry_shapes import BOX, SHAPES, Shape, between, exact_of, grid, shipped
from gm_core.resources import resource
from tests.concepts.answering import answer

KINDS = ("denoising", "contractive", "bottleneck")


def test_the_arrays_are_small_plain_and_finite() -> None:
    files = [resource("concepts", f"geometry-{kind}.npz") for kind in KINDS]
    assert sum(path.stat().st_size for path in files) < 300_000
    for kind in KINDS:
        assert all(np.isfinite(array).all() for array in shipped(kind).values())
        assert tuple(shipped(kind)["box"]) == BOX and len(shipped(kind)["field"]) == len(SHAPES)


def test_values_between_the_points_of_the_grid_are_those_of_scipy() -> None:
    field = shipped("denoising")["field"][0, 1]
    line = np.linspace(BOX[0], BOX[1], len(field))
    theirs = RegularGridInterpolator((line, line), field)
    at = np.random.default_rng(0).uniform(-2.2, 2.2, (500, 2))
    assert np.allclose(between(field, at), theirs(at[:, ::-1]))
    points = grid(len(field)).double().numpy()
    assert np.allclose(between(field, points), field.reshape(-1, 2), atol=1e-5)  # the points are float32
    assert np.array_equal(between(field, np.array([[9.0, -9.0]])), between(field, np.array([[2.2, -2.2]])))


@pytest.mark.parametrize("shape", SHAPES)
def test_what_a_denoiser_missed_is_measured_on_spoilt_data(shape: Shape) -> None:
    import torch

    arrays, at = shipped("denoising"), SHAPES.index(shape)
    for level, sigma in enumerate(arrays["strengths"]):
        law = law_of(shape, float(sigma))
        x = law.sample(20_000, torch.Generator().manual_seed(3)).double()
        x = x[(x.abs() < BOX[1]).all(1)]  # the shipped field ends there
        best = (sigma**2 * law.score(x)).numpy()
        squared = np.square(between(arrays["field"][at, level], x.numpy()) - best).sum()
        frame = answer(concept.LearnedQuery(0, shape, level + 1))
        # Between the points of the grid the shipped field is a little blunter than the network was.
        assert squared / np.square(best).sum() == pytest.approx(frame.numbers["missed"], rel=0.25, abs=0.003)


def test_with_more_noise_there_is_less_that_the_denoiser_missed() -> None:
    for shape in SHAPES:
        missed = shipped("denoising")["missed"][SHAPES.index(shape)]
        assert missed[-1] < 0.01 and missed.max() < 0.2 and missed[0] > missed[-1]


def test_the_learned_and_the_best_way_begin_at_the_point_and_agree_where_data_are() -> None:
    frame = answer(concept.LearnedQuery(0, "circle", 3, (0.9, 0.3)))
    assert isinstance(frame, concept.LearnedFrame)
    assert np.array_equal(frame.way[0], frame.best_way[0])
    assert np.allclose(frame.way[1], frame.best_way[1], atol=0.1)
    n = frame.numbers
    assert n["gap"] == pytest.approx(np.hypot(n["learned_1"] - n["best_1"], n["learned_2"] - n["best_2"]))
    assert np.hypot(n["best_1"], n["best_2"]) > n["gap"]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("level", [1, 4, 6])
def test_the_singular_values_of_the_whole_map_are_those_of_its_shipped_field(shape: Shape, level: int) -> None:
    frame = answer(concept.ContractiveQuery(0, shape, level))
    field, x, h = shipped("contractive")["field"][SHAPES.index(shape), level - 1], concept._examples(shape)[:400], 0.05
    sides = [(between(field, x + h * axis) - between(field, x - h * axis)) / (2 * h) + axis for axis in np.eye(2)]
    values = np.linalg.svd(np.stack(sides, -1), compute_uv=False).mean(0)
    assert (frame.numbers["whole_along"], frame.numbers["whole_across"]) == pytest.approx(values, abs=0.12)


def test_the_penalty_lets_go_of_what_lies_across_the_data() -> None:
    frame = answer(concept.ContractiveQuery(0, "circle", 4))
    assert isinstance(frame, concept.ContractiveFrame)
    encoder, whole = frame.encoder, frame.whole
    assert (np.diff(encoder[:, 0]) < 0).all() and (np.diff(encoder[:, 1]) < 0).all()
    assert (encoder[3:, 1] < 0.3 * encoder[3:, 0]).all() and encoder[0, 1] > 0.7 * encoder[0, 0]
    assert np.allclose(whole[:, 0], 1.0, atol=0.05) and (whole[3:, 1] < 0.2).all()
    off = np.abs(np.linalg.norm(frame.rest, axis=1) - 1.2)
    assert np.median(off) < 0.03, "points gather on the circle"


@pytest.mark.parametrize("probe", [(1.2, 0.0), (0.0, -1.2), (-0.85, 0.85)])
def test_the_first_direction_on_the_circle_lies_along_it(probe: tuple[float, float]) -> None:
    n = answer(concept.ContractiveQuery(0, "circle", 4, probe)).numbers
    tangent = np.array([-probe[1], probe[0]]) / np.hypot(*probe)
    assert abs(tangent @ [np.cos(n["angle"]), np.sin(n["angle"])]) > 0.95
    assert n["squared"] == pytest.approx(n["along"] ** 2 + n["across"] ** 2)


@pytest.mark.parametrize("shape", SHAPES)
def test_one_number_gives_back_only_what_lies_on_its_curve(shape: Shape) -> None:
    frame = answer(concept.BottleneckQuery(0, shape))
    assert isinstance(frame, concept.BottleneckFrame)
    field = shipped("bottleneck")["field"][SHAPES.index(shape)]
    back = (grid(len(field)).double().numpy() + field.reshape(-1, 2)).reshape(*field.shape)
    inside = (frame.code_map > 0.002) & (frame.code_map < 0.998)
    apart = np.linalg.norm(back[inside][:, None] - frame.curve, axis=2)
    assert apart.min(1).max() < 0.05
    told = np.stack([np.interp(frame.code_map[inside], frame.codes, side) for side in frame.curve.T], 1)
    assert np.median(np.linalg.norm(told - back[inside], axis=1)) < 0.02
    assert frame.numbers["error"] >= frame.numbers["nearest"] - 0.03


def test_a_circle_is_cut_open_somewhere() -> None:
    frame = answer(concept.BottleneckQuery(0, "circle"))
    assert isinstance(frame, concept.BottleneckFrame)
    turn = np.linspace(0, 2 * np.pi, 200, endpoint=False)
    ring = 1.2 * np.column_stack((np.cos(turn), np.sin(turn)))
    codes = between(frame.code_map[..., None], ring)[:, 0]
    steps = np.abs(np.diff(np.append(codes, codes[0])))
    assert steps.max() > 0.1 and np.median(steps) < 0.02, "neighbours with codes far apart"
    assert frame.numbers["worst"] > 5 * frame.numbers["mean_error"]


def test_examples_are_of_the_shape_and_always_the_same() -> None:
    first, again = concept._examples("moons"), exact_of("moons").box
    assert first.shape == (concept.EXAMPLES, 2) and np.abs(first).max() < max(again)
    assert spread_points(3).shape == (9, 2)
