"""The laws that every registered model keeps, on points, vectors and pictures: see the table in DESIGN."""

from __future__ import annotations

import gc
import pickle
import weakref
from itertools import pairwise

import numpy as np
import pytest
import torch

from gm_core.capabilities import (
    ANSWERS,
    DecodeQuery,
    Density,
    Encodes,
    Field,
    FieldQuery,
    Latent,
    LogProbQuery,
    MapQuery,
    ReconstructQuery,
    Reconstructs,
    SampleQuery,
    Samples,
    Stepwise,
    TrajectoryQuery,
    WalkQuery,
    answer,
)
from gm_core.capabilities.base import Scene
from gm_core.model import GenerativeModel, build, card_of, find_models, words
from gm_core.protocol.commands import Query
from gm_core.spec import RunSpec, SpecError, describe, dump_yaml, load_mapping

from .conftest import CARDS, CASES, KINDS, MadeUp, batch, examples, made, seeded

ROUNDING = 1e-4
"""How far float32 arithmetic may leave a picture outside its range."""
QUERIES: dict[str, Query] = {
    "samples": SampleQuery(n=3),
    "reconstructs": ReconstructQuery(n=3),
    "latent": DecodeQuery(),
    "encodes": MapQuery(n=20),
    "stepwise": TrajectoryQuery(n=2, steps=4),
    "density": LogProbQuery(n=3, samples=2),
    "field": FieldQuery(size=4),
}
SCENES = pytest.mark.parametrize(("kind", "card"), CASES)


def having(kind: str, card: str, capability: type) -> GenerativeModel:
    """A model that offers the capability on such data, or a skipped test."""
    model = made(kind, card)
    word = capability.word  # type: ignore[attr-defined]
    if word not in model.offers():
        pytest.skip(f"{kind} on {card} does not offer {word}")
    return model


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
    assert card.offers <= {word for word, _ in ANSWERS.values()}, "a capability that no query asks for"


