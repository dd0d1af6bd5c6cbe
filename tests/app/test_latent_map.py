"""What the latent map is drawn from: planes, densities, contours, trust in decoded pictures; and its widgets."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot
from sklearn.decomposition import PCA

from app.bridge.recorded import read_recording, write_recording
from app.panels.latent import planes
from app.panels.latent.near import how_far
from app.panels.latent.survey import Survey, beyond, circles, faded
from app.shell import theme
from app.widgets import images
from app.widgets.dragging import PictureDrag
from app.widgets.pad import LatentPad, inside
from app.widgets.points import label_colours, stamp
from app.widgets.slider import LatentSlider, SliderStack
from gm_core import api
from tests.app.fake_frames import latent_map
from tests.app.fake_model import LATENT, run_card

pytestmark = pytest.mark.usefixtures("dressed")

LEFT = Qt.MouseButton.LeftButton
SHIFT = Qt.KeyboardModifier.ShiftModifier
CTRL = Qt.KeyboardModifier.ControlModifier


def survey(**changes: object) -> Survey:
    return Survey(dataclasses.replace(latent_map(1500), **changes))


def axes(x: int = 0, y: int = 1) -> planes.Plane:
    return planes.of_axes(LATENT, (x, y))


# planes


def test_the_principal_plane_is_that_of_scikit_learn() -> None:
    codes = latent_map(800).mu @ np.random.default_rng(0).normal(size=(LATENT, LATENT)).astype(np.float32)
    plane = planes.of_components(codes)
    oracle = PCA(2).fit(codes)
    assert plane.centre == pytest.approx(oracle.mean_, abs=1e-4)
    assert plane.share == pytest.approx(oracle.explained_variance_ratio_, rel=1e-4)
    signs = np.sign((plane.directions * oracle.components_).sum(1))
    assert np.allclose(plane.directions, signs[:, None] * oracle.components_, atol=1e-3)
    assert np.allclose(plane.project(codes), signs * oracle.transform(codes), atol=1e-2)


def test_the_principal_plane_does_not_flip_while_the_model_learns() -> None:
    codes = latent_map(800).mu
    plane = planes.of_components(codes)
    turned = dataclasses.replace(plane, directions=-plane.directions)
    again = planes.of_components(codes + 0.01, turned)
    assert np.allclose(again.directions, turned.directions, atol=1e-3)


@pytest.mark.parametrize("kind", ["axes", "pca"])
def test_lifting_is_the_inverse_of_projecting_and_keeps_what_lies_across(kind: str) -> None:
    codes = latent_map(300).mu
    plane = axes(4, 2) if kind == "axes" else planes.of_components(codes)
    lifted = plane.lift(0.4, -1.1, codes[7])
    assert plane.project(lifted[None])[0] == pytest.approx((0.4, -1.1), abs=1e-5)
    moved = lifted - codes[7]
    assert np.allclose(moved - (moved @ plane.directions.T) @ plane.directions, 0, atol=1e-5)
    assert np.allclose(plane.lift(*plane.project(codes[7:8])[0], codes[7]), codes[7], atol=1e-5)


def test_ellipses_on_a_plane_are_the_projected_covariances() -> None:
    rng = np.random.default_rng(1)
    plane = planes.of_components(rng.normal(size=(500, LATENT)).astype(np.float32))
    std = rng.uniform(0.2, 1.0, (3, LATENT)).astype(np.float32)
    draws = std[1] * rng.normal(size=(40_000, LATENT)).astype(np.float32)
    assert np.allclose(plane.covariances(std)[1], np.cov(plane.project(draws).T), atol=0.02)
    full = np.einsum("nk,kl->nkl", std**2, np.eye(LATENT))
    assert np.allclose(plane.covariances(full), plane.covariances(std), atol=1e-6)


def test_a_layout_knows_the_code_nearest_to_a_place() -> None:
    layout = planes.Layout(np.array([[0, 0], [1, 1], [2, 0]], np.float32), np.array([5, 8, 2]), 3, 3)
    assert layout.nearest(1.2, 0.9) == 8
    assert layout.of(2) == (2.0, 0.0) and layout.of(3) is None


# the survey


def test_far_from_all_codes_is_off_the_data() -> None:
    found = survey()
    real = found.frame.mu[5]
    assert not found.off_data(real)
    assert found.nearest(real)[0][0] == 5 and found.nearest(real)[1] == pytest.approx(0, abs=1e-2)
    assert found.off_data(np.full(LATENT, 9.0, np.float32))
    assert found.trust(np.stack([real, np.full(LATENT, 9.0, np.float32)])) == pytest.approx([1.0, 0.06])


def test_most_real_codes_are_trusted_in_few_and_in_many_dimensions() -> None:
    rng = np.random.default_rng(4)
    for size in (2, 20):
        frame = latent_map(1000)
        codes, held = rng.normal(size=(2, 1000, size)).astype(np.float32)
        whole = np.ones(size, bool)
        found = Survey(dataclasses.replace(frame, mu=codes, std=np.full_like(codes, 0.1), active=whole))
        assert (found.trust(held) > 0.9).mean() > 0.85
        outliers = held / np.linalg.norm(held, axis=1, keepdims=True) * 3 * np.sqrt(size + 2)
        assert (found.trust(outliers) < 0.1).mean() > 0.85


def test_dead_axes_do_not_change_what_is_near() -> None:
    found = survey()
    z = found.frame.mu[5].copy()
    z[-3:] = 50.0
    assert found.nearest(z)[0][0] == 5


def test_beyond_is_0_at_the_median_and_1_at_the_95th_of_100() -> None:
    assert beyond(np.array([2.0, 3.0, 5.0]), 2.0, 3.0).tolist() == [0.0, 1.0, 3.0]
    frame = api.Nearest(np.zeros((1, 1, 2, 2, 1), np.uint8), np.array([[6.0]], np.float32), np.zeros((1, 1)), 2.0)
    assert how_far(dataclasses.replace(frame, far=3.0)) == (2.0, True)
    assert how_far(dataclasses.replace(frame, far=12.0)) == (0.5, False)
    assert how_far(dataclasses.replace(frame, typical=float("nan"))) == (None, False)


def test_the_density_behind_the_map_is_highest_where_the_codes_are() -> None:
    found = survey()
    values, (x0, x1, y0, y1) = found.density(axes())
    assert values.sum() == pytest.approx(1500, rel=0.05)
    row, column = np.unravel_index(values.argmax(), values.shape)
    at = np.array([x0 + (column + 0.5) / values.shape[1] * (x1 - x0), y0 + (row + 0.5) / values.shape[0] * (y1 - y0)])
    near = (np.abs(found.frame.mu[:, :2] - at) < 0.5).all(1).mean()
    away = (np.abs(found.frame.mu[:, :2] + at + 2.0) < 0.5).all(1).mean()
    assert near > away


def test_a_standard_prior_is_drawn_as_circles_and_another_by_what_it_holds() -> None:
    rng = np.random.default_rng(0)
    standard = survey(prior=rng.normal(size=(2000, LATENT)).astype(np.float32))
    rings = standard.prior_contours(axes())
    assert [name for name, _ in rings] == ["1σ", "2σ"]
    for (_, segments), radius in zip(rings, (1.0, 2.0), strict=True):
        assert np.linalg.norm(segments[:, :2], axis=1) == pytest.approx(radius, abs=1e-5)
    assert standard.prior_widths()[1].tolist() == [1.0] * LATENT
    two = np.concatenate([rng.normal(-4, 0.5, (2000, LATENT)), rng.normal(4, 0.5, (2000, LATENT))]).astype(np.float32)
    mixed = survey(prior=rng.permutation(two))
    outline = mixed.prior_contours(axes())[1][1]
    assert len(outline) and (np.abs(np.abs(outline) - 4) < 2.2).all(), "two islands, nothing between them"
    assert survey(prior=np.empty((0, LATENT), np.float32)).prior_contours(axes()) == []


def test_in_a_shifted_plane_the_circles_stay_around_the_origin_of_the_codes() -> None:
    plane = planes.Plane("pca", axes().directions, np.full(LATENT, 0.5, np.float32), ("", ""))
    ends = circles(plane)[0][1][:, :2]
    assert ends.mean(0) == pytest.approx((-0.5, -0.5), abs=1e-5)


def test_codes_of_any_scale_give_sliders_and_maps_their_bounds() -> None:
    assert survey().reach == (-3.0, 3.0)
    frame = latent_map(900)
    small = Survey(dataclasses.replace(
        frame, mu=frame.mu * 0.01 + 5.0, std=frame.std * 0, edges=np.linspace(4.9, 5.1, 42, dtype=np.float32),
        prior=(frame.mu * 0.01 + 5.0)[:500], deterministic=True,
    ))  # fmt: skip
    assert small.reach == pytest.approx((4.9, 5.1))
    x0, x1, y0, y1 = small.extent(axes())
    assert x1 - x0 < 0.2 and 4.8 < x0 < 5.0 and y1 - y0 == pytest.approx(x1 - x0)
    values, _ = small.density(axes())
    assert np.isfinite(values).all() and values.sum() > 800
    assert np.isfinite(small.trust(small.frame.mu[:9])).all()
    assert small.prior_widths()[0] == pytest.approx(5.0, abs=0.02)


def test_the_lattice_fades_where_no_data_lies() -> None:
    found = survey()
    z = np.stack([np.stack([found.frame.mu[3], np.full(LATENT, 9.0)]), np.full((2, LATENT), -9.0)]).astype(np.float32)
    grey = np.full((2, 2, 4, 4, 1), 200, np.uint8)
    grey[..., :2, :, :] = 0
    picture = faded(api.Lattice(grey, z, (-3, 3, -3, 3), 2), found)
    assert picture.shape == (8, 8, 4)
    ink = QColor(theme.current().text)
    assert picture[0, 0, :3].tolist() == [ink.red(), ink.green(), ink.blue()]
    lower_left = picture[4:, :4, 3]
    assert lower_left[2:].min() == 200 and not lower_left[:2].any(), "a real code is drawn whole, its ground is clear"
    assert picture[:4, :, 3].max() <= 255 * 0.06 + 1 and picture[4:, 4:, 3].max() <= 255 * 0.06 + 1
    colour = faded(api.Lattice(np.repeat(grey, 3, -1), z, (-3, 3, -3, 3), 2), found)
    assert colour[4, 0].tolist() == [0, 0, 0, 255] and colour[6, 0].tolist() == [200, 200, 200, 255]
    assert faded(api.Lattice(grey, z, (-3, 3, -3, 3), 2), None)[..., 3].max() == 200, "nothing is known: nothing fades"


def test_a_recorded_map_comes_back_with_its_words_and_old_recordings_without_them(tmp_path: Path) -> None:
    card, frame = run_card(), dataclasses.replace(latent_map(50), split="train", deterministic=True)
    stored = {f"map_{f.name}": getattr(frame, f.name) for f in dataclasses.fields(frame)}
    stored = {name: value for name, value in stored.items() if value is not None}
    old = {name: value for name, value in stored.items() if name not in ("map_split", "map_deterministic")}
    for arrays, split, sure in ((stored, "train", True), (old, "validation", False)):
        write_recording(tmp_path / "frames.npz", card, arrays)
        found = read_recording(tmp_path / "frames.npz")
        assert found is not None
        (back,) = found.answer(api.MapQuery())
        assert isinstance(back, api.LatentMap) and np.array_equal(back.mu, frame.mu)
        assert (back.split, back.deterministic) == (split, sure)


# the widgets


def shown(qtbot: QtBot, widget: QWidget, width: int = 420, height: int = 420) -> QWidget:
    qtbot.addWidget(widget)
    widget.resize(width, height)
    widget.show()
    return widget


def test_points_are_stamped_in_the_colour_of_their_class_where_they_lie() -> None:
    at = np.array([[10.0, 20.0], [30.0, 5.0], [-50.0, 3.0], [np.nan, 1.0]])
    colours = label_colours(np.array([3, 1, 1, 3]), 4)
    sheet = images.from_qimage(stamp(at, colours, 40, 30, 2.4, QColor("#000000")))
    assert sheet.shape == (30, 40, 4)
    for place, label in ((0, 3), (1, 1)):
        x, y = at[place].astype(int)
        ink = QColor(theme.label_color(label))
        assert sheet[y, x].tolist() == [ink.red(), ink.green(), ink.blue(), 255]
    assert sheet[15, 20, 3] == 0 and (sheet[..., 3] > 0).sum() < 2 * 60


def test_points_of_hidden_classes_are_not_drawn(qtbot: QtBot) -> None:
    pad = shown(qtbot, LatentPad())
    assert isinstance(pad, LatentPad)
    pad.set_points(np.array([[1.3, 1.3], [-1.3, -1.3]]), np.array([0, 1]))

    def seen(x: float, y: float) -> bool:
        where = pad.to_screen(x, y).toPoint()
        ground = pad.grab().toImage().pixelColor(pad.to_screen(-2.3, 2.3).toPoint())
        return pad.grab().toImage().pixelColor(where) != ground

    pad.set_cursor(3.1, 3.1)
    both = seen(1.3, 1.3), seen(-1.3, -1.3)
    pad.set_hidden([0])
    assert both == (True, True) and (seen(1.3, 1.3), seen(-1.3, -1.3)) == (False, True)


@pytest.mark.parametrize(("side", "beside"), [(400, True), (160, False)])
def test_a_small_map_shows_one_picture_at_its_crosshair(qtbot: QtBot, side: int, beside: bool) -> None:
    pad = LatentPad()
    pad.resize(side, side)
    qtbot.addWidget(pad)
    pad.show()
    pad.set_cursor(0.0, 0.0)
    bright, grey = np.full((8, 8, 1), 255, np.uint8), np.full((8, 8, 1), 120, np.uint8)
    pad.set_cursor_image(bright)
    alone = pad.grab().toImage()
    pad.set_cursor_image(bright, near=grey)
    assert (pad.grab().toImage() != alone) == beside


def test_shift_and_drag_is_a_lasso_and_so_is_dragging_with_the_tool(qtbot: QtBot) -> None:
    pad = shown(qtbot, LatentPad())
    assert isinstance(pad, LatentPad)
    pad.set_points(np.random.default_rng(0).normal(size=(50, 2)))
    corners = [pad.to_screen(x, y).toPoint() for x, y in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
    loops: list[np.ndarray] = []
    pad.lassoed.connect(loops.append)
    for modifier in (SHIFT, Qt.KeyboardModifier.NoModifier):
        pad.set_lasso(modifier != SHIFT)
        with qtbot.assertNotEmitted(pad.moved):
            qtbot.mousePress(pad, LEFT, modifier, corners[0])
            for corner in corners[1:]:
                qtbot.mouseMove(pad, corner)
            qtbot.mouseRelease(pad, LEFT, modifier, corners[3])
    assert len(loops) == 2
    for loop in loops:
        found = inside(np.array([[0.0, 0.0], [0.9, -0.9], [1.2, 0.0], [0.0, -3.0]]), loop)
        assert found.tolist() == [True, True, False, False]


def test_the_map_says_that_it_has_settled_after_a_move_and_not_after_new_contents(qtbot: QtBot) -> None:
    pad = shown(qtbot, LatentPad())
    assert isinstance(pad, LatentPad)
    qtbot.waitUntil(lambda: not pad._rest.isActive())
    told: list[bool] = []
    pad.settled.connect(lambda: told.append(True))
    pad.set_lattice(np.zeros((8, 8, 4), np.uint8))
    pad.set_background(np.ones((4, 4)))
    assert not pad._rest.isActive()
    pad.zoom_by(2.0)
    qtbot.waitUntil(lambda: len(told) == 1)


def test_inside_follows_the_even_odd_rule() -> None:
    star = np.array([[0, 3], [2, -3], [-3, 1], [3, 1], [-2, -3]], float)
    found = inside(np.array([[0.0, 2.0], [0.0, 0.0], [0.0, -2.0], [9.0, 0.0]]), star)
    assert found.tolist() == [True, False, False, False]


def test_keys_on_the_map_are_finer_with_shift_and_coarser_with_ctrl(qtbot: QtBot) -> None:
    pad = shown(qtbot, LatentPad())
    assert isinstance(pad, LatentPad)
    steps = []
    for modifier in (Qt.KeyboardModifier.NoModifier, SHIFT, CTRL):
        pad.set_cursor(0.0, 0.0)
        qtbot.keyClick(pad, Qt.Key.Key_Right, modifier)
        steps.append(pad.cursor_point()[0])
    assert steps[1] == pytest.approx(0.1 * steps[0]) and steps[2] == pytest.approx(5 * steps[0])


def test_a_double_click_on_a_latent_slider_goes_to_the_centre_of_its_prior(qtbot: QtBot) -> None:
    slider = shown(qtbot, LatentSlider(0), 400, 40)
    assert isinstance(slider, LatentSlider)
    slider.set_sigma(0.8, 0.5)
    slider.set_value(2.0)
    with qtbot.waitSignal(slider.changed) as got:
        qtbot.mouseDClick(slider.track, LEFT, pos=QPoint(40, 20))
    assert got.args == [0, 0.8]
    assert [mark for mark, _ in slider.track._marks] == pytest.approx([0.8, 0.3, 1.3, -0.2, 1.8])


def test_the_histogram_behind_a_slider_is_as_tall_as_its_counts(qtbot: QtBot) -> None:
    slider = shown(qtbot, LatentSlider(0), 400, 40)
    assert isinstance(slider, LatentSlider)
    counts = np.zeros(30)
    counts[20] = 8.0
    slider.set_value(-3.0)
    blank = slider.track.grab().toImage()
    slider.set_histogram(counts, -3, 3)
    drawn = slider.track.grab().toImage()
    changed = {
        x for x in range(drawn.width()) for y in range(drawn.height()) if drawn.pixel(x, y) != blank.pixel(x, y)
    }  # fmt: skip
    peak = slider.track.x_of(-3 + 6 * 20.5 / 30)
    assert changed and min(changed) > peak - 16 and max(changed) < peak + 16


def test_dead_dimensions_are_folded_by_what_the_model_says_of_them(qtbot: QtBot) -> None:
    stack = shown(qtbot, SliderStack())
    assert isinstance(stack, SliderStack)
    stack.set_dimensions(5)
    stack.set_use(np.array([5.0, 4.0, 3.0, 2.0, 1.0]), dead=np.array([True, False, False, True, True]), words="is {}")
    assert stack.order() == [0, 1, 2, 3, 4] and stack.fold.text() == "3 unused"
    assert [row.index for row in stack.rows if row.isVisible()] == [1, 2]
    assert stack.rows[1].bar.toolTip() == "z 2: is 4."


def test_thumbnails_stand_at_the_ends_of_the_slider_that_is_pointed_at(qtbot: QtBot) -> None:
    stack = shown(qtbot, SliderStack())
    assert isinstance(stack, SliderStack)
    stack.set_dimensions(9)
    low, high = np.zeros((2, 8, 8, 1), np.uint8)
    stack.set_thumbs(3, low, high, (-2.0, 2.0))
    assert not stack.thumbs.isVisible(), "nobody points there"
    for index in (3, 8):
        stack.rows[index].pointed.emit(index, True)
        stack.set_thumbs(index, low, high, (-2.0, 2.0))
        card, row = stack.thumbs.geometry(), stack.rows[index]
        assert stack.thumbs.isVisible() and stack.rect().contains(card)
        top = row.mapTo(stack, QPoint(0, 0)).y()
        assert not card.intersects(row.rect().translated(row.mapTo(stack, QPoint(0, 0)))) or card.bottom() <= top
        row.pointed.emit(index, False)
        assert not stack.thumbs.isVisible()


def test_a_dragged_picture_says_how_far_and_modifiers_scale_it(qtbot: QtBot) -> None:
    picture = shown(qtbot, QWidget(), 200, 100)
    drag = PictureDrag(picture)
    moves: list[tuple[float, float]] = []
    drag.moved.connect(lambda dx, dy: moves.append((dx, dy)))
    qtbot.mousePress(picture, LEFT, pos=QPoint(50, 50))
    qtbot.mouseMove(picture, QPoint(70, 40))
    qtbot.mouseRelease(picture, LEFT, pos=QPoint(70, 40))
    assert np.sum(moves, axis=0) == pytest.approx((0.2, 0.1), abs=0.02)
    moves.clear()
    for modifier in (Qt.KeyboardModifier.NoModifier, SHIFT, CTRL):
        qtbot.keyClick(picture, Qt.Key.Key_Up, modifier)
    assert [dy for _, dy in moves] == pytest.approx([0.02, 0.002, 0.1]) and not any(dx for dx, _ in moves)
    drag.set_enabled(False)
    moves.clear()
    qtbot.keyClick(picture, Qt.Key.Key_Up)
    assert not moves
