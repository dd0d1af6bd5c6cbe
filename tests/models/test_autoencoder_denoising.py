"""Denoising: what the best repair is (Tweedie), that training comes to it, and what a window is told.

For x' = x + sigma eps the best repair in squared error is E[x | x'] = x' + sigma^2 grad ln p_sigma(x').
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from gm_core.capabilities.base import Scene, answer
from gm_core.capabilities.denoises import CorruptQuery, RepairField, RepairFieldQuery, Repairs
from gm_core.data.exact import Blobs, Plane, grid_line
from gm_core.data.feed import Feed
from gm_core.data.registry import make_data
from gm_core.maths.corruption import gaussian
from gm_core.model import Batch, GenerativeModel, build
from gm_core.protocol.commands import Query
from gm_core.spec import SpecError

from .autoencoders import FIVE, GREY, PLANE, autoencoder, seeded, trained

SIGMA = 0.5
BLOBS = Blobs(torch.tensor([[2.0, 0.0], [-1.0, 1.5], [-1.0, -1.5]]), 0.3, torch.tensor([0.5, 0.3, 0.2]))


def asked(query: Query, model: GenerativeModel, data: dict[str, Any]) -> Any:
    """The last frame of an answer."""
    feed = Feed(make_data(data), 10)
    with torch.no_grad():
        return list(answer(query, Scene(model.eval(), feed, seeded(query.seed), torch.device("cpu"))))[-1]


# ---- the best repair


@pytest.fixture(scope="module")
def cloud() -> tuple[Tensor, Tensor]:
    """A hundred thousand correlated points of five numbers without mean, and their covariance."""
    root = torch.randn(5, 5, generator=seeded(1))
    return torch.randn(100_000, 5, generator=seeded(2)) @ root.T, root @ root.T


def test_the_least_squares_repair_of_gaussian_noise_is_sigma_over_sigma_plus_noise(
    cloud: tuple[Tensor, Tensor],
) -> None:
    x, covariance = cloud
    spoilt = gaussian(x, 0.8, FIVE, seeded(3))
    found = torch.linalg.lstsq(spoilt, x).solution.T
    best = covariance @ torch.linalg.inv(covariance + 0.64 * torch.eye(5))
    assert (found - best).abs().max() < 1e-2


def test_a_linear_denoising_autoencoder_comes_to_that_repair(cloud: tuple[Tensor, Tensor]) -> None:
    x, covariance = cloud
    it = autoencoder(FIVE, latent=5, hidden=[], corruption="gaussian", amount=0.8)
    trained(it, lambda rng: x[torch.randint(len(x), (500,), generator=rng)], 1500, 0.02)
    with torch.no_grad():
        found = (it.denoise(torch.eye(5)) - it.denoise(torch.zeros(1, 5))).T
    best = covariance @ torch.linalg.inv(covariance + 0.64 * torch.eye(5))
    # Measured 0.0024; the least squares of the same examples are as far from it.
    assert (found - best).abs().max() < 0.01


def test_repairs_of_a_trained_autoencoder_are_sigma_squared_times_the_score_of_the_diffused_density() -> None:
    it = autoencoder(PLANE, latent=64, hidden=[64], activation="tanh", code="tanh", corruption="gaussian", amount=SIGMA)
    trained(it, lambda rng: BLOBS.sample(400, rng), 1500, 3e-3)
    spread = BLOBS.diffused(SIGMA)
    x = spread.sample(20_000, seeded(9))
    with torch.no_grad():
        found, wanted = it.denoise(x) - x, SIGMA**2 * spread.score(x)
    wrong = (found - wanted).square().sum(1).mean() / wanted.square().sum(1).mean()
    # Measured 0.006: the arrows differ by 8 % of their length. An autoencoder that only copies, r(x) = x, is at 1.
    assert wrong < 0.02


@pytest.mark.parametrize("kind", ["ring", "circles", "gaussian", "moons", "checkerboard"])
def test_the_diffused_truth_is_the_truth_with_noise_and_its_score_the_gradient_of_it(kind: str) -> None:
    exact = make_data({"kind": kind}).exact
    assert exact is not None
    spread = exact.diffused(0.4)
    assert spread is not None
    x = exact.sample(4000, seeded(1)).double()
    at = x[:20] + 0.4 * torch.randn(20, 2, generator=seeded(2), dtype=torch.float64)
    # p_sigma(a) = E_eps p(a - sigma eps), by a grid over eps that is fine against everything in p.
    line = torch.linspace(-6.0, 6.0, 241, dtype=torch.float64)
    eps = torch.cartesian_prod(line, line)
    weight = (-0.5 * eps.square().sum(1)).softmax(0)
    for a in at[:4]:
        wanted = (exact.log_prob(a - 0.4 * eps) + weight.log()).logsumexp(0)
        # Sums over a grid are exact for what is smooth; the edges of a board cost them a step of a part in fifty.
        assert spread.log_prob(a[None])[0] == pytest.approx(float(wanted), abs=0.03 if kind == "checkerboard" else 1e-6)
    assert isinstance(spread, Plane)
    x0, x1, y0, y1 = spread.box
    across, up = grid_line(x0, x1, 0.1), grid_line(y0, y1, 0.1)
    whole = spread.log_prob(torch.cartesian_prod(across, up)).exp().sum() * 0.01
    assert float(whole) == pytest.approx(1.0, abs=1e-10)
    at.requires_grad_()
    (slope,) = torch.autograd.grad(spread.log_prob(at).sum(), at)
    torch.testing.assert_close(spread.score(at.detach()), slope, rtol=1e-6, atol=1e-8)


# ---- training


@pytest.mark.parametrize("kind", ["gaussian", "masking", "salt_and_pepper"])
def test_what_is_spoilt_goes_in_and_what_was_clean_must_come_out(kind: str) -> None:
    it, x = autoencoder(GREY, corruption=kind, amount=0.4), torch.rand((5, 1, 8, 8), generator=seeded(1))
    spoilt = it.spoil(x, seeded(2))
    assert not torch.equal(spoilt, x)
    wanted = it.errors(x, it.outputs(it.codes(spoilt))).mean()
    assert torch.equal(it.loss(Batch(x), seeded(2))["total"], wanted)
    it.remember(seeded(0))
    assert torch.equal(it.code_mean, it.codes(x).mean(0)), "the moments are those of clean examples"


def test_an_amount_that_is_changed_while_it_trains_counts_at_once() -> None:
    it, x = autoencoder(GREY, corruption="masking", amount=0.4), torch.ones(5, 1, 8, 8)
    it.edit(it.spec.replace("amount", 1.0))
    assert torch.equal(it.spoil(x, seeded(1)), torch.zeros_like(x))
    assert it.undoes() == ("masking", 1.0)


def test_a_trained_one_repairs_better_than_nothing_and_better_than_one_that_saw_only_clean_digits() -> None:
    data = make_data({"kind": "digits"})
    errors = {}
    for kind in ("none", "masking"):
        batches = Feed(data, 100)
        it = autoencoder(data.card, latent=128, hidden=[256], corruption=kind, amount=0.4)
        trained(it, lambda rng, feed=batches: feed.next().x, 400, 3e-3)  # type: ignore[misc]
        frame = asked(CorruptQuery(n=100, kind="masking", amount=0.4), it, {"kind": "digits"})
        errors[kind], errors["spoilt"] = frame.errors.mean(), frame.damage.mean()
    # Measured 0.028, 0.046 and 0.094.
    assert errors["masking"] < 0.75 * errors["none"] and errors["none"] < 0.6 * errors["spoilt"]


# ---- what a window is told


def test_repairs_hold_originals_spoilt_copies_and_both_errors() -> None:
    spec = {"kind": "autoencoder", "corruption": "salt_and_pepper", "amount": 0.2}
    it = build(spec, make_data({"kind": "digits"}).card)
    frame = asked(CorruptQuery(seed=4, n=5, kind="masking", amount=0.5), it, {"kind": "digits"})
    assert isinstance(frame, Repairs)
    assert frame.originals.shape == frame.corrupted.shape == frame.repaired.shape == (5, 8, 8, 1)
    assert frame.originals.dtype == frame.corrupted.dtype == frame.repaired.dtype == np.uint8
    for found, pictures in ((frame.damage, frame.corrupted), (frame.errors, frame.repaired)):
        away = (pictures.astype(float) - frame.originals) / 255
        np.testing.assert_allclose(found, (away**2).mean((1, 2, 3)), atol=2e-3)  # rounded to bytes
    assert (frame.trained_kind, frame.trained_amount) == ("salt_and_pepper", 0.2)


def test_examples_spoilt_by_hand_are_repaired_as_they_are_and_held_against_the_given() -> None:
    it = build({"kind": "autoencoder"}, make_data({"kind": "digits"}).card)
    given = np.full((2, 8, 8, 1), 255, np.uint8)
    spoilt = given.copy()
    spoilt[:, :4] = 0
    frame = asked(CorruptQuery(given=given, spoilt=spoilt, kind="masking", amount=1.0), it, {"kind": "digits"})
    assert np.array_equal(frame.originals, given) and np.array_equal(frame.corrupted, spoilt)
    np.testing.assert_allclose(frame.damage, 0.5)
    assert frame.trained_kind == "none"
    alone = asked(CorruptQuery(spoilt=spoilt), it, {"kind": "digits"})
    assert np.array_equal(alone.originals, spoilt) and (alone.damage == 0).all()
    with pytest.raises(SpecError, match="of the same size"):
        asked(CorruptQuery(given=given, spoilt=spoilt[:1]), it, {"kind": "digits"})


def test_arrows_of_repair_come_with_the_exact_ones_where_the_truth_is_known() -> None:
    card = make_data({"kind": "moons"}).card
    it = build({"kind": "autoencoder", "corruption": "gaussian", "amount": 0.3}, card)
    frame = asked(RepairFieldQuery(box=(-2, 2, -1, 1), size=5), it, {"kind": "moons"})
    assert isinstance(frame, RepairField) and frame.sigma == 0.3 and frame.exact is not None
    exact = make_data({"kind": "moons"}).exact
    assert exact is not None
    spread = exact.diffused(0.3)
    assert spread is not None
    points = torch.from_numpy(frame.points)
    np.testing.assert_allclose(frame.exact, 0.09 * spread.score(points).numpy(), rtol=1e-6)
    with torch.no_grad():
        np.testing.assert_allclose(frame.points + frame.vectors, it.denoise(points), atol=1e-6)
    assert frame.points[:, 0].min() == -2 and frame.points[:, 1].max() == 1 and len(points) == 25


def test_arrows_without_a_known_noise_or_truth_have_no_exact_ones_unless_a_width_is_named() -> None:
    card = make_data({"kind": "moons"}).card
    plain = build({"kind": "autoencoder"}, card)
    frame = asked(RepairFieldQuery(size=3), plain, {"kind": "moons"})
    assert frame.exact is None and frame.sigma == 0.0
    assert asked(RepairFieldQuery(size=3, sigma=0.2), plain, {"kind": "moons"}).exact is not None


def test_arrows_are_refused_where_examples_are_no_points() -> None:
    it = build({"kind": "autoencoder"}, make_data({"kind": "digits"}).card)
    with pytest.raises(SpecError, match="plane"):
        asked(RepairFieldQuery(), it, {"kind": "digits"})
