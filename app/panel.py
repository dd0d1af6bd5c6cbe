"""What a panel is: a way of looking at a run, opened when what it needs is offered.

A panel is one file in app/panels with one subclass of Panel. It asks through `self.ask(purpose, query)` and hears
through `receive(purpose, answer)`; it never touches the engine, another panel, or a thread. All hooks run on the UI
thread; `redraw()` runs at most once a tick, after `self.touch()`.
"""

from __future__ import annotations

import importlib
import json
import pkgutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from PySide6.QtCore import Signal
from PySide6.QtGui import QHideEvent, QImage, QShowEvent
from PySide6.QtWidgets import QWidget

from app import export
from app.bridge.desk import SHARED, Desk
from app.widgets.status import step_words
from gm_core import api

Slot = Literal["left", "centre", "right", "bottom"]


class PanelState(api.Spec):
    """What a panel remembers: its settings, never data. Panels that have any declare a subclass with `api.param`.

    `owned` are the fields that hold what the user made or did: a cue of a talk neither keeps nor replaces them.
    """

    owned: ClassVar[frozenset[str]] = frozenset()


@dataclass(frozen=True)
class Export:
    """One thing that a panel can write: words for the menu, the file's ending, and the writer.

    `gather` is for what takes long to write, such as a film: it takes from the widgets what is needed and gives back a
    writer that touches none, so that the window goes on while that runs on a thread of its own. `reason` says why a
    thing cannot be written at the moment, and greys it.
    """

    title: str
    suffix: str
    write: Callable[[Path], None]
    gather: Callable[[], Callable[[Path], object]] | None = None
    reason: str = ""


FILMS = {"GIF": ".gif", "WebP": ".webp", "MP4": ".mp4"}


def films(
    title: str, frames: Callable[[], Sequence[np.ndarray]], fps: Callable[[], float], settings: Callable[[], str],
    hold_last: float = 1.0,
) -> list[Export]:  # fmt: skip
    """A film in each format that there is: `frames` makes its pictures when it is wished for."""

    def gather() -> Callable[[Path], object]:
        pictures, speed, text = frames(), fps(), settings()
        return lambda path: export.save_animation(pictures, path, speed, text, hold_last)

    def write(path: Path) -> None:
        gather()(path)

    missing = {".mp4": api.video_missing()}
    return [
        Export(f"{title} as {words}", suffix, write, gather, missing.get(suffix, "")) for words, suffix in FILMS.items()
    ]


