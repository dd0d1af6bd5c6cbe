"""Ways through the plane: trajectories from points that one drags, with a time slider, and noise that becomes data."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QElapsedTimer, QEvent, QObject, QTimer, Signal
from PySide6.QtWidgets import QToolButton, QWidget

from app.shell import theme
from app.widgets import kit
from app.widgets.number import NumberSlider
from app.widgets.plane import PlaneView
from gm_core import api

MOST = 12
FRAMES = 60
CLOUD, MOMENTS = 600, 40
SECONDS = 2.0
HOLD = 1.2
NEAR = 12
"""A press within so many pixels of a start takes hold of it."""


class Film:
    """The frames of one ask: gathered until the last has come, so that what is shown is always a whole way."""

    def __init__(self) -> None:
        self.coming: list[np.ndarray] = []
        self.whole: np.ndarray | None = None
        self.step = -1

    def take(self, answer: api.Answered) -> bool:
        """One answer; True once the way is whole: positions (moments, n, 2) evenly in progress."""
        if answer.index == 0:
            self.coming = []
        frame = answer.frame
        if isinstance(frame, api.StepFrame) and frame.x.ndim == 2 and frame.x.shape[1] == 2:
            self.coming.append(frame.x)
        if answer.last and self.coming:
            self.whole, self.coming, self.step = np.stack(self.coming), [], answer.step
            return True
        return False

    def at(self, progress: float) -> np.ndarray:
        """Where the points are at a part of the way."""
        assert self.whole is not None
        now = min(max(progress, 0.0), 1.0) * (len(self.whole) - 1)
        k = min(int(now), len(self.whole) - 2) if len(self.whole) > 1 else 0
        after = self.whole[min(k + 1, len(self.whole) - 1)]
        return self.whole[k] + (after - self.whole[k]) * (now - k)


class Starts:
    """The points that were put on the plane: a press puts one or takes hold of one, Shift adds another."""

    def __init__(self) -> None:
        self.points: list[tuple[float, float]] = []
        self._held = 0

    def drag(self, x: float, y: float, what: str, per_pixel: float) -> bool:
        """Follow the hand; True where the points have changed."""
        if what in ("begin", "more"):
            gaps = [float(np.hypot(x - a, y - b)) for a, b in self.points]
            if gaps and min(gaps) < NEAR * per_pixel:
                self._held = int(np.argmin(gaps))
                return False
            if what == "more" and len(self.points) < MOST:
                self.points.append((x, y))
            else:
                self.points = [(x, y)]
            self._held = len(self.points) - 1
            return True
        if what == "move" and self._held < len(self.points):
            self.points[self._held] = (x, y)
            return True
        return False

    def query(self, seed: int) -> api.TrajectoryQuery:
        """The ways from these points, taken as they are, from pure noise to data."""
        given = np.array(self.points, np.float32)
        return api.TrajectoryQuery(seed=seed, n=len(given), given=given, raw=True, begin=0.0, frames=FRAMES)


class WaysBar(QWidget):
    """How much of the ways is past. Signals: moved(float 0..1), cleared(). Setter: set_at(float)."""

    moved = Signal(float)
    cleared = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.time = NumberSlider(0.0, 1.0, 1.0, name="Time on the way from noise to data")
        self.time.setToolTip("0 is where a way begins in noise, 1 where it ends in data: past solid, future faint.")
        self.time.set_room(56)
        self.play = kit.IconButton("play", "Play the ways")
        self.clear = kit.IconButton("close", "Take the ways away", "Esc")
        self.setLayout(kit.row(self.play, kit.label("noise → data", "caption"), self.time, self.clear))
        self.time.changing.connect(lambda v: self._by_hand(float(v)))
        self.time.changed.connect(lambda v: self._by_hand(float(v)))
        self.clear.clicked.connect(self.cleared)
        self.play.clicked.connect(lambda: self._runner.begin())
        self._runner = Runner(self)
        self._runner.moved.connect(self._run_to)

    def set_at(self, at: float) -> None:
        """Stand there, without a signal."""
        self.time.set_value(round(at, 3))

    def at(self) -> float:
        """Where it stands."""
        return float(self.time.value())

    def _by_hand(self, at: float) -> None:
        self._runner.stop()
        self.moved.emit(at)

    def _run_to(self, at: float) -> None:
        self.set_at(at)
        self.moved.emit(at)


class Runner(QObject):
    """Runs from 0 to 1 in two seconds and holds there. Signals: moved(float), ended() after the hold."""

    moved = Signal(float)
    ended = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._clock = QElapsedTimer()
        self._timer = QTimer(self)
        self._timer.setInterval(25)
        self._timer.timeout.connect(self._tick)

    def begin(self) -> None:
        """From the start."""
        self._clock.start()
        self._timer.start()
        self.moved.emit(0.0)

    def stop(self) -> None:
        """Stay where it is."""
        self._timer.stop()

    def running(self) -> bool:
        """Whether it moves or holds."""
        return self._timer.isActive()

    def _tick(self) -> None:
        seconds = self._clock.elapsed() / 1000
        self.moved.emit(min(1.0, seconds / SECONDS))
        if seconds > SECONDS + HOLD:
            self._timer.stop()
            self.ended.emit()


class Morph(QObject):
    """Noise becomes data on the plane while the pointer rests on a button, or once where it is pressed.

    Signals: wanted() when the ways are needed. `take(answer)` brings them; `stale()` forgets them.
    """

    wanted = Signal()

    def __init__(self, button: QToolButton, view: PlaneView) -> None:
        super().__init__(button)
        self._button, self._view = button, view
        self.film = Film()
        self.runner = Runner(self)
        self.runner.moved.connect(self._show)
        self.runner.ended.connect(self._rest)
        self._wished = self._over = False
        button.installEventFilter(self)
        button.clicked.connect(self._wish)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Begin when the pointer comes, end when it goes."""
        if watched is self._button and event.type() == QEvent.Type.Enter:
            self._over = True
            self._wish()
        elif watched is self._button and event.type() == QEvent.Type.Leave:
            self._over = False
            self.stop()
        return False

    def _wish(self) -> None:
        self._wished = True
        self.wanted.emit()

    def ready(self) -> None:
        """The ways that there are will do."""
        if self._wished and self.film.whole is not None:
            self._wished = False
            self.runner.begin()

    def take(self, answer: api.Answered) -> None:
        """A frame; once all are there, it runs."""
        if self.film.take(answer):
            self.ready()

    def stale(self) -> None:
        """Other weights or noise: the ways are no longer right."""
        self.film.whole = None

    def stop(self) -> None:
        """Take the points away."""
        self._wished = False
        self.runner.stop()
        self._view.set_moving(None)

    def _rest(self) -> None:
        if not self._over:
            self.stop()

    def _show(self, at: float) -> None:
        if self.film.whole is not None:
            self._view.set_moving(self.film.at(at), theme.current().series[1])


