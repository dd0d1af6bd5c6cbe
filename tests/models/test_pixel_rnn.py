"""Recurrent networks of pixels: their LSTM, what they see, how they draw, and how many numbers they learn."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from gm_core.model import build
from gm_core.models.pixel_rnn import PixelRNN
from gm_core.nn.recurrent import DiagonalBiLSTM, Recurrent, RowLSTM, lstm, skew, unskew
from gm_core.parts.autoregressive import FullPasses
from gm_core.protocol.cards import DataCard

KINDS = ("row_lstm", "diagonal_bilstm")
EXACT = 1e-12


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=seeded(seed), dtype=torch.float64)


def card(*shape: int, levels: int = 2, classes: int = 0) -> DataCard:
    names = tuple("abc"[:classes])
    kind = "binary" if levels == 2 else "levels"
    return DataCard("made", "Made up", shape, kind, (0.0, 1.0), levels=levels, classes=names)  # type: ignore[arg-type]


def made(kind: str, data: DataCard, **chosen: object) -> PixelRNN:
    """A model in float64 with weights large enough that everything matters."""
    model = build({"kind": kind, **chosen}, data, 1).double().eval()
    assert isinstance(model, PixelRNN)
    with torch.no_grad():
        for number, parameter in enumerate(model.parameters()):
            parameter += 0.2 * noise(*parameter.shape, seed=number)
    return model


def like_torch(weight: Tensor) -> Tensor:
    """Rows of gates in our order o, f, i, g brought to torch's order i, f, g, o."""
    o, f, i, g = weight.chunk(4, 0)
    return torch.cat([i, f, g, o])


def picture(support: Tensor, shape: tuple[int, int], row: int, column: int) -> list[str]:
    """What one pixel of a grey picture sees: # seen, X the pixel itself."""
    seen = support[row * shape[1] + column].reshape(shape)
    marks = [["#" if value else "." for value in line] for line in seen.tolist()]
    marks[row][column] = "X"
    return ["".join(line) for line in marks]


# ---- the LSTM


def test_one_step_is_that_of_the_lstm_cell_of_torch() -> None:
    torch_cell = nn.LSTMCell(3, 5).double()
    x, h, c = noise(7, 3), noise(7, 5, seed=1), noise(7, 5, seed=2)
    expected = torch_cell(x, (h, c))
    gates = x @ torch_cell.weight_ih.t() + torch_cell.bias_ih + h @ torch_cell.weight_hh.t() + torch_cell.bias_hh
    i, f, g, o = gates.chunk(4, -1)
    found = lstm(torch.cat([o, f, i, g], -1), c)
    for ours, theirs in zip(found, expected):
        assert torch.allclose(ours, theirs, atol=EXACT, rtol=0)


@pytest.mark.parametrize("width", [1, 4])
def test_a_row_lstm_that_hears_of_no_neighbours_is_a_plain_lstm_down_each_column(width: int) -> None:
    layer = RowLSTM(6, 5, colours=1, reach=0).double()
    plain = nn.LSTM(6, 5).double()
    with torch.no_grad():
        plain.weight_ih_l0.copy_(like_torch(layer.inward.weight))
        plain.weight_hh_l0.copy_(like_torch(layer.onward.weight))
        plain.bias_ih_l0.copy_(like_torch(layer.bias[0]))
        plain.bias_hh_l0.zero_()
    x = noise(8, width, 3, 6)
    expected, _ = plain(x.flatten(1, 2))
    assert torch.allclose(layer(x, x, None).flatten(1, 2), expected, atol=EXACT, rtol=0)


def test_on_pictures_of_width_one_a_wide_row_lstm_is_a_plain_lstm_with_its_middle_taps() -> None:
    layer = RowLSTM(6, 5, colours=1, reach=1).double()
    plain = nn.LSTM(6, 5).double()
    with torch.no_grad():
        plain.weight_ih_l0.copy_(like_torch(layer.inward.weight[:, 6:]))
        plain.weight_hh_l0.copy_(like_torch(layer.onward.weight[:, 5:10]))
        plain.bias_ih_l0.copy_(like_torch(layer.bias[0]))
        plain.bias_hh_l0.zero_()
    x = noise(9, 1, 2, 6)
    assert torch.allclose(layer(x, x, None)[:, 0], plain(x[:, 0])[0], atol=EXACT, rtol=0)


