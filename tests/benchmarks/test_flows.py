"""Flow matching on a ring, RealNVP on moons, each by its own preset; and what a sampler costs beyond its network."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import pytest
import torch

from gm_core.capabilities.stepwise import Route
from gm_core.data.exact import Blobs
from gm_core.data.feed import Feed
from gm_core.data.registry import make_data
from gm_core.model import GenerativeModel, build
from gm_core.models.flow_matching import FlowMatching
from gm_core.models.realnvp import RealNVP
from gm_core.presets import read_presets
from gm_core.spec import RunSpec
from gm_core.train.loop import Training

Note = Callable[[str, str, str], None]
SEEDS = (0, 1, 2)


def trained(preset: str, seed: int) -> tuple[GenerativeModel, Training]:
    """A preset trained on one thread with another seed, its averaged weights in place."""
    torch.set_num_threads(1)
    (found,) = (made for made in read_presets() if made.name == preset)
    spec = RunSpec.read(found.spec).replace("train.seed", seed).replace("train.validate_every", 1_000_000)
    data = make_data(spec.data)
    feed = Feed(data, spec.train.batch, "cpu", seed)
    training = Training(build(spec.model, data.card, seed), feed, spec.train, torch.device("cpu"))
    for _ in training.steps():
        pass
    training.model.load_state_dict(training.weights())
    return training.model.eval(), training


def test_flow_matching_fills_the_ring(note: Note) -> None:
    """10,000 samples with the preset's own sampler; a mode is hit by 1 % of them within three sigmas."""
    modes, shares, seconds = [], [], []
    for seed in SEEDS:
        model, training = trained("flow_matching-ring", seed)
        truth = training.feed.exact
        assert isinstance(model, FlowMatching) and isinstance(truth, Blobs)
        x = model.sample(10_000, torch.Generator().manual_seed(100 + seed))
        nearest, which = torch.cdist(x, truth.centres.float()).min(1)
        close = nearest < 3 * truth.sigma
        modes.append(int((torch.bincount(which[close], minlength=8) >= 100).sum()))
        shares.append(float(close.float().mean()))
        seconds.append(training.seconds)
    figure = f"{statistics.median(modes):.0f} modes, {statistics.median(shares):.3f} high-quality"
    note("flow matching, ring of 8, 5,000 steps of 512, median of three", figure, "8 modes, at least 0.93")
    note("the same, seconds of training on one thread", f"{statistics.median(seconds):.0f} s", "recorded")
    assert statistics.median(modes) == 8 and statistics.median(shares) >= 0.93


def test_realnvp_comes_near_the_moons(note: Note) -> None:
    """KL(p || model) by 50,000 fresh points and the exact density of the moons."""
    gaps, seconds = [], []
    for seed in SEEDS:
        model, training = trained("realnvp-moons", seed)
        truth = training.feed.exact
        assert isinstance(model, RealNVP) and truth is not None
        rng = torch.Generator().manual_seed(100 + seed)
        x = truth.sample(50_000, rng)
        with torch.no_grad():
            gaps.append(float((truth.log_prob(x) - model.log_prob(x, rng)).double().mean()))
        seconds.append(training.seconds)
    note("RealNVP, moons, 3,000 steps: KL, median of three", f"{statistics.median(gaps):.3f} nats", "at most 0.06")
    note("the same, seconds of training on one thread", f"{statistics.median(seconds):.0f} s", "recorded")
    assert statistics.median(gaps) <= 0.06


@pytest.mark.parametrize(("sampler", "asked"), [("euler", 1), ("midpoint", 2), ("rk4", 4)])
def test_a_sampler_costs_little_beyond_its_network(note: Note, sampler: str, asked: int) -> None:
    """The network alone, as often as the sampler asks it, against `sample`: 2,000 points, rounds in turn, median."""
    torch.set_num_threads(1)
    data = make_data({"kind": "ring"})
    model = build({"kind": "flow_matching", "sampler": sampler, "sample_steps": 20}, data.card).eval()
    assert isinstance(model, FlowMatching)
    x = torch.randn(2000, 2, generator=torch.Generator().manual_seed(0))
    t = torch.full((2000,), 0.5)

    def bare() -> None:
        with torch.no_grad():
            for _ in range(20 * asked):
                model.network(x, t)

    ratios = []
    for _ in range(15):
        began = time.process_time()
        bare()
        between = time.process_time()
        model.sample(2000, torch.Generator().manual_seed(1))
        ratios.append((time.process_time() - between) / (between - began))
    over = statistics.median(ratios) - 1.0
    assert next(iter(model.trajectory(1, torch.Generator().manual_seed(0), route=Route(sampler, 1)))).cost == 0
    note(f"{sampler}: time beyond its network evaluations", f"{100 * over:.1f} %", "at most 5 %")
