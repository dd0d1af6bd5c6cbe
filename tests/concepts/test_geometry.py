"""The best denoiser against sums over the data, and the bent circle against scipy and quadrature."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import integrate, special, stats

from gm_core.concepts import geometry as concept
from gm_core.concepts.geometry_shapes import NOISE, RADIUS, SHAPES, Shape, exact_of
from tests.concepts.answering import answer


def denoiser(shape: Shape, sigma: float, probe: tuple[float, float], steps: int = 10) -> concept.DenoiserFrame:
    frame = answer(concept.DenoiserQuery(0, shape, sigma, probe, steps))
    assert isinstance(frame, concept.DenoiserFrame)
    return frame


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("sigma", "probe"), [(0.15, (0.9, 0.5)), (0.4, (-1.4, -0.6)), (1.2, (0.3, 1.8))])
def test_the_best_denoiser_is_the_mean_of_what_could_have_been(
    shape: Shape, sigma: float, probe: tuple[float, float]
) -> None:
    line = np.arange(-2.2, 2.2, 0.0125)  # a quarter of the data's own width
    clean = np.stack(np.meshgrid(line, line), -1).reshape(-1, 2)
    density = exact_of(shape).log_prob(torch.from_numpy(clean)).exp().numpy()
    weight = density * np.exp(-0.5 * np.square(clean - probe).sum(1) / sigma**2)
    mean, frame = weight @ clean / weight.sum(), denoiser(shape, sigma, probe)
    assert (frame.numbers["r_1"], frame.numbers["r_2"]) == pytest.approx(mean, abs=1e-5)
    whole = weight.sum() * 0.0125**2 / (2 * np.pi * sigma**2)
    assert frame.numbers["energy"] == pytest.approx(-np.log(whole), abs=1e-5)


@pytest.mark.parametrize("shape", SHAPES)
def test_every_step_goes_uphill_and_ends_where_nothing_moves(shape: Shape) -> None:
    frame = denoiser(shape, 0.3, (-1.9, 1.7), concept.STEPS)
    assert (np.diff(frame.energy) < 1e-12).all()
    lengths = np.linalg.norm(np.diff(frame.way, axis=0), axis=1)
    assert lengths[-1] < 0.05 * lengths[0] and frame.numbers["after"] == frame.energy[-1]


def test_the_slope_of_the_cut_is_minus_the_score() -> None:
    frame = denoiser("moons", 0.3, (0.55, 0.2))
    slope = np.gradient(frame.cut, frame.line)
    assert np.interp(0.55, frame.line, slope) == pytest.approx(-frame.numbers["score_1"], abs=2e-3)


def test_arrows_are_the_moves_of_their_places() -> None:
    frame = denoiser("circle", 0.25, (0.1, 0.1))
    at = denoiser("circle", 0.25, (float(frame.points[40, 0]), float(frame.points[40, 1])))
    assert np.allclose(frame.points[40] + frame.moves[40], at.way[1])
    assert np.allclose(frame.ways[:, 0], concept.spread_points(concept.STARTS, 0.92).numpy())


@pytest.mark.parametrize("sigma", [0.05, 0.3, 0.8, 1.2])
def test_the_bent_circle_is_the_mean_over_its_angle(sigma: float) -> None:
    frame = answer(concept.BendQuery(0, sigma, 1.5))
    z = RADIUS * 1.5 / sigma**2
    assert frame.numbers["pulled"] == pytest.approx(RADIUS * special.ive(1, z) / special.ive(0, z), rel=1e-9)
    turn = np.linspace(-np.pi, np.pi, 20_001)
    weight = np.exp(z * (np.cos(turn) - 1))
    by_angle = integrate.trapezoid(weight * RADIUS * np.cos(turn), turn) / integrate.trapezoid(weight, turn)
    assert frame.numbers["pulled"] == pytest.approx(by_angle, rel=1e-6)


def test_the_denoiser_rests_on_a_smaller_circle_until_it_collapses() -> None:
    for sigma in (0.1, 0.3, 0.6, 0.8):
        n = answer(concept.BendQuery(0, sigma, 1.0)).numbers
        z = RADIUS * n["rest"] / sigma**2
        assert RADIUS * special.ive(1, z) / special.ive(0, z) == pytest.approx(n["rest"], abs=1e-9)
        assert 0 < n["rest"] < RADIUS
    near = answer(concept.BendQuery(0, 0.1, 1.0)).numbers
    assert near["rest"] == pytest.approx(near["nearly"], abs=1e-4)
    assert near["collapse"] == pytest.approx(RADIUS / np.sqrt(2))
    assert answer(concept.BendQuery(0, near["collapse"] + 1e-3, 1.0)).numbers["rest"] == 0.0
    assert answer(concept.BendQuery(0, near["collapse"] - 1e-3, 1.0)).numbers["rest"] > 0.01


def test_the_circle_with_a_little_width_bends_alike() -> None:
    """A circle with noise of its own, spoilt by the rest of the noise, has its ridge where the thin one has it."""
    total = 0.4
    law = concept.law_of("circle", float(np.sqrt(total**2 - NOISE**2)))
    rest = answer(concept.BendQuery(0, total, 1.0)).numbers["rest"]
    at = torch.tensor([[rest, 0.0], [0.0, -rest]], dtype=torch.float64)
    assert torch.allclose(law.score(at), torch.zeros(2, 2, dtype=torch.float64), atol=1e-6)


def test_the_density_of_the_bent_circle_is_that_of_drawn_points() -> None:
    frame = answer(concept.BendQuery(0, 0.5, 1.0))
    assert isinstance(frame, concept.BendFrame)
    rng = np.random.default_rng(0)
    turn = rng.uniform(0, 2 * np.pi, 200_000)
    x = RADIUS * np.column_stack((np.cos(turn), np.sin(turn))) + 0.5 * rng.normal(size=(len(turn), 2))
    edges = np.linspace(-2.2, 2.2, concept.SIDE + 1)
    counts = stats.binned_statistic_2d(x[:, 1], x[:, 0], None, "count", [edges, edges]).statistic
    drawn = counts / len(x) / (edges[1] - edges[0]) ** 2
    assert np.sqrt(np.square(drawn - frame.density).mean()) < 0.006  # 200 000 draws scatter by that
    assert np.corrcoef(drawn.ravel(), frame.density.ravel())[0, 1] > 0.99
