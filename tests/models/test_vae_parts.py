"""The parts of a VAE combine freely: each combination trains, is scored, saved and looked at; the rest is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
import torch

from gm_core.capabilities.base import Scene, answer
from gm_core.capabilities.encodes import MapQuery
from gm_core.capabilities.latent import DecodeQuery
from gm_core.capabilities.reconstruct import ReconstructQuery
from gm_core.capabilities.samples import SampleQuery
from gm_core.data.feed import Feed
from gm_core.data.registry import make_data
from gm_core.model import Batch, build
from gm_core.models.vae import VAE
from gm_core.parts.priors import VampPrior
from gm_core.spec import SpecError, TrainSpec
from gm_core.train.loop import Training

from .vaes import BINARY, GREY, NOISY, PLANE, Shelf, rng, steer, true_log_prob, uniform, vae

LEVELS = replace(GREY, levels=17)
MIXES: list[dict[str, Any]] = [
    {"prior": prior, "posterior": posterior, "objective": objective, "gradient": gradient, "draws": 3, "components": 4}
    for prior in ("normal", "mixture", "vamp")
    for posterior in ("diagonal", "full")
    for objective, gradient in (
        ("elbo", "reparameterisation"),
        ("elbo", "score"),
        ("iwae", "reparameterisation"),
        ("iwae", "doubly_reparameterised"),
        ("iwae", "score"),
        ("tc", "reparameterisation"),
    )
]


def words(mix: Mapping[str, Any]) -> str:
    """A mix as the name of a test."""
    return "-".join(str(value) for value in mix.values())


@pytest.mark.parametrize("mix", MIXES, ids=words)
def test_each_mix_reaches_all_its_parameters_reports_its_charts_and_ten_steps_lower_it(mix: dict[str, Any]) -> None:
    model = vae(BINARY, latent=3, hidden=[32], beta=2.0, **mix).train()
    x = uniform(40, 1, 8, 8).round() * uniform(40, 1, 8, 8, seed=2)[:, :, :1].round()
    optimiser = torch.optim.Adam(model.parameters(), lr=0.005)
    totals = []
    for step in range(12):
        optimiser.zero_grad()
        terms = model.loss(Batch(x), rng(step))
        terms["total"].backward()
        optimiser.step()
        assert terms.keys() == {"total", *(chart.name for chart in model.charts)}
        assert all(bool(value.isfinite().all()) for value in terms.values())
        assert terms["kl_dimensions"].shape == (3,)
        totals.append(float(terms["total"].detach()))
    unreached = [n for n, p in model.named_parameters() if p.grad is None or not bool((p.grad != 0).any())]
    assert not unreached
    assert sum(totals[-3:]) < sum(totals[:3])
    with torch.no_grad():
        scored = model.eval().log_prob(x[:4], rng(), samples=3)
        assert scored.shape == (4,) and bool((scored < 0).all())
        assert model.covariance(x).shape == (40, 3, 3)


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian", "continuous_bernoulli", "discretised_logistic"])
@pytest.mark.parametrize("network", ["mlp", "conv"])
def test_each_likelihood_trains_draws_within_the_range_and_reconstructs(likelihood: str, network: str) -> None:
    card = NOISY if likelihood in ("gaussian", "continuous_bernoulli") else LEVELS
    model = vae(card, likelihood=likelihood, network=network, hidden=[16], channels=[4, 8], pictures="draw").train()
    x = uniform(8, 1, 8, 8)
    x = (16 * x).round() / 16 if card.levels and card.values == "levels" else x
    terms = model.loss(Batch(x), rng())
    terms["total"].backward()
    assert all(p.grad is not None and bool(p.grad.isfinite().all()) for p in model.parameters())
    model.eval()
    with torch.no_grad():
        for found in (model.sample(6, rng()), model.reconstruct(x, rng())):
            assert float(found.min()) >= 0.0 and float(found.max()) <= 1.0 + 1e-12
        drawn = model.sample(6, rng())
    if likelihood == "discretised_logistic":
        torch.testing.assert_close((16 * drawn).round() / 16, drawn, rtol=0, atol=1e-12)
    assert ("density" in model.offers()) is (likelihood != "bernoulli")


@pytest.mark.parametrize("prior", ["mixture", "vamp"])
@pytest.mark.parametrize("posterior", ["diagonal", "full"])
def test_with_any_prior_the_bound_stays_below_the_truth_and_comes_close(prior: str, posterior: str) -> None:
    """The truth is a sum over a grid of codes, with the learned prior in the place of the normal one."""
    options = {"latent": 2, "hidden": [16], "sigma": 0.8, "variance": "fixed", "components": 3}
    model = steer(vae(PLANE, prior=prior, posterior=posterior, **options), 2.0)
    x = model.sample(300, rng(1)).detach()
    with torch.no_grad():
        density = model.codes.density(model.posterior)
        axis = torch.linspace(-7.0, 7.0, 121, dtype=torch.float64)
        z = torch.cartesian_prod(axis, axis)
        masses = density.log_prob(z) + 2 * (axis[1] - axis[0]).log()
        h = model.decoder(z)
        truth = torch.stack([torch.logsumexp(model.likelihood.log_prob(each, h) + masses, 0) for each in x])
        few, many = (model.log_prob(x, rng(2), samples=k) - truth for k in (2, 1000))
    assert float(few.mean()) < float(many.mean()) < 4 * float(many.std()) / 300**0.5
    assert float(many.mean()) > -0.1


def test_the_truth_by_a_grid_is_that_of_the_normal_prior_too() -> None:
    model = steer(vae(PLANE, latent=2, hidden=[16], sigma=0.8, variance="fixed", posterior="full"), 2.0)
    x = model.sample(300, rng(1)).detach()
    with torch.no_grad():
        gap = model.log_prob(x, rng(2), samples=1000) - true_log_prob(model, x)
    assert -0.1 < float(gap.mean()) < 4 * float(gap.std()) / 300**0.5


# ---- training as the program does it


def digits(steps: int, **options: Any) -> Training:
    """A small training on digits."""
    data = make_data({"kind": "digits", "binarisation": "dynamic", "limit": 300})
    spec = TrainSpec.read({"steps": steps, "batch": 32, "validate_every": 1000})
    model = build({"kind": "vae", "latent": 4, "hidden": [32], **options}, data.card, 0)
    return Training(model, Feed(data, spec.batch, "cpu", 0), spec, torch.device("cpu"))


def run(it: Training, until: int | None = None) -> Training:
    """Take steps to the end, or until a step."""
    for _ in it.steps():
        if until is not None and it.step >= until:
            break
    return it


@pytest.mark.parametrize(
    "options",
    [
        {"prior": "vamp", "components": 40},
        {"prior": "vamp", "components": 5, "labels": True, "pseudo_inputs": "noise"},
        {"prior": "mixture", "posterior": "full", "objective": "iwae", "draws": 3, "beta_warmup": 8},
        {"labels": True, "gradient": "score", "draws": 2},
        {"objective": "tc", "beta": 4.0},
    ],
    ids=words,
)
def test_ten_steps_equal_five_and_a_snapshot_and_five_with_other_parts_too(options: dict[str, Any]) -> None:
    whole, half, other = run(digits(10, **options)), run(digits(10, **options), 5), digits(10, **options)
    other.restore(half.snapshot())
    run(other)
    a, b = whole.snapshot(), other.snapshot()
    assert (a.step, b.step) == (10, 10) and a.tensors.keys() == b.tensors.keys()
    assert all(torch.equal(a.tensors[name], b.tensors[name]) for name in a.tensors)


def test_pseudo_inputs_begin_as_examples_without_a_step_and_are_learned_from_there() -> None:
    it = digits(3, prior="vamp", components=40, labels=True)
    first = run(it, 1)
    assert isinstance(first.model, VAE) and isinstance(first.model.codes, VampPrior)
    inputs = first.model.codes.inputs.detach()
    assert float(((inputs - inputs.round()).abs() > 0.01).float().mean()) < 0.01, "binary, one step of 0.001 later"
    assert float(inputs.round().flatten(1).unique(dim=0).shape[0]) > 30
    shares = first.model.codes.shares
    assert shares is not None and bool((shares.detach().softmax(-1).max(-1).values > 0.9).all())
    assert len(first.stages) == 2 and first.step == 1
    assert len(digits(1, prior="vamp", pseudo_inputs="noise").stages) == len(digits(1).stages) == 1


@pytest.mark.parametrize("prior", ["normal", "mixture", "vamp"])
def test_the_map_and_the_sliders_work_with_every_prior(prior: str) -> None:
    model = build({"kind": "vae", "latent": 3, "prior": prior, "posterior": "full", "components": 4}, BINARY, 0).eval()
    shelf = Shelf(BINARY, uniform(30, 1, 8, 8).round().float())
    for query in (MapQuery(n=20), DecodeQuery(), SampleQuery(n=3), ReconstructQuery(n=3)):
        with torch.no_grad():
            frames = [f for f in answer(query, Scene(model, shelf, rng(1), torch.device("cpu"))) if f is not None]
        assert frames
    mu = torch.tensor([[-1.0, 0.0], [1.0, 0.0]])
    use = vae(BINARY, latent=2, prior=prior).use(mu, torch.full((2, 2), 0.5))
    assert float(use[0]) > float(use[1]) >= 0.0


def test_a_default_vae_has_the_weights_it_always_had() -> None:
    """Saved runs name their weights so."""
    names = set(vae(BINARY, hidden=[16]).state_dict())
    kinds = [(coder, n, what) for coder in ("encoder", "decoder") for n in (0, 2) for what in ("weight", "bias")]
    assert names == {f"{coder}.net.{n}.{what}" for coder, n, what in kinds}
    assert "likelihood.raw_logvar" in vae(NOISY, hidden=[16]).state_dict()


def test_only_a_loss_of_examples_that_know_nothing_of_each_other_may_come_in_parts() -> None:
    whole = [{"objective": "tc"}, {"free_bits": 0.1}, {"gradient": "score"}]
    parts = [{}, {"gradient": "score", "draws": 2}, {"objective": "iwae", "draws": 4}, {"prior": "vamp"}]
    assert [vae(BINARY, **options).splittable for options in (*whole, *parts)] == [False] * 3 + [True] * 4


@pytest.mark.parametrize(
    ("options", "path", "said"),
    [
        ({"gradient": "doubly_reparameterised"}, "model.gradient", "choose 'iwae'"),
        ({"gradient": "score", "objective": "tc"}, "model.gradient", "choose 'reparameterisation'"),
        ({"free_bits": 0.5, "objective": "iwae"}, "model.free_bits", "a KL in closed form"),
        ({"free_bits": 0.5, "prior": "mixture"}, "model.free_bits", "'elbo' and 'normal'"),
        ({"components": 0}, "model.components", "1 to 2000"),
        ({"draws": 0}, "model.draws", "1 to 1000"),
    ],
)
def test_what_does_not_go_together_is_refused_in_one_sentence(options: dict[str, Any], path: str, said: str) -> None:
    with pytest.raises(SpecError) as caught:
        vae(BINARY, **options)
    assert caught.value.path == path and said in caught.value.message and "\n" not in caught.value.message
