"""One's own data in the window: dropped or chosen, looked at before training, and fitted with a model."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QApplication, QFileDialog, QLineEdit

from app.panels.experiment.look import as_pictures
from app.panels.experiment.own import fitting_model, own_spec
from app.shell.drops import planned
from app.shell.window import Window
from gm_core import api
from tests.app.windows import ReplayEngine

TOPIC = "experiment/preview"
KINDS = frozenset({"points", "vectors", "images", "binary", "continuous", "levels"})
FOLDER_ROWS = (
    api.Row("folder", "text", "", "A folder."),
    api.Row("size", "int", 28, "Side.", 4, 256),
    api.Row("fit", "choice", "crop", "How.", choices=("crop", "border", "stretch")),
)


def model_card(name: str, title: str, accepts: frozenset[str]) -> api.ModelCard:
    return api.ModelCard(name, title, "", "A model.", (), frozenset(), accepts, ())


CATALOGUE = api.Catalogue(
    (
        model_card("vae", "Variational autoencoder", KINDS),
        model_card("coins", "Coins", frozenset({"images", "binary"})),
    ),
    (
        api.DataKind("digits", "Digits", "", (), True, "images"),
        api.DataKind("moons", "Moons", "", (), True, "toys"),
        api.DataKind("mnist", "MNIST", "", (), False, "images"),
        api.DataKind("folder", "Folder of pictures", "", FOLDER_ROWS, False, "yours"),
        api.DataKind("arrays", "Arrays", "", (api.Row("file", "text", "", "A file."),), False, "yours"),
        api.DataKind("table", "Table", "", (api.Row("file", "text", "", "A file."),), False, "yours"),
    ),
    api.describe(api.TrainSpec, "train"),
    api.DeviceCard("cpu", "CPU", 1),
)
CARD = api.DataCard(
    "folder", "holiday", (1, 28, 28), "levels", (0.0, 1.0), 256, ("sea", "hills"), {"train": 97, "test": 12}
)


def preview(card: api.DataCard | None = CARD, n: int = 12, **changes: Any) -> api.Preview:
    rng = np.random.default_rng(0)
    items = rng.integers(0, 256, (n, 28, 28, 1), dtype=np.uint8)
    before = rng.integers(0, 256, (5, 48, 48, 4), dtype=np.uint8)
    return api.Preview(items, before=before, after=items[:5], card=card, done=122, total=122, **changes)


@pytest.fixture
def window(make_window: Callable[..., Window], engine: ReplayEngine) -> Window:
    made = make_window(engine)
    made.desk.take([api.Ready(CATALOGUE)])
    return made


def drop(window: Window, *paths: Path) -> bool:
    """Let go of files over the window, as Qt would tell it; whether it welcomed them."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    action, button, keys = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(QPoint(50, 50), action, data, button, keys)
    enter.ignore()
    QApplication.sendEvent(window, enter)
    if enter.isAccepted():
        QApplication.sendEvent(window, QDropEvent(QPointF(50, 50), action, data, button, keys))
    return enter.isAccepted()


def asked(window: Window, engine: ReplayEngine) -> api.Ask:
    """The newest look at data."""
    window.desk.take([])
    return engine.asks(TOPIC)[-1]


def answer(window: Window, engine: ReplayEngine, frame: api.Preview) -> None:
    ask = asked(window, engine)
    window.desk.take([api.Answered(ask.run, ask.topic, ask.ticket, 0, 0, frame, frame.card is not None)])


def test_a_dropped_folder_becomes_the_data_of_the_next_run(
    window: Window, engine: ReplayEngine, tmp_path: Path
) -> None:
    folder = tmp_path / "My holiday"
    folder.mkdir()
    assert drop(window, folder)
    spec = window.experiment.form.spec()
    assert spec["data"] == {"kind": "folder", "folder": str(folder)} and spec["model"]["kind"] == "vae"
    assert spec["name"] == "vae-my-holiday" and api.RunSpec.read(spec).name == spec["name"]
    assert window.experiment.planning
    ask = asked(window, engine)
    assert ask.run == api.ALONE and ask.query == api.PreviewQuery(data=spec["data"])
    answer(window, engine, preview())
    assert "97 pictures of holiday are set up for a new run; Variational autoencoder stays" in window._said
    look = window.experiment.look
    assert look.examples.count() == 12 and look.pairs.count() == 10 and look.pairs.columns() == 5
    assert look.words.text() == "holiday: 28x28, grey, levels; 97 train, 12 test; 2 classes: sea, hills."


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("x.zip", {"kind": "folder", "folder": ""}),
        ("x.NPY", {"kind": "arrays", "file": ""}),
        ("x.npz", {"kind": "arrays", "file": ""}),
        ("x.csv", {"kind": "table", "file": ""}),
        ("x.tsv", {"kind": "table", "file": ""}),
    ],
)
def test_each_kind_of_file_is_known_by_its_ending(tmp_path: Path, name: str, data: dict[str, str]) -> None:
    path = tmp_path / name
    path.write_text("x")
    assert planned([path]) == {key: value or str(path) for key, value in data.items()}


