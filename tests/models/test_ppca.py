"""Probabilistic PCA against scikit-learn, torch.distributions and its own formulas."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from torch import Tensor
from torch.distributions import LowRankMultivariateNormal, MultivariateNormal

from gm_core.capabilities.density import Density
from gm_core.data.feed import Feed
from gm_core.data.registry import make_data
from gm_core.model import build
from gm_core.models.ppca import PPCA, SMALLEST_VARIANCE
from gm_core.protocol.cards import DataCard
from gm_core.spec import SpecError, TrainSpec
from gm_core.train.loop import Training

EIGHT = DataCard("eight", "Eight numbers", (8,), "continuous", (-9.0, 9.0))
GREY = DataCard("grey", "Grey 8x8", (1, 8, 8), "levels", (0.0, 1.0), levels=17)
NOISY = replace(GREY, name="noisy", title="Dequantised 8x8", values="continuous", dequantised=True)


def seeded(seed: int) -> torch.Generator:
    """A generator on the CPU."""
    return torch.Generator().manual_seed(seed)


def cloud(n: int = 500) -> Tensor:
    """Correlated points of eight numbers, far from the origin, float64."""
    root = torch.randn(8, 8, generator=seeded(1), dtype=torch.float64)
    return torch.randn(n, 8, generator=seeded(2), dtype=torch.float64) @ root.T + 5.0


def fitted(x: Tensor, card: DataCard = EIGHT, latent: int = 3, parts: int = 1) -> PPCA:
    """A model that counted these examples, in one batch or in some of unequal size."""
    it = build({"kind": "ppca", "latent": latent}, card).eval()
    assert isinstance(it, PPCA)
    for part in x.tensor_split([len(x) * number // (parts + 1) for number in range(2, parts + 1)]):
        it.count(part)
    it.solve()
    return it


# ---- the solution


def test_the_likelihood_is_that_of_scikit_learn_whose_noise_is_corrected_for_one_example() -> None:
    x = cloud()
    theirs = PCA(3).fit(x.numpy())
    # scikit-learn divides by n - 1; the maximum likelihood divides by n.
    n = len(x)
    theirs.explained_variance_ *= (n - 1) / n
    theirs.noise_variance_ *= (n - 1) / n
    it = fitted(x)
    ours = float(it.log_prob(x, seeded(0)).mean())
    assert ours == pytest.approx(theirs.score(x.numpy()), abs=1e-10)
    assert float(it.noise) == pytest.approx(theirs.noise_variance_, rel=1e-12)
    assert ours > PCA(3).fit(x.numpy()).score(x.numpy()), "n is the better divisor, by a hair"
    overlap = np.abs(it.axes.T.numpy() @ theirs.components_.T)
    np.testing.assert_allclose(overlap, np.eye(3), atol=1e-10)


def test_the_best_likelihood_is_the_closed_form_of_its_eigenvalues() -> None:
    x = cloud()
    values = torch.linalg.eigvalsh(x.T.cov(correction=0)).flip(0)
    noise = float(values[3:].mean())
    logs = float(values[:3].log().sum()) + 5 * math.log(noise)
    wanted = -0.5 * (8 * math.log(2 * math.pi) + logs + 8)
    assert float(fitted(x).log_prob(x, seeded(0)).mean()) == pytest.approx(wanted, abs=1e-10)


def test_no_small_change_of_the_parameters_raises_the_likelihood() -> None:
    x, it = cloud(), fitted(cloud())
    weight = it.weight.clone().requires_grad_()
    noise = it.noise.clone().requires_grad_()
    mean = it.mean.clone().requires_grad_()
    model = MultivariateNormal(mean, weight @ weight.T + noise * torch.eye(8, dtype=torch.float64))
    for slope in torch.autograd.grad(model.log_prob(x).mean(), (weight, noise, mean)):
        assert slope.abs().max() < 1e-10


@pytest.mark.parametrize("parts", [2, 7])
def test_batches_of_any_size_give_the_same_fit_as_all_at_once(parts: int) -> None:
    whole, bit_by_bit = fitted(cloud()), fitted(cloud(), parts=parts)
    for name, tensor in whole.state_dict().items():
        torch.testing.assert_close(bit_by_bit.state_dict()[name], tensor, rtol=1e-11, atol=1e-11)


def test_the_largest_number_of_each_axis_is_positive_so_that_axes_do_not_flip_as_data_come_in() -> None:
    axes = fitted(cloud()).axes
    assert (axes.gather(0, axes.abs().argmax(0, keepdim=True)) > 0).all()
    torch.testing.assert_close(axes.T @ axes, torch.eye(3, dtype=torch.float64))


# ---- the density


def test_log_probabilities_are_those_of_the_full_gaussian() -> None:
    it, x = fitted(cloud()), cloud(60) + 1.0
    full = MultivariateNormal(it.mean, it.weight @ it.weight.T + it.noise * torch.eye(8, dtype=torch.float64))
    low = LowRankMultivariateNormal(it.mean, it.weight, it.noise.expand(8))
    found = it.log_prob(x, seeded(0))
    torch.testing.assert_close(found, full.log_prob(x), rtol=0, atol=1e-9)
    torch.testing.assert_close(found, low.log_prob(x), rtol=0, atol=1e-9)
    assert it.log_prob(x.float(), seeded(0)).dtype == torch.float32


def test_as_many_axes_as_an_example_has_numbers_but_one_are_the_most() -> None:
    it = fitted(cloud(), latent=99)
    assert it.latent_size == 7
    x = cloud()
    full = MultivariateNormal(x.mean(0), x.T.cov(correction=0))
    torch.testing.assert_close(it.log_prob(x, seeded(0)), full.log_prob(x), rtol=0, atol=1e-9)
    with pytest.raises(SpecError, match="at least two"):
        build({"kind": "ppca"}, replace(EIGHT, shape=(1,)))


def test_pixels_that_never_change_get_the_smallest_noise_and_a_finite_density() -> None:
    x = torch.rand(400, 1, 8, 8, generator=seeded(1), dtype=torch.float64)
    x[:, :, 2:] = 0.0
    it = fitted(x, NOISY, latent=16)
    assert float(it.noise) == SMALLEST_VARIANCE
    found = it.log_prob(x, seeded(0))
    model = MultivariateNormal(it.mean, it.weight @ it.weight.T + it.noise * torch.eye(64, dtype=torch.float64))
    assert found.isfinite().all()
    torch.testing.assert_close(found, model.log_prob(x.flatten(1)), rtol=1e-9, atol=1e-6)


def test_a_density_is_offered_on_continuous_data_and_not_on_grey_levels() -> None:
    cards = (EIGHT, GREY, NOISY, replace(GREY, values="binary", levels=2))
    offered = [Density.word in build({"kind": "ppca"}, card).offers() for card in cards]
    assert offered == [True, False, True, False]


# ---- codes


def test_the_posterior_is_the_closed_formula() -> None:
    it, x = fitted(cloud()), cloud(20)
    m = it.weight.T @ it.weight + it.noise * torch.eye(3, dtype=torch.float64)
    mu, std = it.encode(x)
    torch.testing.assert_close(mu, torch.linalg.solve(m, it.weight.T @ (x - it.mean).T).T)
    covariance = it.noise * torch.linalg.inv(m)
    torch.testing.assert_close(torch.diag_embed(std.square()), covariance.expand(20, 3, 3), rtol=1e-10, atol=1e-12)


def test_bayes_rule_holds_between_prior_likelihood_posterior_and_density() -> None:
    it, x = fitted(cloud()), cloud(20)
    mu, std = it.encode(x)
    z = mu + 0.7 * std
    prior = MultivariateNormal(torch.zeros(3).double(), torch.eye(3).double()).log_prob(z)
    likelihood = torch.distributions.Normal(it.decode(z), it.noise.sqrt()).log_prob(x).sum(1)
    posterior = torch.distributions.Normal(mu, std).log_prob(z).sum(1)
    torch.testing.assert_close(prior + likelihood - posterior, it.log_prob(x, seeded(0)), rtol=0, atol=1e-9)


def test_the_use_of_an_axis_is_half_the_log_of_its_variance_over_the_noise() -> None:
    x = cloud()
    it = fitted(x)
    # The mean KL over the data that were counted, exactly: 1/2 ln(lambda / sigma^2), Lucas et al. 2019.
    torch.testing.assert_close(it.use(*it.encode(x)), 0.5 * (it.variances / it.noise).log())
    assert (it.variances.diff() < 0).all()


def test_reconstructions_lie_in_the_principal_plane_and_repairs_undo_noise_as_wiener_did() -> None:
    x = cloud()
    it = fitted(x)
    back = it.reconstruct(x, seeded(0)) - it.mean
    torch.testing.assert_close(back @ it.axes @ it.axes.T, back)
    assert torch.equal(it.denoise(x), it.reconstruct(x, seeded(0)))
    covariance = it.weight @ it.weight.T + it.noise * torch.eye(8, dtype=torch.float64)
    best = covariance @ torch.linalg.inv(covariance + 0.49 * torch.eye(8, dtype=torch.float64))
    torch.testing.assert_close(it.denoise(x, 0.7), it.mean + (x - it.mean) @ best.T)
    # Tweedie: the repair of a Gaussian is one step along the score of its diffused density.
    at = x.clone().requires_grad_()
    spread = MultivariateNormal(it.mean, covariance + 0.49 * torch.eye(8, dtype=torch.float64))
    (score,) = torch.autograd.grad(spread.log_prob(at).sum(), at)
    torch.testing.assert_close(it.denoise(x, 0.7), x + 0.49 * score)


def test_samples_have_the_mean_and_covariance_of_the_model() -> None:
    it = fitted(cloud())
    drawn = it.sample(200_000, seeded(3)).double()
    covariance = it.weight @ it.weight.T + it.noise * torch.eye(8, dtype=torch.float64)
    scale = float(covariance.diagonal().max())
    # 200 000 draws know a covariance to sqrt(2 / n) = 0.3 % of its scale.
    torch.testing.assert_close(drawn.T.cov(), covariance, rtol=0, atol=0.015 * scale)
    torch.testing.assert_close(drawn.mean(0), it.mean, rtol=0, atol=0.015 * scale**0.5)


def test_pictures_are_drawn_without_noise_unless_it_is_wished_for_and_never_leave_their_range() -> None:
    x = torch.rand(300, 1, 8, 8, generator=seeded(1), dtype=torch.float64).round()
    quiet = fitted(x, GREY)
    z = quiet.prior(5, seeded(2))
    assert torch.equal(quiet.sample(5, seeded(2)), quiet.decode(z))
    quiet.edit(quiet.spec.replace("pictures", "draw"))
    noisy = quiet.sample(5, seeded(2))
    assert not torch.equal(noisy, quiet.decode(z)) and noisy.min() >= 0.0 and noisy.max() <= 1.0


# ---- the pass


def trained(batch: int, steps: int) -> Training:
    """A pass over small digits, or the beginning of one."""
    made = make_data({"kind": "digits", "limit": 100})
    spec = TrainSpec.read({"steps": steps, "batch": batch, "validate_every": 1000})
    it = Training(
        build({"kind": "ppca", "latent": 5}, made.card), Feed(made, batch, "cpu", 0), spec, torch.device("cpu")
    )
    list(it.steps())
    return it


def test_one_pass_counts_each_example_once_and_ends_by_itself() -> None:
    it = trained(32, 50)
    examples = it.feed.count("train")
    x = torch.stack([it.feed.examples("train", torch.tensor([n]), seeded(0))[0][0] for n in range(examples)])
    assert isinstance(it.model, PPCA)
    assert it.step == math.ceil(examples / 32) and float(it.model.counted) == examples
    flat = x.flatten(1).double()
    torch.testing.assert_close(it.model.mean, flat.mean(0))
    torch.testing.assert_close(it.model.data_covariance, flat.T.cov(correction=0))


def test_half_a_pass_that_is_given_more_steps_ends_where_a_whole_one_does() -> None:
    whole, half = trained(32, 50), trained(32, 2)
    assert half.step == 2
    half.spec = half.spec.replace("steps", 50)
    list(half.steps())
    wanted, found = whole.snapshot().tensors, half.snapshot().tensors
    assert half.step == whole.step and all(torch.equal(found[name], wanted[name]) for name in wanted)
