"""The store keeps every number of every step, survives a kill and a damaged index, and never mixes two runs."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from gm_core.protocol.events import Edited, RolledBack, RunChanged, Scalars, Vectors
from gm_core.runs import index as index_module
from gm_core.runs.chunks import joined, pack, pack_steps, unpack, unpack_steps
from gm_core.runs.export import scalars_csv
from gm_core.runs.folders import RunsError, resolve
from gm_core.runs.store import CURVES_FILE, Store
from gm_core.spec import load_yaml
from tests.runs.conftest import card_of, curve, spec_of


def same(a: Scalars, b: Scalars) -> bool:
    """Bit for bit, NaN included."""
    pairs = ((a.steps, b.steps), (a.seconds, b.seconds), (a.values, b.values))
    alike = all(x.dtype == y.dtype and x.shape == y.shape and x.tobytes() == y.tobytes() for x, y in pairs)
    return alike and (a.run, a.names, a.split) == (b.run, b.names, b.split)


@given(hnp.arrays(np.float32, hnp.array_shapes(min_dims=2, max_dims=2, max_side=30), elements=st.floats(width=32)))
def test_packed_values_come_back_bit_for_bit(values: np.ndarray) -> None:
    assert unpack(pack(values), np.float32, *values.shape).tobytes() == np.ascontiguousarray(values).tobytes()


@given(st.lists(st.integers(0, 2**62), min_size=1, max_size=50))
def test_packed_steps_come_back_in_any_order(steps: list[int]) -> None:
    assert unpack_steps(pack_steps(np.array(steps, np.int64)), len(steps)).tolist() == steps


def test_names_are_made_unique_and_a_folder_holds_the_spec(store: Store) -> None:
    names = [store.create_run(spec_of("a"), card_of())[0] for _ in range(3)]
    assert names == ["a", "a-2", "a-3"]
    folder = store.folder / "a-2"
    assert {p.name for p in folder.iterdir()} == {"spec.yaml", "checkpoints", "artifacts"}
    assert load_yaml(folder / "spec.yaml").train.steps == 100


def test_nothing_is_made_on_disk_by_looking(tmp_path: Path) -> None:
    assert Store(tmp_path / "none").rows() == ()
    assert not (tmp_path / "none").exists()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 5000), st.integers(1, 1500), st.booleans()), min_size=1, max_size=8))
def test_every_step_comes_back_in_the_order_of_recording(
    store: Store, pieces: list[tuple[int, int, bool]]
) -> None:
    run, _ = store.create_run(spec_of(), card_of())
    events = [curve(run, first, n, "validation" if other else "train") for first, n, other in pieces]
    for event in events:
        store.add([event])
    history = Store(store.folder).history(run)
    for split in ("train", "validation"):
        wanted = [event for event in events if event.split == split]
        found = [found for found in history.curves if found.split == split]
        assert len(found) == bool(wanted)
        assert not wanted or same(found[0], joined(wanted))


def test_steps_that_a_rollback_repeats_are_all_kept(store: Store) -> None:
    run, _ = store.create_run(spec_of(), card_of())
    store.add([curve(run, 1, 80), RolledBack(run, 80, 50), curve(run, 51, 60)])
    steps = store.history(run).curves[0].steps
    assert steps.tolist() == [*range(1, 81), *range(51, 111)]


def test_names_that_change_midway_leave_gaps_and_lose_nothing(store: Store) -> None:
    run, _ = store.create_run(spec_of(), card_of())
    store.add([curve(run, 1, 3, names=("total", "kl")), curve(run, 4, 2, names=("total", "other"))])
    whole = store.history(run).curves[0]
    assert whole.names == ("total", "kl", "other")
    assert np.isnan(whole.values).tolist() == [[False, False, True]] * 3 + [[False, True, False]] * 2


def test_a_million_scalars_come_back_equal_and_small(store: Store) -> None:
    run, _ = store.create_run(spec_of(), card_of())
    n, portion = 250_000, 5_000
    rng = np.random.default_rng(0)
    steps = np.arange(1, n + 1, dtype=np.int64)
    seconds = np.cumsum(rng.random(n) * 1e-3)
    loss = 100 * np.exp(-steps / 5e4) + rng.standard_normal(n)
    values = np.stack([loss, loss * 0.7, loss * 0.3, -loss], 1).astype(np.float32)
    for at in range(0, n, portion):
        part = slice(at, at + portion)
        store.add([Scalars(run, ("total", "a", "b", "c"), steps[part], seconds[part], values[part])])
    back = store.history(run).curves[0]
    assert same(back, Scalars(run, ("total", "a", "b", "c"), steps, seconds, values))
    store.close()
    raw = steps.nbytes + seconds.nbytes + values.nbytes
    assert store._index.path.stat().st_size < 0.8 * raw


def test_small_portions_are_gathered_into_large_chunks(store: Store) -> None:
    run, _ = store.create_run(spec_of(), card_of())
    for first in range(0, 3000, 10):
        store.add([curve(run, first, 10)])
    rows = sqlite3.connect(store._index.path).execute("SELECT n FROM curves").fetchall()
    assert [n for (n,) in rows] == [1000, 1000, 1000]


def test_rows_say_where_each_run_stands_newest_first(store: Store) -> None:
    first, _ = store.create_run(spec_of("first"), card_of())
    second, folder = store.create_run(spec_of("second"), card_of(parent="first", parent_step=7))
    store.add([curve(first, 1, 30), curve(first, 30, 1, "validation")])
    store.add([RunChanged(card_of(second, state="finished", step=100, folder=str(folder), parent="first"))])
    rows = store.rows()
    assert [row.run for row in rows] == ["second", "first"]
    assert (rows[0].state, rows[0].step, rows[0].parent, rows[0].model) == ("finished", 100, "first", "vae")
    assert (rows[1].state, rows[1].step) == ("training", 30)
    assert rows[1].score == pytest.approx(float(curve(first, 30, 1, "validation").values[0, 0]))
    assert rows[1].bytes > 0


def test_looking_at_a_run_does_not_change_what_it_is(store: Store) -> None:
    run, folder = store.create_run(spec_of(), card_of())
    store.add([RunChanged(card_of(run, state="finished", step=100, folder=str(folder)))])
    store.add([RunChanged(card_of(run, state="viewed", step=40, folder=str(folder)))])
    assert (store.rows()[0].state, store.rows()[0].step) == ("finished", 100)


def test_a_run_whose_program_was_killed_is_shown_as_stopped(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.create_run(spec_of(), card_of())
    assert store.rows()[0].state == "training"
    later = time.time() + 1000
    monkeypatch.setattr(time, "time", lambda: later)
    assert store.rows()[0].state == "stopped"


def test_edits_and_vectors_come_back(store: Store) -> None:
    run, _ = store.create_run(spec_of(), card_of())
    edits = (Edited(run, 5, "train.lr", 0.1, 0.2), Edited(run, 9, "train.lr", 0.2, 0.1, "undo"))
    vectors = [Vectors(run, step, {"kl": np.full(2, step, np.float32)}) for step in (3, 8)]
    store.add([*edits, *vectors])
    assert store.history(run).edits == edits
    last = store.vectors(run)
    assert last is not None and last.step == 8 and last.values["kl"].tolist() == [8.0, 8.0]


def test_events_are_recorded_all_or_none(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    run, _ = store.create_run(spec_of(), card_of())
    store.add([curve(run, 1, 10)])
    unwritable = Edited(run, 5, "x", 0, {1, 2})  # JSON has no sets
    with pytest.raises(TypeError):
        store.add([curve(run, 11, 10), unwritable])
    store.add([curve(run, 21, 10)])
    assert store.history(run).curves[0].steps.tolist() == [*range(1, 11), *range(21, 31)]


def test_a_deleted_run_is_gone_and_its_name_is_free(store: Store) -> None:
    run, folder = store.create_run(spec_of("a"), card_of())
    other, _ = store.create_run(spec_of("b"), card_of())
    store.add([curve(run, 1, 10), curve(other, 1, 5)])
    store.delete(run)
    assert not folder.exists()
    assert [row.run for row in store.rows()] == ["b"]
    with pytest.raises(RunsError, match="there is no run 'a'"):
        store.delete(run)
    assert store.create_run(spec_of("a"), card_of())[0] == "a"
    assert store.history("a").curves == ()
    assert store.history("b").curves[0].steps.tolist() == [1, 2, 3, 4, 5]


def test_a_run_whose_folder_was_removed_by_hand_leaves_no_curves_to_its_namesake(store: Store) -> None:
    run, folder = store.create_run(spec_of("a"), card_of())
    store.add([curve(run, 1, 10)])
    shutil.rmtree(folder)
    assert store.rows() == ()
    store.create_run(spec_of("a"), card_of())
    store.add([curve("a", 1, 3)])
    assert store.history("a").curves[0].steps.tolist() == [1, 2, 3]


def test_a_lost_index_is_made_again_from_the_folders_with_their_curves(store: Store) -> None:
    run, folder = store.create_run(spec_of(), card_of())
    store.add([curve(run, 1, 50), Edited(run, 9, "train.lr", 0.1, 0.2)])
    store.pack_up(run, folder)
    before = store.history(run)
    store.close()
    for path in store.folder.glob("index.sqlite*"):
        path.unlink()
    again = Store(store.folder)
    assert [row.run for row in again.rows()] == [run]
    after = again.history(run)
    assert same(before.curves[0], after.curves[0]) and after.edits == before.edits


def test_a_folder_copied_in_under_another_name_brings_its_curves(store: Store, tmp_path: Path) -> None:
    run, folder = store.create_run(spec_of(), card_of())
    store.add([curve(run, 1, 50)])
    store.pack_up(run, folder)
    shutil.copytree(folder, tmp_path / "other" / "renamed")
    other = Store(tmp_path / "other")
    assert [(row.run, Path(row.folder).name, row.step) for row in other.rows()] == [("renamed", "renamed", 50)]
    assert other.history("renamed").curves[0].steps.tolist() == list(range(1, 51))


def test_a_damaged_curves_file_in_a_folder_costs_only_the_curves(store: Store) -> None:
    run, folder = store.create_run(spec_of(), card_of())
    store.close()
    (folder / CURVES_FILE).write_bytes(b"rubbish" * 1000)
    for path in store.folder.glob("index.sqlite*"):
        path.unlink()
    again = Store(store.folder)
    assert [row.run for row in again.rows()] == [run]
    assert again.history(run).curves == ()
    assert again.warnings == []  # the index itself is well


@pytest.mark.parametrize("damage", ["all rubbish", "cut in half", "rubbish within", "empty"])
def test_a_damaged_index_is_set_aside_and_no_run_is_lost(store: Store, damage: str) -> None:
    for name in "abc":
        run, folder = store.create_run(spec_of(name), card_of())
        for first in range(0, 4000, 500):
            store.add([curve(run, first, 500)])
        store.pack_up(run, folder)
    store.close()
    path = store.folder / "index.sqlite"
    whole = path.read_bytes()
    path.write_bytes(
        {
            "all rubbish": b"not a database" * 1000,
            "cut in half": whole[: len(whole) // 8192 * 4096],
            "rubbish within": whole[:4096] + np.random.default_rng(0).bytes(8192) + whole[12288:],
            "empty": b"",
        }[damage]
    )
    again = Store(store.folder)
    assert sorted(row.run for row in again.rows()) == ["a", "b", "c"]
    again.add([curve("a", 4000, 10)])
    for name in "abc":
        steps = again.history(name).curves[0].steps if again.history(name).curves else np.empty(0)
        assert set(steps.tolist()) <= set(range(4010))
    if damage != "empty":
        assert (store.folder / "index.sqlite.broken-1").exists()
        assert "was damaged; it was set aside as index.sqlite.broken-1" in again.warnings[0]
    else:
        assert [len(again.history(name).curves[0].steps) for name in "bc"] == [4000, 4000]


def test_a_runs_folder_that_is_a_file_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("x")
    with pytest.raises(RunsError, match=r"runs is a file; expected a folder for runs"):
        Store(tmp_path / "runs").create_run(spec_of(), card_of())


def test_a_runs_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(RunsError, match="cannot be made"):
        Store(tmp_path / "file" / "runs").create_run(spec_of(), card_of())


def test_a_read_only_folder_is_one_sentence_and_its_runs_can_still_be_listed(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.create_run(spec_of("a"), card_of())
    store.close()

    def refuse(path: object, **options: object) -> sqlite3.Connection:
        error = sqlite3.OperationalError("attempt to write a readonly database")
        error.sqlite_errorcode = sqlite3.SQLITE_READONLY
        raise error

    monkeypatch.setattr(index_module.sqlite3, "connect", refuse)
    again = Store(store.folder)
    with pytest.raises(RunsError, match="may not be written; allow writing there or choose another with --runs"):
        again.create_run(spec_of("b"), card_of())
    assert not (store.folder / "b").exists()
    assert [row.run for row in again.rows()] == ["a"]


def test_a_full_disk_is_one_sentence_and_loses_nothing_that_was_saved(store: Store) -> None:
    run, _ = store.create_run(spec_of(), card_of())
    store.add([curve(run, 1, 100)])
    pages = store._index.do(lambda index: index.execute("PRAGMA page_count").fetchone()[0])
    store._index.do(lambda index: index.execute(f"PRAGMA max_page_count = {pages}").fetchone())
    with pytest.raises(RunsError, match="is full; free some space"):
        for first in range(1000, 60_000, 2000):
            store.add([curve(run, first, 2000)])
    kept = Store(store.folder).history(run).curves[0]
    assert kept.steps[:100].tolist() == list(range(1, 101))


def test_a_locked_index_is_one_sentence(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index_module, "BUSY_SECONDS", 0.05)
    run, _ = store.create_run(spec_of(), card_of())
    other = sqlite3.connect(store.folder / "index.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(RunsError, match="has been locked by another program"):
        store.add([curve(run, 1, 10)])
    other.execute("ROLLBACK")
    store.add([curve(run, 1, 10)])
    assert len(store.history(run).curves[0].steps) == 10


def test_an_index_of_a_newer_program_is_left_alone(store: Store) -> None:
    store.create_run(spec_of(), card_of())
    store._index.do(lambda index: index.execute("PRAGMA user_version = 99"))
    store.close()
    with pytest.raises(RunsError, match="has version 99; this program reads up to 1: update"):
        Store(store.folder).create_run(spec_of(), card_of())
    assert not list(store.folder.glob("*.broken*"))


WRITER = """
import sys
from pathlib import Path
from gm_core.runs.store import Store
from tests.runs.conftest import card_of, curve, spec_of
store = Store(Path(sys.argv[1]))
run, _ = store.create_run(spec_of(), card_of())
first = 0
while True:
    store.add([curve(run, first, 100)])
    first += 100
    print(first, flush=True)
