"""Ways compared: exact stops, one measure for all of them, a meter that knows where the data lie, and clean ends."""

from __future__ import annotations

import gc
import pickle
import weakref
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from gm_core.capabilities.base import Scene, answer
from gm_core.capabilities.encodes import Encodes
from gm_core.capabilities.latent import Latent
from gm_core.capabilities.paths import ComparedPaths, ComparePathsQuery, PathStop, PathWay
from gm_core.protocol.cards import DataCard
from gm_core.spec import SpecError

CARD = DataCard("globe", "Globe", (3,), "continuous", (-2.0, 2.0), classes=("north", "south"))
SIZE = 12


def seeded(seed: int) -> torch.Generator:
    """A generator on the CPU."""
    return torch.Generator().manual_seed(seed)


class Ball(Latent):
    """Decodes the first three of twelve numbers onto the unit sphere; a class mirrors it. No encoder."""

    title = "A ball"
    latent_size = SIZE
    card = CARD

    def offers(self) -> frozenset[str]:
        return frozenset({"latent"})

    def prior(self, n: int, rng: torch.Generator) -> Tensor:
        return torch.randn(n, self.latent_size, generator=rng)

    def decode(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        first = z[:, :3]
        x = first / (1.0 + first.square().sum(1, keepdim=True)).sqrt()
        return x if y is None else x * (1.0 - 2.0 * y[:, None])


class Flat(Ball, Encodes):
    """The plane in space: two numbers, read off and written back."""

    title = "A plane"
    latent_size = 2

    def offers(self) -> frozenset[str]:
        return frozenset({"latent", "encodes"})

    def decode(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        return torch.cat([z, z.new_ones(len(z), 1)], 1)

    def encode(self, x: Tensor, y: Tensor | None = None) -> tuple[Tensor, Tensor]:
        return x[:, :2], torch.zeros_like(x[:, :2])


@dataclass
class Patches:
    """Examples in two round patches of the plane, left and right, far from each other."""

    card: DataCard = CARD

    def count(self, split: str) -> int:
        return 900

    def examples(self, split: str, indices: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor | None]:
        at = 0.3 * torch.randn(900, 3, generator=seeded(2))
        side = torch.arange(900) % 2
        at[:, 0] += torch.where(side > 0, 3.0, -3.0)
        at[:, 2] = 1.0
        return at[indices], side[indices]


def frames(query: ComparePathsQuery, model: Any = None) -> list[ComparedPaths]:
    """All frames of an answer."""
    with torch.no_grad():
        found = answer(query, Scene(model or Ball(), Patches(), seeded(query.seed), torch.device("cpu")))  # type: ignore[arg-type]
        return [frame for frame in found if isinstance(frame, ComparedPaths)]


def ways(frame: ComparedPaths) -> dict[str, PathWay]:
    return {way.way: way for way in frame.ways}


def test_every_way_begins_and_ends_exactly_at_the_stops_and_meets_those_between() -> None:
    stops = tuple(PathStop(z=torch.randn(SIZE, generator=seeded(i)).numpy()) for i in range(3))
    for query in (ComparePathsQuery(stops=stops, n=21), ComparePathsQuery(stops=stops, n=21, even=True)):
        for frame in frames(replace(query, easing="smooth")):
            for way in frame.ways:
                assert way.items.shape == (21, 3) and way.z.shape == (21, SIZE) and way.speed.shape == (20,)
                for at, stop in zip((0, 10, 20), stops, strict=True):
                    assert np.array_equal(way.z[at], stop.z), way.way  # type: ignore[arg-type]


def test_the_geodesic_improves_from_frame_to_frame_and_is_the_shortest_of_all() -> None:
    found = frames(ComparePathsQuery(seed=4))
    geodesics = [ways(frame)["geodesic"] for frame in found]
    assert len(found) > 3 and [frame.done for frame in found] == [False] * (len(found) - 1) + [True]
    assert all(b.energy <= a.energy for a, b in pairwise(geodesics))
    assert geodesics[-1].done and geodesics[-1].iteration > 0
    last = ways(found[-1])
    assert list(last) == ["straight", "spherical", "norm-corrected", "geodesic"]
    for way in last.values():
        assert way.length >= last["geodesic"].length * (1 - 1e-6)
        assert way.energy >= way.length**2 * (1 - 1e-5), "energy is length squared where the speed is constant"
    assert last["geodesic"].length < 0.99 * last["straight"].length
    assert last["geodesic"].energy == pytest.approx(last["geodesic"].length ** 2, rel=0.01)


def test_length_is_what_the_speed_adds_up_to() -> None:
    for way in frames(ComparePathsQuery(seed=1, n=16))[-1].ways:
        assert float(way.speed.sum()) / 15 == pytest.approx(way.length, rel=1e-5)


def test_walked_evenly_every_way_has_constant_speed_and_keeps_its_length() -> None:
    plain, even = (ways(frames(ComparePathsQuery(seed=4, n=40, even=on))[-1]) for on in (False, True))
    assert plain["norm-corrected"].speed.std() > 0.1 * plain["norm-corrected"].speed.mean()
    for name, way in even.items():
        assert way.speed.std() < 0.02 * way.speed.mean(), name
        assert way.length == pytest.approx(plain[name].length, rel=1e-6)


def test_easing_moves_the_frames_but_changes_neither_way_nor_length() -> None:
    linear, smooth = (ways(frames(ComparePathsQuery(seed=4, easing=e))[-1])["straight"] for e in ("linear", "smooth"))
    assert smooth.length == linear.length and smooth.energy == linear.energy
    assert smooth.speed[0] < 0.2 * smooth.speed[11] and linear.speed[0] > 0.2 * linear.speed[11]


def test_a_closed_way_comes_back_to_its_first_stop() -> None:
    stops = tuple(PathStop(seed=i) for i in range(3))
    frame = frames(ComparePathsQuery(stops=stops, n=31, closed=True))[-1]
    assert frame.stops.shape == (3, SIZE) and len(frame.stop_items) == len(frame.originals) == 3
    for way in frame.ways:
        for at, stop in zip((0, 10, 20, 30), (0, 1, 2, 0), strict=True):
            assert np.array_equal(way.z[at], frame.stops[stop])


def test_a_stop_of_the_prior_is_the_same_in_any_company() -> None:
    pair = frames(ComparePathsQuery(stops=(PathStop(seed=7), PathStop(seed=8)), n=5, ways=("straight",)))[-1]
    turned = frames(ComparePathsQuery(stops=(PathStop(seed=8), PathStop(seed=7)), n=5, ways=("straight",)))[-1]
    assert np.array_equal(pair.stops, turned.stops[::-1]) and not np.array_equal(pair.stops[0], pair.stops[1])


def test_pictures_and_examples_are_encoded_and_shown_as_they_were_given() -> None:
    drawn = np.array([0.5, -0.25, 1.0], np.float32)
    stops = (PathStop(given=drawn), PathStop(index=6), PathStop(seed=3))
    frame = frames(ComparePathsQuery(stops=stops, n=9), Flat())[-1]
    example = Patches().examples("test", torch.tensor([6]), seeded(0))[0][0].numpy()
    assert np.array_equal(frame.stops[:2], [drawn[:2], example[:2]])
    assert np.array_equal(frame.originals[0], drawn) and np.array_equal(frame.originals[1], example)
    assert frame.originals[2] is None


def test_the_class_of_a_conditional_model_reaches_the_decoder() -> None:
    north, south = (ways(frames(ComparePathsQuery(seed=2, n=5, y=y))[-1])["geodesic"].items for y in (0, 1))
    np.testing.assert_allclose(north, -south, atol=1e-6)


def test_between_two_patches_of_data_the_middle_of_a_way_is_off_the_data() -> None:
    stops = (PathStop(index=0), PathStop(index=1))  # one on either side
    first, second, *_ = frames(ComparePathsQuery(stops=stops, n=25), Flat())
    assert first.ways[0].off.shape == (0,), "before the data are encoded nothing is claimed"
    way = ways(second)["straight"]
    assert second.meter == "nearest" and second.dots.shape == (900, 2)
    assert max(way.off[0], way.off[-1]) < 2 < 10 < way.off[12]


def test_without_an_encoder_codes_of_unusual_length_are_off_the_prior() -> None:
    a = np.zeros(SIZE, np.float32)
    a[:] = 1.0  # |z| = sqrt(12), as usual as can be
    frame = frames(ComparePathsQuery(stops=(PathStop(z=a), PathStop(z=-a)), n=25, ways=("straight", "spherical")))[-1]
    straight, spherical = frame.ways
    assert frame.meter == "norm" and frame.dots.shape == (0, 2)
    assert straight.off[12] > 2 > straight.off[0] and spherical.off.max() < 1
    asked = frames(ComparePathsQuery(seed=1, n=5, among=0), Flat())[-1]
    assert asked.meter == "norm", "no example was allowed"


def test_without_the_geodesic_the_answer_is_done_as_soon_as_the_meter_is() -> None:
    found = frames(ComparePathsQuery(n=6, ways=("straight", "norm-corrected")))
    assert [frame.done for frame in found] == [False, True]


def test_frames_travel_between_threads() -> None:
    frame = frames(ComparePathsQuery(n=6))[-1]
    again = pickle.loads(pickle.dumps(frame))
    assert np.array_equal(again.ways[3].items, frame.ways[3].items) and again.ways[3].length == frame.ways[3].length


def test_the_same_question_has_the_same_answer() -> None:
    first, second = (frames(ComparePathsQuery(seed=9))[-1] for _ in range(2))
    assert all(np.array_equal(a.z, b.z) for a, b in zip(first.ways, second.ways, strict=True))


def test_closing_an_answer_midway_leaks_nothing() -> None:
    model = Ball()
    asked = answer(ComparePathsQuery(seed=4), Scene(model, Patches(), seeded(0), torch.device("cpu")))  # type: ignore[arg-type]
    with torch.no_grad():
        for _ in range(6):
            next(asked)
    held = weakref.ref(model)
    asked.close()  # type: ignore[attr-defined]
    del asked, model
    gc.collect()
    assert held() is None


@pytest.mark.parametrize(
    ("query", "words"),
    [
        (ComparePathsQuery(stops=(PathStop(),)), "expected at least 2"),
        (ComparePathsQuery(stops=(PathStop(), PathStop(index=3))), "has no encoder"),
        (ComparePathsQuery(stops=(PathStop(), PathStop(z=np.zeros(3, np.float32)))), "have 12 numbers"),
        (ComparePathsQuery(n=1), "expected at least 2 pictures"),
        (ComparePathsQuery(ways=()), "the way is none"),
        (ComparePathsQuery(ways=("bent",)), "'bent'; expected some of: straight"),  # type: ignore[arg-type]
        (ComparePathsQuery(easing="jumpy"), "expected one of: linear"),  # type: ignore[arg-type]
        (ComparePathsQuery(y=2), "expected 0 to 1"),
    ],
)
def test_what_makes_no_way_is_refused_in_one_sentence(query: ComparePathsQuery, words: str) -> None:
    with pytest.raises(SpecError, match=words):
        frames(query)


def test_a_stop_that_is_no_picture_of_these_data_is_refused_in_one_sentence() -> None:
    for stop, words in (
        (PathStop(index=900), "0 to 899"),
        (PathStop(given=np.zeros(4, np.float32)), r"expected \(3,\)"),
    ):
        with pytest.raises(SpecError, match=words):
            frames(ComparePathsQuery(stops=(PathStop(), stop)), Flat())
