"""NADE trained for all orders: its loss by enumeration of orders, its ensemble, and completions in a fitting order."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
import torch
from torch import Tensor

from gm_core.capabilities.base import Scene, answer, to_picture
from gm_core.capabilities.classes import PosteriorQuery
from gm_core.capabilities.complete import CompleteQuery
from gm_core.capabilities.samples import SampleQuery
from gm_core.data.feed import Feed
from gm_core.data.registry import make_data
from gm_core.model import Batch, build
from gm_core.models.nade import NADE
from gm_core.parts.autoregressive import FullPasses
from gm_core.parts.conditionals import pick
from gm_core.parts.orders import ORDERS
from gm_core.protocol.cards import DataCard
from gm_core.spec import SpecError, TrainSpec
from gm_core.train.loop import Training
from tests.laws.conftest import MadeUp
from tests.laws.test_sitewise import CARDS, _sees_what_it_declares, everything, seeded, shaken

from .test_nade import independent_pixels

BINARY = DataCard("b", "Binary 2x3", (1, 2, 3), "binary", (0.0, 1.0), levels=2, classes=("a", "b", "c"))
LAYERS = pytest.mark.parametrize("hidden", [[9], [9, 6]])
KINDS = pytest.mark.parametrize("card", [BINARY, CARDS["3 levels 2x3"], CARDS["vector of 8"]])


def agnostic(card: DataCard = BINARY, **chosen: Any) -> NADE:
    model = shaken("nade", card, **{"training": "agnostic", "hidden": [9, 6], **chosen})
    assert isinstance(model, NADE)
    return model


# ---- each order


@LAYERS
@KINDS
def test_in_every_order_all_examples_sum_to_one_and_nothing_later_is_seen(hidden: list[int], card: DataCard) -> None:
    model = agnostic(card, hidden=hidden)
    assert model.orders() == ORDERS
    for order in (*model.orders(), "random:7", "known:" + "01" * (model.sites // 2)):
        with torch.no_grad():
            sites, _ = model.site_log_prob(everything(model), order=order)
        assert abs(float(sites.sum(-1).logsumexp(0))) < 1e-10
    _sees_what_it_declares(model)


@LAYERS
@KINDS
def test_the_running_sums_say_what_masked_inputs_say(hidden: list[int], card: DataCard) -> None:
    """The conditionals of drawing against the network of training, for every place in the order, to 1e-12."""
    model = agnostic(card, hidden=hidden, labels=True)
    values = model.to_values(everything(model))[::17]
    u, y = model.embed(values), torch.arange(len(values)) % 3
    visits = model.visits("centre").tolist()
    with torch.no_grad():
        at_once = model.logits(u, y, "centre")
        for rank, site in enumerate(visits):
            known = torch.zeros(len(values), model.sites, dtype=torch.bool)
            known[:, visits[:rank]] = True
            masked = model.masked_logits(u, known, y)
            assert torch.allclose(at_once[:, site], masked[:, site], atol=1e-12)


@pytest.mark.parametrize("order", ["raster", "random", "known:010110"])
def test_drawing_in_any_order_equals_drawing_by_full_passes(order: str) -> None:
    model = agnostic(labels=True)
    y = torch.tensor([0, 1, 2, 1])

    def draw() -> Tensor:
        *_, last = model.fill(model.blank(4), torch.zeros(6, dtype=torch.bool), seeded(3), y, order=order)
        return last.values.clone()

    fast = draw()
    model.begin = lambda n, y, order="": FullPasses(model, n, y, order)  # type: ignore[method-assign]
    assert torch.equal(fast, draw())


def test_an_order_without_a_name_is_refused() -> None:
    model = agnostic()
    for wrong in ("spiral", "random:x", "known:01"):
        with pytest.raises(SpecError, match="this model knows: raster, column"):
            model.visits(wrong)


# ---- the loss of all orders


def test_the_loss_is_on_average_the_mean_over_all_orders() -> None:
    """24 orders of 4 pixels enumerated, against 400 batches of 40: within 4 standard errors, themselves below 0.01."""
    model = agnostic(DataCard("v", "Vectors of 4", (4,), "binary", (0.0, 1.0), levels=2))
    x = torch.tensor([[1.0, 0.0, 1.0, 1.0], [0.0, 0.0, 1.0, 0.0]], dtype=torch.float64)
    with torch.no_grad():
        exact = [-_in_order(model, x, order).mean() for order in itertools.permutations(range(4))]
        source = seeded(8)
        found = torch.stack([model.loss(Batch(x.repeat(20, 1)), source)["total"] for _ in range(400)])
    error = float(found.std()) / math.sqrt(len(found))
    assert error < 0.01
    assert abs(float(found.mean()) - float(torch.stack(exact).mean())) < 4 * error


def _in_order(model: NADE, x: Tensor, order: tuple[int, ...]) -> Tensor:
    """log p(x) in an order, from masked inputs."""
    values = model.to_values(x)
    total = torch.zeros(len(x), dtype=torch.float64)
    for rank, site in enumerate(order):
        known = torch.zeros(len(x), model.sites, dtype=torch.bool)
        known[:, list(order[:rank])] = True
        total += pick(model.masked_logits(model.embed(values), known, None), values)[:, site]
    return total


@pytest.mark.parametrize("n", [1, 3, 6, 50])
def test_every_number_of_known_sites_is_met_equally_often_and_at_least_one_is_left(n: int) -> None:
    model = agnostic()
    source, met = seeded(1), torch.zeros(6, dtype=torch.int64)
    for _ in range(600 // n):
        met += torch.bincount(model._some_known(n, source).sum(-1), minlength=6)
    # 600 draws in 6 cells; a cell of independent draws has a standard deviation of 9.1.
    assert met.sum() == 600 and (met - 100).abs().max() < 46


# ---- the ensemble


def test_the_ensemble_is_the_mean_of_probabilities_and_sums_to_one_where_the_mean_of_logits_does_not() -> None:
    model = agnostic(ensemble=5, hidden=[9])
    x = everything(model)
    values = model.to_values(x)
    with torch.no_grad():
        model.weight *= 8.0  # so that the orders disagree
        model.out *= 3.0
        log_prob = model.log_prob(x, seeded(0))
        names = model.together()
        each = torch.stack([model.site_log_prob(x, order=name)[0].sum(-1) for name in names])
        wrong = torch.stack([model.logits(model.embed(values), None, name) for name in names]).mean(0)
    assert len({tuple(model.visits(name).tolist()) for name in names}) == 5
    assert torch.allclose(log_prob, each.exp().mean(0).log(), atol=1e-12)
    assert abs(float(log_prob.exp().sum()) - 1) < 1e-10
    assert abs(float(pick(wrong, values).sum(-1).exp().sum()) - 1) > 1e-3


def test_an_ensemble_of_one_is_the_order_of_the_spec() -> None:
    model = agnostic(ensemble=1, order="column")
    x = everything(model)[:9]
    with torch.no_grad():
        assert torch.allclose(model.log_prob(x, seeded(0)), model.site_log_prob(x, order="column")[0].sum(-1))
    assert model.orders()[0] == "column"


@pytest.mark.parametrize("labels", [False, True])
def test_drawn_examples_follow_the_ensemble_and_not_its_first_order_alone(labels: bool) -> None:
    """Pearson's chi-squared over all examples, of `sample` and of the sheet that a window draws."""
    from scipy.stats import chisquare

    model = agnostic(ensemble=3, labels=labels)
    x = everything(model)
    n = 20_000
    with torch.no_grad():
        model.weight *= 8.0  # so that the orders disagree
        model.out *= 3.0
        expected = n * model.log_prob(x, seeded(0)).exp()
    places = model.levels ** torch.arange(model.sites - 1, -1, -1)
    scene = Scene(model, MadeUp(model.card), seeded(4), torch.device("cpu"))
    *_, sheet = answer(SampleQuery(n=n), scene)
    drawn = model.sample(n, seeded(4))
    assert (sheet.items == to_picture(drawn, model.card)).all()  # type: ignore[union-attr]
    observed = torch.bincount((model.to_values(drawn) * places).sum(-1), minlength=len(x)).double()

    def p_value(wanted: torch.Tensor) -> float:
        rare = wanted < 5
        f, e = (torch.cat([t[~rare], t[rare].sum()[None]]).numpy() for t in (observed, wanted))
        return float(chisquare(f[e > 0], e[e > 0]).pvalue)

    assert p_value(expected) > 1e-4
    if not labels:
        with torch.no_grad():
            assert p_value(n * model.site_log_prob(x)[0].sum(-1).exp()) < 1e-6, "one order alone would be told apart"


