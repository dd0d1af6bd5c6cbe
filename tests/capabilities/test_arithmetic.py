"""Arithmetic with codes on a linear model, where every expected picture can be written down."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import pytest
import torch
from torch import Tensor

from gm_core.capabilities.arithmetic import ArithmeticQuery, Means, MeansQuery, Sums
from gm_core.capabilities.base import Scene, answer
from gm_core.capabilities.encodes import Encodes
from gm_core.capabilities.latent import Latent
from gm_core.protocol.cards import DataCard
from gm_core.protocol.commands import Query
from gm_core.spec import SpecError

CARD = DataCard("blobs", "Blobs", (6,), "continuous", (-9.0, 9.0), classes=("a", "b", "c", "none of these"))


class Linear(Encodes, Latent):
    """z = A x and x = B z + b, with no noise."""

    title = "A line"
    latent_size = 3

    def __init__(self, card: DataCard = CARD) -> None:
        rng = torch.Generator().manual_seed(5)
        self.card = card
        self.a = torch.randn(3, card.size, generator=rng)
        self.b = torch.randn(card.size, 3, generator=rng)
        self.shift = torch.randn(card.size, generator=rng)

    def offers(self) -> frozenset[str]:
        return frozenset({"encodes", "latent"})

    def prior(self, n: int, rng: torch.Generator) -> Tensor:
        return torch.randn(n, 3, generator=rng)

    def decode(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        return (z @ self.b.T + self.shift).unflatten(-1, self.card.shape)

    def encode(self, x: Tensor, y: Tensor | None = None) -> tuple[Tensor, Tensor]:
        mu = x.flatten(1) @ self.a.T
        return mu, torch.zeros_like(mu)


class Reader(Linear):
    """Encodes, but cannot decode."""

    def offers(self) -> frozenset[str]:
        return frozenset({"encodes"})


@dataclass
class Blobs:
    """1200 examples of three classes in equal parts, in no order; none of the fourth."""

    card: DataCard = CARD
    labelled: bool = True
    x: Tensor = field(default_factory=lambda: torch.randn(1200, 6, generator=torch.Generator().manual_seed(1)))
    y: Tensor = field(default_factory=lambda: torch.randperm(1200, generator=torch.Generator().manual_seed(2)) % 3)

    def examples(self, split: str, indices: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor | None]:
        x = self.x + 2.0 * self.y[:, None]
        return x[indices].unflatten(1, self.card.shape), self.y[indices] if self.labelled else None

    def count(self, split: str) -> int:
        return len(self.x)


def ask(query: Query, model: Linear | None = None, data: Blobs | None = None) -> Means | Sums:
    scene = Scene(
        model or Linear(),
        data or Blobs(),
        torch.Generator().manual_seed(query.seed),
        torch.device("cpu"),  # type: ignore[arg-type]
    )
    *_, last = answer(query, scene)
    assert isinstance(last, Means | Sums)
    return last


def sums(query: ArithmeticQuery, model: Linear | None = None, data: Blobs | None = None) -> Sums:
    found = ask(query, model, data)
    assert isinstance(found, Sums)
    return found


def code(x: np.ndarray) -> np.ndarray:
    return x @ Linear().a.numpy().T


def test_a_linear_decoder_shows_exactly_the_picture_plus_the_difference_of_the_mean_pictures() -> None:
    data, model = Blobs(), Linear()
    x = data.examples("train", torch.arange(1200), torch.Generator())[0].numpy()
    y = data.y.numpy()
    found = sums(ArithmeticQuery(index=7, plus=2, minus=0, amount=1.5, n=4, among=5000))
    a, b, shift = model.a.numpy(), model.b.numpy(), model.shift.numpy()
    direction = (x[y == 2].mean(0) - x[y == 0].mean(0)) @ a.T
    for amount, item in zip((0.0, 0.5, 1.0, 1.5), found.items, strict=True):
        assert item == pytest.approx((x[7] @ a.T + amount * direction) @ b.T + shift, abs=1e-3)
    assert np.array_equal(found.base, x[7:8])
    assert found.amounts == pytest.approx([0, 0.5, 1.0, 1.5])
    assert found.norm == pytest.approx(np.linalg.norm(direction), rel=1e-4)
    assert list(found.counts) == [(y == 2).sum(), (y == 0).sum()]


def test_mean_codes_are_the_means_that_numpy_finds_and_the_last_is_that_of_all() -> None:
    data = Blobs()
    x = data.examples("train", torch.arange(1200), torch.Generator())[0].numpy()
    found = ask(MeansQuery(among=5000))
    assert isinstance(found, Means)
    for label in range(3):
        assert found.z[label] == pytest.approx(code(x[data.y.numpy() == label]).mean(0), abs=1e-3)
    assert found.z[-1] == pytest.approx(code(x).mean(0), abs=1e-3)
    assert list(found.counts) == [400, 400, 400, 0, 1200]
    assert np.array_equal(found.items[3], found.items[-1]), "a class without examples stands at the mean of all"


def test_no_more_examples_of_a_class_are_averaged_than_asked_and_the_seed_chooses_them() -> None:
    first, same, other = (ask(MeansQuery(among=20, seed=seed)) for seed in (1, 1, 2))
    assert isinstance(first, Means) and isinstance(other, Means) and isinstance(same, Means)
    assert list(first.counts) == [20, 20, 20, 0, 20]
    assert np.array_equal(first.z, same.z) and not np.allclose(first.z, other.z)


def test_sums_and_means_agree_about_a_class() -> None:
    found, known = sums(ArithmeticQuery(plus=1, minus=2, among=30, seed=4)), ask(MeansQuery(among=30, seed=4))
    assert isinstance(known, Means)
    assert found.means_z == pytest.approx(known.z[[1, 2]], abs=1e-5)
    assert found.means == pytest.approx(known.items[[1, 2]], abs=1e-4)


def test_a_class_minus_itself_changes_nothing() -> None:
    found = sums(ArithmeticQuery(index=3, plus=1, minus=1, amount=5.0, n=6))
    assert found.norm == 0.0
    assert all(np.array_equal(item, found.items[0]) for item in found.items)


def test_a_missing_side_is_the_mean_of_all() -> None:
    found = sums(ArithmeticQuery(plus=1, among=5000))
    known = ask(MeansQuery(among=5000))
    assert isinstance(known, Means)
    assert found.means_z[1] == pytest.approx(known.z[-1], abs=1e-4)


def test_amount_zero_is_the_reconstruction_and_a_negative_one_takes_away() -> None:
    x = np.linspace(-2, 2, 6, dtype=np.float32)[None]
    ahead = sums(ArithmeticQuery(given=x, plus=0, minus=1, amount=2.0, n=2))
    back = sums(ArithmeticQuery(given=x, plus=1, minus=0, amount=-2.0, n=2))
    assert ahead.items[0] == pytest.approx(Linear().decode(Linear().encode(torch.tensor(x))[0])[0].numpy(), abs=1e-5)
    assert ahead.items[1] == pytest.approx(back.items[1], abs=1e-4)
    assert np.array_equal(ahead.base, x)


def test_chosen_examples_stand_for_a_class_where_data_have_no_labels() -> None:
    data = Blobs(replace(CARD, classes=()), labelled=False)
    model = Linear(data.card)
    found = sums(ArithmeticQuery(plus_indices=(4, 9, 11), minus_indices=(2,), among=5000), model, data)
    x = data.examples("train", torch.arange(1200), torch.Generator())[0].numpy()
    assert found.means_z[0] == pytest.approx(code(x[[4, 9, 11]]).mean(0), abs=1e-4)
    assert found.means_z[1] == pytest.approx(code(x[2]), abs=1e-4)
    assert list(found.counts) == [3, 1]


def test_the_typical_distance_is_the_median_from_the_mean_of_all() -> None:
    z = ask(MeansQuery(among=5000)).z
    data = Blobs()
    codes = code(data.examples("train", torch.arange(1200), torch.Generator())[0].numpy())
    expected = np.median(np.linalg.norm(codes - z[-1], axis=1))
    assert sums(ArithmeticQuery(plus=0, among=5000)).typical == pytest.approx(expected, rel=1e-2)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        (ArithmeticQuery(plus=4), "plus is 4; expected 0 to 3"),
        (ArithmeticQuery(plus=0, minus=-1), "minus is -1; expected 0 to 3"),
        (ArithmeticQuery(plus=3), "no example of class 3"),
        (ArithmeticQuery(plus=0, index=1200), "example 1200 is asked for; the train split has the examples 0 to 1199"),
        (ArithmeticQuery(plus_indices=(3, 5000)), "example 5000 is asked for"),
        (ArithmeticQuery(plus=0, n=1), "n is 1; expected 2"),
        (ArithmeticQuery(plus=0, given=np.zeros((1, 7), np.float32)), r"shape \(1, 7\)"),
        (ArithmeticQuery(plus=0, given=np.zeros((2, 6), np.float32)), r"shape \(2, 6\)"),
    ],
)
def test_what_cannot_be_added_is_refused_in_one_sentence(query: ArithmeticQuery, words: str) -> None:
    with pytest.raises(SpecError, match=words):
        ask(query)


def test_classes_are_refused_where_there_are_none() -> None:
    data = Blobs(replace(CARD, classes=()), labelled=False)
    with pytest.raises(SpecError, match="the data have no classes"):
        ask(ArithmeticQuery(plus=0), Linear(data.card), data)


def test_a_model_that_cannot_decode_is_refused() -> None:
    for query in (ArithmeticQuery(plus=0), MeansQuery()):
        with pytest.raises(SpecError, match="encodes but does not decode"):
            ask(query, Reader())


def test_arithmetic_gives_way_between_portions() -> None:
    scene = Scene(Linear(), Blobs(), torch.Generator().manual_seed(0), torch.device("cpu"))  # type: ignore[arg-type]
    parts = list(answer(ArithmeticQuery(plus=0, among=5000), scene))
    assert parts[:-1] == [None, None, None]