@SCENES
def test_what_is_offered_is_in_the_class_line_and_what_is_offered_is_answered(kind: str, card: str) -> None:
    model = made(kind, card)
    assert model.offers() <= words(type(model))
    for word in model.offers():
        scene = Scene(model, MadeUp(model.card), seeded(1), torch.device("cpu"))
        with torch.no_grad():
            frames = [frame for frame in answer(QUERIES[word], scene) if frame is not None]
        assert frames, f"{word} was asked and nothing came back"
        for frame in frames:
            pickle.loads(pickle.dumps(frame))
            arrays = [value for name in frame.__slots__ if isinstance(value := getattr(frame, name), np.ndarray)]
            assert arrays and all(np.isfinite(array).all() for array in arrays)


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
    first, same, other = (made(kind, card, seed).state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(first[name], same[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)


# ---- samples, reconstructs, latent, encodes


@SCENES
def test_the_same_seed_gives_the_same_samples_in_the_right_shape_and_range(kind: str, card: str) -> None:
    model = having(kind, card, Samples)
    with torch.no_grad():
        first, same, other = (model.sample(4, seeded(seed)) for seed in (1, 1, 2))
    assert first.shape == (4, *model.card.shape) and first.isfinite().all()
    assert torch.equal(first, same) and not torch.equal(first, other)
    if model.card.kind == "images":
        lo, hi = model.card.range
        assert lo - ROUNDING <= first.min() and first.max() <= hi + ROUNDING


@SCENES
def test_a_reconstruction_has_the_shape_and_range_of_what_was_shown(kind: str, card: str) -> None:
    model = having(kind, card, Reconstructs)
    x = examples(model.card, 4, seeded(2))
    with torch.no_grad():
        back, again = model.reconstruct(x, seeded(1)), model.reconstruct(x, seeded(1))
    assert back.shape == x.shape and back.isfinite().all() and torch.equal(back, again)
    if model.card.kind == "images":
        lo, hi = model.card.range
        assert lo - ROUNDING <= back.min() and back.max() <= hi + ROUNDING


@SCENES
def test_decoding_is_deterministic_and_each_code_is_decoded_for_itself(kind: str, card: str) -> None:
    model = having(kind, card, Latent)
    with torch.no_grad():
        z = model.prior(5, seeded(1))
        assert z.shape == (5, model.latent_size)
        x = model.decode(z)
        assert x.shape == (5, *model.card.shape)
        assert torch.equal(x, model.decode(z))
        assert torch.allclose(x[2:3], model.decode(z[2:3]), atol=1e-5)


@SCENES
@pytest.mark.parametrize("path", ["straight", "spherical"])
def test_a_walk_begins_and_ends_at_its_stops(kind: str, card: str, path: str) -> None:
    model = having(kind, card, Latent)
    stops = model.prior(3, seeded(4))
    query = WalkQuery(stops=stops.numpy(), n=7, path=path)  # type: ignore[arg-type]
    with torch.no_grad():
        (frame,) = answer(query, Scene(model, MadeUp(model.card), seeded(1), torch.device("cpu")))
    assert len(frame.items) == 7  # type: ignore[attr-defined]
    for at, stop in ((0, 0), (3, 1), (6, 2)):
        assert np.array_equal(frame.z[at], stops[stop].numpy())  # type: ignore[attr-defined]


@SCENES
def test_codes_decode_to_the_shape_of_their_examples_and_axes_are_sorted_by_use(kind: str, card: str) -> None:
    model = having(kind, card, Encodes)
    x = examples(model.card, 4, seeded(2))
    with torch.no_grad():
        mu, std = model.encode(x)
        assert mu.shape == std.shape == (4, model.latent_size)
        assert (std > 0).all()
        if isinstance(model, Latent):
            assert model.decode(mu).shape == x.shape
        scene = Scene(model, MadeUp(model.card), seeded(1), torch.device("cpu"))
        *_, found = answer(MapQuery(n=30), scene)
    used = found.use[found.order]  # type: ignore[attr-defined]
    assert (np.diff(used) <= 0).all()
    assert sorted(found.order) == list(range(model.latent_size))  # type: ignore[attr-defined]


def test_an_axis_whose_codes_are_the_prior_has_no_use_and_one_that_knows_more_has_more() -> None:
    means = torch.tensor([[0.0, 1.0, 2.0], [0.0, -1.0, -2.0]])
    use = Encodes.use(None, means, torch.tensor([[1.0, 1.0, 0.1]] * 2))  # type: ignore[arg-type]
    assert use[0] == 0.0
    assert use[1] == pytest.approx(0.5)
    assert use[2] == pytest.approx(0.5 * (4 + 0.01 - 1 - 2 * np.log(0.1)))


# ---- stepwise


@SCENES
def test_the_last_state_of_a_trajectory_is_the_sample_and_progress_never_falls(kind: str, card: str) -> None:
    model = having(kind, card, Stepwise)
    with torch.no_grad():
        states = list(model.trajectory(2, seeded(3)))
        whole = model.sample(2, seeded(3))
    progress = [state.progress for state in states]
    assert progress[0] == 0.0 and progress[-1] == 1.0
    assert all(before <= after for before, after in pairwise(progress))
    assert torch.equal(states[-1].x, whole)
    for state in states:
        assert all(view.shape == state.x.shape and view.isfinite().all() for view in state.views.values())


@SCENES
def test_every_named_sampler_draws_with_as_many_steps_as_asked(kind: str, card: str) -> None:
    model = having(kind, card, Stepwise)
    for sampler in model.samplers():
        with torch.no_grad():
            states = list(model.trajectory(2, seeded(3), sampler=sampler, steps=3))
        assert len(states) == 4, "three steps have four states"
        assert states[-1].x.shape == (2, *model.card.shape)
    lengths = {len(curve) for curve in model.curves().values()}
    assert "t" in model.curves() and len(lengths) == 1


@SCENES
def test_closing_a_trajectory_midway_leaks_nothing(kind: str, card: str) -> None:
    model = having(kind, card, Stepwise)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    states = model.trajectory(2, seeded(3))
    held = [weakref.ref(next(states).x) for _ in range(3)]
    states.close()
    del states
    gc.collect()
    assert all(reference() is None for reference in held)
    assert torch.is_grad_enabled() and not model.training
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())


# ---- density and field


@SCENES
def test_log_probabilities_are_finite_repeatable_and_honestly_named(kind: str, card: str) -> None:
    model = having(kind, card, Density)
    x = examples(model.card, 4, seeded(2))
    with torch.no_grad():
        first, same = (model.log_prob(x, seeded(1)) for _ in range(2))
        sharper = model.log_prob(x, seeded(1), samples=7)
    assert first.shape == sharper.shape == (4,)
    assert first.isfinite().all() and torch.equal(first, same)
    assert model.density_kind in ("exact", "bound", "solver", "unnormalised")
    if model.card.values == "binary":
        assert (first < 0).all(), "a probability above 1"


@pytest.mark.parametrize("kind", KINDS)
def test_on_the_plane_an_exact_density_integrates_to_one_and_a_bound_to_no_more(kind: str) -> None:
    model = having(kind, "points", Density)
    if model.density_kind == "unnormalised":
        pytest.skip(f"{kind} does not claim to integrate to 1")
    side = torch.linspace(-8.0, 8.0, 65)
    grid = torch.stack(torch.meshgrid(side, side, indexing="xy"), -1).reshape(-1, 2)
    with torch.no_grad():
        mass = model.log_prob(grid, seeded(1)).double().exp().sum() * (16.0 / 64) ** 2
    # 4225 cells with independent draws each: Monte Carlo noise of a bound stays far below 0.03.
    assert mass < 1.03
    if model.density_kind != "bound":
        assert mass == pytest.approx(1.0, abs=1e-3)


@SCENES
def test_a_field_on_the_plane_is_finite_on_the_whole_box_at_every_noise(kind: str, card: str) -> None:
    model = having(kind, card, Field)
    x = 3.0 * examples(model.card, 50, seeded(2))
    for noise in (0.0, 0.05, 0.5, 1.0):
        with torch.no_grad():
            arrows = model.field(x, noise)
        assert arrows.shape == x.shape and arrows.isfinite().all()
