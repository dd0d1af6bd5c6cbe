"""NADE trained in order: its equation, its lean gradients against automatic ones, its count, and what it refuses."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
from torch import Tensor

from gm_core.data.base import Data
from gm_core.data.feed import Feed
from gm_core.data.registry import make_data
from gm_core.model import Batch, build
from gm_core.models.nade import NADE, NADESpec
from gm_core.nn import running
from gm_core.nn.running import bent, running_sums, shared_scores
from gm_core.parts.autoregressive import FullPasses
from gm_core.protocol.cards import DataCard
from gm_core.spec import SpecError, TrainSpec
from gm_core.train.loop import Training

SMALL = DataCard("s", "Binary 3x4", (1, 3, 4), "binary", (0.0, 1.0), levels=2, classes=("a", "b"))
GREY = DataCard("g", "Grey 3x4", (1, 3, 4), "levels", (0.0, 1.0), levels=4, classes=("a", "b"))
MNIST = DataCard("m", "MNIST", (1, 28, 28), "binary", (0.0, 1.0), levels=2)
BENDS = ("sigmoid", "tanh", "relu")


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def made(card: DataCard = SMALL, **chosen: Any) -> NADE:
    model = build({"kind": "nade", "hidden": [7], **chosen}, card, 3).double()
    assert isinstance(model, NADE)
    source = seeded(5)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.2 * torch.randn(parameter.shape, generator=source, dtype=torch.float64)
    return model.eval()


# ---- the equation


@pytest.mark.parametrize("bend", BENDS)
@pytest.mark.parametrize("order", ["raster", "centre"])
def test_the_logits_are_those_of_the_paper_written_out_site_by_site(bend: str, order: str) -> None:
    """h_i = bend(c + W x_<i), logit_i = b_i + V_i h_i: one small sum for each site, to 1e-12."""
    model = made(bend=bend, order=order)
    x = torch.rand(5, 12, generator=seeded(1)).round().double()
    visits = model.visits().tolist()
    expected = torch.zeros(5, 12, dtype=torch.float64)
    for rank, site in enumerate(visits):
        a = model.hidden_bias.expand(5, -1)
        for earlier in visits[:rank]:
            a = a + x[:, earlier, None] * model.weight[earlier, 0]
        expected[:, site] = bent(a, bend) @ model.out[site, 0] + model.out_bias[site, 0]  # type: ignore[arg-type]
    with torch.no_grad():
        found = model.logits(model.embed(x.long()), None)[..., 0]
    assert torch.allclose(found, expected, atol=1e-12)


def test_the_number_of_parameters_is_that_of_the_paper() -> None:
    """2 n H + n + H: 785,284 for 784 pixels and 500 hidden units."""
    assert build({"kind": "nade", "hidden": [500]}, MNIST).free_parameters() == 785_284


def test_the_weights_of_the_last_site_visited_get_no_gradient_and_all_others_do() -> None:
    model = made(order="snake")
    x = torch.ones(2, 1, 3, 4, dtype=torch.float64)
    model.loss(Batch(x), seeded())["total"].backward()
    assert model.weight.grad is not None
    moved = model.weight.grad.abs().sum((1, 2)) > 0
    last = int(model.visits()[-1])
    assert not moved[last] and moved.sum() == 11


# ---- the lean gradients


def pieces(features: int, width: int, zeros: float, sites: int = 37) -> tuple[Tensor, ...]:
    """Start, inputs, weights and outputs, in float64, so many sites that blocks have an uneven end."""
    source = seeded(2)
    start, weight, out = (
        torch.randn(shape, generator=source, dtype=torch.float64).requires_grad_()
        for shape in ((3, 5), (sites, features, 5), (sites, width, 5))
    )
    u = torch.randn(3, sites, features, generator=source, dtype=torch.float64)
    u = u * (torch.rand(3, sites, 1, generator=source) >= zeros)
    return start, u, weight, out


@pytest.mark.parametrize("bend", BENDS)
@pytest.mark.parametrize(("features", "width"), [(1, 1), (4, 4), (1, 3)])
@pytest.mark.parametrize("zeros", [0.0, 0.8, 1.1])
def test_the_lean_gradients_are_those_of_automatic_differentiation(
    bend: Any, features: int, width: int, zeros: float
) -> None:
    """Few zeros, many zeros, only zeros: all of scores and gradients to 1e-10."""
    start, u, weight, out = pieces(features, width, zeros)
    along = torch.randn(3, 37, width, generator=seeded(9), dtype=torch.float64)
    ((_, a),) = running_sums(start, u, weight, 37)
    plain = torch.einsum("nkh,kwh->nkw", bent(a, bend), out)
    expected = torch.autograd.grad((plain * along).sum(), (start, weight, out))
    lean = shared_scores(start, u, weight, out, bend)
    found = torch.autograd.grad((lean * along).sum(), (start, weight, out))
    assert torch.allclose(lean, plain, atol=1e-10)
    for one, other in zip(found, expected, strict=True):
        assert torch.allclose(one, other, atol=1e-10)


@pytest.mark.parametrize(("dense", "sparse"), [(1, 1), (2, 5), (64, 64)])
def test_the_size_of_the_blocks_changes_nothing(dense: int, sparse: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for features in (1, 3):
        start, u, weight, out = pieces(features, 2, 0.7)
        before = shared_scores(start, u, weight, out, "sigmoid")
        monkeypatch.setattr(running, "DENSE", dense)
        monkeypatch.setattr(running, "SPARSE", sparse)
        after = shared_scores(start, u, weight, out, "sigmoid")
        slopes = [torch.autograd.grad(scores.sum(), weight)[0] for scores in (before, after)]
        assert torch.allclose(before, after, atol=1e-12) and torch.allclose(*slopes, atol=1e-12)


def test_where_nothing_changes_no_hidden_units_are_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A blank picture needs one row for each example and block, a full one a row for each of its sites."""
    counted = []
    whole = running._Rows.hidden

    def counting(rows: Any, *rest: Any) -> Tensor:
        counted.append(len(rows.example))
        return whole(rows, *rest)

    monkeypatch.setattr(running._Rows, "hidden", counting)
    for u, expected in ((torch.zeros(2, 32, 1), [2, 2]), (torch.ones(2, 32, 1), [32, 32])):
        counted.clear()
        shared_scores(torch.zeros(2, 3), u, torch.zeros(32, 1, 3), torch.zeros(32, 1, 3), "sigmoid")
        assert counted == expected


