"""What the discriminator of a GAN says on the plane and of pictures, beside the best one, and where codes land."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

from gm_core.capabilities.base import Scene, answer
from gm_core.capabilities.critic import CriticQuery, Verdicts
from gm_core.data.feed import Feed
from gm_core.data.registry import make_data
from gm_core.model import build
from gm_core.models.gan import GAN
from gm_core.protocol.cards import DataCard
from gm_core.spec import SpecError

from .gans import CPU, gan, seeded


def asked(model: GAN, data: dict[str, Any], **query: Any) -> Verdicts:
    made = make_data({"train": 400, "validation": 300, "test": 100, **data})
    scene = Scene(model, Feed(made, 10, "cpu", 0), seeded(3), CPU)
    with torch.no_grad():
        frames = [frame for frame in answer(CriticQuery(**query), scene) if frame is not None]
    (frame,) = frames
    assert isinstance(frame, Verdicts)
    return frame


def card_of(data: dict[str, Any]) -> DataCard:
    return make_data({"train": 400, "validation": 300, "test": 100, **data}).card


RING = {"kind": "ring"}


def test_on_the_plane_there_is_a_surface_with_the_best_one_beside_it_and_arrows_and_a_lattice() -> None:
    model = gan(card_of(RING)).eval()
    frame = asked(model, RING, n=50, size=9, lattice=5)
    assert frame.unit == "probability" and frame.surface is not None and frame.best is not None
    assert frame.surface.shape == frame.best.shape == (9, 9)
    for said in (frame.surface, frame.best):
        assert said.min() >= 0 and said.max() <= 1
    assert frame.real.shape == frame.fake.shape == (50, 2) and frame.real_says.shape == (50,)
    assert frame.wishes is not None and frame.wishes.shape == (50, 2)
    assert frame.codes is not None and frame.grid is not None and frame.log_density is not None
    assert frame.codes.shape == frame.grid.shape == (5, 5, 2) and frame.log_density.shape == (4, 4)
    with torch.no_grad():
        corner = model.opinion(model.judge(torch.tensor([[3.0, -3.0]])))
    assert frame.surface[0, -1] == pytest.approx(float(corner), abs=1e-6), "row 0 is the smallest y"
    assert frame.best_value is not None and frame.value < frame.best_value


def test_the_best_discriminator_is_near_the_exact_one_where_the_generators_density_is_known() -> None:
    model = gan(card_of(RING), width=4, depth=1, activation="relu").eval()
    with torch.no_grad():  # relu(z) - relu(-z) = z: a generator that is linear, x = 1.5 z
        first, last = model.generator[0], model.generator[2]
        first.weight.copy_(torch.tensor([[1.0, 0], [-1.0, 0], [0, 1.0], [0, -1.0]]))
        first.bias.zero_()
        last.weight.copy_(1.5 * torch.tensor([[1.0, -1.0, 0, 0], [0, 0, 1.0, -1.0]]))
        last.bias.zero_()
    frame = asked(model, RING, n=300, size=33, lattice=41)
    line = torch.linspace(-3, 3, 33, dtype=torch.float64)
    plane = torch.stack(torch.meshgrid(line, line, indexing="xy"), -1).reshape(-1, 2)
    exact = make_data(RING).exact
    assert exact is not None and frame.best is not None
    log_q = -plane.square().sum(1) / (2 * 1.5**2) - math.log(2 * math.pi * 1.5**2)
    wanted = (exact.log_prob(plane) - log_q).sigmoid().reshape(33, 33).numpy()
    assert np.abs(frame.best - wanted).mean() < 0.05, "a kernel estimate from 800 samples"
    # and the lattice: the density of a linear map of a normal is known in every cell
    assert frame.grid is not None and frame.codes is not None and frame.log_density is not None
    assert np.allclose(frame.grid, 1.5 * frame.codes, atol=1e-5)
    middle = frame.grid[20:22, 20:22].reshape(4, 2).mean(0)
    there = -(middle**2).sum() / (2 * 1.5**2) - math.log(2 * math.pi * 1.5**2)
    assert frame.log_density[20, 20] == pytest.approx(there, abs=0.02)
    assert np.exp(frame.log_density).max() <= 1 / (2 * math.pi * 1.5**2) * 1.01


@pytest.mark.parametrize("objective", ["wgan_gp", "hinge", "least_squares", "minimax"])
def test_a_critic_without_probabilities_says_so_and_has_a_best_only_where_it_is_known(objective: str) -> None:
    frame = asked(gan(card_of(RING), objective=objective).eval(), RING, n=10, size=4, lattice=3)
    assert frame.unit == ("probability" if objective == "minimax" else "value")
    assert (frame.best is None) == (objective == "wgan_gp") == (frame.best_value is None)


def test_a_generator_that_makes_one_point_has_no_density_to_estimate_and_that_is_no_fault() -> None:
    model = gan(card_of(RING), truncation=0.0).eval()
    frame = asked(model, RING, n=10, size=4, lattice=3)
    assert frame.best is None and frame.best_value is None and frame.surface is not None


def test_pictures_are_judged_one_by_one_and_have_no_plane() -> None:
    made = make_data({"kind": "digits", "limit": 100})
    model = build({"kind": "gan", "channels": [4, 8], "latent": 2}, made.card, 0).eval()
    with torch.no_grad():
        (frame,) = (
            f for f in answer(CriticQuery(n=7), Scene(model, Feed(made, 10, "cpu", 0), seeded(), CPU)) if f is not None
        )
    assert isinstance(frame, Verdicts)
    assert frame.real.dtype == np.uint8 and frame.fake.shape == (7, 8, 8, 1) and frame.fake_says.shape == (7,)
    assert frame.surface is frame.best is frame.wishes is frame.grid is None


def test_a_grid_that_is_too_small_is_refused_in_one_sentence() -> None:
    with pytest.raises(SpecError, match="size is 1"):
        asked(gan(card_of(RING)).eval(), RING, size=1)