"""


@pytest.mark.skipif(os.name != "posix", reason="kills a process as only POSIX can")
def test_a_program_killed_while_writing_leaves_a_readable_index(tmp_path: Path) -> None:
    for delay in (0.0, 0.003, 0.011):
        folder = tmp_path / f"runs-{delay}"
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(folder)],
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        assert process.stdout is not None
        told = 0
        while told < 500:
            told = int(process.stdout.readline())
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        rest = process.communicate()[0].split()
        told = int(rest[-1]) if rest else told
        store = Store(folder)
        steps = store.history("vae-digits").curves[0].steps
        assert len(steps) >= told and len(steps) % 100 == 0
        assert steps.tolist() == list(range(len(steps)))
        assert store.warnings == []
        store.close()


def test_a_run_is_found_by_name_and_by_folder_and_near_names_are_offered(store: Store) -> None:
    run, folder = store.create_run(spec_of("vae-digits"), card_of())
    assert resolve(run, store.folder) == resolve(str(folder)) == folder
    with pytest.raises(RunsError, match="did you mean vae-digits"):
        resolve("vae-digit", store.folder)
    with pytest.raises(RunsError, match="holds: vae-digits"):
        resolve("zzz", store.folder)
    with pytest.raises(RunsError, match="holds no runs"):
        resolve("zzz", store.folder / "none")
    with pytest.raises(RunsError, match=r"is a folder without spec\.yaml"):
        resolve(str(store.folder))


def test_the_table_of_scalars_gives_the_same_float32_back(store: Store) -> None:
    run, _ = store.create_run(spec_of(), card_of())
    wanted = curve(run, 1, 20)
    store.add([wanted, curve(run, 20, 1, "validation", ("total",))])
    lines = [line.split(",") for line in scalars_csv(store.history(run)).splitlines()]
    assert lines[0] == ["split", "step", "seconds", "total", "kl"]
    read = np.array([[np.float32(cell) for cell in line[3:]] for line in lines[1:21]], np.float32)
    assert read.tobytes() == wanted.values.tobytes()
    assert [float(line[2]) for line in lines[1:21]] == wanted.seconds.tolist()
    assert lines[21][:2] == ["validation", "20"] and lines[21][4] == ""
