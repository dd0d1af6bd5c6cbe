"""Hands on the way itself: forks, paint, changed classes, and the tree of what came of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtWidgets import QComboBox

from app.panels.steps.branches import ROOT, Branch, Branches, Change, Paint
from app.panels.steps.brush import PixelBrush, PointDrag
from app.panels.steps.lane import Track
from app.panels.steps.tree import TreeView, Twig
from app.shell import theme
from app.widgets import kit
from app.widgets.classchips import NONE
from app.widgets.folding import FoldingRow
from app.widgets.number import NumberBox
from gm_core import api

if TYPE_CHECKING:
    from app.panels.steps import StepsPanel

INKS = {"light": (255, 255, 255), "grey": (128, 128, 128), "dark": (0, 0, 0), "red": (255, 0, 0),
        "green": (0, 255, 0), "blue": (0, 0, 255)}  # fmt: skip
STILL = (
    "New noise has changed nothing: this sampler adds none. "
    "Take one that does, or paint, or change the class from here on."
)
PLAIN = ("light", "grey", "dark")


class PaintRow(FoldingRow):
    """The tools of the brush; for points there are only words."""

    def __init__(self) -> None:
        super().__init__()
        self.ink = QComboBox()
        self.ink.setAccessibleName("Ink")
        self.ink.addItems(PLAIN)
        self.width_box = NumberBox(1, 8, 2, integer=True, name="Width of the brush in pixels", step=1)
        self.width_box.set_room(40)
        self.clear = kit.IconButton("trash", "Take the paint away")
        self.go = kit.IconButton("play", "Go on from here with what is painted", "Return")
        self.word = kit.label("drag a point", "caption")
        self.add(self.word, priority=3)
        self.add(self.ink, "ink", priority=6)
        self.add(self.width_box, "width", priority=5)
        self.add(self.clear, priority=7)
        self.add(self.go, priority=9)

    def fit_to(self, card: api.RunCard) -> None:
        """The inks of a run's pictures; points are dragged."""
        pictures = card.data.kind == "images"
        self.word.setText("paint on xₜ and go on:" if pictures else "drag a point: it goes on from where it is let go")
        for widget in (self.ink, self.width_box, self.clear, self.go):
            self.set_shown(widget, pictures)
        names = tuple(INKS) if pictures and card.data.shape[0] == 3 else PLAIN
        if self.ink.count() != len(names):
            self.ink.clear()
            self.ink.addItems(names)