def test_the_row_lstm_is_two_convolutions_along_rows_one_masked_and_one_not() -> None:
    """Against torch's conv1d with whole kernels of 5, of which the mask clears the two taps to the right."""
    layer = RowLSTM(3, 4, colours=1, reach=2).double()
    inward = torch.zeros(16, 3, 5, dtype=torch.float64)
    inward[:, :, :3] = layer.inward.weight.detach().reshape(16, 3, 3).transpose(1, 2)
    onward = layer.onward.weight.detach().reshape(16, 5, 4).transpose(1, 2)
    x = noise(5, 7, 2, 3)
    found = layer(x, x, None)
    h, c = torch.zeros(2, 4, 7, dtype=torch.float64), torch.zeros(2, 4, 7, dtype=torch.float64)
    for row in range(5):
        gates = nn.functional.conv1d(x[row].permute(1, 2, 0), inward, layer.bias[0], padding=2)
        gates = gates + nn.functional.conv1d(h, onward, padding=2)
        o, f, i, g = gates.chunk(4, 1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
        assert torch.allclose(found[row].permute(1, 2, 0), h, atol=EXACT, rtol=0)


def test_the_diagonal_bilstm_is_two_walks_over_single_pixels_the_one_from_the_right_a_row_late() -> None:
    """Against a loop that takes pixel after pixel, each from the states above and beside it."""
    height, width = 4, 6
    layer = DiagonalBiLSTM(3, 5, colours=1, own=1).double()
    x, pixels = noise(height, width, 2, 3), noise(height, width, 2, 1, seed=1)
    assert layer.picture is not None
    nothing = torch.zeros(2, 5, dtype=torch.float64)
    walks: list[dict[tuple[int, int], Tensor]] = []
    for side, step in ((0, -1), (1, 1)):
        inward, bias = layer.inward.weight.chunk(2)[side], layer.bias[0].chunk(2)[side]
        h: dict[tuple[int, int], Tensor] = {}
        c: dict[tuple[int, int], Tensor] = {}
        for row in range(height):
            for column in range(width) if step < 0 else reversed(range(width)):
                above, beside = h.get((row - 1, column), nothing), h.get((row, column + step), nothing)
                gates = x[row, column] @ inward.t() + bias + torch.cat([above, beside], -1) @ layer.onward[side]
                if side:
                    gates = gates + layer.picture(pixels[row, column])
                h[row, column], c[row, column] = lstm(gates, c.get((row, column + step), nothing))
        walks.append(h)
    found = layer(x, pixels, None)
    for row in range(height):
        for column in range(width):
            expected = walks[0][row, column] + walks[1].get((row - 1, column), nothing)
            assert torch.allclose(found[row, column], expected, atol=EXACT, rtol=0)


@pytest.mark.parametrize("size", [(1, 1), (1, 5), (5, 1), (4, 6), (6, 4)], ids=str)
def test_the_diagonals_hold_every_pixel_once_and_lead_back_to_the_map(size: tuple[int, int]) -> None:
    height, width = size
    x = noise(height, width, 2, 3)
    diagonals = skew(x)
    assert len(diagonals) == height + width - 1
    assert torch.equal(unskew(diagonals, height, width), x)
    # Row by row one place further to the right, as the paper draws it; what is filled of a column is a diagonal.
    skewed = torch.full((height, height + width - 1, 2, 3), torch.nan, dtype=torch.float64)
    for row in range(height):
        skewed[row, row : row + width] = x[row]
    for number, diagonal in enumerate(diagonals):
        column = skewed[:, number]
        assert torch.equal(diagonal, column[~column[:, 0, 0].isnan()])


# ---- what is seen


def test_one_row_lstm_with_kernels_of_three_sees_a_triangle() -> None:
    """By hand: a 3x3 window, its neighbour to the left, and one place more to each side in every row above."""
    model = made("row_lstm", card(1, 5, 9), layers=1, reach=1, first=1)
    assert picture(model.support(), (5, 9), 4, 4) == [
        "#########",
        "########.",
        "#######..",
        ".#####...",
        "..##X....",
    ]


def test_a_row_lstm_that_hears_of_no_neighbours_sees_a_strip() -> None:
    model = made("row_lstm", card(1, 5, 9), layers=1, reach=0, first=1)
    assert picture(model.support(), (5, 9), 4, 4) == [
        "...###...",
        "...###...",
        "...###...",
        "...###...",
        "...#X....",
    ]


def test_layers_kernels_and_the_first_window_each_widen_what_a_row_lstm_sees() -> None:
    narrow = made("row_lstm", card(1, 6, 16), layers=1, reach=1, first=1).support()
    for wider in ({"layers": 2}, {"reach": 2}, {"first": 2}):
        seen = made("row_lstm", card(1, 6, 16), **{"layers": 1, "reach": 1, "first": 1, **wider}).support()
        assert (seen | ~narrow).all() and seen.sum() > narrow.sum()


@pytest.mark.parametrize(
    "shape", [(1, 3, 4), (1, 7, 8), (3, 3, 4), (3, 7, 8), (1, 1, 6), (1, 6, 1), (1, 28, 28)], ids=str
)
@pytest.mark.parametrize("first", [1, 3])
def test_the_diagonal_bilstm_sees_all_that_came_before(shape: tuple[int, ...], first: int) -> None:
    model = made("diagonal_bilstm", card(*shape), layers=1, first=first, hidden=2)
    place = model.visits().argsort()
    assert torch.equal(model.support(), place[None, :] < place[:, None])


def test_without_the_picture_from_the_right_the_last_pixel_of_the_row_above_would_hide() -> None:
    """Why we depart from the paper: mask A and the move down by one row both keep it away."""
    model = made("diagonal_bilstm", card(1, 3, 6), layers=1, first=1)
    layer = model.rnn[0]
    assert isinstance(layer, DiagonalBiLSTM)
    hidden = ["######", "#####.", "#X...."]
    assert picture(model.support(), (3, 6), 2, 1) == ["######", "######", "#X...."]
    layer.own, layer.picture = 0, None
    assert picture(model.support(), (3, 6), 2, 1) == hidden
    x = torch.ones(1, 1, 3, 6, dtype=torch.float64)
    influence = model.influence(x, 2 * 6 + 1)
    assert picture((influence > 0)[None].expand(18, -1), (3, 6), 2, 1) == hidden


# ---- drawing


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "data",
    [card(1, 5, 6), card(3, 4, 3, levels=3), card(1, 1, 5), card(1, 5, 1), card(3, 3, 2, classes=3)],
    ids=lambda data: str(data.shape),
)
def test_carried_states_draw_exactly_what_full_passes_draw(kind: str, data: DataCard) -> None:
    model = made(kind, data, layers=2, labels=bool(data.classes))
    y = torch.tensor([0, 1, 2, 1]) if data.classes else None
    fast = model.sample(4, seeded(3), y)
    model.begin = lambda n, y, order="": FullPasses(model, n, y, order)  # type: ignore[method-assign]
    assert torch.equal(fast, model.sample(4, seeded(3), y))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [(1, 5, 4), (3, 3, 3)], ids=str)
