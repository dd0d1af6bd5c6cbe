"""Galleries, strips and cards, and what is saved of them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QLabel

from app import export
from app.widgets import images
from app.widgets.mosaic import Mosaic
from app.widgets.plane import PlaneView
from app.widgets.strip import Strip
from app.widgets.thumb import CardGrid

pytestmark = pytest.mark.usefixtures("dressed")

RNG = np.random.default_rng(0)


def gallery(n: int = 12, side: int = 8, channels: int = 1) -> np.ndarray:
    return RNG.integers(0, 256, (n, side, side, channels), dtype=np.uint8)


@pytest.fixture
def mosaic(qtbot) -> Mosaic:
    m = Mosaic()
    qtbot.addWidget(m)
    m.resize(400, 300)
    m.show()
    return m


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_pictures_survive_the_way_to_qt_and_back(qapp, channels: int) -> None:
    a = gallery(1, 9, channels)[0]
    if channels == 4:
        a[..., 3] = 255
    back = images.from_qimage(images.to_qimage(a))
    assert np.array_equal(back[..., :3], images.as_rgb(a)[..., :3])


def test_tiling_with_and_without_gaps_puts_images_in_reading_order() -> None:
    a = gallery(6)
    assert np.array_equal(images.tile(a, 3)[8:16, 16:24], a[5])
    assert np.array_equal(images.tile(a, 3, gap=2)[12:20, 22:30], a[5])


def test_a_click_on_a_tile_names_that_tile(qtbot, mosaic: Mosaic) -> None:
    mosaic.set_images(gallery(12))
    for i in (0, 5, 11):
        with qtbot.waitSignal(mosaic.clicked) as got:
            qtbot.mouseClick(mosaic, Qt.MouseButton.LeftButton, pos=mosaic.tile_rect(i).center().toPoint())
        assert got.args == [i]
    assert mosaic.index_at(QPoint(0, 0)) == -1


def test_a_fitted_gallery_uses_whole_zooms_and_stays_inside(mosaic: Mosaic) -> None:
    mosaic.set_images(gallery(48, 28), [str(i) for i in range(48)])
    assert mosaic.zoom() >= 1
    for i in (0, 47):
        assert mosaic.rect().contains(mosaic.tile_rect(i).toRect())
    assert mosaic.tile_rect(0).width() == 28 * mosaic.zoom()


def test_a_fitted_gallery_fills_its_room_where_whole_zooms_would_be_small(mosaic: Mosaic) -> None:
    """64 digits in 600x380: whole zooms would leave them at 28 pixels, of 48 that there is room for."""
    mosaic.resize(600, 380)
    mosaic.set_images(gallery(64, 28))
    side = mosaic.tile_rect(0).width()
    assert side > 40 and mosaic.zoom() == 1
    assert all(mosaic.rect().contains(mosaic.tile_rect(i).toRect()) for i in range(64))
    assert all(mosaic.index_at(mosaic.tile_rect(i).center().toPoint()) == i for i in range(64))
    mosaic._step_zoom(1)
    assert mosaic.tile_rect(0).width() == 56, "by hand it is whole"
    mosaic.set_zoom(None)
    mosaic._step_zoom(-1)
    assert mosaic.tile_rect(0).width() == 28
    mosaic.set_zoom(None)
    mosaic.resize(1200, 1000)
    assert mosaic.tile_rect(0).width() == 28 * 4 and mosaic.zoom() == 4, "and where there is room"
    mosaic.resize(640, 400)
    assert mosaic.tile_rect(0).width() == 28 * 2, "or nearly as much as there is"


def test_a_gallery_returns_what_it_shows_at_native_pixels(mosaic: Mosaic) -> None:
    a = gallery(12)
    mosaic.set_images(a)
    mosaic.set_columns(4)
    assert np.array_equal(mosaic.image(), images.tile(a, 4))


def test_keys_zoom_and_walk(qtbot, mosaic: Mosaic) -> None:
    mosaic.set_images(gallery(12))
    before = mosaic.zoom()
    qtbot.keyClick(mosaic, Qt.Key.Key_Minus)
    assert mosaic.zoom() == before - 1
    qtbot.keyClick(mosaic, Qt.Key.Key_0)
    assert mosaic.zoom() == before
    with qtbot.waitSignal(mosaic.clicked) as got:
        qtbot.keyClick(mosaic, Qt.Key.Key_Right)
    assert got.args == [0]


def test_zooming_keeps_the_point_under_the_pointer(mosaic: Mosaic) -> None:
    mosaic.set_images(gallery(64, 28))
    mosaic.set_zoom(6)
    anchor = mosaic.tile_rect(27).center()
    mosaic._step_zoom(1, anchor)
    assert mosaic.index_at(anchor.toPoint()) == 27


def test_wrong_arrays_are_refused_with_their_shape(mosaic: Mosaic) -> None:
    with pytest.raises(ValueError, match="float64"):
        mosaic.set_images(np.zeros((3, 8, 8, 1)))


def test_an_empty_gallery_paints_and_emptying_forgets(mosaic: Mosaic) -> None:
    mosaic.set_images(gallery(4))
    mosaic.set_images(None)
    assert mosaic.count() == 0 and mosaic.image() is None and not mosaic.grab().isNull()


def test_a_strip_reports_the_picture_pressed(qtbot) -> None:
    s = Strip()
    qtbot.addWidget(s)
    s.resize(500, 200)
    s.set_items([("a", gallery()[0]), ("b", None), ("c", gallery()[0])])
    with qtbot.waitSignal(s.clicked) as got:
        qtbot.mouseClick(s, Qt.MouseButton.LeftButton, pos=s._slots()[2].center().toPoint())
    assert got.args == [2] and s.image().shape == (8, 16, 3)


def test_cards_choose_and_refuse(qtbot) -> None:
    g = CardGrid()
    qtbot.addWidget(g)
    g.set_cards([("a", "A", "", gallery(5)), ("b", "B", "", None)])
    g.show()
    with qtbot.waitSignal(g.selected_key) as got:
        qtbot.mouseClick(g.cards["b"], Qt.MouseButton.LeftButton)
    assert got.args == ["b"] and g.selected() == "b"
    g.cards["a"].set_enabled_reason("needs labels")
    qtbot.mouseClick(g.cards["a"], Qt.MouseButton.LeftButton)
    assert g.selected() == "b" and "needs labels" in g.cards["a"].toolTip()


# saving


def test_settings_travel_inside_a_png(qtbot, tmp_path: Path) -> None:
    label = QLabel("x")
    qtbot.addWidget(label)
    label.resize(80, 20)
    text = json.dumps({"beta": 4, "name": "β-VAE"})
    file = export.export_png(label, tmp_path / "a.png", text, scale=3)
    assert export.read_settings(file) == text
    with Image.open(file) as saved:
        assert saved.size == (240, 60)
    assert os.listdir(tmp_path) == ["a.png"]


def test_a_picture_without_settings_says_none(qapp, tmp_path: Path) -> None:
    assert export.read_settings(export.export_png(gallery()[0], tmp_path / "a.png")) is None


@pytest.mark.parametrize("suffix", [".gif", ".webp"])
def test_a_film_has_all_its_frames_and_its_settings(tmp_path: Path, suffix: str) -> None:
    file = export.save_animation(gallery(7, 16), tmp_path / f"f{suffix}", fps=10, settings='{"a": 1}', enlarge=2)
    with Image.open(file) as film:
        assert (film.n_frames, film.size) == (7, (32, 32))
    assert export.read_settings(file) == '{"a": 1}'


def test_a_png_film_is_a_strip(qapp, tmp_path: Path) -> None:
    file = export.save_animation(gallery(5), tmp_path / "s.png", settings='{"a": 1}')
    with Image.open(file) as saved:
        assert saved.size == (40, 8)
    assert export.read_settings(file) == '{"a": 1}'


def test_vectors_are_written_as_vectors(qtbot, tmp_path: Path) -> None:
    v = PlaneView()
    qtbot.addWidget(v)
    v.set_layer("p", "points", "points", RNG.normal(size=(50, 2)))
    v.show()
    svg = export.export_svg(v.canvas, tmp_path / "a.svg").read_text()
    assert "<svg" in svg and svg.count("<path") + svg.count("<circle") + svg.count("<polyline") > 5
    assert export.export_pdf(v.canvas, tmp_path / "a.pdf").read_bytes().startswith(b"%PDF")


def test_a_curve_plot_is_exported_as_vectors(qtbot, tmp_path: Path) -> None:
    from app.widgets.curves import CurvePlot

    w = CurvePlot()
    qtbot.addWidget(w)
    w.resize(500, 300)
    w.set_series("a", "loss", np.arange(50), np.arange(50.0))
    w.show()
    svg = export.export_svg(w.plot, tmp_path / "c.svg").read_text()
    assert "<polyline" in svg and "<text" in svg and "<image" not in svg
    assert export.export_pdf(w.plot, tmp_path / "c.pdf").stat().st_size > 500


def test_the_clipboard_gets_an_image_and_png_bytes(qtbot) -> None:
    label = QLabel("x")
    qtbot.addWidget(label)
    export.copy_to_clipboard(label, '{"a": 1}')
    data = QGuiApplication.clipboard().mimeData()
    assert {"image/png", "application/json"} <= set(data.formats()) and data.hasImage()
    del data
    QGuiApplication.clipboard().clear()


def test_errors_are_one_clear_sentence(qapp, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"must end in \.png"):
        export.export_png(gallery()[0], tmp_path / "a.jpg")
    with pytest.raises(OSError, match="does not exist"):
        export.export_png(gallery()[0], tmp_path / "no" / "a.png")
    with pytest.raises(ValueError, match="at least one frame"):
        export.save_animation([], tmp_path / "a.gif")
    with pytest.raises(ValueError, match="JSON"):
        export.export_png(gallery()[0], tmp_path / "a.png", "{")
    assert list(tmp_path.iterdir()) == []
