"""Fits by gradient and cells of a density, against autograd, moments and closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import optimize, stats

from gm_core.concepts import divergences_cells as cells
from gm_core.concepts import divergences_fit as fit
from gm_core.concepts import divergences_line as line
from gm_core.concepts.divergences_line import Mixture
from tests.concepts.answering import answer

OBJECTIVES: tuple[fit.Objective, ...] = ("KL(p || q)", "KL(q || p)", "JS")
NAMES = {"KL(p || q)": "kl", "KL(q || p)": "back", "JS": "js"}
APART = Mixture(0.6, -2.0, 0.7, 2.2, 0.6)


def fitted(
    p: Mixture, objective: fit.Objective, start: tuple[float, float] = (1.0, 0.8), step: int = 100
) -> fit.FitFrame:
    frame = answer(fit.FitQuery(0, p, objective, start, step))
    assert isinstance(frame, fit.FitFrame)
    return frame


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("p", [APART, Mixture(1.0, 1.0, 0.5, 0.0, 1.0), Mixture(0.0, 1.0, 0.5, 0.0, 1.0)])
def test_the_slopes_are_those_of_autograd(objective: fit.Objective, p: Mixture) -> None:
    mu = torch.tensor([0.5, -2.0, 3.0], dtype=torch.float64, requires_grad=True)
    log_sigma = torch.tensor([0.1, -0.4, 0.3], dtype=torch.float64, requires_grad=True)
    total = fit.divergence(objective, p, mu, log_sigma.exp()).sum()
    by_mean, by_width = torch.autograd.grad(total, (mu, log_sigma))
    mine = fit.slopes(objective, p, mu.detach().numpy(), log_sigma.detach().exp().numpy())
    assert mine[0] == pytest.approx(by_mean.numpy(), abs=3e-3)  # two rules of quadrature
    assert mine[1] == pytest.approx(by_width.numpy(), abs=3e-3)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_what_the_landscape_shows_is_what_the_fine_grid_says(objective: fit.Objective) -> None:
    for start in ((1.0, 0.8), (-3.0, 2.0), (0.0, 0.3)):
        frame = fitted(APART, objective, start, step=0)
        assert frame.lowered[0, 0] == pytest.approx(frame.numbers[NAMES[objective]], abs=2e-3)
    land = answer(fit.LandscapeQuery(0, APART, objective))
    assert isinstance(land, fit.LandscapeFrame) and land.values.shape == (27, 41) and np.isfinite(land.values).all()
    at = (np.linspace(*fit.LOG_WIDTHS)[20], np.linspace(*fit.MEANS)[12])
    one = fitted(APART, objective, (float(at[1]), math.exp(at[0])), step=0)
    assert land.values[20, 12] == pytest.approx(one.lowered[0, 0], abs=1e-9)


def test_from_every_start_kl_p_q_comes_to_the_moments_of_p() -> None:
    frame = fitted(APART, "KL(p || q)")
    mean = 0.6 * -2.0 + 0.4 * 2.2
    variance = 0.6 * (0.49 + 4.0) + 0.4 * (0.36 + 4.84) - mean**2
    assert frame.numbers["mean"] == pytest.approx(mean) and frame.numbers["width"] == pytest.approx(math.sqrt(variance))
    assert frame.mu[:, -1] == pytest.approx(mean, abs=2e-3)
    assert np.exp(frame.log_sigma[:, -1]) == pytest.approx(math.sqrt(variance), abs=2e-3)
    assert frame.numbers["optima"] == 1


def test_kl_q_p_seeks_the_mode_that_its_start_is_near_and_a_general_minimiser_finds_the_same() -> None:
    for start, mode in (((2.5, 0.5), 2.2), ((-3.0, 0.5), -2.0)):
        frame = fitted(APART, "KL(q || p)", start)
        assert frame.mu[0, -1] == pytest.approx(mode, abs=0.1)

        def loss(theta: np.ndarray) -> float:
            at = torch.tensor(theta, dtype=torch.float64)
            return float(fit.divergence("KL(q || p)", APART, at[:1], at[1:].exp()))

        found = optimize.minimize(loss, (start[0], math.log(start[1])), method="Nelder-Mead", options={"fatol": 1e-10})
        assert [frame.mu[0, -1], frame.log_sigma[0, -1]] == pytest.approx(found.x, abs=5e-3)
    assert fitted(APART, "KL(q || p)").numbers["optima"] == 2


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_the_gradient_lowers_what_it_is_asked_to(objective: fit.Objective) -> None:
    fall = fitted(APART, objective).lowered
    assert (fall[:, -1] < fall[:, 0]).all() and (np.diff(fall[0]) < 1e-3).all()


def test_a_gaussian_p_is_met_exactly_whatever_is_minimised() -> None:
    for objective in OBJECTIVES:
        n = fitted(Mixture(1.0, 0.7, 0.9, 3.0, 1.0), objective).numbers
        assert n["mu"] == pytest.approx(0.7, abs=5e-3) and n["sigma"] == pytest.approx(0.9, abs=5e-3)
        assert n["kl"] < 1e-3 and n["back"] < 1e-3 and n["js"] < 1e-3


def test_no_step_is_longer_than_allowed_even_far_from_p() -> None:
    frame = fitted(Mixture(0.5, -6.0, 0.25, 6.0, 0.25), "KL(p || q)", (0.0, 0.2))
    far, wider = np.diff(frame.mu, axis=1) / np.exp(frame.log_sigma[:, :-1]), np.diff(frame.log_sigma, axis=1)
    assert np.sqrt(far**2 + 2 * wider**2).max() <= fit.LONGEST + 1e-9 and np.isfinite(frame.lowered).all()


def histogram(shape: cells.Shape, sigma: float, width: float) -> cells.CellsFrame:
    frame = answer(cells.CellsQuery(0, shape, sigma, width))
    assert isinstance(frame, cells.CellsFrame)
    return frame


@pytest.mark.parametrize("sigma", [0.05, 0.3, 1.5])
def test_differential_entropies_are_those_of_scipy(sigma: float) -> None:
    assert histogram("gaussian", sigma, 0.5).numbers["h"] == pytest.approx(stats.norm(0, sigma).entropy())
    half = math.sqrt(3.0) * sigma
    assert histogram("uniform", sigma, 0.5).numbers["h"] == pytest.approx(stats.uniform(-half, 2 * half).entropy())
    peaks = line.P._replace(weight=0.5, mu_1=-0.9, mu_2=0.9, sigma_1=math.sqrt(0.19), sigma_2=math.sqrt(0.19))
    one = answer(line.LineQuery(0, peaks)).numbers["h_p"]
    assert histogram("two peaks", sigma, 0.5).numbers["h"] == pytest.approx(one + math.log(sigma), abs=1e-9)


@pytest.mark.parametrize("shape", ["gaussian", "uniform", "two peaks"])
def test_entropy_of_the_cells_with_ln_of_their_width_comes_to_rest_at_h(shape: cells.Shape) -> None:
    frame = histogram(shape, 1.0, 0.02)
    assert frame.height.sum() * 0.02 == pytest.approx(1.0, abs=1e-6)
    assert abs(frame.numbers["off"]) < (2e-2 if shape == "uniform" else 1e-4)  # its ends cut cells
    assert frame.moved[0] == pytest.approx(frame.numbers["h"], abs=2e-2)
    assert (frame.entropy >= 0).all() and (frame.height >= 0).all()


def test_the_cells_hold_what_scipy_says_and_a_narrow_density_has_negative_entropy_but_its_cells_do_not() -> None:
    frame = histogram("gaussian", 0.1, 0.1)
    edges = np.stack((frame.middle - 0.05, frame.middle + 0.05))
    low, high = stats.norm(0, 0.1).cdf(edges)
    assert frame.height * 0.1 == pytest.approx(high - low, abs=1e-12)
    assert frame.numbers["h"] == pytest.approx(-0.8836, abs=1e-4) and frame.numbers["discrete"] > 0
    bits = answer(cells.CellsQuery(0, "gaussian", 0.1, 0.1, "bits")).numbers
    assert bits["h"] == pytest.approx(frame.numbers["h"] / math.log(2.0)) and bits["width"] == 0.1
