"""The fully visible sigmoid belief network is a row of scikit-learn's logistic regressions, and no more."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from gm_core.model import Batch, build
from gm_core.models.fvsbn import FVSBN
from gm_core.protocol.cards import DataCard
from gm_core.spec import SpecError

LABELS = ("a", "b")
DIGITS = DataCard("digits", "Digits", (1, 8, 8), "binary", (0.0, 1.0), levels=2)
FEW = DataCard("few", "Few", (1, 2, 3), "levels", (0.0, 1.0), levels=3, classes=LABELS)
MNIST = DataCard("mnist", "MNIST", (1, 28, 28), "binary", (0.0, 1.0), levels=2)


def made(card: DataCard, **spec: object) -> FVSBN:
    """An untrained network in float64."""
    model = build({"kind": "fvsbn", **spec}, card).double()
    assert isinstance(model, FVSBN)
    return model


@cache
def digits() -> tuple[Tensor, Tensor]:
    """Small digits, 8 and more of 16 lit: the first 1347 to train on, the rest to test on."""
    values = torch.from_numpy(load_digits().data >= 8).double()
    return values[:1347], values[1347:]


@cache
def regressions() -> tuple[float, Tensor, Tensor]:
    """scikit-learn's test nats, weights (64, 64) and biases, C = 1; a constant pixel has its frequency and one more."""
    train, held = (part.numpy() for part in digits())
    weight, bias = np.zeros((64, 64)), np.zeros(64)
    nats = 0.0
    for site in range(64):
        target, truth = train[:, site], held[:, site]
        if site == 0 or target.min() == target.max():
            lit = (target.sum() + 1) / (len(target) + 2)
            bias[site] = np.log(lit / (1 - lit))
            nats -= float(np.mean(truth * np.log(lit) + (1 - truth) * np.log(1 - lit)))
            continue
        fitted = LogisticRegression(C=1.0, tol=1e-9, max_iter=2000).fit(train[:, :site], target)
        weight[:site, site], bias[site] = fitted.coef_[0], fitted.intercept_[0]
        table = fitted.predict_log_proba(held[:, :site])
        nats -= float(np.mean(table[np.arange(len(truth)), truth.astype(int)]))
    return nats, torch.from_numpy(weight), torch.from_numpy(bias)


def test_with_the_weights_of_scikit_learn_it_has_the_nats_of_scikit_learn_and_nothing_left_to_learn() -> None:
    """The gradient of n nats + ||W||^2 / 2 vanishes there, which is the optimum of LogisticRegression's C = 1."""
    nats, weight, bias = regressions()
    model = made(DIGITS)
    with torch.no_grad():
        model.weight.copy_(weight)
        model.bias.copy_(bias)
        found = -model.log_prob(digits()[1].reshape(-1, 1, 8, 8), torch.Generator()).mean()
    assert float(found) == pytest.approx(nats, abs=1e-9)
    assert nats == pytest.approx(18.095, abs=5e-3)  # the figure of the science reference
    x = digits()[0].reshape(-1, 1, 8, 8)
    (len(x) * model.loss(Batch(x), torch.Generator())["total"] + 0.5 * model.weight.square().sum()).backward()
    fitted = (weight != 0).any(0)  # constant pixels have none
    assert float(model.weight.grad[:, fitted].abs().max()) < 1e-3  # type: ignore[index]


def test_trained_to_the_end_with_the_same_penalty_it_is_scikit_learn_within_a_thousandth_of_a_nat() -> None:
    """By L-BFGS over all weights at once: n nats + ||W||^2 / 2, which is LogisticRegression's C = 1."""
    expected, weight, bias = regressions()
    train, held = digits()
    constant = (train == train[0]).all(0) | (torch.arange(64) == 0)
    model = made(DIGITS)
    with torch.no_grad():
        model.weight.zero_()
        model.bias[:, constant] = bias[constant]
    x = train.reshape(-1, 1, 8, 8)
    optimiser = torch.optim.LBFGS(
        model.parameters(), max_iter=1000, history_size=30, tolerance_grad=1e-4, line_search_fn="strong_wolfe"
    )

    def penalised() -> Tensor:
        optimiser.zero_grad()
        nats = len(x) * model.loss(Batch(x), torch.Generator())["total"]
        total = nats + 0.5 * model.weight.square().sum()
        total.backward()  # type: ignore[no-untyped-call]
        model.weight.grad[:, constant] = 0.0  # type: ignore[index]
        model.bias.grad[:, constant] = 0.0  # type: ignore[index]
        return total

    optimiser.step(penalised)  # type: ignore[no-untyped-call]
    with torch.no_grad():
        found = -model.log_prob(held.reshape(-1, 1, 8, 8), torch.Generator()).mean()
    assert float(found) == pytest.approx(expected, abs=1e-3)
    assert torch.allclose(model.weight, weight, atol=1e-2)


