"""The autoencoder: errors, tied weights, penalties, and the Gaussian that is fitted to its codes."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.distributions import MultivariateNormal
from torch.func import jacrev, vmap
from torch.nn.functional import binary_cross_entropy

from gm_core.model import Batch
from gm_core.models.autoencoder import Autoencoder
from gm_core.protocol.cards import DataCard
from gm_core.spec import SpecError

from .autoencoders import BITS, CENTRED, FIVE, GREY, PLANE, autoencoder, seeded, trained


def pictures(card: DataCard, n: int = 6) -> Tensor:
    """Pictures somewhere in the card's range."""
    lo, hi = card.range
    return lo + (hi - lo) * torch.rand((n, *card.shape), generator=seeded(1))


def total(it: Autoencoder, x: Tensor) -> dict[str, Tensor]:
    """The loss of a batch."""
    return it.loss(Batch(x), seeded(2))


# ---- errors


def test_the_cross_entropy_is_that_of_torch_also_where_pictures_lie_between_minus_one_and_one() -> None:
    for card in (GREY, CENTRED):
        it, x = autoencoder(card, error="cross_entropy"), pictures(card)
        back = it.reconstruct(x, seeded(0))
        lo, hi = card.range
        wanted = binary_cross_entropy((back - lo) / (hi - lo), (x - lo) / (hi - lo), reduction="none")
        torch.testing.assert_close(total(it, x)["total"], wanted.flatten(1).sum(1).mean())


@pytest.mark.parametrize("card", [PLANE, GREY, CENTRED], ids=lambda card: card.name)
def test_the_squared_error_is_summed_over_numbers_and_averaged_over_examples(card: DataCard) -> None:
    it, x = autoencoder(card, error="squared"), pictures(card)
    wanted = (it.reconstruct(x, seeded(0)) - x).square().sum() / len(x)
    torch.testing.assert_close(total(it, x)["total"], wanted)


def test_binary_data_and_pictures_in_0_to_1_take_the_cross_entropy_and_the_chart_says_which_unit() -> None:
    units = {card.name: autoencoder(card).charts[0].unit for card in (BITS, GREY, PLANE, CENTRED)}
    nats, squares = "nats per example", "squared error per example"
    assert units == {"bits": nats, "grey": nats, "plane": squares, "centred": squares}


@pytest.mark.parametrize(
    ("card", "options", "path"),
    [
        (PLANE, {"error": "cross_entropy"}, "model.error"),
        (PLANE, {"network": "conv"}, "model.network"),
        (GREY, {"network": "conv", "channels": []}, "model.channels"),
        (GREY, {"network": "conv", "tied": True}, "model.tied"),
    ],
)
def test_what_does_not_go_together_is_refused_beside_its_field(
    card: DataCard, options: dict[str, Any], path: str
) -> None:
    with pytest.raises(SpecError) as caught:
        autoencoder(card, **options)
    assert caught.value.path == path and path in caught.value.message


def test_a_linear_autoencoder_comes_to_the_subspace_of_the_leading_principal_axes() -> None:
    spread = torch.tensor([3.0, 2.0, 1.0, 0.5, 0.3])
    turn = torch.linalg.qr(torch.randn(5, 5, generator=seeded(3))).Q
    x = torch.randn(400, 5, generator=seeded(4)) * spread @ turn.T
    x = x - x.mean(0)
    it = trained(autoencoder(FIVE, latent=2, hidden=[]), lambda rng: x, 600, 0.02)
    values, vectors = torch.linalg.eigh(x.T @ x / len(x))
    left = (it.reconstruct(x, seeded(0)) - x).square().sum(1).mean()
    # Baldi & Hornik 1989: the optimum leaves exactly the variance of the discarded axes. Adam stops a little above.
    assert values[:3].sum() <= left * (1 + 1e-5) and left < 1.001 * values[:3].sum()
    map_ = vmap(jacrev(lambda one: it.reconstruct(one[None], seeded(0))[0]))(x[:1])[0]
    assert torch.dist(map_, vectors[:, 3:] @ vectors[:, 3:].T) < 0.02


