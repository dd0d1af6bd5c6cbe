"""The VAE of p(x|y): Bayes' rule by its bound, labels of draws, and what happens when a label is ignored or missing."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from gm_core.capabilities.base import Scene, answer, to_picture
from gm_core.capabilities.classes import ConfusionQuery, PosteriorQuery
from gm_core.capabilities.encodes import MapQuery
from gm_core.capabilities.latent import DecodeQuery
from gm_core.capabilities.samples import SampleQuery
from gm_core.model import Batch
from gm_core.models.vae import VAE
from gm_core.protocol.cards import DataCard
from gm_core.spec import SpecError

from .vaes import BINARY, BITS, GREY, Shelf, code_grid, rng, steer, uniform, vae

LABELS = ("a", "b", "c")
LABELLED = replace(BITS, classes=LABELS)
PICTURES = replace(BINARY, classes=LABELS)


class Labelled(Shelf):
    """Some examples with labels."""

    def examples(self, split: str, indices: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor | None]:
        """The examples at these indices, and labels that follow from them."""
        return self.x[indices], indices % len(LABELS)


def told(card: DataCard = LABELLED, **options: object) -> VAE:
    """A model of labels that has met some labels more often than others."""
    model = steer(vae(card, labels=True, latent=2, hidden=[16], **options), 6.0)
    model.label_counts += torch.tensor([1, 5, 9])
    return model


def every() -> Tensor:
    """All examples of four bits."""
    return torch.tensor(list(itertools.product([0.0, 1.0], repeat=4)), dtype=torch.float64)


def truth(model: VAE, x: Tensor, y: int) -> Tensor:
    """ln p(x|y) by summing over a grid of codes."""
    z, masses = code_grid()
    share = torch.nn.functional.one_hot(torch.full((len(z),), y), len(LABELS)).to(z)
    h = model.decoder(torch.cat([z, share], -1))
    return torch.stack([torch.logsumexp(model.likelihood.log_prob(each, h) + masses, 0) for each in x])


def test_each_label_has_a_distribution_of_its_own_and_the_bound_comes_close_to_it_from_below() -> None:
    model, x = told(), every()
    with torch.no_grad():
        exact = torch.stack([truth(model, x, y) for y in range(3)], -1)
        found = torch.stack(
            [model.log_prob(x, rng(y), torch.full((16,), y), samples=4000) for y in range(3)], -1
        )  # fmt: skip
    assert exact.exp().sum(0).tolist() == pytest.approx([1.0] * 3, abs=1e-6)
    assert float((exact[:, 0] - exact[:, 1]).abs().max()) > 0.2, "labels that change nothing prove nothing"
    torch.testing.assert_close(found, exact, rtol=0, atol=0.1)
    assert float((found - exact).mean()) < 0.01


def test_without_a_label_the_score_is_that_of_the_mixture_over_labels() -> None:
    model, x = told(), every()
    with torch.no_grad():
        exact = torch.stack([truth(model, x, y) for y in range(3)], -1) + model.class_log_prior()
        found = model.log_prob(x, rng(1), samples=4000)
    assert model.class_log_prior().exp().tolist() == pytest.approx([2 / 18, 6 / 18, 10 / 18])
    torch.testing.assert_close(found, exact.logsumexp(-1), rtol=0, atol=0.1)
    assert float(exact.logsumexp(-1).exp().sum()) == pytest.approx(1.0, abs=1e-6)


def test_bayes_rule_sums_to_one_and_agrees_with_the_truth() -> None:
    model, x = told(), every()
    with torch.no_grad():
        joint = model.class_log_joint(x)
        exact = torch.stack([truth(model, x, y) for y in range(3)], -1) + model.class_log_prior()
        assert torch.equal(joint, model.class_log_joint(x)), "the same question has the same answer"
    torch.testing.assert_close(joint.softmax(-1), exact.softmax(-1), rtol=0, atol=0.15)
    nothing = torch.zeros(4, dtype=torch.bool)
    assert model.marginalises(nothing) and model.marginalises(~nothing)
    torch.testing.assert_close(model.class_log_joint(x[:2], nothing), model.class_log_prior().expand(2, -1))
    some = torch.tensor([True, False, True, True])
    assert not model.marginalises(some)
    with pytest.raises(SpecError, match="the encoder must see every pixel"):
        model.class_log_joint(x, some)


@pytest.mark.parametrize("network", ["mlp", "conv"])
def test_a_model_that_ignores_the_label_is_the_vae_without_labels(network: str) -> None:
    options = {"latent": 2, "hidden": [16], "network": network, "channels": [4, 8]}
    plain, model = vae(BINARY, **options), vae(PICTURES, labels=True, **options)
    mine, theirs = dict(model.named_parameters()), dict(plain.named_parameters())
    with torch.no_grad():
        for name, parameter in mine.items():
            if name not in theirs:
                continue  # the plane of the label: what reads it is set to zero
            parameter.zero_()
            corner = tuple(slice(0, extent) for extent in theirs[name].shape)
            parameter[corner] = theirs[name]
    x, y = uniform(5, 1, 8, 8).round(), torch.tensor([0, 1, 2, 0, 1])
    with torch.no_grad():
        a, b = plain.loss(Batch(x), rng(2)), model.loss(Batch(x, y), rng(2))
        for name in ("total", "elbo", "kl", "reconstruction"):
            assert float(a[name]) == pytest.approx(float(b[name]), abs=1e-12)
        torch.testing.assert_close(
            plain.log_prob(x, rng(3), None, 7), model.log_prob(x, rng(3), y, 7), rtol=0, atol=1e-10
        )
        joint = model.class_log_joint(x)
        torch.testing.assert_close(joint, joint[:, :1].expand(-1, 3), rtol=0, atol=1e-10)
        z = plain.prior(4, rng())
        for label in (None, torch.tensor([2, 1, 0, 1])):
            torch.testing.assert_close(model.decode(z, label), plain.decode(z), rtol=0, atol=1e-12)
        assert torch.equal(model.encode(x)[0], plain.encode(x)[0])


def test_labels_met_in_training_are_counted_and_decide_what_is_drawn() -> None:
    model = vae(LABELLED, labels=True, latent=2, hidden=[4]).train()
    model.loss(Batch(every()[:4], torch.tensor([2, 2, 2, 0])), rng())
    assert model.label_counts.tolist() == [1, 0, 3]
    model.eval().loss(Batch(every()[:1], torch.tensor([1])), rng())
    assert model.label_counts.tolist() == [1, 0, 3], "only training counts"
    with torch.no_grad():  # a decoder that says which label it was told
        model.decoder.net[0].weight.zero_()  # type: ignore[index, union-attr]
        for name, parameter in model.decoder.named_parameters():
            if "bias" in name:
                parameter.zero_()
        model.decoder.net[0].weight[:3, 2:] = 9.0 * torch.eye(3)  # type: ignore[index, union-attr]
        model.decoder.net[2].weight.zero_()  # type: ignore[index, union-attr]
        model.decoder.net[2].bias.fill_(-30.0)  # type: ignore[index, union-attr]
        model.decoder.net[2].weight[:3, :3] = 9.0 * torch.eye(3)  # type: ignore[index, union-attr]
        drawn = model.sample(9000, rng(4))[:, :3].mean(0)
        asked = model.sample(5, rng(4), torch.full((5,), 1))[:, :3].mean(0)
    share = torch.tensor([2, 1, 4]).double() / 7
    assert bool(((drawn - share).abs() < 4.5 * (share * (1 - share) / 9000).sqrt()).all())
    assert asked.tolist() == [0.0, 1.0, 0.0]


def test_the_picture_of_a_code_without_a_label_is_the_mean_over_labels() -> None:
    model = told(PICTURES)
    z = model.prior(3, rng())
    each = torch.stack([model.decode(z, torch.full((3,), y)) for y in range(3)], -1)
    torch.testing.assert_close(model.decode(z), each @ model.class_log_prior().exp(), rtol=0, atol=1e-12)
    assert float((each[..., 0] - each[..., 1]).detach().abs().max()) > 0.01


def test_an_example_without_a_label_is_encoded_as_the_likeliest() -> None:
    model, x = told(), every()
    with torch.no_grad():
        guess = model.likeliest(x)
        assert torch.equal(model.encode(x)[0], model.encode(x, guess)[0])
        exact = torch.stack([truth(model, x, y) for y in range(3)], -1) + model.class_log_prior()
        best, second = exact.topk(2, -1).values.unbind(-1)
        clear = best - second > 0.7
        assert torch.equal(guess[clear], exact.argmax(-1)[clear]) and int(clear.sum()) >= 3
        assert torch.equal(model.reconstruct(x, rng()), model.reconstruct(x, rng(), guess))


@pytest.mark.parametrize("network", ["mlp", "conv"])
@pytest.mark.parametrize("prior", ["normal", "vamp"])
def test_every_question_about_a_model_of_labels_is_answered(network: str, prior: str) -> None:
    model = told(PICTURES, network=network, channels=[4, 8], prior=prior, components=4)
    terms = model.train().loss(Batch(uniform(6, 1, 8, 8).round(), torch.arange(6) % 3), rng())
    terms["total"].backward()
    assert all(p.grad is not None and float(p.grad.abs().sum()) > 0 for p in model.parameters())
    model = model.float().eval()
    shelf = Labelled(PICTURES, uniform(30, 1, 8, 8).round().float())
    picture = to_picture(shelf.x[:1], PICTURES)
    assert {"classes", "density"} <= model.offers()
    for query in (
        ConfusionQuery(n=20), PosteriorQuery(given=picture), MapQuery(n=10), SampleQuery(n=2, y=1), DecodeQuery(y=2)
    ):  # fmt: skip
        scene = Scene(model, shelf, rng(1), torch.device("cpu"))
        with torch.no_grad():
            *_, last = [frame for frame in answer(query, scene) if frame is not None]
        if isinstance(query, PosteriorQuery):
            assert float(last.probabilities.sum()) == pytest.approx(1.0, abs=1e-5)  # type: ignore[attr-defined]
            assert float(last.log_priors[2]) == pytest.approx(math.log(12 / 24), abs=1e-5)  # type: ignore[attr-defined]
        if isinstance(query, ConfusionQuery):
            assert int(last.counts.sum()) == 20  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("card", "options", "offered"),
    [
        (PICTURES, {"labels": True}, True),
        (PICTURES, {}, False),
        (replace(GREY, classes=LABELS), {"labels": True}, False),
    ],
)
def test_classes_are_offered_where_labels_were_learned_and_the_likelihood_is_one(
    card: DataCard, options: dict[str, bool], offered: bool
) -> None:
    assert ("classes" in vae(card, **options).offers()) is offered


def test_labels_that_are_not_there_are_refused_in_one_sentence() -> None:
    with pytest.raises(SpecError, match="has no labels; turn it off") as caught:
        vae(BITS, labels=True)
    assert caught.value.path == "model.labels"
    with pytest.raises(SpecError, match=r"turn model\.labels off"):
        told().loss(Batch(every()), rng())
    with pytest.raises(SpecError, match="learned no classes"):
        vae(BITS).class_log_joint(every())