def test_inputs_that_ask_for_a_gradient_are_sent_to_the_way_that_has_one() -> None:
    start, u, weight, out = pieces(1, 1, 0.5)
    with pytest.raises(ValueError, match="use running_sums"):
        shared_scores(start, u.requires_grad_(), weight, out, "sigmoid")
    model = made(GREY)
    levels = torch.randint(4, (3, 12), generator=seeded(3))
    lean = model.logits(model.embed(levels), None)
    plain = model.logits(model.embed(levels).requires_grad_(), None)
    assert torch.allclose(lean, plain, atol=1e-12)


# ---- densities and labels


def test_all_grey_pictures_of_a_class_sum_to_one() -> None:
    """4 levels on 2x2 pixels: 256 pictures, for each of two labels, to 1e-10."""
    card = DataCard("g", "Grey 2x2", (1, 2, 2), "levels", (0.0, 1.0), levels=4, classes=("a", "b"))
    model = made(card, labels=True)
    values = torch.tensor(list(itertools.product(range(4), repeat=4)))
    for label in (0, 1):
        y = torch.full((256,), label)
        with torch.no_grad():
            log_prob = model.log_prob(model.to_example(values), seeded(), y)
        assert abs(float(log_prob.logsumexp(0))) < 1e-10


def test_a_label_is_a_bias_of_the_hidden_and_of_the_output_units() -> None:
    """With both set by hand to those of a model without labels, the two say the same."""
    labelled, bare = made(labels=True), made()
    bare.load_state_dict({name: t for name, t in labelled.state_dict().items() if name in bare.state_dict()})
    with torch.no_grad():
        bare.hidden_bias += labelled.hidden_of_class[1]
        bare.out_bias += labelled.out_of_class[1]
        u = torch.rand(4, 12, 1, generator=seeded(4), dtype=torch.float64)
        assert torch.allclose(labelled.logits(u, torch.ones(4, dtype=torch.int64)), bare.logits(u, None), atol=1e-12)


def test_in_float32_drawing_states_what_full_passes_state() -> None:
    """Log-probabilities within 1e-5 on 28x28 pixels."""
    model = build({"kind": "nade", "hidden": [64]}, MNIST, 1).eval()
    assert isinstance(model, NADE)
    x = torch.rand(3, 784, generator=seeded(6)).round()
    stepper, full = model.begin(3, None), FullPasses(model, 3, None)
    with torch.no_grad():
        for site in range(784):
            if site % 97 == 0:
                quick, slow = (it.at(site).log_prob(x[:, site]) for it in (stepper, full))
                assert torch.allclose(quick, slow, atol=1e-5)
            stepper.put(site, x[:, site].long())
            full.put(site, x[:, site].long())


# ---- learning and refusing


def independent_pixels(data: Data, x: Tensor) -> float:
    """Nats of binary examples by the frequencies of the training set, each counted half a time more than it was met."""
    grey = data.part("train").x.flatten(1).double() / (data.levels - 1)
    p = (grey.sum(0) + 0.5) / (len(grey) + 1)
    return -float(torch.distributions.Bernoulli(p).log_prob(x.flatten(1).double()).sum(-1).mean())


def test_it_learns_small_digits_better_than_independent_pixels_can() -> None:
    """Binarised 8x8 digits after 300 steps: at least 2 nats below the frequencies."""
    data = make_data({"kind": "digits", "binarisation": "dynamic"})
    model, feed = build({"kind": "nade", "hidden": [64]}, data.card), Feed(data, 100, "cpu")
    spec = TrainSpec(steps=300, lr=0.01, validate_every=300)
    for _ in Training(model, feed, spec, torch.device("cpu")).steps():
        pass
    (batch,) = feed.fixed("test", 300, 0, 300)
    assert isinstance(model, NADE)
    with torch.no_grad():
        nats = -float(model.log_prob(batch.x, seeded()).mean())
    assert nats < independent_pixels(data, batch.x) - 2.0


def test_several_layers_in_one_order_are_refused_in_one_sentence() -> None:
    with pytest.raises(SpecError, match="hidden has 2 layers; training order takes 1: set training to agnostic"):
        NADESpec.read({"hidden": [5, 5]}, "model")
    with pytest.raises(SpecError, match="hidden is empty"):
        NADESpec.read({"hidden": []}, "model")


def test_an_order_that_the_model_did_not_learn_is_refused() -> None:
    with pytest.raises(SpecError, match="this model knows: own"):
        made().visits("centre")
