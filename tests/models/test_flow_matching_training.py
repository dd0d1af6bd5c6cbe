"""Flow matching in training: its error against the closed-form floor, couplings, and reflow."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch
from torch import Tensor

from gm_core.capabilities.stepwise import Route
from gm_core.data.feed import Feed
from gm_core.data.registry import make_data
from gm_core.maths import couplings
from gm_core.model import Batch, build
from gm_core.models.flow_matching import FlowMatching
from gm_core.spec import TrainSpec
from gm_core.train.loop import Training

from .flows import PLANE, Known, knowing, seeded


def test_the_error_of_the_best_velocity_is_its_closed_form_floor_and_its_tenths_average_to_it() -> None:
    """N(0, s^2): Var(x - eps | x_t) = s^2 / (t^2 s^2 + (1 - t)^2), so the floor is its mean over t."""
    s = 0.7
    model = knowing(Known(torch.zeros(1, 2), s))
    x = s * torch.randn(40_000, 2, generator=seeded(1), dtype=torch.float64)
    with torch.no_grad():
        found = model.loss(Batch(x), seeded(2))
    t = (torch.arange(100_000, dtype=torch.float64) + 0.5) / 100_000
    floor = (s**2 / (t**2 * s**2 + (1 - t) ** 2)).mean()
    assert float(found["total"]) == pytest.approx(float(floor), rel=0.02)
    assert float(found["mse_by_time"].mean()) == pytest.approx(float(found["mse"]), rel=1e-6)


def trained(steps: int, **spec: object) -> FlowMatching:
    """A small flow on two moons, after some steps."""
    data = make_data({"kind": "moons", "train": 4000, "validation": 200})
    chosen = TrainSpec.read({"steps": steps, "batch": 128, "lr": 4e-3, "ema": 5000, "validate_every": 10_000})
    small = {"width": 48, "depth": 2, "scale": 0.7, "reflow_steps": 6}
    model = build({"kind": "flow_matching", **small, **spec}, data.card, 0)
    training = Training(model, Feed(data, chosen.batch, "cpu", 0), chosen, torch.device("cpu"))
    for _ in training.steps():
        pass
    model.load_state_dict(training.weights())
    assert isinstance(model, FlowMatching)
    return model.eval()


def bend(model: FlowMatching) -> float:
    """How far ways are from straight: E |v(x_t, t) - (x_1 - x_0)|^2 over the whole way (Liu et al. 2022, section 2)."""
    states = list(model.trajectory(500, seeded(3), route=Route("midpoint", 20)))
    whole = states[-1].x - states[0].x
    off = [(state.views["velocity"] - whole).square().sum(1).mean() for state in states[:-1]]
    return float(torch.stack(off).mean())


def test_held_out_errors_keep_above_the_closed_form_floor_and_pairing_and_reflow_straighten_the_ways() -> None:
    """The floor is the error of the exact velocity on the same points, noises and times; three standard errors."""
    plain, paired, reflowed = (trained(400, **spec) for spec in ({}, {"coupling": "optimal"}, {"reflow": 0.5}))
    bends = [bend(model) for model in (plain, paired, reflowed)]
    assert bends[1] < 0.6 * bends[0] and bends[2] < 0.6 * bends[0], bends

    data = make_data({"kind": "moons", "train": 10, "validation": 10, "test": 6000})
    truth = data.exact
    assert truth is not None
    x = data.part("test").x / 0.7
    known = Known(truth.centres / 0.7, truth.sigma / 0.7, truth.weights)  # type: ignore[attr-defined]
    eps, t = torch.randn(x.shape, generator=seeded(8)), torch.rand(len(x), generator=seeded(9))
    at = (1 - t[:, None]) * eps + t[:, None] * x
    with torch.no_grad():
        best = torch.cat([known(a.double(), b.double()) for a, b in zip(at.split(500), t.split(500))])
        floor = (best - (x - eps)).square().sum(1)
        found = (plain.network(at, t) - (x - eps)).square().sum(1)
    worse = found - floor
    assert float(worse.mean()) > -3 * float(worse.std()) / math.sqrt(len(x))


def test_an_optimal_coupling_shortens_the_lines_that_the_loss_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    model = build({"kind": "flow_matching", "coupling": "optimal"}, PLANE)
    lengths = []
    before = couplings.optimal

    def watched(x: Tensor, eps: Tensor, y: Tensor | None = None) -> Tensor:
        order = before(x, eps, y)
        lengths.append((float(couplings.cost(x, eps)), float(couplings.cost(x, eps[order]))))
        return order

    monkeypatch.setattr(couplings, "optimal", watched)
    model.loss(Batch(torch.randn(64, 2, generator=seeded(1)) + 2), seeded(2))
    (apart, near) = lengths[0]
    assert near < apart


# ---- reflow


def test_reflow_learns_from_an_average_of_the_first_flow_that_then_stands_still() -> None:
    data = make_data({"kind": "moons", "train": 500, "validation": 50})
    chosen = TrainSpec.read({"steps": 20, "batch": 32, "ema": 0.0, "validate_every": 1000})
    model = build({"kind": "flow_matching", "reflow": 0.5, "reflow_pairs": 16, "reflow_steps": 2}, data.card, 0)
    assert isinstance(model, FlowMatching) and model.teacher is not None
    training = Training(model, Feed(data, 32, "cpu", 0), chosen, torch.device("cpu"))
    seen: list[dict[str, Tensor]] = []
    for _ in training.steps():
        if not training.midway:
            seen.append({name: tensor.clone() for name, tensor in model.teacher.state_dict().items()})
    weights = [torch.cat([v.flatten() for k, v in one.items() if k.startswith("averaged")]) for one in seen]
    moves = [not torch.equal(a, b) for a, b in pairwise(weights)]
    first = moves.index(False)
    assert 8 <= first <= 10 and not any(moves[first:])
    assert int(model.teacher.count) == 10 * 4, "an eighth of 32, in each of ten steps"
    # Each pair of the pool is one of noise and of where the frozen flow carries it.
    carried = model.teacher.carried(model.network, model.teacher.noises, None)
    torch.testing.assert_close(carried, model.teacher.examples, rtol=1e-4, atol=1e-5)


def test_reflow_goes_on_bit_for_bit_from_a_snapshot_taken_in_its_midst() -> None:
    data = make_data({"kind": "moons", "train": 200, "validation": 20})
    chosen = TrainSpec.read({"steps": 12, "batch": 16, "ema": 100.0, "validate_every": 1000})
    spec = {"kind": "flow_matching", "width": 16, "depth": 1, "reflow": 0.5, "reflow_pairs": 16, "reflow_steps": 2}

    def fresh() -> Training:
        return Training(build(spec, data.card, 0), Feed(data, 16, "cpu", 0), chosen, torch.device("cpu"))

    whole, half, other = fresh(), fresh(), fresh()
    for _ in whole.steps():
        pass
    for _ in half.steps():
        if half.step >= 9:
            break
    other.restore(half.snapshot())
    for _ in other.steps():
        pass
    a, b = whole.snapshot().tensors, other.snapshot().tensors
    assert a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)
