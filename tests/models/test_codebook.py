"""The vector quantiser: nearest codes, the straight-through gradient, moving averages, restarts, perplexity."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from gm_core.nn import codebook
from gm_core.nn.codebook import VectorQuantiser, perplexity


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def book(size: int = 7, dim: int = 3, learning: codebook.Learning = "averages", seed: int = 0) -> VectorQuantiser:
    """A quantiser in training mode with random codes."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return VectorQuantiser(size, dim, learning)


def vectors(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(shape, generator=seeded(seed))


# ---- nearest codes


@pytest.mark.parametrize(("size", "dim"), [(1, 1), (7, 3), (512, 16)])
def test_the_nearest_code_is_that_of_all_distances(size: int, dim: int) -> None:
    held, z = book(size, dim), vectors(5, 4, 6, dim)
    far = torch.cdist(z.reshape(-1, dim), held.vectors, compute_mode="donot_use_mm_for_euclid_dist")
    assert torch.equal(held.nearest(z), far.argmin(-1).reshape(5, 4, 6))


def test_distances_are_held_in_portions_and_the_portions_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    held, z = book(), vectors(50, 3)
    whole = held.nearest(z)
    monkeypatch.setattr(codebook, "NUMBERS_AT_ONCE", 7 * 4)
    assert torch.equal(held.nearest(z), whole)


def test_a_code_is_its_own_nearest_and_of_two_equal_ones_the_first_is_taken() -> None:
    held = book()
    assert held.nearest(held.vectors).tolist() == list(range(7))
    held.vectors[5] = held.vectors[2]
    assert held.nearest(held.vectors).tolist() == [0, 1, 2, 3, 4, 2, 6]


# ---- gradients


@pytest.mark.parametrize("learning", ["averages", "gradient"])
def test_the_gradient_at_a_vector_is_that_at_its_code(learning: codebook.Learning) -> None:
    held = book(learning=learning)
    z, weight = vectors(5, 3).requires_grad_(), vectors(5, 3, seed=2)
    q = held.quantise(z).q
    torch.testing.assert_close(q, held.look_up(held.nearest(z)))
    (weight * q.square()).sum().backward()
    at_code = held.look_up(held.nearest(z)).detach().requires_grad_()
    (weight * at_code.square()).sum().backward()
    assert z.grad is not None and at_code.grad is not None
    torch.testing.assert_close(z.grad, at_code.grad)


def test_commitment_moves_vectors_to_their_codes_and_the_pull_moves_codes_to_their_vectors() -> None:
    held = book(learning="gradient")
    z = vectors(9, 3).requires_grad_()
    found = held.quantise(z)
    away = z.detach() - held.look_up(found.codes).detach()
    torch.testing.assert_close(found.commitment, away.square().sum(-1))
    torch.testing.assert_close(found.pull, away.square().sum(-1))
    grad_z, grad_codes = torch.autograd.grad(
        found.commitment.sum(), [z, held.get_parameter("vectors")], allow_unused=True, retain_graph=True
    )
    assert grad_codes is None
    torch.testing.assert_close(grad_z, 2 * away)
    none, pull = torch.autograd.grad(found.pull.sum(), [z, held.get_parameter("vectors")], allow_unused=True)
    assert none is None
    torch.testing.assert_close(pull, torch.zeros(7, 3).index_add_(0, found.codes, -2 * away))


def test_codes_that_are_moving_averages_have_no_pull() -> None:
    assert not book().quantise(vectors(9, 3)).pull.any()


# ---- moving averages


def test_moving_averages_follow_the_formula_by_hand() -> None:
    held, g = book(), 0.9
    uses, sums, kept = torch.zeros(7), torch.zeros(7, 3), held.vectors.clone()
    for step in range(4):
        z = vectors(12, 3, seed=10 + step)
        codes = held.quantise(z).codes
        held.settle(g, 0.0, seeded(0))
        for k in range(7):
            mine = z[codes == k]
            uses[k] = g * uses[k] + (1 - g) * len(mine)
            sums[k] = g * sums[k] + (1 - g) * mine.sum(0)
            kept[k] = sums[k] / uses[k] if uses[k] > 0 else kept[k]
        torch.testing.assert_close(held.uses, uses)
        torch.testing.assert_close(held.vectors, kept)


def test_with_no_memory_a_code_is_the_mean_of_its_vectors_as_in_k_means() -> None:
    held, z = book(), vectors(200, 3)
    before = held.vectors.clone()
    codes = held.quantise(z).codes
    held.settle(0.0, 0.0, seeded(0))
    for k in range(7):
        mine = z[codes == k]
        torch.testing.assert_close(held.vectors[k], mine.mean(0) if len(mine) else before[k])


def test_a_code_that_nobody_takes_stays_where_it_is_for_ever() -> None:
    held = book(2, 1)
    held.vectors.copy_(torch.tensor([[0.0], [100.0]]))
    for step in range(3000):  # 0.9 to this power is far below the smallest float
        held.quantise(vectors(4, 1, seed=step))
        held.settle(0.9, 0.0, seeded(0))
    assert held.vectors[1] == 100.0 and held.vectors.isfinite().all()


def test_two_parts_of_a_batch_teach_what_the_whole_batch_teaches() -> None:
    whole, parts, z = book(), book(), vectors(30, 3)
    whole.quantise(z)
    for part in z.split(11):
        parts.quantise(part)
    for held in (whole, parts):
        held.settle(0.9, 0.5, seeded(3))
    torch.testing.assert_close(whole.vectors, parts.vectors)
    torch.testing.assert_close(whole.uses, parts.uses)


def test_looking_teaches_nothing_and_what_is_forgotten_is_not_learned() -> None:
    held = book()
    before = {name: tensor.clone() for name, tensor in held.state_dict().items()}
    held.eval().quantise(vectors(9, 3))
    held.settle(0.9, 0.5, seeded(0))
    held.train().quantise(vectors(9, 3))
    held.forget()
    held.settle(0.9, 0.5, seeded(0))
    assert all(torch.equal(before[name], tensor) for name, tensor in held.state_dict().items())


# ---- restarts


@pytest.mark.parametrize("learning", ["averages", "gradient"])
def test_an_idle_code_begins_anew_at_a_vector_of_the_batch_and_busy_ones_stay(learning: codebook.Learning) -> None:
    held = book(3, 2, learning)
    with torch.no_grad():
        held.vectors.copy_(torch.tensor([[0.0, 0.0], [50.0, 50.0], [60.0, 60.0]]))
    z = vectors(20, 2)
    held.quantise(z)
    held.settle(0.5, 1.0, seeded(4))
    assert all((z == held.vectors[k]).all(-1).any() for k in (1, 2))
    assert held.uses.tolist() == [10.0, 1.0, 1.0]
    busy = z.mean(0) if learning == "averages" else torch.zeros(2)
    torch.testing.assert_close(held.vectors[0].detach(), busy)


def test_restarts_follow_the_generator_alone() -> None:
    first, same, other = book(60), book(60), book(60)
    for held, seed in ((first, 1), (same, 1), (other, 2)):
        held.quantise(vectors(20, 3))
        held.settle(0.9, 0.5, seeded(seed))
    assert torch.equal(first.vectors, same.vectors) and not torch.equal(first.vectors, other.vectors)


def test_restarts_bring_a_whole_book_to_use_where_without_them_few_codes_are_used() -> None:
    used = {}
    for fewest in (0.0, 0.5):
        held = book(64, 2)
        with torch.no_grad():
            held.vectors.add_(30.0)  # far from all vectors
        for step in range(60):
            held.quantise(vectors(512, 2, seed=step))
            held.settle(0.9, fewest, seeded(step))
        used[fewest] = len(held.nearest(vectors(2000, 2, seed=99)).unique())
    assert used[0.0] <= 8 and used[0.5] >= 60


# ---- perplexity


@pytest.mark.parametrize("size", [2, 9, 64])
def test_uniform_use_of_all_codes_has_the_perplexity_of_the_books_size(size: int) -> None:
    spread, used = perplexity(torch.arange(size).repeat(3), size)
    assert float(spread) == pytest.approx(size, rel=1e-5) and float(used) == size


def test_one_code_has_perplexity_one_and_unequal_use_lies_between() -> None:
    spread, used = perplexity(torch.zeros(5, 2, 2, dtype=torch.int64), 8)
    assert (float(spread), float(used)) == (1.0, 1.0)
    spread, used = perplexity(torch.tensor([3, 3, 3, 5]), 8)
    by_hand = math.exp(-(0.75 * math.log(0.75) + 0.25 * math.log(0.25)))
    assert float(spread) == pytest.approx(by_hand, rel=1e-6) and float(used) == 2