def test_rows_may_be_chosen_and_values_put_unasked_at_any_moment(kind: str, shape: tuple[int, ...]) -> None:
    """Log probabilities within 1e-10 of full passes, through a walk that asks, skips and resamples by chance."""
    model = made(kind, card(*shape, classes=3), layers=2, labels=True)
    y = torch.tensor([0, 1, 2, 0, 1])
    fast, slow = model.begin(5, y), FullPasses(model, 5, y)
    source, asked = seeded(5), 0
    with torch.no_grad():
        for rank in range(model.sites):
            if torch.rand((), generator=source) < 0.6:
                assert torch.allclose(fast.at(rank).bars(0, 1)[1], slow.at(rank).bars(0, 1)[1], atol=1e-10, rtol=0)
                asked += 1
            values = torch.randint(2, (5,), generator=source)
            fast.put(rank, values)
            slow.put(rank, values)
            if torch.rand((), generator=source) < 0.3:
                rows = torch.randint(5, (5,), generator=source)
                fast.choose(rows)
                slow.choose(rows)
    assert asked > model.sites // 3


@pytest.mark.parametrize("kind", KINDS)
def test_in_float32_log_probabilities_gathered_while_drawing_are_those_of_teacher_forcing(kind: str) -> None:
    model = made(kind, card(1, 8, 8, levels=17), layers=2).float()
    gathered = torch.zeros(6, model.sites)
    for state in model.fill(model.blank(6), torch.zeros(64, dtype=torch.bool), seeded(1)):
        gathered[:, state.site] = state.log_prob
    with torch.no_grad():
        expected, _ = model.site_log_prob(model.to_example(state.values))
    assert torch.allclose(gathered, expected, atol=1e-5, rtol=0)


