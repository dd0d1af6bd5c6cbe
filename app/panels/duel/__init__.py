"""The duel: what the discriminator says of data and samples, which way it sends them, and who learns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import QEvent
from PySide6.QtWidgets import QLabel, QStackedWidget, QVBoxLayout, QWidget

from app import export
from app.panel import Export, Panel, PanelState
from app.panels.duel.controls import Controls
from app.panels.duel.judged import Judged
from app.panels.duel.layers import LAYERS, SURFACES, layer_data, limits_of, net
from app.panels.duel.morph import Morph, between
from app.panels.duel.words import sample_words, summary, value_words
from app.shell import theme
from app.widgets import kit
from app.widgets.plane import Kind, PlaneView
from app.widgets.status import StatusLine, StillLabel
from gm_core import api

N, N_PICTURES = 300, 200
WIDER = 1.5
"""The surface reaches beyond the box of the data, so that a wide panel has no bare margins."""
SIZE = 80
NEAR = 14
"""A sample within so many pixels is the one that is pointed at."""


class DuelState(PanelState):
    """What the panel remembers."""

    shown: str = api.param("surface real fake wishes", "The layers that are on, separated by spaces.")


class DuelPanel(Panel):
    """Discriminator against generator: on the plane as a surface with arrows, elsewhere as histograms."""

    name = "duel"
    title = "Duel"
    icon = "layers"
    tip = "What the discriminator says of data and samples, and which way each sample should move."
    needs = frozenset({"critic"})
    slot = "right"
    order = 27
    State = DuelState

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._on = {key for key, _, _, first in LAYERS if first}
        self._frame: api.Verdicts | None = None
        self._shows: int | None = None
        self._pointed: int | None = None
        self._build()

    def _build(self) -> None:
        self.controls = Controls(self)
        self.controls.dice.clicked.connect(lambda: self.desk.new_noise())
        self.controls.switched.connect(self._switch_phases)
        self.controls.stepped.connect(self._step_one)
        self.controls.classed.connect(self._ask)
        self.view = PlaneView()
        self.view.set_empty("No duel yet", "Press Train with a GAN on a two-dimensional data set.")
        self.view.toggled.connect(self._toggled)
        self.view.hovered.connect(self._point)
        self.controls.fit.clicked.connect(self.view.fit)
        self.judged = Judged()
        self.judged.pointed.connect(self._say_picture)
        self.stack = QStackedWidget()
        self.stack.addWidget(self.view)
        self.stack.addWidget(self.judged)
        self.value = StillLabel("", "caption", name="Value of the game")
        self.value.setMinimumWidth(1)  # a narrow panel cuts the last words rather than growing
        self.value.setToolTip(
            "V = E ln D(x) + E ln(1 − D(G(z))). Guessing is −ln 4. The best D reaches −ln 4 + 2 JS(p, q): an estimate, "
            "with p exact and q guessed from samples by kernels."
        )
        self.caption = QLabel()
        self.caption.setWordWrap(True)
        self.caption.setProperty("role", "caption")
        self.status = StatusLine()
        self.morph = Morph(self.controls.morph)
        self.morph.moved.connect(self._walk)
        self.morph.ended.connect(self._walked)
        box = QVBoxLayout(self)
        box.setContentsMargins(8, 6, 8, 4)
        box.setSpacing(6)
        box.addWidget(self.controls.row)
        box.addWidget(self.stack, 1)
        box.addWidget(self.value)
        box.addWidget(self.caption)
        box.addWidget(self.status)
        self.setMinimumSize(220, 200)

    # ---- asking -----------------------------------------------------------------------------------------------

    @property
    def _plane(self) -> bool:
        return self.card is not None and self.card.data.kind == "points"

    def begin(self, card: api.RunCard) -> None:
        """Another run."""
        self.morph.stop()
        self._frame, self._shows, self._pointed = None, None, None
        self.view.clear()
        self.judged.clear()
        self.value.setText("")
        self.caption.setText("")
        self.stack.setCurrentIndex(0 if self._plane else 1)
        if self._plane:
            self.view.set_extent(*card.data.range, *card.data.range)
        self.controls.begin(card, self._plane)
        self.controls.row.set_shown(self.controls.morph, False)
        self._ask()

    def vanish(self) -> None:
        """No game in front."""
        self.morph.stop()
        self._frame = None
        self.view.clear()
        self.judged.clear()
        self.value.setText("")
        self.caption.setText("")
        self.status.set_text("")

    def card_changed(self, card: api.RunCard) -> None:
        """A newer step, or others learn."""
        self.controls.show_card(card)
        self.touch()

    def noise_moved(self, seed: int) -> None:
        """Other noise."""
        self._ask()

    def _ask(self) -> None:
        if self.card is None:
            return
        lo, hi = self.card.data.range
        middle, half = (lo + hi) / 2, WIDER * (hi - lo) / 2
        box = (middle - half, middle + half, middle - half, middle + half)
        n = N_PICTURES if self.card.data.kind == "images" else N
        query = api.CriticQuery(seed=self.desk.seed, n=n, box=box, size=SIZE, y=self.controls.label())
        self.ask("verdicts", query, follow=True)

    def receive(self, purpose: str, answer: api.Answered) -> None:
        """New verdicts."""
        if isinstance(answer.frame, api.Verdicts):
            self._frame, self._shows = answer.frame, answer.step
            self.touch()

    # ---- who learns -------------------------------------------------------------------------------------------

    def _switch_phases(self, off: tuple[str, ...]) -> None:
        if self.card is not None:
            self.desk.send(api.SwitchPhases(self.run, tuple(off)))
            self.controls.show_card(self.card)  # the buttons say what is so, until the worker says otherwise

    def _step_one(self, phase: str) -> None:
        if self.card is not None:
            self.desk.seek(None)
            self.desk.send(api.Advance(self.run, 1, (phase,)))

    # ---- drawing ----------------------------------------------------------------------------------------------

    def redraw(self) -> None:
        """Draw the newest verdicts."""
        frame, card = self._frame, self.card
        if frame is None or card is None:
            return
        if not self._plane:
            self.judged.show_frame(frame, card.data.kind == "images")
        else:
            self.controls.row.set_shown(self.controls.morph, frame.grid is not None)
            for key, words, kind, _ in LAYERS:
                self._put(frame, key, words, kind)
        self.value.setText(value_words(frame))
        self._say()
        self.status.set_text(self.step_words(self._shows) + self._colours(frame))

    def _colours(self, frame: api.Verdicts) -> str:
        """What the colours of the surface mean, in words."""
        seen = next((key for key in SURFACES if key in self._on and layer_data(frame, key) is not None), "")
        if not seen:
            return ""
        lo, hi = limits_of(frame, seen)
        return f"  ·  red: real, blue: not (from {kit.number_text(lo, 2)} to {kit.number_text(hi, 2)})"

    def _put(self, frame: api.Verdicts, key: str, words: str, kind: Kind) -> None:
        if key == "grid" and self.morph.running:
            return
        data = layer_data(frame, key)
        if data is None:
            self.view.remove_layer(key)
            return
        series = theme.current().series
        colour = {"real": series[0], "fake": series[1], "grid": series[2]}.get(key)
        limits = limits_of(frame, key) if key in SURFACES else None
        extent = frame.box if key in SURFACES else None
        self.view.set_layer(key, words, kind, data, extent, colour, "diverging", key in self._on, limits)
        self.view.set_visible(key, key in self._on)

    def _toggled(self, key: str, shown: bool) -> None:
        """A layer is switched by hand; of the two surfaces one at a time can be seen."""
        (self._on.add if shown else self._on.discard)(key)
        if shown and key in SURFACES:
            self._on -= set(SURFACES) - {key}
        self.touch()

    def _walk(self, at: float) -> None:
        frame = self._frame
        if frame is None or frame.grid is None or frame.codes is None:
            return
        walking = net(between(frame.codes, frame.grid, at))
        self.view.set_layer("grid", "net of G", "mesh", walking, None, theme.current().series[2], visible=True)
        self.view.set_visible("grid", True)

    def _walked(self) -> None:
        self.touch()

    # ---- words ------------------------------------------------------------------------------------------------

    def _point(self, x: float, y: float) -> None:
        """The sample nearest to the pointer, if one is near."""
        frame = self._frame
        found = None
        if frame is not None and len(frame.fake) and frame.fake.ndim == 2:
            here = self.view.canvas.screen_array(np.array([[x, y]]))
            apart = np.hypot(*(self.view.canvas.screen_array(frame.fake) - here).T)
            nearest = int(apart.argmin())
            found = nearest if apart[nearest] <= theme.px(NEAR) else None
        if found != self._pointed:
            self._pointed = found
            self._say()

    def _say(self) -> None:
        if self._frame is None:
            return
        at = self._pointed if self._pointed is not None and self._pointed < len(self._frame.fake) else None
        self.caption.setText(summary(self._frame) if at is None else sample_words(self._frame, at))

    def _say_picture(self, words: str) -> None:
        """What is pointed at, or whose turn it is."""
        if self._frame is not None:
            self.caption.setText(words or summary(self._frame))

    def changeEvent(self, event: QEvent) -> None:
        """Another theme has other colours."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self.touch()

    # ---- remembering and writing ------------------------------------------------------------------------------

    def state(self) -> DuelState:
        """The layers that are on."""
        return DuelState(shown=" ".join(key for key, *_ in LAYERS if key in self._on))

    def restore(self, state: PanelState) -> None:
        """Take them back; unknown ones are passed over."""
        assert isinstance(state, DuelState)
        known = {key for key, *_ in LAYERS}
        self._on = set(state.shown.split()) & known

    def shown(self) -> dict[str, Any]:
        """What a picture shows beside the settings."""
        value = None if self._frame is None else self._frame.value
        return {"step": self._shows, "seed": self.desk.seed, "class": self.controls.label(), "value": value}

    def exports(self) -> list[Export]:
        """The plane as a picture or as vectors, or the histograms as a picture."""
        if self._frame is None:
            return []
        seen = self.view if self._plane else self.judged

        def png(path: Path) -> None:
            export.export_png(seen, path, self.settings_text())

        def svg(path: Path) -> None:
            export.export_svg(self.view.canvas, path)

        def pdf(path: Path) -> None:
            export.export_pdf(self.view.canvas, path)

        vectors = [Export("Duel as SVG", ".svg", svg), Export("Duel as PDF", ".pdf", pdf)] if self._plane else []
        return [Export("Duel as PNG", ".png", png), *vectors]

    def picture(self) -> QWidget:
        """The view without the controls."""
        return self.view if self._plane else self.judged
