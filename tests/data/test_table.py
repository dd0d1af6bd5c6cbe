"""Tables: what people save as CSV is read, and what cannot be is told with its line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gm_core.capabilities.preview import PreviewQuery
from gm_core.data import read_table
from gm_core.data.base import SPLITS, Data, DataError
from gm_core.data.feed import Feed
from gm_core.data.preview import preview
from gm_core.data.registry import make_data
from gm_core.spec import SpecError

PLAIN = "1,2,3\n4,5,6\n7,8,10\n"
WHOLE = {"validation": 0.0, "test": 0.0}


def table(folder: Path, content: str | bytes, name: str = "x.csv", **choices: Any) -> Data:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return make_data({"kind": "table", "file": str(path), **WHOLE, **choices})


def rows(made: Data) -> list[list[float]]:
    return made.part("train").x.tolist()  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (PLAIN, "x.csv"),
        (PLAIN.replace(",", ";"), "x.csv"),
        (PLAIN.replace(",", "\t"), "x.tsv"),
        (PLAIN.replace(",", "\t"), "x.txt"),
        ("a,b,c\n" + PLAIN, "x.csv"),
        ("\ufeff" + PLAIN, "x.csv"),
        ("# made by hand\n\n" + PLAIN.replace("\n", "\r\n") + "\r\n\r\n", "x.csv"),
        (PLAIN.encode("utf-16"), "x.csv"),
        ('"1","2","3"\n 4 , 5 , 6 \n7e0,8.0,+10\n', "x.csv"),
        ("1,0;2,0;3,0\n4;5;6\n7;8;1,0e1\n", "x.csv"),
    ],
)
def test_the_same_numbers_come_out_however_they_are_separated(tmp_path: Path, content: str | bytes, name: str) -> None:
    made = table(tmp_path, content, name)
    assert rows(made) == [[1, 2, 3], [4, 5, 6], [7, 8, 10]]
    assert made.card.shape == (3,) and made.card.kind == "vectors" and made.card.values == "continuous"
    assert made.card.classes == () and made.card.range[0] < 1 and made.card.range[1] > 10


@given(
    st.lists(
        st.lists(st.floats(-1e6, 1e6, width=32), min_size=3, max_size=3), min_size=2, max_size=20, unique_by=tuple
    ),
    st.sampled_from([",", ";", "\t"]),
    st.booleans(),
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_numbers_written_are_the_numbers_read(
    tmp_path: Path, values: list[list[float]], delimiter: str, header: bool
) -> None:
    lines = [delimiter.join("abc")] * header + [delimiter.join(map(repr, row)) for row in values]
    made = table(tmp_path, "\n".join(lines), values="continuous")
    np.testing.assert_array_equal(np.array(rows(made), np.float32), np.array(values, np.float32))


def test_two_columns_are_points_of_the_plane_and_zeros_and_ones_are_binary(tmp_path: Path) -> None:
    assert table(tmp_path, "1,2\n3,4\n").card.kind == "points"
    coins = table(tmp_path, "0,1,1\n1,0,1\n")
    assert coins.card.values == "binary" and coins.card.levels == 2 and coins.part("train").x.dtype == torch.uint8
    assert Feed(coins, 2).next().x.unique().tolist() == [0.0, 1.0]
    assert table(tmp_path, "0,1,1\n1,0,1\n", values="continuous").card.values == "continuous"


def test_labels_are_found_by_name_or_as_the_last_column(tmp_path: Path) -> None:
    content = "size,kind,weight\n1,oak,2\n3,elm,4\n5,oak,6\n"
    for label in ("kind",):
        made = table(tmp_path, content, label=label)
        part = made.part("train")
        assert rows(made) == [[1, 2], [3, 4], [5, 6]] and made.card.classes == ("elm", "oak")
        assert part.y is not None and part.y.tolist() == [1, 0, 1]
    numbers = table(tmp_path, "1,2,10\n3,4,9\n", label="last")
    assert numbers.card.classes == ("9", "10") and rows(numbers) == [[1, 2], [3, 4]]
    words = table(tmp_path, "1,2,oak\n3,4,elm\n", label="last")
    assert words.card.classes == ("elm", "oak") and len(rows(words)) == 2, "words in the label column are no header"


def test_a_last_column_of_words_is_taken_for_classes_unless_said_otherwise(tmp_path: Path) -> None:
    for content in ("1,2,oak\n3,4,elm\n", "a,b,kind\n1,2,oak\n3,4,elm\n"):
        made = table(tmp_path, content)
        assert made.card.classes == ("elm", "oak") and rows(made) == [[1, 2], [3, 4]]
        with pytest.raises(DataError, match=r"'oak' in (kind|column 3); expected a number"):
            table(tmp_path, content, label="", header="yes" if content.startswith("a") else "no")
    assert rows(table(tmp_path, "x\n1\n2\n")) == [[1], [2]], "a single column has no room for classes"


def test_standardising_uses_the_training_examples_and_leaves_flat_columns_at_zero(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    content = "\n".join(f"{a},{b},5" for a, b in rng.normal([3, -100], [0.1, 40], (200, 2)))
    made = table(tmp_path, content, standardise=True, validation=0.2, test=0.2)
    x = made.part("train").x
    torch.testing.assert_close(x.mean(0), torch.zeros(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(x.std(0, correction=0), torch.tensor([1.0, 1.0, 0.0]), atol=1e-5, rtol=0)
    assert "(1 never change)" in made.card.note
    assert abs(float(made.part("test").x[:, :2].mean())) < 0.5


def test_splits_share_out_the_lines_by_the_seed(tmp_path: Path) -> None:
    content = "\n".join(f"{k},{k * k}" for k in range(50))
    first, again, other = (
        table(tmp_path, content, validation=0.1, test=0.2, seed=seed).part("test").x for seed in (0, 0, 1)
    )
    assert torch.equal(first, again) and not torch.equal(first, other) and len(first) == 10
    made = table(tmp_path, content, validation=0.1, test=0.2, limit=30)
    assert dict(made.card.splits) == {"train": 30, "validation": 4, "test": 10}
    together = torch.cat([made.part(split).x for split in SPLITS])
    assert len(together.unique(dim=0)) == 44


ODD = [
    ("1,2,3\n4,5\n", "line 2 of x.csv has 2 cells; expected 3 as in line 1"),
    ("1,2,3\n\n4,5,6,7\n", "line 3 of x.csv has 4 cells; expected 3"),
    ("a,b\n1,2\n3,word\n", "line 3 of x.csv holds 'word' in b; expected a number"),
    ("1,2\n3,nan\n", "line 2 of x.csv holds nan in column 2; expected a finite number"),
    ("1,2\n-inf,3\n", "line 2 of x.csv holds -inf in column 1; expected a finite number"),
    ("a,b\n1,2\n3,\n", "line 3 of x.csv holds nothing in b; expected a number"),
    ("1,2\n3,1e200\n", "line 2 of x.csv holds 1e200 in column 2; expected numbers up to 1e\\+30"),
    ('1,"2\n3",4\n', "line 1 of x.csv holds .* in column 2"),
]


@pytest.mark.parametrize(("content", "sentence"), ODD)
def test_a_line_that_does_not_fit_is_told_with_its_number(tmp_path: Path, content: str, sentence: str) -> None:
    with pytest.raises(DataError, match=sentence) as caught:
        table(tmp_path, content, header="auto" if content.startswith("a") else "no")
    assert "\n" not in str(caught.value) and "set data.faults to skip" in str(caught.value)


def test_lines_that_do_not_fit_can_be_left_out_and_are_counted(tmp_path: Path) -> None:
    made = table(tmp_path, "a,b\n1,2\n3,word\n4,5,6\n7,nan\n8,\n9,10\n", faults="skip")
    assert rows(made) == [[1, 2], [9, 10]]
    assert made.skipped[0] == ("line 3", "holds 'word' in b; expected a number") and len(made.skipped) == 4
    assert "4 lines were left out (line 3 holds 'word' in b" in made.card.note


@pytest.mark.parametrize(
    ("content", "choices", "sentence"),
    [
        ("", {}, "holds no rows"),
        ("\n\n# nothing\n", {}, "holds no rows"),
        ("a,b\n", {}, "holds no usable rows"),
        ("a,b\nc,d\n", {"faults": "skip"}, "holds no usable rows, the first .line 2. holds 'c' in a"),
        ("1,2\n", {}, "there is one line in x.csv; expected examples that vary"),
        ("1,2\n1,2\n", {}, "every line is the same"),
        ("1\n2\n", {"label": "last"}, "holds labels only"),
        ("a,b\n1,2\n3,4\n", {"label": "kind"}, "has no such column .columns are: a, b.; use a name from it, or last"),
        ("1,2\n3,4\n", {"label": "kind"}, "it names no columns"),
        ("a,b\n1,x\n2,\n", {"label": "b"}, "line 3 of x.csv has no label"),
        ("1,2\n3,4\n", {"values": "binary"}, "holds 2; binary data are 0 and 1"),
        ("0,1\n1,0\n", {"values": "binary", "standardise": True}, "choose one"),
        ("\n".join(f"{k},{k}" for k in range(1200)), {"label": "last"}, "1200 different values; expected classes"),
        (b"PK\x03\x04\x00\x00", {}, "is no text .line 1 holds other bytes."),
        (b"1,2\n" + b"\xff\xfe,3\n", {}, "is no text .line 2"),
        ("1,2\n3,4\n", {"test": 0.9, "validation": 0.9}, "takes all: lower data.test"),
    ],
)
def test_a_table_that_is_no_use_says_why(
    tmp_path: Path, content: str | bytes, choices: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(DataError, match=sentence) as caught:
        table(tmp_path, content, **choices)
    assert "\n" not in str(caught.value)


def test_no_file_an_absent_file_and_one_too_large_are_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(DataError, match=r"data\.file is empty"):
        make_data({"kind": "table"})
    with pytest.raises(DataError, match="is not there"):
        make_data({"kind": "table", "file": str(tmp_path / "no.csv")})
    with pytest.raises(DataError, match="is not there"):
        make_data({"kind": "table", "file": str(tmp_path)})
    monkeypatch.setattr(read_table, "MOST_BYTES", 5)
    with pytest.raises(DataError, match=r"at most 5 are read as text: save it as \.npy"):
        table(tmp_path, PLAIN)
    with pytest.raises(SpecError, match="expected one of: refuse, skip"):
        table(tmp_path, PLAIN, faults="mend")


@given(st.binary(max_size=120))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_data_or_one_sentence(tmp_path: Path, content: bytes) -> None:
    for faults in ("refuse", "skip"):
        try:
            made = table(tmp_path, content, faults=faults)
        except DataError as error:
            assert str(error) and "\n" not in str(error)
        else:
            assert bool(torch.isfinite(made.part("train").x.float()).all())


def test_a_column_whose_name_has_two_lines_is_told_in_one(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds 'word' in size of it") as found:
        table(tmp_path, '"size\nof it",b\nword,2\n')
    assert "\n" not in str(found.value)


@given(st.text(alphabet="0123456789.,;-e\n\t\"#ax", max_size=80))
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_is_data_or_one_sentence(tmp_path: Path, content: str) -> None:
    try:
        made = table(tmp_path, content, faults="skip")
    except DataError as error:
        assert "\n" not in str(error)
    else:
        assert bool(torch.isfinite(made.part("train").x.float()).all())
        assert made.card.range[0] < made.card.range[1]


def test_a_preview_of_a_table_shows_rows_and_what_was_left_out(tmp_path: Path) -> None:
    table(tmp_path, "1,2\n3,4\nx,5\n6,7\n", faults="skip")
    query = PreviewQuery(data={"kind": "table", "file": str(tmp_path / "x.csv"), "header": "no", "faults": "skip"})
    (frame,) = [view for view in preview(query, torch.Generator()) if view is not None]
    assert frame.card is not None and frame.card.kind == "points" and frame.items.shape == (3, 2)
    assert frame.skipped == (("line 3", "holds 'x' in column 1; expected a number"),)