# ---- sizes


@pytest.mark.parametrize("kind", KINDS)
def test_weights_learnt_on_one_size_of_picture_fit_any_other(kind: str) -> None:
    small, large = made(kind, card(1, 3, 4)), made(kind, card(1, 28, 28))
    large.load_state_dict({**small.state_dict()})
    x = torch.zeros(2, 1, 28, 28, dtype=torch.float64)
    with torch.no_grad():
        corner = small.site_log_prob(x[:, :, :3, :1].expand(-1, -1, -1, 4))[0][:, 0]
        assert torch.allclose(large.site_log_prob(x)[0][:, 0], corner, atol=EXACT, rtol=0)


@pytest.mark.parametrize("classes", [0, 3])
def test_a_grey_row_lstm_learns_as_many_numbers_as_counted_by_hand(classes: int) -> None:
    h, reach, first, head, layers, levels = 5, 2, 3, 7, 3, 4
    data = card(1, 6, 6, levels=levels, classes=classes)
    model = made("row_lstm", data, hidden=h, reach=reach, first=first, head=head, layers=layers, labels=bool(classes))
    window = first * (2 * first + 1) + first  # rows above, and the own row up to the pixel itself
    block = 4 * h * (2 * h) * (reach + 1) + 4 * h * h * (2 * reach + 1) + 4 * h * max(classes, 1) + 2 * h * h + 2 * h
    ends = 2 * h * window + 2 * h + (2 * h * head + head) + (head * levels + levels)
    assert model.free_parameters() == layers * block + ends


def test_of_colours_a_third_or_two_thirds_of_what_meets_at_one_pixel_is_masked() -> None:
    """Mask A leaves 3 of 9 pairs of colours, mask B 6 of 9; the states of earlier pixels are not masked."""
    h, first, head = 2, 1, 4
    model = made("diagonal_bilstm", card(3, 4, 4), hidden=h, first=first, head=head, layers=1)
    stream, states, wide = 6 * h, 3 * h, 3 * head
    window = stream * 3 * (first * (2 * first + 1) + first) + stream * 3 * 3 // 9
    block = 8 * states * stream * 6 // 9 + 4 * states * 3 + 2 * 2 * states * 4 * states + 8 * states
    up = states * stream * 6 // 9 + stream
    ends = window + stream + stream * wide * 6 // 9 + wide + wide * 3 * 6 // 9 + 3
    assert model.free_parameters() == block + up + ends


def test_the_layers_of_both_models_are_recurrent_and_carry_residual_streams() -> None:
    """With the way up cleared, every layer passes on what came in: depth changes nothing."""
    for kind in KINDS:
        deep = made(kind, card(1, 4, 4), layers=3)
        x = torch.ones(1, 1, 4, 4, dtype=torch.float64)
        assert all(isinstance(layer, Recurrent) for layer in deep.rnn)
        with torch.no_grad():
            for part in deep.up:
                for parameter in part.parameters():
                    parameter.zero_()
            before = deep.site_log_prob(x)[0]
            for part in deep.rnn:
                for parameter in part.parameters():
                    parameter.mul_(-3.0)
            assert torch.equal(before, deep.site_log_prob(x)[0])
