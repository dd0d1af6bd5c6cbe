"""The factorisation page against torch.distributions, enumeration, simulation and the layers of torch."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from torch.distributions import Categorical, kl_divergence

from gm_core.concepts import counting_digits, small_digits
from gm_core.concepts import factorisation_forcing as forcing
from gm_core.concepts import factorisation_graph as graphs
from gm_core.concepts import factorisation_order as orders
from gm_core.concepts import factorisation_parallel as parallel
from gm_core.maths import dependency_graphs
from tests.concepts.answering import answer


def _graph(number: int, places: graphs.Places = "cross", backwards: bool = False) -> graphs.GraphFrame:
    frame = answer(graphs.GraphQuery(0, places, backwards, number))
    assert isinstance(frame, graphs.GraphFrame)
    return frame


def _kl(p: object, q: object) -> float:
    tables = (torch.from_numpy(np.asarray(t)) + 1e-300 for t in (p, q))
    return float(kl_divergence(*(Categorical(t) for t in tables)))


# ---- graphs


@pytest.mark.parametrize("number", [0, graphs.CHAIN, 37, 512, 777, 1023])
@pytest.mark.parametrize("places", list(graphs.PLACES))
def test_the_nats_lost_are_the_divergence_and_the_sum_over_pixels(number: int, places: graphs.Places) -> None:
    frame = _graph(number, places, backwards=number % 2 == 1)
    assert np.asarray(frame.best).sum() == pytest.approx(1.0, abs=1e-12)
    assert frame.numbers["lost"] == pytest.approx(_kl(frame.joint, frame.best), abs=1e-10)
    assert frame.pixels.sum() == pytest.approx(frame.numbers["lost"], abs=1e-12)
    parents = [sum(end == bit for _, end in graphs.edges_of(number)) for bit in range(5)]
    assert frame.numbers["parameters"] == sum(2**count for count in parents)


def test_the_joint_is_counted_on_the_digits() -> None:
    from sklearn.datasets import load_digits

    x = load_digits().images >= 8
    frame = _graph(0, "row")
    code = sum(x[:, row, column].astype(int) << (4 - k) for k, (row, column) in enumerate(graphs.PLACES["row"]))
    assert np.allclose(frame.joint, np.bincount(code, minlength=32) / len(x))


def test_all_edges_lose_nothing_and_none_lose_what_the_pixels_tell_of_one_another() -> None:
    full, none = _graph(1023), _graph(0)
    assert full.numbers["lost"] == pytest.approx(0.0, abs=1e-12) and full.numbers["parameters"] == 31
    joint = np.asarray(none.joint).reshape((2,) * 5)
    margins = [joint.sum(tuple(set(range(5)) - {bit})) for bit in range(5)]
    total = sum(float(-(m * np.log(m)).sum()) for m in margins) - full.numbers["entropy"]
    assert none.numbers["lost"] == pytest.approx(total, abs=1e-10)


def test_each_edge_costs_what_the_graphs_with_and_without_it_say() -> None:
    frame = _graph(300)
    for k in range(10):
        with_, without = 300 | 1 << k, 300 & ~(1 << k)
        assert frame.lost[k] == pytest.approx(frame.all_lost[without] - frame.all_lost[with_], abs=1e-12)
        assert frame.saved[k] == frame.all_parameters[with_] - frame.all_parameters[without] > 0
        assert frame.lost[k] >= -1e-12


@pytest.mark.parametrize("places", list(graphs.PLACES))
def test_the_front_and_the_tree_are_found_by_looking_at_all_graphs(places: graphs.Places) -> None:
    frame = _graph(0, places)
    for number in frame.front.tolist():
        small = frame.all_parameters <= frame.all_parameters[number]
        assert frame.all_lost[small].min() >= frame.all_lost[number] - 1e-12
    single = [n for n in range(1024) if all(mask.bit_count() <= 1 for mask in graphs.parents_of(n))]
    assert frame.all_lost[frame.tree] == pytest.approx(min(frame.all_lost[n] for n in single), abs=1e-12)


# ---- teacher forcing


def _forcing(**changes: float) -> forcing.ForcingFrame:
    settings = {"sequences": 20, "smoothing": 3.0, "wobble": 0.7, "given": 1} | changes
    query = forcing.ForcingQuery(
        0, int(settings["sequences"]), settings["smoothing"], settings["wobble"], int(settings["given"])
    )
    frame = answer(query)
    assert isinstance(frame, forcing.ForcingFrame)
    return frame


def _pair() -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    p = forcing.truth(0.7)
    uniform = np.random.default_rng(0).uniform(size=(20, forcing.LENGTH))
    return p, forcing.learned(forcing.draw(*p, uniform), 3.0)


def _log_prob(x: np.ndarray, chain: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    t = np.arange(1, forcing.LENGTH)
    return np.log(chain[0][x[:, 0]]) + np.log(chain[1][t % forcing.PERIOD, x[:, :-1], x[:, 1:]]).sum(1)


def test_the_errors_under_true_prefixes_sum_to_the_divergence_of_whole_sequences() -> None:
    p, q = _pair()
    exact = forcing.errors(forcing.marginals(*p), p, q).sum()
    x = forcing.draw(*p, np.random.default_rng(1).uniform(size=(4000, forcing.LENGTH)))
    ratio = _log_prob(x, p) - _log_prob(x, q)
    assert abs(ratio.mean() - exact) < 4 * ratio.std() / math.sqrt(len(x))


def test_the_errors_under_own_prefixes_are_those_of_a_simulation() -> None:
    p, q = _pair()
    exact = forcing.errors(forcing.marginals(*q), p, q)
    x = forcing.draw(*q, np.random.default_rng(2).uniform(size=(4000, forcing.LENGTH)))
    for t in (1, 20, 59):
        rows = (torch.from_numpy(chain[1][t % forcing.PERIOD][x[:, t - 1]]) for chain in (p, q))
        step = kl_divergence(*(Categorical(row) for row in rows)).numpy()
        assert abs(step.mean() - exact[t]) < 4 * step.std() / math.sqrt(len(x))


def test_free_running_piles_up_errors_and_more_sequences_mend_them() -> None:
    few, many = _forcing(), _forcing(sequences=300)
    assert few.numbers["ratio"] > 3 and few.free[40:].mean() > 2 * few.free[2:10].mean()
    assert few.forced[40:].mean() < 1.5 * few.forced[2:20].mean()
    assert many.numbers["free"] < few.numbers["free"] / 5


def test_as_long_as_the_truth_is_given_both_are_the_same() -> None:
    frame, whole = _forcing(given=30), _forcing(given=forcing.LENGTH)
    assert np.array_equal(frame.free[:31], frame.forced[:31]) and frame.free[35:].mean() > frame.forced[35:].mean()
    assert np.array_equal(whole.free, whole.forced) and np.array_equal(whole.true_lines, whole.free_lines)
    assert np.array_equal(frame.true_lines[:, :30], frame.free_lines[:, :30])


@pytest.mark.parametrize("wobble", [0.3, 1.5])
def test_every_row_is_a_distribution(wobble: float) -> None:
    frame = _forcing(wobble=wobble, sequences=1, smoothing=0.1)
    for mass in (frame.truth, frame.model):
        assert np.allclose(np.asarray(mass).sum(0), 1.0) and (np.asarray(mass) >= 0).all()
    assert np.isfinite(frame.free).all() and (frame.forced >= 0).all()


# ---- parallel


@pytest.mark.parametrize("block", [1, 3, 8, 64])
def test_running_sums_draw_the_same_with_the_operations_of_one_scoring(block: int) -> None:
    made, anew, sums, once = parallel.network(block, 50), *(parallel.Counting() for _ in range(3))
    uniform = np.random.default_rng(7).uniform(size=64)
    x = made.sample_anew(uniform, anew)
    assert np.array_equal(x, made.sample_by_sums(uniform, sums))
    made.score(x, once)
    calls = -(-64 // block)
    assert sums.operations == once.operations == 4 * 64 * 50 and anew.operations == calls * once.operations
    assert parallel.measured(block, 50).tolist() == [once.operations, anew.operations, sums.operations]


def test_a_call_takes_two_operations_for_each_weight_of_a_made() -> None:
    layers = torch.nn.Linear(64, 100), torch.nn.Linear(100, 64)
    assert parallel.measured(1, 100)[0] == 2 * sum(layer.weight.numel() for layer in layers)


@pytest.mark.parametrize("block", [1, 8])
def test_no_logit_depends_on_a_pixel_of_its_own_block_or_later(block: int) -> None:
    made, count = parallel.network(block, 130), parallel.Counting()
    x = np.random.default_rng(0).integers(0, 2, (1, 64)).astype(float)
    before = made.score(x, count)[0]
    touched = np.zeros((64, 64), bool)
    for pixel in range(64):
        other = x.copy()
        other[0, pixel] = 1 - other[0, pixel]
        touched[:, pixel] = made.score(other, count)[0] != before
    place = np.arange(64) // block
    assert not touched[place[:, None] <= place[None]].any() and touched[place[:, None] > place[None]].mean() > 0.9


def _parallel(order: parallel.Visits = "raster", block: int = 1, call: int = 24) -> parallel.ParallelFrame:
    frame = answer(parallel.ParallelQuery(0, order, block, 20, call))
    assert isinstance(frame, parallel.ParallelFrame)
    return frame


@pytest.mark.parametrize(("order", "block", "call"), [("raster", 1, 24), ("centre", 5, 3), ("snake", 64, 0)])
def test_exactly_the_pixels_of_the_calls_so_far_are_known(order: parallel.Visits, block: int, call: int) -> None:
    frame = _parallel(order, block, call)
    sequence = counting_digits.visits(order)
    known = np.isin(np.arange(64), sequence[: call * block]).reshape(8, 8)
    assert np.array_equal(~np.isnan(frame.drawn), np.broadcast_to(known, frame.drawn.shape))
    assert frame.known_at.max() == frame.numbers["calls"] == math.ceil(64 / block)


def test_all_pixels_at_once_are_independent_pixels() -> None:
    independent = counting_digits.costs(1347, "raster", parallel.SMOOTHING)[1][0]
    assert _parallel().nats[-1] == pytest.approx(independent, abs=1e-9)
    nine = counting_digits.costs(1347, "raster", parallel.SMOOTHING)[1][9]
    assert _parallel().nats[0] == pytest.approx(nine, abs=1e-9)


def test_pixels_of_a_block_look_at_what_was_known_before_the_block() -> None:
    near = parallel.neighbours(np.arange(64), 8)
    assert near[:, 20].tolist() == list(range(7, 16)) and (near[:, 5] == 64).all()


# ---- order


def _order(own: tuple[int, ...] = (0, 8, 1, 7, 2, 6, 3, 5, 4), memory: int = 1, seed: int = 0) -> orders.OrderFrame:
    frame = answer(orders.OrderQuery(seed, own, memory))
    assert isinstance(frame, orders.OrderFrame)
    return frame


def test_every_order_costs_the_same_without_memory_and_with_all_of_it() -> None:
    frame = _order()
    assert np.allclose(frame.lost[:, 0], frame.lost[0, 0]) and np.allclose(frame.lost[:, -1], 0.0, atol=1e-12)
    assert frame.lost[:, 1].max() - frame.lost[:, 1].min() > 0.1
    assert (np.diff(frame.lost, axis=1) <= 1e-12).all(), "a longer memory never loses more"
    assert (np.diff(frame.among, axis=0) >= -1e-12).all(), "least, mean, largest"


@pytest.mark.parametrize("memory", [0, 1, 3, 8])
@pytest.mark.parametrize("seed", [0, 5])
def test_the_loss_is_the_divergence_of_the_best_model_with_that_memory(memory: int, seed: int) -> None:
    own = tuple(np.random.default_rng(seed).permutation(9).tolist())
    joint = torch.from_numpy(orders.joint()).reshape((2,) * 9)
    parents = [0] * 9
    for rank, site in enumerate(own):
        parents[site] = sum(1 << before for before in own[max(0, rank - memory) : rank])
    best = dependency_graphs.best_with(joint, parents)
    frame = _order(own, memory)
    assert frame.numbers["lost"] == pytest.approx(_kl(joint.flatten().numpy(), best.flatten().numpy()), abs=1e-9)
    assert frame.ranks.sum() == pytest.approx(frame.numbers["lost"], abs=1e-9)


def test_the_patches_are_counted_over_all_places() -> None:
    learn, held = small_digits.halves()
    x = np.concatenate((learn, held)).reshape(-1, 8, 8)
    windows = np.lib.stride_tricks.sliding_window_view(x, (3, 3), (1, 2)).reshape(-1, 9)
    assert len(windows) == 1797 * 36
    for state in ((0,) * 9, (1,) * 9, (0, 1, 0, 0, 1, 0, 0, 1, 0)):
        share = (windows == np.array(state)).all(1).mean()
        assert orders.joint()[int("".join(map(str, state)), 2)] == pytest.approx(share, abs=1e-12)


# ---- the mathematics below


def test_entropies_of_sets_of_bits_are_those_of_their_marginals() -> None:
    joint = torch.rand(2, 2, 2, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    joint /= joint.sum()
    entropies = dependency_graphs.subset_entropies(joint)
    for size in range(5):
        for bits in itertools.combinations(range(4), size):
            rest = tuple(set(range(4)) - set(bits))
            margin = (joint.sum(rest) if rest else joint).flatten()
            expected = float(Categorical(margin).entropy()) if bits else 0.0
            assert float(entropies[sum(1 << bit for bit in bits)]) == pytest.approx(expected, abs=1e-12)


def test_a_context_that_never_occurs_gets_one_half() -> None:
    joint = torch.tensor([[0.4, 0.6], [0.0, 0.0]], dtype=torch.float64)
    assert dependency_graphs.factor(joint, 1, 0b1)[1].tolist() == [0.5, 0.5]
    assert torch.allclose(dependency_graphs.best_with(joint, (0, 0b1)), joint)
