"""Recorded examples: they answer before the engine is there, and give way to it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from app.bridge.recorded import (
    Recording,
    as_text,
    card_from_json,
    card_to_json,
    read_recording,
    write_recording,
)
from gm_core import api
from tests.app.desks import CATALOGUE, Scene
from tests.app.fake_model import run_card

# ---- recordings


def recording() -> Recording:
    items = np.arange(8 * 4, dtype=np.uint8).reshape(8, 2, 2, 1)
    return Recording(run_card("example:small", state="viewed"), {"samples": items})


def test_a_recording_answers_before_the_engine_is_there(qapp: Any) -> None:
    scene = Scene()
    scene.desk.show_recordings([recording()])
    scene.desk.ask("gallery/sheet", api.SampleQuery(n=3))
    scene.desk.ask("other/density", api.LogProbQuery())
    scene.desk.take([])
    assert [type(a.frame) for a in scene.heard] == [api.Sheet]
    assert not scene.engine.sent


def test_an_example_that_the_worker_has_opened_answers_for_itself(qapp: Any, tmp_path: Any) -> None:
    scene = Scene()
    held = recording()
    held.folder = tmp_path / "small"
    scene.desk.show_recordings([held])
    scene.desk.ask("gallery/sheet", api.SampleQuery(n=3))
    scene.desk.take([])
    scene.desk.take([api.Ready(CATALOGUE)])
    assert api.OpenRun(str(held.folder)) in scene.engine.sent
    scene.desk.take([api.RunChanged(run_card("small", state="viewed"))])
    assert [ask.run for ask in scene.engine.asks()] == ["small"]
    assert scene.desk.current == "small" and scene.desk.showing_examples


def test_a_run_of_the_users_with_an_examples_name_is_not_taken_for_it(qapp: Any, tmp_path: Any) -> None:
    scene = Scene()
    held = recording()
    held.folder = tmp_path / "small"
    scene.desk.show_recordings([held])
    scene.desk.take([api.Ready(CATALOGUE)])
    scene.desk.start({})
    scene.desk.take([api.RunChanged(run_card("small", folder="/runs/small"))])
    assert scene.desk.current == "small" and not scene.desk.showing_examples


def test_a_run_of_the_users_may_take_the_name_of_an_open_example(qapp: Any, tmp_path: Any) -> None:
    scene = Scene()
    held = recording()
    held.folder = tmp_path / "small"
    scene.desk.show_recordings([held])
    scene.desk.take([api.Ready(CATALOGUE), api.RunChanged(run_card("small", state="viewed"))])
    assert scene.desk.showing_examples
    scene.desk.start({})
    scene.desk.take([api.RunChanged(run_card("small", folder="/runs/small", step=0))])
    assert scene.desk.current == "small" and not scene.desk.showing_examples


def test_a_recording_comes_back_from_disk_as_it_was(tmp_path: Any) -> None:
    folder = tmp_path / "small"
    folder.mkdir()
    card = run_card("whatever", state="viewed")
    write_recording(folder / "frames.npz", card, {"samples": recording().arrays["samples"], "names": as_text({})})
    back = read_recording(folder / "frames.npz")
    assert back is not None and back.card.run == "example:small"
    assert back.card.offers == card.offers and back.card.data == card.data
    assert card_from_json(card_to_json(card)).charts == card.charts


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x03\x04broken"])
def test_a_broken_recording_is_left_out(tmp_path: Any, content: bytes) -> None:
    path = tmp_path / "frames.npz"
    path.write_bytes(content)
    assert read_recording(path) is None


def test_a_shipped_example_that_is_wished_for_comes_to_the_front(qapp: Any, tmp_path: Any) -> None:
    scene = Scene()
    first, second = recording(), recording()
    first.folder, second.folder = tmp_path / "small", tmp_path / "other"
    second.card = run_card("example:other", state="viewed")
    scene.desk.show_recordings([first, second])
    assert scene.desk.current == "example:small"
    scene.desk.open_run(str(tmp_path / "other"))
    assert scene.desk.current == "example:other" and not scene.engine.sent


def test_a_recorded_filling_is_played_whole_and_only_where_it_is_what_was_asked() -> None:
    rng = np.random.default_rng(0)
    order = rng.permutation(16)
    has = {
        "fill_start": np.zeros((3, 4, 4, 1), np.uint8), "fill_order": order, "fill_sites": order,
        "fill_orders": as_text(["own"]), "fill_values": rng.integers(0, 255, (3, 16)).astype(np.uint8),
        "fill_log_probs": -rng.random((3, 16)).astype(np.float16),
        "fill_entropies": rng.random((3, 16)).astype(np.float16),
    }  # fmt: skip
    held = Recording(run_card("example:sites", state="viewed"), has)
    opening, filled = held.answer(api.FillQuery(n=2))
    assert isinstance(opening, api.Filled) and isinstance(filled, api.Filled)
    assert opening.start is not None and opening.start.shape == (2, 4, 4, 1) and opening.number == 0
    assert filled.number == filled.total == 16 and np.array_equal(filled.values, has["fill_values"][:2])
    assert held.answer(api.FillQuery(y=3)) == held.answer(api.FillQuery(draw_from=4)) == []
