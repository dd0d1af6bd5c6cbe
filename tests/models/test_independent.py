"""Independent pixels are column means, and with labels scikit-learn's BernoulliNB."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.naive_bayes import BernoulliNB, CategoricalNB
from torch import Tensor

from gm_core.data.idx import read_idx
from gm_core.model import Batch, build
from gm_core.models.independent import Independent
from gm_core.protocol.cards import DataCard

CLASSES = tuple("0123456789")
BINARY = DataCard("digits", "Digits", (1, 8, 8), "binary", (0.0, 1.0), levels=2, classes=CLASSES)
GREY = DataCard("digits", "Digits", (1, 8, 8), "levels", (0.0, 1.0), levels=17, classes=CLASSES)
MNIST = DataCard("mnist", "MNIST", (1, 28, 28), "binary", (0.0, 1.0), levels=2, classes=CLASSES)
TRAIN = 1347


def digits(binary: bool = True) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Values and labels to train on (the first 1347) and to test on: binary (8 and more of 16) or 17 levels."""
    table = load_digits()
    values = torch.from_numpy(table.data).long()
    values = (values >= 8).long() if binary else values
    y = torch.from_numpy(table.target).long()
    return values[:TRAIN], y[:TRAIN], values[TRAIN:], y[TRAIN:]


def counted(card: DataCard, values: Tensor, y: Tensor, labels: bool = False, **spec: float) -> Independent:
    """A model in float64 that has counted all of these."""
    model = build({"kind": "independent", "labels": labels, **spec}, card).double()
    assert isinstance(model, Independent)
    model.train()
    model.count(values, model.met(y))
    return model.eval()


def test_each_pixel_has_the_mean_of_its_column_with_one_more_of_each_level() -> None:
    values, y, _, _ = digits()
    model = counted(BINARY, values, y)
    expected = (values.double().sum(0) + 1) / (TRAIN + 2)
    assert torch.allclose(model.tables()[0, :, 1].exp(), expected, atol=1e-12)
    bare = counted(BINARY, values, y, smoothing=1e-6).tables()[0, :, 1].exp()
    assert torch.allclose(bare, values.double().mean(0), atol=1e-8)


def test_seventeen_levels_are_counted_one_by_one() -> None:
    values, y, _, _ = digits(binary=False)
    model = counted(GREY, values, y)
    for site in (0, 10, 27, 63):
        expected = (np.bincount(values[:, site].numpy(), minlength=17) + 1) / (TRAIN + 17)
        assert np.allclose(model.tables()[0, site].exp().numpy(), expected, atol=1e-12)


def test_counting_in_portions_is_counting_at_once() -> None:
    values, y, _, _ = digits()
    whole = counted(BINARY, values, y, labels=True)
    parts = counted(BINARY, values[:0], y[:0], labels=True)
    feed = iter([Batch(parts.to_example(values[i : i + 449]), y[i : i + 449]) for i in (0, 449, 898)])
    fit = parts.train().fit(type("Feed", (), {"next": lambda self: next(feed)})())
    reported = [float(next(fit)["total"]) for _ in range(3)]
    assert torch.equal(whole.counts, parts.counts) and torch.equal(whole.label_counts, parts.label_counts)
    assert reported[0] == pytest.approx(64 * np.log(2.0)) and reported[2] < reported[1] < reported[0]


def test_the_test_nats_of_small_digits_are_those_of_the_science_reference() -> None:
    values, y, held, _ = digits()
    model = counted(BINARY, values, y)
    nats = -model.log_prob(model.to_example(held), torch.Generator()).mean()
    assert float(nats) == pytest.approx(24.865, abs=5e-4)


@pytest.mark.parametrize("part", [slice(None), slice(0, 30), slice(1, None, 3)])
def test_naive_bayes_is_that_of_scikit_learn_with_pixels_missing_or_not(part: slice) -> None:
    """A feature that is summed out is one that was never there. Our p(y) counts each label once more."""
    values, y, held, _ = digits()
    model = counted(BINARY, values, y, labels=True)
    known = torch.zeros(64, dtype=torch.bool)
    known[part] = True
    theirs = BernoulliNB(alpha=1.0, binarize=None, class_prior=model.class_log_prior().exp().numpy())
    theirs.fit(values[:, known].numpy(), y.numpy())
    expected = theirs.predict_joint_log_proba(held[:, known].numpy())
    found = model.class_log_joint(model.to_example(held), known)
    assert np.abs(found.numpy() - expected).max() < 1e-8
    assert model.marginalises(known)


