"""What codes know, against cases with a formula: Gaussian channels, codes that ignore their example, known causes."""

from __future__ import annotations

import math

import pytest
import torch
from sklearn.metrics import mutual_info_score
from torch import Tensor
from torch.distributions import Normal

from gm_core.maths.information import (
    Split,
    entropy,
    information_gaps,
    information_table,
    log_prob_pairs,
    mutual_information,
    own_and_aggregate,
    shares,
    split_kl,
)


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def normal(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=seeded(seed), dtype=torch.float64)


def measured(mu: Tensor, std: Tensor, seed: int, prior: float = 1.0) -> tuple[Split, float]:
    """The parts of the KL to N(0, prior^2), and the standard error of the information."""
    z = mu + std * normal(*mu.shape, seed=seed)
    own, aggregate = own_and_aggregate(log_prob_pairs(z, mu, std), 0)
    wide = torch.full_like(z, prior)
    found = split_kl(own, aggregate, Normal(torch.zeros_like(z), wide).log_prob(z).sum(-1))
    return found, float((own - aggregate).std() / math.sqrt(len(z)))


def test_the_density_of_each_code_under_each_gaussian_is_that_of_torch_distributions() -> None:
    mu, z = normal(7, 3, seed=0) + 50.0, normal(5, 3, seed=1) + 50.0
    std = 0.05 + normal(7, 3, seed=2).abs()
    direct = Normal(mu, std).log_prob(z[:, None]).sum(-1)
    assert torch.allclose(log_prob_pairs(z, mu, std), direct, rtol=1e-10)


def test_a_portion_of_the_codes_is_scored_as_among_all_of_them() -> None:
    mu, std = normal(9, 2, seed=0), torch.full((9, 2), 0.3, dtype=torch.float64)
    whole = own_and_aggregate(log_prob_pairs(mu, mu, std), 0)
    for first in (0, 4):
        part = own_and_aggregate(log_prob_pairs(mu[first : first + 4], mu, std), first)
        for found, among in zip(part, whole):
            assert torch.allclose(found, among[first : first + 4], rtol=1e-12)


@pytest.mark.parametrize(("deviation", "size"), [(2.0, 1), (0.5, 1), (0.1, 1), (1.0, 3)])
def test_a_gaussian_channel_carries_half_the_logarithm_of_one_plus_signal_over_noise(
    deviation: float, size: int
) -> None:
    """x ~ N(0, I), q(z|x) = N(x, s^2 I): I = k/2 ln(1 + 1/s^2). Tolerance: 4 standard errors of one draw each."""
    x = normal(3000, size, seed=3)
    found, error = measured(x, torch.full_like(x, deviation), seed=4)
    exact = 0.5 * size * math.log(1 + deviation**-2)
    assert found.information == pytest.approx(exact, abs=4 * error)
    assert error < 0.03


def test_the_aggregate_posterior_is_the_prior_where_it_should_be() -> None:
    """The aggregate of N(x, s^2) over x ~ N(0, 1) is N(0, 1 + s^2): with that prior nothing is left over. The draws'
    own fluctuation leaves about 1/n for each number."""
    x = normal(3000, 1, seed=5)
    found, error = measured(x, torch.full_like(x, 0.7), seed=6, prior=math.hypot(1.0, 0.7))
    assert found.marginal == pytest.approx(0.0, abs=0.005)
    assert found.kl == pytest.approx(0.5 * math.log(1 + 0.7**-2), abs=4 * error)


def test_the_parts_add_up_to_the_mean_kl_of_the_same_draws() -> None:
    mu, std = 2.0 * normal(400, 6, seed=7), 0.02 + normal(400, 6, seed=8).abs()
    found, _ = measured(mu, std, seed=9)
    assert found.information + found.marginal == pytest.approx(found.kl, rel=1e-12)
    closed = 0.5 * (mu.square() + std.square() - 1 - 2 * std.log()).sum(-1)
    # About its own closed form, ln q - ln p of one draw varies by 1/2 (eps^2 - z^2) in each number.
    spread = (0.5 * (1 - std.square()).square() + (mu * std).square()).sum(-1)
    assert found.kl == pytest.approx(float(closed.mean()), abs=4 * math.sqrt(float(spread.mean()) / len(mu)))


def test_codes_that_ignore_their_example_carry_nothing() -> None:
    mu, std = torch.full((200, 4), 0.3, dtype=torch.float64), torch.full((200, 4), 0.8, dtype=torch.float64)
    found, _ = measured(mu, std, seed=10)
    assert found.information == pytest.approx(0.0, abs=1e-12)


def test_no_more_than_the_logarithm_of_the_number_of_examples_is_ever_claimed() -> None:
    for deviation in (1e-6, 1e-3, 0.1):
        x = normal(50, 5, seed=11)
        found, _ = measured(x, torch.full_like(x, deviation), seed=12)
        assert found.information <= found.ceiling + 1e-9
        assert found.ceiling == pytest.approx(math.log(50))
    sure, _ = measured(x, torch.full_like(x, 1e-6), seed=13)
    assert sure.information == pytest.approx(sure.ceiling, abs=1e-6), "codes that never overlap name their example"