def test_three_levels_are_softmax_regressions_on_which_level_each_earlier_number_has() -> None:
    source = torch.Generator().manual_seed(3)
    values = torch.randint(3, (200, 6), generator=source)
    values[:, 1:] = torch.where(torch.rand(200, 5, generator=source) < 0.5, values[:, :-1], values[:, 1:])
    model = made(FEW)
    inputs = torch.nn.functional.one_hot(values, 3).reshape(200, -1).double()
    expected = torch.zeros(200, dtype=torch.float64)
    with torch.no_grad():
        model.weight.zero_()
        for site in range(6):
            target = values[:, site].numpy()
            if site == 0:
                share = torch.bincount(values[:, 0], minlength=3).double() / 200
                model.bias[0, :3] = share.log()
                expected += share.log()[values[:, 0]]
                continue
            fitted = LogisticRegression(C=1.0, tol=1e-9).fit(inputs[:, : 3 * site].numpy(), target)
            model.weight[: 3 * site, 3 * site : 3 * site + 3] = torch.from_numpy(fitted.coef_.T)
            model.bias[0, 3 * site : 3 * site + 3] = torch.from_numpy(fitted.intercept_)
            table = fitted.predict_log_proba(inputs[:, : 3 * site].numpy())
            expected += torch.from_numpy(table[np.arange(200), target])
        found = model.log_prob(model.to_example(values), torch.Generator())
    assert torch.allclose(found, expected, atol=1e-9)


def test_labels_shift_the_bias_so_that_without_weights_the_best_is_naive_bayes() -> None:
    """At log frequencies of each class the gradient of the biases vanishes."""
    source = torch.Generator().manual_seed(5)
    values = torch.randint(3, (90, 6), generator=source)
    y = (torch.rand(90, generator=source) < 0.4).long()
    model = made(FEW, labels=True)
    onehot = torch.nn.functional.one_hot(values, 3).double()
    with torch.no_grad():
        model.weight.zero_()
        for label in (0, 1):
            model.bias[label] = onehot[y == label].mean(0).log().flatten()
    model.train().loss(Batch(model.to_example(values), y), torch.Generator())["total"].backward()
    assert float(model.bias.grad.abs().max()) < 1e-12  # type: ignore[union-attr]
    assert float(model.weight.grad.abs().max()) > 1e-3  # type: ignore[union-attr]


@pytest.mark.parametrize("order", ["raster", "column", "centre"])
def test_what_the_mask_hides_neither_counts_nor_learns(order: str) -> None:
    model = made(DIGITS, order=order)
    x = digits()[0][:50].reshape(-1, 1, 8, 8)
    before = model.loss(Batch(x), torch.Generator())["total"]
    before.backward()
    moved = model.weight.grad != 0  # type: ignore[union-attr]
    assert not (moved & ~model.mask).any() and int(model.mask.sum()) == 64 * 63 // 2
    with torch.no_grad():
        model.weight += torch.where(model.mask, 0.0, 5.0)
        assert torch.equal(model.loss(Batch(x), torch.Generator())["total"], before)


def test_parameters_are_counted_as_in_the_closed_form() -> None:
    assert made(MNIST).free_parameters() == 784 * 785 // 2 == 307_720
    assert made(DIGITS).free_parameters() == 64 * 65 // 2
    assert made(FEW).free_parameters() == 15 * 9 + 6 * 3
    assert made(FEW, labels=True).free_parameters() == 15 * 9 + 2 * 6 * 3


def test_drawing_by_running_sums_in_float32_agrees_with_teacher_forcing() -> None:
    """28x28 in float32: log-probabilities of all 784 sites within 1e-5."""
    model = made(MNIST).float().eval()
    with torch.no_grad():
        model.weight += 0.1 * torch.randn(model.weight.shape, generator=torch.Generator().manual_seed(1))
    states = model.fill(model.blank(3), torch.zeros(784, dtype=torch.bool), torch.Generator().manual_seed(0))
    gathered = []
    for state in states:
        gathered.append(state.log_prob)
    with torch.no_grad():
        expected = model.site_log_prob(model.to_example(state.values))[0]
    assert float((torch.stack(gathered, -1) - expected).abs().max()) < 1e-5


def test_more_weights_than_have_room_are_refused_in_one_sentence() -> None:
    grey = DataCard("m", "MNIST", (1, 28, 28), "levels", (0.0, 1.0), levels=256)
    with pytest.raises(SpecError, match=r"need 40,282,095,616 weights; .* fewer levels"):
        build({"kind": "fvsbn"}, grey)