class Panel(QWidget):
    """A way of looking. Subclasses state the class variables, build widgets in `__init__`, and override hooks."""

    name: ClassVar[str]
    title: ClassVar[str]
    icon: ClassVar[str] = "chart"
    tip: ClassVar[str] = ""
    needs: ClassVar[frozenset[str]] = frozenset()
    slot: ClassVar[Slot] = "centre"
    order: ClassVar[int] = 50
    alive_at_start: ClassVar[bool] = False
    State: ClassVar[type[PanelState]] = PanelState
    restores_live: ClassVar[bool] = False
    """Whether `restore` also works after `bind`; else a cue of a talk makes the panel anew."""

    notice = Signal(str, str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(f"panel-{self.name}")
        self.setAccessibleName(self.title)
        self.desk: Desk
        self.card: api.RunCard | None = None
        self._touched = False
        self._awake = False
        self._bound = False

    # ---- hooks ------------------------------------------------------------------------------------------------

    def begin(self, card: api.RunCard) -> None:
        """A run that fits is in front (another than before, or offering other things): ask what should be shown."""

    def vanish(self) -> None:
        """No run fits any more; the last picture may stay until `begin`."""

    def card_changed(self, card: api.RunCard) -> None:
        """The same run has a newer card: its state, step or kept steps changed."""

    def data_changed(self, card: api.RunCard) -> None:
        """The same run learns from other data now. Begins anew; a panel may do less where that is enough."""
        self.begin(card)

    def receive(self, purpose: str, answer: api.Answered) -> None:
        """A frame for the newest ask of a purpose; `answer.step` is the step that it really shows."""

    def failed(self, purpose: str, trouble: api.Trouble) -> None:
        """The newest ask of a purpose could not be answered; the window shows the words as a message already."""

    def step_moved(self, step: int | None) -> None:
        """The shared step moved (None: the present). Shared asks are renewed by the desk; nothing need be asked."""

    def noise_moved(self, seed: int) -> None:
        """The user wants other noise, or the same again: ask anew with `seed` where noise is shown."""

    def redraw(self) -> None:
        """Draw what is new; called once a tick after `touch()` while the panel is visible."""

    def state(self) -> PanelState:
        """The settings as they are now."""
        return self.State()

    def restore(self, state: PanelState) -> None:
        """Take settings back; called before `bind`."""

    def foresee(self, state: PanelState) -> None:
        """A cue of a talk will bring this state next: make ready what takes long, and show nothing of it."""

    def engaged(self) -> bool:
        """Whether it holds what its state does not, such as a race: a cue of a talk leaves it as it is."""
        return False

    def shown(self) -> dict[str, Any]:
        """What an exported picture really shows beside the settings, in plain values: the seed, the step."""
        return {}

    def exports(self) -> list[Export]:
        """What can be written to a file, best first."""
        return []

    def picture(self) -> QWidget | QImage | np.ndarray | None:
        """What 'copy view' puts on the clipboard; the whole panel unless there is something better."""
        return self

    # ---- for subclasses ---------------------------------------------------------------------------------------

    @property
    def run(self) -> str:
        """The run that this panel shows, or ''."""
        return self.card.run if self.card is not None else ""

    def ask(
        self, purpose: str, query: api.Query, *, step: int | None = SHARED, follow: bool = False, at_once: bool = False
    ) -> int:
        """Put a query to the run shown; a newer ask of the same purpose replaces it."""
        return self.desk.ask(
            f"{self.name}/{purpose}", query, run=self.run, step=step, follow=follow, replace_at_once=at_once
        )

    def step_of_data(self) -> int | None:
        """The step for a question about the data alone: answered once for all steps, unless the run has changed its
        data; then each step has its own."""
        view = self.desk.views.get(self.run)
        return SHARED if view is not None and view.changed_data else None

    def ask_alone(self, purpose: str, query: api.Query, *, at_once: bool = False) -> int:
        """Put a query that needs no run; otherwise like `ask`."""
        return self.desk.ask(f"{self.name}/{purpose}", query, run=api.ALONE, step=None, replace_at_once=at_once)

    def cancel(self, purpose: str) -> None:
        """Give up a purpose."""
        self.desk.cancel(f"{self.name}/{purpose}")

    def touch(self) -> None:
        """Something changed: call `redraw` at the end of this tick."""
        self._touched = True
        if self._bound:
            self.desk.later(self._tick)

    def say(self, words: str, level: str = "info") -> None:
        """Show a short message; level is info, warn or error."""
        self.notice.emit(level, words)

    def step_words(self, shown: int | None, stays: bool = False) -> str:
        """Which step is shown: 'step 800 (live 2,400)' for who looks back, else 'step 800', for the present passes by
        and would be told wrongly a moment later. What `stays` says where training went on without it."""
        view = self.desk.views.get(self.run)
        live = view.last_step if view is not None else None
        if self.desk.now is not None:
            return step_words(shown, live)
        behind = stays and shown is not None and live is not None and live > shown
        return step_words(shown) + (" (training went on)" if behind else "")

    def settings_text(self) -> str:
        """What goes into an exported picture: run, step, spec, the panel's settings and `shown()`, as JSON."""
        card = self.card
        facts: dict[str, Any] = {"panel": self.name, "settings": self.state().plain()}
        if card is not None:
            facts |= {
                "run": card.run,
                "step": self.desk.now if self.desk.now is not None else card.step,
                "spec": dict(card.spec),
            }
        return json.dumps(facts | self.shown(), default=str)

    # ---- for the window ---------------------------------------------------------------------------------------

    def bind(self, desk: Desk) -> None:
        """Join the desk, once."""
        self.desk = desk
        self._bound = True
        for signal, slot in self._slots():
            signal.connect(slot)
        if self._touched:
            desk.later(self._tick)
        self._look()

    def retire(self) -> None:
        """Leave the desk for good: another panel of this kind takes the place."""
        self._bound = self._awake = False
        self.desk.forget(f"{self.name}/")
        for signal, slot in self._slots():
            signal.disconnect(slot)

    def _slots(self) -> tuple[tuple[Any, Callable[..., None]], ...]:
        """What is heard of the desk, and by whom."""
        desk = self.desk
        return (
            (desk.answered, self._hear),
            (desk.refused, self._hear_refusal),
            (desk.current_changed, self._look),
            (desk.run_changed, self._look),
            (desk.step_changed, self._step),
            (desk.noise_changed, self._noise),
        )

    def showEvent(self, event: QShowEvent) -> None:
        """Ask again what rested while nobody looked."""
        super().showEvent(event)
        self._awake = True
        if self._bound:
            self.desk.wake(f"{self.name}/")
            self._look()
            if self._touched:
                self.touch()

    def hideEvent(self, event: QHideEvent) -> None:
        """Rest: a panel that nobody sees costs nothing."""
        super().hideEvent(event)
        self._awake = False
        if self._bound:
            self.desk.sleep(f"{self.name}/")

    def _look(self, _card: object = None) -> None:
        if not self._awake:
            return
        found = self.desk.card_for(self.needs, self.alive_at_start)
        old, self.card = self.card, found
        if found is None:
            if old is not None:
                self.vanish()
        elif old is None or old.run != found.run or old.offers != found.offers:
            self.begin(found)
        elif old.data != found.data or old.spec.get("data") != found.spec.get("data"):
            self.data_changed(found)
        elif old is not found:
            self.card_changed(found)

    def _hear(self, answer: api.Answered) -> None:
        prefix, _, purpose = answer.topic.partition("/")
        if prefix == self.name and answer.run in (self.run, api.ALONE):
            self.receive(purpose, answer)

    def _hear_refusal(self, trouble: api.Trouble) -> None:
        prefix, _, purpose = trouble.topic.partition("/")
        if prefix == self.name:
            self.failed(purpose, trouble)

    def _step(self, step: int | None) -> None:
        if self._awake:
            self.step_moved(step)

    def _noise(self, seed: int) -> None:
        if self._awake and self.card is not None:
            self.noise_moved(seed)

    def _tick(self) -> None:
        if self._touched and self._awake:
            self._touched = False
            self.redraw()


def find_panels() -> dict[str, type[Panel]]:
    """Every panel of app/panels by name, in the order in which they are laid out."""
    package = importlib.import_module("app.panels")
    found: dict[str, type[Panel]] = {}
    for entry in pkgutil.iter_modules(package.__path__):
        module = importlib.import_module(f"app.panels.{entry.name}")
        for value in vars(module).values():
            if isinstance(value, type) and issubclass(value, Panel) and value.__module__ == module.__name__:
                found[value.name] = value
    return dict(sorted(found.items(), key=lambda item: (item[1].order, item[0])))
