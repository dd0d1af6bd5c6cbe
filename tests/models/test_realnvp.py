"""RealNVP: its inverse, its volume, its density and its identity at birth, against torch's own tools, in float64."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.distributions import Independent, Normal, TransformedDistribution
from torch.distributions.transforms import AffineTransform, ComposeTransform, SigmoidTransform
from torch.func import jacrev, vmap

from gm_core.data.feed import Feed
from gm_core.data.registry import make_data
from gm_core.model import Batch, build
from gm_core.models.realnvp import RealNVP
from gm_core.nn.coupling import squeeze, unsqueeze
from gm_core.protocol.cards import DataCard
from gm_core.spec import SpecError, TrainSpec
from gm_core.train.loop import Training

PLANE = DataCard("plane", "Plane", (2,), "continuous", (-3.0, 3.0))
VECTORS = DataCard("vectors", "Vectors", (5,), "continuous", (-3.0, 3.0))
PICTURES = DataCard("pictures", "Pictures", (2, 4, 6), "continuous", (-1.0, 1.0), levels=17, dequantised=True)
ODD = DataCard("odd", "Odd pictures", (1, 3, 5), "continuous", (0.0, 1.0), levels=256, dequantised=True)
LEVELS = DataCard("levels", "Levels", (1, 4, 4), "levels", (0.0, 1.0), levels=5)
CARDS = pytest.mark.parametrize("card", [PLANE, VECTORS, PICTURES, ODD], ids=lambda card: card.name)


def seeded(seed: int) -> torch.Generator:
    """A generator on the CPU."""
    return torch.Generator().manual_seed(seed)


def drawn(card: DataCard, n: int, seed: int = 0) -> Tensor:
    """Examples in float64."""
    if card.kind != "images":
        return torch.randn(n, *card.shape, generator=seeded(seed), dtype=torch.float64)
    lo, hi = card.range
    return lo + (hi - lo) * torch.rand(n, *card.shape, generator=seeded(seed), dtype=torch.float64)


def shaken(card: DataCard, **spec: object) -> RealNVP:
    """A flow in float64 that is no longer the identity."""
    model = build({"kind": "realnvp", "width": 12, "couplings": 6, **spec}, card).double().eval()
    assert isinstance(model, RealNVP)
    rng = seeded(5)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.15 * torch.randn(parameter.shape, generator=rng, dtype=torch.float64))
    return model


@CARDS
@torch.no_grad()
def test_what_is_mapped_forth_and_back_is_itself(card: DataCard) -> None:
    model = shaken(card)
    x = torch.randn(20, *card.shape, generator=seeded(1), dtype=torch.float64)
    z, _ = model.forth(x)
    assert (z - x).abs().max() > 0.1, "the map does something"
    torch.testing.assert_close(model.back(z), x, rtol=0, atol=1e-10)
    examples = drawn(card, 20)
    torch.testing.assert_close(model.reconstruct(examples, seeded(0)), examples, rtol=0, atol=1e-10)
    assert not model.encode(examples)[1].any()


@CARDS
def test_the_volume_is_the_determinant_of_the_whole_jacobian(card: DataCard) -> None:
    model = shaken(card)
    x = torch.randn(4, *card.shape, generator=seeded(1), dtype=torch.float64)
    jacobian = vmap(jacrev(lambda one: model.forth(one[None])[0][0]))(x).reshape(4, card.size, card.size)
    with torch.no_grad():
        torch.testing.assert_close(model.forth(x)[1], torch.linalg.slogdet(jacobian)[1], rtol=0, atol=1e-10)
    # And that of the whole way from an example to its code, the logit and the scale included.
    examples = drawn(card, 4)
    whole = vmap(jacrev(lambda one: model.encode(one[None])[0][0]))(examples).reshape(4, card.size, card.size)
    with torch.no_grad():
        code = model.encode(examples)[0]
        base = -0.5 * (code.square() + math.log(2 * math.pi)).sum(1)
        found = model.log_prob(examples, seeded(0))
    torch.testing.assert_close(found, base + torch.linalg.slogdet(whole)[1], rtol=0, atol=1e-9)


@torch.no_grad()
def test_on_the_plane_the_density_sums_to_one_over_a_fine_grid() -> None:
    model = shaken(PLANE, scale=1.3)
    side = torch.linspace(-14, 14, 281, dtype=torch.float64)
    grid = torch.stack(torch.meshgrid(side, side, indexing="xy"), -1).reshape(-1, 2)
    mass = model.log_prob(grid, seeded(0)).exp().sum() * (28 / 280) ** 2
    assert float(mass) == pytest.approx(1.0, abs=1e-3)


@torch.no_grad()
def test_a_new_flow_is_the_identity_and_its_density_that_of_the_gaussian() -> None:
    model = build({"kind": "realnvp", "scale": 2.0}, PLANE).double().eval()
    assert isinstance(model, RealNVP)
    x = drawn(PLANE, 30)
    torch.testing.assert_close(model.encode(x)[0], x / 2.0, rtol=0, atol=0)
    truth = Independent(Normal(torch.zeros(2).double(), 2.0 * torch.ones(2).double()), 1).log_prob(x)
    torch.testing.assert_close(model.log_prob(x, seeded(0)), truth, rtol=0, atol=1e-12)


@torch.no_grad()
def test_the_logit_of_pictures_counts_as_the_transforms_of_torch_count_it() -> None:
    """x = lo + (hi - lo) (sigmoid(z) - alpha) / (1 - 2 alpha) of Gaussian z, as a TransformedDistribution."""
    alpha = 0.1
    model = build({"kind": "realnvp", "alpha": alpha}, PICTURES).double().eval()
    lo, hi = PICTURES.range
    way = ComposeTransform(
        [
            SigmoidTransform(),
            AffineTransform(-alpha / (1 - 2 * alpha), 1 / (1 - 2 * alpha)),
            AffineTransform(lo, hi - lo),
        ]
    )
    law = TransformedDistribution(Normal(torch.zeros(PICTURES.shape).double(), 1.0), [way], validate_args=False)
    x = drawn(PICTURES, 10)
    wanted = law.log_prob(x).flatten(1).sum(1)
    torch.testing.assert_close(model.log_prob(x, seeded(0)), wanted, rtol=0, atol=1e-9)  # type: ignore[operator]


def test_bits_per_dimension_are_those_of_the_grey_levels_whatever_the_range() -> None:
    """(nll/d + ln L) / ln 2 with pixels in 0..1; in -1..1 the same picture has d ln 2 more nats, and the same bits."""
    unit = DataCard("unit", "Unit", (1, 4, 4), "continuous", (0.0, 1.0), levels=256, dequantised=True)
    centred = DataCard("centred", "Centred", (1, 4, 4), "continuous", (-1.0, 1.0), levels=256, dequantised=True)
    x = torch.rand(8, 1, 4, 4, generator=seeded(1))
    first, second = (build({"kind": "realnvp"}, card, 0).eval() for card in (unit, centred))
    with torch.no_grad():
        a, b = first.loss(Batch(x), seeded(0)), second.loss(Batch(2 * x - 1), seeded(0))
    assert float(a["bits"]) == pytest.approx((float(a["nll"]) / 16 + math.log(256)) / math.log(2), rel=1e-6)
    assert float(b["nll"] - a["nll"]) == pytest.approx(16 * math.log(2), rel=1e-5)
    assert float(b["bits"]) == pytest.approx(float(a["bits"]), rel=1e-5)


@torch.no_grad()
def test_grey_levels_are_spread_over_their_cells_and_what_is_drawn_lies_on_levels_again() -> None:
    model = shaken(LEVELS)
    assert "density" not in model.offers() and {"latent", "encodes"} <= model.offers()
    x = torch.randint(0, 5, (6, 1, 4, 4), generator=seeded(1)).double() / 4
    inner, _ = model._spread(x, seeded(2))
    cells = (inner.sigmoid() - 0.05) / 0.9 * 5
    assert torch.equal(cells.floor(), (4 * x)), "each pixel within the cell of its level"
    torch.testing.assert_close(model.reconstruct(x, seeded(0)), x, rtol=0, atol=1e-9)
    levels = 4 * model.sample(5, seeded(3))
    torch.testing.assert_close(levels, levels.round(), rtol=0, atol=1e-6)


def test_squeezing_keeps_every_pixel_and_is_undone() -> None:
    x = torch.arange(2 * 3 * 4 * 6).float().reshape(2, 3, 4, 6)
    assert torch.equal(unsqueeze(squeeze(x)), x)
    assert torch.equal(squeeze(x), torch.nn.functional.pixel_unshuffle(x, 2))


@torch.no_grad()
def test_every_number_is_changed_by_two_couplings_in_a_row_and_kept_by_one_of_them() -> None:
    for card in (PLANE, VECTORS, PICTURES, ODD):
        masks = [coupling.mask for coupling in shaken(card, couplings=8)._couplings()]
        for first, second in zip(masks[::2], masks[1::2]):
            assert torch.equal(first + second, torch.ones_like(first))


# ---- classes


def labelled() -> RealNVP:
    """A shaken flow of three classes that were met 1, 2 and 5 times."""
    card = DataCard("plane", "Plane", (2,), "continuous", (-3.0, 3.0), classes=("a", "b", "c"))
    model = shaken(card, labels=True)
    model.label_counts.copy_(torch.tensor([0, 1, 4]))
    return model


@torch.no_grad()
def test_p_of_x_is_the_sum_over_classes_of_what_bayes_rule_multiplies() -> None:
    model = labelled()
    x = drawn(PLANE, 12)
    prior = torch.tensor([1.0, 2.0, 5.0]).double().div(8).log()
    each = torch.stack([model.log_prob(x, seeded(0), torch.full((12,), k)) for k in range(3)], -1) + prior
    torch.testing.assert_close(model.class_log_joint(x), each, rtol=0, atol=1e-6)
    torch.testing.assert_close(model.log_prob(x, seeded(0)), each.logsumexp(-1), rtol=0, atol=1e-6)
    assert model.class_log_joint(x, torch.zeros(2, dtype=torch.bool)).exp().sum(1).allclose(torch.ones(12).double())
    torch.testing.assert_close(model.reconstruct(x, seeded(0)), x, rtol=0, atol=1e-10)
    with pytest.raises(SpecError, match="cannot be summed out"):
        model.class_log_joint(x, torch.tensor([True, False]))


@torch.no_grad()
def test_a_label_decides_what_is_drawn_and_is_refused_by_a_model_that_learned_none() -> None:
    model = labelled()
    first, second = (model.sample(5, seeded(1), torch.full((5,), k)) for k in (0, 2))
    assert not torch.allclose(first, second)
    with pytest.raises(SpecError, match="learned no classes"):
        shaken(PLANE).sample(5, seeded(1), torch.zeros(5, dtype=torch.int64))
    with pytest.raises(SpecError, match="one number; a coupling needs at least two"):
        build({"kind": "realnvp"}, DataCard("line", "Line", (1,), "continuous", (0.0, 1.0)))


# ---- training


def test_a_trained_density_never_beats_the_entropy_by_three_standard_errors_and_comes_near_it() -> None:
    """KL(p || model) = E_p [ln p - ln model], by 20,000 fresh points of the moons."""
    data = make_data({"kind": "moons", "train": 4000, "validation": 100})
    chosen = TrainSpec.read({"steps": 250, "batch": 128, "lr": 6e-3, "clip": 1.0, "ema": 3000, "validate_every": 1000})
    model = build({"kind": "realnvp", "width": 32, "couplings": 6, "scale": 0.7}, data.card, 0)
    training = Training(model, Feed(data, 128, "cpu", 0), chosen, torch.device("cpu"))
    for _ in training.steps():
        pass
    model.load_state_dict(training.weights())
    truth = data.exact
    assert truth is not None and isinstance(model, RealNVP)
    x = truth.sample(20_000, seeded(3))
    with torch.no_grad():
        gap = (truth.log_prob(x) - model.eval().log_prob(x, seeded(0))).double()
    error = float(gap.std()) / math.sqrt(len(gap))
    assert -3 * error < float(gap.mean()) < 0.6