# ---- completing


@pytest.mark.parametrize("labels", [False, True])
def test_any_part_is_completed_exactly_in_an_order_that_begins_with_what_is_known(labels: bool) -> None:
    """Frequencies of 4000 completions of 3 scattered pixels against enumeration; their log-probabilities to 1e-10."""
    model = agnostic(labels=labels)
    known = torch.tensor([False, True, False, True, True, False])
    assert model.exactly(known) and model.marginalises(known)
    x = everything(model)[37:38]
    *_, last = model.complete(x, known, 4000, seeded(1))
    every = everything(model)
    alike = every[(model.to_values(every)[:, known] == model.to_values(x)[:, known]).all(-1)]
    order = model.order_for(known)
    with torch.no_grad():
        if labels:
            given = [model.site_log_prob(alike, torch.full((8,), y), order)[0].sum(-1) for y in range(3)]
            total = (torch.stack(given, -1) + model.class_log_prior()).logsumexp(-1)
        else:
            total = model.site_log_prob(alike, order=order)[0].sum(-1)
    expected = total.log_softmax(0)
    same = (model.to_values(last.x)[:, None] == model.to_values(alike)[None]).all(-1)
    assert last.log_prob is not None and same.any(-1).all()
    assert torch.allclose(last.log_prob, (same * expected).sum(-1), atol=1e-10)
    # 4000 draws of 8 outcomes: the total variation of exact draws is about 0.02.
    assert 0.5 * float((same.double().mean(0) - expected.exp()).abs().sum()) < 0.05


