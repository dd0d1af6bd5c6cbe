"""The viewer as a panel: classes, orders, sizes, themes, exports, and nothing left behind."""

from __future__ import annotations

import csv
import gc
import json
import weakref
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAccessible
from PySide6.QtWidgets import QAbstractButton, QComboBox, QLineEdit
from pytestqt.qtbot import QtBot

from app import export
from app.panel import find_panels
from app.panels.sites import SitesPanel, SitesState
from app.shell import theme
from app.widgets.images import from_qimage
from gm_core import api
from tests.app.fake_core import Bench
from tests.app.sites_bench import OFFERS, Sitewise, asks, bench_of, card, opened, settle

pytestmark = pytest.mark.usefixtures("dressed")

# classes and orders


def test_a_model_of_classes_draws_any_or_one_and_is_asked_under_a_class(qtbot: QtBot) -> None:
    panel, bench = opened(qtbot, found=card(offers=OFFERS | {"classes"}))
    assert asks(bench, "fill")[-1].y is None
    assert panel.controls.label.count() == 11
    bench.pass_time(3)
    assert panel.inquiry.y() == 7, "what was drawn is most probably a seven"
    panel.controls.label.setCurrentIndex(4)
    bench.pass_time(2)
    assert asks(bench, "fill")[-1].y == 3
    panel.canvas.hovered.emit(3)
    settle(qtbot, bench)
    assert asks(bench, "site")[-1].y == 3


def test_another_order_is_one_click_away_and_its_curve_is_laid_over_this_one(qtbot: QtBot) -> None:
    panel, bench = opened(qtbot)
    actions = {a.text(): a for a in panel.controls.menu.actions()}
    assert len(actions) == 5 and not actions["row by row"].isEnabled()
    actions["random"].trigger()
    started = [c for c in bench.engine.sent if isinstance(c, api.Start)]
    assert started[-1].spec["model"] == {"kind": "fvsbn", "order": "random"}
    assert started[-1].spec["title"] == "fvsbn-digits, random order"
    assert started[-1].spec["train"] == {"batch": 100} and "fvsbn-digits" in bench.desk.overlays


def test_a_model_without_a_choice_of_order_offers_none_and_one_of_many_offers_them(qtbot: QtBot) -> None:
    fixed = card(spec={"model": {"kind": "pixel_cnn"}})
    panel, _ = opened(qtbot, found=fixed)
    assert not panel.controls.train.isVisibleTo(panel.controls.row) and panel.controls.order.count() == 1
    panel, bench = opened(qtbot, Sitewise(orders=("raster", "random")))
    panel.controls.order.setCurrentIndex(1)
    bench.pass_time(1)
    assert asks(bench, "fill")[-1].order == "random"


# the panel as a panel


def test_the_panel_opens_for_images_that_are_drawn_site_by_site(qtbot: QtBot) -> None:
    assert find_panels()["sites"] is SitesPanel
    assert (theme.resources() / "icons" / f"{SitesPanel.icon}.svg").is_file() and SitesPanel.tip.endswith(".")
    assert opened(qtbot)[0].card is not None
    assert opened(qtbot, found=card(offers=OFFERS - {"sitewise"}))[0].card is None


@pytest.mark.parametrize("mode", ["dark", "light"])
@pytest.mark.parametrize("size", [(1100, 760), (520, 400), (330, 300)])
def test_it_draws_at_every_size_and_in_both_themes(
    qtbot: QtBot, qapp: object, mode: str, size: tuple[int, int]
) -> None:
    theme.apply(qapp, mode)  # type: ignore[arg-type]
    empty = SitesPanel()
    qtbot.addWidget(empty)
    empty.resize(*size)
    empty.bind(Bench().desk)
    empty.show()
    panel, bench = opened(qtbot, size=size)
    panel.go(64)
    bench.pass_time(1)
    blank, drawn = from_qimage(empty.grab().toImage()), from_qimage(panel.grab().toImage())
    assert blank.shape == drawn.shape and blank.std() > 0
    assert (blank != drawn).any(-1).mean() > 0.05


