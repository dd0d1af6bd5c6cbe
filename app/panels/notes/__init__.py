"""The notes: pages of mathematics that one plays with, and the path through them and the models."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from PySide6.QtCore import QTimer
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QStackedWidget, QVBoxLayout, QWidget

from app import contents, export
from app.bridge.desk import Desk
from app.page import Link, Page
from app.pages import load_page
from app.panel import Export, Panel, PanelState
from app.panels.notes.path import PathList
from app.shell import theme
from app.widgets import kit
from gm_core import api

FOOT = 560
"""Width of the design below which the foot has room for its buttons alone."""
ROOM = 900
"""Width of the design from which the contents stand beside the page."""


class NotesState(PanelState):
    """The page that is open, the settings of the pages that were used, and how far one has come on the path."""

    owned: ClassVar[frozenset[str]] = frozenset({"seen"})

    page: str = api.param("overview", "The page that is open; page/section opens a section of it.")
    contents: bool = api.param(True, "Whether the contents stand beside the page.")
    pages: Mapping[str, Any] = api.param({}, "Settings of the pages by name.")
    seen: tuple[str, ...] = api.param((), "Stops of the path that were visited.")


class NotesPanel(Panel):
    """Contents on the left, one page on the right."""

    name = "notes"
    title = "Notes"
    icon = "book"
    tip = "The mathematics of the notes, page by page, to play with."
    slot = "centre"
    order = 95
    State = NotesState
    restores_live = True

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._stored: dict[str, Mapping[str, Any]] = {}
        self._pages: dict[str, Page] = {}
        self._name = ""
        self._wanted = "overview"
        self._wish_contents = True
        self.path = PathList(contents.PATH)
        self.path.chosen.connect(self._go)
        self.stack = QStackedWidget()
        self.fold = kit.IconButton("book", "Show or hide the contents", checkable=True)
        self.fold.setChecked(True)
        self.fold.toggled.connect(self._fold)
        self.back = kit.IconButton("step-back", "Stop before")
        self.back.clicked.connect(lambda: self._walk(-1))
        self.on = QPushButton("Next")
        self.on.clicked.connect(lambda: self._walk(1))
        self.progress = kit.label("", "muted")
        self.whole = kit.IconButton("expand", "Give this page the room of all panels", "F2")
        self.whole.clicked.connect(lambda: self.desk.open_page(self._name))
        foot = kit.row(self.fold, self.back, self.on, self.progress, None, self.whole, spacing=6, margins=(8, 2, 8, 6))
        right = QVBoxLayout()
        right.setContentsMargins(0, 0, 0, 0)
        right.setSpacing(0)
        right.addWidget(self.stack, 1)
        right.addLayout(foot)
        box = QHBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(0)
        box.addWidget(self.path)
        box.addLayout(right, 1)
        self.setMinimumSize(240, 220)  # else all beside these tabs is squeezed for a hidden page

    # ---- state

    def state(self) -> NotesState:
        """The page, the settings of every page, and the stops that were seen."""
        pages = dict(self._stored) | {name: page.settings.plain() for name, page in self._pages.items()}
        return NotesState(
            page=self._name or self._wanted, contents=self._wish_contents, pages=pages, seen=self.path.seen()
        )

    def restore(self, state: PanelState) -> None:
        """Open the page as it was, with its settings; settings that are no longer valid are forgotten."""
        assert isinstance(state, NotesState)
        self._stored = {name: held for name, held in state.pages.items() if isinstance(held, Mapping)}
        self._wish_contents = state.contents
        self.fold.setChecked(state.contents)
        self.path.set_seen(state.seen)
        for name, page in self._pages.items():
            self._give(page, name)
        self._wanted = state.page
        if self._bound:
            self.open_page(state.page)

    def bind(self, desk: Desk) -> None:
        """Join the desk; the page is opened when the panel is first seen."""
        super().bind(desk)
        desk.ready.connect(self._ready)
        QTimer.singleShot(0, self, self._begin)  # whoever made the panel may ask for another page at once

    def _ready(self, _catalogue: api.Catalogue) -> None:
        self._tell()

    def _begin(self) -> None:
        if not self._name:
            self.open_page(self._wanted)

    # ---- pages

    def open_page(self, name: str) -> None:
        """Show a page, or one of its sections (page/section); what does not exist is said, and what is shown stays."""
        name, _, section = name.partition("/")
        if name not in contents.ORDER:
            self.say(f"There is no page {name!r}; the pages are {', '.join(contents.ORDER)}.", "warn")
            name, section = self._name or contents.ORDER[0], ""
        self._make(name)
        if self._name and self._name != name:
            self.desk.sleep(f"notes/{self._name}/")
        self._name = name
        self.stack.setCurrentWidget(self._pages[name])
        self.path.visit(name)
        self._tell()
        self.desk.wake(f"notes/{name}/")
        if section and not self._pages[name].open_section(section):
            self.say(f"The page {name} has no section {section!r}; the one of last time is open.", "warn")
        self._pages[name].refresh()

    def walk_sections(self, by: int) -> None:
        """The next section (1) or the one before (-1); from the last of a page to the first of the next page."""
        page = self.page
        if page is None:
            return
        names = [section.name for section in page.sections]
        at = names.index(page.section().name) + by
        if 0 <= at < len(names):
            page.open_section(names[at])
        elif 0 <= (beside := contents.ORDER.index(self._name) + by) < len(contents.ORDER):
            name = contents.ORDER[beside]
            there = load_page(name).sections
            self.open_page(f"{name}/{there[0 if by > 0 else -1].name}")

    def _make(self, name: str) -> None:
        if name not in self._pages:
            page = self._pages[name] = load_page(name)()
            page.wished.connect(lambda purpose, query, name=name: self._wish(name, purpose, query))
            page.link_wished.connect(self._follow)
            self.stack.addWidget(page)
            self._give(page, name)

    def foresee(self, state: PanelState) -> None:
        """Make the page that a cue will open, behind the one that is open."""
        name = state.page.partition("/")[0] if isinstance(state, NotesState) else ""
        if name in contents.ORDER:
            self._make(name)

    @property
    def page(self) -> Page | None:
        """The page that is open."""
        return self._pages.get(self._name)

    def _give(self, page: Page, name: str) -> None:
        if name not in self._stored:
            return
        try:
            page.restore(page.State.read(self._stored[name]))
        except api.SpecError:
            del self._stored[name]

    def _wish(self, name: str, purpose: str, query: api.Query) -> None:
        if name == self._name:
            self.ask_alone(f"{name}/{purpose}", query)

    def receive(self, purpose: str, answer: api.Answered) -> None:
        """A frame for one of the pages; purposes are page/purpose."""
        name, _, wished = purpose.partition("/")
        if name in self._pages and answer.frame is not None:
            self._pages[name].receive(wished, answer.frame)  # type: ignore[arg-type]

    def _follow(self, link: Link) -> None:
        self.desk.visit(link.preset, link.panel)

    # ---- the path

    def _go(self, name: str) -> None:
        stop = next(stop for stop in contents.PATH if stop.name == name)
        self.path.visit(name)
        if stop.page:
            self.open_page(stop.page)
        else:
            self.desk.visit(stop.preset, stop.panel)
        self._tell()

    def _walk(self, by: int) -> None:
        self._go(self.path.beside(by))

    def go_on(self) -> None:
        """Open the first stop that was not seen yet, or the last one."""
        self._go(self.path.first_unseen())

    def _tell(self) -> None:
        following = next(stop for stop in contents.PATH if stop.name == self.path.beside(1))
        self.on.setText(f"Next: {following.title}  →")
        seen = f"{len(self.path.seen())} of {len(contents.PATH)} stops seen"
        self.progress.setText(seen if self.desk.is_ready else "the engine is being loaded; pictures and numbers follow")

    # ---- looks

    def _fold(self, on: bool) -> None:
        self._wish_contents = on
        self._arrange()

    def _arrange(self) -> None:
        kit.show(self.path, self._wish_contents and self.width() >= theme.px(ROOM))
        kit.show(self.progress, self.width() >= theme.px(FOOT))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """A narrow place is for the page alone."""
        super().resizeEvent(event)
        self._arrange()

    # ---- export

    def exports(self) -> list[Export]:
        """The page as a picture and as vectors, its numbers and its columns."""
        page = self.page
        if page is None:
            return []
        empty = "" if page.numbers() else "the page has no numbers yet"
        bare = "" if page.columns() else "this section has no columns"
        settings = self.settings_text()
        return [
            Export(f"{page.title} as PNG", ".png", lambda path: _done(export.export_png(page, path, settings))),
            Export(f"{page.title} as SVG", ".svg", lambda path: _done(export.export_svg(page, path))),
            Export(f"{page.title}: numbers as CSV", ".csv", page.write_numbers, reason=empty),
            Export(f"{page.title}: columns as CSV", ".csv", page.write_columns, reason=bare),
        ]

    def picture(self) -> QWidget:
        """The page without the contents."""
        return self.page or self

    def shown(self) -> dict[str, Any]:
        """The page and its numbers."""
        page = self.page
        return {} if page is None else {"page": page.name, "of_page": page.settings.plain(), "numbers": page.numbers()}


def _done(_path: Path) -> None:
    """An export writes and says nothing."""
