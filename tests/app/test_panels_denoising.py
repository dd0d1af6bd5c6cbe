"""The denoising panel: what is spoilt and how, repairs of repairs, damage by hand, and the field beside the truth."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from app.panels.denoising import DenoisingPanel, DenoisingState, trained
from app.panels.denoising.field import agreement
from app.panels.denoising.pictures import signed, stages
from app.widgets.images import to_qimage
from gm_core import api
from tests.app.fake_core import Bench, FakeEngine
from tests.app.fake_model import digits, run_card
from tests.app.opening import on_desk

pytestmark = pytest.mark.usefixtures("dressed")

POINTS = frozenset({"denoises", "reconstructs", "encodes"})


@dataclass
class Halving(FakeEngine):
    """Repairs by halving the damage, so that each round has a quarter of the squared error before it."""

    kind: str = "masking"
    amount: float = 0.5
    sent: list[api.Command] = field(default_factory=list)

    def answer(self, ask: api.Ask, live: int = 2400) -> list[api.Answered]:
        query = ask.query
        if not isinstance(query, api.CorruptQuery):
            return super().answer(ask, live)
        x = digits()[0][: query.n] if query.given is None else query.given
        spoilt = np.full_like(x, 200) if query.spoilt is None else query.spoilt
        back = ((spoilt.astype(float) + x) / 2).round().astype(np.uint8)
        errors, damage = (
            (((a.astype(float) - x) / 255) ** 2).mean((1, 2, 3)).astype(np.float32) for a in (back, spoilt)
        )
        frame = api.Repairs(x, spoilt, back, errors, damage, self.kind, self.amount)
        return [api.Answered(ask.run, ask.topic, ask.ticket, live, 0, frame, True, 0.01)]


def repairing(qtbot: QtBot, points: bool = False, engine: FakeEngine | None = None) -> tuple[DenoisingPanel, Bench]:
    bench = Bench()
    if engine is not None:
        bench.engine = bench.desk.engine = engine
    bench.desk.take([api.RunChanged(run_card("ring-dae", points=True, offers=POINTS) if points else run_card())])
    bench.fill_curves(bench.desk.current)
    return on_desk(qtbot, DenoisingPanel(), bench, rounds=6), bench


def last(bench: Bench, purpose: str = "repair") -> api.CorruptQuery:
    query = bench.engine.asks(f"denoising/{purpose}")[-1].query
    assert isinstance(query, api.CorruptQuery)
    return query


# pictures


def test_at_first_examples_are_spoilt_as_the_model_was_trained_to_undo(qtbot: QtBot) -> None:
    panel, bench = repairing(qtbot, engine=Halving())
    assert (last(bench).kind, last(bench).amount) == ("masking", 0.5)
    assert panel.controls.kind.currentText() == "masking"
    assert "trained to undo masking 0.5" in panel.status.text()


def test_what_a_person_chooses_stays_and_can_be_given_back(qtbot: QtBot) -> None:
    panel, bench = repairing(qtbot, engine=Halving())
    panel.controls.kind.setCurrentText("salt and pepper")
    panel.controls.amount.set_value(0.1)
    panel.controls.amount.changed.emit(0.1)
    bench.pass_time(3)
    assert (last(bench).kind, last(bench).amount) == ("salt_and_pepper", pytest.approx(0.1))
    panel.controls.own.click()
    bench.pass_time(4)
    assert (last(bench).kind, last(bench).amount) == ("masking", 0.5)


def test_the_rows_are_original_spoilt_repaired_and_difference(qtbot: QtBot) -> None:
    panel, _ = repairing(qtbot)
    shown, (found,) = panel.rows.mosaic._images, panel._rounds
    assert shown is not None and shown.shape == (8, 4 * 8 + 3, 8, 3), "a line of one pixel between the rows"
    rows = [shown[:, i * 9 : i * 9 + 8, :, :1] for i in range(4)]
    for row, wanted in zip(rows, (found.originals, found.corrupted, found.repaired), strict=False):
        assert np.array_equal(row, wanted)
    assert np.array_equal(rows[3], signed(found.repaired, found.originals))
    assert panel.rows.names._words == ["original", "spoilt", "repaired", "difference"]
    panel.controls.difference.click()
    panel.redraw()
    assert panel.rows.names._words[-1] == "repaired"


def test_a_repair_is_repeated_as_often_as_asked_and_its_errors_are_told(qtbot: QtBot) -> None:
    panel, bench = repairing(qtbot, engine=Halving())
    panel.controls.rounds.set_value(4)
    panel.controls.rounds.changed.emit(4)
    bench.pass_time(8)
    assert len(panel._rounds) == 4
    again = [a.query for a in bench.engine.asks("denoising/again")][-3:]
    for query, before in zip(again, panel._rounds, strict=False):
        assert isinstance(query, api.CorruptQuery)
        assert np.array_equal(query.spoilt, before.repaired) and np.array_equal(query.given, before.originals)
    errors = [float(r.errors.mean()) for r in panel._rounds]
    for one, two in pairwise(errors[:3]):
        assert two == pytest.approx(one / 4, rel=0.1)
    assert panel.status.text().count("→") == 4
    assert panel.rows.names._words == ["original", "spoilt", *(f"repair {i}" for i in range(1, 5)), "difference"]


def test_while_rounds_are_on_their_way_the_last_whole_chain_stays(qtbot: QtBot) -> None:
    panel, bench = repairing(qtbot, engine=Halving())
    panel.controls.rounds.set_value(3)
    panel.controls.rounds.changed.emit(3)
    bench.pass_time(6)
    before = panel._rounds
    panel.controls.dice.click()
    bench.pass_time(1)
    assert panel._rounds is before
    bench.pass_time(6)
    assert panel._rounds is not before and len(panel._rounds) == 3


def test_of_many_repairs_the_first_ones_and_the_last_are_shown() -> None:
    x = digits()[0][:2]
    rounds = [api.Repairs(x, x, np.full_like(x, i), np.zeros(2), np.zeros(2)) for i in range(10)]
    words = [word for word, _ in stages(rounds, True)]
    assert words == ["original", "spoilt", "repair 1", "repair 2", "repair 3", "repair 4", "repair 10", "difference"]


def test_a_model_that_saw_nothing_spoilt_is_told_of_as_such() -> None:
    x = digits()[0][:1]
    assert trained(api.Repairs(x, x, x, np.zeros(1), np.zeros(1))) == "trained on clean examples only"


# by hand


def test_what_is_scribbled_is_sent_beside_the_original_and_repaired(qtbot: QtBot) -> None:
    panel, bench = repairing(qtbot, engine=Halving())
    panel.controls.kind.setCurrentText("by hand")
    bench.pass_time(4)
    original = panel.bench.original
    assert original is not None and panel.pages.currentWidget() is panel.bench
    assert not panel.controls.amount.isVisibleTo(panel), "amounts mean nothing by hand"
    panel.bench.board.view.dab((1, 1), (6, 6), "brush")
    panel.bench.board.view.finish()
    bench.pass_time(4)
    query = last(bench)
    assert query.given is not None and query.spoilt is not None
    assert np.array_equal(query.given[0], original)
    assert np.array_equal(query.spoilt[0, ..., 0], panel.bench.board.picture())
    assert (query.spoilt != query.given).any()
    assert panel.bench.strip._labels[0].startswith("original") and len(panel.bench.strip._labels) == 4
    panel.bench.back.click()
    bench.pass_time(3)
    assert np.array_equal(panel.bench.board.picture(), original[..., 0])
    panel.bench.board.undo()
    assert not np.array_equal(panel.bench.board.picture(), original[..., 0]), "going back can be undone"


def test_another_example_by_hand_is_another_original(qtbot: QtBot) -> None:
    panel, bench = repairing(qtbot)
    panel.controls.kind.setCurrentText("by hand")
    bench.pass_time(4)
    first = panel.bench.original
    panel.controls.dice.click()
    bench.pass_time(4)
    assert panel.bench.original is not None and not np.array_equal(panel.bench.original, first)


def test_without_the_data_one_can_still_spoil_a_picture_of_ones_own(qtbot: QtBot) -> None:
    bench = Bench(replace(run_card(), facts={"no_data": "MNIST is not here"}))
    panel = DenoisingPanel()
    qtbot.addWidget(panel)
    panel.bind(bench.desk)
    panel.show()
    bench.pass_time(3)
    assert not bench.engine.asks("denoising/") and "by hand" in panel.status.text()
    panel.controls.kind.setCurrentText("by hand")
    panel.bench.board.view._take(lambda: to_qimage(digits()[0][5]))
    bench.pass_time(3)
    assert last(bench).given is not None and panel._rounds


# the plane


def test_points_are_spoilt_repaired_and_have_arrows_beside_the_exact_field(qtbot: QtBot) -> None:
    panel, bench = repairing(qtbot, points=True)
    layers = panel.plane.view._layers
    assert {"spoilt", "repaired", "field", "exact", "ways"} <= set(layers)
    assert not panel.controls.count.isVisibleTo(panel) and panel.controls.kind.findText("by hand") < 0
    field_query = bench.engine.asks("denoising/field")[-1].query
    assert isinstance(field_query, api.RepairFieldQuery)
    assert field_query.sigma == pytest.approx(last(bench).amount)
    assert "cosine similarity 1.000" in panel.plane.words.text(), "the pretend arrows have the exact direction"
    assert "relative error 11 %" in panel.plane.words.text(), "and are 8/9 as long"


def test_without_the_truth_the_arrows_stand_alone(qtbot: QtBot) -> None:
    panel, _ = repairing(qtbot, points=True)
    assert panel._field is not None
    panel._field = replace(panel._field, exact=None)
    panel.redraw()
    assert "exact" not in panel.plane.view._layers
    assert "not known" in panel.plane.words.text()


def grid(size: int = 21) -> np.ndarray:
    side = np.linspace(-2, 2, size)
    return np.stack(np.meshgrid(side, side), -1).reshape(-1, 2).astype(np.float32)


def test_agreement_of_equal_turned_and_shorter_fields() -> None:
    points = grid()
    exact = -points
    spoilt = np.random.default_rng(0).normal(0, 0.6, (500, 2))
    same = agreement(api.RepairField(points, exact, exact, 0.3), spoilt)
    half = agreement(api.RepairField(points, exact / 2, exact, 0.3), spoilt)
    turned = agreement(api.RepairField(points, exact[:, ::-1] * [1, -1], exact, 0.3), spoilt)
    assert same is not None and half is not None and turned is not None
    assert same.cosine == pytest.approx(1.0) and same.relative == pytest.approx(0.0, abs=1e-9)
    assert half.cosine == pytest.approx(1.0) and half.relative == pytest.approx(0.5)
    assert turned.cosine == pytest.approx(0.0, abs=1e-6) and turned.relative == pytest.approx(2**0.5)


def test_agreement_counts_only_where_spoilt_points_lie() -> None:
    points = grid()
    exact = np.ones_like(points)
    wrong_far_out = np.where(np.abs(points[:, :1]) > 1.5, -1.0, 1.0) * exact
    inside = np.random.default_rng(0).uniform(-1, 1, (300, 2))
    found = agreement(api.RepairField(points, wrong_far_out, exact, 0.3), inside)
    assert found is not None and found.relative == 0.0 and found.places < len(points)
    outside = np.array([[9.0, 9.0], [-7.0, 0.0]])
    assert agreement(api.RepairField(points, exact, exact, 0.3), outside) is None
    assert agreement(api.RepairField(points, exact, None, 0.3), inside) is None


# settings


@pytest.mark.parametrize("kind", ["gaussian", "masking", "salt_and_pepper", "by_hand"])
def test_the_settings_are_remembered(qtbot: QtBot, kind: str) -> None:
    panel = DenoisingPanel()
    qtbot.addWidget(panel)
    state = DenoisingState(kind=kind, amount=0.25, rounds=5, count=16, difference=False, chosen=True)  # type: ignore[arg-type]
    panel.restore(state)
    bench = Bench(run_card())
    panel.bind(bench.desk)
    panel.show()
    bench.pass_time(4)
    found = panel.state()
    assert found == state
    assert (panel.pages.currentWidget() is panel.bench) == (kind == "by_hand")
