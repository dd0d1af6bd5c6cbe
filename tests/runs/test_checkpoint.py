"""A checkpoint comes back bit for bit, is written whole or not at all, and never runs or trusts a foreign file."""

from __future__ import annotations

import errno
import json
import os
import pickle
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gm_core.weights.checkpoint import CheckpointError, check, peek, read, write
from gm_core.weights.snapshot import Snapshot

KINDS = [torch.float32, torch.float64, torch.bfloat16, torch.float16, torch.int64, torch.uint8, torch.bool]


@st.composite
def tensors(draw: st.DrawFn) -> dict[str, torch.Tensor]:
    names = draw(st.lists(st.text("abcxyz._0123456789é", min_size=1, max_size=12), unique=True, max_size=5))
    made = {}
    for name in names:
        shape = draw(st.lists(st.integers(0, 4), max_size=3))
        kind = draw(st.sampled_from(KINDS))
        rng = torch.Generator().manual_seed(draw(st.integers(0, 2**31)))
        octets = torch.randint(0, 256, (*shape, kind.itemsize), generator=rng, dtype=torch.uint8)
        made[f"model.{name}"] = octets.view(kind).reshape(shape) if kind != torch.bool else octets[..., 0] > 127
    return made


def same_bits(a: torch.Tensor, b: torch.Tensor) -> bool:
    if a.dtype != b.dtype or a.shape != b.shape:
        return False
    return torch.equal(a.contiguous().reshape(-1).view(torch.uint8), b.contiguous().reshape(-1).view(torch.uint8))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tensors(), st.dictionaries(st.text(max_size=5), st.floats() | st.integers() | st.text(max_size=5), max_size=3))
def test_every_tensor_comes_back_bit_for_bit_with_its_facts(
    tmp_path: Path, made: dict[str, torch.Tensor], facts: dict[str, Any]
) -> None:
    write(tmp_path / "a.safetensors", Snapshot(7, made, facts), {"spec": {"name": "é"}})
    back, header = read(tmp_path / "a.safetensors")
    assert back.step == 7
    assert back.tensors.keys() == made.keys()
    assert all(same_bits(back.tensors[name], made[name]) for name in made)
    assert repr(back.facts) == repr(facts)  # repr, because nan is not equal to nan
    assert header == {"spec": {"name": "é"}}


def test_transposed_shared_and_tied_tensors_are_written_by_value(tmp_path: Path) -> None:
    base = torch.arange(12.0).reshape(3, 4)
    made = {"model.a": base, "model.b": base, "model.c": base.t(), "model.d": base[1], "model.e": base[:, 1::2]}
    write(tmp_path / "a.safetensors", Snapshot(0, made), {})
    back, _ = read(tmp_path / "a.safetensors")
    assert all(torch.equal(back.tensors[name], made[name]) for name in made)


def test_what_was_read_shares_no_memory_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    write(path, Snapshot(0, {"model.a": torch.ones(1000)}), {})
    back, _ = read(path)
    back.tensors["model.a"].zero_()
    again, _ = read(path)
    assert torch.equal(again.tensors["model.a"], torch.ones(1000))


def test_a_crash_before_the_rename_leaves_the_old_file_and_no_rubbish(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.safetensors"
    write(path, Snapshot(1, {"model.a": torch.ones(3)}), {})

    def fail(source: object, target: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(CheckpointError, match=r"cannot be written: input/output error"):
        write(path, Snapshot(2, {"model.a": torch.zeros(3)}), {})
    assert [p.name for p in tmp_path.iterdir()] == ["a.safetensors"]
    assert read(path)[0].step == 1


def test_the_content_is_flushed_before_it_is_renamed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    real_flush, real_replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda handle: (calls.append("fsync"), real_flush(handle))[1])
    monkeypatch.setattr(os, "replace", lambda a, b: (calls.append("rename"), real_replace(a, b))[1])
    write(tmp_path / "a.safetensors", Snapshot(1, {}), {})
    assert calls[:2] == ["fsync", "rename"]
    assert os.name != "posix" or calls == ["fsync", "rename", "fsync"]


def test_a_full_disk_is_one_sentence_and_the_old_checkpoint_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.safetensors"
    write(path, Snapshot(1, {"model.a": torch.ones(3)}), {})

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CheckpointError, match="the disk is full; free some space"):
        write(path, Snapshot(2, {"model.a": torch.zeros(3)}), {})
    assert [p.name for p in tmp_path.iterdir()] == ["a.safetensors"]
    assert read(path)[0].step == 1


