"""Draw: a distribution of one's own on the plane, to train on, and to change while models learn it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from PySide6.QtCore import QEvent, QTimer
from PySide6.QtWidgets import QCheckBox, QPushButton, QVBoxLayout, QWidget

from app import export
from app.bridge.desk import Desk
from app.panel import Export, Panel, PanelState
from app.panels.draw import files
from app.panels.draw.controls import DrawControls
from app.panels.draw.shelf import Shelf
from app.panels.draw.telling import DrawState, counted, shares, tinted
from app.widgets.choosing import PICTURE_FILES, choose_file, choose_target
from app.widgets.folding import FoldingRow
from app.widgets.sketch import TOOLS, Sketch
from app.widgets.sketchmarks import Marks
from app.widgets.status import StatusLine
from gm_core import api

SOON = 150
"""Milliseconds from the end of a stroke to the change of a run's data."""
GRID = 80
WIDER = 1.5
KEPT = ("train", "validation", "test", "seed", "names", "side")
"""What a run's drawing says besides its marks, and keeps while they change."""
FILES = "Drawings (*.json *.yaml *.yml)"


class DrawPanel(Panel):
    """A sheet with tools; what is drawn becomes the data of a new run, or of the one that trains."""

    name = "draw"
    title = "Draw"
    icon = "brush"
    tip = "Draw your own distribution, train on it, and change it while models learn it."
    needs = frozenset()
    slot = "right"  # beside the plane, so that both are seen while a model follows the pen
    order = 95
    State = DrawState

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.side = 3.0
        self._sent: dict[str, Any] = {}
        self._glimpse: api.Glimpse | None = None
        self._note = ""
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(SOON)
        self._soon.timeout.connect(self._apply)
        self._build()

    def _build(self) -> None:
        self.sketch = Sketch()
        self.sketch.changed.connect(self._changed)
        self.sketch.refused.connect(lambda words: self.say(words, "warn"))
        self.controls = DrawControls(self.sketch)
        self.controls.opened.connect(lambda: self._choose_file(PICTURE_FILES, self.sketch.load_picture))
        self.shelf = Shelf()
        self.shelf.toy_wished.connect(self._begin_with)
        self.shelf.run_wished.connect(self._take_run)
        self.shelf.kept_wished.connect(lambda marks: self.replace(files.whole(marks)))
        self.shelf.keep_wished.connect(lambda: self.shelf.keep(self.sketch.marks))
        self.shelf.open_wished.connect(lambda: self._choose_file(FILES, self.load))
        self.shelf.save_wished.connect(self._choose_save)
        self.live = QCheckBox("Apply while training")
        self.live.setToolTip("Each finished stroke becomes the data of the run in front at once; Ctrl+Z takes it back.")
        self.live.toggled.connect(lambda on: self._soon.start() if on else self._soon.stop())
        self.train = QPushButton("Train on this")
        self.train.setProperty("primary", True)
        self.train.setToolTip("A new run on this drawing, with the model of the experiment.")
        self.train.clicked.connect(self._train)
        foot = FoldingRow(self)
        foot.add(self.shelf.begin, priority=5)
        foot.add(self.shelf.file, priority=4)
        foot.add_space()
        foot.add(self.live, priority=8)
        foot.add(self.train, priority=9)
        self.status = StatusLine()
        box = QVBoxLayout(self)
        box.setContentsMargins(8, 6, 8, 4)
        box.setSpacing(6)
        box.addWidget(self.controls)
        box.addWidget(self.sketch, 1)
        box.addWidget(foot)
        box.addWidget(self.status)
        self.setMinimumSize(240, 260)
        self._describe()

    # ---- life

    def bind(self, desk: Desk) -> None:
        """Join the desk; questions about drawings belong to no run."""
        super().bind(desk)
        desk.ready.connect(self.shelf.set_toys)
        if desk.catalogue is not None:
            self.shelf.set_toys(desk.catalogue)
        self._ask()

    def begin(self, card: api.RunCard) -> None:
        """Another run in front: its data, if it is on the plane, can be drawn on."""
        self._sent = {}
        self._describe()

    def vanish(self) -> None:
        """No run in front."""
        self._describe()

    def card_changed(self, card: api.RunCard) -> None:
        """It trains, rests, or has gone to another state."""
        self._describe()

    def data_changed(self, card: api.RunCard) -> None:
        """The run's data changed: by this sheet, or by an undo or a return to an earlier step, which is shown then."""
        data = dict(card.spec.get("data", {}))
        following = self.live.isChecked() and bool(self._sent) and not self._soon.isActive()
        if following and data.get("kind") == "drawn" and data != self._sent:
            self.replace(files.whole(data.get("marks", [])), quiet=True)
            self._sent = data
        self._describe()

    def redraw(self) -> None:
        """Lay the density behind the marks."""
        seen = self._glimpse
        if seen is None or not self.sketch.marks:
            self.sketch.set_ground(None)
            return
        self.sketch.set_ground(tinted(seen.values), seen.box)

    def changeEvent(self, event: QEvent) -> None:
        """Follow the theme."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "sketch"):
            self.touch()

    # ---- the drawing

    def data(self) -> dict[str, Any]:
        """The drawing as the plain spec of a data set; sizes and names stay those of the run in front."""
        card = self._own_card()
        held = dict(card.spec.get("data", {})) if card is not None else {}
        kept = {name: held[name] for name in KEPT if name in held} if held.get("kind") == "drawn" else {}
        return {"kind": "drawn", "side": self.side, **kept, "marks": files.plain(self.sketch.marks)}

    def replace(self, marks: Marks, quiet: bool = False) -> None:
        """Another drawing as one step that can be undone; `quiet` leaves the run's data as they are."""
        if quiet:
            self.sketch.hand.history.put(marks)
            self.sketch.choose(-1)
            self.sketch.rebuild()
            self.controls.refresh()
            self._ask()
        else:
            self.sketch.put(marks)

    def load(self, path: str | Path) -> None:
        """Take a drawing from a file."""
        try:
            found = files.read(Path(path))
        except (OSError, ValueError) as error:
            self.say(str(error), "warn")
            return
        self._set_side(found.get("side", 3.0))
        self.replace(found["marks"])

    def _set_side(self, side: object) -> None:
        self.side = min(20.0, max(0.5, float(side))) if isinstance(side, int | float) else 3.0
        self.sketch.set_extent(-self.side, self.side, -self.side, self.side)

    def _changed(self) -> None:
        self._ask()
        self._describe()
        if self.live.isChecked():
            self._soon.start()

    def _ask(self) -> None:
        if not self._bound:
            return
        if not self.sketch.marks:
            self.cancel("glimpse")
            self._glimpse = None
            self.touch()
            return
        reach = WIDER * self.side
        query = api.GlimpseQuery(data=self.data(), box=(-reach, reach, -reach, reach), size=GRID)
        self.ask_alone("glimpse", query)

    def receive(self, purpose: str, answer: api.Answered) -> None:
        """The density of what is drawn, or the marks that a data set begins with."""
        frame = answer.frame
        if isinstance(frame, api.Glimpse):
            self._glimpse, self._note = frame, frame.card.note
            self._describe()
            self.touch()
        elif isinstance(frame, api.Traced):
            self.cancel("trace")
            self._set_side(frame.side)
            self.replace(files.whole(list(frame.marks)))
            if not frame.exact:
                self.say("The drawing looks like these data, but is not exactly the same distribution.")

    def failed(self, purpose: str, trouble: api.Trouble) -> None:
        """What is drawn cannot be a distribution yet."""
        self.status.warn(trouble.words)

    # ---- runs

    def _own_card(self) -> api.RunCard | None:
        """The run in front, if it is the user's own and learns points of the plane."""
        card = self.card if self._bound and not self.desk.showing_examples else None
        return card if card is not None and card.data.kind == "points" else None

    def _train(self) -> None:
        if not self.sketch.marks:
            self.say("The drawing is empty; draw a stroke, a Gaussian or a word first.", "warn")
            return
        self.desk.offer_data(self.data())

    def _apply(self) -> None:
        """Let the run in front learn from what is drawn now."""
        if self.live.isChecked() and self._own_card() is not None and self.sketch.marks:
            self._sent = self.data()
            self.desk.change_data(self._sent)

    def _begin_with(self, kind: str) -> None:
        self.ask_alone("trace", api.TraceQuery(data={"kind": kind}))

    def _take_run(self) -> None:
        card = self._own_card()
        if card is not None:
            self.ask_alone("trace", api.TraceQuery(data=dict(card.spec.get("data", {}))))

    # ---- files

    def _choose_file(self, pattern: str, take: Any) -> None:
        choose_file(self, "Open", pattern, take, str(Path.home()))

    def _choose_save(self) -> None:
        choose_target(self, "Save the drawing", str(Path.home() / "drawing.json"), FILES, self.save)

    def save(self, path: str | Path) -> None:
        """Write the drawing to a file."""
        try:
            files.write(Path(path), self.data())
        except OSError as error:
            self.say(f"The drawing cannot be saved there ({error.strerror}); choose another place.", "warn")

    # ---- what is said, remembered and exported

    def _describe(self) -> None:
        own = self._own_card()
        self.live.setEnabled(own is not None)
        self.train.setEnabled(bool(self.sketch.marks))
        self.shelf.set_able(bool(self.sketch.marks), own is not None)
        marks = self.sketch.marks
        if not marks:
            self.status.tell("nothing drawn yet")
            self.status.set_side("")
            return
        self.status.tell(counted(marks, self._note), shares(marks))
        live = own is not None and self.live.isChecked()
        self.status.set_side("what you draw is learned at once" if live else "")

    def state(self) -> DrawState:
        """The drawing, those that are kept, and the tool."""
        return DrawState(
            drawing=json.dumps(files.plain(self.sketch.marks)) if self.sketch.marks else "",
            side=self.side,
            kept=json.dumps(self.shelf.kept) if self.shelf.kept else "",
            tool=self.sketch.hand.tool,
            live=self.live.isChecked(),
        )

    def restore(self, state: PanelState) -> None:
        """The drawing, those that are kept, and the tool."""
        if not isinstance(state, DrawState):
            return
        self._set_side(state.side)
        for remembered, take in ((state.drawing, self._restore_marks), (state.kept, self.shelf.restore)):
            found = files.from_text(remembered)
            if found is not None:
                take(found)
        if state.tool in TOOLS:
            self.controls.set_tool(state.tool)
        self.live.blockSignals(True)
        self.live.setChecked(state.live)
        self.live.blockSignals(False)

    def _restore_marks(self, found: object) -> None:
        try:
            self.sketch.set_marks(files.whole(found))
        except ValueError as error:
            self.say(f"The last drawing could not be read: {error}.", "warn")
        self.controls.refresh()
        self._describe()

    def picture(self) -> QWidget:
        """The sheet."""
        return self.sketch

    def exports(self) -> list[Export]:
        """The drawing as a file, as a picture or as vectors."""
        return [
            Export("Drawing as JSON", ".json", lambda path: files.write(path, self.data())),
            Export("Drawing as PNG", ".png", lambda path: export.export_png(self.sketch, path, self.settings_text())),
            Export("Drawing as SVG", ".svg", lambda path: export.export_svg(self.sketch, path)),
            Export("Drawing as PDF", ".pdf", lambda path: export.export_pdf(self.sketch, path)),
        ]
