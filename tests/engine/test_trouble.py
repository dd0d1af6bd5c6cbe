"""What goes wrong is told in one sentence, and nothing that was saved is lost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from gm_core import api
from gm_core.data.base import DataError
from gm_core.protocol.events import Progress
from tests.engine.conftest import Bench


def sentence(bench: Bench) -> str:
    words = bench.of(api.Trouble)[-1].words
    assert words and "\n" not in words and "Traceback" not in words
    return words


def start_saboteur(bench: Bench, how: str) -> str:
    return bench.start(model={"kind": "saboteur", "how": how, "fail_at": 12}, train__steps=40)


def test_nan_pauses_names_the_term_and_offers_the_last_good_state(saboteur: None, bench: Bench) -> None:
    run = start_saboteur(bench, "nan")
    bench.rest()
    words = sentence(bench)
    assert bench.card.state == "paused" and "total and squared became NaN or infinite at step 12" in words
    good = bench.card.facts["good_step"]
    assert good < 12 and f"step {good}" in words
    assert max(bench.of(api.Saved)[-1].step if bench.of(api.Saved) else 0, 0) < 12
    bench.send(api.Resume(run))
    assert "NaN" in sentence(bench) and bench.card.state == "paused"
    bench.send(api.Stop(run))
    assert bench.card.state == "stopped" and all(saved.step < 12 for saved in bench.of(api.Saved))
    bench.send(api.Rollback(run, good))
    bench.send(api.Edit(run, "model.fail_at", 0))
    bench.send(api.Resume(run))
    bench.rest()
    assert bench.card.state == "finished"
    tail = np.concatenate([e.values for e in bench.of(api.Scalars) if e.split == "train"])[-20:]
    assert np.isfinite(tail).all()


def test_a_poisoned_run_is_never_saved_over_its_good_checkpoint(saboteur: None, tmp_path: Path) -> None:
    bench = Bench(tmp_path / "runs")
    run = start_saboteur(bench, "nan")
    bench.until(lambda: bench.card.step >= 0 and len(bench.of(api.Kept)) > 4)
    bench.send(api.Pause(run))
    saved = bench.card.step
    bench.send(api.Resume(run))
    bench.rest()
    bench.engine.close()
    again = Bench(tmp_path / "runs")
    again.send(api.OpenRun(run))
    assert again.card.step == saved
    again.engine.close()


def test_out_of_memory_is_told_and_training_goes_on_with_nothing_lost(saboteur: None, bench: Bench) -> None:
    run = start_saboteur(bench, "memory")
    bench.rest()
    assert (
        "out of memory during step 12 of" in sentence(bench) and bench.card.state == "paused" and bench.card.step == 11
    )
    bench.send(api.Edit(run, "model.fail_at", 0))
    bench.send(api.Resume(run))
    bench.rest()
    assert bench.card.state == "finished" and bench.card.step == 40


def test_a_bug_in_a_model_pauses_its_run_and_the_worker_lives_on(saboteur: None, bench: Bench) -> None:
    start_saboteur(bench, "bug")
    bench.rest()
    assert "failed with KeyError" in sentence(bench) and "Traceback" in bench.of(api.Trouble)[-1].details
    bench.start(name="other")
    bench.rest()
    assert bench.card.state == "finished"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"model__kind": "vea"}, "model.kind is 'vea'"),
        ({"data__kind": "digitz"}, "data.kind is 'digitz'"),
        ({"train__batch": 0}, "train.batch is 0; the range is 1 to"),
        ({"model__latent": 999}, "model.latent is 999; the range is 2 to 128"),
        ({"model__latnt": 3}, "model.latnt is not a parameter; did you mean latent?"),
        ({"train__device": "mps"}, "train.device is mps; this machine has"),
        ({"name": "a/b"}, "name is 'a/b'; use letters"),
    ],
)
def test_a_wish_that_cannot_be_is_one_sentence_and_leaves_no_folder(
    bench: Bench, tmp_path: Path, change: dict[str, object], words: str
) -> None:
    bench.start(**change)
    assert sentence(bench).startswith(words)
    assert not bench.of(api.RunChanged)
    assert not [p for p in (tmp_path / "runs").glob("*") if p.is_dir()]


def test_a_runs_folder_that_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    bench = Bench(tmp_path / "file" / "runs")
    bench.start()
    assert "file" in sentence(bench) and not bench.of(api.RunChanged)
    bench.engine.close()


def test_commands_about_no_run_and_steps_not_kept_are_sentences(bench: Bench) -> None:
    bench.send(api.Pause("nothing"))
    assert sentence(bench).startswith("no run called 'nothing' is open")
    run = bench.start()
    bench.rest()
    bench.send(api.Rollback(run, 12345))
    assert "step 12345 of" in sentence(bench) and "kept steps are 0, " in sentence(bench)
    bench.send(api.Resume(run))
    assert "has finished its 30 steps; raise train.steps" in sentence(bench)
    bench.send(api.Edit(run, "train.steps", 40), api.Resume(run))
    bench.rest()
    assert bench.card.step == 40


def test_a_download_reports_its_progress_and_a_fault_in_one_sentence(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fetch(data: object) -> Iterator[Progress]:
        yield Progress("mnist", 1, 10, "1 of 10 bytes")
        yield Progress("mnist", 10, 10, "10 of 10 bytes")
        raise DataError("the checksum is wrong; download again")

    monkeypatch.setattr("gm_core.engine.fetching.fetch_data", fetch)
    bench.send(api.Download({"kind": "mnist"}))
    bench.until(lambda: bool(bench.of(api.Trouble)), turns=10**6)
    assert bench.of(api.Progress)[-1].total == 10
    assert sentence(bench) == "the checksum is wrong; download again"
    bench.events.clear()
    monkeypatch.undo()
    bench.send(api.Download({"kind": "digits"}))
    bench.until(lambda: bool(bench.of(api.Trouble)), turns=10**6)
    assert "nothing to download" in sentence(bench)
