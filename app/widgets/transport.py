"""The row of buttons that plays a film: first, back, play, forward, last, loop and speed."""

from __future__ import annotations

from PySide6.QtCore import QElapsedTimer, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QComboBox, QLabel, QWidget

from app.shell import theme
from app.widgets import kit

SPEEDS = (0.25, 0.5, 1.0, 2.0, 4.0)
HOLD_MS = 900  # a loop rests on its last frame, or nobody sees the result


class Transport(QWidget):
    """Plays through frames 0 to n-1 and lets one step by hand.

    Setters: set_count(n), set_index(i) (silent), set_playing(bool),
    set_loop(bool), set_hold(milliseconds on the last frame), set_caption(text).
    Getters: count(), index(), playing(), fps(), loop().
    Signals: index_changed(int), playing_changed(bool).
    Keys while focus is inside: Space plays, Left and Right step, Home and End jump.
    """

    index_changed = Signal(int)
    playing_changed = Signal(bool)

    def __init__(self, parent: QWidget | None = None, fps: float = 12.0) -> None:
        super().__init__(parent)
        self._count, self._index, self._fps, self._playing = 0, 0, fps, False
        self._hold = HOLD_MS
        self.setAccessibleName("Playback")
        self.first = kit.IconButton("skip-start", "First frame", "Home")
        self.back = kit.IconButton("step-back", "One frame back", "Left")
        self.play = kit.IconButton("play", "Play", "Space")
        self.forward = kit.IconButton("step-forward", "One frame forward", "Right")
        self.last = kit.IconButton("skip-end", "Last frame", "End")
        self.loop_button = kit.IconButton("loop", "Play in a loop", checkable=True)
        self.loop_button.setChecked(True)
        self.speed = QComboBox()
        self.speed.setAccessibleName("Speed")
        self.speed.setToolTip("Speed of playback")
        for s in SPEEDS:
            self.speed.addItem(f"{s:g}×", s)
        self.speed.setCurrentIndex(SPEEDS.index(1.0))
        self.counter = QLabel()
        self.counter.setProperty("role", "muted")
        self.counter.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.setLayout(
            kit.row(
                self.first, self.back, self.play, self.forward, self.last, kit.separator(), self.loop_button,
                self.speed, None, self.counter, spacing=2,
            )
        )  # fmt: skip
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._tick)
        self._clock = QElapsedTimer()
        self._due = 0.0
        self.first.clicked.connect(lambda: self._by_hand(0))
        self.last.clicked.connect(lambda: self._by_hand(self._count - 1))
        self.back.clicked.connect(lambda: self._by_hand(self._index - 1))
        self.forward.clicked.connect(lambda: self._by_hand(self._index + 1))
        self.play.clicked.connect(lambda: self.set_playing(not self._playing))
        self._caption = ""
        self._refresh()

    def set_count(self, n: int) -> None:
        """The number of frames; frames may keep arriving while the film plays."""
        self._count = max(0, int(n))
        self._index = min(self._index, max(0, self._count - 1))
        if self._count < 2 and self._playing:
            self.set_playing(False)
        self._refresh()

    def count(self) -> int:
        """The number of frames."""
        return self._count

    def set_index(self, index: int) -> None:
        """Show which frame is current, without a signal."""
        self._index = min(max(0, self._count - 1), max(0, int(index)))
        self._refresh()

    def index(self) -> int:
        """The current frame."""
        return self._index

    def fps(self) -> float:
        """Frames per second with the chosen speed."""
        return self._fps * float(self.speed.currentData())

    def set_loop(self, loop: bool) -> None:
        """Whether to begin again at the end."""
        self.loop_button.setChecked(loop)

    def loop(self) -> bool:
        """Whether the film begins again at its end."""
        return self.loop_button.isChecked()

    def set_hold(self, milliseconds: float) -> None:
        """How long the last frame stays; 0 for a film that has no end."""
        self._hold = max(0.0, float(milliseconds))

    def set_caption(self, text: str) -> None:
        """Words in place of the frame counter; empty brings the counter back."""
        self._caption = text
        self._refresh()

    def playing(self) -> bool:
        """Whether the film is running."""
        return self._playing

    def set_playing(self, playing: bool) -> None:
        """Start or pause; a start at the last frame begins from the first."""
        playing = bool(playing) and self._count > 1
        if playing == self._playing:
            return
        self._playing = playing
        if playing:
            if self._index >= self._count - 1:
                self._go(0)
            self._clock.start()
            self._due = 1000.0 / self.fps()
            self._timer.start(10)
        else:
            self._timer.stop()
        self._refresh()
        self.playing_changed.emit(playing)

    def _tick(self) -> None:
        # Time is counted on a clock, so that a late tick shows a later frame instead of slowing the film.
        if self._clock.elapsed() < self._due:
            return
        period = 1000.0 / self.fps()
        steps = 1 + int((self._clock.elapsed() - self._due) // period)
        target = self._index + steps
        self._due += steps * period
        if target < self._count:
            self._go(target)
            if target == self._count - 1:
                self._due += self._hold
        elif self._index < self._count - 1:
            self._go(self._count - 1)
            self._due += self._hold
        elif self.loop():
            self._go(0)
        else:
            self.set_playing(False)

    def _by_hand(self, index: int) -> None:
        self.set_playing(False)
        if 0 <= index < self._count:
            self._go(index)

    def _go(self, index: int) -> None:
        if index != self._index:
            self._index = index
            self._refresh()
            self.index_changed.emit(index)

    def _refresh(self) -> None:
        self.play.set_icon("pause" if self._playing else "play")
        self.play.set_text("Pause" if self._playing else "Play")
        for button, usable in (
            (self.first, self._index > 0), (self.back, self._index > 0), (self.play, self._count > 1),
            (self.forward, self._index < self._count - 1), (self.last, self._index < self._count - 1),
        ):  # fmt: skip
            button.setEnabled(usable)
        self.counter.setFont(theme.number_font())
        self.counter.setText(self._caption or (f"{self._index + 1} / {self._count}" if self._count else "no frames"))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Play and step by keys."""
        key = Qt.Key(event.key())
        moves = {
            Qt.Key.Key_Left: self._index - 1, Qt.Key.Key_Right: self._index + 1, Qt.Key.Key_Home: 0,
            Qt.Key.Key_End: self._count - 1,
        }  # fmt: skip
        if key == Qt.Key.Key_Space:
            self.set_playing(not self._playing)
        elif key in moves:
            self._by_hand(moves[key])
        else:
            super().keyPressEvent(event)


if __name__ == "__main__":
    import sys

    from app.widgets.demo import run
    from app.widgets.scrub import _demo

    sys.exit(run(_demo, (640, 200)))
