"""Every preset runs, and the stored catalogue says what is registered."""

from __future__ import annotations

from pathlib import Path

import pytest

from gm_core import api
from gm_core.data.base import DataError
from gm_core.engine.catalogue import make_catalogue
from gm_core.presets import find_preset, read_catalogue, read_presets, write_catalogue
from gm_core.scripting import data
from gm_core.spec import RunSpec, SpecError, dump_yaml, load_mapping
from tests.conftest import find_mnist

PRESETS = {preset.name: preset for preset in read_presets()}


def test_presets_are_named_model_and_data_after_their_files() -> None:
    assert {"vae-digits", "vae-mnist", "ddpm-moons", "ddpm-digits", "ddpm-mnist"} <= PRESETS.keys()
    for preset in PRESETS.values():
        assert Path(preset.path).stem == preset.name
        assert preset.name.startswith(preset.spec["model"]["kind"])
        assert preset.title != preset.name and preset.note.endswith(".")


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_comes_back_from_yaml_unchanged(name: str) -> None:
    spec = RunSpec.read(PRESETS[name].spec)
    assert RunSpec.read(load_mapping(dump_yaml(spec))) == spec


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_runs_three_steps(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mnist = find_mnist()
    if mnist is not None:
        monkeypatch.setenv("GM_DATA", str(mnist))
    spec = RunSpec.read(PRESETS[name].spec).replace("train.steps", 3).replace("train.validate_examples", 20)
    spec = spec.replace("train.batch", min(spec.train.batch, 8))  # some are meant for an accelerator
    try:
        data(spec)
    except DataError as error:
        pytest.skip(str(error))
    engine = api.open_engine(tmp_path / "runs", "inline")
    engine.start()
    engine.send(api.Start(spec.plain()))
    events = engine.drain()
    while engine.pump():
        events += engine.drain()
    events += engine.drain()
    engine.close()
    assert not [event.words for event in events if isinstance(event, api.Trouble)]
    card = [event.card for event in events if isinstance(event, api.RunChanged)][-1]
    assert (card.state, card.step) == ("finished", 3)


def test_an_unknown_preset_lists_the_known() -> None:
    with pytest.raises(SpecError, match=r"presets are: .*vae-digits"):
        find_preset("vae-digitz")


def test_the_stored_catalogue_is_that_of_the_code(tmp_path: Path) -> None:
    """If this fails, run `gm-core catalogue --write` and look at the difference."""
    write_catalogue(make_catalogue(), tmp_path / "now.json")
    assert read_catalogue(tmp_path / "now.json") == read_catalogue()
