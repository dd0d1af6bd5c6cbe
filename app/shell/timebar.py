"""The time bar under the window: the whole training of the run in front, and the one step that all panels show."""

from __future__ import annotations

import time

from PySide6.QtWidgets import QHBoxLayout, QWidget

from app.bridge.desk import Desk
from app.bridge.run_view import told
from app.widgets import kit
from app.widgets.scrub import ScrubBar

NUDGE = 0.004
"""While training, the bar is drawn anew when the run has grown by this share ..."""
REST = 1.0
"""... and so many seconds have passed."""


class TimeBar(QWidget):
    """Kept steps as marks, pinned ones as pins, edits as flags; dragging moves every panel together."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.desk = desk
        self.bar = ScrubBar()
        self.bar.setAccessibleName("Time bar: the steps of this run")
        self.start = kit.IconButton("skip-start", "First kept step", "Home")
        self.back = kit.IconButton("step-back", "Kept step before", "Left")
        self.forward = kit.IconButton("step-forward", "Next kept step", "Right")
        self.live = kit.IconButton("skip-end", "Back to the present", "End")
        self.pin = kit.IconButton("pin", "Keep this step for ever", "P")
        self.start.clicked.connect(self.first)
        self.back.clicked.connect(lambda: self.move_by(-1))
        self.forward.clicked.connect(lambda: self.move_by(1))
        self.live.clicked.connect(lambda: desk.seek(None))
        self.pin.clicked.connect(self.toggle_pin)
        box = QHBoxLayout(self)
        box.setContentsMargins(6, 0, 6, 0)
        box.setSpacing(2)
        for widget in (self.start, self.back):
            box.addWidget(widget)
        box.addWidget(self.bar, 1)
        for widget in (self.forward, self.live, self.pin):
            box.addWidget(widget)
        self.bar.changing.connect(self.go)
        self.bar.changed.connect(self.go)
        self.bar.live_requested.connect(lambda: desk.seek(None))
        self.bar.pin_requested.connect(self._pin_at)
        self._seen = (-1, -1, "")
        self._shown = (0, "")
        self._rest_until = 0.0
        desk.step_changed.connect(lambda _step: self.refresh())
        desk.marks.connect(lambda run: self._marks() if run == desk.current else None)
        desk.current_changed.connect(lambda _card: self.refresh())
        desk.scalars.connect(lambda run: self._length() if run == desk.current else None)
        self.refresh()

    # ---- what the user does

    def go(self, value: float) -> None:
        """Move the shared step to the kept one nearest to a value; beyond the last one is the present."""
        view = self.desk.view
        if view is None or not view.kept:
            return
        last = view.last_step
        nearest = view.nearest_kept(value)
        present = nearest is None or (value > view.kept[-1] and last - value < value - view.kept[-1]) or value >= last
        self.desk.seek(None if present else nearest)

    def move_by(self, marks: int) -> None:
        """To a neighbouring kept step; forward of the last is the present."""
        view, now = self.desk.view, self.desk.now
        if view is None or not view.kept:
            return
        present = [k for k in view.kept if k < view.last_step]
        if now is None:
            target = len(present) + marks
        else:
            target = (present.index(now) if now in present else len(present)) + marks
        self.desk.seek(None if target >= len(present) else present[max(target, 0)])

    def first(self) -> None:
        """To the first kept step."""
        view = self.desk.view
        if view is not None and view.kept:
            self.desk.seek(view.kept[0])

    def toggle_pin(self) -> None:
        """Keep the step shown for ever, or no longer."""
        view, now = self.desk.view, self.desk.now
        if view is not None and view.kept:
            step = now if now is not None else view.kept[-1]
            self.desk.pin(step, step not in view.pinned)

    def _pin_at(self, value: float) -> None:
        view = self.desk.view
        step = view.nearest_kept(value) if view is not None else None
        if view is not None and step is not None:
            self.desk.pin(step, step not in view.pinned)

    # ---- what is shown

    def refresh(self) -> None:
        """Show the run in front."""
        self._seen = (-1, -1, "")
        self._shown = (0, "")
        self._marks()
        view, now = self.desk.view, self.desk.now
        if now is not None:
            self.bar.set_live(False)
            self.bar.set_value(now)
        else:
            self.bar.set_live(True)
        alive = view is not None and bool(view.kept)
        for widget in (self.bar, self.start, self.back, self.forward, self.pin):
            widget.setEnabled(alive)
        self.live.setEnabled(now is not None)

    def _length(self, exact: bool = False) -> None:
        view = self.desk.view
        if view is None:
            return
        step, run = max(view.last_step, 1), view.run
        shown, of = self._shown
        now = time.monotonic()
        growing = not exact and run == of and step >= shown
        if growing and (step - shown < NUDGE * shown or now < self._rest_until):  # hardly a pixel: not worth painting
            return
        self._shown, self._rest_until = (step, run), now + REST
        self.bar.set_range(0, step)

    def _marks(self) -> None:
        view = self.desk.view
        if view is None:
            self.bar.set_range(0, 1)
            self.bar.set_ticks([])
            return
        self._length(exact=True)
        mark = (view.marks_version, len(view.kept), view.run)
        if mark == self._seen:
            return
        self._seen = mark
        self.bar.set_ticks(view.kept)
        self.bar.set_pins(view.pinned)
        flags = [(float(e.step), f"{e.kind} {e.path}: {told(e.old)} to {told(e.new)}") for e in view.edits]
        flags += [(float(r.to_step), f"training went back from {r.from_step:,}") for r in view.rollbacks]
        self.bar.set_flags(flags)
        for widget in (self.bar, self.start, self.back, self.forward, self.pin):
            widget.setEnabled(bool(view.kept))
