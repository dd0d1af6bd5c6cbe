"""What the window remembers of a run: every value, in order, on three axes, through stages and returns."""

from __future__ import annotations

import numpy as np

from app.bridge.run_view import RunView
from app.panels.curves import sources
from app.widgets import series
from gm_core import api
from gm_core.runs.chunks import joined
from tests.app.desks import scalars
from tests.app.fake_model import run_card

# ---- what a run view remembers


def test_a_run_view_keeps_every_value_in_the_order_of_arrival() -> None:
    view = RunView(run_card("one"))
    for start in range(0, 5000, 7):
        view.extend(scalars(np.arange(start, start + 7)))
    x, y = view.series("kl")
    assert len(x) == 5005
    np.testing.assert_array_equal(x, np.arange(5005))
    np.testing.assert_array_equal(y, 2 * np.arange(5005, dtype=np.float32))


def test_the_x_axis_counts_steps_seconds_or_examples() -> None:
    view = RunView(run_card("one"))
    view.extend(scalars([1, 2, 3]))
    np.testing.assert_allclose(view.series("loss", axis="seconds")[0], [0.5, 1.0, 1.5])
    np.testing.assert_allclose(view.series("loss", axis="examples")[0], [100, 200, 300])


def test_training_and_validation_are_kept_apart_and_unknown_charts_are_empty() -> None:
    view = RunView(run_card("one"))
    view.extend(scalars([1, 2]))
    view.extend(scalars([2], ("loss",), "validation"))
    assert len(view.series("loss")[0]) == 2 and len(view.series("loss", "validation")[0]) == 1
    assert len(view.series("nothing")[0]) == 0
    assert view.charts("train") == ("loss", "kl") and view.charts("validation") == ("loss",)


def test_a_curve_is_cut_where_training_went_back() -> None:
    view = RunView(run_card("one"))
    view.extend(scalars([1, 2, 3]))
    view.extend(scalars([2, 3, 4]))
    assert series.pieces(view.series("loss")[0]) == [slice(0, 3), slice(3, 6)]


def test_history_replaces_the_curves_and_what_came_since_goes_behind() -> None:
    view = RunView(run_card("one"))
    view.extend(scalars([4, 5, 6]))
    view.read_history(api.History("one", (scalars([1, 2, 3, 4]),)))
    np.testing.assert_array_equal(view.series("loss")[0], [1, 2, 3, 4, 5, 6])


STAGES = (
    scalars([1, 2, 3], ("codes_total", "kl")),
    scalars([4, 5], ("prior_total", "kl")),
    scalars([3, 4], ("codes_total", "kl")),
    scalars([5, 6], ("prior_total", "kl")),
)
"""A run whose names change from stage 1 to stage 2, which goes back into stage 1 and on again."""


def test_curves_survive_other_names_in_the_middle_of_a_run_and_keep_the_order_of_arrival() -> None:
    view = RunView(run_card("one"))
    for event in STAGES:
        view.extend(event)
    assert view.charts("train") == ("codes_total", "kl", "prior_total")
    np.testing.assert_array_equal(view.series("codes_total")[0], [1, 2, 3, 3, 4])
    np.testing.assert_array_equal(view.series("prior_total")[0], [4, 5, 5, 6])
    np.testing.assert_array_equal(view.series("kl")[0], [1, 2, 3, 4, 5, 3, 4, 5, 6])
    assert (view.last("codes_total"), view.last("prior_total"), view.last("kl")) == (4.0, 6.0, 12.0)
    assert view.points == 9


def test_a_step_is_found_on_the_time_axis_in_a_later_stage_too() -> None:
    view = RunView(run_card("one"))
    for event in STAGES[:2]:
        view.extend(event)
    assert sources.x_of(view, 5, "seconds") == 2.5 and sources.step_of(view, 2.1, "seconds") == 4.0


def test_what_was_not_reported_in_a_stage_has_no_points_after_the_curves_came_from_disk() -> None:
    whole = joined([*STAGES[:2]])
    assert np.isnan(whole.values).any(), "on disk the columns of both stages stand side by side"
    view = RunView(run_card("one"))
    for event in STAGES[:2]:
        view.extend(event)
    view.extend(scalars([6], ("prior_total", "kl")))
    view.read_history(api.History("one", (whole,)))
    np.testing.assert_array_equal(view.series("codes_total")[0], [1, 2, 3])
    np.testing.assert_array_equal(view.series("prior_total")[0], [4, 5, 6])
    np.testing.assert_array_equal(view.series("kl")[0], [1, 2, 3, 4, 5, 6])
    assert view.last("codes_total") == 3.0


def test_edits_that_were_undone_no_longer_hold() -> None:
    view = RunView(run_card("one"))
    for kind, old, new in (("edit", 1, 2), ("edit", 2, 3), ("undo", 3, 2)):
        view.note(api.Edited("one", 5, "train.lr", old, new, kind))  # type: ignore[arg-type]
    assert [(e.old, e.new) for e in view.edits_now()] == [(1, 2)]


def test_a_million_steps_need_little_more_than_their_numbers() -> None:
    view = RunView(run_card("one"))
    for start in range(0, 1_000_000, 10_000):
        view.extend(scalars(np.arange(start, start + 10_000)))
    ((_, rows),) = view._rows
    held = rows._steps.nbytes + rows._seconds.nbytes + rows._values.nbytes
    assert rows.length == 1_000_000
    assert held <= 2.1 * 1_000_000 * (8 + 8 + 2 * 4)


def test_the_table_of_scalars_has_a_row_for_each_report() -> None:
    view = RunView(run_card("one"))
    view.extend(scalars([1, 2]))
    view.extend(scalars([2], ("loss",), "validation"))
    names, rows = view.table()
    assert names == ["split", "step", "seconds", "loss", "kl"]
    assert rows == [
        ["train", "1", "0.5000", "1.0", "2.0"], ["train", "2", "1.0000", "2.0", "4.0"],
        ["validation", "2", "1.0000", "2.0", ""],
    ]  # fmt: skip
