"""The nearest examples, against a search by hand in numpy, with every number written down."""

from __future__ import annotations

import gc
import pickle
from dataclasses import dataclass, field

import numpy as np
import pytest
import torch
from torch import Tensor

from gm_core.capabilities.base import Capability, Scene, answer
from gm_core.capabilities.encodes import Encodes
from gm_core.capabilities.latent import Latent
from gm_core.capabilities.neighbours import Nearest, NearestQuery
from gm_core.protocol.cards import DataCard
from gm_core.spec import SpecError

VECTORS = DataCard("blobs", "Blobs", (6,), "continuous", (-9.0, 9.0), classes=("a", "b"))
PICTURES = DataCard("grey", "Grey", (3, 4, 5), "levels", (-1.0, 1.0), levels=256)


class Plain(Capability):
    """Can do nothing but be asked about its data."""

    title = "Nothing"

    def __init__(self, card: DataCard) -> None:
        self.card = card

    def offers(self) -> frozenset[str]:
        return frozenset()


class Linear(Plain, Encodes, Latent):
    """z = A x without noise, but for a last axis that carries nothing; x = B z."""

    title = "A line"
    latent_size = 4

    def __init__(self, card: DataCard, std: float = 0.0) -> None:
        super().__init__(card)
        rng = torch.Generator().manual_seed(5)
        self.a = torch.randn(3, card.size, generator=rng) / card.size**0.5
        self.b = torch.randn(card.size, 4, generator=rng) * 0.3
        self.std = std

    def offers(self) -> frozenset[str]:
        return frozenset({"encodes", "latent"})

    def prior(self, n: int, rng: torch.Generator) -> Tensor:
        return torch.randn(n, 4, generator=rng)

    def decode(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        return (z @ self.b.T).unflatten(-1, self.card.shape)

    def encode(self, x: Tensor, y: Tensor | None = None) -> tuple[Tensor, Tensor]:
        mu = torch.cat([x.flatten(1) @ self.a.T, 1e-4 * x.flatten(1)[:, :1]], -1)
        return mu, torch.full_like(mu, self.std)


@dataclass
class Given:
    """A data set of which every number is known."""

    card: DataCard
    n: int = 700
    x: Tensor = field(init=False)
    y: Tensor = field(init=False)

    def __post_init__(self) -> None:
        rng = torch.Generator().manual_seed(1)
        if self.card.kind == "images":
            levels = torch.randint(0, 256, (self.n, *self.card.shape), generator=rng)
            self.x = levels / 255.0 * 2.0 - 1.0
        else:
            self.x = torch.randn(self.n, *self.card.shape, generator=rng) * 2.0 + 5.0
        self.y = torch.arange(self.n) % 2

    def count(self, split: str) -> int:
        return self.n

    def examples(self, split: str, indices: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor | None]:
        return self.x[indices], self.y[indices] if self.card.classes else None


def asked(model: Plain, data: Given, query: NearestQuery) -> Nearest:
    scene = Scene(model, data, torch.Generator().manual_seed(query.seed), torch.device("cpu"))  # type: ignore[arg-type]
    with torch.no_grad():
        *waits, frame = answer(query, scene)
    assert all(wait is None for wait in waits) and isinstance(frame, Nearest)
    return frame


def by_hand(wanted: np.ndarray, held: np.ndarray) -> np.ndarray:
    """Root mean squared differences of all pairs, in float64."""
    return np.sqrt(((wanted[:, None].astype(float) - held[None].astype(float)) ** 2).mean(-1))


@pytest.mark.parametrize("card", [VECTORS, PICTURES], ids=["vectors", "pictures"])
def test_neighbours_by_pixels_are_those_of_a_search_by_hand(card: DataCard) -> None:
    data = Given(card)
    held = data.x.flatten(1).numpy()
    if card.kind == "images":
        given = np.random.default_rng(3).integers(0, 256, (7, 4, 5, 3)).astype(np.uint8)
        wanted = given.transpose(0, 3, 1, 2).reshape(7, -1) / 255.0 * 2.0 - 1.0
    else:
        given = (np.random.default_rng(3).normal(size=(7, 6)) * 2 + 5).astype(np.float32)
        wanted = given
    found = asked(Plain(card), data, NearestQuery(given=given, n=4))
    gaps = by_hand(wanted, held)
    order = np.argsort(gaps, axis=1)[:, :4]
    assert np.array_equal(found.indices, order)
    assert np.allclose(found.distances, np.take_along_axis(gaps, order, 1), rtol=1e-4)
    own = by_hand(held, held)
    np.fill_diagonal(own, np.inf)
    nearest = own.min(1)
    assert np.median(nearest) * 0.9 < found.typical < np.median(nearest) * 1.1, "the median of 200 of them"
    assert found.typical < found.far < nearest.max()
    shown = data.x[torch.from_numpy(order)]
    if card.kind == "images":
        pictures = ((shown + 1) * 127.5).round().byte().permute(0, 1, 3, 4, 2).numpy()
        assert found.items.dtype == np.uint8 and np.array_equal(found.items, pictures) and found.labels is None
    else:
        assert np.array_equal(found.items, shown.numpy()) and np.array_equal(found.labels, order % 2)


@pytest.mark.parametrize("std", [0.0, 0.5], ids=["deterministic", "noisy"])
def test_neighbours_by_codes_leave_out_the_axis_that_carries_nothing(std: float) -> None:
    data, model = Given(VECTORS), Linear(VECTORS, std)
    z = np.array([[0.3, -0.2, 0.9, 40.0], [4.0, 4.0, 4.0, -40.0]], np.float32)
    found = asked(model, data, NearestQuery(z=z, n=3, space="codes"))
    codes = (data.x @ model.a.T).numpy()
    gaps = by_hand(z[:, :3], codes)
    order = np.argsort(gaps, axis=1)[:, :3]
    assert np.array_equal(found.indices, order)
    assert np.allclose(found.distances, np.take_along_axis(gaps, order, 1), rtol=1e-4)


def test_codes_are_decoded_for_pixels_and_pictures_encoded_for_codes() -> None:
    data, model = Given(VECTORS), Linear(VECTORS)
    z = model.prior(2, torch.Generator().manual_seed(9))
    decoded = asked(model, data, NearestQuery(z=z.numpy(), n=2))
    given = asked(model, data, NearestQuery(given=model.decode(z).numpy(), n=2))
    assert np.array_equal(decoded.indices, given.indices)
    x = data.x[[17, 600]]
    encoded = asked(model, data, NearestQuery(given=x.numpy(), n=1, space="codes"))
    assert np.array_equal(encoded.indices[:, 0], [17, 600]) and np.allclose(encoded.distances, 0, atol=1e-3)


def test_only_so_many_examples_are_searched_and_the_seed_chooses_them() -> None:
    data = Given(VECTORS)
    query = NearestQuery(given=data.x[:50].numpy(), n=1, among=300)
    first, same = (asked(Plain(VECTORS), data, query) for _ in range(2))
    assert np.array_equal(first.indices, same.indices)
    hits = (first.indices[:, 0] == np.arange(50)).mean()
    assert 0.25 < hits < 0.65, "300 of 700 examples were searched, so most are not found themselves"
    few = asked(Plain(VECTORS), Given(VECTORS, n=3), NearestQuery(given=data.x[:1].numpy(), n=9))
    assert few.indices.shape == (1, 3) and sorted(few.indices[0]) == [0, 1, 2]
    lonely = asked(Plain(VECTORS), Given(VECTORS, n=1), NearestQuery(given=data.x[:1].numpy()))
    assert np.isnan(lonely.typical) and np.isnan(lonely.far)


def test_frames_can_be_pickled_and_closing_midway_leaves_nothing() -> None:
    data = Given(VECTORS)
    frame = asked(Plain(VECTORS), data, NearestQuery(given=data.x[:1].numpy()))
    assert np.array_equal(pickle.loads(pickle.dumps(frame)).indices, frame.indices)
    scene = Scene(Plain(VECTORS), data, torch.Generator().manual_seed(0), torch.device("cpu"))  # type: ignore[arg-type]
    search = answer(NearestQuery(given=data.x[:1].numpy()), scene)
    assert next(search) is None
    search.close()  # type: ignore[attr-defined]
    gc.collect()
    assert next(search, "ended") == "ended"


@pytest.mark.parametrize(
    ("query", "words"),
    [
        (NearestQuery(), "neither pictures nor codes"),
        (NearestQuery(given=np.zeros((1, 6), np.float32), z=np.zeros((1, 4), np.float32)), "both given"),
        (NearestQuery(given=np.zeros((1, 5), np.float32)), "expected \\(m, 6\\)"),
        (NearestQuery(given=np.zeros((0, 6), np.float32)), "expected \\(m, 6\\)"),
        (NearestQuery(z=np.zeros((1, 3), np.float32)), "give \\(n, 4\\)"),
        (NearestQuery(given=np.zeros((1, 6), np.float32), n=0), "at least 1"),
    ],
)
def test_what_cannot_be_searched_is_refused_in_a_sentence(query: NearestQuery, words: str) -> None:
    with pytest.raises(SpecError, match=words):
        asked(Linear(VECTORS), Given(VECTORS), query)


def test_a_model_without_an_encoder_is_asked_by_pixels_alone() -> None:
    data = Given(VECTORS)
    for query in (
        NearestQuery(given=data.x[:1].numpy(), space="codes"),
        NearestQuery(z=np.zeros((1, 4), np.float32)),
    ):
        with pytest.raises(SpecError, match="give pictures, and ask for neighbours by pixels"):
            asked(Plain(VECTORS), data, query)
