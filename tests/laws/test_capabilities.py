"""The laws of what models can do: samples, reconstructions, codes, trajectories, densities and fields."""

from __future__ import annotations

import gc
import weakref
from itertools import pairwise

import numpy as np
import pytest
import torch

from gm_core.capabilities.base import Scene, answer
from gm_core.capabilities.codebook import Codebook, CodeMapQuery, FromCodesQuery
from gm_core.capabilities.critic import Critic
from gm_core.capabilities.denoises import CorruptQuery, Denoises
from gm_core.capabilities.density import Density
from gm_core.capabilities.encodes import Encodes, MapQuery
from gm_core.capabilities.field import Field
from gm_core.capabilities.latent import DecodeQuery, Latent, WalkQuery
from gm_core.capabilities.paths import ComparedPaths, ComparePathsQuery
from gm_core.capabilities.reconstruct import Reconstructs
from gm_core.capabilities.samples import Samples
from gm_core.capabilities.stepwise import Renoises, Route, Stepwise
from gm_core.spec import SpecError

from .conftest import CASES, KINDS, MadeUp, examples, having, seeded

ROUNDING = 1e-4
"""How far float32 arithmetic may leave a picture outside its range."""
SCENES = pytest.mark.parametrize(("kind", "card"), CASES)


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
@pytest.mark.parametrize("path", ["straight", "spherical", "norm-corrected"])
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
def test_every_way_between_codes_begins_and_ends_there_and_the_geodesic_is_no_longer_than_the_straight_line(
    kind: str, card: str
) -> None:
    model = having(kind, card, Latent)
    query = ComparePathsQuery(seed=4, n=7, iterations=3, among=20)
    with torch.no_grad():
        found = list(answer(query, Scene(model, MadeUp(model.card), seeded(4), torch.device("cpu"))))
    frames = [frame for frame in found if isinstance(frame, ComparedPaths)]
    stops = model.prior(2, seeded(4)).numpy()
    assert frames[-1].done
    for way in frames[-1].ways:
        assert np.array_equal(way.z[[0, -1]], stops) and len(way.items) == len(way.off) == 7
        assert np.isfinite(way.z).all() and np.isfinite(way.off).all()
    straight, geodesic = frames[-1].ways[0], frames[-1].ways[-1]
    assert geodesic.energy <= straight.energy
    assert geodesic.length**2 <= straight.energy * (1 + 1e-5), "as length squared is at most the energy"


@SCENES
def test_codes_of_another_size_are_refused_in_one_sentence(kind: str, card: str) -> None:
    model = having(kind, card, Latent)
    wrong = np.zeros((1, model.latent_size + 1), np.float32)
    scene = Scene(model, MadeUp(model.card), seeded(1), torch.device("cpu"))
    for query in (DecodeQuery(z=wrong), WalkQuery(stops=wrong)):
        with pytest.raises(SpecError, match=f"this model's have {model.latent_size} numbers"):
            list(answer(query, scene))


@SCENES
def test_codes_decode_to_the_shape_of_their_examples_and_axes_are_sorted_by_use(kind: str, card: str) -> None:
    model = having(kind, card, Encodes)
    x = examples(model.card, 4, seeded(2))
    with torch.no_grad():
        mu, std = model.encode(x)
        assert mu.shape == std.shape == (4, model.latent_size)
        assert (std >= 0).all() and std.isfinite().all(), "a code that is sure has a width of 0"
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


# ---- codebook


@SCENES
def test_codes_are_of_the_book_and_what_is_drawn_from_them_is_the_reconstruction(kind: str, card: str) -> None:
    model = having(kind, card, Codebook)
    x = examples(model.card, 4, seeded(2))
    with torch.no_grad():
        codes = model.to_codes(x)
        drawn, again = (model.from_codes(codes) for _ in range(2))
        likely = model.codes_log_prob(codes)
    assert codes.shape == (4, *model.grid) and codes.dtype == torch.int64
    assert codes.min() >= 0 and codes.max() < model.codebook_size
    assert drawn.shape == x.shape and torch.equal(drawn, again)
    assert likely.shape == (4,) and (likely < 0).all()
    if isinstance(model, Reconstructs):
        with torch.no_grad():
            assert torch.allclose(drawn, model.reconstruct(x, seeded(1)), atol=1e-5)


@SCENES
def test_the_picture_of_a_map_of_codes_is_that_of_the_same_codes_given_by_hand(kind: str, card: str) -> None:
    model = having(kind, card, Codebook)
    scene = Scene(model, MadeUp(model.card), seeded(1), torch.device("cpu"))
    with torch.no_grad():
        (shown,) = answer(CodeMapQuery(n=3), scene)
        (drawn,) = answer(FromCodesQuery(codes=shown.codes), scene)  # type: ignore[attr-defined]
    assert np.array_equal(shown.pictures, drawn.pictures)  # type: ignore[attr-defined]
    assert np.array_equal(shown.log_probs, drawn.log_probs)  # type: ignore[attr-defined]
    wrong = np.full((1, *model.grid), model.codebook_size)
    for codes, words in ((wrong, "this codebook has 0 to"), (wrong[:, :, :-1], "this model's grid is"), (None, "give")):
        with pytest.raises(SpecError, match=words):
            list(answer(FromCodesQuery(codes=codes), scene))


