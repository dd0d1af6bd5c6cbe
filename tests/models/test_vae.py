"""The VAE's own mathematics: its objective, its likelihoods, its shapes, and what it refuses.

The closed forms of the linear VAE are in test_vae_linear.
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
from torch import Tensor
from torch.distributions import Bernoulli, Independent, Normal

from gm_core.capabilities import ReconstructQuery, answer
from gm_core.capabilities.base import Scene
from gm_core.evaluate.likelihood import NoDensity, log_likelihood
from gm_core.maths import gaussian
from gm_core.maths.estimators import importance_bound
from gm_core.model import Batch, build
from gm_core.models.vae import VAE
from gm_core.protocol.cards import DataCard
from gm_core.spec import SpecError

PLANE = DataCard("plane", "Plane", (2,), "continuous", (-3.0, 3.0))
BITS = DataCard("bits", "Bits", (4,), "binary", (0.0, 1.0), levels=2)
GREY = DataCard("grey", "Grey 8x8", (1, 8, 8), "levels", (0.0, 1.0), levels=17)
BINARY = replace(GREY, name="binary", title="Binary 8x8", values="binary", levels=2)
NOISY = replace(GREY, name="noisy", title="Dequantised 8x8", values="continuous", dequantised=True)


def vae(card: DataCard, seed: int = 0, **options: Any) -> VAE:
    """A VAE in eval mode and float64."""
    made = build({"kind": "vae", **options}, card, seed).double().eval()
    assert isinstance(made, VAE)
    return made


def rng(seed: int = 0) -> torch.Generator:
    """A generator on the CPU."""
    return torch.Generator().manual_seed(seed)


def uniform(*shape: int, seed: int = 1) -> Tensor:
    """Numbers in 0..1, float64."""
    return torch.rand(shape, generator=rng(seed), dtype=torch.float64)


def steer(model: VAE, scale: float) -> VAE:
    """Make an untrained decoder say something: larger weights in its last layer."""
    with torch.no_grad():
        list(model.decoder.parameters())[-2].mul_(scale)
    return model


def code_grid(side: int = 61, reach: float = 7.0) -> tuple[Tensor, Tensor]:
    """Codes on a grid of the latent plane with their prior log masses: (k, 2), (k,)."""
    axis = torch.linspace(-reach, reach, side, dtype=torch.float64)
    z = torch.cartesian_prod(axis, axis)
    step = float(axis[1] - axis[0])
    return z, gaussian.log_prob_standard(z).sum(-1) + 2 * math.log(step)


def true_log_prob(model: VAE, x: Tensor) -> Tensor:
    """ln p(x) by summing p(x|z) p(z) over a fine grid of the latent plane."""
    z, masses = code_grid()
    h = model.decoder(z)
    return torch.stack([torch.logsumexp(model.likelihood.log_prob(each, h) + masses, 0) for each in x])


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


# ---- the bound on ln p(x)


def test_the_bound_rises_with_the_draws_and_stays_below_the_truth_on_average() -> None:
    model = steer(vae(PLANE, latent=2, hidden=[16], sigma=0.4, variance="fixed"), 4.0)
    x = model.sample(1500, rng(1)).detach()
    with torch.no_grad():
        truth = true_log_prob(model, x)
        gaps = {k: model.log_prob(x, rng(2), samples=k) - truth for k in (1, 4, 32, 512)}
    means = [float(gap.mean()) for gap in gaps.values()]
    assert means[0] < means[1] < means[2] < means[3]
    error = float(gaps[512].std()) / math.sqrt(len(x))
    assert means[3] <= 4 * error, "above the truth by more than four standard errors"
    assert means[3] > -0.05
    assert means[0] < -0.3, "the guess of an untrained encoder should be visibly bad, or this test shows nothing"


def test_with_one_draw_the_bound_is_the_elbo() -> None:
    model = vae(PLANE, latent=2, hidden=[16], sigma=0.4)
    x = (2 * uniform(50, 2) - 1).repeat(400, 1)
    with torch.no_grad():
        one = model.log_prob(x, rng(2), samples=1)
        elbo = model.loss(Batch(x), rng(3))["elbo"]
    assert abs(float(one.mean() - elbo)) < 4 * float(one.std()) / math.sqrt(len(x)) * math.sqrt(2)


def test_the_bound_on_bits_sums_to_nearly_one_with_many_draws() -> None:
    model = steer(vae(BITS, latent=2, hidden=[16]), 9.0)
    every = torch.tensor(list(itertools.product([0.0, 1.0], repeat=4)), dtype=torch.float64)
    with torch.no_grad():
        truth = true_log_prob(model, every)
        bound = model.log_prob(every, rng(), samples=4000)
    assert float(truth.exp().sum()) == pytest.approx(1.0, abs=1e-6)
    assert float(truth.max() - truth.min()) > 0.5, "all examples alike would show nothing"
    torch.testing.assert_close(bound, truth, rtol=0, atol=0.1)


def test_the_bound_is_burdas_for_the_codes_that_were_drawn() -> None:
    model, x = vae(BITS, latent=2, hidden=[16]), uniform(3, 4).round()
    mu, logvar = model.posterior(x)
    z = gaussian.draw(mu, logvar, rng(5), times=6)
    std = (0.5 * logvar).exp()
    expected = (
        Independent(Bernoulli(logits=model.decoder(z)), 1).log_prob(x.expand(6, 3, 4))
        + Independent(Normal(torch.zeros_like(z), 1.0), 1).log_prob(z)
        - Independent(Normal(mu, std), 1).log_prob(z)
    )
    torch.testing.assert_close(model.log_weights(x, z, mu, logvar), expected, rtol=0, atol=1e-12)
    torch.testing.assert_close(model.log_prob(x, rng(5), samples=6), importance_bound(expected), rtol=0, atol=1e-12)


@pytest.mark.parametrize(("card", "network"), [(BITS, "mlp"), (BINARY, "mlp"), (BINARY, "conv")])
def test_a_bound_with_many_draws_is_computed_in_portions_that_fit_in_memory(
    card: DataCard, network: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gm_core.models.vae.NUMBERS_AT_ONCE", 40_000)
    model = vae(card, network=network, hidden=[100], channels=[4, 8])
    seen: list[int] = []
    for layer in (*model.decoder.modules(), *model.encoder.modules()):
        layer.register_forward_hook(lambda _, inputs, output: seen.append(output.numel()))
    x = uniform(700, *card.shape).round()
    with torch.no_grad():
        found = model.log_prob(x, rng(), samples=30)
    assert found.shape == (700,) and max(seen) <= 40_000
    # All at once would have held 700 examples times 30 draws in its widest layer.
    assert sum(seen) > 700 * 30 * card.size


# ---- samples and shapes


def test_points_are_drawn_with_the_noise_of_the_likelihood() -> None:
    model = vae(PLANE, latent=2, sigma=0.25, variance="fixed")
    drawn = model.sample(20_000, rng(4))
    means = model.decode(model.prior(20_000, rng(4)))
    spread = float((drawn - means).std())
    assert spread == pytest.approx(0.25, abs=4 * 0.25 / math.sqrt(2 * 40_000))


def test_pictures_are_means_or_draws_as_the_spec_says() -> None:
    means = vae(BINARY).sample(3, rng())
    draws = vae(BINARY, pictures="draw").sample(3, rng())
    assert set(draws.unique().tolist()) == {0.0, 1.0}
    low, high = float(means.detach().min()), float(means.detach().max())
    assert low > 0.0 and high < 1.0
    noisy = vae(NOISY, pictures="draw", sigma=2.0).sample(3, rng())
    assert float(noisy.min()) == 0.0 and float(noisy.max()) == 1.0, "clipped to the range"


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


# ---- a whole split


class Shelf:
    """Some examples, the same in each split."""

    def __init__(self, card: DataCard, x: Tensor) -> None:
        self.card = card
        self.x = x

    def examples(self, split: str, indices: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor | None]:
        """The examples at these indices."""
        return self.x[indices], None

    def count(self, split: str) -> int:
        """How many there are."""
        return len(self.x)


def test_a_split_is_scored_in_portions_with_its_mean_error_and_bits() -> None:
    model, x = vae(BINARY), uniform(25, 1, 8, 8).round()
    estimates = list(log_likelihood(model, Shelf(BINARY, x), "test", rng(1), samples=5, portion=10))
    assert [(e.done, e.total) for e in estimates] == [(10, 25), (20, 25), (25, 25)]
    one = rng(1)
    with torch.no_grad():
        expected = torch.cat([model.log_prob(part, one, None, 5) for part in x.split(10)])
    last = estimates[-1]
    assert torch.equal(last.values, expected) and last.kind == "bound"
    assert float(last.mean) == pytest.approx(float(expected.mean()))
    assert float(last.error) == pytest.approx(float(expected.std()) / 5.0)
    assert float(last.bits) == pytest.approx(-float(expected.mean()) / (64 * math.log(2)))
    assert not last.values.requires_grad


def test_a_limit_stops_the_scoring_early() -> None:
    estimates = list(log_likelihood(vae(PLANE), Shelf(PLANE, uniform(50, 2)), "test", rng(), 2, portion=4, limit=6))
    assert [(e.done, e.total) for e in estimates] == [(4, 6), (6, 6)]


def test_a_cross_entropy_is_not_sold_as_a_likelihood() -> None:
    with pytest.raises(NoDensity, match="gives no density"):
        next(log_likelihood(vae(GREY), Shelf(GREY, uniform(5, 1, 8, 8)), "test", rng()))


def test_a_picture_that_was_drawn_by_hand_is_reconstructed() -> None:
    model = build({"kind": "vae"}, GREY, 0).eval()
    given = np.full((1, 8, 8, 1), 128, np.uint8)
    scene = Scene(model, Shelf(GREY, uniform(5, 1, 8, 8).float()), rng(), torch.device("cpu"))
    with torch.no_grad():
        (frame,) = answer(ReconstructQuery(given=given), scene)
    assert np.array_equal(frame.originals, given) and frame.reconstructions.shape == given.shape  # type: ignore[attr-defined]