def test_a_folder_under_a_file_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(CheckpointError, match="its folder does not exist"):
        write(tmp_path / "file" / "a.safetensors", Snapshot(1, {}), {})


def test_a_missing_file_and_a_folder_are_said_to_be_so(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="does not exist"):
        read(tmp_path / "none.safetensors")
    with pytest.raises(CheckpointError, match="is a folder"):
        read(tmp_path)


@pytest.fixture
def good(tmp_path: Path) -> Path:
    path = tmp_path / "good.safetensors"
    write(path, Snapshot(3, {"model.a": torch.arange(50.0), "model.b": torch.arange(5)}, {"x": 1}), {"spec": {}})
    return path


def test_every_truncation_is_noticed(good: Path) -> None:
    whole = good.read_bytes()
    for size in [0, 1, 7, 8, 9, 100, len(whole) // 2, len(whole) - 1]:
        good.write_bytes(whole[:size])
        with pytest.raises(CheckpointError, match="damaged or not a checkpoint"):
            read(good)
        with pytest.raises(CheckpointError, match="damaged or not a checkpoint"):
            peek(good)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_flipped_bit_anywhere_is_an_error_or_changes_nothing_that_counts(good: Path, data: st.DataObject) -> None:
    whole = good.read_bytes()
    place = data.draw(st.integers(0, len(whole) * 8 - 1))
    broken = bytearray(whole)
    broken[place // 8] ^= 1 << (place % 8)
    other = good.with_name("flipped.safetensors")
    other.write_bytes(bytes(broken))
    try:
        back, header = read(other)
    except CheckpointError:
        return
    # Unnoticed only where it means nothing: a blank of the padding, or a version that is not newer.
    assert torch.equal(back.tensors["model.a"], torch.arange(50.0))
    assert (back.facts, back.step, header) == ({"x": 1}, 3, {"spec": {}})


def test_a_flipped_bit_in_the_weights_is_noticed_by_the_checksum(good: Path) -> None:
    whole = bytearray(good.read_bytes())
    whole[-3] ^= 4
    good.write_bytes(bytes(whole))
    with pytest.raises(CheckpointError, match="its checksum differs"):
        read(good)


def test_a_foreign_safetensors_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "foreign.safetensors"
    safetensors.torch.save_file({"w": torch.ones(2)}, path)
    with pytest.raises(CheckpointError, match="of another program"):
        read(path)
    safetensors.torch.save_file({"w": torch.ones(2)}, path, metadata={"format": "pt"})
    with pytest.raises(CheckpointError, match="of another program"):
        read(path)


def test_a_newer_version_says_to_update(good: Path) -> None:
    whole = good.read_bytes()
    size = int.from_bytes(whole[:8], "little")
    layout = json.loads(whole[8 : 8 + size])
    layout["__metadata__"]["version"] = "2"
    text = json.dumps(layout).encode()
    good.write_bytes(len(text).to_bytes(8, "little") + text + whole[8 + size :])
    with pytest.raises(CheckpointError, match="format version 2; this program reads up to 1: update"):
        read(good)


class Bomb:
    """Running this pickle would leave a trace."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("exploded",)


def test_no_pickle_is_loaded_whatever_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"w": torch.ones(2)}, tmp_path / "model.pt")
    (tmp_path / "old.safetensors").write_bytes(pickle.dumps(Bomb(), 2))
    (tmp_path / "new.safetensors").write_bytes(pickle.dumps(Bomb(), 5))
    for name in ["model.pt", "old.safetensors", "new.safetensors"]:
        with pytest.raises(CheckpointError, match="is a pickle"):
            read(tmp_path / name)
    assert not (tmp_path / "exploded").exists()


def test_weights_of_another_shape_are_named() -> None:
    snapshot = Snapshot(0, {"model.w": torch.ones(3, 2), "optim.x": torch.ones(1)})
    check(snapshot, {"w": (3, 2)})
    with pytest.raises(CheckpointError, match=r"the weights w have shape \(3, 2\); the model expects \(4, 2\)"):
        check(snapshot, {"w": (4, 2)})
    with pytest.raises(CheckpointError, match="has no weights v"):
        check(snapshot, {"w": (3, 2), "v": (1,)})
    with pytest.raises(CheckpointError, match="has weights w, which the model does not know"):
        check(snapshot, {})


def test_peek_reads_step_header_and_shapes_without_the_tensors(good: Path) -> None:
    seen = peek(good)
    assert (seen.step, seen.facts, seen.header) == (3, {"x": 1}, {"spec": {}})
    assert seen.names == {"model.a": (50,), "model.b": (5,)}
