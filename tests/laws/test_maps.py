"""The laws of maps: lattices are decoded codes, effects are finite, and every model can be asked for neighbours."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gm_core.capabilities.base import Scene, answer, to_picture
from gm_core.capabilities.encodes import Encodes, LatentMap, MapQuery
from gm_core.capabilities.latent import Latent
from gm_core.capabilities.lattice import EffectQuery, Effects, Lattice, LatticeQuery
from gm_core.capabilities.neighbours import Nearest, NearestQuery

from .conftest import CASES, MadeUp, having, made, seeded

SCENES = pytest.mark.parametrize(("kind", "card"), CASES)


@SCENES
def test_a_place_of_a_lattice_is_the_picture_of_its_code(kind: str, card: str) -> None:
    model = having(kind, card, Latent)
    if model.latent_size < 2:
        pytest.skip("one number makes no plane")
    scene = Scene(model, MadeUp(model.card), seeded(1), torch.device("cpu"))
    with torch.no_grad():
        base = model.prior(1, seeded(2))[0].numpy()
        *_, found = answer(LatticeQuery(size=3, base=base), scene)
        *_, effects = answer(EffectQuery(), scene)
        assert isinstance(found, Lattice) and isinstance(effects, Effects)
        again = to_picture(model.decode(torch.from_numpy(found.z[2, 0])[None]), model.card)[0]
    assert np.array_equal(found.z[2, 0, 2:], base[2:]) and found.z[2, 0, :2] == pytest.approx([-2.0, 2.0])
    gap = np.abs(found.items[2, 0].astype(float) - again.astype(float)).max()
    assert gap <= (1.0 if model.card.kind == "images" else 1e-4), "one grey level, as sums in batches round"
    assert effects.effect.shape == (model.latent_size,) and np.isfinite(effects.effect).all()
    assert (effects.effect >= 0).all() and (effects.sigma >= 0).all()


@SCENES
def test_a_map_is_finite_and_its_histograms_hold_all_codes(kind: str, card: str) -> None:
    model = having(kind, card, Encodes)
    scene = Scene(model, MadeUp(model.card), seeded(1), torch.device("cpu"))
    with torch.no_grad():
        *_, found = answer(MapQuery(n=30), scene)
    assert isinstance(found, LatentMap)
    for part in (found.mu, found.std, found.use, found.edges, found.prior):
        assert part is not None and np.isfinite(part).all()
    assert np.allclose(found.histogram.sum(1), 1.0) and (np.diff(found.edges) > 0).all()
    assert found.deterministic == (not found.std.any())


@SCENES
def test_an_example_is_its_own_nearest_neighbour(kind: str, card: str) -> None:
    model = made(kind, card)
    data = MadeUp(model.card)
    scene = Scene(model, data, seeded(1), torch.device("cpu"))
    x, _ = data.examples("train", torch.arange(4), seeded(0))
    with torch.no_grad():
        *_, found = answer(NearestQuery(given=to_picture(x, model.card), n=2), scene)
    assert isinstance(found, Nearest)
    assert found.indices[:, 0].tolist() == [0, 1, 2, 3] and found.typical > 0
    assert (found.distances[:, 0] < 0.01).all(), "but for the rounding of pictures to 256 levels"
