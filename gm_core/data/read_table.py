"""Tables of numbers in text files, read line by line so that a fault can be told by its line."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from gm_core.data.base import DataError

DELIMITERS = (",", ";", "\t")
MOST_BYTES = 2**29
MOST_COLUMNS = 100_000
LARGEST = 1e30
"""A number beyond this is taken for a fault: its square has no room in 32 bits."""
Header = Literal["auto", "yes", "no"]
Row = tuple[int, list[str]]
"""The number of a line, and its cells."""


@dataclass
class Table:
    """The numbers of a table (n, d), its labels as text (empty: none), column names, and the lines left out."""

    values: npt.NDArray[np.float64]
    labels: list[str] = field(default_factory=list)
    columns: tuple[str, ...] = ()
    odd: list[tuple[str, str]] = field(default_factory=list)


def read_table(path: Path, header: Header, label: str, skip: bool) -> Table:
    """Read a table separated by commas, semicolons or tabs, whichever its first line has most of.

    `label` names the column of labels: "" for none, "last", a name from the header, or "auto", which is the last one if
    it holds words in a row of numbers. Empty lines and lines that
    begin with # are passed over; where ";" or tabs separate, 1,5 is read as 1.5. With `skip`, lines that do not fit
    are left out and listed, else the first of them is a DataError with its number.
    """
    text = _text(path)
    delimiter = _delimiter(text, path)
    rows = _rows(text, delimiter, path)
    first = next(rows, None)
    if first is None:
        raise DataError(f"{path} holds no rows; expected numbers, one example a line: choose another file")
    width = len(first[1])
    comma = delimiter != ","
    named = header == "yes" or (header == "auto" and _is_header(first[1], comma, label))
    # Quoted names may hold line ends, which no sentence that tells of them should.
    columns = tuple(" ".join(cell.split()) or f"column {k + 1}" for k, cell in enumerate(first[1])) if named else ()
    sample = next(rows, None) if named else first
    rows = _again(sample, rows)
    if label == "auto":
        label = "last" if sample is not None and _ends_in_a_word(sample[1], comma) else ""
    at = _label_column(label, columns, width, path)
    table = Table(np.empty((0, 0)), columns=tuple(c for k, c in enumerate(columns) if k != at))
    numbers: list[list[float]] = []
    for line, cells in rows:
        try:
            if len(cells) != width:
                raise _Odd(f"has {len(cells)} cells; expected {width} as in line {first[0]}")
            made = [
                _number(cell, comma, columns[k] if columns else f"column {k + 1}")
                for k, cell in enumerate(cells)
                if k != at
            ]
            if at is not None and not cells[at].strip():
                raise _Odd("has no label")
        except _Odd as odd:
            if not skip:
                raise DataError(
                    f"line {line} of {path.name} {odd}: mend it, or set data.faults to skip to leave such lines out"
                ) from None
            table.odd.append((f"line {line}", str(odd)))
            continue
        numbers.append(made)
        if at is not None:
            table.labels.append(cells[at].strip())
    if not numbers:
        why = f", the first ({table.odd[0][0]}) {table.odd[0][1]}" if table.odd else ""
        raise DataError(f"{path} holds no usable rows{why}; expected numbers, one example a line: choose another file")
    table.values = np.array(numbers, np.float64)
    if table.values.shape[1] == 0:
        raise DataError(f"{path} holds labels only; expected at least one column of numbers beside them")
    return table


class _Odd(Exception):
    """Why a line does not fit."""


def _text(path: Path) -> str:
    if not path.is_file():
        raise DataError(f"{path} is not there; expected a table of numbers (.csv, .tsv, .txt): set data.file to it")
    try:
        size = path.stat().st_size
        if size > MOST_BYTES:
            raise DataError(
                f"{path} has {size:,} bytes; at most {MOST_BYTES:,} are read as text: save it as .npy and choose arrays"
            )
        raw = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror or error}); check the disk and your rights") from None
    for coding in ("utf-8-sig", "utf-16") if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8-sig",):
        try:
            text = raw.decode(coding)
        except UnicodeDecodeError as error:
            where = raw.count(b"\n", 0, error.start) + 1
            continue
        if "\0" not in text:
            return text
        where = text.count("\n", 0, text.index("\0")) + 1
    raise DataError(f"{path} is no text (line {where} holds other bytes); expected a table saved as CSV in UTF-8")


def _lines(text: str) -> Iterator[str]:
    """The lines with an empty one for each comment, so that numbers of lines stay true."""
    for line in io.StringIO(text, newline=None):
        yield "\n" if line.lstrip().startswith("#") else line


def _delimiter(text: str, path: Path) -> str:
    first = next((line for line in _lines(text) if line.strip()), "")
    if path.suffix.lower() == ".tsv":
        return "\t"
    most = max(DELIMITERS, key=first.count)
    if most == "," and first.count(";"):  # decimal commas may be more than the semicolons between them
        return ";"
    return most


def _rows(text: str, delimiter: str, path: Path) -> Iterator[Row]:
    """Line numbers and cells of the lines that hold something."""
    reader = csv.reader(_lines(text), delimiter=delimiter)
    while True:
        begins = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise DataError(f"line {begins} of {path.name} cannot be split into cells ({error}); mend it") from None
        if len(cells) > MOST_COLUMNS:
            raise DataError(
                f"line {begins} of {path.name} has {len(cells):,} cells; at most {MOST_COLUMNS:,} are read: "
                "one line is one example"
            )
        if any(cell.strip() for cell in cells):
            yield begins, cells


def _again(first: Row | None, rows: Iterator[Row]) -> Iterator[Row]:
    if first is not None:
        yield first
    yield from rows


def _is_header(cells: list[str], comma: bool, label: str) -> bool:
    """Whether the first line names columns: some cell is text, and not only the label's."""
    texts = [k for k, cell in enumerate(cells) if cell.strip() and not _is_number(cell, comma)]
    if label == "last" or (label == "auto" and len(cells) > 1):
        texts = [k for k in texts if k != len(cells) - 1]
    return bool(texts)


def _ends_in_a_word(cells: list[str], comma: bool) -> bool:
    """Whether all cells are numbers but the last, which holds something else."""
    *others, last = cells
    return bool(others and last.strip()) and not _is_number(last, comma) and all(_is_number(c, comma) for c in others)


def _is_number(cell: str, comma: bool) -> bool:
    try:
        float(cell.replace(",", ".") if comma else cell)
    except ValueError:
        return False
    return True


def _label_column(label: str, columns: tuple[str, ...], width: int, path: Path) -> int | None:
    if not label:
        return None
    if label in columns:
        return columns.index(label)
    if label == "last":
        return width - 1
    known = f"columns are: {', '.join(columns[:20])}" if columns else "it names no columns"
    raise DataError(
        f"data.label is {label!r} but {path.name} has no such column ({known}); use a name from it, or last"
    )


def _number(cell: str, comma: bool, name: str) -> float:
    text = cell.strip()
    try:
        value = float(text.replace(",", ".") if comma else text)
    except ValueError:
        found = repr(text[:40]) if text else "nothing"
        raise _Odd(f"holds {found} in {name}; expected a number") from None
    if not math.isfinite(value):
        raise _Odd(f"holds {text} in {name}; expected a finite number")
    if abs(value) > LARGEST:
        raise _Odd(f"holds {text} in {name}; expected numbers up to {LARGEST:g}")
    return value
