"""The counting page against enumeration, the counts that the reference states, and torch.distributions."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from torch.distributions import Bernoulli, Categorical, kl_divergence

from gm_core.concepts import counting as concept
from gm_core.concepts import counting_digits as digits
from gm_core.concepts import counting_edges as edges
from gm_core.concepts import small_digits
from gm_core.maths import count_tables, parameter_counts
from tests.concepts.answering import answer


def _counted(pixels: int, memory: int = 3, hidden: int = 100) -> concept.CountFrame:
    frame = answer(concept.CountQuery(0, pixels, memory, hidden))
    assert isinstance(frame, concept.CountFrame)
    return frame


def test_a_pixel_of_three_bytes_takes_16777215_numbers_as_a_table_and_by_the_chain_rule() -> None:
    frame = answer(concept.PixelQuery(0))
    assert isinstance(frame, concept.PixelFrame)
    assert frame.table == sum(frame.factors) == 256**3 - 1 == 16_777_215
    assert frame.factors == (255, 65_280, 16_711_680) and frame.independent == 765
    assert frame.markov == 255 + 2 * 256 * 255


@pytest.mark.parametrize("bits", [1, 2, 8])
def test_every_colour_is_an_entry_of_its_own(bits: int) -> None:
    levels = 2**bits
    at = [round((level + 0.5) * 256 / levels - 0.5) for level in range(levels)]
    picked = [(r, g, b) for r in at[:3] for g in at[-3:] for b in at[:2]]
    found = [answer(concept.PixelQuery(0, bits, *colour)) for colour in picked]
    entries = [frame.numbers["entry"] for frame in found]
    assert len(set(entries)) == len(entries) and min(entries) >= 1 and max(entries) <= levels**3
    for frame, (r, g, _b) in zip(found, picked, strict=True):
        assert isinstance(frame, concept.PixelFrame)
        column, row = r * levels // 256, g * levels // 256
        assert tuple(frame.plane[row, column].tolist()) == frame.colour


@pytest.mark.parametrize("pixels", [1, 2, 5, 64, 784])
def test_the_chain_rule_counts_exactly_what_the_table_counts_to_the_last_digit(pixels: int) -> None:
    frame = _counted(pixels)
    assert frame.exact[0] == frame.exact[1] == 2**pixels - 1
    assert frame.numbers["digits"] == len(str(2**pixels - 1))
    assert frame.log10[:2, pixels - 1] == pytest.approx(math.log10(2**pixels - 1), abs=1e-9)


@pytest.mark.parametrize(("n", "levels"), [(1, 2), (4, 2), (5, 3), (6, 4)])
def test_a_memory_is_counted_as_enumeration_counts_it(n: int, levels: int) -> None:
    for memory in range(n + 2):
        contexts = [set(itertools.product(range(levels), repeat=min(i, memory))) for i in range(n)]
        assert parameter_counts.markov(n, memory, levels) == sum(len(c) * (levels - 1) for c in contexts)
    assert parameter_counts.markov(n, n - 1, levels) == parameter_counts.table(n, levels)


def test_the_counts_of_mnist_are_those_of_the_papers() -> None:
    names = dict(zip(_counted(784, 2, 500).names, _counted(784, 2, 500).exact, strict=True))
    assert names["Independent"] == 784 and names["Markov, order 1"] == 2 * 784 - 1
    assert names["Order 2"] == 4 * 783 - 1
    assert names["Logistic (FVSBN)"] == 307_720 and names["Shared (NADE, MADE)"] == 785_284


def test_the_shared_count_is_that_of_the_layers_of_a_made() -> None:
    n, hidden = 12, 7
    layers = torch.nn.Sequential(torch.nn.Linear(n, hidden), torch.nn.Linear(hidden, n))
    assert parameter_counts.shared(n, hidden) == sum(p.numel() for p in layers.parameters())


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (127, "127"), (999_999, "999,999"), (16_777_215, "16.8 million"), (999_960_000, "1.0 billion"),
        (2**64 - 1, "18.4 quintillion"), (2**784 - 1, "1.02 × 10²³⁶"),
    ],
)  # fmt: skip
def test_counts_are_said_as_people_say_them(count: int, said: str) -> None:
    assert concept.words(count) == said


# ---- digits


def _drawn(
    memory: int = 3, a: float = 1.0, examples: int = 1347, order: digits.Visits = "raster"
) -> digits.DigitsFrame:
    frame = answer(digits.DigitsQuery(0, memory, a, examples, order))
    assert isinstance(frame, digits.DigitsFrame)
    return frame


def test_the_nats_of_held_out_digits_are_those_of_the_reference() -> None:
    frame = _drawn()
    assert frame.held_out[0] == pytest.approx(24.865, abs=5e-4) and frame.held_out[1] == pytest.approx(23.763, abs=5e-4)


@pytest.mark.parametrize(("memory", "a", "examples"), [(0, 1.0, 1347), (2, 0.3, 100), (5, 0.01, 30)])
def test_the_sum_over_cells_is_the_sum_over_digits_and_pixels(memory: int, a: float, examples: int) -> None:
    frame, (learn, held) = _drawn(memory, a, examples, "column"), small_digits.halves()
    near = digits.tables(examples, "column").near[memory]
    on = count_tables.probability(count_tables.count(learn[:examples], near), a)
    for x, said in ((learn[:examples], frame.learned), (held, frame.held_out)):
        chance = torch.from_numpy(on[np.arange(64), count_tables.contexts(x, near)])
        nats = -Bernoulli(chance).log_prob(torch.from_numpy(x).double()).sum(1).mean()
        assert said[memory] == pytest.approx(float(nats), abs=1e-9)


def test_the_context_of_a_pixel_is_made_of_the_pixels_before_it() -> None:
    _, held = small_digits.halves()
    near = digits.tables(1347, "raster").near[3]
    code = count_tables.contexts(held[:5], near)
    assert np.array_equal(code[:, 10], 4 * held[:5, 7] + 2 * held[:5, 8] + held[:5, 9])
    assert np.array_equal(code[:, 1], held[:5, 0]) and not code[:, 0].any()


def test_nothing_that_is_counted_costs_more_with_a_longer_memory_when_nothing_is_added() -> None:
    learned = _drawn(3, 1e-9).learned
    assert (np.diff(learned) < 1e-9).all()


def test_with_few_digits_a_long_memory_gets_cheaper_where_it_learned_and_dearer_where_it_did_not() -> None:
    frame = _drawn(10, 0.1, 100)
    assert frame.learned[10] < frame.learned[2] - 2 and frame.held_out[10] > frame.held_out[2] + 2


def test_the_full_table_costs_more_than_coin_flips_and_draws_what_it_has_seen() -> None:
    frame, (learn, held) = _drawn(a=0.001), small_digits.halves()
    seen = {row.tobytes() for row in learn}
    assert all(row.astype(np.int64).tobytes() in seen for row in frame.drawn[4].reshape(-1, 64))
    assert frame.numbers["repeated"] == sum(row.tobytes() in seen for row in held)
    unseen = math.log(1347 + 2.0) - math.log(2.0) + 64 * math.log(2)
    assert _drawn().nats[4] > frame.numbers["coins"] == pytest.approx(44.3614, abs=1e-4)
    assert _drawn().nats[4] < unseen


def test_pixels_are_drawn_as_often_as_their_tables_say() -> None:
    near, order = digits.tables(1347, "raster").near[1], digits.visits("raster")
    on = np.random.default_rng(0).uniform(0.1, 0.9, (64, 2))
    uniform = torch.rand(20_000, 64, generator=torch.Generator().manual_seed(1), dtype=torch.float64).numpy()
    x = count_tables.draw(on, near, order, uniform)
    for site in (0, 1, 40):
        before = x[:, site - 1] if site else np.zeros(len(x), np.int64)
        for value in (0, 1) if site else (0,):
            met = x[before == value, site]
            spread = math.sqrt(on[site, value] * (1 - on[site, value]) / len(met))
            assert abs(met.mean() - on[site, value]) < 4 * spread


# ---- edges


def _edges(kept: tuple[str, ...], chances: tuple[float, ...] = edges.EdgesQuery().chances) -> edges.EdgesFrame:
    frame = answer(edges.EdgesQuery(0, chances, kept))
    assert isinstance(frame, edges.EdgesFrame)
    return frame


ALL_KEPT = [kept for size in range(4) for kept in itertools.combinations(edges.EDGES, size)]


@pytest.mark.parametrize("kept", ALL_KEPT)
def test_the_nats_lost_are_the_divergence_of_the_best_distribution_with_that_graph(kept: tuple[str, ...]) -> None:
    frame = _edges(kept)
    p, q = torch.from_numpy(np.asarray(frame.joint)), torch.from_numpy(np.asarray(frame.best))
    assert float(q.sum()) == pytest.approx(1.0, abs=1e-12)
    assert frame.numbers["lost"] == pytest.approx(float(kl_divergence(Categorical(p), Categorical(q))), abs=1e-12)
    assert frame.numbers["parameters"] == sum(2 ** sum(edge[1] == bit for edge in kept) for bit in "zyx")


def test_no_other_distribution_with_the_graph_is_nearer() -> None:
    frame, random = _edges(("zy", "zx")), np.random.default_rng(3)
    p = np.asarray(frame.joint)
    for _ in range(200):
        z, y, x = random.uniform(0.01, 0.99), random.uniform(0.01, 0.99, 2), random.uniform(0.01, 0.99, 2)
        q = [
            (z if a else 1 - z) * (y[a] if b else 1 - y[a]) * (x[a] if c else 1 - x[a])
            for a, b, c in itertools.product((0, 1), repeat=3)
        ]
        assert float((p * np.log(p / np.array(q))).sum()) >= frame.numbers["lost"]


def test_an_edge_costs_nothing_where_x_ignores_y_and_all_where_x_copies_it() -> None:
    free = _edges(edges.EDGES, (0.3, 0.2, 0.9, 0.4, 0.7, 0.4, 0.7))
    assert free.lost[2] == pytest.approx(0.0, abs=1e-12) and free.numbers["alone"] == pytest.approx(0.0, abs=1e-12)
    copied = _edges(edges.EDGES, (0.3, 0.5, 0.5, 0.0, 0.0, 1.0, 1.0))
    assert copied.lost[2] == pytest.approx(math.log(2), abs=1e-12) and copied.saved.tolist() == [1, 2, 2]


def test_the_model_says_the_same_in_contexts_that_it_cannot_tell_apart() -> None:
    frame = _edges(("zy", "zx"))
    assert frame.model[3] == frame.model[5] and frame.model[4] == frame.model[6]
    joint = np.asarray(frame.joint).reshape(2, 2, 2)
    assert frame.model[3] == pytest.approx(joint[0, :, 1].sum() / joint[0].sum(), abs=1e-12)
    assert np.allclose(_edges(edges.EDGES).model, edges.EdgesQuery().chances)