def test_questions_about_scattered_pixels_are_answered_without_particles() -> None:
    model = agnostic(labels=True).float()
    scene = Scene(model, MadeUp(model.card), seeded(1), torch.device("cpu"))
    known = torch.tensor([[True, False, True], [False, True, False]]).numpy()
    picture = to_picture(everything(model)[5:6], model.card)
    with torch.no_grad():
        *_, frame = answer(CompleteQuery(given=picture, known=known, n=3), scene)
        (posterior,) = answer(PosteriorQuery(given=picture, known=known), scene)
    assert frame is not None and frame.exact and frame.particles == 1  # type: ignore[attr-defined]
    assert posterior is not None and posterior.marginalised  # type: ignore[attr-defined]


# ---- learning


def test_it_learns_digits_so_that_its_orders_beat_independent_pixels() -> None:
    """Binarised 8x8 digits: each order beats the frequencies by 1.5 nats, the ensemble the mean of its orders."""
    data = make_data({"kind": "digits", "binarisation": "dynamic"})
    model = build({"kind": "nade", "training": "agnostic", "hidden": [100], "ensemble": 4, "bend": "relu"}, data.card)
    assert isinstance(model, NADE)
    feed = Feed(data, 100, "cpu")
    for _ in Training(
        model, feed, TrainSpec(steps=500, lr=0.01, validate_every=500), torch.device("cpu"), lambda *_: None
    ).steps():
        pass
    (batch,) = feed.fixed("test", 300, 0, 300)
    with torch.no_grad():
        each = [-float(model.site_log_prob(batch.x, order=name)[0].sum(-1).mean()) for name in model.together()]
        ensemble = -float(model.log_prob(batch.x, seeded(0)).mean())
    assert max(each) < independent_pixels(data, batch.x) - 1.5 and ensemble < sum(each) / len(each)
