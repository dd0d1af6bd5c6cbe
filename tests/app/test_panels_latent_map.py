"""The latent explorer's map: what is asked for, where it is drawn, and what a lasso catches."""

from __future__ import annotations

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from app.panels.latent import LatentPanel
from gm_core import api
from tests.app.fake_model import LATENT, decode, encode
from tests.app.opening import opened

pytestmark = pytest.mark.usefixtures("dressed")


def test_the_lattice_is_asked_for_where_one_looks_and_drawn_in_transparent_ink(qtbot: QtBot) -> None:
    panel, bench = opened(qtbot, LatentPanel)
    qtbot.waitUntil(lambda: not panel._settle.isActive())
    bench.pass_time(2)
    query = bench.engine.asks("latent/lattice")[-1].query
    x0, x1 = panel.pad.shown()[:2]
    assert query.size == 20 and query.box[0] <= x0 + 1e-6 and query.box[1] >= x1 - 1e-6
    assert query.box[1] - query.box[0] == pytest.approx(query.box[3] - query.box[2])
    qtbot.waitUntil(lambda: bench.desk.take([]) or panel.pad._lattice is not None)
    picture, box = panel.pad._lattice
    assert box == query.box and picture.hasAlphaChannel()
    panel.pad.zoom_by(3.0)
    qtbot.waitUntil(lambda: not panel.pad._rest.isActive())
    bench.pass_time(2)
    near = bench.engine.asks("latent/lattice")[-1].query.box
    assert near[1] - near[0] == pytest.approx((query.box[1] - query.box[0]) / 3, rel=0.05)


def test_the_principal_plane_keeps_what_lies_across_it(qtbot: QtBot) -> None:
    panel, _ = opened(qtbot, LatentPanel)
    panel.chart.bar.kinds.setCurrentIndex(1)
    before, plane = panel.z.copy(), panel.chart.plane
    panel.pad.moved.emit(0.7, -0.4)
    assert panel.chart.place(panel.z) == pytest.approx((0.7, -0.4), abs=1e-4)
    moved = panel.z - before
    assert np.allclose(moved - (moved @ plane.directions.T) @ plane.directions, 0, atol=1e-5)
    assert "of the codes' variance" in panel.chart.words()


def test_a_layout_by_tsne_is_made_on_request_alone_and_shows_real_examples(qtbot: QtBot) -> None:
    panel, bench = opened(qtbot, LatentPanel)
    qtbot.waitUntil(lambda: not panel._settle.isActive())
    bench.pass_time(2)
    assert not bench.engine.asks("latent/embed")
    panel.chart.bar.kinds.setCurrentIndex(2)
    bench.pass_time(4)
    (ask,) = bench.engine.asks("latent/embed")
    assert len(ask.query.codes) == 1000 and not ask.follow
    assert panel.chart.layout.done == 3 and "1,000 codes" in panel.chart.words()
    x, y = panel.chart.layout.xy[17]
    hovers = len(bench.engine.asks("latent/hover"))
    panel.pad.hovered.emit(float(x), float(y))
    bench.pass_time(2)
    assert len(bench.engine.asks("latent/hover")) == hovers, "no place between the points is decoded"
    shown = bench.engine.asks("latent/real")[-1].query.indices
    assert shown == (int(panel.survey.frame.indices[panel.chart.layout.nearest(x, y)]),)
    panel.chart.bar.kinds.setCurrentIndex(0)
    bench.pass_time(2)
    assert not panel.pointing.hovering
    assert len(bench.engine.asks("latent/embed")) == 1
    assert panel.state().plane == "axes", "t-SNE is never begun by what was remembered"


def test_a_layout_that_is_left_before_its_end_is_given_up_and_begun_anew(qtbot: QtBot) -> None:
    panel, bench = opened(qtbot, LatentPanel)
    panel.chart.bar.kinds.setCurrentIndex(2)
    bench.pass_time(1, answer=False)
    panel.chart.bar.kinds.setCurrentIndex(0)
    assert any(isinstance(c, api.Cancel) and c.topic == "latent/embed" for c in bench.engine.sent)
    panel.chart.bar.kinds.setCurrentIndex(2)
    bench.pass_time(3)
    assert len(bench.engine.asks("latent/embed")) == 2 and panel.chart.layout.done == 3


def test_a_lasso_makes_a_gallery_of_the_shown_classes(qtbot: QtBot) -> None:
    panel, bench = opened(qtbot, LatentPanel)
    loop = np.array([[0.0, -9.0], [9.0, -9.0], [9.0, 9.0], [0.0, 9.0]])
    panel.chart.bar.legend.chips["class 3"].click()
    panel.pad.lassoed.emit(loop)
    bench.pass_time(2)
    frame = panel.survey.frame
    expected = np.flatnonzero((frame.mu[:, 0] > 0) & (frame.labels != 3))
    assert panel.caught.count() == len(expected) and panel.caught.isVisible()
    asked = bench.engine.asks("latent/caught")[-1].query
    assert asked.indices == tuple(int(i) for i in frame.indices[expected[:120]])
    assert panel.caught.mosaic.count() == 120
    panel.caught.mosaic.clicked.emit(5)
    bench.pass_time(2)
    assert np.allclose(panel.sliders.values(), frame.mu[expected[5]], atol=1e-3)
    panel.caught.close_button.click()
    assert not panel.caught.isVisible()


def test_classes_and_layers_are_switched_by_the_words_of_the_legend(qtbot: QtBot) -> None:
    panel, _ = opened(qtbot, LatentPanel)
    chips = panel.chart.bar.legend.chips
    assert {f"class {i}" for i in range(10)} < set(chips)
    assert not panel.pad.is_shown("ellipses") and panel.pad.is_shown("density")
    chips["class 4"].click()
    chips["density"].click()
    chips["ellipses"].click()
    assert panel.pad._hidden == {4} and not panel.pad.is_shown("density") and panel.pad.is_shown("ellipses")
    chips["class 4"].click()
    assert panel.pad._hidden == set()


def test_more_examples_can_be_put_on_the_map(qtbot: QtBot) -> None:
    panel, bench = opened(qtbot, LatentPanel)
    panel.chart.bar.points.setCurrentIndex(4)
    bench.pass_time(1)
    assert bench.engine.asks("latent/map")[-1].query.n == 10_000


def test_encoding_and_decoding_of_the_stand_in_are_inverse() -> None:
    z = np.zeros((1, LATENT), np.float32)
    z[0, :3] = (0.3, -0.2, 0.1)
    assert np.allclose(encode(decode(z))[0, :3], z[0, :3], atol=0.2)
