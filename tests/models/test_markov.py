"""Markov models are tables of counts: held against tables made by hand, enumeration, and the figures of MNIST."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch
from sklearn.datasets import load_digits
from torch import Tensor

from gm_core.data.idx import read_idx
from gm_core.model import build
from gm_core.models.markov import Markov
from gm_core.parts.autoregressive import FullPasses
from gm_core.parts.neighbours import beside
from gm_core.parts.orders import make_order
from gm_core.protocol.cards import DataCard
from gm_core.spec import SpecError

LABELS = ("a", "b")
BINARY = DataCard("b", "Binary 3x3", (1, 3, 3), "binary", (0.0, 1.0), levels=2, classes=LABELS)
GREY = DataCard("g", "Grey 2x3", (1, 2, 3), "levels", (-1.0, 1.0), levels=3, classes=LABELS)
COLOUR = DataCard("c", "Colour 2x2", (3, 2, 2), "binary", (0.0, 1.0), levels=2, classes=LABELS)
LARGE = DataCard("l", "Binary 6x7", (1, 6, 7), "binary", (0.0, 1.0), levels=2)
DIGITS = DataCard("d", "Digits", (1, 8, 8), "binary", (0.0, 1.0), levels=2)
LEVELS = DataCard("d", "Digits", (1, 8, 8), "levels", (0.0, 1.0), levels=17)
MNIST = DataCard("m", "MNIST", (1, 28, 28), "binary", (0.0, 1.0), levels=2)
SPECS: dict[str, dict[str, Any]] = {
    "AR(1)": {"memory": 1},
    "AR(3), shared, own border": {"memory": 3, "shared": True, "border": "own"},
    "AR(2), random order": {"memory": 2, "order": "random"},
    "left-up": {"context": "left-up"},
    "four, shared": {"context": "four", "shared": True},
    "four, shared, own border": {"context": "four", "shared": True, "border": "own"},
    "ten, centre out": {"context": "ten", "order": "centre"},
}


def made(card: DataCard, **spec: Any) -> Markov:
    """A model in float64 that has counted nothing."""
    model = build({"kind": "markov", **spec}, card).double()
    assert isinstance(model, Markov)
    return model.eval()


def shaken(card: DataCard, **spec: Any) -> Markov:
    """A model with made-up counts, all different enough that no two rows of a table are alike."""
    model = made(card, **spec)
    model.counts += torch.randint(1000, model.counts.shape, generator=torch.Generator().manual_seed(1))
    if model.classes:
        model.label_counts += torch.tensor([7, 3])
    return model


def everything(model: Markov) -> Tensor:
    """The values of all examples there are."""
    return torch.tensor(list(itertools.product(range(model.levels), repeat=model.sites)))


def digits(binary: bool) -> tuple[Tensor, Tensor]:
    """Small digits, 8 and more of 16 lit or 17 levels: the first 1347, and the rest."""
    values = torch.from_numpy(load_digits().data).long()
    values = (values >= 8).long() if binary else values
    return values[:1347], values[1347:]


# ---- counting


@pytest.mark.parametrize(("binary", "order"), [(True, "raster"), (True, "column"), (False, "raster"), (False, "snake")])
def test_memory_one_is_the_table_of_pairs_counted_by_hand(binary: bool, order: str) -> None:
    """To 1e-10 in float64, for coins and for 17 levels."""
    train, held = digits(binary)
    model = made(DIGITS if binary else LEVELS, memory=1, order=order)
    for part in train.split(500):
        model.count(part, None)
    levels = 2 if binary else 17
    expected = torch.zeros(len(held), dtype=torch.float64)
    visits = model.visits().tolist()
    for before, site in zip([None, *visits], visits, strict=False):
        table = torch.ones(levels, levels, dtype=torch.float64)  # Laplace
        past = torch.zeros_like(train[:, 0]) if before is None else train[:, before]
        table.index_put_((past, train[:, site]), torch.ones((), dtype=torch.float64), accumulate=True)
        given = torch.zeros_like(held[:, 0]) if before is None else held[:, before]
        expected += (table / table.sum(-1, keepdim=True))[given, held[:, site]].log()
    found = model.log_prob(model.to_example(held), torch.Generator())
    assert float((found - expected).abs().max()) < 1e-10
    if binary and order == "raster":
        assert -float(found.mean()) == pytest.approx(23.763, abs=5e-4)  # the figure of the science reference


@pytest.mark.parametrize("memory", [2, 5])
def test_longer_memories_are_frequencies_after_the_same_past(memory: int) -> None:
    train, held = digits(True)
    model = made(DIGITS, memory=memory, smoothing=0.5)
    model.count(train, None)
    rows, kept = train.tolist(), held[:20]
    expected = []
    for x in kept.tolist():
        total = 0.0
        for site in range(64):
            past = slice(max(0, site - memory), site)
            met = Counter(row[site] for row in rows if row[past] == x[past])
            total += math.log((met[x[site]] + 0.5) / (met.total() + 1.0))
        expected.append(total)
    found = model.log_prob(model.to_example(kept), torch.Generator())
    assert torch.allclose(found, torch.tensor(expected, dtype=torch.float64), atol=1e-10)


def test_each_class_has_tables_of_its_own() -> None:
    values = torch.randint(2, (60, 9), generator=torch.Generator().manual_seed(0))
    y = torch.arange(60) % 2
    both = made(BINARY, context="four", labels=True)
    both.count(values, y)
    for label in (0, 1):
        alone = made(BINARY, context="four")
        alone.count(values[y == label], None)
        x = alone.to_example(values[:8])
        given = both.log_prob(x, torch.Generator(), torch.full((8,), label))
        assert torch.allclose(given, alone.log_prob(x, torch.Generator()), atol=1e-12)


def test_a_shared_table_counts_every_place_and_the_border_as_zero_or_as_a_value_of_its_own() -> None:
    """Of the images 0 1 0 and 0 1 1 a time-homogeneous chain meets: start 0 twice, 01 twice, 10 once, 11 once."""
    card = DataCard("v", "Vectors", (3,), "binary", (0.0, 1.0), levels=2)
    values = torch.tensor([[0, 1, 0], [0, 1, 1]])
    zero = made(card, memory=1, shared=True)
    zero.count(values, None)
    assert zero.counts[0, 0].tolist() == [[2, 2], [1, 1]]
    own = made(card, memory=1, shared=True, border="own")
    own.count(values, None)
    assert own.counts[0, 0].tolist() == [[0, 2], [1, 1], [2, 0]]


# ---- neighbours


def test_neighbours_are_where_their_names_say() -> None:
    order = make_order("raster", (1, 6, 7))
    middle = 3 * 7 + 3
    steps = {"left": {(0, -1)}, "up": {(-1, 0)}, "left-up": {(0, -1), (-1, 0)}}
    steps["four"] = steps["left-up"] | {(-1, -1), (-1, 1)}
    steps["ten"] = steps["four"] | {(0, -2), (-1, -2), (-1, 2), (-2, -1), (-2, 0), (-2, 1)}
    for context, expected in steps.items():
        near = beside(order, LARGE, context)
        assert {divmod(site, 7) for site in near[:, middle].tolist()} == {(3 + y, 3 + x) for y, x in expected}
        assert (near[:, 0] == 42).all()
    corner = beside(order, LARGE, "four")[:, 13]  # the last of the second row has nothing up and right of it
    assert sorted(corner.tolist()) == [5, 6, 12, 42]


def test_backwards_in_a_snake_the_left_neighbour_is_still_to_come() -> None:
    near = beside(make_order("snake", (1, 6, 7)), LARGE, "left-up")
    assert near[:, 7 + 3].tolist() == [42, 3] and near[:, 14 + 3].tolist() == [16, 10]


def test_colours_see_the_colours_of_their_pixel_that_came_before() -> None:
    model = made(COLOUR, context="left")
    seen = [set(row.nonzero().flatten().tolist()) for row in model.support()]
    assert [seen[site] for site in (0, 4, 8)] == [set(), {0}, {0, 4}]
    assert [seen[site] for site in (1, 5, 9)] == [{0}, {4, 1}, {8, 1, 5}]


@pytest.mark.parametrize("card", [BINARY, GREY, COLOUR], ids=lambda card: card.title)
@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
@pytest.mark.parametrize("labels", [False, True])
def test_between_the_levels_it_is_linear_in_each_neighbour_and_at_them_the_table(
    card: DataCard, spec: dict[str, Any], labels: bool
) -> None:
    if card is not BINARY and spec.get("context") == "ten":
        spec = {**spec, "context": "left-up"}
    model = shaken(card, labels=labels, **spec)
    source = torch.Generator().manual_seed(2)
    values = torch.randint(model.levels, (6, model.sites), generator=source)
    y = torch.tensor([0, 1, 1, 0, 1, 0]) if labels else None
    u = model.embed(values)
    expected = torch.stack([model.conditional(model.to_example(values), i, y).logits for i in range(model.sites)], 1)
    assert torch.allclose(model.logits(u, y), expected, atol=1e-12)
    u, site = torch.rand(u.shape, generator=source, dtype=u.dtype), int(model.visits()[1])
    low, high, middle = u.clone(), u.clone(), u.clone()
    low[:, site], high[:, site] = 0.1, 0.7
    middle[:, site] = 0.4
    ends = model.logits(low, y) + model.logits(high, y)
    assert torch.allclose(model.logits(middle, y), 0.5 * ends, atol=1e-10)


@pytest.mark.parametrize("card", [BINARY, GREY, COLOUR, LARGE], ids=lambda card: card.title)
@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_a_pixel_sees_its_neighbours_and_nothing_else(card: DataCard, spec: dict[str, Any]) -> None:
    if card in (GREY, COLOUR) and spec.get("context") == "ten":
        spec = {**spec, "context": "left-up"}
    model = shaken(card, **spec)
    u = torch.rand(1, model.sites, model.features, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    jacobian = torch.func.jacrev(lambda flat: model.logits(flat.reshape(u.shape), None)[0])(u.flatten())
    moved = jacobian.abs().reshape(model.sites, model.width, model.sites, model.features).amax((1, 3))
    assert torch.equal(moved > 0, model.support())


# ---- the density


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_probabilities_of_all_images_sum_to_one(spec: dict[str, Any]) -> None:
    for labels in (False, True):
        model = shaken(BINARY, labels=labels, **spec)
        total = model.log_prob(model.to_example(everything(model)), torch.Generator()).logsumexp(0)
        assert abs(float(total)) < 1e-10


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_looking_up_one_context_at_a_time_draws_what_full_passes_draw(
    spec: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for card in (BINARY, COLOUR) if spec.get("context") != "ten" else (BINARY,):
        model = shaken(card, labels=True, **spec)
        y = torch.tensor([0, 1, 1, 0, 0])
        fast = model.sample(5, torch.Generator().manual_seed(3), y)
        monkeypatch.setattr(model, "begin", lambda n, y, order="", model=model: FullPasses(model, n, y, order))
        assert torch.equal(fast, model.sample(5, torch.Generator().manual_seed(3), y))


# ---- gaps in a chain

CHAINS = pytest.mark.parametrize("spec", list(SPECS.values())[:3], ids=list(SPECS)[:3])
GAPS = pytest.mark.parametrize("gap", [(0, 1, 2), (4,), (0, 3, 4, 8), (1, 2, 5, 6, 7, 8)])


@CHAINS
@GAPS
def test_what_is_missing_anywhere_in_a_chain_is_summed_out_exactly(spec: dict[str, Any], gap: tuple[int, ...]) -> None:
    """Against the sum over all images that agree with what is known, to 1e-10."""
    for labels in (False, True):
        model = shaken(BINARY, labels=labels, **spec)
        every = everything(model)
        known = torch.ones(9, dtype=torch.bool)
        known[list(gap)] = False
        assert model.marginalises(known) and model.exactly(known)
        x = every[[37, 410]]
        alike = (every[None, :, known] == x[:, None, known]).all(-1)
        whole = model.log_prob(model.to_example(every), torch.Generator())
        expected = torch.stack([whole[row].logsumexp(0) for row in alike])
        assert torch.allclose(model.evidence(model.to_example(x), known, None), expected, atol=1e-10)
        if labels:
            joint = model.class_log_joint(model.to_example(every))
            found = model.class_log_joint(model.to_example(x), known)
            assert torch.allclose(found, torch.stack([joint[row].logsumexp(0) for row in alike]), atol=1e-10)


@CHAINS
@pytest.mark.parametrize("label", [None, 1])
def test_completions_of_a_gap_in_the_middle_follow_the_model(spec: dict[str, Any], label: int | None) -> None:
    """Frequencies of 20,000 completions of 3 pixels: chi-squared over 8 outcomes with 7 degrees, p > 1e-4."""
    model = shaken(BINARY, labels=True, **spec)
    every = everything(model)
    known = torch.ones(9, dtype=torch.bool)
    known[model.visits()[[2, 3, 6]]] = False
    x = every[301:302]
    y = None if label is None else torch.tensor([label])
    *_, last = model.complete(model.to_example(x), known, 20_000, torch.Generator().manual_seed(1), y)
    drawn = model.to_values(last.x)
    assert torch.equal(drawn[:, known], x[:, known].expand(20_000, -1)) and last.log_prob is not None
    alike = every[(every[:, known] == x[:, known]).all(-1)]
    given = None if y is None else y.expand(8)
    expected = model.log_prob(model.to_example(alike), torch.Generator(), given).log_softmax(0)
    which = (drawn[:, None] == alike[None]).all(-1)
    assert torch.allclose(last.log_prob, expected[which.long().argmax(1)], atol=1e-9)
    share = 20_000 * expected.exp()
    assert float(((which.sum(0) - share).square() / share).sum()) < 29.9


def test_neighbourhoods_in_the_plane_are_completed_by_particles() -> None:
    model = shaken(BINARY, context="four")
    known = torch.arange(9) > 2
    assert not model.exactly(known) and not model.marginalises(known)
    *_, last = model.complete(model.blank(1), known, 3, torch.Generator().manual_seed(0))
    assert last.effective is not None and float(last.effective) > 1.0


# ---- parameters and refusals


def test_parameters_of_chains_are_counted_as_in_the_closed_forms() -> None:
    for n, m in itertools.product((5, 9), (1, 2, 4)):
        card = DataCard("v", "Vectors", (n,), "binary", (0.0, 1.0), levels=2)
        assert made(card, memory=m).free_parameters() == 2**m * (n - m + 1) - 1
    assert made(MNIST, memory=1).free_parameters() == 2 * 784 - 1
    assert made(LEVELS, memory=1).free_parameters() == 16 * (1 + 17 * 63)
    assert made(BINARY, memory=8).free_parameters() == 2**9 - 1  # memory of all: the full joint
    assert made(BINARY, memory=1, shared=True, border="own").free_parameters() == 3  # homogeneous, free start
    assert made(BINARY, memory=1, shared=True).free_parameters() == 2
    assert made(BINARY, memory=1, labels=True).free_parameters() == 2 * 17 + 1


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_parameters_are_as_many_as_contexts_that_all_images_together_meet(spec: dict[str, Any]) -> None:
    model = made(BINARY, **spec)
    model.count(everything(model), None)
    assert model.free_parameters() == int((model.counts.sum(-1) > 0).sum())


def test_tables_that_have_no_room_and_neighbours_without_an_image_are_refused_in_one_sentence() -> None:
    with pytest.raises(SpecError, match=r"a table of .* counts; up to 16,777,216 have room: take fewer neighbours"):
        build({"kind": "markov", "context": "ten"}, LEVELS)
    vector = DataCard("v", "Vectors", (8,), "binary", (0.0, 1.0), levels=2)
    with pytest.raises(SpecError, match="Vectors holds no images; expected chain"):
        build({"kind": "markov", "context": "four"}, vector)


# ---- MNIST


def test_the_tables_of_mnist_have_the_nats_of_the_science_reference(mnist_folder: Path) -> None:
    """Test nats within 0.1: binarised by chance, or x > 127.

    The figures by chance are of one drawing of the test images, which moves them by about 0.05; ours are of three.
    """
    images = []
    for name in ("train-images-idx3-ubyte", "t10k-images-idx3-ubyte"):
        path = mnist_folder / name
        path = path if path.is_file() else path.with_name(name + ".gz")
        images.append(read_idx(path, 3).reshape(-1, 784))
    rng = torch.Generator().manual_seed(0)
    images.append(images[1].repeat(3, 1))
    drawn = [torch.rand(part.shape, generator=rng) < part / 255 for part in images[::2]]
    sharp = [part > 127 for part in images[:2]]
    four, ten, half = {"context": "four"}, {"context": "ten"}, {"smoothing": 0.5}
    expected: list[tuple[list[Tensor], float, dict[str, Any]]] = [
        (drawn, 145.379, {"memory": 1}),
        (drawn, 144.130, {"memory": 1, "order": "column"}),
        (drawn, 143.30, {"memory": 2, **half}),
        (drawn, 118.65, {"context": "left-up", **half}),
        (drawn, 104.22, {**four, **half}),
        (drawn, 115.58, {**four, **half, "shared": True}),
        (drawn, 97.08, {**ten, **half}),
        (drawn, 104.94, {**ten, **half, "shared": True}),
        (sharp, 135.745, {"memory": 1}),
        (sharp, 131.10, {"memory": 2, **half}),
        (sharp, 105.30, {"context": "left-up", **half}),
        (sharp, 85.54, {**four, **half}),
        (sharp, 96.89, {**four, **half, "shared": True}),
        (sharp, 74.34, {**ten, **half}),
        (sharp, 83.30, {**ten, **half, "shared": True}),
    ]
    for (train, held), nats, spec in expected:
        model = made(MNIST, **spec)
        for part in train.split(1000):
            model.count(part.long(), None)
        scores = [model.log_prob(part.reshape(-1, 1, 28, 28).double(), rng) for part in held.split(1000)]
        assert -float(torch.cat(scores).mean()) == pytest.approx(nats, abs=0.1), spec