def test_naive_bayes_of_seventeen_levels_is_the_categorical_one_of_scikit_learn() -> None:
    values, y, held, _ = digits(binary=False)
    model = counted(GREY, values, y, labels=True)
    prior = model.class_log_prior().exp().numpy()
    theirs = CategoricalNB(alpha=1.0, class_prior=prior, min_categories=17).fit(values.numpy(), y.numpy())
    found = model.class_log_joint(model.to_example(held)).numpy()
    assert np.abs(found - theirs.predict_joint_log_proba(held.numpy())).max() < 1e-8


def test_naive_bayes_is_right_on_as_many_small_digits_as_the_science_reference_says() -> None:
    values, y, held, truth = digits()
    model = counted(BINARY, values, y, labels=True)
    guess = model.class_log_joint(model.to_example(held)).argmax(-1)
    assert float((guess == truth).double().mean()) == pytest.approx(0.8467, abs=5e-5)


def test_missing_pixels_are_drawn_from_their_own_frequencies_wherever_they_lie() -> None:
    values, y, held, _ = digits()
    model = counted(BINARY, values, y, labels=True)
    known = torch.arange(64) % 2 == 0
    x = model.to_example(held[:1])
    assert model.exactly(known)
    *_, last = model.complete(x, known, 4000, torch.Generator().manual_seed(0), y=torch.tensor([3]))
    drawn = model.to_values(last.x)
    assert torch.equal(drawn[:, known], held[:1, known].expand(4000, -1)) and last.log_prob is not None
    share = model.tables()[3, ~known, 1].exp()
    assert ((drawn[:, ~known].double().mean(0) - share).abs() < 5 * (share * (1 - share) / 4000).sqrt()).all()
    missing = model.site_log_prob(last.x, torch.full((4000,), 3))[0][:, ~known].sum(-1)
    assert torch.allclose(last.log_prob, missing, atol=1e-10)


def test_parameters_are_counted_as_in_the_closed_form() -> None:
    empty = torch.zeros(0, 64, dtype=torch.int64), torch.zeros(0, dtype=torch.int64)
    assert counted(BINARY, *empty).free_parameters() == 64
    assert counted(GREY, *empty).free_parameters() == 64 * 16
    assert counted(BINARY, *empty, labels=True).free_parameters() == 10 * 64 + 9


def test_the_figures_of_mnist_are_those_of_the_science_reference(mnist_folder: Path) -> None:
    """Independent, thresholded: 205.847 nats, dynamic: 205.807 in expectation; naive Bayes: 168.92 nats, 84.27 %."""
    names = ("train-images-idx3-ubyte", "t10k-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-labels-idx1-ubyte")
    found = []
    for name in names:
        path = mnist_folder / name
        path = path if path.is_file() else path.with_name(name + ".gz")
        found.append(read_idx(path, 3 if "images" in name else 1))
    grey, held = (images.reshape(-1, 784) for images in found[:2])
    y, truth = (labels.long() for labels in found[2:])
    bayes = counted(MNIST, (grey > 127).long(), y, labels=True)
    single = build({"kind": "independent"}, MNIST).double()
    assert isinstance(single, Independent)
    single.counts += bayes.counts.sum(0)
    x = (held > 127).double()
    assert -float(single.log_prob(x, torch.Generator()).mean()) == pytest.approx(205.847, abs=1e-3)
    joint = bayes.class_log_joint(x)
    assert -float(joint.logsumexp(-1).mean()) == pytest.approx(168.92, abs=1e-2)
    assert float((joint.argmax(-1) == truth).double().mean()) == pytest.approx(0.8427, abs=1e-4)
    lit = (grey.sum(0, dtype=torch.int64) / 255).round().long()  # the expected counts of dynamic binarisation
    single.counts.copy_(torch.stack([len(grey) - lit, lit], -1)[None])
    share = held.double().mean(0) / 255
    table = single.tables()[0]
    assert -float((share * table[:, 1] + (1 - share) * table[:, 0]).sum()) == pytest.approx(205.807, abs=1e-3)
