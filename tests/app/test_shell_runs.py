"""The form and the saved runs: what is sent to the worker, what waits, what is asked before it is done."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import Qt

from app.shell.window import Window
from gm_core import api
from tests.app.fake_model import run_card
from tests.app.windows import CATALOGUE, ReplayEngine, ready

# ---- the experiment


def test_training_wished_before_the_engine_is_there_begins_when_it_is(window: Window, engine: ReplayEngine) -> None:
    window.experiment.train()
    assert "Preparing" in window.experiment.go.text() and not engine.sent
    ready(window)
    (start,) = [c for c in engine.sent if isinstance(c, api.Start)]
    assert start.spec["name"] == "vae-digits"


def test_a_live_edit_is_sent_and_becomes_a_chip_that_can_be_undone(window: Window, engine: ReplayEngine) -> None:
    spec = {**window.experiment.form.spec()}
    ready(window, run_card("one", spec=spec))
    assert not window.experiment.planning
    window.experiment.form.fields()["train.lr"].editor.changed.emit(0.01)
    assert api.Edit("one", "train.lr", 0.01) in engine.sent
    window.desk.take([api.Edited("one", 2400, "train.lr", 0.002, 0.01)])
    (text,) = window.experiment.changes.texts()
    assert "lr" in text and "now" in text
    window.experiment.changes.chips[0].back.emit()
    assert api.Undo("one") in engine.sent


def test_a_change_that_cannot_be_live_waits_for_a_new_run(window: Window, engine: ReplayEngine) -> None:
    ready(window, run_card("one", spec=dict(window.experiment.form.spec())))
    field = window.experiment.form.fields()["train.batch"]
    field.set_value(50)
    field.editor.changed.emit(50)
    assert not any(isinstance(c, api.Edit) for c in engine.sent)
    assert window.experiment.waiting_changes() == {"train.batch": 50}
    assert any("needs a new run" in text for text in window.experiment.changes.texts())
    window.deeds.branch()
    (branch,) = [c for c in engine.sent if isinstance(c, api.Branch)]
    assert branch.edits == {"train.batch": 50}


def test_what_the_worker_refuses_stands_beside_its_field(window: Window) -> None:
    ready(window, run_card("one", spec=dict(window.experiment.form.spec())))
    window.desk.take([api.Trouble("train.lr is 7; the range is 0 to 1", topic="Edit", run="one", path="train.lr")])
    assert window.experiment.form.fields()["train.lr"].error() == "train.lr is 7; the range is 0 to 1"
    assert "train.lr is 7; the range is 0 to 1" in window.toasts.messages()


def test_what_was_refused_is_forgotten_when_training_is_wished_again(window: Window, engine: ReplayEngine) -> None:
    ready(window)
    field = window.experiment.form.fields()["train.lr"]
    window.desk.take([api.Trouble("train.lr does not go with model.beta", topic="Start", path="train.lr")])
    assert field.error()
    window.experiment.train()
    assert not field.error() and any(isinstance(c, api.Start) for c in engine.sent)


def test_data_that_a_run_learns_from_are_not_offered_for_download(window: Window) -> None:
    catalogue = api.Catalogue((), (api.DataKind("mnist", "MNIST", "", (), ready=False),), (), CATALOGUE.device)
    spec = {**window.experiment.form.spec(), "data": {"kind": "mnist"}}
    for facts, offered in ({}, False), ({"no_data": "MNIST is not here"}, True):
        ready(window, run_card("one", spec=spec, facts=facts))
        window.desk.take([api.Ready(catalogue)])
        window.experiment._refresh()
        assert not window.experiment.planning and window.experiment.fetch.isHidden() != offered


def test_data_that_must_be_fetched_offers_to(window: Window, engine: ReplayEngine) -> None:
    row = window.experiment.fetch
    catalogue = api.Catalogue((), (api.DataKind("mnist", "MNIST", "", (), ready=False),), (), CATALOGUE.device)
    window.desk.take([api.Ready(catalogue)])
    window.experiment.plan({"name": "x", "model": {"kind": "vae"}, "data": {"kind": "mnist"}})
    assert not row.isHidden()
    row.button.click()
    assert api.Download({"kind": "mnist"}) in engine.sent
    window.desk.take([api.Progress("download:mnist", 5, 10, "5 of 10 MB")])
    assert not row.bar.isHidden() and row.bar.value() == 500
    row.stop.click()
    assert api.Cancel("download:mnist") in engine.sent
    window.desk.take([api.Progress("download:mnist", 1, 1, "done")])
    assert row.isHidden() or "here" in row.words.text()


# ---- runs


def rows(*names: str) -> tuple[api.RunRow, ...]:
    return tuple(
        api.RunRow(n, n, "vae", "digits", "finished", 100, 100, 0.0, float(i), "", {"train": {"lr": i}})
        for i, n in enumerate(names)
    )


def test_two_runs_are_compared_and_overlaid(window: Window, engine: ReplayEngine) -> None:
    ready(window, run_card("one"))
    panel: Any = window.docks.show("runs").panel
    window.desk.take([api.RunList(rows("a", "b"))])
    panel.table.selectAll()
    assert panel.diff.topLevelItem(0).text(0) == "train.lr"
    index = panel.model.index([row.run for row in panel.model.rows].index("a"), 0)
    panel.model.setData(index, Qt.CheckState.Checked.value, Qt.ItemDataRole.CheckStateRole)
    assert window.desk.overlays == ("a",) and api.ReadHistory("a") in engine.sent


def test_deleting_asks_first(window: Window, engine: ReplayEngine, qtbot: Any) -> None:
    from PySide6.QtWidgets import QMessageBox

    ready(window)
    panel: Any = window.docks.show("runs").panel
    window.desk.take([api.RunList(rows("a"))])
    panel.table.selectAll()
    panel.delete_chosen()
    (box,) = panel.findChildren(QMessageBox)
    assert not any(isinstance(c, api.DeleteRun) for c in engine.sent)
    next(b for b in box.buttons() if b.text() == "Delete").click()
    assert api.DeleteRun("a") in engine.sent


def test_scalars_are_saved_as_csv_after_their_history_was_read(window: Window, tmp_path: Path) -> None:
    ready(window)
    panel: Any = window.docks.show("runs").panel
    window.desk.take([api.RunList(rows("a"))])
    panel.save_csv("a", tmp_path / "a.csv")
    values = np.array([[1.5], [0.5]], np.float32)
    curves = api.Scalars("a", ("loss",), np.array([1, 2]), np.array([0.1, 0.2]), values)
    window.desk.take([api.History("a", (curves,))])
    assert (tmp_path / "a.csv").read_text().splitlines() == [
        "split,step,seconds,loss", "train,1,0.1000,1.5", "train,2,0.2000,0.5",
    ]  # fmt: skip
