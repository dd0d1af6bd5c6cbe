"""The pixel Transformer's own mathematics: attention against its formula, memory against full passes, places, orders.

That probabilities sum to one, exact causality in any order, drawing and completing are in tests/laws.
"""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from gm_core.model import build
from gm_core.models.pixel_transformer import PixelTransformer
from gm_core.nn.transformer import CausalAttention, CausalTransformer, Memory, Places
from gm_core.parts.autoregressive import FullPasses
from gm_core.parts.orders import ranks
from gm_core.protocol.cards import DataCard
from gm_core.spec import SpecError

LABELS = ("a", "b", "c")
WIDE = DataCard("w", "Binary 3x5", (1, 3, 5), "binary", (0.0, 1.0), levels=2, classes=LABELS)
COLOUR = DataCard("c", "Colour 2x4", (3, 2, 4), "levels", (0.0, 1.0), levels=5, classes=LABELS)
BYTES = DataCard("b", "Bytes 3x2", (1, 3, 2), "levels", (0.0, 1.0), levels=256)
CARDS = {"wide": WIDE, "colour": COLOUR}


def rng(seed: int = 0) -> torch.Generator:
    """A generator on the CPU."""
    return torch.Generator().manual_seed(seed)


def transformer(card: DataCard = WIDE, **options: Any) -> PixelTransformer:
    """A Transformer in float64 and eval mode, its weights far from where they began."""
    model = build({"kind": "pixel_transformer", "size": 12, "layers": 2, "heads": 3, **options}, card, 3)
    assert isinstance(model, PixelTransformer)
    model.double().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.3 * torch.randn(parameter.shape, generator=rng(4), dtype=torch.float64)
    return model


def random_values(model: PixelTransformer, n: int, seed: int = 0) -> Tensor:
    """Levels (n, sites)."""
    return torch.randint(model.levels, (n, model.sites), generator=rng(seed))


def random_rows(*shape: int, seed: int = 0) -> Tensor:
    """Normal numbers in float64."""
    return torch.randn(shape, generator=rng(seed), dtype=torch.float64)


# ---- attention


def test_attention_is_softmax_of_scaled_products_over_the_past() -> None:
    attention = CausalAttention(6, 2).double()
    x = random_rows(2, 5, 6)
    with torch.no_grad():
        q, k, v = (part.reshape(2, 5, 2, 3).transpose(1, 2) for part in attention.query_key_value(x).split(6, -1))
        scores = q @ k.transpose(-1, -2) / math.sqrt(3)
        scores = scores.masked_fill(torch.ones(5, 5, dtype=torch.bool).triu(1), -math.inf)
        expected = attention.out((scores.softmax(-1) @ v).transpose(1, 2).reshape(2, 5, 6))
        assert torch.allclose(attention(x), expected, atol=1e-13)


@pytest.mark.parametrize("portions", [[1] * 7, [3, 1, 3], [1, 6], [7]])
def test_a_sequence_passed_in_portions_with_a_memory_is_the_sequence_passed_whole(portions: list[int]) -> None:
    network = CausalTransformer(12, 3, 2).double()
    x = random_rows(4, 7, 12)
    memories = network.memories(7)
    with torch.no_grad():
        parts = [network(part, memories) for part in x.split(portions, 1)]
        assert torch.allclose(torch.cat(parts, 1), network(x), atol=1e-12)
    assert all(memory.length == 7 for memory in memories)


def test_a_memory_keeps_what_was_added_and_goes_on_with_the_rows_that_are_chosen() -> None:
    memory, first, second = Memory(5), random_rows(2, 3, 2, 2, 4), random_rows(2, 3, 2, 1, 4, seed=1)
    memory.choose(torch.tensor([0]))  # an empty one has no rows yet
    memory.add(first)
    memory.choose(torch.tensor([2, 2, 0]))
    assert torch.equal(memory.add(second), torch.cat([first[:, [2, 2, 0]], second], 3))


def test_the_weights_begin_as_those_of_gpt_2() -> None:
    network = CausalTransformer(64, 8, 4)
    block = network._blocks()[0]
    for layer, deviation in ((block.grow, 0.02), (block.shrink, 0.005), (block.attention.out, 0.005)):
        assert float(layer.weight.detach().std()) == pytest.approx(deviation, rel=0.05) and (layer.bias == 0).all()


def test_the_number_of_parameters_follows_from_the_sizes() -> None:
    """12 d^2 + 13 d a layer; the rest are embeddings, places, the last norm and the head."""
    for card, options, own in ((WIDE, {}, 2 * 15), (WIDE, {"positions": "grid"}, 2 * (1 + 3 + 5))):
        model = transformer(card, **options)
        expected = 2 * (12 * 144 + 13 * 12) + own * 12 + 12 + 12 + 2 * 12 + (12 + 1)
        assert model.free_parameters() == expected


# ---- the memory of a model


