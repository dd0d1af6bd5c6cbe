"""The docks: one for each panel, filled when it is first seen, greyed with the reason where nothing fits."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from PySide6.QtCore import QEvent, Qt, QTimer, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QDockWidget,
    QHBoxLayout,
    QMainWindow,
    QMenu,
    QStackedWidget,
    QTabBar,
    QWidget,
)

from app.bridge.desk import Desk
from app.faces import Face
from app.panel import Panel
from app.shell import bench, theme
from app.widgets import kit
from app.widgets.status import ElidedLabel
from gm_core import api
from gm_core.resources import resource

Maker = Callable[[Face, QWidget], Panel]
"""Makes the panel of a face as the child of a widget."""
LAYOUT_VERSION = 1
"""Of the layout as it is stored: one of another version is not read."""
AREAS = {
    "left": Qt.DockWidgetArea.LeftDockWidgetArea,
    "centre": Qt.DockWidgetArea.RightDockWidgetArea,
    "right": Qt.DockWidgetArea.RightDockWidgetArea,
    "bottom": Qt.DockWidgetArea.BottomDockWidgetArea,
}


class SmallButton(kit.IconButton):
    """An icon button that fits into a title."""

    side = 14

    def _dress(self) -> None:
        super()._dress()
        self.setFixedSize(theme.px(24), theme.px(22))


class TitleBar(QWidget):
    """A dock's title: its name (where no tab says it already), what the panel is for, export, float and close."""

    def __init__(self, dock: Dock) -> None:
        super().__init__(dock)
        self.dock = dock
        kind = dock.kind
        self.name = kit.label(kind.title, "heading")
        self.tip = ElidedLabel(kind.tip, "caption")
        self.help = SmallButton("help", f"Help on {kind.title}", "F1")
        self.help.clicked.connect(lambda: dock.help_wished.emit(kind.name))
        self.help.setVisible(resource("help", "panels", f"{kind.name}.md").is_file())
        self.export = SmallButton("export", f"Export {kind.title}", "Ctrl+E")
        self.export.clicked.connect(lambda: dock.export_wished.emit(dock))
        self.copy = SmallButton("copy", f"Copy {kind.title}", "Ctrl+Shift+C")
        self.copy.clicked.connect(lambda: dock.copy_wished.emit(dock))
        self.float = SmallButton("expand", f"Float {kind.title}, or dock it again")
        self.float.clicked.connect(lambda: dock.setFloating(not dock.isFloating()))
        self.close_button = SmallButton("close", f"Close {kind.title}")
        self.close_button.clicked.connect(dock.close)
        box = QHBoxLayout(self)
        box.setContentsMargins(8, 1, 4, 1)
        box.setSpacing(2)
        box.addWidget(self.name)
        box.addSpacing(6)
        box.addWidget(self.tip, 1)
        for button in (self.help, self.copy, self.export, self.float, self.close_button):
            box.addWidget(button)