class Growing:
    """Grows the tree of branches of the question that the panel asks."""

    def __init__(self, panel: StepsPanel) -> None:
        self._panel = panel
        self.branches = Branches()
        self.kept: tuple[tuple[str, ...], int] | None = None
        """Branches that were remembered, until the run is there."""
        self.brush = PixelBrush(panel.lanes["a"].galleries["x"][1], panel)
        self.drag = PointDrag(panel.lanes["a"].plane, panel)
        self.drag.moved.connect(self._moved)
        self.drag.dropped.connect(self._dropped)
        panel.tree.chosen.connect(self.choose)
        panel.tree.removed.connect(self.remove)
        row = panel.paint_row
        row.ink.currentTextChanged.connect(lambda _: self._ink())
        row.width_box.changed.connect(lambda v: self.brush.set_size(int(v)))
        row.clear.clicked.connect(self.brush.clear)
        row.go.clicked.connect(self.go_on)
        self.brush.set_size(2)
        self._seed = 0

    # ---- the tree

    def forget(self) -> None:
        """Another question: nothing of the tree belongs to it."""
        self.branches.clear()
        self._let_go()

    def renew(self) -> None:
        """Another run, the first after a start perhaps: what was remembered comes back, else the tree is empty."""
        self.forget()
        if self.kept is not None:
            self.branches.read(*self.kept)
            self.kept = None

    def turns(self, n: int) -> tuple[api.Turn, ...]:
        """What leads to the branch in front."""
        card = self._panel.card
        if card is None:
            return ()
        c, *size = card.data.shape if card.data.kind == "images" else (0, *card.data.shape)
        return self.branches.turns(n, (*size, c) if c else tuple(size))

    def seed(self) -> int:
        """A seed for new noise that no branch has: all of the tree follows from the seed of the way."""
        used = [b.change.seed for b in self.branches.all.values() if b.change is not None]
        return max([1000 * self._panel.seed, *used]) + 1

    def fork(self) -> None:
        """Go on from the present moment with new noise."""
        self._grow(Change(self._panel.moment(), self.seed()))

    def turn_classes(self) -> None:
        """Go on from the present moment with the classes and the guidance that are chosen."""
        panel = self._panel
        row, names = panel.classes, panel.card.data.classes if panel.card is not None else ()
        y, mix = row.label(), row.mix()
        if y is None and not mix:
            mix = (*(0.0 for _ in names), 1.0)
        self._grow(Change(panel.moment(), self.seed(), row.guidance(), y, mix))

    def go_on(self) -> None:
        """Go on from what is painted."""
        paint = self.brush.paint()
        if paint is None:
            self._panel.say("Nothing is painted yet: draw on a sample first.", "warn")
            return
        self.brush.forget()
        self._grow(Change(self._panel.moment(), self.seed(), paint=paint))

    def _grow(self, change: Change) -> None:
        if not self._panel.lanes["a"].track.frames:
            return
        self._keep()
        self.branches.fork(change)
        self._panel.follow_branch(change.progress)

    def choose(self, number: int) -> None:
        """Go to a branch; one that is still known is there at once."""
        if number == self.branches.front or number not in self.branches.all:
            return
        self._keep()
        self.branches.front = number
        self._panel.show_branch()

    def remove(self, number: int) -> None:
        """Take a branch away."""
        front = self.branches.front
        self.branches.remove(number)
        for lane in self._panel.lanes.values():
            lane.stored = {k: track for k, track in lane.stored.items() if k in self.branches.all}
        if self.branches.front != front:
            self._panel.show_branch()
        self._panel.touch()

    def _keep(self) -> None:
        """The finished tracks of the branch in front are kept, so that one can go back to it at once."""
        for lane in self._panel.lanes_shown():
            if lane.track.done:
                lane.stored[self.branches.front] = lane.track

    def look_at_end(self) -> None:
        """Say so where new noise has changed nothing, since the sampler adds none."""
        branch = self.branches.all[self.branches.front]
        if branch.change is None or branch.change.words(()) != "new noise" or branch.progress >= 1.0:
            return
        lane = self._panel.lanes["a"]
        before = lane.stored.get(branch.parent if branch.parent is not None else ROOT)
        known = before is not None and bool(before.frames) and before.step == lane.track.step
        if before is not None and known:
            old, new = (track.frames[-1].x.astype(float) for track in (before, lane.track))
            if np.abs(new - old).mean() <= 1e-3 * np.abs(old).mean():
                self._panel.say(STILL, "warn")

    # ---- hands

    def set_painting(self, on: bool) -> None:
        """Whether samples can be painted on and points dragged."""
        self.brush.set_active(on)
        self.drag.set_active(on)
        self._ink()

    def _ink(self) -> None:
        self.brush.set_ink(*INKS.get(self._panel.paint_row.ink.currentText(), (255,)))
        self._panel.lanes["a"].pictures.select(None if self.brush.active() else self._panel.chosen_sample())

    def _let_go(self) -> None:
        self.brush.forget()

    def _moved(self, sample: int, x: float, y: float) -> None:
        frame = self._panel.lanes["a"].current()
        if frame is not None and frame.x.ndim == 2:
            moved = np.array(frame.x, np.float32)
            moved[sample] = x, y
            plane = self._panel.lanes["a"].plane
            plane.set_layer("x", plane._layers["x"].label, "points", moved, colour=theme.current().series[0])

    def _dropped(self, sample: int, x: float, y: float) -> None:
        paint = Paint((2,), (sample,), (0,), ((round(x, 4), round(y, 4)),))
        self._grow(Change(self._panel.moment(), self.seed(), paint=paint))

    # ---- drawing

    def show(self) -> None:
        """The tree, where there is more than one branch."""
        tree: TreeView = self._panel.tree
        rows = self.branches.rows()
        kit.show(tree, len(rows) > 1 and self._panel.room() >= theme.px(300))
        if len(rows) > 1:
            twigs = [Twig(branch, self._words(branch), self._thumb(branch)) for branch in rows]
            tree.set_twigs(twigs, self.branches.front, self._panel.room() < theme.px(520))
            tree.set_at(self._panel.moment())

    def _words(self, branch: Branch) -> str:
        names = self._panel.card.data.classes if self._panel.card is not None else ()
        if branch.change is not None:
            return branch.change.words((*names, NONE))
        origin = self._panel.origin.origin()
        return f"seed {self._panel.seed}" + (", from an example" if origin.given else "")

    def _thumb(self, branch: Branch) -> np.ndarray | None:
        lane = self._panel.lanes["a"]
        track: Track | None = lane.track if branch.number == self.branches.front else lane.stored.get(branch.number)
        if track is None or not track.done or not track.frames:
            return None
        last = track.frames[-1].x
        if last.ndim == 4:
            return np.asarray(last[min(self._panel.sample, len(last) - 1)])
        return cloud(last, self._panel.extent())


def cloud(points: np.ndarray, extent: tuple[float, float], side: int = 26) -> np.ndarray:
    """Points on the plane as a small picture (side, side, 3) in the colours of the theme: the more, the brighter."""
    lo, hi = extent
    counts, _, _ = np.histogram2d(points[:, 1], points[:, 0], bins=side, range=[[lo, hi], [lo, hi]])
    share = np.clip(counts[::-1] / max(1.0, 0.5 * counts.max()), 0.0, 1.0)[..., None]
    base, ink = (np.array(kit.rgb(c), float) for c in (theme.current().base, theme.current().series[0]))
    return (base + share * (ink - base)).round().astype(np.uint8)


__all__ = ["ROOT", "Growing", "PaintRow", "cloud"]
