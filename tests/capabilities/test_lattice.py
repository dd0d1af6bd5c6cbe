"""Lattices, effects and layouts on a linear decoder, where every expected number can be written down."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from gm_core.capabilities.base import Scene, answer
from gm_core.capabilities.embedding import Embedding, EmbedQuery
from gm_core.capabilities.encodes import LatentMap, MapQuery
from gm_core.capabilities.lattice import EffectQuery, Effects, Lattice, LatticeQuery
from gm_core.protocol.cards import DataCard
from gm_core.protocol.commands import Query
from gm_core.spec import SpecError
from tests.capabilities.test_neighbours import VECTORS, Given, Linear

PICTURES = DataCard("grey", "Grey", (1, 3, 4), "levels", (0.0, 1.0), levels=256)


class Decoder(Linear):
    """No encoder, and a prior of its own widths."""

    WIDTHS = torch.tensor([1.0, 2.0, 0.5, 1.0])

    def offers(self) -> frozenset[str]:
        return frozenset({"latent"})

    def prior(self, n: int, rng: torch.Generator) -> Tensor:
        return torch.randn(n, 4, generator=rng) * self.WIDTHS


def asked(model: Linear, query: Query, data: Given | None = None) -> object:
    scene = Scene(model, data or Given(model.card), torch.Generator().manual_seed(query.seed), torch.device("cpu"))  # type: ignore[arg-type]
    with torch.no_grad():
        *_, frame = answer(query, scene)
    return frame


def test_a_lattice_of_two_axes_keeps_the_other_coordinates_of_its_base() -> None:
    model = Linear(PICTURES)
    base = np.array([9.0, 0.3, 9.0, -0.7], np.float32)
    found = asked(model, LatticeQuery(box=(-1.0, 1.0, 0.0, 2.0), size=4, axes=(2, 0), base=base))
    assert isinstance(found, Lattice)
    assert found.items.shape == (4, 4, 3, 4, 1) and found.items.dtype == np.uint8
    assert np.allclose(found.z[:, :, 2], np.array([-0.75, -0.25, 0.25, 0.75])[None], atol=1e-6)
    assert np.allclose(found.z[:, :, 0], np.array([0.25, 0.75, 1.25, 1.75])[:, None], atol=1e-6)
    assert np.allclose(found.z[:, :, [1, 3]], base[[1, 3]], atol=1e-6)
    place = model.decode(torch.from_numpy(found.z[3, 1])[None]).clamp(0, 1)
    assert np.array_equal(found.items[3, 1, :, :, 0], (place[0, 0] * 255).round().byte().numpy())


def test_a_lattice_of_any_plane_moves_within_it_alone() -> None:
    rng = np.random.default_rng(0)
    plane = np.linalg.qr(rng.normal(size=(4, 2)))[0].T.astype(np.float32)
    centre, base = rng.normal(size=(2, 4)).astype(np.float32)
    found = asked(Linear(VECTORS), LatticeQuery(box=(-2, 2, -2, 2), size=5, plane=plane, centre=centre, base=base))
    assert isinstance(found, Lattice)
    places = (found.z - centre) @ plane.T
    ticks = np.array([-1.6, -0.8, 0.0, 0.8, 1.6])
    assert np.allclose(places[:, :, 0], ticks[None], atol=1e-5) and np.allclose(
        places[:, :, 1], ticks[:, None], atol=1e-5
    )
    across = found.z - base - ((found.z - base) @ plane.T) @ plane
    assert np.allclose(across, 0, atol=1e-5)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        (LatticeQuery(box=(1, -1, 0, 1)), "expected x0 < x1"),
        (LatticeQuery(size=500), "2 to 64 places"),
        (LatticeQuery(axes=(1, 1)), "two different ones from 0 to 3"),
        (LatticeQuery(axes=(0, 4)), "two different ones from 0 to 3"),
        (LatticeQuery(plane=np.ones((2, 4), np.float32)), "orthonormal"),
        (LatticeQuery(base=np.zeros(3, np.float32)), "4 numbers"),
    ],
)
def test_a_lattice_that_cannot_be_is_refused_in_a_sentence(query: LatticeQuery, words: str) -> None:
    with pytest.raises(SpecError, match=words):
        asked(Linear(VECTORS), query)


def test_the_effect_of_an_axis_on_a_linear_decoder_is_its_column_times_its_width() -> None:
    model = Decoder(VECTORS)
    found = asked(model, EffectQuery())
    assert isinstance(found, Effects)
    assert np.allclose(found.sigma, model.WIDTHS.numpy(), rtol=0.2), "from 256 draws"
    columns = model.b.square().mean(0).numpy()
    assert np.allclose(found.effect, columns * found.sigma**2, rtol=1e-4)
    around = asked(model, EffectQuery(z=np.ones((1, 4), np.float32)))
    assert isinstance(around, Effects) and np.allclose(around.effect, found.effect, rtol=1e-4), "the same everywhere"


def test_with_an_encoder_an_axis_is_moved_by_the_width_of_its_aggregate_posterior() -> None:
    model, data = Linear(VECTORS, std=0.5), Given(VECTORS)
    found = asked(model, EffectQuery(), data)
    assert isinstance(found, Effects)
    widths = np.sqrt((data.x @ model.a.T).var(0).numpy() + 0.25)
    assert np.allclose(found.sigma[:3], widths, rtol=0.15) and found.sigma[3] == pytest.approx(0.5, rel=1e-3)


# ---- the map of codes


def test_a_deterministic_encoder_has_a_map_of_finite_numbers() -> None:
    model, data = Linear(VECTORS), Given(VECTORS)
    found = asked(model, MapQuery(n=600), data)
    assert isinstance(found, LatentMap)
    codes = (data.x[torch.from_numpy(found.indices)] @ model.a.T).numpy()
    assert np.allclose(found.mu[:, :3], codes, atol=1e-4) and not found.std.any()
    assert found.deterministic and np.isfinite(found.use).all()
    assert found.active.tolist() == [True, True, True, False]
    assert np.allclose(found.use[:3], codes.var(0), rtol=1e-3)
    assert found.edges[0] < np.quantile(codes, 0.01) and found.edges[-1] > np.quantile(codes, 0.99)
    assert np.allclose(found.histogram.sum(1), 1.0)
    assert found.covariances is not None and len(found.covariances) == 0, "diagonal: nothing to send"


def test_codes_of_unit_scale_have_histograms_from_minus_4_to_4() -> None:
    class Unit(Linear):
        def encode(self, x: Tensor, y: Tensor | None = None) -> tuple[Tensor, Tensor]:
            return 0.6 * (x[:, :4] - 5.0) / 2.0, torch.full((len(x), 4), 0.8)

    found = asked(Unit(VECTORS), MapQuery(n=500))
    assert isinstance(found, LatentMap)
    assert (found.edges[0], found.edges[-1]) == (-4.0, 4.0) and not found.deterministic
    assert found.prior is not None and found.prior.shape == (2000, 4)


def test_covariances_are_sent_where_codes_are_correlated() -> None:
    class Full(Linear):
        def covariance(self, x: Tensor, y: Tensor | None = None) -> Tensor:
            return torch.eye(4).expand(len(x), 4, 4) + 0.5

    found = asked(Full(VECTORS, std=1.0), MapQuery(n=150))
    assert isinstance(found, LatentMap) and found.covariances is not None
    assert found.covariances.shape == (100, 4, 4) and (found.covariances[:, 0, 1] == 0.5).all()


# ---- t-SNE


def test_a_layout_by_tsne_keeps_far_clusters_apart_and_comes_in_rounds() -> None:
    rng = np.random.default_rng(2)
    label = np.arange(90) % 3
    codes = (rng.normal(size=(90, 8)) + 30.0 * np.eye(8)[label]).astype(np.float32)
    scene = Scene(Linear(VECTORS), Given(VECTORS), torch.Generator().manual_seed(0), torch.device("cpu"))  # type: ignore[arg-type]
    frames = [frame for frame in answer(EmbedQuery(codes=codes), scene) if isinstance(frame, Embedding)]
    assert [frame.done for frame in frames] == [1, 2, 3] and frames[0].total == 3
    xy = frames[-1].xy
    assert xy.shape == (90, 2) and np.abs(xy).max() == pytest.approx(3.0)
    gaps = np.linalg.norm(xy[:, None] - xy[None], axis=-1) + 99.0 * np.eye(90)
    assert (label[gaps.argmin(1)] == label).all(), "each code lies nearest to one of its own cluster"


def test_a_layout_that_is_given_up_ends_its_thread_and_wrong_codes_are_refused() -> None:
    scene = Scene(Linear(VECTORS), Given(VECTORS), torch.Generator().manual_seed(0), torch.device("cpu"))  # type: ignore[arg-type]
    job = answer(EmbedQuery(codes=np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)), scene)
    assert next(job) is None
    job.close()  # type: ignore[attr-defined]
    for wrong in (None, np.zeros((3, 3), np.float32), np.full((9, 3), np.nan, np.float32)):
        with pytest.raises(SpecError):
            next(answer(EmbedQuery(codes=wrong), scene))
