"""What hands do to the step viewer: lanes, tools, classes, samples, keys, and pictures that are dropped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, Qt, QTimer
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QImage, QKeyEvent
from shiboken6 import isValid

from app.panels.steps.lane import Lane
from app.panels.steps.standing import Standing
from app.panels.steps.ways import LANES
from app.widgets import intake
from gm_core import api

if TYPE_CHECKING:
    from app.panels.steps.asking import Asked

KEYS = {Qt.Key.Key_Comma: -1, Qt.Key.Key_Period: 1}


class Hands(Standing):
    """Everything that a person changes; what is asked then is the business of `asking`."""

    asking: Asked
    seed: int = 0
    sample: int = 0
    _views: tuple[str, ...] = ()

    def connect_parts(self) -> None:
        """What each control does."""
        controls = self.controls
        controls.new_noise.connect(lambda: self.desk.new_noise())
        controls.again.connect(lambda: self.asking.sample(True))
        controls.seeded.connect(self._take_seed)
        controls.added.connect(self._add)
        controls.changed.connect(lambda: self.asking.changed())
        controls.forked.connect(lambda: self.growing.fork())
        controls.tool.connect(self._open_tool)
        controls.lower_chosen.connect(lambda page: self.deciding.turn(page))
        controls.views_chosen.connect(self._take_views)
        self.classes.changed.connect(self._classes_changed)
        self.origin.changed.connect(lambda: self.asking.origin_changed())
        self.origin.moved.connect(lambda: self.asking.changed())
        self.origin.refused.connect(lambda words: self.say(words, "warn"))
        self.transport.index_changed.connect(self._transported)
        self.slider.valueChanged.connect(self._scrubbed)
        self.status.cancelled.connect(lambda: self.asking.stop())

    def connect_lane(self, name: str, lane: Lane) -> None:
        """Another way is another question of that lane alone."""
        lane.head.changed.connect(lambda: self.asking.changed(name))
        lane.head.closed.connect(lambda: self._drop(name))
        lane.clicked.connect(self._choose_sample)
        lane.views_changed.connect(self._take_views)
        lane.set_views(self._views)
        self.fit_lane(lane)

    def fit_lane(self, lane: Lane) -> None:
        """What a lane can be told depends on the run and on how many there are."""
        card, several = self.card, self.comparing
        head = lane.head
        if card is None:
            return
        if card.data.kind == "points":
            lane.set_extent(*card.data.range)
        view = self.desk.views.get(card.run)
        kept = list(view.kept) if view is not None else []
        head.offer_steps(kept)
        head.set_shown(head.step, several and bool(kept))
        head.set_shown(head.strength, several and "guided" in card.offers)

    def query(self, name: str) -> api.TrajectoryQuery:
        """What a lane asks at present."""
        return self.asking.query(name)

    def _take_seed(self, seed: int) -> None:
        self.desk.seed = seed
        self.desk.same_noise()

    def _add(self) -> None:
        way = self.lanes[LANES[0]].head.way()
        name = self.add_lane(way)
        if name:
            self._recompare()
            self.asking.sample(False, name)

    def _drop(self, name: str) -> None:
        self.cancel(f"lane-{name}")
        self.drop_lane(name)
        self._recompare()
        self.refresh_counts()

    def _recompare(self) -> None:
        for lane in self.lanes.values():
            self.fit_lane(lane)
        self.asking.name_lanes()
        self.fit()
        self.deciding.show()
        self.touch()

    def _open_tool(self, tool: str, on: bool) -> None:
        self.fit()
        if tool == "paint":
            self.growing.set_painting(on)
        QTimer.singleShot(0, self.refit)

    def refit(self) -> None:
        """Rows have come or gone: find room anew."""
        if isValid(self):
            self.fit()
            self.deciding.show()
            self.growing.show()

    def _classes_changed(self) -> None:
        if self.classes.from_here() and self.moment() > 0.0:
            self.growing.turn_classes()
        else:
            self.asking.choose_classes()
            self.asking.changed()

    def _take_views(self, names: tuple[str, ...]) -> None:
        self.set_views(tuple(names) or ("x",))
        self.draw()

    def set_views(self, names: tuple[str, ...]) -> None:
        """What every lane shows beside x_t; nothing takes the first ones that there are."""
        self._views = names
        for lane in self.lanes.values():
            lane.set_views(names)

    def chosen_views(self) -> tuple[str, ...]:
        """What was chosen to be shown, if anything was."""
        return self._views

    def follow_branch(self, progress: float) -> None:
        """A branch has grown."""
        self.asking.follow_branch(progress)

    def show_branch(self) -> None:
        """Another branch is in front."""
        self.asking.show_branch()

    def _choose_sample(self, sample: int) -> None:
        self.sample = sample
        self._sample_chosen = True
        for lane in self.lanes.values():
            lane.pictures.select(self.chosen_sample())
        self.deciding.show()
        self.touch()

    def event(self, event: QEvent) -> bool:
        """Comma and full stop step through the frames while the focus is in this panel."""
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and event.key() in KEYS:
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Comma and full stop step, Return goes on with what is painted."""
        step = KEYS.get(Qt.Key(event.key()))
        if step is not None:
            (self.transport.forward if step > 0 else self.transport.back).click()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.growing.brush.active():
            self.growing.go_on()
        else:
            super().keyPressEvent(event)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """A picture can be dropped to begin from it."""
        fits = self.card is not None and "renoise" in self.card.offers and self.card.data.kind == "images"
        if fits and intake.takes(event.mimeData()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Begin from the picture that is dropped."""
        self.controls.tools["origin"].setChecked(True)
        data = event.mimeData()
        if data.hasImage():
            self.origin.take(QImage(data.imageData()))
        elif data.urls():
            self.origin.load(data.urls()[0].toLocalFile())
        event.acceptProposedAction()

    def chosen_sample(self) -> int | None:
        """The sample that is outlined: once one was clicked, or while there are branches with thumbnails."""
        return self.sample if self._sample_chosen or len(self.growing.branches.all) > 1 else None
