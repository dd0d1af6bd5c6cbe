"""A model beside the truth: divergences against closed forms, honest kinds, and what is said where sums fail."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from gm_core.capabilities.base import Scene, answer
from gm_core.capabilities.compare import Compared, CompareQuery
from gm_core.capabilities.truth import Truth, TruthQuery
from gm_core.data.exact_forms import Normal
from gm_core.data.feed import Feed
from gm_core.data.registry import make_data
from gm_core.maths import on_grid
from gm_core.model import build
from gm_core.protocol.cards import DataCard
from gm_core.spec import SpecError

SPREAD, CORRELATION = (1.0, 0.5), 0.6
DATA: dict[str, Any] = {"kind": "gaussian", "spread": list(SPREAD), "correlation": CORRELATION}
BOX = (-7.0, 7.0, -7.0, 7.0)
P = torch.tensor([[1.0, 0.3], [0.3, 0.25]], dtype=torch.float64)
Q = torch.tensor([[0.8, 0.0], [0.0, 0.6]], dtype=torch.float64)
SHIFT = torch.tensor([0.4, -0.2], dtype=torch.float64)


@dataclass
class Pretend:
    """A model whose density, samples and score are those of a Gaussian, altered as a test wishes."""

    law: Normal
    card: DataCard
    words: frozenset[str] = frozenset({"density", "samples", "field"})
    density_kind: str = "exact"
    lifted: float = 0.0
    title: str = "Pretend"
    wind: Tensor = field(default_factory=lambda: torch.zeros(2))
    levels: tuple[float, float] = (0.8, 0.6)

    def offers(self) -> frozenset[str]:
        return self.words

    def log_prob(self, x: Tensor, rng: torch.Generator, y: Tensor | None = None, samples: int = 0) -> Tensor:
        return self.law.log_prob(x) + self.lifted

    def sample(self, n: int, rng: torch.Generator, y: Tensor | None = None) -> Tensor:
        return self.law.sample(n, rng)

    def field_kinds(self) -> tuple[str, ...]:
        return ("velocity", "score")

    def scaling(self, noise: float) -> tuple[float, float]:
        return self.levels

    def field(self, x: Tensor, noise: float, kind: str = "") -> Tensor:
        assert kind == "score"
        a, b = self.levels
        return self.law.noised(a, b).score(x) + self.wind


def asked(query: CompareQuery, data: dict[str, Any] | None = None, seed: int = 0, **changes: Any) -> Compared:
    feed = Feed(make_data(data or DATA), 10)
    model = Pretend(Normal(SHIFT, Q), feed.card)
    for name, value in changes.items():
        setattr(model, name, value)
    scene = Scene(model, feed, torch.Generator().manual_seed(seed), torch.device("cpu"))
    *_, frame = answer(query, scene)
    assert isinstance(frame, Compared)
    return frame


def kl(p: Tensor, q: Tensor, shift: Tensor) -> float:
    """KL(N(0, p) || N(shift, q)) in closed form."""
    inverse = torch.linalg.inv(q)
    whole = torch.trace(inverse @ p) + shift @ inverse @ shift - 2 + torch.logdet(q) - torch.logdet(p)
    return 0.5 * float(whole)


def js(p: Tensor, q: Tensor, shift: Tensor, n: int = 1201) -> float:
    """The Jensen-Shannon divergence by a sum four times as fine over a larger box, written with numpy."""
    line = np.linspace(-9, 9, n)
    x = np.stack(np.meshgrid(line, line), -1).reshape(-1, 2)

    def density(mean: Tensor, c: Tensor) -> np.ndarray:
        away = x - mean.numpy()
        squared = (away @ np.linalg.inv(c.numpy()) * away).sum(1)
        return np.exp(-0.5 * squared) / (2 * np.pi * np.sqrt(np.linalg.det(c.numpy())))

    a, b = density(torch.zeros(2), p), density(shift, q)
    m, cell = (a + b) / 2, (line[1] - line[0]) ** 2
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = [np.where(d > 0, d * np.log(d / m), 0.0).sum() * cell for d in (a, b)]
    return float(sum(parts) / 2)


# ---- numbers


def test_divergences_of_two_gaussians_are_those_of_the_closed_form() -> None:
    found = asked(CompareQuery(box=BOX, size=96))
    assert found.kind == "exact" and found.errors == (0.0, 0.0, 0.0)
    assert found.kl == pytest.approx(kl(P, Q, SHIFT), abs=1e-4)
    assert found.reverse == pytest.approx(kl(Q, P, -SHIFT), abs=1e-4)
    assert found.js == pytest.approx(js(P, Q, SHIFT), abs=1e-4)
    assert found.mass == pytest.approx((1.0, 1.0), abs=1e-6) and not found.coarse and found.outside < 1e-6


def test_with_noise_both_are_compared_as_the_noise_has_left_them() -> None:
    found = asked(CompareQuery(box=BOX, size=96, noise=0.5))
    a, b = found.scaling
    eye = torch.eye(2, dtype=torch.float64)
    later = [a * a * c + b * b * eye for c in (P, Q)]
    assert (a, b) == (0.8, 0.6)
    assert found.kl == pytest.approx(kl(*later, a * SHIFT), abs=1e-4), "the model's density is blurred by a sum"
    # Noise narrower than a cell is not seen; the plane still shrinks by a.
    thin = asked(CompareQuery(box=BOX, size=96, noise=0.5), levels=(0.8, 1e-3))
    assert thin.kl == pytest.approx(kl(P, Q, SHIFT), abs=1e-3) and thin.mass[1] == pytest.approx(1.0, abs=1e-4)


def test_what_is_not_normalised_is_divided_by_a_z_that_is_shown() -> None:
    found = asked(CompareQuery(box=BOX), density_kind="unnormalised", lifted=3.25)
    assert found.kind == "unnormalised" and found.log_z == pytest.approx(3.25, abs=1e-5)
    assert found.kl == pytest.approx(kl(P, Q, SHIFT), abs=1e-4)


def test_a_bound_gives_at_least_the_divergence_and_the_others_as_if_it_summed_to_one() -> None:
    found = asked(CompareQuery(box=BOX), density_kind="bound", lifted=-0.5)
    assert found.kl == pytest.approx(kl(P, Q, SHIFT) + 0.5, abs=1e-4) and found.mass[1] == pytest.approx(math.exp(-0.5))
    assert found.js == pytest.approx(js(P, Q, SHIFT), abs=1e-4)


def test_the_mass_outside_the_box_is_said() -> None:
    found = asked(CompareQuery(box=(0.0, 7.0, -7.0, 7.0)))
    assert found.outside == pytest.approx(0.5, abs=1e-3) and not found.coarse


def test_a_grid_too_coarse_for_the_truth_says_so() -> None:
    dots = {"kind": "grid", "sigma": 0.01}
    assert asked(CompareQuery(box=BOX, size=96), dots).coarse
    assert not asked(CompareQuery(box=BOX, size=96), {"kind": "grid", "sigma": 0.2}).coarse


# ---- estimates


def test_a_model_without_a_density_is_estimated_by_kernels_and_named_so() -> None:
    found = asked(CompareQuery(box=BOX, size=64, n=2000), words=frozenset({"samples"}))
    assert found.kind == "estimate" and found.samples == 2000 and 0.05 < found.kernel < 0.5
    # A kernel estimate is off by its smoothing and its chance: the truth's own draws say how far.
    assert 0 < found.floor[0] < 0.1 and found.errors[0] > 0
    assert abs(found.kl - kl(P, Q, SHIFT)) < 4 * found.errors[0] + found.floor[0] + 0.03


def test_a_perfect_model_reads_as_the_floor_says() -> None:
    found = asked(CompareQuery(box=BOX, size=64), words=frozenset({"samples"}), law=Normal(torch.zeros(2), P))
    assert abs(found.kl - found.floor[0]) < 5 * found.errors[0]
    assert abs(found.js - found.floor[1]) < 5 * found.errors[2]


def test_noise_makes_a_kernel_estimate_better_since_it_is_a_kernel_itself() -> None:
    words = frozenset({"samples", "field"})
    found = asked(CompareQuery(box=BOX, size=64, noise=0.5), words=words, law=Normal(torch.zeros(2), P))
    clean = asked(CompareQuery(box=BOX, size=64), words=words, law=Normal(torch.zeros(2), P))
    assert found.kl < clean.kl and found.floor[0] < clean.floor[0] and found.scaling == (0.8, 0.6)


def test_the_error_that_is_said_is_the_spread_over_seeds() -> None:
    query = CompareQuery(box=BOX, size=32, n=500)
    found = [asked(query, None, seed, words=frozenset({"samples"})) for seed in range(12)]
    spread = float(np.std([frame.js for frame in found], ddof=1))
    # A standard deviation of twelve is known to a fifth; the width of the kernels is chosen anew for each.
    assert spread / 2 < float(np.mean([frame.errors[2] for frame in found])) < 2 * spread


# ---- scores


def test_the_gap_of_the_scores_is_weighed_by_the_truth() -> None:
    law = Normal(torch.zeros(2), P)
    found = asked(CompareQuery(box=BOX, noise=0.5, score=True), law=law, wind=torch.tensor([0.3, 0.4]))
    assert found.score_gap == pytest.approx(0.5, abs=1e-5), "a wind of 3-4-5 is the same everywhere"
    eye = torch.eye(2, dtype=torch.float64)
    fisher = float(torch.trace(torch.linalg.inv(0.64 * P + 0.36 * eye)))  # E|score|^2 of a Gaussian
    assert found.score_size == pytest.approx(math.sqrt(fisher), rel=1e-5)
    assert math.isnan(asked(CompareQuery(box=BOX, noise=0.5)).score_gap), "what is off is not asked for"
    assert math.isnan(asked(CompareQuery(box=BOX, score=True), words=frozenset({"density"})).score_gap)


# ---- the truth with noise


def test_the_truth_follows_a_named_noise_or_that_of_the_model() -> None:
    feed = Feed(make_data(DATA), 10)
    model = Pretend(Normal(SHIFT, Q), feed.card)
    scene = Scene(model, feed, torch.Generator().manual_seed(0), torch.device("cpu"))
    named = TruthQuery(box=BOX, size=32, score_size=5, scaling=(0.8, 0.6))
    (by_name,) = answer(named, scene)
    (by_model,) = answer(replace(named, scaling=(1.0, 0.0), noise=0.3), scene)
    assert isinstance(by_name, Truth) and isinstance(by_model, Truth)
    assert np.array_equal(by_name.values, by_model.values) and by_model.scaling == (0.8, 0.6)
    wanted = Normal(torch.zeros(2), 0.64 * P + 0.36 * torch.eye(2, dtype=torch.float64))
    at = on_grid.middles(BOX, 32)
    assert np.allclose(by_name.values.ravel(), wanted.log_prob(at).numpy(), atol=1e-4)
    assert np.allclose(by_name.vectors, wanted.score(torch.from_numpy(by_name.points).double()).numpy(), atol=1e-4)
    assert by_name.entropy == pytest.approx(Normal(torch.zeros(2), P).entropy), "that of the data themselves"


# ---- bad input


@pytest.mark.parametrize(
    ("query", "words", "says"),
    [
        (CompareQuery(size=1), "density", "size is 1; the range is 2 to 512"),
        (CompareQuery(size=9999), "density", "size is 9999"),
        (CompareQuery(noise=1.5), "field", "noise is 1.5; the range is 0"),
        (CompareQuery(), "reconstructs", "neither scores points nor draws them"),
    ],
)
def test_what_cannot_be_compared_is_refused_in_one_sentence(query: CompareQuery, words: str, says: str) -> None:
    with pytest.raises(SpecError, match=says):
        asked(query, words=frozenset({words}))


def test_a_truth_with_impossible_noise_is_refused() -> None:
    feed = Feed(make_data(DATA), 10)
    scene = Scene(Pretend(Normal(SHIFT, Q), feed.card), feed, torch.Generator(), torch.device("cpu"))
    for scaling in ((0.0, 0.0), (-1.0, 0.5), (math.nan, 1.0)):
        with pytest.raises(SpecError, match="expected neither below 0"):
            list(answer(TruthQuery(scaling=scaling), scene))


def test_a_sum_over_zeros_is_infinite_only_where_the_other_is_not_zero() -> None:
    p = torch.tensor([0.5, 0.5, 0.0]).log()
    q = torch.tensor([0.25, 0.25, 0.5]).log()
    found = on_grid.gap(p, q, 1.0)
    assert found.kl == pytest.approx(math.log(2)) and math.isinf(found.reverse)
    assert found.js == pytest.approx(0.5 * (math.log(4 / 3) + 0.5 * math.log(2 / 3) + 0.5 * math.log(2)))


# ---- real models


@pytest.mark.parametrize(
    ("kind", "expected"), [("ppca", "exact"), ("vae", "bound"), ("autoencoder", "estimate"), ("energy", "solver")]
)
def test_every_family_on_the_plane_can_be_held_against_the_truth(kind: str, expected: str) -> None:
    feed = Feed(make_data({"kind": "ring"}), 10)
    model = build({"kind": kind}, feed.card).eval()
    scene = Scene(model, feed, torch.Generator().manual_seed(0), torch.device("cpu"))
    with torch.no_grad():
        *_, found = answer(CompareQuery(box=(-6.0, 6.0, -6.0, 6.0), size=40, n=200, draws=4, score=True), scene)
    assert isinstance(found, Compared) and found.kind == expected
    assert np.isfinite(found.learned).all() and 0 <= found.js <= math.log(2) + 1e-6 and found.kl > 0
    assert math.isfinite(found.log_z) == (kind == "energy"), "an energy is told with the Z that it was divided by"


def test_a_collapsed_model_is_smeared_to_what_the_cells_can_show() -> None:
    dot = Normal(torch.tensor([2.0, 1.0]), 1e-6 * torch.eye(2))
    found = asked(CompareQuery(box=BOX, size=64), words=frozenset({"samples"}), law=dot)
    assert found.kernel == pytest.approx(0.6 * 14 / 64) and found.mass[1] == pytest.approx(1.0, abs=1e-3)
    # 4 standard deviations from the middle the truth has next to nothing: the two share no mass.
    assert found.js > 0.6


def test_a_solver_may_be_spared_by_kernels() -> None:
    found = asked(CompareQuery(box=BOX, size=32, n=500, kernel=True))
    assert found.kind == "estimate" and found.samples == 500
