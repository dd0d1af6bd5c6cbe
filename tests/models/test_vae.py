"""The VAE's own mathematics: its objective, its likelihoods, its shapes, and what it refuses.

Its bound on ln p(x) is in test_vae_bound, the closed forms of the linear VAE in test_vae_linear.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch.distributions import Bernoulli, Independent, Normal

from gm_core.capabilities.base import Scene, answer
from gm_core.capabilities.reconstruct import ReconstructQuery
from gm_core.model import Batch, build
from gm_core.protocol.cards import DataCard
from gm_core.spec import SpecError

from .vaes import BINARY, BITS, GREY, NOISY, PLANE, Shelf, rng, steer, uniform, vae

# ---- the objective


@pytest.mark.parametrize("beta", [0.0, 0.5, 4.0])
def test_the_total_weighs_the_kl_by_beta_and_the_elbo_never_does(beta: float) -> None:
    terms = vae(GREY, beta=beta).loss(Batch(uniform(9, 1, 8, 8)), rng())
    total = float(terms["total"].detach())
    assert total == pytest.approx(float(terms["reconstruction"] + beta * terms["kl"]), rel=1e-12)
    assert float(terms["elbo"]) == pytest.approx(-float(terms["reconstruction"] + terms["kl"]), rel=1e-12)
    assert float(terms["kl_dimensions"].sum()) == pytest.approx(float(terms["kl"]), rel=1e-12)


def test_the_kl_is_that_of_torch_and_the_reconstruction_sums_pixels_and_averages_examples() -> None:
    model, x = vae(BINARY), uniform(5, 1, 8, 8).round()
    terms = model.loss(Batch(x), rng(3))
    mu, std = model.encode(x)
    kl = torch.distributions.kl_divergence(Normal(mu, std), Normal(torch.zeros_like(mu), 1.0))
    torch.testing.assert_close(terms["kl_dimensions"], kl.mean(0), rtol=1e-12, atol=1e-12)
    z = mu + std * torch.randn(mu.shape, generator=rng(3), dtype=torch.float64)
    log_likelihood = Independent(Bernoulli(logits=model.decoder(z)), 3).log_prob(x)
    assert float(terms["reconstruction"]) == pytest.approx(-float(log_likelihood.detach().mean()), rel=1e-12)


def test_beta_warms_up_evenly_and_then_stays() -> None:
    model = vae(GREY, beta=2.0, beta_warmup=10)
    weights = []
    for step in (0, 5, 10, 1000, 5):
        model.at(step)
        weights.append(model.weight)
    assert weights == [0.0, 1.0, 2.0, 2.0, 1.0]
    terms = model.loss(Batch(uniform(3, 1, 8, 8)), rng())
    assert float(terms["total"].detach()) == pytest.approx(float(terms["reconstruction"] + terms["kl"]), rel=1e-12)


def test_a_validation_during_the_warm_up_already_uses_the_final_beta() -> None:
    model = vae(GREY, beta=2.0, beta_warmup=10)
    scores = model.scores(Batch(uniform(3, 1, 8, 8)), rng())
    total = float(scores["total"].detach())
    assert total == pytest.approx(float(scores["reconstruction"] + 2.0 * scores["kl"]), rel=1e-12)


def test_an_edit_of_beta_takes_effect_at_once_and_keeps_the_place_in_the_warm_up() -> None:
    model = vae(GREY, beta=2.0, beta_warmup=10)
    model.at(5)
    model.edit(model.spec.replace("beta", 4.0))
    assert model.weight == 2.0


def test_the_gradient_of_the_loss_is_that_of_finite_differences() -> None:
    model = vae(PLANE, latent=2, hidden=[3], activation="tanh").train()
    x = 2 * uniform(4, 2) - 1
    assert len(list(model.parameters())) == 9
    for parameter in model.parameters():
        model.zero_grad()
        model.loss(Batch(x), rng(7))["total"].backward()
        flat, slope = parameter.data.view(-1), parameter.grad.view(-1)  # type: ignore[union-attr]
        before, step = float(flat[0]), 1e-6
        ends = []
        for shifted in (before + step, before - step):
            flat[0] = shifted
            ends.append(float(model.loss(Batch(x), rng(7))["total"].detach()))
        flat[0] = before
        assert float(slope[0]) == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=1e-6, abs=1e-7)


# ---- likelihoods


def test_the_gaussian_likelihood_is_that_of_torch_with_its_normaliser() -> None:
    model = vae(PLANE, latent=2, sigma=0.3, variance="fixed")
    x, h = 2 * uniform(6, 2) - 1, uniform(6, 2, seed=2)
    sigma = (0.5 * model.likelihood.logvar).exp()
    assert float(sigma) == pytest.approx(0.3, rel=1e-6)
    torch.testing.assert_close(
        model.likelihood.log_prob(x, h), Independent(Normal(h, sigma), 1).log_prob(x), rtol=1e-12, atol=1e-12
    )


@pytest.mark.parametrize("sigma", [0.002, 0.5, 10.0])
def test_a_learned_sigma_starts_where_the_spec_says_and_never_falls_below_its_floor(sigma: float) -> None:
    likelihood = vae(PLANE, latent=2, sigma=sigma, variance="learned").likelihood
    assert float((0.5 * likelihood.logvar.detach()).exp()) == pytest.approx(sigma, rel=1e-5)
    with torch.no_grad():
        likelihood.raw_logvar.fill_(-1e4)
    assert float((0.5 * likelihood.logvar.detach()).exp()) == pytest.approx(1e-3, rel=1e-6)


def test_a_fixed_sigma_has_no_parameter_and_a_learned_one_has_one() -> None:
    counts = [len(list(vae(PLANE, variance=v).likelihood.parameters())) for v in ("fixed", "learned")]
    assert counts == [0, 1]


def test_coins_in_another_range_have_the_log_probability_they_have_in_0_to_1() -> None:
    model, centred = vae(BINARY), vae(replace(BINARY, range=(-1.0, 1.0)), likelihood="bernoulli")
    x, h = uniform(5, 1, 8, 8).round(), 6 * uniform(5, 1, 8, 8, seed=2) - 3
    torch.testing.assert_close(
        model.likelihood.log_prob(x, h), centred.likelihood.log_prob(2 * x - 1, h), rtol=0, atol=1e-12
    )
    torch.testing.assert_close(2 * model.likelihood.mean(h) - 1, centred.likelihood.mean(h), rtol=0, atol=1e-12)


def test_the_likelihood_of_bits_sums_to_one_for_every_code() -> None:
    model = vae(BITS, latent=2)
    every = torch.tensor(list(itertools.product([0.0, 1.0], repeat=4)), dtype=torch.float64)
    h = steer(model, 9.0).decoder(model.prior(5, rng()))
    total = model.likelihood.log_prob(every[:, None], h).exp().sum(0)
    torch.testing.assert_close(total, torch.ones_like(total), rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("card", "expected"),
    [(PLANE, "Gaussian"), (GREY, "Bernoulli"), (BINARY, "Bernoulli"), (BITS, "Bernoulli"), (NOISY, "Gaussian"),
     (replace(GREY, range=(-1.0, 1.0)), "Gaussian")],
    ids=lambda value: value if isinstance(value, str) else value.title,
)  # fmt: skip
def test_auto_takes_coins_where_coins_make_sense(card: DataCard, expected: str) -> None:
    assert type(vae(card).likelihood).__name__ == expected


@pytest.mark.parametrize(
    ("card", "likelihood", "offered"),
    [
        (BINARY, "bernoulli", True),
        (GREY, "bernoulli", False),
        (NOISY, "bernoulli", False),
        (NOISY, "gaussian", True),
        (GREY, "gaussian", False),
        (BINARY, "gaussian", False),
        (PLANE, "gaussian", True),
    ],
)
def test_a_density_is_offered_only_where_the_likelihood_is_one(card: DataCard, likelihood: str, offered: bool) -> None:
    assert ("density" in vae(card, likelihood=likelihood).offers()) is offered


# ---- samples and shapes


def test_points_are_drawn_with_the_noise_of_the_likelihood() -> None:
    model = vae(PLANE, latent=2, sigma=0.25, variance="fixed")
    drawn = model.sample(20_000, rng(4))
    means = model.decode(model.prior(20_000, rng(4)))
    spread = float((drawn - means).detach().std())
    assert spread == pytest.approx(0.25, abs=4 * 0.25 / math.sqrt(2 * 40_000))


def test_pictures_are_means_or_draws_as_the_spec_says() -> None:
    means = vae(BINARY).sample(3, rng())
    draws = vae(BINARY, pictures="draw").sample(3, rng())
    assert set(draws.unique().tolist()) == {0.0, 1.0}
    low, high = float(means.detach().min()), float(means.detach().max())
    assert low > 0.0 and high < 1.0
    noisy = vae(NOISY, pictures="draw", sigma=2.0).sample(3, rng())
    assert float(noisy.detach().min()) == 0.0 and float(noisy.detach().max()) == 1.0, "clipped to the range"


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
@pytest.mark.parametrize("span", [(0.0, 1.0), (-1.0, 1.0)])
def test_decoded_pictures_stay_in_the_range_however_sure_the_decoder_is(
    likelihood: str, span: tuple[float, float]
) -> None:
    model = steer(vae(replace(GREY, range=span), likelihood=likelihood), 500.0)
    with torch.no_grad():
        found = model.decode(model.prior(20, rng()))
    lo, hi = span
    assert lo <= float(found.min()) < lo + 0.01 and hi - 0.01 < float(found.max()) <= hi


@pytest.mark.parametrize("network", ["mlp", "conv"])
@pytest.mark.parametrize("shape", [(1, 8, 8), (1, 28, 28), (3, 32, 32), (2, 9, 13)], ids=str)
def test_pictures_of_any_size_and_number_of_channels_come_back_in_their_shape(
    network: str, shape: tuple[int, ...]
) -> None:
    card = replace(GREY, shape=shape)
    model = vae(card, network=network, latent=2, channels=[4, 8, 8], hidden=[16])
    x = uniform(3, *shape)
    assert model.reconstruct(x, rng()).shape == x.shape
    assert model.sample(2, rng()).shape == (2, *shape)
    mu, std = model.encode(x)
    assert mu.shape == std.shape == (3, 2)
    terms = model.loss(Batch(x), rng())
    terms["total"].backward()
    assert all(p.grad is not None and float(p.grad.abs().sum()) > 0 for p in model.parameters())


@pytest.mark.parametrize("latent", [2, 128])
def test_the_latent_space_has_2_to_128_dimensions(latent: int) -> None:
    model = vae(GREY, latent=latent)
    assert model.prior(3, rng()).shape == (3, latent)
    assert model.loss(Batch(uniform(2, 1, 8, 8)), rng())["kl_dimensions"].shape == (latent,)


def test_the_textbook_network_has_the_textbook_number_of_weights() -> None:
    card = replace(BINARY, shape=(1, 28, 28))
    count = sum(p.numel() for p in vae(card, latent=20, hidden=[400]).parameters())
    assert count == 784 * 400 + 400 + 400 * 40 + 40 + 20 * 400 + 400 + 400 * 784 + 784


def test_only_small_perceptrons_call_themselves_small() -> None:
    assert vae(GREY).small
    assert not vae(GREY, network="conv").small
    assert not vae(replace(GREY, shape=(1, 28, 28))).small


# ---- refusals


@pytest.mark.parametrize(
    ("card", "options", "path", "words"),
    [
        (PLANE, {"network": "conv"}, "model.network", "choose 'mlp'"),
        (replace(GREY, shape=(1, 7, 8)), {"network": "conv"}, "model.network", "8x8 or more"),
        (GREY, {"network": "conv", "channels": []}, "model.channels", "is empty"),
        (PLANE, {"likelihood": "bernoulli"}, "model.likelihood", "choose 'gaussian' or 'auto'"),
        (GREY, {"beta": 99}, "model.beta", "beta is 99; the range is 0 to 20"),
        (GREY, {"latent": 129}, "model.latent", "2 to 128"),
        (GREY, {"hidden": [400, 0]}, "model.hidden", "1 to 4096"),
        (GREY, {"likelihood": "poisson"}, "model.likelihood", "expected one of: auto, bernoulli, gaussian"),
    ],
)
def test_what_cannot_be_built_is_refused_in_one_sentence(
    card: DataCard, options: Mapping[str, Any], path: str, words: str
) -> None:
    with pytest.raises(SpecError) as caught:
        vae(card, **options)
    assert caught.value.path == path
    assert words in caught.value.message and "\n" not in caught.value.message


def test_a_class_cannot_be_asked_of_a_model_that_learned_none() -> None:
    model, y = vae(GREY), torch.tensor([3])
    for asked in (lambda: model.sample(1, rng(), y), lambda: model.decode(model.prior(1, rng()), y)):
        with pytest.raises(SpecError, match="leave y out"):
            asked()


def test_examples_with_labels_are_reconstructed_and_scored_as_if_they_had_none() -> None:
    model, x = vae(BINARY), uniform(2, 1, 8, 8).round()
    y = torch.tensor([1, 2])
    assert torch.equal(model.reconstruct(x, rng(), y), model.reconstruct(x, rng()))
    assert torch.equal(model.log_prob(x, rng(), y, 3), model.log_prob(x, rng(), None, 3))


def test_a_picture_that_was_drawn_by_hand_is_reconstructed() -> None:
    model = build({"kind": "vae"}, GREY, 0).eval()
    given = np.full((1, 8, 8, 1), 128, np.uint8)
    scene = Scene(model, Shelf(GREY, uniform(5, 1, 8, 8).float()), rng(), torch.device("cpu"))
    with torch.no_grad():
        (frame,) = answer(ReconstructQuery(given=given), scene)
    assert np.array_equal(frame.originals, given) and frame.reconstructions.shape == given.shape  # type: ignore[attr-defined]