def test_wrong_things_are_one_sentence_and_change_nothing(window: Window, tmp_path: Path) -> None:
    before = window.experiment.form.spec()
    for name in ("a.png", "b.png", "c.pdf"):
        (tmp_path / name).write_text("x")
    cases = [
        ([tmp_path / "a.png"], "a.png is a single picture; drop a folder of pictures"),
        ([tmp_path / "a.png", tmp_path / "b.png"], "2 things were dropped; drop the folder in which these"),
        ([tmp_path / "a.png", tmp_path / "c.pdf"], "2 things were dropped; drop one folder or zip"),
        ([tmp_path / "c.pdf"], "c.pdf is nothing that can be trained on"),
        ([tmp_path / "gone.csv"], "gone.csv is not a file on this machine"),
    ]
    for paths, sentence in cases:
        assert drop(window, *paths)
        assert sentence in window._said and "\n" not in window._said
    assert window.experiment.form.spec() == before


def test_dropped_settings_go_into_the_form_and_broken_ones_are_one_sentence(window: Window, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("name: mine\nmodel: {kind: coins}\ndata: {kind: moons}\n")
    assert drop(window, path) and window.experiment.form.spec()["name"] == "mine"
    path.write_text("name: [")
    assert drop(window, path) and window.experiment.form.spec()["name"] == "mine" and "mine.yaml" in window._said


def test_text_dropped_on_the_window_is_left_alone(window: Window) -> None:
    data = QMimeData()
    data.setText("hello")
    button, keys = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(QPoint(9, 9), Qt.DropAction.CopyAction, data, button, keys)
    enter.ignore()
    QApplication.sendEvent(window, enter)
    assert not enter.isAccepted()


def test_a_folder_dropped_on_a_line_of_the_form_goes_to_the_window(window: Window, tmp_path: Path) -> None:
    drop(window, tmp_path)
    line = window.experiment.form.fields()["data.folder"].editor.inner
    assert isinstance(line, QLineEdit) and line.text() == str(tmp_path) and not line.acceptDrops()


def test_a_model_that_cannot_learn_the_data_gives_way_to_one_that_can(
    window: Window, engine: ReplayEngine, tmp_path: Path
) -> None:
    window.experiment.plan({"name": "x", "model": {"kind": "coins"}, "data": {"kind": "digits"}})
    drop(window, tmp_path)
    answer(window, engine, preview())
    spec = window.experiment.form.spec()
    assert spec["model"] == {"kind": "vae", "latent": 20, "network": "conv", "channels": [32, 64]}
    assert spec["data"]["folder"] == str(tmp_path)
    assert "holiday does not suit the model chosen before, so it is Variational autoencoder now" in window._said


def test_the_model_follows_the_data_only_when_these_have_just_come(
    window: Window, engine: ReplayEngine, tmp_path: Path
) -> None:
    drop(window, tmp_path)
    answer(window, engine, preview())
    window.experiment.form._take_kind("model", "coins")
    window.experiment.form.set_value("data.size", 32)
    window.experiment._edited("data.size", 32)
    assert asked(window, engine).query.data["size"] == 32  # type: ignore[attr-defined]
    answer(window, engine, preview())
    assert window.experiment.form.spec()["model"]["kind"] == "coins", "what was chosen by hand stays"


def test_a_late_answer_about_other_data_is_not_taken_for_the_new_ones(
    window: Window, engine: ReplayEngine, tmp_path: Path
) -> None:
    first = asked(window, engine)
    drop(window, tmp_path)
    late = dataclasses.replace(CARD, title="digits of before")
    window.desk.take([])
    window.desk.take([api.Answered(first.run, TOPIC, first.ticket, 0, 0, preview(late), True)])
    assert "digits of before" not in window._said and "digits of before" not in window.experiment.look.words.text()


def test_models_are_tried_in_order() -> None:
    points = api.DataCard("table", "x", (2,), "continuous", (0.0, 1.0))
    tiny = dataclasses.replace(CARD, shape=(1, 4, 4))
    conv = {"kind": "vae", "network": "conv"}
    assert fitting_model(conv, CARD, CATALOGUE) == conv
    assert fitting_model(conv, points, CATALOGUE) == {"kind": "vae", "latent": 8, "hidden": [256]}
    assert fitting_model({"kind": "coins"}, tiny, CATALOGUE) == {"kind": "vae", "latent": 8, "hidden": [256]}
    coins = dataclasses.replace(CATALOGUE, models=CATALOGUE.models[1:])
    assert fitting_model({"kind": "coins"}, points, coins) is None


def test_a_likelihood_chosen_for_other_data_is_forgotten() -> None:
    spec = {"name": "a", "model": {"kind": "vae", "likelihood": "bernoulli"}, "data": {"kind": "mnist"}}
    made = own_spec(spec, {"kind": "table", "file": "/x/Größe 2.csv"}, Path("/x/Größe 2.csv"))
    assert made["model"] == {"kind": "vae"} and made["name"] == "vae-gr-e-2"
    assert spec["model"]["likelihood"] == "bernoulli", "the spec that was given stays as it was"  # type: ignore[index]


def test_data_that_cannot_be_read_are_told_beside_the_form_and_in_a_toast(
    window: Window, engine: ReplayEngine, tmp_path: Path
) -> None:
    drop(window, tmp_path)
    ask = asked(window, engine)
    words = "there are no pictures; choose another folder"
    window.desk.take([api.Trouble(words, topic=TOPIC, run=api.ALONE, ticket=ask.ticket)])
    look = window.experiment.look
    assert look.words.text() == words and look.words.property("role") == "bad" and window._said == words
    assert look.examples.count() == 0 and look.pairs.isHidden()


def test_while_pictures_are_read_the_look_says_how_far_it_is_and_files_left_out_are_listed(
    window: Window, engine: ReplayEngine, tmp_path: Path
) -> None:
    drop(window, tmp_path)
    skipped = tuple((f"{n}.png", "cut short") for n in range(20))
    first = dataclasses.replace(preview(None, skipped=skipped, left_out=345), done=24)
    answer(window, engine, first)
    look = window.experiment.look
    assert look.words.text() == "Reading, 24 of 122 files..." and not look.examples.isHidden()
    assert look.more.text() == "345 files left out: show" and look.list.isHidden()
    look.more.click()
    assert not look.list.isHidden() and look.list.text().splitlines()[0] == "0.png: cut short"
    assert look.list.text().splitlines()[-1] == "and 333 more"


def test_a_run_that_waits_for_its_pictures_says_so(window: Window) -> None:
    window.desk.take([api.Progress("Start", 30, 500, "reading 30 of 500 files")])
    assert window.experiment.words.text() == "Training begins once all is read: reading 30 of 500 files."


def test_only_data_that_are_here_are_looked_at(window: Window, engine: ReplayEngine) -> None:
    look = window.experiment.look
    for kind, seen in (("moons", False), ("mnist", False), ("digits", True)):
        window.experiment.plan({"name": "x", "model": {"kind": "vae"}, "data": {"kind": kind}})
        window.desk.take([])
        assert look.isHidden() != seen, kind
        assert engine.asks(TOPIC)[-1].query == api.PreviewQuery(data={"kind": "digits"})
    assert look.choose.isHidden() and window.experiment.fetch.isHidden()


def test_a_folder_can_be_chosen_in_a_dialog_that_blocks_nothing(
    window: Window, engine: ReplayEngine, tmp_path: Path
) -> None:
    window.experiment.plan({"name": "x", "model": {"kind": "vae"}, "data": {"kind": "folder", "size": 32}})
    look = window.experiment.look
    asks = len(engine.asks(TOPIC))
    window.desk.take([])
    assert "drop a folder or zip" in look.words.text() and len(engine.asks(TOPIC)) == asks, "nothing to read yet"
    assert not look.choose.isHidden() and look.choose.text() == "Choose a folder..."
    assert window.experiment.fetch.isHidden(), "one's own data are not downloaded"
    look.choose.click()
    (dialog,) = look.findChildren(QFileDialog)
    dialog.fileSelected.emit(str(tmp_path))
    dialog.close()
    assert window.experiment.form.spec()["data"] == {"kind": "folder", "size": 32, "folder": str(tmp_path)}
    assert asked(window, engine).query.data["folder"] == str(tmp_path)  # type: ignore[attr-defined]


@pytest.mark.parametrize("columns", [1, 2, 5, 900])
def test_tables_are_drawn_as_dots_or_rows(columns: int) -> None:
    items = np.random.default_rng(0).normal(size=(60, columns)).astype(np.float32)
    drawn = as_pictures(api.Preview(items))
    assert drawn is not None and drawn.dtype == np.uint8 and len(drawn) == 1
    if columns == 2:
        assert 60 < (drawn > 0).sum() <= 240, "a dot of four pixels for each point, some over others"
    else:
        assert drawn.shape == (1, 24, min(columns, 256), 1)
    assert as_pictures(api.Preview(np.ones((3, 2), np.float32))) is not None, "points that are all the same"
