"""Particles: evidence is right on average, and what is drawn anew follows the weights."""

from __future__ import annotations

import pytest
import torch

from gm_core.parts.particles import Particles

CPU = torch.device("cpu")


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_equal_weights_keep_every_particle_and_their_evidence() -> None:
    held = Particles(3, 8, CPU)
    held.weigh(torch.full((24,), -2.0))
    assert torch.allclose(held.effective, torch.full((3,), 8.0, dtype=torch.float64))
    assert torch.equal(held.renew(seeded(0)), torch.arange(24))
    assert torch.allclose(held.evidence(), torch.full((3,), -2.0, dtype=torch.float64))


def test_one_heavy_particle_takes_over_its_group_and_no_other() -> None:
    held = Particles(2, 4, CPU)
    logs = torch.zeros(2, 4)
    logs[1, 2] = 50.0
    held.weigh(logs.flatten())
    before = held.evidence()
    rows = held.renew(seeded(0))
    assert rows.tolist() == [0, 1, 2, 3, 6, 6, 6, 6]
    assert torch.allclose(held.evidence(), before), "drawing anew changes no estimate"
    assert held.pick(seeded(1)).tolist()[1] in (4, 5, 6, 7)


def test_the_evidence_of_a_two_step_chain_is_right_on_average() -> None:
    """A coin a ~ 0.3, then two known sites with p(1 | a) = 0.9 or 0.2, and again: p(known) = 0.3*0.81 + 0.7*0.04."""
    groups, many = 2000, 64  # a choice within a group is right only in the limit of many
    rng = seeded(3)
    coin = (torch.rand(groups * many, generator=rng) < 0.3).long()
    held = Particles(groups, many, CPU)
    for _ in range(2):
        held.weigh(torch.tensor([0.2, 0.9])[coin].log())
        coin = coin[held.renew(rng)]
    mean = float(held.evidence().exp().mean())
    exact = 0.3 * 0.81 + 0.7 * 0.04
    spread = float(held.evidence().exp().std()) / groups**0.5
    assert mean == pytest.approx(exact, abs=4 * spread)
    assert float(coin[held.pick(rng)].double().mean()) == pytest.approx(0.3 * 0.81 / exact, abs=0.04)
