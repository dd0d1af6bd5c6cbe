"""The plane: data, samples, densities, scores and ways of two-dimensional models, with the exact truth beside them."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QEvent, QTimer
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from app.panel import Export, Panel, PanelState
from app.panels.plane.asking import MEASURES, Asking, Look, Wish
from app.panels.plane.beside import Beside
from app.panels.plane.controls import Controls
from app.panels.plane.layers import BESIDE, COMPARED, DENSITIES, FIELDS, LAYERS, Found, Known, fitting, put
from app.panels.plane.numbers import Figures, dated, figures, told
from app.panels.plane.settings import PlaneState
from app.panels.plane.ways import Ways
from app.panels.plane.writing import exports
from app.shell import theme
from app.widgets import kit
from app.widgets.plane import PlaneView
from app.widgets.status import StatusLine
from gm_core import api

RENEW_MS = 3000
"""How often numbers may be asked anew while no layer needs what they are made of."""
LOW = 420
"""Height of the design below which the numbers have one line."""
PATIENCE = 10
"""So many times the numbers let samples that are slow to come go first."""


class PlanePanel(Panel):
    """Layers on one plane; the words of the legend switch them. What is off is not asked for."""

    name = "plane"
    title = "Plane"
    icon = "expand"
    tip = "Samples on the plane beside the data and, where it is known, the truth."
    needs = frozenset({"points"})
    slot = "centre"
    order = 30
    State = PlaneState

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._on = {known.key for known in LAYERS if known.first}
        self._chosen = False
        self._found = Found()
        self._quality: api.Quality | None = None
        self._waiting = False
        self._kinds: tuple[str, ...] = ()
        self._fresh: set[str] = set()
        self._asking = Asking(self._put_question, self.cancel)
        self._shows: int | None = None
        self._measured: dict[type[api.Frame], int] = {}  # the steps of the numbers, which rest now and then
        self._seed = 0
        self._build()

    def _build(self) -> None:
        self.controls = Controls(self)
        self.noise, self.count, self.seed = self.controls.noise, self.controls.count, self.controls.seed
        self.controls.dice.clicked.connect(lambda: self.desk.new_noise())
        self.controls.seeded.connect(self._take_seed)
        self.controls.count_changed.connect(self._ask_all)
        self.controls.noise_moved.connect(self._blur)
        self.controls.numbers.toggled.connect(lambda _: self._resee())
        self.controls.beside.toggled.connect(lambda _: self._resee())
        self.view = PlaneView()
        self.view.set_empty("Nothing on the plane yet", "Press Train with a two-dimensional data set.")
        self.view.toggled.connect(self._switched)
        self.controls.fit.clicked.connect(lambda: (self.view.fit(), self.beside.fit()))
        self.beside = Beside()
        self.stack = QStackedWidget()
        self.stack.addWidget(self.view)
        self.stack.addWidget(self.beside)
        self.ways = Ways(self.view, self.controls.morph)
        self.ways.wished.connect(lambda what, query, now: self.ask(what, query, at_once=now))
        self.ways.dropped.connect(self.cancel)
        self.figures = Figures()
        self.status = StatusLine()
        box = QVBoxLayout(self)
        box.setContentsMargins(8, 6, 8, 4)
        box.setSpacing(6)
        box.addWidget(self.controls.row)
        box.addWidget(self.stack, 1)
        box.addWidget(self.ways.bar)
        box.addWidget(self.figures)
        box.addWidget(self.status)
        self.setMinimumSize(220, 180)
        self._timer = QTimer(self)
        self._timer.setInterval(RENEW_MS)
        self._timer.timeout.connect(self._renew)
        self._timer.start()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Where it is low, the numbers leave their room to the plane."""
        super().resizeEvent(event)
        self.figures.set_short(event.size().height() < theme.px(LOW))

    # ---- asking -----------------------------------------------------------------------------------------------

    def begin(self, card: api.RunCard) -> None:
        """Another run: make its layers, and ask for those that are on."""
        self._found, self._quality, self._shows, self._kinds = Found(), None, None, ()
        self._measured.clear()
        self._fresh.clear()
        self._asking.clear()
        self._seed = self.desk.seed
        self.seed.set_value(self._seed)
        if not self._chosen:  # without a known density, the data themselves say where the samples should be
            (self._on.discard if "exact" in card.traits else self._on.add)("data")
        for view in (self.view, self.beside):
            view.clear()
            view.set_extent(*card.data.range, *card.data.range)
        self.controls.offer(field="field" in card.offers, steps="stepwise" in card.offers)
        self.figures.set_figures([])
        self._put()
        self._ask_all()
        self.ways.begin("stepwise" in card.offers, "renoise" in card.offers, self._seed)

    def vanish(self) -> None:
        """No points in front."""
        self.view.clear()
        self.beside.clear()
        self.figures.set_figures([])
        self.status.set_text("")
        self.ways.bar.hide()

    def card_changed(self, card: api.RunCard) -> None:
        """A newer step of the same run."""
        self.ways.morph.stale()
        self.touch()

    def data_changed(self, card: api.RunCard) -> None:
        """Other data of the same run: they and their truth are asked for again, and nothing is taken away meanwhile."""
        if {known.key for known in self._layers()} == set(self.view.layers()) - {"ways"}:
            self._ask_all("data", "truth", *MEASURES)
        else:
            self.begin(card)

    def step_moved(self, step: int | None) -> None:
        """Other weights: noise becomes other data, and data that were changed on the way are those of then."""
        self.ways.morph.stale()
        self._ask_all()

    def noise_moved(self, seed: int) -> None:
        """Other noise, or the same once more."""
        self._seed = seed
        self.seed.set_value(seed)
        self._ask_all("samples")
        self.ways.set_seed(seed)

    def _take_seed(self, value: int) -> None:
        self.desk.seed = value
        self.desk.same_noise()

    def _level(self) -> float:
        """The noise in what is shown; models without any know only the data."""
        return float(self.noise.value()) if self.card is not None and "field" in self.card.offers else 0.0

    def _layers(self) -> list[Known]:
        return fitting(self.card.traits, self._kinds) if self.card is not None else []

    def _seen(self) -> frozenset[str]:
        """The layers that are on; of three planes beside each other, what they show."""
        on = BESIDE if self.controls.beside.isChecked() else self._on
        if not self._kinds and on & set(FIELDS):  # any arrows tell which there are
            on = on | {"score"}
        return frozenset(on & {known.key for known in self._layers()})

    def _ask_all(self, *again: str) -> None:
        """Ask for what is seen and was not asked yet, or should be asked `again`; give up what nobody sees."""
        if self.card is None:
            return
        numbers = self.controls.numbers.isChecked() and self._asking.settled
        view = self.desk.views.get(self.run)
        look = Look(
            self.card.data, self.card.traits, self._seen(), self._kinds, self._level(), numbers, self._seed,
            self.controls.samples(), self.desk.noise_locked, view is not None and view.changed_data,
        )  # fmt: skip
        self._asking.put(look, again)

    def _blur(self) -> None:
        """The noise was moved: what was compared at another noise says nothing any more."""
        self._waiting = True
        self._ask_all()
        self.touch()

    def _put_question(self, purpose: str, wish: Wish) -> None:
        if wish.timeless:
            self.ask(purpose, wish.query, step=None)
        else:
            self.ask(purpose, wish.query, follow=wish.follow)

    def _renew(self) -> None:
        """Ask for newer numbers and ways now and then while training goes on."""
        view = self.desk.views.get(self.run) if self._bound and self._awake else None
        if view is None:
            return
        if not self._asking.settled:
            if "samples" not in self._seen() or self._asking.waited(PATIENCE):
                self._settle()
        elif self.desk.now is None and self._asking.due(
            view.last_step, self.desk.clock(), hurry=view.card.state != "training"
        ):
            self._ask_all(*self._asking.resting())
            self.ways.renew()

    def _settle(self) -> None:
        """What is seen has come, or takes long: now the numbers."""
        if not self._asking.settled:
            self._asking.settled = True
            self._ask_all()

    def _switched(self, key: str, shown: bool) -> None:
        """A layer is switched by hand; of the densities only one can be seen at a time."""
        self._chosen = True
        (self._on.add if shown else self._on.discard)(key)
        if shown and key in DENSITIES:
            self._on -= set(DENSITIES) - {key}
        self._resee()

    def _resee(self) -> None:
        """Other things are seen: one plane or three, numbers or none, other layers."""
        beside = self.controls.beside.isChecked()
        self.ways.set_seen(not beside)
        self.stack.setCurrentWidget(self.beside if beside else self.view)
        kit.show(self.figures, self.controls.numbers.isChecked())
        self._asking.settled = True
        self._ask_all()
        self._redo()
        self.touch()

    # ---- hearing ----------------------------------------------------------------------------------------------

    def receive(self, purpose: str, answer: api.Answered) -> None:
        """Points, grids, arrows, ways."""
        self._asking.heard(purpose, answer, self.desk.clock())
        if purpose in ("ways", "morph"):
            self.ways.take(purpose, answer)
        elif answer.frame is not None:
            self.show_frame(answer.frame, answer.step)

    def show_frame(self, frame: api.Frame, step: int) -> None:
        """Show any frame that lives on the plane, from a run or from a recording."""
        self._found.noise = self._level()
        self._fresh |= self._found.take(frame)
        if isinstance(frame, api.Sheet | api.Arrows) or (isinstance(frame, api.Compared) and COMPARED & self._seen()):
            self._shows = step
        if isinstance(frame, api.Compared | api.Quality):
            self._measured[type(frame)] = step
        if isinstance(frame, api.Sheet):
            self._settle()
        if isinstance(frame, api.Compared):
            self._waiting = False
        if isinstance(frame, api.Quality):
            self._quality = frame
        if isinstance(frame, api.Arrows) and frame.kinds and frame.kinds != self._kinds:
            self._learn_of(frame.kinds)
        self.touch()

    def _learn_of(self, kinds: tuple[str, ...]) -> None:
        """Now it is known which arrows the model has."""
        self._kinds = kinds
        if "score" not in kinds and "score" in self._on:
            self._on = self._on - {"score"} | {kinds[0]}
        for key in FIELDS:
            if key not in kinds:
                self.view.remove_layer(key)
        self._fresh |= set(FIELDS) & set(kinds)
        self._ask_all()

    def failed(self, purpose: str, trouble: api.Trouble) -> None:
        """Keep what is shown and say why there is nothing newer."""
        self._asking.failed(purpose)
        self.status.warn(trouble.words)

    # ---- drawing ----------------------------------------------------------------------------------------------

    def redraw(self) -> None:
        """Bring what has come to the plane."""
        fresh, self._fresh = self._fresh, set()
        self._found.noise = self._level()
        if self.controls.beside.isChecked():
            self.beside.show_found(self._found)
        self._put(fresh)
        if self.controls.numbers.isChecked():
            made = figures(self._found.compared, self._quality, self._waiting)
            self.figures.set_figures(dated(made, min(self._measured.values(), default=None), self._shows))
        self._describe()

    def _put(self, some: set[str] | None = None) -> None:
        """Some layers as they are now, or all."""
        for known in self._layers():
            if some is None or known.key in some:
                put(self.view, known, self._found, self._on)

    def _redo(self) -> None:
        """Draw all layers once more, with the colours of the theme."""
        self._put()
        self.ways.draw()
        if self.controls.beside.isChecked():
            self.beside.show_found(self._found)

    def changeEvent(self, event: QEvent) -> None:
        """Follow the theme."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and self._bound:
            self._redo()

    def _describe(self) -> None:
        if self.card is None:
            return
        found = self._found
        self.status.tell(self.step_words(self._shows), *told(found, self._seen(), self._seed))
        self.status.set_side(f"entropy {found.truth.entropy:.3f} nats" if found.truth is not None else "")
        self.status.side.setToolTip("Of the data: the negative log-likelihood of a perfect model, in nats.")

    # ---- settings and export ----------------------------------------------------------------------------------

    def state(self) -> PlaneState:
        """Samples, noise, layers, ways."""
        return PlaneState(
            count=self.controls.samples(),
            noise=float(self.noise.value()),
            shown=" ".join(known.key for known in LAYERS if known.key in self._on),
            numbers=self.controls.numbers.isChecked(),
            beside=self.controls.beside.isChecked(),
            starts=tuple(round(float(number), 4) for start in self.ways.starts.points for number in start),
            at=self.ways.bar.at(),
        )

    def restore(self, state: PanelState) -> None:
        """Samples, noise, layers, ways."""
        if isinstance(state, PlaneState):
            self.controls.set_samples(state.count)
            self.noise.set_value(state.noise)
            self._on, self._chosen = set(state.shown.split()) & {known.key for known in LAYERS}, True
            self.controls.numbers.setChecked(state.numbers)
            self.controls.beside.setChecked(state.beside)
            self.ways.starts.points = list(zip(state.starts[::2], state.starts[1::2], strict=False))
            self.ways.bar.set_at(state.at)

    def shown(self) -> dict[str, Any]:
        """The noise, the step that is really shown, and the numbers."""
        said = self.figures.text()
        return {"seed": self._seed, "shown_step": self._shows} | ({"numbers": said} if said else {})

    def picture(self) -> QWidget:
        """The plane with its legend, or the three planes."""
        return self.stack.currentWidget()

    def exports(self) -> list[Export]:
        """The plane as a picture or as vectors."""
        return exports(self.picture(), self.view, self.settings_text)
