"""Features and a classifier of our own: whitened components, and what a classifier says of pictures."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from torch import Tensor

from gm_core.data.digits import Digits, DigitsSpec
from gm_core.maths.recogniser import class_divergence, learn, recognised, right
from gm_core.maths.two_sample import frechet, whole
from gm_core.maths.whitening import whitening


def digits(split: str) -> tuple[Tensor, Tensor]:
    part = Digits(DigitsSpec()).part(split)  # type: ignore[arg-type]
    assert part.y is not None
    return part.x.float() / 16, part.y


def test_whitened_components_are_those_of_scikit_learn() -> None:
    """Up to their signs, which ours fix, and the n - 1 by which they divide."""
    x, _ = digits("train")
    found = whitening(x, 20)
    theirs = PCA(20, whiten=True, svd_solver="full").fit(x.flatten(1).double().numpy())
    scale = math.sqrt(len(x) / (len(x) - 1))
    wished = theirs.transform(x.flatten(1).double().numpy())
    assert np.allclose(np.abs(found(x).numpy()), scale * np.abs(wished), atol=1e-8)
    largest = found.directions.gather(0, found.directions.abs().argmax(0, keepdim=True))
    assert (largest > 0).all()


def test_features_of_what_they_were_fitted_to_have_covariance_one() -> None:
    x, _ = digits("train")
    at = whitening(x, 30)(x)
    assert torch.allclose(at.T @ at / len(at), torch.eye(30, dtype=torch.float64), atol=1e-9)
    assert at.mean(0).abs().max() < 1e-9


def test_directions_that_carry_next_to_nothing_are_left_out() -> None:
    """Five columns of size 1, one of size 1e-3, ten copies of a constant."""
    rng = torch.Generator().manual_seed(0)
    x = torch.cat(
        [torch.randn(500, 5, generator=rng), 1e-3 * torch.randn(500, 1, generator=rng), torch.ones(500, 10)], 1
    )
    assert whitening(x).directions.shape == (16, 5)
    assert whitening(torch.ones(50, 3))(torch.ones(4, 3)).abs().max() < 1e-9


def test_a_classifier_learned_in_seconds_recognises_digits_and_is_the_same_each_time() -> None:
    """At least 85 % of the test digits, which other people wrote; drawn noise is no class for sure."""
    x, y = digits("train")
    before = torch.random.get_rng_state()
    first, again, other = (whole(learn(x, y, 10, seed, 150)) for seed in (0, 0, 1))
    assert torch.equal(before, torch.random.get_rng_state())
    held, held_y = digits("test")
    logits = first(held)
    assert torch.equal(logits, again(held)) and not torch.equal(logits, other(held))
    assert right(logits, held_y).value > 0.85
    real = recognised(logits).value
    noise = recognised(first(torch.rand(held.shape, generator=torch.Generator().manual_seed(0)))).value
    assert noise < 0.6 * real and real > 6.0
    assert frechet(first.features(held), first.features(held.flip(3))).value > 5.0  # mirrored digits are none


def test_it_can_be_interrupted_after_each_update_and_takes_colours_and_odd_sizes() -> None:
    rng = torch.Generator().manual_seed(0)
    for shape in ((3, 9, 11), (1, 28, 28), (3, 32, 32)):
        x, y = torch.rand(70, *shape, generator=rng), torch.arange(70) % 3
        steps = learn(x, y, 3, updates=4)
        assert sum(1 for _ in steps) == 4


def one_hot(classes: list[int], k: int) -> Tensor:
    return 60.0 * torch.nn.functional.one_hot(torch.tensor(classes), k).double()


def test_recognised_runs_from_one_to_the_number_of_classes() -> None:
    assert recognised(one_hot([0, 1, 2, 3] * 5, 4)).value == pytest.approx(4.0, abs=1e-9)
    assert recognised(one_hot([2] * 20, 4)).value == pytest.approx(1.0, abs=1e-9)
    assert recognised(torch.zeros(20, 4)).value == pytest.approx(1.0, abs=1e-9)


def test_class_divergence_is_the_kl_of_the_histogram() -> None:
    found = class_divergence(one_hot([0, 0, 0, 1], 2), torch.tensor([0.5, 0.5]))
    assert found.value == pytest.approx(0.75 * math.log(1.5) + 0.25 * math.log(0.5), abs=1e-12)
    assert class_divergence(one_hot([0, 0], 2), torch.tensor([0.0, 1.0])).value == math.inf


def test_the_stated_error_of_the_class_divergence_is_how_much_repetitions_differ() -> None:
    """200 repetitions; 20 %."""
    rng = torch.Generator().manual_seed(0)
    p, due = torch.tensor([0.6, 0.3, 0.1]), torch.tensor([0.3, 0.3, 0.4])
    runs = []
    for _ in range(200):
        guesses = torch.multinomial(p, 300, replacement=True, generator=rng)
        runs.append(class_divergence(one_hot(guesses.tolist(), 3), due))
    spread = np.std([run.value for run in runs], ddof=1)
    assert np.mean([run.error for run in runs]) == pytest.approx(spread, rel=0.2)