# ---- denoises


@SCENES
@pytest.mark.parametrize("spoils", ["gaussian", "masking", "salt_and_pepper"])
def test_a_repair_has_the_shape_of_what_was_spoilt_and_pictures_their_range(kind: str, card: str, spoils: str) -> None:
    model = having(kind, card, Denoises)
    x = examples(model.card, 4, seeded(2))
    with torch.no_grad():
        back, again = (model.denoise(x, 0.3) for _ in range(2))
        query = CorruptQuery(n=4, kind=spoils, amount=0.4)  # type: ignore[arg-type]
        (frame,) = answer(query, Scene(model, MadeUp(model.card), seeded(1), torch.device("cpu")))
    assert back.shape == x.shape and back.isfinite().all() and torch.equal(back, again)
    if model.card.kind == "images":
        lo, hi = model.card.range
        assert lo - ROUNDING <= back.min() and back.max() <= hi + ROUNDING
    assert frame.originals.shape == frame.corrupted.shape == frame.repaired.shape  # type: ignore[attr-defined]
    assert (frame.damage > 0).all() and (frame.errors >= 0).all()  # type: ignore[attr-defined]


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
            states = list(model.trajectory(2, seeded(3), route=Route(sampler, 3)))
        assert len(states) == 4, "three steps have four states"
        assert states[-1].x.shape == (2, *model.card.shape)
    lengths = {len(curve) for curve in model.curves().values()}
    assert "t" in model.curves() and len(lengths) == 1


@SCENES
def test_a_way_that_is_left_and_taken_up_again_ends_where_it_would_have_ended(kind: str, card: str) -> None:
    """With no fresh noise, or with the same: the generator goes on from where it stood."""
    model = having(kind, card, Stepwise)
    for sampler in model.samplers():
        rng = seeded(3)
        with torch.no_grad():
            whole = list(model.trajectory(2, seeded(3), route=Route(sampler, 4)))
            states = model.trajectory(2, rng, route=Route(sampler, 4))
            for _ in range(3):
                left = next(states)
            states.close()
            route = Route(sampler, 4, start=left.x, at=left.at, begin=left.progress, memory=left.memory)
            rest = list(model.trajectory(2, rng, route=route))
        assert rest[0].progress == left.progress and rest[-1].progress == 1.0
        torch.testing.assert_close(rest[-1].x, whole[-1].x, rtol=1e-3, atol=1e-3)


@SCENES
def test_data_put_back_to_the_end_are_data_and_to_the_beginning_are_noise(kind: str, card: str) -> None:
    model = having(kind, card, Renoises)
    x = examples(model.card, 64, seeded(2))
    with torch.no_grad():
        kept, _ = model.renoise(x, 1.0, seeded(0))
        lost, at = model.renoise(x, 0.0, seeded(0))
        other, _ = model.renoise(x.flip(0), 0.0, seeded(0))
    torch.testing.assert_close(kept, x, rtol=1e-4, atol=1e-4 * float(x.abs().max()))
    # At the beginning next to nothing of the data is left: another example with the same noise is nearly the same.
    assert lost.isfinite().all() and (lost - other).std() < 0.3 * lost.std()
    start = Route(start=lost, at=at, begin=0.0, steps=3)
    with torch.no_grad():
        assert list(model.trajectory(64, seeded(1), route=start))[-1].x.shape == x.shape


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
    if model.density_kind != "bound":  # a solver of few steps errs in the third digit
        assert mass == pytest.approx(1.0, abs=1e-3 if model.density_kind == "exact" else 5e-3)


@SCENES
def test_a_field_on_the_plane_is_finite_on_the_whole_box_at_every_noise(kind: str, card: str) -> None:
    model = having(kind, card, Field)
    x = 3.0 * examples(model.card, 50, seeded(2))
    for noise in (0.0, 0.05, 0.5, 1.0):
        with torch.no_grad():
            arrows = model.field(x, noise)
        assert arrows.shape == x.shape and arrows.isfinite().all()


# ---- critic


@SCENES
def test_a_discriminator_judges_each_example_for_itself_and_says_which_way_it_should_move(kind: str, card: str) -> None:
    model = having(kind, card, Critic)
    x = examples(model.card, 6, seeded(2))
    with torch.no_grad():
        judged, alone, wishes = model.judge(x), model.judge(x[2:3]), model.wishes(x)
        said = model.opinion(judged)
    assert judged.shape == said.shape == model.complaints(judged).shape == (6,)
    torch.testing.assert_close(judged[2:3], alone, rtol=1e-4, atol=1e-5)
    assert said.isfinite().all() and (model.opinion_unit == "value" or ((said >= 0) & (said <= 1)).all())
    assert wishes.shape == x.shape and wishes.isfinite().all()
    h = 1e-2 / float(wishes.flatten(1).norm(dim=1).max().clamp(min=1e-6))
    with torch.no_grad():  # a small step along the wishes costs the generator less, or changes nothing
        before, after = (model.complaints(model.judge(at)).double().mean() for at in (x, x + h * wishes))
    assert after <= before + 1e-6
    assert model.game_value(judged, judged).isfinite()
    best = model.best(torch.zeros(3), torch.zeros(3))
    assert best is None or best.shape == (3,)
