"""RNADE against what is known exactly: a Gaussian by its Cholesky-like factors, scikit-learn's mixtures, integrals."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from gm_core.capabilities.base import Scene, answer
from gm_core.capabilities.complete import CompleteQuery
from gm_core.capabilities.sitewise import ConditionalQuery
from gm_core.data.feed import Feed
from gm_core.data.registry import make_data
from gm_core.model import Batch, build
from gm_core.models.rnade import RNADE
from gm_core.parts.orders import ranks
from gm_core.protocol.cards import DataCard
from gm_core.spec import SpecError, TrainSpec
from gm_core.train.loop import Training
from tests.laws.conftest import MadeUp

LABELS = ("a", "b", "c")


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def card(sites: int) -> DataCard:
    return DataCard("v", f"Vectors of {sites}", (sites,), "continuous", (-4.0, 4.0), classes=LABELS)


def made(sites: int = 2, /, **chosen: Any) -> RNADE:
    model = build({"kind": "rnade", "hidden": 12, "components": 3, **chosen}, card(sites), 1).double()
    assert isinstance(model, RNADE)
    source = seeded(3)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.2 * torch.randn(parameter.shape, generator=source, dtype=torch.float64)
    return model.eval()


def linear_gaussian(covariance: Tensor, mean: Tensor, **chosen: Any) -> RNADE:
    """One component, means linear in what came before, constant widths: the Gaussian with these moments.

    C = L D L^T, so x_i - m_i = sum_j B_ij (x_j - m_j) + N(0, D_ii) with B = 1 - L^-1. Each number has two hidden units,
    relu(x + m) and relu(-x - m), whose difference is linear.
    """
    sites = len(mean)
    model = made(sites, components=1, hidden=2 * sites, **chosen)
    place = ranks(model.visits())
    scale, floor = model.spec.scale, model.spec.floor
    order = model.visits()
    cholesky = torch.linalg.cholesky(covariance[order][:, order])
    widths = cholesky.diagonal()
    slopes = torch.eye(sites, dtype=torch.float64) - torch.linalg.inv(cholesky / widths)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        model.rho.copy_(torch.linspace(0.5, 2.0, sites))
        for site in range(sites):
            rank = int(place[site])
            model.weight[site, 0, 2 * site], model.weight[site, 0, 2 * site + 1] = 1.0, -1.0
            for earlier in range(sites):
                slope = slopes[rank, place[earlier]] / model.rho[rank]
                model.out[site, 1, 2 * earlier], model.out[site, 1, 2 * earlier + 1] = slope, -slope
            shift = mean[site] - slopes[rank] @ mean[order]
            model.out_bias[site, 1, 0] = shift / scale
            model.out_bias[site, 2, 0] = (widths[rank] / scale - floor).log()
    return model


def known_gaussian(sites: int) -> tuple[Tensor, Tensor]:
    """Some covariance and mean."""
    root = torch.randn(sites, sites, generator=seeded(5), dtype=torch.float64)
    return root @ root.T + 0.5 * torch.eye(sites), torch.randn(sites, generator=seeded(6), dtype=torch.float64)


# ---- exact densities


@pytest.mark.parametrize("chosen", [{}, {"scale": 2.5}, {"order": "own", "sites": [3, 0, 4, 1, 2]}])
def test_one_component_with_linear_means_is_the_multivariate_normal(chosen: dict[str, Any]) -> None:
    """Log-densities of 50 points in 5 dimensions to 1e-10, in any order and at any scale."""
    covariance, mean = known_gaussian(5)
    model = linear_gaussian(covariance, mean, **chosen)
    x = 2 * torch.randn(50, 5, generator=seeded(7), dtype=torch.float64)
    expected = torch.distributions.MultivariateNormal(mean, covariance).log_prob(x)
    with torch.no_grad():
        assert torch.allclose(model.log_prob(x, seeded()), expected, atol=1e-10)


def test_in_one_dimension_it_is_the_mixture_of_scikit_learn() -> None:
    from sklearn.mixture import GaussianMixture as Reference

    model = made(1, components=4, scale=0.8)
    x = torch.linspace(-4, 4, 101, dtype=torch.float64)[:, None]
    with torch.no_grad():
        found = model.log_prob(x, seeded())
        mixture = model.conditional(x[:1], 0)
    reference = Reference(4)
    reference.weights_ = mixture.logits.softmax(-1)[0].numpy()
    reference.means_ = mixture.mu[0, :, None].numpy()
    reference.covariances_ = mixture.sigma[0].square().numpy()[:, None, None]
    reference.precisions_cholesky_ = 1 / mixture.sigma[0].numpy()[:, None, None]
    assert np.allclose(found.numpy(), reference.score_samples(x.numpy()), atol=1e-10)


def test_the_density_of_one_number_integrates_to_one() -> None:
    model = made(1)
    x = torch.linspace(-60, 60, 20_001, dtype=torch.float64)
    with torch.no_grad():
        density = model.log_prob(x[:, None], seeded()).exp()
    assert float(torch.trapezoid(density, x)) == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize("labels", [False, True])
@pytest.mark.parametrize("bend", ["relu", "sigmoid", "tanh"])
def test_the_density_of_the_plane_integrates_to_one_also_for_each_label(bend: str, labels: bool) -> None:
    model = made(2, bend=bend, labels=labels)
    side = torch.linspace(-30, 30, 601, dtype=torch.float64)
    grid = torch.cartesian_prod(side, side)
    with torch.no_grad():
        for y in (0, 2) if labels else (None,):
            given = None if y is None else torch.full((len(grid),), y)
            mass = model.log_prob(grid, seeded(), given).exp().sum() * 0.1**2
            assert float(mass) == pytest.approx(1.0, abs=1e-3)


def test_no_gaussian_is_narrower_than_the_floor_in_units_of_the_scale() -> None:
    model = made(2, floor=0.03, scale=2.0)
    with torch.no_grad():
        model.out_bias[:, 2] = -100.0
        model.out[:, 6:] = 0.0
        sigma = model.mixtures(torch.randn(5, 2, generator=seeded(), dtype=torch.float64), None).sigma
    assert torch.allclose(sigma, torch.full_like(sigma, 0.06), atol=1e-12)


# ---- causality and drawing


@pytest.mark.parametrize("order", ["raster", "centre", "random"])
def test_each_mixture_depends_on_exactly_the_numbers_before_it(order: str) -> None:
    """The Jacobian of all parameters of all mixtures, with a smooth activation, has the declared support."""
    model = made(5, bend="tanh", order=order, order_seed=2)

    def parameters(x: Tensor) -> Tensor:
        found = model.mixtures(x[None], None)
        return torch.cat([found.logits, found.mu, found.sigma], -1)

    jacobian = torch.func.jacrev(parameters)(torch.randn(5, generator=seeded(4), dtype=torch.float64))
    assert torch.equal(jacobian.abs().amax(1) > 0, model.support())
    x = torch.randn(1, 5, generator=seeded(4), dtype=torch.float64)
    for site in range(5):
        assert torch.equal(model.influence(x, site) > 0, model.support()[site])


@pytest.mark.parametrize("labels", [False, True])
def test_drawing_reports_the_densities_of_teacher_forcing(labels: bool) -> None:
    model = made(4, labels=labels, order="random")
    y = torch.tensor([0, 1, 2, 1, 0]) if labels else None
    gathered, sites = [], []
    for state in model.fill(model.blank(5), torch.zeros(4, dtype=torch.bool), seeded(2), y):
        gathered.append(torch.stack([state.log_prob, state.entropy]))
        sites.append(state.site)
    with torch.no_grad():
        expected = torch.stack(model.site_log_prob(model.to_example(state.values), y))
    assert sites == model.visits().tolist()
    assert torch.allclose(torch.stack(gathered, -1), expected[..., sites], atol=1e-10)


def test_what_is_drawn_has_the_moments_of_the_gaussian_that_it_states() -> None:
    """10,000 draws: means and covariances within 5 standard errors."""
    covariance, mean = known_gaussian(3)
    x = linear_gaussian(covariance, mean).sample(10_000, seeded(8)).double()
    error = covariance.diagonal().sqrt() / 100
    assert ((x.mean(0) - mean).abs() < 5 * error).all()
    spread = covariance.diagonal()
    bound = 5 * ((spread[:, None] * spread + covariance.square()) / 10_000).sqrt()
    assert ((torch.cov(x.T) - covariance).abs() < bound).all()


def test_drawn_numbers_follow_their_own_distribution_function() -> None:
    """Kolmogorov and Smirnov's test of x1, and of x2 given x1, by the mixtures' own distribution functions."""
    from scipy.stats import kstest

    model = made(2)
    x = model.sample(4000, seeded(9))
    with torch.no_grad():
        for site in (0, 1):
            found = model.conditional(x, site)
            below = torch.special.ndtr((x[:, site, None].double() - found.mu) / found.sigma)
            uniform = (found.logits.softmax(-1) * below).sum(-1)
            assert kstest(uniform.numpy(), "uniform").pvalue > 1e-4


# ---- conditionals and completions


def test_the_second_number_given_the_first_is_the_conditional_of_the_gaussian() -> None:
    covariance, mean = known_gaussian(2)
    model = linear_gaussian(covariance, mean)
    x = torch.tensor([[0.7, 0.0]], dtype=torch.float64)
    with torch.no_grad():
        found = model.conditional(x, 1)
    slope = covariance[1, 0] / covariance[0, 0]
    assert float(found.mu) == pytest.approx(float(mean[1] + slope * (0.7 - mean[0])), abs=1e-12)
    assert float(found.sigma) == pytest.approx(float((covariance[1, 1] - slope * covariance[0, 1]).sqrt()), abs=1e-12)


@pytest.mark.parametrize(("given", "particles"), [(0, 2), (1, 100)])
def test_completing_one_coordinate_given_the_other_approaches_the_analytic_conditional(
    given: int, particles: int
) -> None:
    """x2 given x1 is exact; x1 given x2 goes by particles: mean and width of 3000 completions, and log p(x1 | x2)."""
    covariance, mean = known_gaussian(2)
    model = linear_gaussian(covariance, mean)
    known = torch.tensor([given == 0, given == 1])
    wanted, other = 1 - given, given
    slope = covariance[wanted, other] / covariance[other, other]
    x = torch.zeros(1, 2, dtype=torch.float64)
    x[0, other] = 0.4
    middle = mean[wanted] + slope * (0.4 - mean[other])
    width = (covariance[wanted, wanted] - slope * covariance[other, wanted]).sqrt()
    assert model.exactly(known) == (given == 0)
    *_, last = model.complete(x, known, 3000, seeded(1), particles=particles)
    drawn = last.x[:, wanted]
    assert (last.x[:, other] == 0.4).all()
    # 3000 draws: the standard error of the mean is 0.018 widths, that of the width 0.013; the particles add a little.
    assert abs(float((drawn.mean() - middle) / width)) < 0.08
    assert abs(float(drawn.std() / width) - 1) < 0.06
    expected = torch.distributions.Normal(middle, width).log_prob(drawn)
    assert last.log_prob is not None
    if given == 0:
        assert torch.allclose(last.log_prob, expected, atol=1e-10)
    else:
        # Each completion estimates log p(x2) by its own particles; their mean is nearly without bias.
        assert abs(float((last.log_prob - expected).mean())) < 0.05


def test_labels_are_weighed_by_bayes_and_the_missing_coordinate_is_integrated_out() -> None:
    model = made(2, labels=True).train()
    y = torch.tensor([0, 1, 1, 2, 2, 2])
    x = torch.randn(6, 2, generator=seeded(2), dtype=torch.float64)
    model.loss(Batch(x, y), seeded())
    model.eval()
    with torch.no_grad():
        joint = model.class_log_joint(x)
        assert torch.allclose(model.class_log_prior().exp(), torch.tensor([2, 3, 4]).double() / 9)
        assert torch.allclose(model.log_prob(x, seeded()), joint.logsumexp(-1))
        first = torch.tensor([True, False])
        line = torch.linspace(-40, 40, 8001, dtype=torch.float64)
        points = torch.stack([x[0, 0].expand(8001), line], -1)
        integral = torch.trapezoid(model.class_log_joint(points).exp(), line, dim=0)
        assert torch.allclose(model.class_log_joint(x[:1], first)[0].exp(), integral, atol=1e-6)


def test_the_window_is_told_that_values_are_continuous_and_how_many_particles_there_were() -> None:
    model = made(2).float()
    scene = Scene(model, MadeUp(model.card), seeded(1), torch.device("cpu"))
    picture = np.array([[0.5, -0.5]], np.float32)
    with torch.no_grad():
        (bars,) = answer(ConditionalQuery(given=picture, site=1), scene)
        *_, completed = answer(CompleteQuery(given=picture, known=np.array([False, True]), n=3), scene)
    assert bars is not None and bars.continuous  # type: ignore[attr-defined]
    density, values = bars.probabilities, bars.values  # type: ignore[attr-defined]
    assert 0.5 < np.trapezoid(density, values) <= 1.001, "the card's box holds most of it"
    assert completed is not None and not completed.exact and completed.items.shape == (3, 2)  # type: ignore[attr-defined]


# ---- learning and refusing


def test_it_learns_the_moons_to_a_tenth_of_a_nat_of_their_entropy() -> None:
    """The entropy is the least that any model can reach: never below it by more than 3 standard errors."""
    data = make_data({"kind": "moons"})
    model = build({"kind": "rnade", "scale": 0.7, "bend": "tanh"}, data.card)
    feed = Feed(data, 256, "cpu")
    spec = TrainSpec(steps=1000, batch=256, lr=0.01, schedule="cosine", validate_every=1000)
    for _ in Training(model, feed, spec, torch.device("cpu"), lambda *_: None).steps():
        pass
    assert isinstance(model, RNADE) and data.exact is not None
    x = data.part("test").x
    with torch.no_grad():
        gap = data.exact.log_prob(x) - model.log_prob(x, seeded())
    excess, error = float(gap.mean()), float(gap.std()) / math.sqrt(len(x))
    assert -3 * error < excess < 0.1


def test_pictures_and_labels_that_are_not_there_are_refused() -> None:
    from dataclasses import replace

    with pytest.raises(SpecError, match="RNADE takes continuous, points, vectors"):
        build({"kind": "rnade"}, DataCard("d", "Digits", (1, 8, 8), "levels", (0.0, 1.0), levels=17))
    with pytest.raises(SpecError, match="no labels"):
        build({"kind": "rnade", "labels": True}, replace(card(2), classes=()))
    with pytest.raises(SpecError, match="choose a class"):
        made(2, labels=True).site_log_prob(torch.zeros(1, 2))
