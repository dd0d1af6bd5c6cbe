"""What the race shows: who leads, in which colour, and what is kept and written of it."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from app import export
from app.panels.race import RaceState
from app.panels.race.lanes import ranked
from app.panels.race.steward import PICTURES
from app.shell import theme
from gm_core import api
from tests.app.fake_model import run_card
from tests.app.race_bench import Course

pytestmark = pytest.mark.usefixtures("dressed")


def test_the_best_stands_first_and_real_examples_last(qtbot: QtBot) -> None:
    course = Course(qtbot, data="ring", families="ddpm,gan,vae", budget=240)
    course.begin()
    course.measure(ddpm=0.3, gan=0.1, vae=0.2)
    board = course.panel.board
    rows = [[board.topLevelItem(i).text(c) for c in range(3)] for i in range(board.topLevelItemCount())]
    assert [row[0] for row in rows] == ["gan", "vae", "ddpm", "real examples"]
    assert rows[0][1] == "0.11 ± 0.01" and rows[3][1] == "0.001"
    assert [r.entrant.key for r in ranked(course.panel.steward.runners, "coverage")] == ["ddpm", "gan", "vae"]
    assert not board.topLevelItem(0).icon(0).isNull()


def test_each_lane_keeps_its_colour_in_chart_and_pictures_and_the_theme_recolours_all(qtbot: QtBot, qapp: Any) -> None:
    course = Course(qtbot, data="ring", families="ddpm,gan,vae", budget=240)
    course.begin()
    course.measure()
    for name in ("dark", "light"):
        theme.apply(qapp, name)
        qapp.processEvents()
        course.settle()
        series = theme.current().series
        for place, runner in enumerate(course.panel.steward.runners):
            assert course.panel.plot.colour_of(runner.entrant.key) == series[place]
            assert course.panel.stalls.stalls[place + 1]._colour == series[place]
    assert len(course.panel.stalls.stalls) == 4 and course.panel.stalls.stalls[0]._items is not None


def test_a_picture_or_a_row_brings_its_run_to_the_front(qtbot: QtBot) -> None:
    course = Course(qtbot, run_card("mine", state="paused"), data="ring", families="gan,vae", budget=240)
    gan, vae = course.begin()
    course.measure()
    course.panel.stalls.stalls[2].chosen.emit()
    assert course.bench.desk.current == vae
    course.panel.stalls.stalls[0].chosen.emit()  # the data are no run
    assert course.bench.desk.current == vae
    course.panel.board.itemActivated.emit(course.panel.board.topLevelItem(0), 0)
    assert course.bench.desk.current in (gan, vae)


def test_the_y_axis_is_logarithmic_for_distances_only(qtbot: QtBot) -> None:
    course = Course(qtbot, data="ring", families="gan,vae", budget=240)
    course.begin()
    course.measure()
    panel = course.panel
    assert panel.plot._follower.log
    panel.measure.setCurrentIndex(panel.measure.findData("coverage"))
    panel.measure.activated.emit(panel.measure.currentIndex())
    course.settle()
    assert not panel.plot._follower.log and "higher is better" in panel.status.text()


@pytest.mark.parametrize("width", [320, 700])
def test_it_fits_narrow_and_wide_panels_on_both_pages(qtbot: QtBot, width: int) -> None:
    course = Course(qtbot, data="ring", families="ddpm,gan,vae", budget=240)
    course.panel.resize(width, 600)
    assert course.panel.minimumSizeHint().width() <= 320
    assert not course.panel.grab().isNull()
    course.begin()
    course.measure()
    course.panel.resize(width, 600)
    assert course.panel.minimumSizeHint().width() <= 320
    assert not course.panel.grab().isNull()


def test_settings_come_back_and_exports_hold_every_measurement(qtbot: QtBot, tmp_path: Path) -> None:
    state = {"data": "moons", "families": "gan,vae", "budget": 7, "unit": "seconds", "batch": 64, "metric": "coverage"}
    course = Course(qtbot, **state, axis="seconds", log=False)
    assert course.panel.state() == RaceState(**state, axis="seconds", log=False)
    assert all(one.reason for one in course.panel.exports())
    gan, _ = course.begin()
    course.measure()
    course.train(gan, 50)
    course.measure()
    png, _, table = course.panel.exports()
    assert not png.reason
    png.write(tmp_path / "race.png")
    written = export.read_settings(tmp_path / "race.png")
    assert written is not None and '"race1-gan"' in written
    table.write(tmp_path / "race.csv")
    with (tmp_path / "race.csv").open(encoding="utf-8") as written_table:
        rows = list(csv.DictReader(written_table))
    assert [(r["family"], r["step"]) for r in rows] == [
        ("gan", "0"),
        ("gan", "50"),
        ("vae", "0"),
        ("real examples", ""),
    ]
    assert float(rows[1]["mmd"]) == pytest.approx(1 / 51 + 0.01) and rows[1]["coverage_error"] == ""


def test_pictures_are_measured_with_fewer(qtbot: QtBot) -> None:
    course = Course(qtbot, data="digits", families="ddpm,vae", budget=240)
    course.begin()
    asks = [ask for ask in course.measure() if isinstance(ask.query, api.QualityQuery)]
    assert {ask.query.n for ask in asks} == {PICTURES} and {ask.query.shown for ask in asks} == {16}
