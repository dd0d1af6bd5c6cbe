"""Reading: a page of the notes gets the room of all panels; leaving it brings the panels back as they were."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.shell import theme
from app.shell.present import KeptLayout
from app.stage.cues import Front
from app.stage.telling import bring_front

if TYPE_CHECKING:
    from app.panels.notes import NotesPanel
    from app.shell.window import Window

PANEL = "notes"
TALK_SIZE = 1.6
"""Text of a page that is read from the last row, in units of the usual size."""


class Reader:
    """Remembers the layout while a page is read. `on` says whether one reads."""

    def __init__(self, window: Window) -> None:
        self._window = window
        self._layout: KeptLayout | None = None
        self._usual = 0.0
        window.desk.page_wished.connect(self.open)
        window.desk.visited.connect(self.visit)

    @property
    def on(self) -> bool:
        """Whether a page has the room of all panels."""
        return self._layout is not None

    @property
    def large(self) -> bool:
        """Whether the text has the size for a talk."""
        return self._usual > 0

    @property
    def panel(self) -> NotesPanel:
        """The panel with the pages."""
        from app.panels.notes import NotesPanel

        panel = self._window.docks.show(PANEL).panel
        assert isinstance(panel, NotesPanel)
        return panel

    def page_name(self) -> str:
        """The page that is open in the panel, if it is there."""
        panel = self._window.docks.all[PANEL].panel
        return "" if panel is None else str(panel.state().plain()["page"])

    def open(self, page: str) -> None:
        """Read a page (an empty name: the one that was open last)."""
        window = self._window
        if not self.on and not window.presenter.on:
            self._layout = KeptLayout(window)
            for name, dock in window.docks.all.items():
                if name != PANEL and not dock.isFloating():
                    dock.hide()
        window.timebar_bar.setVisible(not self.on)
        panel = self.panel
        if page:
            panel.open_page(page)
        window.actions_.refresh()

    def walk(self, by: int) -> None:
        """The next section of the notes, or the one before."""
        self.panel.walk_sections(by)

    def start_here(self) -> None:
        """Go on with the path where one left it."""
        self.open("")
        self.panel.go_on()

    def stop(self) -> None:
        """The panels as they were before."""
        if self.large:
            self.toggle_size()
        if self._layout is None:
            return
        layout, self._layout = self._layout, None
        layout.put_back()
        self._window.timebar_bar.show()
        self._window.docks.retitle()

    def forget(self) -> None:
        """The layout is about to be another: nothing is to be brought back."""
        self._layout = None
        self._window.timebar_bar.show()

    def toggle_size(self) -> None:
        """Text for a talk, or as large as it was."""
        if self.large:
            size, self._usual = self._usual, 0.0
        else:
            self._usual = theme.scale()
            size = max(TALK_SIZE, self._usual)
        theme.set_scale(theme.application(), size)
        self._window.controls.resize_digits()

    def visit(self, preset: str, panel: str) -> None:
        """Leave the notes for a model: its newest run, or else its preset as a plan, and the panel if it fits."""
        window = self._window
        self.stop()
        dock = window.docks.all.get(panel)
        if preset:
            needs = dock.kind.needs if dock is not None else frozenset()
            bring_front(window, Front(kind="preset", name=preset), needs, window.say)
            window.docks.show("experiment")
        if dock is not None and dock.fit.fits:
            window.docks.show(panel)
