"""Conditionals and orders: against torch's distributions, and against orders written down by hand."""

from __future__ import annotations

import pytest
import torch
from torch.distributions import Bernoulli, Categorical, MixtureSameFamily, Normal

from gm_core.parts.conditionals import GaussianMixture, Levels, log_table, pick
from gm_core.parts.orders import make_order, ranks
from gm_core.spec import SpecError

DOUBLE = torch.float64


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("width", [1, 5])
def test_levels_agree_with_the_distributions_of_torch(width: int) -> None:
    logits = 3 * torch.randn(40, width, generator=seeded(0), dtype=DOUBLE)
    values = torch.randint(max(2, width), (40,), generator=seeded(1))
    truth = Bernoulli(logits=logits[:, 0]) if width == 1 else Categorical(logits=logits)
    found = Levels(logits)
    wanted = values.to(DOUBLE) if width == 1 else values
    assert torch.allclose(found.log_prob(values), truth.log_prob(wanted), atol=1e-12)
    assert torch.allclose(found.entropy(), truth.entropy(), atol=1e-12)
    assert torch.allclose(log_table(logits).exp().sum(-1), torch.ones(40, dtype=DOUBLE), atol=1e-12)
    assert torch.allclose(pick(logits[None], values[None])[0], found.log_prob(values), atol=1e-12)


@pytest.mark.parametrize("width", [1, 4])
def test_levels_are_drawn_by_the_inverse_of_their_cumulative_distribution(width: int) -> None:
    logits = torch.randn(1, width, generator=seeded(2), dtype=DOUBLE)
    uniform = (torch.arange(100_000, dtype=DOUBLE) + 0.5) / 100_000
    drawn = Levels(logits.expand(len(uniform), -1)).draw(uniform)
    assert (drawn.diff() >= 0).all()
    share = torch.bincount(drawn, minlength=max(2, width)).to(DOUBLE) / len(uniform)
    assert torch.allclose(share, log_table(logits)[0].exp(), atol=2e-5)


def mixture(n: int = 30, k: int = 4) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    a, b, c = (torch.randn(n, k, generator=seeded(seed), dtype=DOUBLE) for seed in (3, 4, 5))
    return a, 2 * b, (0.5 * c).exp()


def test_a_mixture_of_gaussians_agrees_with_that_of_torch() -> None:
    logits, mu, sigma = mixture()
    truth = MixtureSameFamily(Categorical(logits=logits), Normal(mu, sigma))
    values = 3 * torch.randn(30, generator=seeded(6), dtype=DOUBLE)
    found = GaussianMixture(logits, mu, sigma)
    assert torch.allclose(found.log_prob(values), truth.log_prob(values), atol=1e-12)
    grid, density = found.bars(-3.0, 3.0)
    expected = truth.log_prob(grid[:, None].expand(-1, 30)).exp().T
    assert torch.allclose(density, expected, atol=1e-12)


def test_the_entropy_of_one_gaussian_is_its_closed_form() -> None:
    mu, sigma = torch.tensor([[0.0], [5.0]], dtype=DOUBLE), torch.tensor([[0.1], [2.0]], dtype=DOUBLE)
    found = GaussianMixture(torch.zeros(2, 1, dtype=DOUBLE), mu, sigma).entropy()
    assert torch.allclose(found, Normal(mu, sigma).entropy()[:, 0], atol=1e-6)


def test_the_entropy_of_a_mixture_is_right_however_different_the_widths_are() -> None:
    """Apart: sum_k pi_k (H_k - ln pi_k), to 1e-6. Overlapping: against a fine sum on a grid, to 0.01 nats."""
    logits = torch.tensor([[0.0, 1.0, -1.0]], dtype=DOUBLE)
    mu, sigma = torch.tensor([[-6.0, 1.0, 40.0]], dtype=DOUBLE), torch.tensor([[0.01, 0.5, 2.0]], dtype=DOUBLE)
    share = logits.softmax(-1)
    expected = (share * (Normal(mu, sigma).entropy() - share.log())).sum(-1)
    assert torch.allclose(GaussianMixture(logits, mu, sigma).entropy(), expected, atol=1e-6)
    mixed = GaussianMixture(*mixture())
    grid = torch.linspace(-40, 40, 200_001, dtype=DOUBLE)
    logs = MixtureSameFamily(Categorical(logits=mixed.logits), Normal(mixed.mu, mixed.sigma)).log_prob(grid[:, None])
    truth = torch.trapezoid(-(logs.exp() * logs), grid, dim=0)
    assert torch.allclose(mixed.entropy(), truth, atol=0.01)


def test_draws_of_a_mixture_follow_its_cumulative_distribution() -> None:
    """Kolmogorov-Smirnov distance of 20,000 quasi-uniform draws; grid of numbers, so far below the random 0.01."""
    logits, mu, sigma = (t[:1] for t in mixture())
    n = 20_000
    uniform = (torch.arange(n, dtype=DOUBLE) + 0.5) / n
    drawn = GaussianMixture(*(t.expand(n, -1) for t in (logits, mu, sigma))).draw(uniform).sort().values
    share = logits.softmax(-1)
    below = (share * Normal(mu, sigma).cdf(drawn[:, None])).sum(-1)
    assert float((below - uniform).abs().max()) < 1e-3


def test_a_cold_mixture_stays_near_the_means_of_its_likely_components() -> None:
    logits = torch.tensor([[0.0, 3.0]], dtype=DOUBLE).expand(100, -1)
    mu, sigma = torch.tensor([[-1.0, 1.0]], dtype=DOUBLE).expand(100, -1), torch.ones(100, 2, dtype=DOUBLE)
    drawn = GaussianMixture(logits, mu, sigma).draw(torch.rand(100, generator=seeded(1), dtype=DOUBLE), 1e-4)
    assert ((drawn - 1).abs() < 0.1).all()


def test_orders_of_a_small_image_are_those_written_by_hand() -> None:
    shape = (1, 2, 3)
    assert make_order("raster", shape).tolist() == [0, 1, 2, 3, 4, 5]
    assert make_order("column", shape).tolist() == [0, 3, 1, 4, 2, 5]
    assert make_order("snake", shape).tolist() == [0, 1, 2, 5, 4, 3]
    assert make_order("centre", (1, 3, 3)).tolist() == [4, 1, 3, 5, 7, 0, 2, 6, 8]
    assert make_order("own", shape, own=(5, 4, 3, 2, 1, 0)).tolist() == [5, 4, 3, 2, 1, 0]


def test_colours_of_a_pixel_follow_one_another_in_every_order() -> None:
    assert make_order("column", (3, 2, 2)).tolist() == [0, 4, 8, 2, 6, 10, 1, 5, 9, 3, 7, 11]


@pytest.mark.parametrize("name", ["raster", "column", "snake", "random", "centre"])
@pytest.mark.parametrize("shape", [(1, 4, 5), (3, 3, 2), (7,)])
def test_every_order_is_a_permutation_and_ranks_invert_it(name: str, shape: tuple[int, ...]) -> None:
    order = make_order(name, shape, seed=3)  # type: ignore[arg-type]
    size = torch.tensor(shape).prod().item()
    assert sorted(order.tolist()) == list(range(int(size)))
    assert torch.equal(ranks(order)[order], torch.arange(len(order)))
    assert torch.equal(order, make_order(name, shape, seed=3))  # type: ignore[arg-type]


def test_what_is_no_permutation_is_refused_with_what_is_missing() -> None:
    with pytest.raises(SpecError, match="lists 4 pixels, without 3; expected each number from 0 to 3 once"):
        make_order("own", (1, 2, 2), own=(0, 1, 2, 2))
