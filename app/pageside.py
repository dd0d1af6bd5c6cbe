"""What stands beside the pictures of a page: sliders, numbers, what to look for, and ways to the models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QPushButton, QScrollArea, QVBoxLayout, QWidget

from app.forms.fields import Editor, words
from app.shell import theme
from app.widgets import kit
from app.widgets.number import NumberSlider
from gm_core import api

if TYPE_CHECKING:
    from app.page import PageState, Section

WIDTH = 264
LINK_BY_KEY = Qt.TextInteractionFlag.LinksAccessibleByKeyboard
PLAY_MS = 40
PLAY_FRAMES = 150
"""A whole range is played in six seconds."""


class PageSide(QScrollArea):
    """Controls of the section that is open. Setters (silent): set_section(section), set_values(settings),
    set_numbers(by name), set_narrow(on, height). Signals: edited(param, value) while and after moving,
    link_wished(Link)."""

    edited = Signal(str, object)
    link_wished = Signal(object)

    def __init__(self, rows: Sequence[api.Row], title: str) -> None:
        super().__init__()
        self.setAccessibleName(f"Settings of {title}")
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.viewport().setAutoFillBackground(False)
        self._rows = {row.path: row for row in rows}
        self._settings: dict[str, Any] = {}
        self._section: Section | None = None
        self.editors: dict[str, Editor] = {}
        self.values: dict[str, tuple[str, Any]] = {}
        self.play_button: QPushButton | None = None
        self.timer = QTimer(self)
        self.timer.setInterval(PLAY_MS)
        self.timer.timeout.connect(self._advance)

    def set_section(self, section: Section) -> None:
        """Show the controls, the numbers and the words of a section."""
        self.timer.stop()
        self._section = section
        inner = QWidget()
        inner.setAutoFillBackground(False)
        box = QVBoxLayout(inner)
        box.setContentsMargins(theme.px(6), 0, theme.px(10), 0)
        box.setSpacing(theme.px(3))
        self.editors = {}
        self.values = {}
        self.play_button = None
        for name in section.controls:
            if name == "seed":
                continue
            self._add_control(box, name)
        buttons = [self._make_play(section)] if section.plays else []
        buttons += [self._make_again()] if "seed" in section.controls else []
        if buttons:
            box.addSpacing(theme.px(4))
            box.addLayout(kit.row(*buttons, spacing=6))
        if section.readouts:
            self._add_readouts(box, section)
        look = kit.label(section.look)
        look.setWordWrap(True)
        look.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        look.setAccessibleName("What to look for")
        box.addSpacing(theme.px(8))
        box.addWidget(look)
        for at, link in enumerate(section.links):
            way = kit.label(f'<a href="{at}">{link.words}&nbsp;→</a>')
            way.setWordWrap(True)
            way.setTextInteractionFlags(Qt.TextInteractionFlag.LinksAccessibleByMouse | LINK_BY_KEY)
            way.setToolTip("Leave the notes for the model in which this is at work.")
            way.setAccessibleName(link.words)
            way.linkActivated.connect(lambda _href, link=link: self.link_wished.emit(link))
            box.addSpacing(theme.px(4))
            box.addWidget(way)
        box.addStretch(1)
        self.setWidget(inner)

    def _add_control(self, box: QVBoxLayout, name: str) -> None:
        row = self._rows[name]
        title = kit.label(symbol(name), "muted")
        title.setToolTip(row.tip)
        editor = self.editors[name] = Editor(row)
        editor.changed.connect(lambda value: self.edited.emit(name, value))
        if isinstance(editor.inner, NumberSlider):
            editor.inner.changing.connect(lambda value: self.edited.emit(name, value))
        control = QHBoxLayout() if row.kind == "bool" else QVBoxLayout()
        control.setSpacing(0)
        control.addWidget(title)
        control.addWidget(editor)
        box.addLayout(control)

    def _make_again(self) -> QPushButton:
        again = QPushButton("Draw again")
        again.setIcon(theme.icon("dice"))
        again.setToolTip("Draw everything that is random anew; the same seed gives the same numbers.")
        again.clicked.connect(lambda: self.edited.emit("seed", (int(self._settings["seed"]) + 1) % 10000))
        return again

    def _make_play(self, section: Section) -> QPushButton:
        self.play_button = button = QPushButton("Play")
        button.setCheckable(True)
        button.setIcon(theme.icon("play"))
        button.setToolTip(f"Let {words(section.plays)} run through its range.")
        button.toggled.connect(self._play)
        return button

    def _add_readouts(self, box: QVBoxLayout, section: Section) -> None:
        grid = QGridLayout()
        grid.setContentsMargins(0, theme.px(8), 0, 0)
        grid.setVerticalSpacing(theme.px(2))
        grid.setColumnStretch(0, 1)
        for at, readout in enumerate(section.readouts):
            name = kit.label(readout.words, "muted")
            name.setWordWrap(True)
            value = kit.label("", "heading")
            value.setFont(theme.number_font(bold=True))
            value.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            value.setAccessibleName(readout.words)
            grid.addWidget(name, at, 0)
            grid.addWidget(value, at, 1)
            self.values[readout.name] = (readout.pattern, value)
        box.addLayout(grid)

    def set_values(self, settings: PageState) -> None:
        """Show the settings."""
        self._settings = settings.plain()
        for name, editor in self.editors.items():
            inner = editor.inner
            held = isinstance(inner, NumberSlider) and inner.value() == self._settings[name]
            if not held:
                editor.set_value(self._settings[name])

    def set_numbers(self, numbers: Mapping[str, float]) -> None:
        """Fill in the readouts."""
        for name, (pattern, value) in self.values.items():
            value.setText(kit.patterned(pattern, numbers[name]) if name in numbers else "")

    def set_narrow(self, narrow: bool, height: int) -> None:
        """Beside the pictures with a width of its own, or under them with part of the height."""
        if narrow:
            self.setMinimumWidth(0)
            self.setMaximumWidth(16_777_215)
            self.setFixedHeight(max(theme.px(120), height * 36 // 100))
        else:
            self.setFixedWidth(theme.px(WIDTH))
            self.setMinimumHeight(0)
            self.setMaximumHeight(16_777_215)

    # ---- playing

    def _play(self, on: bool) -> None:
        assert self._section is not None and self.play_button is not None
        self.play_button.setText("Pause" if on else "Play")
        self.play_button.setIcon(theme.icon("pause" if on else "play"))
        row = self._rows[self._section.plays]
        if on and row.hi is not None and float(self._settings[row.path]) >= row.hi:
            self.edited.emit(row.path, row.lo)
        self.timer.start() if on else self.timer.stop()

    def _advance(self) -> None:
        assert self._section is not None and self.play_button is not None
        row = self._rows[self._section.plays]
        assert row.lo is not None and row.hi is not None
        now = float(self._settings[row.path])
        if row.log:
            new = now * (row.hi / row.lo) ** (1 / PLAY_FRAMES)
        else:
            new = now + (row.hi - row.lo) / PLAY_FRAMES
        new = max(new, now + 1) if row.kind == "int" else new
        if new >= row.hi or not self.isVisible():
            self.play_button.setChecked(False)
        self.edited.emit(row.path, min(new, row.hi))


GREEK = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "eta": "η", "theta": "θ", "lambda": "λ",
    "mu": "μ", "pi": "π", "rho": "ρ", "sigma": "σ", "tau": "τ", "phi": "φ", "psi": "ψ", "omega": "ω",
}  # fmt: skip


def symbol(name: str) -> str:
    """A param's name as people write it: mu_q is μ with the index q, samples is Samples."""
    first, _, index = name.partition("_")
    if first in GREEK or len(first) == 1:
        head = GREEK.get(first, first)
        return f"{head}<sub>{index.replace('_', ' ')}</sub>" if index else head
    return words(name).capitalize()
