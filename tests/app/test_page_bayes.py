"""What hands do on the page about Bayes' rule."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from app.pageparts.bayes_table import SHARE, TOP
from app.pages.bayes import BayesPage
from app.widgets.figuremarks import Words
from gm_core.concepts import bayes as concept
from tests.app.page_bench import opened
from tests.app.page_hands import drag

pytestmark = pytest.mark.usefixtures("dressed")


def test_a_cell_is_chosen_by_a_press_and_changed_by_a_drag(qtbot: QtBot) -> None:
    page = opened(qtbot, BayesPage, section="table")
    before = concept.EXAMPLES["weather"]
    QTest.mouseClick(page.joint, Qt.MouseButton.LeftButton, pos=page.joint.place_of(2.5, 1.5).toPoint())
    assert (page.settings.pressure, page.settings.weather) == ("high", "cloud")
    assert page.settings.joint == before, "a press changes nothing"
    drag(page.joint, (2.5, 1.3), (2.5, 1.6))
    wanted = before[6] + 0.3 * TOP / SHARE
    assert page.settings.joint[6] == pytest.approx(wanted, abs=0.01) == page.settings.cell
    assert sum(page.settings.joint) == pytest.approx(1.0) and page.settings.table == "by hand"
    assert page.numbers()["p_xy"] == pytest.approx(page.settings.joint[6])


def test_the_slider_of_the_cell_and_the_named_tables_change_the_joint(qtbot: QtBot) -> None:
    page = opened(qtbot, BayesPage, section="table", pressure="low", weather="sun")
    page.set(cell=0.6)
    assert page.settings.joint[1] == pytest.approx(0.6)
    page.set(table="independent")
    assert page.settings.joint == concept.EXAMPLES["independent"]
    assert page.settings.cell == pytest.approx(concept.EXAMPLES["independent"][1])
    assert page.numbers()["information"] == pytest.approx(0.0, abs=1e-12)


def test_handles_of_the_test_set_prior_sensitivity_and_specificity(qtbot: QtBot) -> None:
    page = opened(qtbot, BayesPage, section="test", prior=0.3)
    drag(page.areas, (0.3, 1.0), (0.2, 1.0))
    drag(page.areas, (0.0, 0.9), (0.0, 0.6))
    drag(page.areas, (1.0, 0.05), (1.0, 0.4))
    s = page.settings
    assert (s.prior, s.sensitivity, s.specificity) == pytest.approx((0.2, 0.6, 0.6), abs=0.02)
    expected = s.sensitivity * s.prior / (s.sensitivity * s.prior + (1 - s.specificity) * (1 - s.prior))
    assert page.numbers()["posterior"] == pytest.approx(expected)


def test_means_and_the_point_are_dragged_on_the_plane(qtbot: QtBot) -> None:
    page = opened(qtbot, BayesPage, section="plane")
    before = page.numbers()["posterior"]
    drag(page.plane, page.settings.mu_1, (2.0, -2.0))
    assert page.settings.mu_1 == pytest.approx((2.0, -2.0), abs=0.05)
    drag(page.plane, page.settings.probe, (1.8, -1.5))
    assert page.numbers()["posterior"] > 0.9 > before


def test_the_number_of_examples_is_dragged_along_the_learning_curve_which_stays(qtbot: QtBot) -> None:
    page = opened(qtbot, BayesPage, section="learning", truth="outliers")
    curve = page.frames["curve"]
    page.curve.moved.emit("n", 700.0, 0.1)
    assert page.settings.n == 700 and len(page.frames["fit"].columns()["y"]) == 700
    assert np.array_equal(page.frames["curve"].columns()["n"], curve.columns()["n"])
    n = page.numbers()
    assert n["error_logistic"] < n["error_shared"]


def test_a_stranger_far_away_is_none_of_these(qtbot: QtBot) -> None:
    page = opened(qtbot, BayesPage, section="none", stranger=(0.5, 0.9))
    assert page.numbers()["inside"] == 1.0
    page.sure.moved.emit("stranger", -7.0, 7.0)
    assert page.numbers()["inside"] == 0.0 and page.numbers()["sure"] > 0.999
    words = {mark.text for mark in page.knows.marks() if isinstance(mark, Words)}
    assert words == {"none of these"}