class Ways(QObject):
    """All that moves on the plane. Signals: wished(purpose, query, at once), dropped(purpose).

    `bar` stands under the plane while there are ways; they are a layer of it.
    """

    wished = Signal(str, object, bool)
    dropped = Signal(str)

    def __init__(self, view: PlaneView, button: QToolButton) -> None:
        super().__init__(view)
        self._view = view
        self._able = self._steps = False
        self._seen, self._seed = True, 0
        self._coming = False
        self.starts, self.film = Starts(), Film()
        self.bar = WaysBar()
        self.bar.hide()
        self.bar.moved.connect(lambda at: view.set_at("ways", at))
        self.bar.cleared.connect(self.clear)
        self.morph = Morph(button, view)
        self.morph.wanted.connect(self._ask_morph)
        view.dragged.connect(self._dragged)

    def begin(self, stepwise: bool, renoise: bool, seed: int) -> None:
        """Another run, which draws step by step or not, and can begin anywhere or not."""
        self._steps, self._able = stepwise, stepwise and renoise
        self._view.set_draggable(self._able)
        self.film, self._coming = Film(), False
        self.morph.stop()
        self.set_seed(seed)

    def set_seed(self, seed: int) -> None:
        """Other noise."""
        self._seed = seed
        self.morph.stale()
        self.ask()

    def ask(self, at_once: bool = False) -> None:
        """Ask for the ways from the points that there are."""
        self.set_seen(self._seen)
        if self._able and self.starts.points:
            self._coming = True
            self.wished.emit("ways", self.starts.query(self._seed), at_once)

    def renew(self) -> None:
        """Newer weights: the same ways once more, unless they are still on their way."""
        if not self._coming:
            self.ask()
        if not self.morph.runner.running():
            self.morph.stale()

    def set_seen(self, seen: bool) -> None:
        """Whether the plane with the ways is in front; where it is not, neither is their slider."""
        self._seen = seen
        kit.show(self.bar, seen and self._able and bool(self.starts.points))

    def clear(self) -> None:
        """No points, no ways."""
        self.starts, self.film = Starts(), Film()
        self.bar.hide()
        self.dropped.emit("ways")
        self.draw()

    def draw(self) -> None:
        """Put the ways on the plane, or take them away."""
        if self.film.whole is None:
            self._view.remove_layer("ways")
        else:
            track = self.film.whole.transpose(1, 0, 2)
            self._view.set_layer("ways", "ways", "ways", track, None, theme.current().series[0])
            self._view.set_at("ways", self.bar.at())

    def take(self, purpose: str, answer: api.Answered) -> None:
        """A frame of the ways, or of the cloud."""
        if purpose == "morph":
            self.morph.take(answer)
        elif self.film.take(answer):
            self._coming = False
            self.draw()

    def _dragged(self, x: float, y: float, what: str) -> None:
        if self.starts.drag(x, y, what, self._view.canvas.pixel()):
            self.ask(at_once=True)

    def _ask_morph(self) -> None:
        if self.morph.film.whole is not None:
            self.morph.ready()
        elif self._steps:
            self.wished.emit("morph", api.TrajectoryQuery(seed=self._seed, n=CLOUD, frames=MOMENTS), True)
