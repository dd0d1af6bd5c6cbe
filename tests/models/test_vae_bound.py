"""The VAE's bound on ln p(x): against sums over a grid of codes, in portions, and over a whole split."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from torch.distributions import Bernoulli, Independent, Normal

from gm_core.evaluate.likelihood import NoDensity, log_likelihood
from gm_core.maths.estimators import importance_bound
from gm_core.model import Batch
from gm_core.protocol.cards import DataCard

from .vaes import BINARY, BITS, GREY, PLANE, Shelf, rng, steer, true_log_prob, uniform, vae

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
    guess = model.posterior(x)
    z = guess.draw(rng(5), 6)
    expected = (
        Independent(Bernoulli(logits=model.decoder(z)), 1).log_prob(x.expand(6, 3, 4))
        + Independent(Normal(torch.zeros_like(z), 1.0), 1).log_prob(z)
        - Independent(Normal(guess.mu, guess.std), 1).log_prob(z)
    )
    torch.testing.assert_close(model.log_weights(x, z, guess), expected, rtol=0, atol=1e-12)
    torch.testing.assert_close(model.log_prob(x, rng(5), samples=6), importance_bound(expected), rtol=0, atol=1e-12)


@pytest.mark.parametrize(("card", "network"), [(BITS, "mlp"), (BINARY, "mlp"), (BINARY, "conv")])
def test_a_bound_with_many_draws_is_computed_in_portions_that_fit_in_memory(
    card: DataCard, network: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gm_core.parts.bounds.NUMBERS_AT_ONCE", 40_000)
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


# ---- a whole split


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
