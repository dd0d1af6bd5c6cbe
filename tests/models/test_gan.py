"""GANs: the game on laws that can be written down, classes, truncation, and what the discriminator says."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from scipy.stats import wasserstein_distance
from torch import Tensor

from gm_core.data.feed import Feed
from gm_core.data.registry import make_data
from gm_core.model import Batch, build
from gm_core.models.gan import GAN
from gm_core.protocol.cards import DataCard
from gm_core.spec import SpecError, TrainSpec
from gm_core.train.loop import Training

from .gans import CPU, SMALL, gan, seeded

LINE = DataCard("line", "Line", (1,), "continuous", (-3.0, 3.0))
CLASSES = DataCard("two", "Two classes", (2,), "continuous", (-3.0, 3.0), classes=("left", "right"))


def repeated(places: Tensor, counts: list[int]) -> Tensor:
    """Each place as often as its count says."""
    return places.repeat_interleave(torch.tensor(counts), 0)


def trained(data: dict[str, Any], steps: int, train: dict[str, Any] | None = None, **spec: Any) -> Training:
    made = make_data({"train": 2000, "validation": 200, "test": 100, **data})
    plain = {"steps": steps, "batch": 128, "beta1": 0.5, "validate_every": 100_000, "validate_examples": 100}
    chosen = TrainSpec.read(plain | (train or {}))
    feed = Feed(made, chosen.batch, "cpu", 0)
    it = Training(build({"kind": "gan", **SMALL, **spec}, made.card, 0), feed, chosen, CPU)
    for _ in it.steps():
        pass
    return it


# ---- the game


def test_a_trained_discriminator_of_two_laws_on_three_places_is_p_over_p_plus_q_and_reaches_its_value() -> None:
    places = torch.tensor([[-1.0, 0.0], [0.5, 1.0], [1.0, -1.0]])
    p, q = torch.tensor([0.5, 0.3, 0.2]), torch.tensor([0.2, 0.2, 0.6])
    real, fake = repeated(places, [5, 3, 2]), repeated(places, [2, 2, 6])
    model = gan()
    learner = torch.optim.Adam(model.discriminator.parameters(), 0.01)
    for _ in range(250):
        learner.zero_grad()
        model.game.discriminator(model.judge(real), model.judge(fake)).backward()
        learner.step()
    with torch.no_grad():
        said = model.opinion(model.judge(places))
        value = float(model.game_value(model.judge(real), model.judge(fake)))
    assert torch.allclose(said, p / (p + q), atol=1e-2)
    middle = (p + q) / 2
    js = float(0.5 * (p * (p / middle).log()).sum() + 0.5 * (q * (q / middle).log()).sum())
    assert -math.log(4) + 2 * js - 1e-2 < value <= -math.log(4) + 2 * js + 1e-6


@pytest.mark.parametrize("shift", [0.5, 2.0])
def test_a_critics_gap_over_its_steepest_slope_is_below_the_wasserstein_distance_and_near_it(shift: float) -> None:
    rng = seeded(1)
    real = torch.randn(128, 1, generator=rng)
    fake = 0.6 * torch.randn(128, 1, generator=rng) + shift
    model = gan(LINE, objective="wgan_gp", penalty_weight=10.0, activation="tanh")
    learner = torch.optim.Adam(model.discriminator.parameters(), 0.005)
    for _ in range(300):
        learner.zero_grad()
        model._judged(real, fake, None, rng)["total"].backward()
        learner.step()
    both = torch.cat([real, fake])
    line = torch.linspace(float(both.min()), float(both.max()), 20_001)[:, None]
    with torch.no_grad():
        gap = float(model.game_value(model.judge(real), model.judge(fake)))
        along = model.judge(line).double()
    steepest = float((along.diff().abs() / line.double().diff(dim=0).squeeze()).max())
    exact = wasserstein_distance(real.squeeze().numpy(), fake.squeeze().numpy())
    assert gap / steepest <= exact * (1 + 1e-3), "Kantorovich and Rubinstein; 1e-3 for float32 on a fine line"
    assert gap / steepest > 0.6 * exact


def test_a_step_of_the_generator_goes_where_the_discriminators_slope_points() -> None:
    model = gan()
    x = torch.randn(5, 2, generator=seeded(2))
    wishes = model.wishes(x)
    h = 1e-3
    for axis in range(2):
        step = torch.eye(2)[axis] * h
        with torch.no_grad():
            up, down = (model.complaints(model.judge(x + s * step)) for s in (1, -1))
        assert torch.allclose(wishes[:, axis], -(up - down) / (2 * h), atol=2e-3)


@pytest.mark.parametrize("objective", ["non_saturating", "minimax", "least_squares", "hinge", "wgan_gp"])
def test_every_game_moves_the_samples_to_the_data(objective: str) -> None:
    steps, repeat = (100, 4) if objective == "wgan_gp" else (250, 1)
    it = trained({"kind": "mixture", "centres": [1.5, 1.0], "sigma": 0.3}, steps, objective=objective,
                 critic_steps=repeat)  # fmt: skip
    with torch.no_grad():
        x = it.model.sample(2000, seeded(5))
    assert (x.mean(0) - torch.tensor([1.5, 1.0])).norm() < 0.35


def test_the_discriminator_takes_its_steps_on_fresh_batches_before_one_of_the_generator() -> None:
    seen: list[tuple[str, Tensor]] = []
    made = make_data({"kind": "moons", "train": 100, "validation": 10, "test": 10})
    model = build({"kind": "gan", **SMALL, "critic_steps": 3}, made.card, 0)
    assert isinstance(model, GAN)
    judge, maker = model.discriminator_loss, model.generator_loss
    model.discriminator_loss = lambda b, r: seen.append(("d", b.x)) or judge(b, r)  # type: ignore[assignment, func-returns-value]
    model.generator_loss = lambda b, r: seen.append(("g", b.x)) or maker(b, r)  # type: ignore[assignment, func-returns-value]
    spec = TrainSpec.read({"steps": 2, "batch": 10, "validate_every": 1000, "validate_examples": 10})
    for _ in Training(model, Feed(made, 10, "cpu", 0), spec, CPU).steps():
        pass
    assert [name for name, _ in seen] == ["d", "d", "d", "g"] * 2
    batches = [x for name, x in seen if name == "d"]
    assert all(not torch.equal(a, b) for i, a in enumerate(batches) for b in batches[:i])


def test_the_generators_step_leaves_no_gradient_in_the_discriminator_and_the_other_way_round() -> None:
    model, batch = gan(penalty="r1"), Batch(torch.randn(8, 2, generator=seeded(0)))
    model.generator_loss(batch, seeded(1))["total"].backward()
    assert all(p.grad is None for p in model.discriminator.parameters())
    assert all(p.requires_grad for p in model.parameters()), "both go on learning afterwards"
    model.zero_grad()
    model.discriminator_loss(batch, seeded(1))["total"].backward()
    assert all(p.grad is None for p in model.generator.parameters())


def test_only_the_generator_is_averaged() -> None:
    it = trained({"kind": "moons"}, 20, {"ema": 500.0})
    assert it.ema is not None
    assert set(it.ema.average) == {n for n, _ in it.model.named_parameters() if n.startswith("generator.")}
    shown, live = it.weights(), it.model.state_dict()
    assert torch.equal(shown["discriminator.out.weight"], live["discriminator.out.weight"])
    assert any(not torch.equal(shown[name], live[name]) for name in it.ema.average)


def test_spectral_vectors_move_with_the_discriminators_steps_and_with_nothing_else() -> None:
    made = make_data({"kind": "moons", "train": 100, "validation": 10, "test": 10})
    spec = TrainSpec.read({"steps": 9, "batch": 10, "validate_every": 1, "validate_examples": 10})
    it = Training(build({"kind": "gan", **SMALL, "spectral": True}, made.card, 0), Feed(made, 10, "cpu", 0), spec, CPU)

    def vectors() -> list[Tensor]:
        return [b.clone() for n, b in it.model.named_buffers() if n.endswith((".u", ".v"))]

    def step() -> None:
        goal = it.step + 1
        for _ in it.steps():
            if it.step == goal:
                break

    first = vectors()
    it.switched_off = frozenset({"discriminator"})
    step()
    assert first and all(torch.equal(a, b) for a, b in zip(first, vectors(), strict=True))
    it.switched_off = frozenset()
    step()
    assert any(not torch.equal(a, b) for a, b in zip(first, vectors(), strict=True))


@pytest.mark.parametrize("spec", [{"spectral": True}, {"objective": "wgan_gp", "critic_steps": 3}])
def test_ten_steps_equal_five_and_a_snapshot_and_five_with_all_that_is_special_to_a_gan(spec: dict[str, Any]) -> None:
    def training() -> Training:
        made = make_data({"kind": "moons", "train": 100, "validation": 10, "test": 10})
        chosen = TrainSpec.read({"steps": 10, "batch": 10, "ema": 100.0, "validate_every": 1000})
        model = build({"kind": "gan", **SMALL, **spec}, made.card, 0)
        return Training(model, Feed(made, 10, "cpu", 0), chosen, CPU)

    def run(it: Training, until: int = 10) -> Training:
        for _ in it.steps():
            if it.step >= until:
                break
        return it

    whole, half, other = run(training()), run(training(), 5), training()
    other.restore(half.snapshot())
    a, b = whole.snapshot(), run(other).snapshot()
    assert all(torch.equal(a.tensors[k], b.tensors[k]) for k in a.tensors)


# ---- what it declares


def test_a_fresh_game_is_a_guess_worth_minus_log_four() -> None:
    terms = gan().discriminator_loss(Batch(torch.randn(500, 2, generator=seeded(0))), seeded(1))
    assert float(terms["value"]) == pytest.approx(-math.log(4), abs=0.1)
    assert float(terms["real"]) == pytest.approx(0.5, abs=0.1)


def test_the_declared_score_is_a_distance_in_the_units_of_the_data() -> None:
    model = gan()
    x = torch.randn(4000, 2, generator=seeded(0))
    moved = model._distance(x, x + torch.tensor([3.0, 0.0]), seeded(1))
    assert float(moved) == pytest.approx(3 / math.sqrt(2), rel=0.15), "a shift by delta in d dimensions: delta / sqrt d"
    assert float(model._distance(x, x[torch.randperm(4000, generator=seeded(2))], seeded(1))) < 1e-6


@pytest.mark.parametrize(
    ("spec", "unit", "penalised"),
    [({}, "probability", True), ({"penalty": "none"}, "probability", False), ({"objective": "wgan_gp"}, "value", True)],
)
def test_charts_have_the_units_of_the_game(spec: dict[str, Any], unit: str, penalised: bool) -> None:
    charts = {chart.name: chart for chart in gan(**spec).charts}
    assert charts["real"].unit == charts["fake"].unit == unit
    assert ("penalty" in charts) == penalised


# ---- truncation


def test_truncation_shortens_codes_is_live_and_changes_no_learning() -> None:
    full, half = gan(), gan(truncation=0.5)
    assert torch.equal(half.prior(9, seeded(1)), 0.5 * full.prior(9, seeded(1)))
    with torch.no_grad():
        batch = Batch(torch.randn(6, 2, generator=seeded(3)))
        lost = [model.generator_loss(batch, seeded(4))["total"] for model in (full, half)]
        assert torch.equal(*lost)
        spread = [float(model.sample(2000, seeded(1)).std()) for model in (full, half)]
        assert spread[1] < spread[0]
        full.edit(full.spec.replace("truncation", 0.0))  # type: ignore[arg-type]
        one = full.sample(5, seeded(2))
    assert torch.allclose(one, one[:1].expand(5, -1)), "psi = 0 is one example"


# ---- classes


@pytest.mark.parametrize("labels", ["projection", "concatenation"])
def test_a_conditional_gan_draws_what_its_label_says(labels: str) -> None:
    data = {"kind": "mixture", "centres": [-2.0, 0.0, 2.0, 0.0], "sigma": 0.3}
    it = trained(data, 300, labels=labels, latent=2)
    model = it.model
    assert "conditional" in model.offers()
    with torch.no_grad():
        left, right = (model.sample(500, seeded(1), torch.full((500,), k)) for k in (0, 1))
        assert left[:, 0].mean() < -1 and right[:, 0].mean() > 1
        any_class = model.sample(500, seeded(1))
        share = float((any_class[:, 0] > 0).float().mean())
        assert 0.35 < share < 0.65, "without a label, classes come as often as in the data"
        assert isinstance(model, GAN)
        real = torch.tensor([[-2.0, 0.0]]).expand(4, -1)
        assert (model.judge(real, torch.zeros(4, dtype=torch.int64)) > model.judge(real, torch.ones(4).long())).all()


def test_labels_are_refused_in_one_sentence_where_there_are_none() -> None:
    with pytest.raises(SpecError, match="has no labels; turn it off") as caught:
        gan(labels="projection")
    assert caught.value.path == "model.labels"
    model = gan(CLASSES)
    assert "conditional" not in model.offers()
    with pytest.raises(SpecError, match="learned no classes"):
        model.sample(3, seeded(), torch.zeros(3, dtype=torch.int64))
    with pytest.raises(SpecError, match="these examples have no labels"):
        gan(CLASSES, labels="projection").discriminator_loss(Batch(torch.zeros(4, 2)), seeded())


def test_channels_must_be_a_few() -> None:
    with pytest.raises(SpecError, match="channels has 0 stages; give 1 to 6"):
        gan(channels=())
