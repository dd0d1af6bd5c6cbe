"""The controls that are always in sight: train and pause, one step, stop, branch, the step in digits."""

from __future__ import annotations

import time
from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from app.bridge.desk import Desk
from app.shell import theme
from app.widgets import kit
from app.widgets.status import ElidedLabel, StillLabel
from gm_core import api

STATES = {
    "training": ("training", "good"),
    "paused": ("paused", "warn"),
    "finished": ("finished", "muted"),
    "stopped": ("stopped", "muted"),
    "failed": ("failed", "bad"),
    "viewed": ("saved run", "muted"),
}


COUNT_EVERY = 0.2
"""Seconds between two numbers while training goes on."""


class Controls(QWidget):
    """A strip for the top tool bar. It shows the run in front, and its buttons are the window's actions."""

    def __init__(self, desk: Desk, action: Callable[[str], QAction], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.desk = desk
        self.setAccessibleName("Training controls")
        self.train = QPushButton("Train")
        self.train.setProperty("primary", True)
        self.train.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.train.setAccessibleName("Train or pause")
        self.train.setMinimumWidth(theme.px(112))
        self._train = action("train")
        self.train.clicked.connect(self._train.trigger)
        self.buttons = [_button(action(name), name) for name in ("step", "stop", "branch", "back-to-live")]
        self.count = StillLabel("000000", name="Step")
        self.total = StillLabel("", "caption")
        self.title = ElidedLabel("", "heading")
        self.words = ElidedLabel("", "caption")
        self.speed = StillLabel("", "caption", name="Speed")
        self.speed.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.device = StillLabel("", "caption")
        self.device.setAlignment(Qt.AlignmentFlag.AlignRight)
        self._stopping = ""
        self._counted = 0.0
        box = QHBoxLayout(self)
        box.setContentsMargins(6, 2, 6, 2)
        box.setSpacing(6)
        box.addWidget(self.train)
        for button in self.buttons:
            box.addWidget(button)
        box.addWidget(kit.separator())
        box.addWidget(self.count)
        box.addWidget(self.total)
        box.addWidget(kit.separator())
        box.addLayout(_pair(self.title, self.words), 1)
        box.addLayout(_pair(self.speed, self.device))
        self.extra = QHBoxLayout()
        self.extra.setSpacing(2)
        box.addLayout(self.extra)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        desk.run_changed.connect(lambda _card: self.refresh())
        desk.current_changed.connect(lambda _card: self.refresh())
        desk.step_changed.connect(lambda _step: self.refresh())
        desk.scalars.connect(lambda run: self._grown() if run == desk.current else None)
        desk.timing.connect(self._timing)
        desk.ready.connect(lambda _c: self.refresh())
        self.resize_digits()
        self.refresh()

    def add(self, action: QAction, name: str) -> None:
        """One more button at the right end."""
        self.extra.addWidget(_button(action, name))

    def resize_digits(self) -> None:
        """The step counter is read from the last row of a lecture hall."""
        font = theme.mono_font(8)
        font.setBold(True)
        self.count.setFont(font)

    def stopping(self, words: str) -> None:
        """Say at once that something was asked for, before the worker has done it."""
        self._stopping = words
        self.refresh()

    def refresh(self) -> None:
        """Show the run in front as it is now."""
        card, desk = self.desk.card, self.desk
        own = card is not None and not desk.showing_examples
        state = card.state if card is not None and own else ""
        training = state == "training"
        self.train.setText("Pause" if training else ("Resume" if self._resumes(card, own) else "Train"))
        self.train.setIcon(theme.icon("pause" if training else "play"))
        self.train.setToolTip(f"{self._train.toolTip()}  (Space)")
        self.train.setEnabled(self._train.isEnabled())
        if not desk.is_ready:
            self.words.setText("preparing the engine...")
            kit.set_role(self.words, "role", "warn")
        elif self._stopping and training:
            self.words.setText(self._stopping)
        elif card is not None:
            self._stopping = ""
            text, role = STATES.get(card.state, (card.state, "muted")) if own else ("an example; press Train", "muted")
            past = f"looking at step {desk.now:,}" if desk.now is not None else ""
            self.words.setText(", ".join(part for part in (past, text) if part))
            kit.set_role(self.words, "role", role if role != "muted" else "caption")
        else:
            self.words.setText("choose a preset and press Train")
        self.title.setText(card.title or card.run if card is not None else "")
        self.title.setToolTip(card.run if card is not None else "")
        if card is not None:
            size = f"{card.parameters:,} weights" if card.parameters else ""
            self.device.setText(", ".join(part for part in (size, card.device) if part))
        if not training:
            self.speed.setText("")
        self._count()

    def _resumes(self, card: api.RunCard | None, own: bool) -> bool:
        return own and card is not None and card.state in {"paused", "stopped", "viewed"} and 0 < card.step < card.steps

    def _grown(self) -> None:
        now = time.monotonic()
        if now - self._counted >= COUNT_EVERY:  # quicker digits cannot be read
            self._counted = now
            self._count()

    def _count(self) -> None:
        view, now = self.desk.view, self.desk.now
        step = now if now is not None else (view.last_step if view is not None else 0)
        self.count.setText(f"{step:06d}")
        self.total.setText(f"of {view.card.steps:,}" if view is not None and view.card.steps else "")
        kit.set_role(self.count, "past", now is not None)

    def _timing(self, timing: api.Timing) -> None:
        card = self.desk.card
        if card is not None and card.state == "training":
            rate = timing.steps_per_second
            self.speed.setText(f"{rate:,.0f} steps/s" if rate >= 10 else f"{rate:.1f} steps/s")
            self.speed.setToolTip(f"training {timing.training:.0%}, views {timing.viewing:.0%} of the time")


def _pair(above: QWidget, below: QWidget) -> QVBoxLayout:
    box = QVBoxLayout()
    box.setContentsMargins(0, 0, 0, 0)
    box.setSpacing(0)
    box.addWidget(above)
    box.addWidget(below)
    return box


def _button(action: QAction, name: str) -> kit.IconButton:
    """A flat button that is an action."""
    button = kit.IconButton(str(action.property("icon_name")), action.text(), action.shortcut().toString())
    button.setObjectName(f"button-{name}")
    button.setCheckable(action.isCheckable())
    button.clicked.connect(lambda _on=False: action.trigger())

    def follow() -> None:
        button.setEnabled(action.isEnabled())
        button.setChecked(action.isChecked())

    action.changed.connect(follow)
    follow()
    return button