# ---- tied weights


def test_tied_weights_are_one_parameter_that_hears_of_both_ways() -> None:
    it = autoencoder(PLANE, latent=3, hidden=[4], tied=True).double()
    names = [name for name, _ in it.named_parameters()]
    assert [name for name in names if name.endswith("weight")] == ["encoder.net.0.weight", "encoder.net.2.weight"]
    assert it.free_parameters() == 2 * 4 + 4 * 3 + (4 + 3) + (4 + 2)
    x = torch.randn(8, 2, generator=seeded(1), dtype=torch.float64)
    free = autoencoder(PLANE, latent=3, hidden=[4]).double()
    pairs = [("encoder.net.0", "decoder.net.2"), ("encoder.net.2", "decoder.net.0")]
    ours, theirs = dict(it.named_parameters()), dict(free.named_parameters())
    with torch.no_grad():
        for there, back in pairs:
            theirs[f"{there}.weight"].copy_(ours[f"{there}.weight"])
            theirs[f"{there}.bias"].copy_(ours[f"{there}.bias"])
            theirs[f"{back}.weight"].copy_(ours[f"{there}.weight"].T)
        for number, name in enumerate(("decoder.net.0.bias", "decoder.net.2.bias")):
            theirs[name].copy_(ours[f"decoder.biases.{number}"])
    torch.testing.assert_close(it.reconstruct(x, seeded(0)), free.reconstruct(x, seeded(0)))
    for model in (it, free):
        total(model, x)["total"].backward()
    for there, back in pairs:
        there_grad, back_grad = theirs[f"{there}.weight"].grad, theirs[f"{back}.weight"].grad
        assert there_grad is not None and back_grad is not None
        torch.testing.assert_close(ours[f"{there}.weight"].grad, there_grad + back_grad.T)


def test_a_twin_of_a_tied_autoencoder_shares_its_own_weights_and_not_those_of_its_source() -> None:
    it = autoencoder(GREY, latent=5, hidden=[], tied=True)
    twin, x = copy.deepcopy(it), pictures(GREY)
    with torch.no_grad():
        for parameter in it.parameters():
            parameter.zero_()
    assert it.reconstruct(x, seeded(0)).std() == 0 and twin.reconstruct(x, seeded(0)).std() > 0


# ---- penalties

NETWORKS: dict[str, dict[str, Any]] = {
    "one layer": {"latent": 12, "hidden": [], "code": "sigmoid"},
    "tied": {"latent": 12, "hidden": [], "code": "sigmoid", "tied": True},
    "deep": {"latent": 4, "hidden": [10, 6], "activation": "tanh", "code": "sigmoid"},
    "deep, tied": {"latent": 4, "hidden": [10], "activation": "sigmoid", "tied": True},
    "convolutions": {"latent": 3, "network": "conv", "channels": [2, 3], "activation": "silu"},
}


@pytest.mark.parametrize("network", NETWORKS)
def test_the_contractive_penalty_is_the_exact_jacobian_of_the_code(network: str) -> None:
    it = autoencoder(GREY, contraction=0.7, **NETWORKS[network]).double()
    x = pictures(GREY).double()
    whole = vmap(jacrev(lambda one: it.codes(one[None])[0]))(x).flatten(1).square().sum(1)
    torch.testing.assert_close(it.slopes(x), whole, rtol=1e-13, atol=0)
    terms = total(it, x)
    torch.testing.assert_close(terms["jacobian"], whole.mean())
    torch.testing.assert_close(terms["total"], terms["reconstruction"] + 0.7 * whole.mean())