def test_few_examples_underestimate_on_average() -> None:
    """8 examples of a channel of 1.15 nats: the mean of 600 estimates lies below, by more than chance explains."""
    exact = 0.5 * math.log(1 + 1 / 0.3**2)
    each = []
    for repeat in range(600):
        x = normal(8, 1, seed=1000 + repeat)
        each.append(measured(x, torch.full_like(x, 0.3), seed=9000 + repeat)[0].information)
    found = torch.tensor(each, dtype=torch.float64)
    assert float(found.mean()) < exact - 3 * float(found.std() / math.sqrt(len(found)))


# ---- counted information, and MIG


def counted(a: Tensor, b: Tensor, kinds: int = 10) -> Tensor:
    """How often each pair was met."""
    return torch.bincount(a * kinds + b, minlength=kinds * kinds).reshape(kinds, kinds)


def test_counted_information_is_that_of_scikit_learn_with_the_mean_of_chance_taken_off() -> None:
    a = torch.randint(0, 4, (500,), generator=seeded(1))
    b = (a + torch.randint(0, 3, (500,), generator=seeded(2))) % 5
    met = len(a.unique()) + len(b.unique()) - len((a * 9 + b).unique()) - 1
    found = float(mutual_information(counted(a, b)))
    assert found == pytest.approx(mutual_info_score(a, b) + met / 1000, abs=1e-12)
    assert float(entropy(torch.bincount(a))) == pytest.approx(mutual_info_score(a, a), abs=1e-12)


def test_things_that_have_nothing_to_do_with_each_other_share_next_to_nothing() -> None:
    """Plain counting would find (9 * 9) / 2n = 0.04 nats in 1,000 examples of independent numbers, on average."""
    found, plain = [], []
    for seed in range(30):
        a, b = shares(normal(1000, 2, seed=seed)).T
        found.append(float(mutual_information(counted(a, b))))
        plain.append(mutual_info_score(a, b))
    assert sum(plain) / 30 == pytest.approx(81 / 2000, rel=0.15)
    assert sum(found) / 30 < 0.006


def test_shares_are_equally_full_and_only_the_order_matters() -> None:
    x = normal(1000, 1, seed=3)
    found = shares(x)
    assert torch.bincount(found[:, 0]).tolist() == [100] * 10
    assert torch.equal(found, shares(x.mul(3).exp()))
    few = torch.tensor([3.0, 1.0, 1.0, 7.0])[:, None]
    assert shares(few)[:, 0].tolist() == [1, 0, 0, 2], "few kinds stay as they are"
    assert shares(torch.zeros(500, 1)).unique().tolist() == [0], "a dead number has one kind"
    tied = torch.cat([torch.zeros(900), torch.arange(1.0, 101.0)])[:, None]
    assert len(shares(tied)[:900].unique()) == 1, "what is equal shares a bin"
    beside = torch.cat([x, tied], 1)
    assert torch.equal(shares(beside), torch.cat([found, shares(tied)], 1)), "each column for itself"


def test_a_code_with_a_number_for_each_cause_has_a_gap_of_one() -> None:
    """Three continuous causes and one of 4 kinds, each in a number of its own (stretched, bent), and two numbers of
    noise; what chance leaves after its mean is taken off is below 0.03 of ln 10."""
    causes = torch.cat([normal(2000, 3, seed=4), torch.randint(0, 4, (2000, 1), generator=seeded(5)).double()], 1)
    codes = torch.cat([(0.5 * causes[:, [2]]).exp(), -causes[:, [0, 1, 3]], normal(2000, 2, seed=6)], 1)
    table, entropies = information_table(codes, causes)
    gaps = information_gaps(table, entropies)
    assert table.shape == (4, 6) and table.argmax(1).tolist() == [1, 2, 0, 3]
    assert entropies[:3].tolist() == pytest.approx([math.log(10)] * 3)
    assert entropies[3] == pytest.approx(math.log(4), abs=0.01)
    assert gaps.min() > 0.97 and gaps.max() <= 1.01


def test_causes_mixed_by_a_turn_of_45_degrees_have_no_gap() -> None:
    """z1 and z2 know equally much of each cause; the two estimates differ by chance only, less than 0.05 of ln 10."""
    causes = normal(4000, 2, seed=7)
    turn = torch.tensor([[1.0, 1.0], [1.0, -1.0]], dtype=torch.float64) / math.sqrt(2)
    table, entropies = information_table(causes @ turn, causes)
    assert information_gaps(table, entropies).abs().max() < 0.05
    correlated = -0.5 * math.log(1 - 0.5)  # of two numbers with correlation 1 / sqrt 2; bins lose some of it
    assert ((0.8 * correlated < table) & (table < correlated)).all()


def test_no_gap_is_claimed_for_a_cause_that_never_changes_or_a_code_of_one_number() -> None:
    causes = torch.stack([torch.zeros(100), torch.arange(100.0)], 1).double()
    table, entropies = information_table(normal(100, 2, seed=8), causes)
    assert information_gaps(table, entropies).isnan().tolist() == [True, False]
    assert information_gaps(table[:, :1], entropies).isnan().all()
