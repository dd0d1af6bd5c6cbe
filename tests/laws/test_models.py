"""The laws that every registered model keeps, on points, vectors and pictures: see the table in DESIGN."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch

from gm_core.capabilities.base import Scene, answer, find_answers, to_picture
from gm_core.capabilities.codebook import CodebookQuery
from gm_core.capabilities.complete import CompleteQuery
from gm_core.capabilities.critic import CriticQuery
from gm_core.capabilities.denoises import CorruptQuery
from gm_core.capabilities.density import LogProbQuery
from gm_core.capabilities.encodes import MapQuery
from gm_core.capabilities.features import FiltersQuery
from gm_core.capabilities.field import Field, FieldQuery
from gm_core.capabilities.latent import DecodeQuery
from gm_core.capabilities.partition import Partition
from gm_core.capabilities.reconstruct import ReconstructQuery
from gm_core.capabilities.samples import SampleQuery
from gm_core.capabilities.sitewise import FillQuery
from gm_core.capabilities.stepwise import Conditional, Guided, Renoises, TrajectoryQuery
from gm_core.model import build, card_of, find_models, words
from gm_core.protocol.cards import DataCard
from gm_core.protocol.commands import Query
from gm_core.spec import RunSpec, SpecError, describe, dump_yaml, load_mapping

from .conftest import CARDS, CASES, KINDS, MadeUp, batch, examples, made, seeded

QUERIES: dict[str, Query] = {
    "samples": SampleQuery(n=3),
    "reconstructs": ReconstructQuery(n=3),
    "latent": DecodeQuery(),
    "codebook": CodebookQuery(n=20),
    "encodes": MapQuery(n=20),
    "features": FiltersQuery(n=4),
    "denoises": CorruptQuery(n=3),
    "critic": CriticQuery(n=3, size=6, lattice=4),
    "stepwise": TrajectoryQuery(n=2, steps=4),
    "density": LogProbQuery(n=3, samples=2),
    "field": FieldQuery(size=4),
    "sitewise": FillQuery(n=2),
}

REFINES = {cls.word: cls.refines for cls in (Renoises, Conditional, Guided, Partition)}
"""Capabilities without a query of their own."""


def query_for(word: str, card: DataCard) -> Query:
    """A small question for a capability; to complete, there must be a picture of which a part is missing."""
    word = REFINES.get(word, word)
    if word != "complete":
        return QUERIES[word]
    picture = to_picture(examples(card, 1, seeded(4)), card)
    known = np.arange(picture[0, ..., 0].size if card.kind == "images" else card.size) % 5 > 0
    return CompleteQuery(given=picture, known=known.reshape(picture.shape[1:3]), n=2, particles=2)


SCENES = pytest.mark.parametrize(("kind", "card"), CASES)


# ---- spec


@pytest.mark.parametrize("kind", KINDS)
def test_the_default_spec_comes_back_from_yaml_unchanged(kind: str) -> None:
    plain = find_models()[kind].Spec().plain()
    run = RunSpec(model={"kind": kind, **plain})
    text = dump_yaml(run)
    back = RunSpec.read(load_mapping(text))
    assert dump_yaml(back) == text
    assert find_models()[kind].Spec.read({k: v for k, v in back.model.items() if k != "kind"}).plain() == plain


@pytest.mark.parametrize("kind", KINDS)
def test_every_parameter_has_a_tip_and_every_number_has_bounds_that_hold(kind: str) -> None:
    cls = find_models()[kind].Spec
    rows = describe(cls)
    assert rows
    for row in rows:
        assert len(row.tip) > 10, f"{row.path} has no tip"
        if row.kind in ("int", "float", "ints", "floats"):
            assert row.lo is not None and row.hi is not None, f"{row.path} has no bounds"
            beyond = type(row.lo)(row.hi + 1)
            with pytest.raises(SpecError, match=row.path) as caught:
                cls().replace(row.path, [beyond] if row.kind.endswith("s") else beyond)
            assert caught.value.path == row.path


@pytest.mark.parametrize("kind", KINDS)
def test_a_misspelt_parameter_is_named_with_its_neighbour(kind: str) -> None:
    row = describe(find_models()[kind].Spec)[0]
    with pytest.raises(SpecError, match=f"did you mean {row.path}"):
        find_models()[kind].Spec.read({row.path + "x": row.default})


# ---- the class line


@pytest.mark.parametrize("kind", KINDS)
def test_the_card_of_a_model_says_what_the_class_says_and_crosses_threads(kind: str) -> None:
    cls = find_models()[kind]
    card = card_of(cls)
    assert card.offers == words(cls) and card.offers
    assert card.summary.endswith(".") and card.title and card.paper
    assert pickle.loads(pickle.dumps(card)) == card
    assert card.offers - REFINES.keys() <= {word for word, _ in find_answers().values()}, (
        "a capability that no query asks for"
    )


@SCENES
def test_what_is_offered_is_in_the_class_line_and_what_is_offered_is_answered(kind: str, card: str) -> None:
    model = made(kind, card)
    assert model.offers() <= words(type(model))
    for word in model.offers():
        scene = Scene(model, MadeUp(model.card), seeded(1), torch.device("cpu"))
        with torch.no_grad():
            frames = [frame for frame in answer(query_for(word, model.card), scene) if frame is not None]
        assert frames, f"{word} was asked and nothing came back"
        for frame in frames:
            pickle.loads(pickle.dumps(frame))
            arrays = [value for name in frame.__slots__ if isinstance(value := getattr(frame, name), np.ndarray)]
            assert arrays
        last = [value for name in frame.__slots__ if isinstance(value := getattr(frame, name), np.ndarray)]
        assert all(np.isfinite(array).all() for array in last)


def test_a_model_that_forgets_a_method_of_its_class_line_cannot_be_built() -> None:
    class Forgetful(find_models()[KINDS[0]], Field):  # type: ignore[misc]
        """Says Field and has none."""

        field = Field.field

    with pytest.raises(TypeError, match="abstract"):
        Forgetful(find_models()[KINDS[0]].Spec(), CARDS["points"])


@pytest.mark.parametrize("kind", KINDS)
def test_data_that_a_model_does_not_accept_are_refused_in_one_sentence(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    cls = find_models()[kind]
    fitting = [card for card in CARDS.values() if not cls.fits(card)]
    assert fitting, "a model that fits no data at all"
    card = fitting[0]
    monkeypatch.setattr(cls, "accepts", cls.accepts - {card.values})
    why = cls.fits(card)
    assert card.title in why and card.values in why
    with pytest.raises(SpecError, match="choose other data or another model") as caught:
        build({"kind": kind}, card)
    assert caught.value.path == "model.kind"


# ---- phases


@SCENES
def test_every_parameter_is_in_some_phase_and_is_reached_by_its_loss(kind: str, card: str) -> None:
    model = made(kind, card).train()
    reached = set()
    for stage in model.stages():
        for phase in stage.phases:
            model.zero_grad()
            phase.loss(batch(model.card), seeded(1))["total"].backward()
            for parameter in phase.parameters:
                assert parameter.grad is not None and parameter.grad.isfinite().all()
                reached.add(parameter)
    fitted = any(stage.fit is not None for stage in model.stages())
    assert reached == set(model.parameters()) or fitted


@SCENES
def test_stages_end_in_order_and_no_two_phases_share_a_name(kind: str, card: str) -> None:
    stages = made(kind, card).stages()
    shares = [stage.share for stage in stages]
    assert stages and shares == sorted(shares) and shares[0] >= 0.0 and shares[-1] == 1.0
    names = [phase.name for stage in stages for phase in stage.phases]
    assert len(names) == len(set(names)), "optimisers are kept by the names of phases"
    assert all(bool(stage.phases) != (stage.fit is not None) for stage in stages), "either phases or a fit"


@SCENES
@pytest.mark.parametrize("size", [1, 6])
def test_the_loss_reports_the_declared_charts_and_all_is_finite(kind: str, card: str, size: int) -> None:
    model = made(kind, card).train()
    vectors = {chart.name for chart in model.charts if chart.vector}
    declared = {chart.name for chart in model.charts} | {"total"}
    phases = [phase for stage in model.stages() for phase in stage.phases]
    reported: dict[str, torch.Tensor] = {}
    for phase in phases:
        terms = phase.loss(batch(model.card, size), seeded(1))
        assert "total" in terms and terms.keys() <= declared
        reported |= terms
    assert not phases or reported.keys() == declared
    for name, value in reported.items():
        assert value.ndim == (1 if name in vectors else 0)
        assert value.isfinite().all(), f"{name} is not finite"
    for chart in model.charts:
        assert not chart.is_loss or torch.equal(reported[chart.name], reported["total"].detach())
    assert model.eval().scores(batch(model.card, size), seeded(1)).keys() == declared


@SCENES
def test_the_loss_follows_from_weights_batch_and_generator_alone(kind: str, card: str) -> None:
    first, second = made(kind, card, 5).train(), made(kind, card, 5).train()
    for step in (9, 2, 40):
        first.at(step)
    second.at(40)
    a, b = (model.loss(batch(model.card), seeded(3)) for model in (first, second))
    assert all(torch.equal(a[name], b[name]) for name in a)


@SCENES
def test_the_seed_decides_the_weights(kind: str, card: str) -> None:
    model = made(kind, card)
    if not list(model.parameters()):
        pytest.skip(f"{kind} counts, and begins with nothing counted")
    first, same, other = (made(kind, card, seed).state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(first[name], same[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)
