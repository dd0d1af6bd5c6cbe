"""Toys as drawings, and what a distribution looks like before anything is trained: questions that need no run."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from gm_core.capabilities.base import ALONE_ANSWERS
from gm_core.capabilities.glimpse import Glimpse, GlimpseQuery, Traced, TraceQuery
from gm_core.data.registry import find_data, make_data
from gm_core.data.toys import Toy
from gm_core.spec import SpecError
from tests.data.test_toys import TOYS, grid, name

NEAR = {"moons": 0.01, "circles": 0.01, "spirals": 0.15, "checkerboard": 0.1, "pinwheel": 0.25}
EXACT = {"ring", "grid", "mixture", "gaussian"}


def ask(query: Any) -> Any:
    """The last frame of the answer to a question that needs no run."""
    find_data()  # makes the answers known, as the worker does
    frames = ALONE_ANSWERS[type(query)](query, torch.Generator().manual_seed(0))
    return [frame for frame in frames if frame is not None][-1]


def traced(data: dict[str, Any]) -> Traced:
    found = ask(TraceQuery(data=data))
    assert isinstance(found, Traced)
    return found


@pytest.mark.parametrize("toy", TOYS, ids=name)
def test_a_traced_toy_is_the_same_distribution_where_it_says_so_and_a_near_one_elsewhere(toy: dict[str, Any]) -> None:
    found = traced(toy)
    assert found.exact == (toy["kind"] in EXACT)
    truth = make_data(toy)
    drawing = make_data({"kind": "drawn", "marks": list(found.marks), "side": found.side})
    assert isinstance(truth, Toy) and isinstance(drawing, Toy)
    points, cell = grid(truth, 200)
    p, q = truth.exact.log_prob(points).exp(), drawing.exact.log_prob(points).exp()
    apart = float((p - q).abs().sum()) * cell / 2  # the total variation between the two
    if found.exact:
        assert apart < 2e-3, "places are rounded to four digits"
    else:
        # A spiral is not quite even along its arm, a board has soft edges, and a pinwheel is a spray of 1,000 drops.
        assert apart < NEAR[str(toy["kind"])]
    assert drawing.card.range == truth.card.range


def test_a_traced_drawing_is_itself_and_classes_stay() -> None:
    marks = [{"kind": "text", "text": "a", "label": 1}, {"kind": "gaussian", "mirror": "x", "at": [1.0, 0.0]}]
    found = traced({"kind": "drawn", "marks": marks})
    again = make_data({"kind": "drawn", "marks": list(found.marks)})
    assert again.spec == make_data({"kind": "drawn", "marks": marks}).spec and found.exact
    assert [mark["label"] for mark in traced({"kind": "moons"}).marks] == [0, 1]


def test_a_glimpse_is_the_exact_density_row_by_row_from_below() -> None:
    box = (-1.0, 3.0, 0.0, 2.0)
    marks = [{"kind": "gaussian", "at": [3.0, 0.0]}]
    found = ask(GlimpseQuery(data={"kind": "drawn", "marks": marks}, box=box, size=33))
    assert isinstance(found, Glimpse) and found.values.shape == (33, 33) and found.values.dtype == np.float32
    assert np.unravel_index(int(found.values.argmax()), (33, 33)) == (0, 32)
    middle = make_data({"kind": "drawn", "marks": marks}).exact
    assert middle is not None
    assert found.values[16, 16] == pytest.approx(float(middle.log_prob(torch.tensor([[1.0, 1.0]]))), abs=1e-5)
    assert found.card.note.startswith("1 mark, 1 Gaussian;")


@pytest.mark.parametrize("query", [GlimpseQuery, TraceQuery])
def test_data_without_a_density_on_the_plane_are_a_sentence(query: Any) -> None:
    with pytest.raises(SpecError, match="has no known density on the plane; choose a toy such as moons"):
        ask(query(data={"kind": "digits"}))