@pytest.mark.parametrize("network", NETWORKS)
def test_the_gradient_of_the_whole_loss_is_that_of_finite_differences(network: str) -> None:
    it = autoencoder(GREY, contraction=0.7, decay=0.01, **NETWORKS[network]).double()
    x, rng = pictures(GREY, 3).double(), seeded(5)
    total(it, x)["total"].backward()
    for parameter in it.parameters():
        assert parameter.grad is not None
        way = torch.randn(parameter.shape, generator=rng, dtype=torch.float64)
        sides = []
        for sign in (1.0, -1.0):
            with torch.no_grad():
                parameter.add_(sign * 1e-5 * way)
                sides.append(float(total(it, x)["total"]))
                parameter.sub_(sign * 1e-5 * way)
        slope = (sides[0] - sides[1]) / 2e-5
        assert slope == pytest.approx(float((parameter.grad * way).sum()), rel=1e-5, abs=1e-6)


def test_squared_weights_count_once_and_biases_do_not() -> None:
    it = autoencoder(PLANE, latent=3, hidden=[], decay=0.1, tied=True)
    weight = dict(it.named_parameters())["encoder.net.0.weight"]
    terms = total(it, torch.zeros(4, 2))
    assert terms["weights"] == weight.square().sum()
    torch.testing.assert_close(terms["total"], terms["reconstruction"] + 0.1 * terms["weights"])


def test_the_curves_are_those_terms_that_the_spec_asks_for_and_stay_when_a_weight_falls_to_nothing() -> None:
    assert [chart.name for chart in autoencoder(PLANE).charts] == ["reconstruction"]
    it = autoencoder(PLANE, contraction=0.1, decay=0.1)
    for spec in (it.spec, it.spec.replace("contraction", 0.0).replace("decay", 0.0)):
        it.edit(spec)
        assert total(it, torch.ones(3, 2)).keys() == {"total", "reconstruction", "jacobian", "weights"}
    assert torch.equal(*[total(it, torch.ones(3, 2))[name] for name in ("total", "reconstruction")])


def test_a_penalty_that_is_raised_while_it_trains_counts_at_once() -> None:
    it, x = autoencoder(PLANE), torch.ones(3, 2)
    plain = total(it, x)["total"]
    it.edit(it.spec.replace("contraction", 2.0))
    torch.testing.assert_close(total(it, x)["total"], plain + 2.0 * it.slopes(x).mean())


def test_more_contraction_leaves_codes_that_answer_less() -> None:
    def cloud(rng: torch.Generator) -> Tensor:
        return torch.randn(64, 2, generator=rng)

    slopes = []
    for weight in (0.0, 1.0, 10.0):
        it = autoencoder(PLANE, latent=6, hidden=[], code="sigmoid", contraction=weight)
        slopes.append(float(trained(it, cloud, 150, 0.02).slopes(cloud(seeded(1))).mean().detach()))
    assert slopes[0] > 1.5 * slopes[1] > 2.0 * slopes[2]


# ---- codes


