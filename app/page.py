"""What a page of the notes is: a formula with live numbers, sliders on the left, pictures on the right, words to read.

A page is one module of app/pages with one subclass of Page. It says its sections and settings in class variables,
makes its pictures in `build`, says what to compute in `queries`, and draws what comes back in `draw`. It knows no
desk, no engine and no other page; whoever shows it sends what it wishes and brings the answers.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from PySide6.QtCore import QEvent, Qt, QTimer, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QBoxLayout,
    QFrame,
    QHBoxLayout,
    QScrollArea,
    QSizePolicy,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from app.contents import number_of, title_of
from app.pagebar import PageBar
from app.pageside import PageSide
from app.panel import PanelState
from app.shell import theme
from app.widgets import kit
from app.widgets.formula import Formula
from gm_core import api
from gm_core.concepts.base import ConceptFrame, Query
from gm_core.resources import resource

NARROW = 700
"""Width of the design below which sliders stand under the pictures."""


class PageState(PanelState):
    """What a page remembers. Subclasses declare one param for each slider; `seed` fixes all that is drawn at random."""

    section: str = api.param("", "Which part of the page is open.")
    seed: int = api.param(0, "Number that fixes everything drawn at random.", lo=0, hi=9999)


@dataclass(frozen=True)
class Readout:
    """A number beside the pictures: its name among the frame's numbers, its words, an example that says its digits."""

    name: str
    words: str
    pattern: str = "0.0000"


@dataclass(frozen=True)
class Link:
    """A way to where an idea is at work in a model: words, the preset to load, the panel to look at."""

    words: str
    preset: str = ""
    panel: str = ""


@dataclass(frozen=True)
class Section:
    r"""One part of a page.

    `formula` are lines of LaTeX in which `\slot{name}{0.000}` is room for a number; `look` says in one paragraph what
    to do and what to look for; `controls` are the params shown as sliders ("seed" becomes a button for another draw);
    `readouts` are further numbers; `plays` is the param that a play button moves through its range.
    """

    name: str
    title: str
    formula: tuple[str, ...]
    look: str
    controls: tuple[str, ...] = ()
    readouts: tuple[Readout, ...] = ()
    links: tuple[Link, ...] = ()
    plays: str = ""