def test_each_control_has_a_name_for_screen_readers(qtbot: QtBot) -> None:
    panel, _ = opened(qtbot)
    for kind in (QAbstractButton, QComboBox, QLineEdit):
        for widget in panel.findChildren(kind):
            if widget.objectName().startswith("qt_"):
                continue
            seen = QAccessible.queryAccessibleInterface(widget)
            assert seen is not None and seen.text(QAccessible.Text.Name).strip(), type(widget).__name__


def test_settings_survive_a_round_trip_and_everything_is_exported_with_them(qtbot: QtBot, tmp_path: Path) -> None:
    panel, bench = opened(qtbot)
    wished = SitesState(count=9, overlay="entropy", temperature=0.7, pace=50, loop=True)
    panel.restore(wished)
    assert panel.state() == wished
    panel.draw_anew()
    bench.pass_time(3)
    panel.go(40)
    bench.pass_time(2)
    for number, wanted in enumerate(choice for choice in panel.exports() if not choice.reason):
        path = tmp_path / f"{number}{wanted.suffix}"
        wanted.write(path)
        assert path.stat().st_size > 100, wanted.title
        if wanted.suffix in (".png", ".gif", ".webp"):
            facts = json.loads(export.read_settings(path) or "")
            assert facts["panel"] == "sites" and facts["settings"] == wished.plain() and facts["place"] == 40
        elif wanted.suffix == ".csv":
            rows = list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))
            assert len(rows) == 64
            assert panel.film is not None
            assert float(rows[9]["log_prob_nats"]) == pytest.approx(float(panel.film.log_probs[0, 9]))


def test_a_closed_panel_leaves_nothing_behind(qtbot: QtBot) -> None:
    bench = bench_of(Sitewise())
    panel = SitesPanel()
    panel.resize(500, 400)
    panel.bind(bench.desk)
    panel.show()
    bench.pass_time()
    gone = weakref.ref(panel)
    panel.hide()
    asked = bench.engine.asks("sites/")
    assert {a.topic for a in asked} <= {c.topic for c in bench.engine.sent if isinstance(c, api.Cancel)}
    panel.close()
    panel.deleteLater()
    del panel
    qtbot.wait(10)
    gc.collect()
    bench.desk.take([api.RunChanged(card())])
    bench.desk.seek(800)
    bench.pass_time()
    assert len(bench.engine.asks("sites/")) == len(asked), "a closed panel asks no more"
    from shiboken6 import isValid

    assert gone() is None or not isValid(gone())


def test_shift_with_arrows_walks_over_pixels_and_return_opens_the_small_window(qtbot: QtBot) -> None:
    panel, bench = opened(qtbot)
    panel.canvas.hovered.emit(9)
    bench.pass_time(1)
    qtbot.keyClick(panel.canvas, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    bench.pass_time(1)
    qtbot.keyClick(panel.canvas, Qt.Key.Key_Down, Qt.KeyboardModifier.ShiftModifier)
    bench.pass_time(1)
    assert panel.inquiry.site == 18 and panel.canvas.pixel() == 18
    qtbot.keyClick(panel.canvas, Qt.Key.Key_Return)
    assert panel.popover.isVisible() and "Row 3, column 3: was" in panel.popover.words.text()
    qtbot.keyClick(panel.popover, Qt.Key.Key_Escape)
    assert not panel.popover.isVisible()


def test_the_pixel_under_the_pointer_is_found_at_every_zoom(qtbot: QtBot) -> None:
    panel, _ = opened(qtbot)
    for size in ((720, 520), (900, 700), (300, 280)):
        panel.resize(*size)
        for pixel in (0, 7, 27, 63):
            assert panel.canvas.pixel_at(panel.canvas.rect_of(pixel).center()) == pixel
        assert panel.canvas.pixel_at(QPoint(0, 0)) == -1
