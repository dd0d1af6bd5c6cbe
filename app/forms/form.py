"""A run's spec as a form: model, data and training, each with its kind and its rows; the form gives the spec back."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from app.forms.fields import Field, plain
from app.shell import theme
from app.widgets import kit
from gm_core import api

SHOWN_FIRST = {"model": 6, "data": 4, "train": 4}
TITLES = {"model": "Model", "data": "Data", "train": "Training"}


class Group(QWidget):
    """One part of the spec: a heading, perhaps the choice of a kind, and rows; the rarely used ones fold away."""

    changed = Signal(str, object)
    kind_changed = Signal(str, str)

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        self.fields: dict[str, Field] = {}
        self._open = False
        self._important: set[str] = set()
        self._kinds: tuple[str, ...] = ()
        self.heading = kit.label(TITLES[name], "heading")
        self.kind = QComboBox()
        self.kind.setAccessibleName(f"{TITLES[name]}: kind")
        self.kind.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.kind.setMinimumContentsLength(12)
        self.kind.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)  # titles are long
        self.kind.activated.connect(lambda at: self.kind_changed.emit(self.name, self._kinds[at]))
        self.kind.setVisible(name != "train")
        self.note = kit.label("", "caption")
        self.note.setWordWrap(True)
        self.message = kit.label("", "bad")
        self.message.setWordWrap(True)
        self.message.hide()
        self.more = QPushButton()
        self.more.setProperty("flat", True)
        self.more.clicked.connect(self._toggle)
        self.box = QVBoxLayout(self)
        self.box.setContentsMargins(0, 6, 0, 6)
        self.box.setSpacing(2)
        if name != "train":
            kit.Room(self.heading, 56)  # both kinds begin in one line
        self.box.addLayout(kit.row(self.heading, self.kind, spacing=8))
        for widget in (self.note, self.message, self.more):
            self.box.addWidget(widget)

    def set_kinds(self, kinds: list[tuple[str, str]], chosen: str) -> None:
        """The kinds to choose from, (name, title) each."""
        self._kinds = tuple(name for name, _ in kinds)
        self.kind.clear()
        self.kind.addItems([title for _, title in kinds])
        self.kind.setCurrentIndex(self._kinds.index(chosen) if chosen in self._kinds else -1)

    def set_rows(self, rows: tuple[api.Row, ...], important: set[str]) -> None:
        """Show these parameters; those of `important` are never folded."""
        self._important = important
        if [f.row for f in self.fields.values()] != list(rows):
            for field in self.fields.values():
                self.box.removeWidget(field)
                field.hide()
                field.deleteLater()
            self.fields = {}
            for row in rows:
                field = self.fields[row.path] = Field(row)
                field.changed.connect(self.changed)
                self.box.insertWidget(self.box.indexOf(self.more), field)
        self._fold()

    def set_error(self, text: str) -> None:
        """Something wrong with the kind itself."""
        self.message.setText(text)
        self.message.setVisible(bool(text))

    def reveal(self, path: str) -> None:
        """Make sure that a row can be seen."""
        if path in self.fields and self.fields[path].isHidden():
            self._open = True
            self._fold()

    def _toggle(self) -> None:
        self._open = not self._open
        self._fold()

    def _fold(self) -> None:
        first = list(self.fields)[: SHOWN_FIRST[self.name]]
        hidden = [p for p, f in self.fields.items() if p not in first and p not in self._important and not f.modified()]
        if len(hidden) < 2:
            hidden = []
        for path, field in self.fields.items():
            shown = self._open or path not in hidden
            if shown:
                field.dress()
            field.setVisible(shown)
        self.more.setVisible(bool(hidden))
        self.more.setText("Fewer" if self._open else f"{len(hidden)} more")
        self.more.setAccessibleName(f"{TITLES[self.name]}: {self.more.text()}")


class Form(QWidget):
    """The whole spec. Setters (silent): set_catalogue, set_spec(plain, baseline), set_error(path, words), clear_errors.

    Getters: spec() -> plain mapping, differences() -> {path: (baseline, value)}, faults() -> sentences, rows().
    Signal: changed(path, value) once a value has settled.
    """

    changed = Signal(str, object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._catalogue: api.Catalogue | None = None
        self._spec: dict[str, Any] = {}
        self._baseline: dict[str, Any] = {}
        self.groups = {name: Group(name) for name in TITLES}
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(theme.px(4))
        for group in self.groups.values():
            box.addWidget(group)
            group.changed.connect(self._take)
            group.kind_changed.connect(self._take_kind)

    # ---- set and get

    def set_catalogue(self, catalogue: api.Catalogue) -> None:
        """What can be chosen; the present values stay."""
        self._catalogue = catalogue
        if self._spec:
            self._rebuild()

    def set_spec(self, spec: Mapping[str, Any], baseline: Mapping[str, Any] | None = None) -> None:
        """Show a spec in plain form; `baseline` (else the spec itself) is what counts as unmodified."""
        self._spec = copy.deepcopy(dict(spec))
        self._baseline = copy.deepcopy(dict(baseline if baseline is not None else spec))
        self._rebuild()

    def spec(self) -> dict[str, Any]:
        """The spec as chosen, in plain form. Parameters that neither the start nor the user named stay unsaid."""
        made = copy.deepcopy(self._spec)
        for path, field in self.fields().items():
            group, _, name = path.partition(".")
            try:
                value = field.value()
            except ValueError:
                continue
            part = made.setdefault(group, {})
            if name in part or plain(value) != plain(field.row.default):
                part[name] = value
        return made

    def has_model(self) -> bool:
        """Whether a model is chosen at all."""
        return bool(_kind(self._spec, "model"))

    @property
    def baseline(self) -> dict[str, Any]:
        """What counts as unmodified, in plain form."""
        return self._baseline

    def fields(self) -> dict[str, Field]:
        """Every row by path."""
        return {path: field for group in self.groups.values() for path, field in group.fields.items()}

    def differences(self) -> dict[str, tuple[Any, Any]]:
        """What differs from the baseline, by path: (baseline, value)."""
        changed: dict[str, tuple[Any, Any]] = {}
        for part in ("model", "data"):
            old, new = _kind(self._baseline, part), _kind(self._spec, part)
            if old != new:
                changed[f"{part}.kind"] = (old, new)
        for path, field in self.fields().items():
            if field.modified() and f"{path.partition('.')[0]}.kind" not in changed:
                try:
                    changed[path] = (field.baseline, field.value())
                except ValueError:
                    continue
        return changed

    def faults(self) -> dict[str, str]:
        """What is wrong as far as the window can tell: texts that are no numbers, bounds, unknown words. By path."""
        found = {}
        for path, field in self.fields().items():
            try:
                field.value()
            except ValueError as error:
                found[path] = str(error)
        if not found and self._spec:
            try:
                api.RunSpec.read(self.spec())
            except api.SpecError as error:
                found[error.path] = error.message
        return found

    def set_error(self, path: str, text: str) -> bool:
        """Say beside its field what is wrong; True if there is such a field."""
        fields = self.fields()
        if path in fields:
            fields[path].set_error(text)
            self.groups[path.partition(".")[0]].reveal(path)
            return True
        part = path.partition(".")[0]
        if part in self.groups:
            self.groups[part].set_error(text)
            return True
        return False

    def clear_errors(self) -> None:
        """Nothing is wrong any more."""
        for group in self.groups.values():
            group.set_error("")
        for field in self.fields().values():
            field.set_error("")

    def row(self, path: str) -> api.Row | None:
        """The row of a path."""
        field = self.fields().get(path)
        return field.row if field is not None else None

    def put_under(self, part: str, widget: QWidget) -> None:
        """Show something at the end of one part, such as what its data look like."""
        self.groups[part].box.addWidget(widget)

    def set_value(self, path: str, value: Any) -> None:
        """Change one value as if the user had; silent."""
        fields = self.fields()
        if path in fields:
            fields[path].set_value(value)
            group, _, name = path.partition(".")
            self._spec.setdefault(group, {})[name] = value

    def reset(self, path: str) -> None:
        """One value, or one kind, back to the baseline."""
        group, _, name = path.partition(".")
        if name == "kind":
            self._spec[group] = copy.deepcopy(self._baseline.get(group, {}))
            self._rebuild()
        elif path in self.fields():
            self.set_value(path, self.fields()[path].baseline)
        self.changed.emit(path, None)

    # ---- inside

    def _take(self, path: str, value: object) -> None:
        group, _, name = path.partition(".")
        part = self._spec.setdefault(group, {})
        if name in part or plain(value) != plain(self.fields()[path].row.default):
            part[name] = value
        self.groups[group].set_error("")
        self.changed.emit(path, value)

    def _take_kind(self, group: str, kind: str) -> None:
        if _kind(self._baseline, group) == kind:
            self._spec[group] = copy.deepcopy(self._baseline[group])
        else:
            self._spec[group] = {"kind": kind}
        self._rebuild()
        self.changed.emit(f"{group}.kind", kind)

    def _rebuild(self) -> None:
        catalogue = self._catalogue
        if catalogue is None:
            return
        models = {card.name: card for card in catalogue.models}
        kinds = {kind.name: kind for kind in catalogue.data}
        model, data = _kind(self._spec, "model"), _kind(self._spec, "data")
        groups = self.groups
        groups["model"].set_kinds([(card.name, card.title) for card in catalogue.models], model)
        groups["data"].set_kinds([(kind.name, kind.title) for kind in catalogue.data], data)
        groups["model"].note.setText(models[model].summary if model in models else f"{model} is not known yet.")
        groups["data"].note.setText(kinds[data].summary if data in kinds else "")
        rows = {
            "model": _under("model", models[model].rows if model in models else ()),
            "data": _under("data", kinds[data].rows if data in kinds else ()),
            "train": _under("train", catalogue.train),
        }
        for name, group in groups.items():
            given = self._spec.get(name, {})
            base = self._baseline.get(name, {}) if _kind(self._baseline, name) == _kind(self._spec, name) else {}
            said = {f"{name}.{key}" for key, value in base.items() if _said(rows[name], f"{name}.{key}", value)}
            group.set_rows(rows[name], said)
            for path, field in group.fields.items():
                key = path.partition(".")[2]
                field.set_baseline(base.get(key, field.row.default))
                field.set_value(given.get(key, field.row.default))
            group._fold()
            group.set_error("")


def _kind(spec: Mapping[str, Any], part: str) -> str:
    return str(spec.get(part, {}).get("kind", ""))


def _said(rows: tuple[api.Row, ...], path: str, value: Any) -> bool:
    """Whether the preset says something of its own about a parameter."""
    return any(row.path == path and plain(row.default) != plain(value) for row in rows)


def _under(part: str, rows: tuple[api.Row, ...]) -> tuple[api.Row, ...]:
    """Rows with the part's name before their path, whether the catalogue has it or not."""
    return tuple(row if row.path.startswith(f"{part}.") else _moved(row, f"{part}.{row.path}") for row in rows)


def _moved(row: api.Row, path: str) -> api.Row:
    return api.Row(path, row.kind, row.default, row.tip, row.lo, row.hi, row.log, row.unit, row.live, row.choices)