class Dock(QDockWidget):
    """One panel's place. The panel is made when the dock is first seen."""

    help_wished = Signal(str)
    export_wished = Signal(object)
    copy_wished = Signal(object)
    opened = Signal(object)
    resized = Signal(object)

    def __init__(self, kind: Face, window: QMainWindow) -> None:
        super().__init__(kind.title, window)
        self.kind = kind
        self.panel: Panel | None = None
        self.fit = bench.Fit(kind.name, "")
        self.setObjectName(f"dock-{kind.name}")
        self.setAccessibleName(kind.title)
        self.stack = QStackedWidget(self)
        self.reason = kit.Empty(kind.icon)
        self.stack.addWidget(self.reason)
        self.setWidget(self.stack)
        self._title: TitleBar | None = None
        self._named, self._shown_bare = True, False
        self._bare = QWidget()
        self.setTitleBarWidget(self._bare)
        self.visibilityChanged.connect(self._seen)

    @property
    def title(self) -> TitleBar:
        """The title, made when the dock is first seen: two dozen of them would hold up the start."""
        if self._title is None:
            self._title = TitleBar(self)
            self._title.name.setVisible(self._named)
            if not self._shown_bare:
                self.setTitleBarWidget(self._title)
            self._turn()
        return self._title

    def set_named(self, named: bool) -> None:
        """Whether the title says the panel's name: not where a tab does."""
        self._named = named
        if self._title is not None:
            self._title.name.setVisible(named)

    def _seen(self, visible: bool) -> None:
        if visible:
            self.title.setVisible(not self._shown_bare)
            self.opened.emit(self)

    def fill(self, make: Maker) -> Panel:
        """Make the panel now, if it is not there yet. Its parent is its place: Qt restyles all that it moves."""
        if self.panel is None:
            self.panel = make(self.kind, self.stack)
            self.stack.addWidget(self.panel)
            self._turn()
        return self.panel

    def renew(self) -> None:
        """Let go of the panel; the one that is made when the dock is next seen has the settings as they are stored."""
        panel, self.panel = self.panel, None
        if panel is not None:
            self._turn()
            self.stack.removeWidget(panel)  # hidden from now on: it asks nothing any more
            panel.retire()
            panel.deleteLater()

    def set_fit(self, fit: bench.Fit) -> None:
        """Show the panel, or the reason why it does not open."""
        self.fit = fit
        self.reason.say(self.kind.title, fit.reason)
        self.setEnabled(True)
        self._turn()

    def _turn(self) -> None:
        shown = self.panel if self.panel is not None and self.fit.fits else self.reason
        if self.stack.currentWidget() is not shown:
            self.stack.setCurrentWidget(shown)
        if self._title is not None:
            for button in (self._title.export, self._title.copy):
                button.setEnabled(shown is self.panel)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Somebody may want it so wide."""
        super().resizeEvent(event)
        self.resized.emit(self)

    def is_seen(self) -> bool:
        """Whether it stands in the window, in front of its group of tabs."""
        return self.isVisible() and not self.isFloating() and not self.visibleRegion().isEmpty()

    def set_bare(self, bare: bool) -> None:
        """Without its title, for presenting."""
        self._shown_bare = bare
        if self._title is not None:
            self.setTitleBarWidget(self._bare if bare else self._title)
            self._title.setVisible(not bare)


class Docks:
    """All docks of the window: their layout, which of them fit, which has the focus."""

    def __init__(self, window: QMainWindow, desk: Desk, kinds: Iterable[Face], make: Maker):
        self.window, self.desk, self._make = window, desk, make
        self.all: dict[str, Dock] = {}
        self._last: Dock | None = None
        self._side = self._window_width = 0
        self._shape: tuple[str, frozenset[str]] | None = None
        window.setDockNestingEnabled(True)
        window.setTabPosition(Qt.DockWidgetArea.AllDockWidgetAreas, window.tabPosition(AREAS["left"]).North)
        window.setCorner(Qt.Corner.BottomLeftCorner, AREAS["left"])
        for kind in kinds:
            dock = self.all[kind.name] = Dock(kind, window)
            dock.opened.connect(self._opened)
            dock.resized.connect(self._note_side)
            dock.topLevelChanged.connect(lambda _on: self.retitle())
        theme.application().focusChanged.connect(self._focus)
        desk.current_changed.connect(lambda _card: self.refit())
        desk.run_changed.connect(lambda _card: self.refit())

    # ---- layout

    def slot(self, name: str) -> list[Dock]:
        """The docks that belong to a slot, in order."""
        return [dock for dock in self.all.values() if dock.kind.slot == name]

    def lay_out(self) -> None:
        """The layout that the program comes with."""
        window = self.window
        for dock in self.all.values():
            dock.setFloating(False)
            window.removeDockWidget(dock)
        first = {slot: self.slot(slot)[0] for slot in AREAS if self.slot(slot)}
        for slot, dock in first.items():
            window.addDockWidget(AREAS[slot], dock)
        if "centre" in first and "right" in first:  # split before there are tabs: a tabbed dock cannot be split
            window.splitDockWidget(first["centre"], first["right"], Qt.Orientation.Horizontal)
        for slot, head in first.items():
            for dock in self.slot(slot)[1:]:
                window.tabifyDockWidget(head, dock)
        for dock in self.all.values():
            dock.show()
        for dock in first.values():
            dock.raise_()
        self.size_up()
        self.refit()

    def size_up(self) -> None:
        """Shares of the window that suit 1280x720 and 1920x1080 alike."""
        window = self.window
        width, height = max(window.width(), 900), max(window.height(), 600)
        left = min(max(theme.px(290), width * 22 // 100), theme.px(380))
        rest = width - left
        heads = {slot: self.slot(slot)[0] for slot in ("left", "centre", "right", "bottom") if self.slot(slot)}
        wide = {"left": left, "centre": rest * 52 // 100, "right": rest * 48 // 100}
        across = [slot for slot in wide if slot in heads]
        window.resizeDocks([heads[s] for s in across], [wide[s] for s in across], Qt.Orientation.Horizontal)
        if "bottom" in heads and "centre" in heads:
            low = height * (36 if height >= 900 else 32) // 100  # on a small screen the pictures need the room
            window.resizeDocks([heads["bottom"], heads["centre"]], [low, height - low], Qt.Orientation.Vertical)
        self._side = 0
        QTimer.singleShot(0, window, self._rested)
        self.retitle()

    def _note_side(self, dock: Dock) -> None:
        """How wide the left side is, as long as it is not the window that has another width."""
        if self.window.width() == self._window_width and self._is_side(dock):
            self._side = dock.width()

    def _is_side(self, dock: Dock) -> bool:
        return dock.is_seen() and self.window.dockWidgetArea(dock) == AREAS["left"]

    def keep_side(self) -> None:
        """The window has another width: its left side stays as wide as it was, and the others share the rest.

        Qt gives all of it to the left side, and takes it from there only where the others ask for more.
        """
        window = self.window
        side = self._find_side()
        if side is not None and self._side and window.width() != self._window_width:
            others = [dock for dock in self.all.values() if dock.is_seen() and not self._is_side(dock)]
            more = (window.width() - self._side) / max(1, window.width() - side.width())
            widths = [self._side, *(round(dock.width() * more) for dock in others)]
            window.resizeDocks([side, *others], widths, Qt.Orientation.Horizontal)
        QTimer.singleShot(0, window, self._rested)  # what is laid out until then is nobody's wish

    def _rested(self) -> None:
        self._window_width = self.window.width()
        if not self._side and (side := self._find_side()) is not None:
            self._side = side.width()

    def _find_side(self) -> Dock | None:
        return next((dock for dock in self.all.values() if self._is_side(dock)), None)

    def retitle(self) -> None:
        """A dock in a group of tabs needs no second title."""
        for dock in self.all.values():
            tabbed = bool(self.window.tabifiedDockWidgets(dock)) and not dock.isFloating()
            dock.set_named(not tabbed)
        self._dress_tabs()

    def _dress_tabs(self) -> None:
        for bar in self.window.findChildren(QTabBar, options=Qt.FindChildOption.FindDirectChildrenOnly):
            bar.setElideMode(Qt.TextElideMode.ElideNone)
            bar.setAccessibleName("Panels")
            for at in range(bar.count()):
                dock = next((d for d in self.all.values() if d.windowTitle() == bar.tabText(at)), None)
                if dock is not None:
                    bar.setTabToolTip(at, dock.fit.reason or dock.kind.tip)
                    colour = theme.current().muted if dock.fit.fits else theme.disabled()
                    bar.setTabTextColor(at, theme.color(colour))
                    # What does not fit the run in front stays in the menu, greyed with its reason: a dozen tabs would
                    # push those that do fit out of sight.
                    seen = dock.fit.fits or at == bar.currentIndex()
                    if bar.isTabVisible(at) != seen:
                        bar.setTabVisible(at, seen)

    # ---- which fit

    def refit(self) -> None:
        """Open what fits the run in front, grey what does not, and bring to the top what was made for its data."""
        made = bench.fits((dock.kind for dock in self.all.values()), self.desk)
        for name, dock in self.all.items():
            dock.set_fit(made[name])
        card = self.desk.card
        shape = (card.run, card.traits) if card is not None else None
        if shape != self._shape:
            before, self._shape = self._shape, shape
            if card is not None and (before is None or before[1] != card.traits):
                self._raise_best(card)
        self._dress_tabs()

    def _raise_best(self, card: api.RunCard) -> None:
        for slot in ("centre", "right", "bottom"):
            docks = [dock for dock in self.slot(slot) if not dock.isHidden() and not dock.isFloating()]
            fitting = [dock for dock in docks if dock.fit.fits]
            top = next((dock for dock in docks if not dock.visibleRegion().isEmpty()), None)
            # Not those that show another run, such as an example, because this one cannot.
            meant = [d for d in fitting if d.kind.needs & card.data.traits and d.kind.needs <= card.traits]
            if slot == "centre" and meant:
                meant[0].raise_()
            elif fitting and (top is None or not top.fit.fits):
                fitting[0].raise_()

    def _opened(self, dock: Dock) -> None:
        dock.fill(self._make)
        self._dress_tabs()

    def make(self, dock: Dock) -> Panel:
        """Make a panel before its dock is seen."""
        return dock.fill(self._make)

    def show(self, name: str) -> Dock:
        """Bring a panel to the top, opening its dock if it was closed."""
        dock = self.all[name]
        dock.show()
        dock.raise_()
        dock.fill(self._make)
        return dock

    # ---- focus and presenting

    def _focus(self, _old: QWidget | None, new: QWidget | None) -> None:
        at = new
        while at is not None:
            if isinstance(at, Dock):
                self._last = at
                return
            at = at.parentWidget()

    def focused(self) -> Dock | None:
        """The dock that has the focus or had it last, if it can be seen."""
        dock = self._last
        if dock is not None and not dock.isHidden():
            return dock
        return next((d for d in self.slot("centre") if not d.visibleRegion().isEmpty()), None)

    def enlarge(self, chosen: Dock | None) -> None:
        """For presenting: the chosen panel alone, or (where that is the form) all that shows results."""
        for dock in self.all.values():
            result = dock.kind.slot in ("centre", "right")
            keep = dock is chosen if chosen is not None and chosen.kind.slot != "left" else result
            if not keep:
                dock.hide()

    def set_bare(self, bare: bool) -> None:
        """Without titles and tabs, for presenting."""
        for dock in self.all.values():
            dock.set_bare(bare)

    def side(self, visible: bool) -> None:
        """Show or hide everything but the middle."""
        for dock in self.all.values():
            if dock.kind.slot != "centre":
                dock.setVisible(visible)

    def menu(self, menu: QMenu) -> None:
        """The panels as menu entries: ticked where open, greyed with the reason where they do not fit."""
        menu.clear()
        menu.setToolTipsVisible(True)
        for dock in self.all.values():
            action = dock.toggleViewAction()
            action.setEnabled(dock.fit.fits)
            action.setToolTip(dock.fit.reason or dock.kind.tip)
            action.setText(dock.kind.title if dock.fit.fits else f"{dock.kind.title}   ({dock.fit.reason})")
            menu.addAction(action)

    def changed_style(self, event: QEvent) -> None:
        """Tabs take their colours again after a change of theme."""
        if event.type() in kit.RESTYLE:
            self._dress_tabs()
