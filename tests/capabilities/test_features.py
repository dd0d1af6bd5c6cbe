"""What codes know, asked as a window asks: made-up encoders whose answers are known, on data with known causes."""

from __future__ import annotations

import math
import pickle
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from gm_core.capabilities.base import Scene, answer
from gm_core.capabilities.encodes import Encodes
from gm_core.capabilities.features import (
    Baseline,
    BaselineQuery,
    Features,
    Filters,
    FiltersQuery,
    Representation,
    RepresentationQuery,
)
from gm_core.nn.conv import ConvDecoder, ConvEncoder
from gm_core.nn.filters import first_filters, last_atoms
from gm_core.nn.mlp import FlatDecoder, FlatEncoder
from gm_core.protocol.cards import DataCard
from gm_core.spec import SpecError

CARD = DataCard("made", "Made up", (4,), "continuous", (-3.0, 3.0), classes=("left", "right"))


@dataclass
class Causes:
    """Vectors of four numbers: two independent causes, their class (the sign of the first), and noise."""

    named: bool = True
    labelled: bool = True
    n: int = 1500
    card: DataCard = CARD

    @property
    def factor_names(self) -> tuple[str, ...]:
        return ("first", "second") if self.named else ()

    def count(self, split: str) -> int:
        return 0 if split == "empty" else self.n

    def drawn(self, split: str) -> Tensor:
        return torch.randn(self.n, 4, generator=torch.Generator().manual_seed(len(split)))

    def examples(self, split: str, indices: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor | None]:
        x = self.drawn(split)[indices]
        return x, (x[:, 0] > 0).long() if self.labelled else None

    def factors(self, split: str, indices: Tensor) -> Tensor | None:
        return self.drawn(split)[indices, :2] if self.named else None

    def elsewhere(self, wish: Any) -> Causes:
        raise AssertionError("nobody asks for other data here")