def test_the_gaussian_of_the_codes_has_the_moments_of_the_codes_of_the_data() -> None:
    spread = torch.tensor([[1.0, 0.0], [1.5, 0.5]])
    it = autoencoder(PLANE, latent=3, hidden=[8])
    for step in range(100):
        it.at(step)
        x = torch.randn(100, 2, generator=seeded(step)) @ spread.T
        total(it, x)
        it.remember(seeded(0))
    with torch.no_grad():
        met = torch.cat([torch.randn(100, 2, generator=seeded(step)) @ spread.T for step in range(100)])
        codes = it.codes(met).double()
        drawn = it.eval().prior(100_000, seeded(1)).double()
    assert it.seen == 100
    torch.testing.assert_close(it.code_mean.double(), codes.mean(0), atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(it.code_covariance.double(), codes.T.cov(correction=0), atol=1e-6, rtol=1e-5)
    # 100 000 draws know a covariance to about 0.5 % of its scale; four times that.
    scale = float(codes.var(0).max())
    torch.testing.assert_close(drawn.T.cov(), codes.T.cov(), atol=0.02 * scale, rtol=0)
    fitted = MultivariateNormal(codes.mean(0), codes.T.cov(correction=0))
    torch.testing.assert_close(it.log_prior(codes.float()).double(), fitted.log_prob(codes), atol=1e-2, rtol=0)


def test_moments_take_in_a_batch_in_parts_as_one_and_forget_a_step_that_was_never_taken() -> None:
    whole, parts = autoencoder(PLANE), autoencoder(PLANE)
    x = torch.randn(30, 2, generator=seeded(1))
    total(whole, x)
    total(parts, 5.0 + x)
    parts.at(0)
    for part in x.split(10):
        total(parts, part)
    for it in (whole, parts):
        it.remember(seeded(0))
    torch.testing.assert_close(whole.code_covariance, parts.code_covariance)
    before = whole.code_mean.clone()
    total(whole.eval(), 9.0 + x)
    whole.remember(seeded(0))
    assert torch.equal(before, whole.code_mean), "a validation batch came into the moments"


def test_codes_of_dead_axes_can_be_drawn_and_stay_where_they_are() -> None:
    it = autoencoder(PLANE, latent=4, hidden=[])
    with torch.no_grad():
        for parameter in it.encoder.parameters():
            parameter[2:] = 0.0
    for step in range(3):
        total(it, torch.randn(50, 2, generator=seeded(step)))
        it.remember(seeded(0))
    drawn = it.eval().prior(1000, seeded(1))
    assert drawn.isfinite().all() and drawn[:, 2:].abs().max() < 0.02 and drawn[:, :2].std(0).min() > 0.02


def test_codes_of_many_more_numbers_than_there_are_causes_can_be_drawn_at_any_time() -> None:
    it = autoencoder(PLANE, latent=64, hidden=[8], code="tanh")
    for step in range(300):
        total(it, 3.0 * torch.randn(20, 2, generator=seeded(step)))
        it.remember(seeded(0))
        drawn = it.prior(3, seeded(1))
        assert drawn.isfinite().all() and it.log_prior(drawn).isfinite().all()


@pytest.mark.parametrize(("code", "lo", "hi"), [("sigmoid", 0.0, 1.0), ("tanh", -1.0, 1.0), ("relu", 0.0, 9e9)])
def test_drawn_codes_stay_in_the_range_of_the_code(code: str, lo: float, hi: float) -> None:
    drawn = autoencoder(PLANE, code=code).prior(500, seeded(1))
    assert drawn.min() >= lo and drawn.max() <= hi and drawn.std() > 0.1


def test_encoding_is_certain_and_decoding_a_code_is_the_reconstruction() -> None:
    it, x = autoencoder(GREY, latent=5).eval(), pictures(GREY)
    mu, std = it.encode(x)
    assert torch.equal(std, torch.zeros(6, 5))
    assert torch.equal(it.decode(mu), it.reconstruct(x, seeded(0)))
    assert torch.equal(it.decode(mu), it.denoise(x, 0.3))


def test_axes_are_sorted_by_what_they_change_in_the_picture_not_by_the_size_of_their_numbers() -> None:
    it = autoencoder(FIVE, latent=3, hidden=[]).eval()
    mu = torch.randn(40, 3, generator=seeded(1)) * torch.tensor([10.0, 1.0, 0.1])
    with torch.no_grad():
        (weight, _) = it.decoder.parameters()
        weight.copy_(torch.eye(5, 3) * torch.tensor([0.01, 2.0, 5.0]))
        use = it.use(mu, torch.zeros_like(mu))
    wanted = (mu.std(0, correction=0) * torch.tensor([0.01, 2.0, 5.0])).square()
    torch.testing.assert_close(use, wanted)
    assert use.argsort(descending=True).tolist() == [1, 2, 0]


def test_labels_are_refused_where_they_would_choose_and_ignored_where_they_are_known() -> None:
    it, y = autoencoder(PLANE).eval(), torch.zeros(3, dtype=torch.int64)
    with pytest.raises(SpecError, match="learns no classes"):
        it.sample(3, seeded(1), y)
    assert it.encode(torch.zeros(3, 2), y)[0].shape == (3, 16)
