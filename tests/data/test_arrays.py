"""Arrays: shapes, kinds and splits as said or found, and one clear sentence for whatever cannot be used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gm_core.data import read_array
from gm_core.data.base import SPLITS, Data, DataError
from gm_core.data.feed import Feed
from gm_core.data.registry import make_data
from gm_core.spec import SpecError

RNG = np.random.default_rng(0)


def npy(folder: Path, x: Any, **choices: Any) -> Data:
    path = folder / "x.npy"
    np.save(path, x)
    return make_data({"kind": "arrays", "file": str(path), **choices})


def npz(folder: Path, arrays: dict[str, Any], **choices: Any) -> Data:
    path = folder / "x.npz"
    np.savez(path, **arrays)
    return make_data({"kind": "arrays", "file": str(path), **choices})


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((40, 6), (6,)),
        ((40, 2), (2,)),
        ((40, 5, 4), (1, 5, 4)),
        ((40, 3, 5, 4), (3, 5, 4)),
        ((40, 1, 5, 4), (1, 5, 4)),
        ((40, 5, 4, 3), (3, 5, 4)),
    ],
)
def test_vectors_and_images_are_told_apart_by_their_dimensions(
    tmp_path: Path, shape: tuple[int, ...], expected: tuple[int, ...]
) -> None:
    x = RNG.random(shape)
    data = npy(tmp_path, x, validation=0.0, test=0.0)
    assert data.card.shape == expected
    truth = x.transpose(0, 3, 1, 2) if shape[-1] == 3 and len(shape) == 4 else x.reshape(40, *expected)
    assert np.array_equal(data.part("train").x.numpy(), truth.astype(np.float32))


@pytest.mark.parametrize(
    ("x", "values", "levels", "span"),
    [
        (RNG.integers(0, 2, (30, 4, 4)), "binary", 2, (0.0, 1.0)),
        (RNG.random((30, 4, 4)) > 0.5, "binary", 2, (0.0, 1.0)),
        (RNG.integers(0, 2, (30, 4)).astype(float), "binary", 2, (0.0, 1.0)),
        (np.arange(120).reshape(30, 4) % 5, "levels", 5, (0.0, 1.0)),
        (np.arange(480).reshape(30, 4, 4) % 200, "levels", 256, (0.0, 1.0)),
        (np.linspace(0.1, 0.9, 480).reshape(30, 4, 4), "continuous", 0, (0.0, 1.0)),
        (np.linspace(-0.9, 0.9, 480).reshape(30, 4, 4), "continuous", 0, (-1.0, 1.0)),
        (np.linspace(-3, 7, 480).reshape(30, 4, 4), "continuous", 0, (-3.0, 7.0)),
        (np.linspace(0, 10, 60).reshape(30, 2), "continuous", 0, (-0.5, 10.5)),
    ],
)
def test_what_the_numbers_are_is_found(
    tmp_path: Path, x: Any, values: str, levels: int, span: tuple[float, float]
) -> None:
    data = npy(tmp_path, x)
    assert (data.card.values, data.card.levels, data.card.range) == (values, levels, span)
    batch = Feed(data, 50).next().x
    assert batch.dtype == torch.float32
    assert float(batch.min()) >= span[0] and float(batch.max()) <= span[1]


def test_levels_come_out_between_0_and_1(tmp_path: Path) -> None:
    x = np.arange(20).reshape(10, 2) % 5
    data = npy(tmp_path, x, validation=0.0, test=0.0)
    made, _ = Feed(data, 10).examples("train", torch.arange(10), torch.Generator())
    assert np.allclose(made.numpy(), x / 4, atol=1e-7)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(20, 80), st.floats(0.1, 0.4), st.floats(0.1, 0.4), st.integers(0, 9))
def test_random_shares_part_the_examples(tmp_path: Path, n: int, validation: float, test: float, seed: int) -> None:
    x = np.arange(n)[:, None] * np.ones((1, 3)) + 0.5
    data = npz(tmp_path, {"x": x, "y": np.arange(n) % 3}, validation=validation, test=test, seed=seed)
    drawn = {split: data.part(split) for split in SPLITS}
    assert len(drawn["test"]) == round(n * test)
    assert sorted(torch.cat([part.x[:, 0] for part in drawn.values()]).tolist()) == x[:, 0].tolist()
    for part in drawn.values():
        assert part.y is not None
        assert torch.equal(part.y, (part.x[:, 0] - 0.5).long() % 3)


def test_named_splits_are_kept(tmp_path: Path) -> None:
    arrays = {f"x_{split}": RNG.random((n, 4)) for split, n in (("train", 9), ("validation", 5), ("test", 3))}
    arrays |= {f"y_{split}": np.array([7, 3, 9] * 3)[:n] for split, n in (("train", 9), ("validation", 5), ("test", 3))}
    data = npz(tmp_path, arrays)
    assert dict(data.card.splits) == {"train": 9, "validation": 5, "test": 3}
    assert data.card.classes == ("3", "7", "9")
    test = data.part("test")
    assert test.y is not None and test.y.tolist() == [1, 0, 2]
    assert np.array_equal(test.x.numpy(), arrays["x_test"].astype(np.float32))


def test_labels_may_lie_in_a_file_of_their_own(tmp_path: Path) -> None:
    np.save(tmp_path / "y.npy", np.arange(20) % 2)
    data = npy(tmp_path, RNG.random((20, 4)), labels=str(tmp_path / "y.npy"))
    assert data.card.classes == ("0", "1") and "labels" in data.card.traits


def test_images_can_be_centred_binarised_and_dequantised(tmp_path: Path) -> None:
    x = np.linspace(0, 1, 480).reshape(30, 4, 4)
    centred = npy(tmp_path, x, centred=True, validation=0.0, test=0.0)
    assert centred.card.range == (-1.0, 1.0)
    assert np.allclose(centred.part("train").x[:, 0].numpy(), 2 * x - 1, atol=1e-6)
    binary = npy(tmp_path, x, binarisation="dynamic", centred=True)
    assert binary.card.values == "binary"
    assert Feed(binary, 20).next().x.unique().tolist() == [-1.0, 1.0]
    spread = npy(tmp_path, np.arange(480).reshape(30, 4, 4) % 16, dequantise=True)
    assert spread.card.values == "continuous" and spread.card.dequantised
    assert len(Feed(spread, 20).next().x.unique()) > 300


NOT_A_NUMBER = np.full((5, 4), 1.5)
NOT_A_NUMBER[2, 1] = np.nan
NOT_A_NUMBER[3, 1] = np.inf


@pytest.mark.parametrize(
    ("x", "sentence"),
    [
        (NOT_A_NUMBER, "holds 2 values that are NaN or infinite"),
        (np.zeros((0, 4)), "expected at least one example"),
        (np.zeros((4, 0)), "is empty"),
        (np.array(3.0), "expected at least one example"),
        (np.arange(9.0), r"has the shape .*; expected \(n, d\)"),
        (np.zeros((2, 3, 4, 5, 6)), r"has the shape .*; expected \(n, d\)"),
        (np.full((9, 4), 3.0), "every number in x.npy is 3.0; expected data that vary"),
        (np.array([["a", "b"]] * 9), "expected real numbers"),
        (np.ones((9, 2)) * 1j, "expected real numbers"),
        (np.arange(144.0).reshape(9, 2, 4, 2), "set data.layout to nchw or nhwc"),
        (np.array([[1e300, 0.0]] * 9), "expected at most 1e30"),
    ],
)
def test_an_array_that_cannot_be_used_says_why(tmp_path: Path, x: Any, sentence: str) -> None:
    with pytest.raises(DataError, match=sentence) as caught:
        npy(tmp_path, x, test=0.0, validation=0.0)
    assert "x.npy" in str(caught.value) and "\n" not in str(caught.value)


def test_pickled_objects_are_refused(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[Any, tuple[str]]:
            return Path.touch, (tmp_path / "sprung",)  # type: ignore[return-value]

    for name, save in (("x.npy", np.save), ("x.npz", np.savez)):
        save(tmp_path / name, np.array([Trap()], dtype=object), allow_pickle=True)
        with pytest.raises(DataError, match="pickles can run code and are never loaded"):
            make_data({"kind": "arrays", "file": str(tmp_path / name)})
    assert not (tmp_path / "sprung").exists()


def test_arrays_that_unpack_to_more_than_there_is_room_for_are_refused_before_they_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    np.savez_compressed(tmp_path / "x.npz", x=np.zeros((1000, 1000)))
    assert (tmp_path / "x.npz").stat().st_size < 20_000
    monkeypatch.setattr(read_array, "MOST_BYTES", 10**6)
    with pytest.raises(DataError, match=r"x\.npz unpacks to 8,000,\d+ bytes; at most 1,000,000 are read"):
        make_data({"kind": "arrays", "file": str(tmp_path / "x.npz")})


def test_a_head_that_promises_more_numbers_than_memory_has_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.npy"
    np.save(path, np.zeros((10, 4)))
    path.write_bytes(path.read_bytes().replace(b"(10, 4)", b"(99999999999, 4)", 1).replace(b"          \n", b" \n", 1))
    with pytest.raises(DataError, match=r"x\.npy"):
        make_data({"kind": "arrays", "file": str(path)})


@pytest.mark.parametrize("name", ["x.npy", "x.npz"])
def test_a_truncated_file_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    (np.save if name == "x.npy" else np.savez)(path, RNG.random((50, 4)))
    path.write_bytes(path.read_bytes()[:700])
    with pytest.raises(DataError, match=r"x.np"):
        make_data({"kind": "arrays", "file": str(path)})
    path.write_bytes(b"")
    with pytest.raises(DataError, match="is damaged"):
        make_data({"kind": "arrays", "file": str(path)})


@pytest.mark.parametrize(
    ("arrays", "sentence"),
    [
        ({"a": np.ones(3), "b": np.ones(3)}, "holds a, b; expected x"),
        ({"x": RNG.random((9, 4)), "y": np.arange(8)}, "holds 9 examples and labels of shape"),
        ({"x": RNG.random((9, 4)), "y": np.arange(9) + 0.5}, "expected one whole number an example"),
        ({"x": RNG.random((9, 4)), "y": np.zeros((9, 2))}, "expected one whole number an example"),
        ({"x_train": RNG.random((9, 4)), "x_test": RNG.random((9, 5))}, "expected .* as train x"),
        (
            {"x_train": RNG.random((9, 4)), "y_train": np.zeros(9), "x_test": RNG.random((9, 4))},
            "not y_test; expected both or none",
        ),
    ],
)
def test_an_archive_that_does_not_fit_together_says_why(tmp_path: Path, arrays: dict[str, Any], sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        npz(tmp_path, arrays)


@pytest.mark.parametrize(
    ("x", "choices", "error", "sentence"),
    [
        (RNG.random((9, 4)), {"values": "levels"}, DataError, "levels data need whole numbers from 0 to 255"),
        (np.arange(36).reshape(9, 4), {"values": "binary"}, DataError, "values up to 35; binary data are 0 and 1"),
        (np.arange(36).reshape(9, 4), {"levels": 8}, DataError, "data.levels 8 allows 7"),
        (RNG.random((9, 4)), {"layout": "nhw"}, DataError, "expected 3 dimensions"),
        (RNG.random((9, 4)), {"dequantise": True}, SpecError, "data are continuous already"),
        (RNG.random((9, 4)) * 9, {"binarisation": "dynamic"}, SpecError, "expected 0 to 1"),
        (RNG.random((9, 4)), {"validation": 1.5}, SpecError, "the range is 0 to 0.9"),
    ],
)
def test_a_choice_that_does_not_fit_the_array_says_why(
    tmp_path: Path, x: Any, choices: dict[str, Any], error: type[Exception], sentence: str
) -> None:
    with pytest.raises(error, match=sentence):
        npy(tmp_path, x, **choices)


def test_no_file_and_an_absent_file_and_another_kind_of_file_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"data.file is empty"):
        make_data({"kind": "arrays"})
    with pytest.raises(DataError, match="is not there"):
        make_data({"kind": "arrays", "file": str(tmp_path / "x.npy")})
    with pytest.raises(DataError, match=r"expected a name that ends in \.npy or \.npz"):
        make_data({"kind": "arrays", "file": str(tmp_path / "x.csv")})