@dataclass
class Coder:
    """z = x A with one deviation for each number; its prior is as wide as it is told."""

    matrix: Tensor
    std: Tensor
    card: DataCard = CARD
    wide: float = 1.0
    mixed: Tensor | None = None

    def encode(self, x: Tensor, y: Tensor | None = None) -> tuple[Tensor, Tensor]:
        assert y is None, "a model that sees the labels would give them away"
        mu = x @ self.matrix
        return mu, self.std.expand_as(mu)

    def covariance(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        mu, std = self.encode(x, y)
        return torch.diag_embed(std.square()) if self.mixed is None else self.mixed.expand(len(mu), -1, -1)

    def log_prior(self, z: Tensor) -> Tensor:
        return torch.distributions.Normal(0.0, self.wide).log_prob(z).sum(-1)


def coder(*columns: list[float], std: float = 0.1, wide: float = 1.0) -> Coder:
    matrix = torch.tensor(columns).T
    return Coder(matrix, torch.full((matrix.shape[1],), std), wide=wide)


FIRST, SECOND, NOISE, DEAD = [1.0, 0, 0, 0], [0, 1.0, 0, 0], [0, 0, 1.0, 0], [0.05, 0, 0, 0]


def asked(model: Any, data: Causes | None = None, seed: int = 0, **wish: Any) -> Representation:
    scene = Scene(model, data or Causes(), torch.Generator().manual_seed(seed), torch.device("cpu"))
    with torch.no_grad():
        *waits, last = answer(RepresentationQuery(seed=seed, **wish), scene)
    assert isinstance(last, Representation)
    assert len(waits) > 20 and all(wait is None for wait in waits), "training can go on between portions"
    assert isinstance(pickle.loads(pickle.dumps(last)), Representation)
    return last


def test_units_are_active_where_their_means_move() -> None:
    """Variances 1, 1 and 0.0025: the third lies below a hundredth."""
    found = asked(coder(FIRST, SECOND, DEAD))
    assert found.active.tolist() == [True, True, False]
    assert found.variances == pytest.approx([1.0, 1.0, 0.0025], rel=0.15)


def test_the_parts_of_the_kl_are_those_of_a_gaussian_channel() -> None:
    """Two numbers with deviation 0.5, prior N(0, 1 + 0.25): I = ln(1 + 4), and the aggregate is the prior. Over 1,000
    examples the information has a standard error of 0.03."""
    found = asked(coder(FIRST, SECOND, std=0.5, wide=math.sqrt(1.25)))
    assert found.information == pytest.approx(math.log(5), abs=0.12)
    assert found.marginal == pytest.approx(0.0, abs=0.01)
    assert found.information + found.marginal == pytest.approx(found.kl, abs=1e-9)
    assert found.ceiling == pytest.approx(math.log(1000)) and found.examples == 1000


def test_codes_whose_numbers_depend_on_each_other_are_drawn_and_scored_so() -> None:
    """q(z|x) = N(x, C) with C = 0.25 (1, 0.9; 0.9, 1), x ~ N(0, I): I = 1/2 ln(det(I + C) / det C). If the
    numbers were taken for independent, it would be ln(1 + 4)."""
    mixed = 0.25 * torch.tensor([[1.0, 0.9], [0.9, 1.0]])
    model = coder(FIRST, SECOND, std=0.5)
    model.mixed = mixed
    found = asked(model, n=1500)
    exact = 0.5 * float(torch.logdet(torch.eye(2) + mixed) - torch.logdet(mixed))
    assert found.information == pytest.approx(exact, abs=0.12)
    assert abs(exact - math.log(5)) > 0.5, "a case that tells both apart"


def test_a_code_with_a_number_for_each_cause_has_a_high_gap_and_a_turned_one_none() -> None:
    apart = asked(coder(SECOND, NOISE, FIRST, std=0.01))
    assert apart.causes == ("first", "second")
    assert apart.table.argmax(1).tolist() == [2, 0]
    assert apart.gap > 0.9 and apart.gaps.min() > 0.9, "a little is lost where the noise crosses a cut"
    half = math.sqrt(0.5)
    turned = asked(coder([half, half, 0, 0], [half, -half, 0, 0], std=0.01))
    assert abs(turned.gap) < 0.05


def test_codes_that_keep_the_class_are_told_apart_and_others_are_guessed() -> None:
    told = asked(coder(FIRST, NOISE))
    assert told.probe > 0.97 and told.neighbours > 0.9
    lost = asked(coder(SECOND, NOISE))
    assert lost.probe == pytest.approx(0.5, abs=4 * lost.probe_error)
    assert lost.probe_error == pytest.approx(math.sqrt(lost.probe * (1 - lost.probe) / 1000))


def test_codes_without_a_cloud_have_no_nats_but_all_else() -> None:
    found = asked(coder(FIRST, SECOND, std=0.0))
    assert math.isnan(found.information) and math.isnan(found.kl) and math.isnan(found.marginal)
    assert "one point" in found.why["information"]
    assert found.gap > 0.95 and found.probe > 0.97 and found.active.all()


def test_what_cannot_be_known_is_not_a_number_with_a_reason() -> None:
    plain = asked(coder(FIRST, SECOND), Causes(named=False))
    assert math.isnan(plain.gap) and "not known" in plain.why["gap"]
    assert plain.causes == ("class",) and plain.table.shape == (1, 2) and plain.table[0, 0] > 0.5 > plain.table[0, 1]
    bare = asked(coder(FIRST, SECOND), Causes(named=False, labelled=False))
    assert math.isnan(bare.probe) and math.isnan(bare.neighbours) and "no labels" in bare.why["probe"]
    assert bare.causes == () and bare.table.shape == (0, 2)
    single = asked(coder(FIRST), Causes())
    assert math.isnan(single.gap) and "second number" in single.why["gap"]


def test_the_same_seed_gives_the_same_frame_bit_by_bit_and_another_one_other_examples() -> None:
    first, again, other = (asked(coder(FIRST, SECOND), seed=seed) for seed in (1, 1, 2))
    assert first.information == again.information != other.information
    assert first.probe == again.probe and np.array_equal(first.table, again.table)


def test_a_split_that_is_empty_or_learned_from_is_refused_in_one_sentence() -> None:
    with pytest.raises(SpecError, match="learn from; choose validation or test"):
        asked(coder(FIRST, SECOND), split="train")
    with pytest.raises(SpecError, match="has 0 examples; expected 1 or more"):
        asked(coder(FIRST, SECOND), split="empty")


def test_the_baseline_takes_the_examples_as_they_are() -> None:
    """The identity is an encoder too: its codes are the examples, so the probes must agree with it."""
    data, model = Causes(), coder(FIRST, SECOND, NOISE, [0, 0, 0, 1.0])
    codes = asked(model)
    scene = Scene(model, data, torch.Generator().manual_seed(0), torch.device("cpu"))
    with torch.no_grad():
        *_, found = answer(BaselineQuery(), scene)
    assert isinstance(found, Baseline)
    assert (found.probe, found.neighbours) == (codes.probe, codes.neighbours)
    assert found.majority == pytest.approx(0.5, abs=0.06)
    with pytest.raises(SpecError, match="has no labels"):
        list(answer(BaselineQuery(), Scene(model, Causes(labelled=False), scene.rng, scene.device)))


def test_the_prior_is_the_standard_normal_unless_a_model_says_otherwise() -> None:
    z = torch.randn(5, 3, generator=torch.Generator().manual_seed(0))
    own = Encodes.log_prior(None, z)  # type: ignore[arg-type]
    assert torch.allclose(own, torch.distributions.Normal(0.0, 1.0).log_prob(z).sum(-1))


# ---- filters


@dataclass
class Looking:
    """A model whose filters are given."""

    weights: Tensor
    last: Tensor | None = None

    def filters(self) -> Tensor:
        return self.weights

    def atoms(self) -> Tensor | None:
        return self.last


def seen(model: Any, **wish: Any) -> Filters:
    scene = Scene(model, Causes(), torch.Generator().manual_seed(0), torch.device("cpu"))
    (found,) = answer(FiltersQuery(**wish), scene)
    assert isinstance(found, Filters)
    return found


def test_filters_come_strongest_first_and_their_pictures_give_the_weights_back() -> None:
    weights = torch.randn(9, 3, 5, 4, generator=torch.Generator().manual_seed(1)) * torch.arange(1.0, 10.0)[
        :, None, None, None
    ].roll(4, 0)
    found = seen(Looking(weights), n=6)
    assert found.total == 9 and found.items.shape == (6, 5, 4, 3) and found.items.dtype == np.uint8
    norms = weights.flatten(1).norm(dim=1).numpy()
    assert found.units.tolist() == np.argsort(-norms)[:6].tolist()
    back = (found.items.astype(float) - 128) / 127 * found.scales[:, None, None, None]
    truth = weights[found.units].permute(0, 2, 3, 1).numpy()
    assert np.abs(back - truth).max() <= 0.51 / 127 * found.scales.max(), "half a grey level"


def test_a_filter_of_zeros_is_grey_and_channels_without_colours_stand_apart() -> None:
    assert (seen(Looking(torch.zeros(2, 1, 3, 3))).items == 128).all()
    assert seen(Looking(torch.ones(4, 2, 3, 3))).items.shape == (8, 3, 3, 1)


def test_a_model_without_atoms_has_none_to_show() -> None:
    found = seen(Looking(torch.ones(2, 1, 3, 3)), end="last")
    assert found.total == 0 and len(found.items) == 0
    assert Features.atoms(None) is None  # type: ignore[arg-type]


@pytest.mark.parametrize("shape", [(1, 6, 5), (3, 4, 4), (7,)])
def test_first_filters_and_last_atoms_of_perceptrons_are_their_weights(shape: tuple[int, ...]) -> None:
    """A unit's answer is the product with its filter; an atom is what the example changes by when its unit is on."""
    encoder, decoder = FlatEncoder(shape, (8,), 3, "relu"), FlatDecoder(3, (8,), shape, "relu")
    x = torch.randn(2, *shape, generator=torch.Generator().manual_seed(2))
    first = encoder.net[0]
    assert isinstance(first, nn.Linear)
    looked = (first_filters(encoder, shape).flatten(1) @ x.flatten(1).T).T + first.bias
    assert torch.allclose(looked, first(x.flatten(1)), atol=1e-5)
    last = decoder.net[-1]
    assert isinstance(last, nn.Linear)
    atoms = last_atoms(decoder, shape)
    assert atoms.shape == (8, *(shape if len(shape) == 3 else (1, 1, *shape)))
    on = torch.eye(8)[5]
    assert torch.allclose(last(on) - last.bias, atoms[5].flatten(), atol=1e-6)


def test_first_filters_and_last_atoms_of_convolutions_are_their_kernels() -> None:
    encoder, decoder = ConvEncoder((3, 12, 12), (4, 6), 5, "relu"), ConvDecoder(5, (4, 6), (3, 12, 12), "relu")
    assert torch.equal(first_filters(encoder, (3, 12, 12)), encoder.stages[0].weight)
    assert torch.equal(last_atoms(decoder, (3, 12, 12)), decoder.stages[-1].weight)
    assert last_atoms(decoder, (3, 12, 12)).shape == (4, 3, 4, 4)


def test_networks_that_have_no_such_layer_say_so() -> None:
    with pytest.raises(ValueError, match="neither a linear layer"):
        first_filters(nn.ReLU(), (1, 4, 4))
    with pytest.raises(ValueError, match="does not look at"):
        first_filters(nn.Linear(9, 2), (1, 4, 4))


def test_what_an_encoder_is_told_beside_the_example_is_no_part_of_its_filters() -> None:
    told = nn.Linear(16 + 10, 5)
    assert torch.equal(first_filters(told, (1, 4, 4)).flatten(1), told.weight[:, :16])
    painted = nn.Conv2d(3 + 1, 5, 3)
    assert torch.equal(first_filters(painted, (3, 4, 4)), painted.weight[:, :3])