class Page(QWidget):
    """One page. Subclasses state the class variables and override `build`, `queries` and `draw`; number and title are
    those of the contents.

    Signals: wished(purpose, query) when something should be computed, link_wished(Link). Setters: set(**settings),
    restore(state), refresh(), receive(purpose, frame). Getters: settings, section(), numbers(), columns().
    """

    name: ClassVar[str]
    number: ClassVar[int]
    title: ClassVar[str]
    sections: ClassVar[tuple[Section, ...]]
    State: ClassVar[type[PageState]] = PageState

    wished = Signal(str, object)
    link_wished = Signal(object)

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.number, cls.title = number_of(cls.name), title_of(cls.name)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(f"page-{self.name}")
        self.setAccessibleName(self.title)
        self.settings = self.State.read({"section": self.sections[0].name})
        self.frames: dict[str, ConceptFrame] = {}
        self._wanted: Mapping[str, Query] = {}
        self._stale: list[str] = []
        rows = api.describe(self.State)
        self._numbers = {row.path: row for row in rows if row.kind in ("int", "float")}
        self.bar = PageBar(self.number, self.title, self.sections)
        self.bar.chosen.connect(lambda name: self.set(section=name))
        self.formula = Formula()
        self.side = PageSide(rows, self.title)
        self.side.edited.connect(lambda name, value: self.set(**{name: value}))
        self.side.link_wished.connect(self.link_wished)
        self.pictures = QStackedWidget()
        self._built: dict[str, QWidget] = {}
        self._shown, self._scale = "", theme.scale()
        self._body = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._body.setSpacing(theme.px(12))
        self._body.addWidget(self.side)
        self._area = QScrollArea()  # a place that is too small is scrolled, and the page never outgrows it
        self._area.setFrameShape(QFrame.Shape.NoFrame)
        self._area.setWidgetResizable(True)
        self._area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._area.setWidget(self.pictures)
        self._body.addWidget(self._area, 1)
        head = QHBoxLayout()
        head.setContentsMargins(theme.px(6), 0, 0, 0)
        head.addWidget(self.formula)
        box = QVBoxLayout(self)
        box.setContentsMargins(theme.px(10), theme.px(6), theme.px(10), theme.px(8))
        box.setSpacing(theme.px(8))
        box.addWidget(self.bar)
        box.addLayout(head)
        box.addLayout(self._body, 1)
        self._open()

    # ---- for subclasses

    def build(self, section: str) -> QWidget:
        """Make the pictures of a section; called once, when it is first opened."""
        raise NotImplementedError

    def queries(self) -> Mapping[str, Query]:
        """What to compute for the settings as they are, by purpose."""
        raise NotImplementedError

    def draw(self, purpose: str, frame: ConceptFrame) -> None:
        """Draw an answer. The formula and the readouts are filled in already."""
        raise NotImplementedError

    def colours(self) -> Mapping[str, str]:
        """Colours #rrggbb of numbers in the formula, by slot, where they should match what they belong to."""
        return {}

    # ---- state

    def section(self) -> Section:
        """The part that is open."""
        return next(s for s in self.sections if s.name == self.settings.section)

    def open_section(self, name: str) -> bool:
        """Open another part; whether there is one of that name."""
        known = any(section.name == name for section in self.sections)
        if known:
            self.set(section=name)
        return known

    def set(self, **changes: Any) -> None:
        """Change settings; numbers are brought into their range, so that a handle may be dragged anywhere."""
        fitted = {name: self._fitted(name, value) for name, value in changes.items()}
        self.restore(self.State.read({**self.settings.plain(), **fitted}))

    def _fitted(self, name: str, value: Any) -> Any:
        row = self._numbers.get(name)
        if row is None:
            return value
        assert row.lo is not None and row.hi is not None  # every number of a Spec has bounds
        fitted = min(max(float(value), row.lo), row.hi)
        return round(fitted) if row.kind == "int" else float(f"{fitted:.4g}")

    def restore(self, state: PanelState) -> None:
        """Take settings; one of a section that is not there opens the first."""
        assert isinstance(state, self.State)
        if state.section not in {s.name for s in self.sections}:
            state = self.State.read({**state.plain(), "section": self.sections[0].name})
        self.settings = state
        self._open()
        before, self._wanted = self._wanted, self.queries()
        new = {purpose: query for purpose, query in self._wanted.items() if before.get(purpose) != query}
        self._stale = [purpose for purpose in self._there() if purpose not in new]  # drawn by other settings
        for purpose, query in new.items():
            self.wished.emit(purpose, query)
        if not new:
            self._show()

    def refresh(self) -> None:
        """Wish for everything that the settings call for."""
        self._wanted = self.queries()
        for purpose, query in self._wanted.items():
            self.wished.emit(purpose, query)

    def receive(self, purpose: str, frame: ConceptFrame) -> None:
        """Take an answer."""
        if purpose in self._wanted:  # else it belongs to a section that was left
            self.frames[purpose] = frame
            self._show(purpose)

    def _show(self, *answered: str) -> None:
        """Draw what was answered, and at the same time what only looks different."""
        numbers = self.numbers()
        self.formula.set_values(numbers)
        self.formula.set_colours(self.colours())
        self.side.set_numbers(numbers)
        stale, self._stale = self._stale, []
        for purpose in dict.fromkeys((*answered, *stale)):
            self.draw(purpose, self.frames[purpose])

    def _there(self) -> list[str]:
        """The purposes of this section that were answered."""
        return [purpose for purpose in self._wanted if purpose in self.frames]

    def numbers(self) -> dict[str, float]:
        """All numbers on the page, by name."""
        return {name: value for purpose in self._there() for name, value in self.frames[purpose].numbers.items()}

    def _open(self) -> None:
        section = self.section()
        if section.name not in self._built:
            self._built[section.name] = made = self.build(section.name)
            self.pictures.addWidget(made)
        if self._shown != section.name:
            self._shown = section.name
            self.pictures.setCurrentWidget(self._built[section.name])
            for name, made in self._built.items():  # the room of the section in front, not of the greediest
                way = QSizePolicy.Policy.Preferred if name == section.name else QSizePolicy.Policy.Ignored
                made.setSizePolicy(way, way)
            lines = range(len(section.formula))
            self.formula.set_lines([formula_file(self.name, section.name, line) for line in lines])
            self.bar.set_chosen(section.name)
            self.side.set_section(section)
        self.side.set_values(self.settings)

    # ---- layout

    def changeEvent(self, event: QEvent) -> None:
        """Another size of text is another layout of the side."""
        super().changeEvent(event)
        if event.type() in kit.RESTYLE and self._shown and self._scale != theme.scale():
            self._scale = theme.scale()
            QTimer.singleShot(0, self, self._restyle)  # Qt is going through all widgets: none may be taken away now

    def _restyle(self) -> None:
        self._shown = ""
        self._open()
        self.side.set_numbers(self.numbers())
        self._fit_side()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Where there is little width the sliders go under the pictures."""
        super().resizeEvent(event)
        narrow = self.width() < theme.px(NARROW)
        way = QBoxLayout.Direction.BottomToTop if narrow else QBoxLayout.Direction.LeftToRight
        if self._body.direction() != way:
            self._body.setDirection(way)
        self._fit_side()

    def _fit_side(self) -> None:
        self.side.set_narrow(self.width() < theme.px(NARROW), self.height())

    # ---- export

    def write_numbers(self, path: Path) -> None:
        """The numbers on the page as CSV: name, value."""
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["number", "value"])
            writer.writerows((name, repr(float(value))) for name, value in self.numbers().items())

    def columns(self) -> dict[str, np.ndarray]:
        """The columns behind the pictures."""
        found = [self.frames[purpose].columns() for purpose in self._there()]
        return {heading: np.asarray(column) for columns in found for heading, column in columns.items()}

    def write_columns(self, path: Path) -> None:
        """The columns behind the pictures as CSV, the shorter ones filled up with nothing."""
        made = self.columns()
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(made)
            writer.writerows(zip_longest(*(column.tolist() for column in made.values()), fillvalue=""))


def formula_file(page: str, section: str, line: int) -> Path:
    """Where the picture of a line of a formula lies."""
    return resource("formulas", f"{page}-{section}-{line}.svg")
