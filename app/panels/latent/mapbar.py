"""The map with its controls above it and its legend below it."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtWidgets import QComboBox, QSizePolicy, QVBoxLayout, QWidget

from app.panels.latent.planes import KINDS, TIPS, Kind
from app.shell import theme
from app.widgets import kit
from app.widgets.folding import FoldingRow
from app.widgets.legend import LegendRow
from app.widgets.pad import LatentPad

LAYERS = {
    "density": ("data", "area", "the density of all codes of the data (aggregate posterior)"),
    "prior": ("prior", "line", "one and two standard deviations of the prior"),
    "lattice": ("lattice", "area", "decoded pictures, which fade where no data lies"),
    "ellipses": ("ellipses", "line", "how surely the encoder places some of the examples"),
}
MOST_CLASSES = 24
"""More classes than these are coloured alike, and not switched one by one."""
POINTS = (500, 1000, 2000, 5000, 10_000)
LOW = 300
"""A map that would be lower than this shows no legend."""


class MapBar(QWidget):
    """What surrounds the pad.

    Setters: set_size(k), set_axes(x, y), set_kind(kind), set_classes(names, present), set_model(encoder, pictures).
    Getters: kind(), axes(), hidden() (labels), hidden_layers(). Signals: kind_chosen(str), axes_chosen(),
    points_chosen(int), lasso_toggled(bool), anew() (lay out again).
    """

    kind_chosen = Signal(str)
    axes_chosen = Signal()
    points_chosen = Signal(int)
    lasso_toggled = Signal(bool)
    anew = Signal()

    def __init__(self, pad: LatentPad, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.pad = pad
        self.kinds = QComboBox()
        for kind, words in KINDS.items():
            self.kinds.addItem(words, kind)
            self.kinds.setItemData(self.kinds.count() - 1, TIPS[kind], Qt.ItemDataRole.ToolTipRole)
        self.kinds.setAccessibleName("What the map shows")
        self.kinds.setToolTip("What the map shows: " + TIPS["axes"])
        self.kinds.currentIndexChanged.connect(self._kind_changed)
        self.across, self.up = QComboBox(), QComboBox()
        for combo, name in ((self.across, "across the map"), (self.up, "up the map")):
            combo.setAccessibleName(f"Dimension {name}")
            combo.setToolTip(f"The dimension {name}")
            combo.setMinimumContentsLength(4)
            combo.currentIndexChanged.connect(lambda _: self.axes_chosen.emit())
        self.points = QComboBox()
        for n in POINTS:
            self.points.addItem(f"{n:,}", n)
        self.points.setAccessibleName("Examples on the map")
        self.points.setToolTip("How many real examples are encoded for the map and the histograms")
        self.points.currentIndexChanged.connect(lambda _: self.points_chosen.emit(int(self.points.currentData())))
        self.lasso = kit.IconButton("lasso", "Lasso: draw a loop around examples to see them", "Shift+drag", True)
        self.lasso.toggled.connect(self._lasso_toggled)
        self.again = kit.IconButton("reset", "Lay out the codes anew")
        self.again.clicked.connect(self.anew)
        self.fit = kit.IconButton("zoom-fit", "Show the whole map", "0")
        self.fit.clicked.connect(pad.fit)
        row = self.row = FoldingRow(self)
        row.add(self.kinds, "map", priority=9)
        row.add(self.across, priority=8)
        row.add(self.up, "×", priority=8)
        row.add(self.again, priority=8)
        row.add_space()
        row.add(self.points, "examples", priority=1)
        row.add(self.fit, priority=2)
        row.add(self.lasso, priority=7)
        self.legend = LegendRow()
        self.legend.toggled.connect(self._toggled)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(4)
        box.addWidget(row)
        box.addWidget(pad, 1)
        box.addWidget(self.legend)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self._dress = theme.current().name
        self._off: set[str] = {"ellipses"}
        self._classes: list[str] = []
        self._encoder = self._pictures = True
        pad.set_shown("ellipses", False)
        self._arrange()

    # ---- settings

    def kind(self) -> Kind:
        """What is mapped."""
        found: Kind = self.kinds.currentData()
        return found

    def set_kind(self, kind: Kind) -> None:
        """What is mapped, without a signal."""
        self.kinds.blockSignals(True)
        self.kinds.setCurrentIndex(list(KINDS).index(kind))
        self.kinds.blockSignals(False)
        self._arrange()

    def axes(self) -> tuple[int, int]:
        """The dimensions chosen."""
        return self.across.currentIndex(), self.up.currentIndex()

    def set_axes(self, x: int, y: int) -> None:
        """Show the dimensions without a signal."""
        for combo, axis in ((self.across, x), (self.up, y)):
            combo.blockSignals(True)
            combo.setCurrentIndex(axis)
            combo.blockSignals(False)

    def set_size(self, size: int) -> None:
        """How many dimensions there are to choose from."""
        for combo in (self.across, self.up):
            if combo.count() != size:
                combo.blockSignals(True)
                combo.clear()
                combo.addItems([f"z {i + 1}" for i in range(size)])
                combo.blockSignals(False)

    def set_points(self, n: int) -> None:
        """How many examples are encoded, without a signal."""
        self.points.blockSignals(True)
        self.points.setCurrentIndex(min(range(len(POINTS)), key=lambda i: abs(POINTS[i] - n)))
        self.points.blockSignals(False)

    def set_model(self, encoder: bool, pictures: bool) -> None:
        """Whether the model has an encoder (without, there are no points, components, layouts) and makes pictures."""
        self._encoder, self._pictures = encoder, pictures
        for kind in ("pca", "tsne"):
            item = self.kinds.model().item(list(KINDS).index(kind))  # type: ignore[attr-defined]
            item.setEnabled(encoder)
        self.row.set_shown(self.points, encoder)
        self.row.set_shown(self.lasso, encoder)
        self._arrange()

    def set_classes(self, names: Sequence[str]) -> None:
        """The classes whose points can be switched."""
        wanted = list(names)[:MOST_CLASSES] if len(names) <= MOST_CLASSES else []
        if wanted != self._classes:
            self._off -= {key for key in self._off if key.startswith("class ")}
            self._classes = wanted
        self._arrange()

    def hidden(self) -> set[int]:
        """The labels whose points are switched off."""
        return {int(key.removeprefix("class ")) for key in self._off if key.startswith("class ")}

    def hidden_layers(self) -> tuple[str, ...]:
        """The layers that are switched off."""
        return tuple(name for name in LAYERS if name in self._off)

    def set_hidden_layers(self, names: Sequence[str]) -> None:
        """Switch layers off, and the others on."""
        self._off = {key for key in self._off if key not in LAYERS} | {name for name in names if name in LAYERS}
        for name in LAYERS:
            self.pad.set_shown(name, name not in self._off)
        self._arrange()

    def set_room(self, height: int) -> None:
        """The height that the map and its controls may take: the legend goes first."""
        kit.show(self.legend, height >= theme.px(LOW))

    # ---- the parts

    def _arrange(self) -> None:
        t = theme.current()
        kind = self.kind()
        self.row.set_shown(self.across, kind == "axes")
        self.row.set_shown(self.up, kind == "axes")
        self.row.set_shown(self.again, kind == "tsne")
        flat = kind != "tsne"
        fitting = {
            "prior": flat,
            "lattice": flat and self._pictures,
            "density": self._encoder,
            "ellipses": flat and self._encoder,
        }
        inks = {"density": t.accent, "prior": t.text, "lattice": t.edge, "ellipses": t.muted}
        for name, (words, look, tip) in LAYERS.items():
            self.legend.put(name, words, inks[name], look)
            self.legend.chips[name].setToolTip(f"Click to show or hide {tip}")
        for i, name in enumerate(self._classes):
            self.legend.put(f"class {i}", name, theme.label_color(i), "points")
        for key, chip in self.legend.chips.items():
            present = key in {f"class {i}" for i in range(len(self._classes))} and self._encoder
            kit.show(chip, fitting.get(key, present))
            self.legend.set_shown(key, key not in self._off)

    def changeEvent(self, event: QEvent) -> None:
        """The legend wears the colours of the theme."""
        super().changeEvent(event)
        if event.type() in kit.RESTYLE and self._dress != theme.current().name:
            self._dress = theme.current().name
            self._arrange()

    def _toggled(self, key: str, on: bool) -> None:
        (self._off.discard if on else self._off.add)(key)
        if key in LAYERS:
            self.pad.set_shown(key, on)
        else:
            self.pad.set_hidden(self.hidden())

    def _kind_changed(self, _index: int) -> None:
        self.kinds.setToolTip("What the map shows: " + TIPS[self.kind()])
        self._arrange()
        self.kind_chosen.emit(self.kind())

    def _lasso_toggled(self, on: bool) -> None:
        self.pad.set_lasso(on)
        self.lasso_toggled.emit(on)
