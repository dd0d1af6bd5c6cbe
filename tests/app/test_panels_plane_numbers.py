"""The numbers of the plane: asked for while they are seen, renewed now and then, and never told as of another step."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from gm_core import api
from tests.app.plane_bench import cancelled, last, on_plane, purposes

pytestmark = pytest.mark.usefixtures("dressed")


def test_numbers_ask_for_what_they_are_made_of_and_let_go_of_it(qtbot: QtBot) -> None:
    panel, bench = on_plane(qtbot)
    assert purposes(bench) == {"samples", "truth", "score", "compare", "quality"}
    assert last(bench, "quality").metrics == ("mmd", "sliced")  # type: ignore[attr-defined]
    assert "KL ≤ 0.17" in panel.figures.text() and "JS 0.04" in panel.figures.text()
    assert "Sliced W₂ 0.11 ± 0.02" in panel.figures.text()
    panel.controls.numbers.click()
    bench.pass_time()
    assert cancelled(bench, "compare") and cancelled(bench, "quality") and panel.figures.isHidden()


def test_numbers_are_renewed_now_and_then_as_training_goes_on(qtbot: QtBot) -> None:
    panel, bench = on_plane(qtbot)
    panel._renew()
    bench.pass_time()
    before = len(bench.engine.asks("plane/quality"))
    panel._renew()
    bench.pass_time()
    assert len(bench.engine.asks("plane/quality")) == before, "nothing is newer"
    bench.fill_curves("ring-ddpm", last=2600, edits=False)
    panel._renew()
    bench.pass_time()
    assert len(bench.engine.asks("plane/quality")) == before + 1


def test_numbers_rest_while_it_trains_and_come_at_once_when_it_has_ended(qtbot: QtBot) -> None:
    panel, bench = on_plane(qtbot)
    assert panel.card is not None
    bench.desk.take([api.RunChanged(replace(panel.card, state="training"))])
    panel._renew()
    bench.pass_time()
    panel._asking._rest.took("compare", 100.0, bench.clock)
    bench.fill_curves("ring-ddpm", last=2600, edits=False)
    before = len(bench.engine.asks("plane/quality"))
    for state, asked in ("training", 0), ("finished", 1):
        bench.desk.take([api.RunChanged(replace(panel.card, state=state, step=2600))])
        panel._renew()
        bench.pass_time()
        assert len(bench.engine.asks("plane/quality")) == before + asked, state


def test_numbers_that_are_still_computed_are_not_asked_again(qtbot: QtBot) -> None:
    panel, bench = on_plane(qtbot)
    bench.fill_curves("ring-ddpm", last=2600, edits=False)
    panel._renew()
    bench.pass_time(answer=False)
    before = len(bench.engine.asks("plane/compare"))
    for last_step in (2700, 2800):
        bench.fill_curves("ring-ddpm", last=last_step, edits=False)
        panel._renew()
        bench.pass_time(answer=False)
    assert len(bench.engine.asks("plane/compare")) == before


def test_numbers_of_another_step_than_the_plane_shows_say_so(qtbot: QtBot) -> None:
    panel, bench = on_plane(qtbot)
    assert "at step" not in panel.figures.text()
    sheet = api.Sheet(np.zeros((4, 2), np.float32))
    panel.show_frame(sheet, 5_000)
    bench.pass_time()
    assert panel.figures.text().startswith("at step 2,400  KL") and "step 5,000" in panel.status.text()
