"""MADE's own mathematics: Algorithm 1 by hand, path counts, orders as permutations, and many masks averaged honestly.

That probabilities sum to one, causality in any order, drawing and completing of one mask are in tests/laws.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
import torch
from torch import Tensor

from gm_core.model import Batch, build
from gm_core.models.made import MADE
from gm_core.nn.masked import MaskedLinear, connections, draw_degrees, paths
from gm_core.parts.autoregressive import FullPasses
from gm_core.parts.orders import ranks
from gm_core.protocol.cards import DataCard
from gm_core.spec import SpecError

LABELS = ("a", "b", "c")
SMALL = DataCard("s", "Binary 2x4", (1, 2, 4), "binary", (0.0, 1.0), levels=2, classes=LABELS)
GREY = DataCard("g", "Grey 2x2", (1, 2, 2), "levels", (0.0, 1.0), levels=3, classes=LABELS)
MNIST = DataCard("m", "Binary 28x28", (1, 28, 28), "binary", (0.0, 1.0), levels=2)


def rng(seed: int = 0) -> torch.Generator:
    """A generator on the CPU."""
    return torch.Generator().manual_seed(seed)


def made(card: DataCard = SMALL, shaken: bool = True, **options: Any) -> MADE:
    """A MADE in float64 and eval mode, its weights far from where they began."""
    model = build({"kind": "made", "hidden": [13], **options}, card, 3).double().eval()
    assert isinstance(model, MADE)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += shaken * 0.7 * torch.randn(parameter.shape, generator=rng(4), dtype=torch.float64)
    return model


def everything(model: MADE) -> Tensor:
    """All examples there are: (K^sites, *shape)."""
    return model.to_example(torch.tensor(list(itertools.product(range(model.levels), repeat=model.sites))))


# ---- masks


def test_the_masks_of_a_small_network_are_those_of_algorithm_1_by_hand() -> None:
    """Three inputs in the order 2, 3, 1 (the paper's Figure 1) and hidden degrees (1, 2, 1, 2)."""
    order, hidden = torch.tensor([3, 1, 2]), torch.tensor([1, 2, 1, 2])
    into = connections(order, hidden)
    assert into.int().tolist() == [[0, 1, 0], [0, 1, 1], [0, 1, 0], [0, 1, 1]]
    out = connections(hidden, order, strictly=True)
    assert out.int().tolist() == [[1, 1, 1, 1], [0, 0, 0, 0], [1, 0, 1, 0]]
    # Input 2 (first) hears nothing, 3 hears 2, and 1 hears both.
    assert paths([into, out]).int().tolist() == [[0, 1, 1], [0, 0, 0], [0, 1, 0]]


def test_degrees_stay_between_the_least_of_the_layer_before_and_all_inputs_but_one() -> None:
    for seed in range(20):
        first, second, third = draw_degrees(9, (4, 5, 6), rng(seed))
        assert 1 <= int(first.min()) <= int(second.min()) <= int(third.min())
        assert max(int(layer.max()) for layer in (first, second, third)) <= 8
    assert draw_degrees(9, (4, 5, 6), rng(1))[0].equal(draw_degrees(9, (4,), rng(1))[0])
    many = draw_degrees(5, (4000,), rng(0))[0].bincount(minlength=5)
    assert many[0] == 0 and (many[1:] - 1000).abs().max() < 4 * math.sqrt(1000)  # uniform, four standard deviations


def test_what_a_mask_hides_is_neither_used_nor_learned() -> None:
    layer = MaskedLinear(3, 2).double()
    mask = torch.tensor([[True, False, True], [False, False, True]])
    x = torch.rand(5, 3, generator=rng(), dtype=torch.float64)
    weight = layer.weight.detach().clone()
    weight[~mask] = 0.0
    expected = x @ weight.T + layer.bias.detach()
    assert torch.allclose(layer(x, mask), expected, atol=1e-14)
    layer(x, mask).square().sum().backward()
    assert layer.weight.grad is not None
    assert (layer.weight.grad[~mask] == 0.0).all() and (layer.weight.grad[mask] != 0.0).all()


@pytest.mark.parametrize("hidden", [[], [3], [5, 4], [6, 2, 9]])
@pytest.mark.parametrize("direct", [False, True])
@pytest.mark.parametrize("card", [SMALL, GREY])
def test_paths_through_the_masks_are_the_support_of_the_jacobian(
    hidden: list[int], direct: bool, card: DataCard
) -> None:
    """Few hidden units: not all predecessors are heard, and the declared support says so exactly."""
    model = made(card, hidden=hidden, direct=direct, activation="tanh", order="random", masks=3)
    for name in model.orders():
        u = torch.rand(model.sites * model.features, generator=rng(1), dtype=torch.float64)

        def logits(flat: Tensor, chosen: str = name) -> Tensor:
            return model.logits(flat.reshape(1, model.sites, model.features), None, chosen)[0]

        jacobian = torch.func.jacrev(logits)(u).reshape(model.sites, model.width, model.sites, model.features)
        declared = model.support(name)
        assert torch.equal(jacobian.abs().amax((1, 3)) > 0, declared)
        place = ranks(model.visits(name))
        before = place[None, :] < place[:, None]
        assert not (declared & ~before).any()
        if direct or not hidden:
            assert torch.equal(declared, before)
    if hidden == [3] and not direct:
        assert not torch.equal(model.support("1"), model.support("2"))


def test_made_500_on_28x28_has_as_many_parameters_as_the_paper_counts() -> None:
    model = build({"kind": "made", "hidden": [500], "masks": 4}, MNIST)
    assert model.free_parameters() == 2 * 784 * 500 + 500 + 784 == 785_284
    assert sum(tensor.numel() for tensor in model.state_dict().values()) == 785_284, "masks follow from the spec"


def test_a_model_in_an_order_is_the_raster_model_on_permuted_pixels_with_permuted_weights() -> None:
    shuffled, raster = made(order="random", order_seed=3), made(order="raster")
    order = shuffled.order
    assert not torch.equal(order, raster.order)
    state = {name: tensor.clone() for name, tensor in shuffled.state_dict().items()}
    state["layers.0.weight"] = state["layers.0.weight"][:, order]
    state["layers.1.weight"], state["layers.1.bias"] = state["layers.1.weight"][order], state["layers.1.bias"][order]
    raster.load_state_dict(state)
    x = everything(shuffled)[::5]
    with torch.no_grad():
        expected = shuffled.site_log_prob(x)[0].flatten(1)[:, order]
        found = raster.site_log_prob(x.flatten(1)[:, order].reshape(x.shape))[0]
    assert torch.allclose(found, expected, atol=1e-12)


# ---- many masks


@pytest.mark.parametrize("order", ["raster", "random"])
@pytest.mark.parametrize("labels", [False, True])
def test_many_masks_sum_to_one_over_all_images_and_the_mean_of_logits_over_orders_does_not(
    order: str, labels: bool
) -> None:
    model = made(masks=4, order=order, labels=labels)
    x = everything(model)
    with torch.no_grad():
        y = torch.full((len(x),), 2) if labels else None
        values, u = model.to_values(x), model.embed(model.to_values(x))
        each = torch.stack([model.site_log_prob(x, y, name)[0].sum(-1) for name in model.orders()])
        assert each.logsumexp(-1).abs().max() < 1e-12, "each mask by itself is a distribution"
        found = model.log_prob(x, rng(), y)
        assert abs(float(found.logsumexp(0))) < 1e-12
        assert torch.allclose(found, each.exp().mean(0).log(), atol=1e-12)
        logits = torch.stack([model.logits(u, y, name) for name in model.orders()]).mean(0).squeeze(-1)
        wrong = -torch.nn.functional.binary_cross_entropy_with_logits(logits, values.double(), reduction="none").sum(-1)
    assert not torch.allclose(wrong, found, atol=1e-3)
    if order == "random":
        assert abs(float(wrong.logsumexp(0))) > 1e-3
    else:
        assert abs(float(wrong.logsumexp(0))) < 1e-12, "with one order for all it is a distribution, but another one"


def test_masks_differ_in_order_only_where_the_order_is_random() -> None:
    model = made(masks=3, order="random", order_seed=5)
    assert model.orders() == ("1", "2", "3")
    assert torch.equal(model.visits(), model.visits("1")) and torch.equal(model.order, model.visits("1"))
    assert len({tuple(model.visits(name).tolist()) for name in model.orders()}) == 3
    assert torch.equal(model.visits("2"), made(order="random", order_seed=6).visits())
    fixed = made(masks=3, order="snake")
    assert len({tuple(fixed.visits(name).tolist()) for name in fixed.orders()}) == 1
    assert not torch.equal(fixed.masks(0)[0], fixed.masks(1)[0])
    with pytest.raises(SpecError, match="this model knows: 1, 2, 3"):
        model.visits("4")
    assert made().orders() == ("own",)


def test_each_step_trains_the_mask_whose_turn_it_is_and_validation_scores_the_average() -> None:
    model = made(masks=3, order="random")
    x = everything(model)[::9]
    for step in (0, 4, 2, 3):
        model.train().at(step)
        turn = str(step % 3 + 1)
        nats = -model.site_log_prob(x, None, turn)[0].sum(-1).mean()
        assert torch.allclose(model.loss(Batch(x), rng())["total"], nats, atol=1e-12)
        scored = model.eval().scores(Batch(x), rng())["total"]
        assert torch.allclose(scored, -model.log_prob(x, rng()).mean(), atol=1e-12)


def test_the_model_of_one_mask_shares_the_weights_and_leaves_the_whole_as_it_is() -> None:
    model = made(masks=3, order="random")
    one = model.alone(1)
    x = everything(model)[:20]
    assert one.orders() == ("own",) and model.orders() == ("1", "2", "3")
    assert torch.equal(one.visits(), model.visits("2")) and torch.equal(one.support(), model.support("2"))
    assert torch.allclose(one.log_prob(x, rng()), model.site_log_prob(x, None, "2")[0].sum(-1), atol=1e-12)
    assert all(a is b for a, b in zip(one.parameters(), model.parameters()))


@pytest.mark.parametrize("options", [{"hidden": []}, {"direct": True}, {"hidden": [9, 7], "direct": True}])
@pytest.mark.parametrize("card", [SMALL, GREY])
def test_drawing_by_running_sums_is_drawing_by_full_passes_for_every_mask(
    options: dict[str, Any], card: DataCard
) -> None:
    model = made(card, masks=2, order="random", labels=True, **options)
    y = torch.tensor([0, 1, 2, 1, 0])
    nothing = torch.zeros(model.sites, dtype=torch.bool)
    for name in model.orders():
        *_, fast = model.fill(model.blank(5), nothing, rng(2), y, order=name)
        slow = FullPasses(model, 5, y, name)
        uniform = torch.rand(5, model.sites, generator=rng(2), dtype=torch.float64)
        with torch.no_grad():
            for rank, site in enumerate(model.visits(name).tolist()):
                slow.put(rank, slow.at(rank).draw(uniform[:, site]))
        assert torch.equal(fast.values, slow.values)
        stepper = model.begin(5, y, name)
        rows = torch.tensor([3, 3, 0, 1, 4])
        *before, last = model.visits(name).tolist()
        with torch.no_grad():
            for rank, site in enumerate(before):
                stepper.put(rank, fast.values[:, site] if rank == 0 else fast.values[rows, site])
                if rank == 0:
                    stepper.choose(rows)
            expected = model.conditional(model.to_example(fast.values[rows]), last, y[rows], name)
            assert torch.allclose(stepper.at(model.sites - 1).logits, expected.logits, atol=1e-12)


@pytest.mark.parametrize("labels", [False, True])
def test_images_drawn_from_many_masks_follow_their_average(labels: bool) -> None:
    """Pearson's chi-squared over all images, cells of fewer than 5 expected draws pooled; p > 1e-4."""
    from scipy.stats import chisquare

    model = made(GREY, masks=3, order="random", labels=labels)
    n = 20_000
    y = torch.full((n,), 1) if labels else None
    x = everything(model)
    with torch.no_grad():
        expected = n * model.log_prob(x, rng(), None if y is None else y[: len(x)]).exp()
        first = n * model.site_log_prob(x, None if y is None else y[: len(x)], "1")[0].sum(-1).exp()
    values = model.to_values(model.sample(n, rng(6), y))
    observed = torch.bincount((values * 3 ** torch.arange(3, -1, -1)).sum(-1), minlength=81).double()

    def p_value(wanted: Tensor) -> float:
        rare = wanted < 5
        f, e = (torch.cat([t[~rare], t[rare].sum()[None]]).numpy() for t in (observed, wanted))
        return float(chisquare(f[e > 0], e[e > 0]).pvalue)

    assert p_value(expected) > 1e-4
    assert p_value(first) < 1e-6, "one mask alone would be told from their average"


@pytest.mark.parametrize("labels", [False, True])
@pytest.mark.parametrize("order", ["raster", "random"])
def test_completions_of_many_masks_follow_their_average(order: str, labels: bool) -> None:
    """Total variation to enumeration, 3 missing sites: exact in one shared order, by particles in several."""
    model = made(masks=3, order=order, labels=labels)
    known = torch.ones(8, dtype=torch.bool)
    known[model.visits()[-3:]] = False
    assert model.exactly(known) is model.marginalises(known) is (order == "raster")
    x = everything(model)[178:179]
    alike = everything(model)
    alike = alike[(model.to_values(alike)[:, known] == model.to_values(x)[:, known]).all(-1)]
    *way, last = model.complete(x, known, 800, rng(1), particles=48)
    assert all(state.log_prob is None for state in way) and last.progress == 1.0 and last.log_prob is not None
    assert [state.progress for state in way] == sorted(state.progress for state in way)
    with torch.no_grad():
        exact = model.log_prob(alike, rng()).log_softmax(0)
    same = (model.to_values(last.x)[:, None] == model.to_values(alike)[None]).all(-1)
    assert (same.sum(-1) == 1).all()
    # 800 exact draws of 8 outcomes stay within 0.06 almost always; particles add as much.
    assert 0.5 * float((same.double().mean(0) - exact.exp()).abs().sum()) < (0.06 if order == "raster" else 0.12)
    if order == "raster":
        assert torch.allclose(last.log_prob, exact[same.int().argmax(-1)], atol=1e-10)
        if labels:
            joint = model.class_log_joint(x, known)
            whole = torch.stack([model.log_prob(alike, rng(), torch.full((8,), c)) for c in range(3)], -1)
            assert torch.allclose(joint[0], whole.logsumexp(0) + model.class_log_prior(), atol=1e-10)
    elif labels:
        with pytest.raises(SpecError, match="cannot be summed out"):
            model.class_log_joint(x, known)
