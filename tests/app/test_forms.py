"""Forms: what is shown is what the spec says, and the spec that comes back is the one that the command line makes."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit
from pytestqt.qtbot import QtBot

from app.forms.fields import Field, plain
from app.forms.form import Form
from gm_core import api


class SmallSpec(api.Spec):
    """Every kind of row once."""

    size: int = api.param(8, "How many.", lo=1, hi=64)
    rate: float = api.param(0.1, "How fast.", lo=1e-4, hi=1.0, log=True, live=True)
    wide: float = api.param(0.0, "From far to far.", lo=0.0, hi=1e8, unit="examples")
    on: bool = api.param(False, "Whether.")
    kind_of: Literal["round", "square_ish"] = api.param("round", "Which.")
    word: str = api.param("", "What it is called.")
    layers: tuple[int, ...] = api.param((256,), "How wide each layer is.", lo=1, hi=4096)
    maybe: float | None = api.param(None, "A number or nothing.", lo=0.0, hi=1.0)


MODEL = api.ModelCard("small", "Small", "", "A small model.", api.describe(SmallSpec), frozenset(), frozenset(), ())
OTHER = api.ModelCard("other", "Other", "", "Another.", (), frozenset(), frozenset(), ())
DATA = (
    api.DataKind("digits", "Digits", "Small digits.", ()),
    api.DataKind("moons", "Two moons", "Points.", (api.Row("noise", "float", 0.1, "How broad.", 0.0, 1.0),)),
)
CATALOGUE = api.Catalogue((MODEL, OTHER), DATA, api.describe(api.TrainSpec, "train"), api.DeviceCard("cpu", "CPU", 1))
PRESET: dict[str, Any] = {
    "name": "small-digits", "model": {"kind": "small", "size": 4, "layers": [64, 32]}, "data": {"kind": "digits"},
    "train": {"steps": 500, "lr": 0.002},
}  # fmt: skip


@pytest.fixture
def form(qtbot: Any) -> Form:
    made = Form()
    qtbot.addWidget(made)
    made.set_catalogue(CATALOGUE)
    made.set_spec(PRESET)
    return made


def test_an_untouched_form_gives_the_preset_back(form: Form) -> None:
    assert form.spec() == PRESET
    assert form.differences() == {} and form.faults() == {}


def test_form_and_command_line_give_the_same_spec(form: Form) -> None:
    changes = {"train.lr": 5e-4, "model.rate": 0.5, "model.on": True, "model.layers": [128], "train.seed": 3}
    from_command_line = api.RunSpec.read(PRESET)
    for path, value in changes.items():
        from_command_line = from_command_line.replace(path, value)
        field = form.fields()[path]
        field.set_value(value)
        field.editor.changed.emit(value)
    assert api.RunSpec.read(form.spec()) == from_command_line


def test_a_parameter_that_nobody_named_stays_unsaid(form: Form) -> None:
    assert "rate" not in form.spec()["model"] and "seed" not in form.spec()["train"]


def test_every_row_shows_and_returns_its_value(form: Form) -> None:
    values = {
        "size": 9, "rate": 0.01, "wide": 1e6, "on": True, "kind_of": "square_ish", "word": "abc",
        "layers": [8, 4], "maybe": 0.5,
    }  # fmt: skip
    for name, value in values.items():
        field = form.fields()[f"model.{name}"]
        field.set_value(value)
        assert plain(field.value()) == plain(value), name


def test_what_differs_from_the_preset_is_marked_and_each_row_finds_the_way_back(form: Form, qtbot: Any) -> None:
    field = form.fields()["train.lr"]
    field.set_value(0.01)
    assert field.modified() and not field.dress().reset.isHidden()
    assert form.differences() == {"train.lr": (0.002, 0.01)}
    heard: list[tuple[str, object]] = []
    form.changed.connect(lambda path, value: heard.append((path, value)))
    qtbot.mouseClick(field.dress().reset, Qt.MouseButton.LeftButton)
    assert form.differences() == {} and heard == [("train.lr", 0.002)]


def test_another_kind_brings_its_own_rows_and_counts_as_one_difference(form: Form) -> None:
    combo = form.groups["data"].kind
    combo.setCurrentIndex(1)
    combo.activated.emit(1)
    assert "data.noise" in form.fields()
    assert form.differences() == {"data.kind": ("digits", "moons")}
    assert form.spec()["data"] == {"kind": "moons"}
    form.reset("data.kind")
    assert form.spec() == PRESET


def test_the_words_of_a_fault_stand_beside_its_field(form: Form) -> None:
    assert form.set_error("train.clip", "clip is too large")
    field = form.fields()["train.clip"]
    assert field.error() == "clip is too large"
    assert not field.dress().message.isHidden() and not field.isHidden(), "a folded row is brought to light"
    form.clear_errors()
    assert field.error() == ""


def test_a_fault_of_no_row_stands_at_its_group(form: Form) -> None:
    assert form.set_error("model.kind", "no such model")
    assert form.groups["model"].message.text() == "no such model"
    assert not form.set_error("nowhere", "?")


@pytest.mark.parametrize(
    ("text", "expected"), [("64", [64]), ("64, 32", [64, 32]), ("[8,4]", [8, 4]), ("64;32", [64, 32])]
)
def test_lists_are_read_as_people_type_them(form: Form, text: str, expected: list[int]) -> None:
    field = form.fields()["model.layers"]
    assert isinstance(field.editor.inner, QLineEdit)
    field.editor.inner.setText(text)
    assert field.value() == expected


@pytest.mark.parametrize("text", ["abc", "1.5", "64 x 32"])
def test_a_text_that_is_no_list_is_said_so_and_stays_out_of_the_spec(form: Form, text: str) -> None:
    field = form.fields()["model.layers"]
    assert isinstance(field.editor.inner, QLineEdit)
    field.editor.inner.setText(text)
    field.editor.inner.editingFinished.emit()
    assert "model.layers" in form.faults()
    assert "expected" in form.faults()["model.layers"]
    assert form.spec()["model"]["layers"] == [64, 32]


def test_numbers_out_of_range_never_leave_the_form(form: Form, qtbot: Any) -> None:
    form.show()
    box = form.fields()["model.size"].editor.inner.box  # type: ignore[attr-defined]
    box.setFocus()
    box.selectAll()
    QTest.keyClicks(box, "999")
    QTest.keyClick(box, Qt.Key.Key_Return)
    assert "outside" in box.error
    assert form.spec()["model"]["size"] == 4


def test_only_settled_values_are_reported(form: Form) -> None:
    heard: list[str] = []
    form.changed.connect(lambda path, _value: heard.append(path))
    slider = form.fields()["model.rate"].editor.inner
    slider.changing.emit(0.2)  # type: ignore[attr-defined]
    assert heard == []
    slider.changed.emit(0.2)  # type: ignore[attr-defined]
    assert heard == ["model.rate"]


def test_rarely_used_rows_fold_away_but_those_of_the_preset_do_not(form: Form) -> None:
    form.set_spec({**PRESET, "train": {"steps": 500, "clip": 2.0}})
    train = form.groups["train"]
    assert not train.fields["train.clip"].isHidden()
    assert train.fields["train.threads"].isHidden()
    train.more.click()
    assert not train.fields["train.threads"].isHidden()


def test_live_parameters_say_so(form: Form) -> None:
    assert form.fields()["train.lr"].dress().live.text() == "live"
    assert form.fields()["train.batch"].dress().live.text() == ""


def test_every_editor_has_a_name_and_a_tip(form: Form) -> None:
    for path, field in form.fields().items():
        assert field.row.tip in field.dress().name.toolTip()
        inner = getattr(field.editor.inner, "box", field.editor.inner)
        assert inner.accessibleName(), path


def test_the_catalogue_may_come_before_or_after_the_spec(qtbot: Any) -> None:
    late = Form()
    qtbot.addWidget(late)
    late.set_spec(PRESET)
    late.set_catalogue(CATALOGUE)
    assert late.spec() == PRESET and "train.lr" in late.fields()


def test_a_field_of_a_row_without_bounds_still_takes_numbers(qtbot: Any) -> None:
    field = Field(api.Row("model.free", "float", 1.0, "Any number."))
    qtbot.addWidget(field)
    field.set_value(-12345.0)
    assert field.value() == -12345.0


def test_presets_are_found_by_family_and_by_words(qtbot: QtBot) -> None:
    from app.panels.experiment.shelf import EVERY, Shelf, family

    catalogue = api.read_catalogue()
    found = {card.name: family(card) for card in catalogue.models}
    assert found["ddpm"] == found["score"] == "noise to data" and found["gan"] == "two players"
    assert found["made"] == "one pixel after another" and found["vae"] == "latent codes"
    presets = {preset.name: preset for preset in catalogue.presets}
    shelf = Shelf()
    grid = shelf.cards
    qtbot.addWidget(shelf)
    shelf.set_cards([(preset.name, preset.title, "", None) for preset in presets.values()])
    shelf.know(presets, catalogue.models)

    def shown() -> set[str]:
        return {name for name, card in grid.cards.items() if not card.isHidden()}

    assert shown() == set(presets)
    shelf.families.setCurrentText("noise to data")
    stepwise = {card.name for card in catalogue.models if "stepwise" in card.offers}
    assert shown() == {name for name, preset in presets.items() if preset.spec["model"]["kind"] in stepwise}
    shelf.find.setText("Moons ddpm")
    assert shown() == {"ddpm-moons"}
    shelf.find.setText("no such thing")
    assert not shown() and not shelf.nothing.isHidden()
    shelf.families.setCurrentText(EVERY)
    shelf.find.clear()
    assert shown() == set(presets)