@pytest.mark.parametrize("card", CARDS)
@pytest.mark.parametrize("order", ["raster", "centre", "random"])
def test_conditionals_from_memory_are_those_of_full_passes_also_after_rows_were_chosen(card: str, order: str) -> None:
    """Some sites are put without being asked for, and rows change on the way, as a particle filter does."""
    model = transformer(CARDS[card], order=order, labels=True)
    values, y = random_values(model, 4), torch.tensor([0, 1, 2, 1])
    fast, slow = model.begin(4, y), FullPasses(model, 4, y)
    rows = torch.tensor([2, 0, 2, 3])
    compared = 0
    with torch.no_grad():
        for rank, site in enumerate(model.visits().tolist()):
            if rank % 4 != 1:
                one, other = fast.at(rank), slow.at(rank)
                assert torch.allclose(one.logits, other.logits, atol=1e-11)  # type: ignore[attr-defined]
                compared += 1
            fast.put(rank, values[:, site])
            slow.put(rank, values[:, site])
            if rank in (0, 3, 5, 6):
                fast.choose(rows)
                slow.choose(rows)
                values = values[rows]
    assert compared > model.sites // 2


def test_drawing_after_a_long_known_beginning_passes_it_at_once() -> None:
    model = transformer()
    portions: list[int] = []
    model.transformer.register_forward_hook(lambda module, given, out: portions.append(given[0].shape[1]))
    known = torch.zeros(15, dtype=torch.bool)
    known[model.visits()[:12]] = True
    list(model.fill(model.blank(2), known, rng()))
    assert portions == [13, 1, 1]


def test_single_precision_stays_within_1e_5_of_full_passes() -> None:
    model = transformer(COLOUR).float()
    *_, last = states = list(model.fill(model.blank(3), torch.zeros(24, dtype=torch.bool), rng(1)))
    with torch.no_grad():
        expected = model.site_log_prob(model.to_example(last.values))[0][:, model.visits()]
    assert torch.allclose(torch.stack([state.log_prob for state in states], -1), expected, atol=1e-5)


# ---- places and orders


def test_places_of_a_grid_are_sums_of_row_column_and_channel() -> None:
    places = Places((3, 2, 4), 5, grid=True)
    channel, row, column = places.tables
    found = places(torch.arange(24)).reshape(3, 2, 4, 5)
    for c, h, w in ((0, 0, 0), (1, 1, 2), (2, 0, 3)):
        assert torch.allclose(found[c, h, w], channel.weight[c] + row.weight[h] + column.weight[w], atol=1e-7)
    assert Places((7,), 5, grid=True)(torch.arange(7)).shape == (7, 5)
    own = Places((3, 2, 4), 5, grid=False)
    assert torch.equal(own(torch.tensor([5, 1])), own.tables[0].weight[[5, 1]])


@pytest.mark.parametrize("card", CARDS)
@pytest.mark.parametrize("positions", ["learned", "grid"])
def test_all_predecessors_are_seen_and_no_other_on_images_that_are_not_square(card: str, positions: str) -> None:
    model = transformer(CARDS[card], positions=positions, order="snake")
    u = torch.rand(1, model.sites, model.features, generator=rng(), dtype=torch.float64)
    jacobian = torch.autograd.functional.jacobian(lambda v: model.logits(v, None)[0], u)
    place = ranks(model.visits())
    assert torch.equal(jacobian.abs().amax((1, 2, 4)) > 0, place[None, :] < place[:, None])


def test_a_model_in_an_order_is_the_raster_model_on_permuted_pixels_with_permuted_places() -> None:
    shuffled, raster = transformer(order="random", order_seed=3), transformer(order="raster")
    order = shuffled.order
    assert not torch.equal(order, raster.order)
    state = {name: tensor.clone() for name, tensor in shuffled.state_dict().items()}
    for name in ("last.tables.0.weight", "next.tables.0.weight"):
        state[name] = state[name][order]
    raster.load_state_dict(state)
    x = shuffled.to_example(random_values(shuffled, 9))
    with torch.no_grad():
        expected = shuffled.site_log_prob(x)[0][:, order]
        found = raster.site_log_prob(x.flatten(1)[:, order].reshape(x.shape))[0]
    assert torch.allclose(found, expected, atol=1e-12)


def test_the_label_reaches_every_pixel_through_the_first_token() -> None:
    model = transformer(labels=True)
    x = model.to_example(random_values(model, 1))
    with torch.no_grad():
        one, other = (model.site_log_prob(x, torch.tensor([label]))[0] for label in (0, 2))
    assert ((one - other).abs() > 1e-9).all()


def test_256_levels_are_drawn_and_scored() -> None:
    model = transformer(BYTES)
    x = model.sample(3, rng())
    assert (model.levels, model.width) == (256, 256) and x.shape == (3, 1, 3, 2)
    assert len(model.to_values(x).unique()) > 6
    with torch.no_grad():
        log_prob, entropy = model.site_log_prob(x)
    assert (log_prob < 0).all() and (entropy > 0).all() and (entropy < math.log(256)).all()


def test_heads_that_do_not_divide_the_size_are_refused_in_one_sentence() -> None:
    with pytest.raises(SpecError, match=r"model\.heads is 5 but model\.size is 12; choose heads that divide") as caught:
        build({"kind": "pixel_transformer", "size": 12, "heads": 5}, WIDE)
    assert caught.value.path == "model.heads"
