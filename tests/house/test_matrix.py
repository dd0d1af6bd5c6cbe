"""The table of models and capabilities in the README is what the models say."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

from gm_core import api
from gm_core.model import find_models
from gm_core.resources import resource

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def matrix() -> ModuleType:
    found = importlib.util.spec_from_file_location("make_matrix", ROOT / "packaging" / "make_matrix.py")
    assert found and found.loader
    module = importlib.util.module_from_spec(found)
    sys.modules[found.name] = module  # dataclasses look their module up
    found.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def table(matrix: ModuleType) -> str:
    return str(matrix.table())


@pytest.fixture(scope="module")
def cells(matrix: ModuleType, table: str) -> dict[str, dict[str, str]]:
    """The cell of each model and capability."""
    rows = re.findall(r"^\| \[`(\w+)`\]\(.*?\) \|(.*)\|$", table, re.MULTILINE)
    return {name: dict(zip(matrix.COLUMNS, map(str.strip, row.split("|")), strict=True)) for name, row in rows}


def test_the_readme_holds_the_table_that_the_models_say_today(matrix: ModuleType, table: str) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert table in readme, "README.md is out of date: run python packaging/make_matrix.py"
    assert matrix.BEGIN in readme.partition(table)[0] and matrix.END in readme.partition(table)[2]


def test_every_model_is_in_the_table_once_and_has_a_mark_for_every_word_of_its_class_line(
    matrix: ModuleType, table: str, cells: dict[str, dict[str, str]]
) -> None:
    cards = {card.name: card for card in api.read_catalogue().models}
    assert cells.keys() == cards.keys() and table.count("](resources/help/models/") == len(cards)
    for name, row in cells.items():
        marked = {word for word, cell in row.items() if cell}
        assert marked == cards[name].offers - matrix.REFINED.keys(), name


def test_what_is_narrowed_has_an_open_mark_with_the_reason(cells: dict[str, dict[str, str]]) -> None:
    assert cells["made"]["classes"] == "○<sup>y</sup>"  # labels needed
    assert cells["ddpm"]["field"] == "○<sup>p</sup>"  # points only
    assert cells["ppca"]["density"] == "○<sup>c</sup>"  # of discrete levels it could be raised at will
    assert cells["flow_matching"]["density"] == "○<sup>v</sup>"  # no pictures
    assert cells["energy"]["density"] == "●<sup>+Z</sup>"
    assert cells["vae"]["samples"] == "●" and cells["vae"]["stepwise"] == ""


def test_families_stand_in_the_order_of_the_notes_and_hold_their_models(matrix: ModuleType, table: str) -> None:
    parts = re.split(r"^\| \*\*([A-Z].*?)\*\* \|[ |]*$", table, flags=re.MULTILINE)
    assert tuple(parts[1::2]) == matrix.ORDER
    held = {title: set(re.findall(r"\[`(\w+)`\]", part)) for title, part in zip(parts[1::2], parts[2::2], strict=True)}
    assert {"markov", "nade", "pixel_cnn", "pixel_transformer"} <= held["Exact autoregressive"]
    assert held["Latent"] >= {"ppca", "vae", "vqvae"} and held["Autoencoders"] == {"autoencoder"}
    assert held["Adversarial"] == {"gan"} and held["Energy"] == {"energy"}
    assert held["Diffusion and scores"] == {"score", "ddpm", "edm"} and held["Flows"] == {"realnvp", "flow_matching"}


def test_every_mark_and_column_is_explained_and_none_that_does_not_occur(
    matrix: ModuleType, table: str, cells: dict[str, dict[str, str]]
) -> None:
    used = {part for row in cells.values() for cell in row.values() for part in re.findall(r"[^ <>]+(?= |<)", cell[1:])}
    used -= {"sup", "/sup"}
    legend = table.partition("on all data that the model takes")[2]
    assert used and used == set(re.findall(r"<sup>(.*?)</sup>", legend))
    for head, _ in matrix.COLUMNS.values():
        assert f"<sub>{head}</sub>" in table and f"| **{head}** |" in table


def test_refinements_that_need_labels_are_offered_with_them_alone(matrix: ModuleType) -> None:
    probes = matrix.probes()
    for name in ("gan", "ddpm", "realnvp"):
        for number, words in matrix.offered(find_models()[name]).items():
            assert ("conditional" in words) == probes[number].labels, name


def test_links_of_the_table_lead_to_texts(table: str) -> None:
    for name in re.findall(r"resources/help/models/(\w+)\.md", table):
        assert resource("help", "models", f"{name}.md").is_file()


def test_a_model_of_no_known_family_and_a_readme_without_marks_are_told(matrix: ModuleType) -> None:
    with pytest.raises(SystemExit, match="no family of make_matrix says that"):
        matrix.family(frozenset({"samples"}), "stranger")
    with pytest.raises(SystemExit, match=r"README\.md lacks"):
        matrix.written("# A README\n")
