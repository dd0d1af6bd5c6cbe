"""The widgets of the latent explorer, made and joined."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QComboBox

from app.panels.latent.chart import Chart
from app.panels.latent.gallery import Caught
from app.panels.latent.near import Nearby
from app.panels.latent.sliding import Sliding
from app.widgets import kit
from app.widgets.dragging import PictureDrag
from app.widgets.folding import FoldingRow
from app.widgets.items import Items
from app.widgets.status import StatusLine
from gm_core import api

if TYPE_CHECKING:
    from app.panels.latent import LatentPanel

ALL = -1
"""The entry of the class chooser that decodes the mean over all classes."""


def build(panel: LatentPanel) -> None:
    """Make every part and connect it with what the panel does."""
    panel.draw = kit.IconButton("dice", "A code drawn from the prior")
    panel.draw.clicked.connect(panel.draw_prior)
    panel.centre = kit.IconButton("reset", "Back to the centre of the prior")
    panel.centre.clicked.connect(panel.to_centre)
    panel.stop = kit.IconButton("plus", "Make this code a stop of Paths: pick two, and walk between them")
    panel.stop.clicked.connect(panel.pick_stop)
    panel.classes = QComboBox()
    panel.classes.setAccessibleName("Class to decode as")
    panel.classes.setToolTip("The class that the decoder is told")
    panel.classes.currentIndexChanged.connect(lambda _: panel.class_changed())
    _build_map(panel)
    panel.side = kit.IconButton("settings", "Sliders in place of the map", checkable=True)
    panel.side.toggled.connect(lambda _: panel.arrange())
    row = panel.header = FoldingRow(panel)
    row.add(panel.draw, priority=9)
    row.add(panel.centre, priority=6)
    row.add(panel.stop, priority=7)
    row.add(panel.classes, "class", priority=8)
    row.add_space()
    row.add(panel.side, priority=8)
    panel.picture_view = Items(panel)
    panel.picture_view.set_empty("Nothing decoded yet", "Press Train: each code becomes a picture here.")
    panel.picture_view.mosaic.setMinimumSize(96, 96)
    panel.picture_view.mosaic.setAccessibleName("Decoded picture")
    panel.drag = PictureDrag(panel.picture_view.mosaic)
    panel.drag.moved.connect(panel.dragged_picture)
    panel.nearby = Nearby(panel)
    panel.near = panel.nearby.mosaic
    panel.near_words = panel.nearby.words
    panel.sliding = Sliding(panel)
    panel.sliders = panel.sliding.stack
    panel.sliders.changing.connect(panel.slid)
    panel.sliders.changed.connect(panel.slid)
    panel.sliding.sort_chosen.connect(panel.asking.effects)
    panel.caught = Caught(panel)
    panel.caught.closed.connect(panel.asking.close_gallery)
    panel.status = StatusLine(panel)


def _build_map(panel: LatentPanel) -> None:
    chart = panel.chart = Chart(panel)
    panel.pad = chart.pad
    chart.chosen_by_lasso.connect(panel.asking.catch)
    chart.wanting.connect(panel.asking.background)
    chart.bar.points_chosen.connect(panel.asking.set_points)
    chart.bar.set_points(panel.asking.points)
    chart.bar.legend.toggled.connect(lambda *_: panel.asking.background())


def fill_classes(chooser: QComboBox, card: api.RunCard) -> None:
    """The classes of the data, for models that learn p(x|z, y); none for others."""
    names = card.data.classes if "classes" in card.offers else ()
    wanted = [*names, "all classes"] if names else []
    if [chooser.itemText(i) for i in range(chooser.count())] == wanted:
        return
    chooser.blockSignals(True)
    chooser.clear()
    for label, name in enumerate(names):
        chooser.addItem(name, label)
    if names:
        chooser.addItem("all classes", ALL)
    chooser.blockSignals(False)
