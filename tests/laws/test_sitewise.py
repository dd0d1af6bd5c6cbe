"""The laws of models that factorise: they sum to one over all images, see only what they say, and draw what they score.

Everything is checked in float64 by enumeration, for every registered model of this kind, on several kinds of data.
"""

from __future__ import annotations

import gc
import itertools
import weakref
from typing import Any

import pytest
import torch
from torch import Tensor

from gm_core.capabilities.base import Scene, answer, to_picture
from gm_core.capabilities.classes import PosteriorQuery
from gm_core.capabilities.complete import CompleteQuery
from gm_core.capabilities.sitewise import FillQuery, Sitewise
from gm_core.model import Batch, GenerativeModel, build, find_models
from gm_core.parts.autoregressive import Autoregressive, FullPasses
from gm_core.parts.counting import Counting
from gm_core.parts.orders import ranks
from gm_core.protocol.cards import DataCard
from gm_core.spec import SpecError, describe

from .conftest import SMALLER, MadeUp, seeded

LABELS = ("a", "b", "c")
CARDS = {
    "binary 3x4": DataCard("b", "Binary 3x4", (1, 3, 4), "binary", (0.0, 1.0), levels=2, classes=LABELS),
    "3 levels 2x3": DataCard("g", "Grey 2x3", (1, 2, 3), "levels", (-1.0, 1.0), levels=3, classes=LABELS),
    "colour 2x2": DataCard("c", "Colour 2x2", (3, 2, 2), "binary", (0.0, 1.0), levels=2, classes=LABELS),
    "vector of 8": DataCard("v", "Vectors", (8,), "binary", (0.0, 1.0), levels=2, classes=LABELS),
}
LARGER = DataCard("l", "Binary 7x8", (1, 7, 8), "binary", (0.0, 1.0), levels=2, classes=LABELS)
KINDS = tuple(kind for kind, cls in find_models().items() if issubclass(cls, Autoregressive))
CASES = pytest.mark.parametrize(("kind", "card"), [(kind, card) for kind in KINDS for card in CARDS])


def shaken(kind: str, card: DataCard, labels: bool = False, **spec: Any) -> Autoregressive:
    """A model in float64 and eval mode whose weights are anything but symmetric; skips what it cannot learn."""
    cls = find_models()[kind]
    if why := cls.fits(card):
        pytest.skip(why)
    model = build({"kind": kind, **SMALLER.get(kind, {}), "labels": labels, **spec}, card, 1).double()
    assert isinstance(model, Autoregressive)
    source = seeded(7)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.3 * torch.randn(parameter.shape, generator=source, dtype=torch.float64)
        if isinstance(model, Counting):  # no two contexts alike, or a table would not show on what it depends
            for name, counts in model.named_buffers():
                if name == "counts":
                    counts += torch.randint(1, 9, counts.shape, generator=source).to(counts)
    model.train()
    for number in range(3):
        values = torch.randint(model.levels, (20, model.sites), generator=source)
        y = torch.randint(len(LABELS), (20,), generator=source) if number else torch.zeros(20, dtype=torch.int64)
        batch = Batch(model.to_example(values), y)
        for stage in model.stages():
            if stage.fit is not None:
                feed = type("Feed", (), {"next": lambda self, b=batch: b})()
                next(iter(stage.fit(feed)))
            else:
                model.loss(batch, source)
    return model.eval()


def everything(model: Autoregressive) -> Tensor:
    """All examples there are: (K^sites, *shape)."""
    values = torch.tensor(list(itertools.product(range(model.levels), repeat=model.sites)))
    return model.to_example(values)


# ---- the density


@CASES
def test_probabilities_of_all_images_sum_to_one(kind: str, card: str) -> None:
    model = shaken(kind, CARDS[card])
    with torch.no_grad():
        log_prob = torch.cat([model.log_prob(part, seeded(0)) for part in everything(model).split(512)])
    assert abs(float(log_prob.logsumexp(0))) < 1e-10
    assert float(log_prob.std()) > 1e-3, "a model that finds all images alike proves nothing"


@CASES
def test_with_labels_they_sum_to_one_for_each_label_and_for_the_mixture(kind: str, card: str) -> None:
    model = shaken(kind, CARDS[card], labels=True)
    found = []
    with torch.no_grad():
        for part in everything(model).split(512):
            found.append(model.class_log_joint(part))
        joint = torch.cat(found)
        given = [float((joint[:, y] - model.class_log_prior()[y]).logsumexp(0)) for y in range(len(LABELS))]
        assert max(abs(total) for total in given) < 1e-10
        assert abs(float(joint.flatten().logsumexp(0))) < 1e-10
        some = everything(model)[:7]
        assert torch.allclose(model.log_prob(some, seeded(0)), joint[:7].logsumexp(-1), atol=1e-12)
    assert float((joint[:, 0] - joint[:, 1]).std()) > 1e-3, "labels that change nothing prove nothing"


@CASES
def test_log_probabilities_of_the_sites_sum_to_that_of_the_image(kind: str, card: str) -> None:
    model = shaken(kind, CARDS[card])
    x = everything(model)[::7][:40]
    with torch.no_grad():
        sites, entropies = model.site_log_prob(x)
        if len(model.orders()) == 1:
            assert torch.allclose(sites.sum(-1), model.log_prob(x, seeded(0)), atol=1e-10)
    assert (sites < 0).all() and (entropies >= 0).all() and entropies.max() <= torch.tensor(model.levels).log() + 1e-9


# ---- causality


@CASES
@pytest.mark.parametrize("labels", [False, True])
def test_each_site_sees_exactly_what_the_model_declares_and_nothing_later(kind: str, card: str, labels: bool) -> None:
    _sees_what_it_declares(shaken(kind, CARDS[card], labels))


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_on_an_image_large_enough_for_blind_spots_and_triangles(kind: str) -> None:
    _sees_what_it_declares(shaken(kind, LARGER))


@pytest.mark.parametrize("kind", [k for k in KINDS if "order" in {row.path for row in describe(find_models()[k].Spec)}])
@pytest.mark.parametrize("order", ["column", "snake", "random", "centre"])
def test_the_same_in_any_order_that_can_be_chosen(kind: str, order: str) -> None:
    model = shaken(kind, CARDS["binary 3x4"], order=order, order_seed=5)
    _sees_what_it_declares(model)
    with torch.no_grad():
        assert abs(float(model.log_prob(everything(model), seeded(0)).logsumexp(0))) < 1e-10


def _sees_what_it_declares(model: Autoregressive) -> None:
    """The support of the Jacobian of all logits, at a few random points between the levels, against `support`."""
    y = torch.tensor([1]) if model.classes else None
    for order in model.orders():
        name = "" if len(model.orders()) == 1 else order
        declared = model.support(name)
        place = ranks(model.visits(name))
        assert not (declared & (place[None, :] >= place[:, None])).any(), "declares to see the future"
        seen = torch.zeros_like(declared)
        for seed in range(3):
            u = torch.rand(1, model.sites, model.features, generator=seeded(seed), dtype=torch.float64)

            def logits(flat: Tensor, shape: torch.Size = u.shape, chosen: str = name) -> Tensor:
                return model.logits(flat.reshape(shape), y, chosen)[0]

            jacobian = torch.func.jacrev(logits, chunk_size=64)(u.flatten())  # sites, width, sites * features
            moved = jacobian.abs().reshape(model.sites, model.width, model.sites, model.features).amax((1, 3))
            assert (moved[~declared] == 0.0).all(), "looks at what it does not declare"
            seen |= moved > 0
        assert torch.equal(seen, declared), "declares what it never looks at"


@CASES
def test_the_influence_that_is_shown_is_that_of_the_jacobian(kind: str, card: str) -> None:
    model = shaken(kind, CARDS[card])
    x = everything(model)[5:6]
    site = int(model.visits()[-1])
    influence = model.influence(x, site)
    assert influence.shape == (model.sites,) and ((influence > 0) <= model.support()[site]).all()
    with torch.enable_grad():
        u = model.embed(model.to_values(x)).requires_grad_()
        whole = torch.autograd.functional.jacobian(lambda v: model.logits(v, None)[0, site], u)
    assert torch.allclose(influence, whole.square().sum((0, 1, 3)).sqrt(), atol=1e-10)


# ---- drawing


@CASES
@pytest.mark.parametrize("labels", [False, True])
def test_drawing_reports_the_log_probabilities_of_teacher_forcing(kind: str, card: str, labels: bool) -> None:
    model = shaken(kind, CARDS[card], labels)
    y = torch.tensor([0, 1, 2, 1, 0]) if labels else None
    for order in model.orders():
        name = "" if len(model.orders()) == 1 else order
        gathered, sites = [], []
        for state in model.fill(model.blank(5), torch.zeros(model.sites, dtype=torch.bool), seeded(2), y, order=name):
            gathered.append(torch.stack([state.log_prob, state.entropy]))
            sites.append(state.site)
        assert sites == model.visits(name).tolist()
        with torch.no_grad():
            expected = torch.stack(model.site_log_prob(model.to_example(state.values), y, name))
        assert torch.allclose(torch.stack(gathered, -1), expected[..., sites], atol=1e-10)


@CASES
@pytest.mark.parametrize("labels", [False, True])
def test_fast_drawing_draws_what_full_passes_draw(kind: str, card: str, labels: bool) -> None:
    model = shaken(kind, CARDS[card], labels)
    y = torch.tensor([0, 1, 2, 1]) if labels else None
    fast = model.sample(4, seeded(3), y)
    model.begin = lambda n, y, order="": FullPasses(model, n, y, order)  # type: ignore[method-assign]
    assert torch.equal(fast, model.sample(4, seeded(3), y))


@pytest.mark.parametrize("kind", KINDS)
def test_frequencies_of_drawn_images_are_their_probabilities(kind: str) -> None:
    """Pearson's chi-squared over all images, cells of fewer than 5 expected draws pooled; p > 1e-4."""
    from scipy.stats import chisquare

    card = CARDS["3 levels 2x3"]
    if find_models()[kind].fits(card):
        card = CARDS["vector of 8"]
    model = shaken(kind, card)
    n = 20_000
    with torch.no_grad():
        expected = n * torch.cat([model.log_prob(part, seeded(0)) for part in everything(model).split(512)]).exp()
        values = model.to_values(model.sample(n, seeded(4)))
    places = model.levels ** torch.arange(model.sites - 1, -1, -1)
    observed = torch.bincount((values * places).sum(-1), minlength=len(expected)).double()
    rare = expected < 5
    pooled = [torch.cat([t[~rare], t[rare].sum()[None]]) for t in (observed, expected)]
    kept = pooled[1] > 0
    assert chisquare(pooled[0][kept].numpy(), pooled[1][kept].numpy()).pvalue > 1e-4


@CASES
def test_temperature_near_zero_draws_the_most_probable_level_each_time(kind: str, card: str) -> None:
    model = shaken(kind, CARDS[card])
    known = torch.zeros(model.sites, dtype=torch.bool)
    for state in model.fill(model.blank(3), known, seeded(1), temperature=1e-6):
        assert (state.log_prob.exp() > 1 / model.levels - 1e-9).all()


@pytest.mark.parametrize("kind", KINDS)
def test_known_sites_are_kept_and_closing_midway_leaks_nothing(kind: str) -> None:
    model = shaken(kind, CARDS["binary 3x4"])
    known = torch.arange(12) % 3 == 0
    x = torch.ones(2, 1, 3, 4, dtype=torch.float64)
    states = list(model.fill(x, known, seeded(1)))
    assert len(states) == 8 and states[-1].number == states[-1].total == 8
    assert (states[-1].values[:, known] == 1).all() and (x == 1).all()
    walk = model.fill(x, known, seeded(1))
    held = weakref.ref(next(walk).values)
    walk.close()
    del walk
    gc.collect()
    assert held() is None and torch.is_grad_enabled()


# ---- completing


@CASES
def test_completing_the_end_of_the_order_is_exact(kind: str, card: str) -> None:
    """log p(missing | known) against enumeration of everything that could be missing."""
    model = shaken(kind, CARDS[card])
    known = torch.zeros(model.sites, dtype=torch.bool)
    known[model.visits()[:-2]] = True
    assert model.exactly(known)
    x = everything(model)[11:12]
    *_, last = model.complete(x, known, 4, seeded(1))
    assert last.log_prob is not None
    assert torch.equal(model.to_values(last.x)[:, known], model.to_values(x)[:, known].expand(4, -1))
    alike = _alike(model, x, known)
    with torch.no_grad():
        among = model.log_prob(alike, seeded(0)).log_softmax(0)
        chosen = (model.to_values(last.x)[:, None] == model.to_values(alike)[None]).all(-1)
    expected = torch.stack([among[row][0] for row in chosen])
    assert torch.allclose(last.log_prob, expected, atol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("labels", [False, True])
def test_particles_approach_the_exact_conditional_where_the_order_does_not_allow_it(kind: str, labels: bool) -> None:
    """Total variation between completions of the first sites and enumeration: 3 missing sites, 8 outcomes."""
    model = shaken(kind, CARDS["binary 3x4"], labels)
    known = torch.ones(12, dtype=torch.bool)
    known[model.visits()[:3]] = False
    x = everything(model)[1234:1235]
    *_, last = model.complete(x, known, 400, seeded(1), particles=24)
    alike = _alike(model, x, known)
    with torch.no_grad():
        expected = model.log_prob(alike, seeded(0)).softmax(0)
    drawn = (model.to_values(last.x)[:, None] == model.to_values(alike)[None]).all(-1).double().mean(0)
    assert drawn.sum() == pytest.approx(1.0)
    # 400 draws of 8 outcomes: the expected total variation of exact draws is below 0.06; the particles add as much.
    assert 0.5 * float((drawn - expected).abs().sum()) < 0.15
    assert last.log_prob is not None and last.effective is not None and 1.0 <= float(last.effective) <= 24.0


def _alike(model: Autoregressive, x: Tensor, known: Tensor) -> Tensor:
    """All examples that agree with x where it is known."""
    every = everything(model)
    return every[(model.to_values(every)[:, known] == model.to_values(x)[:, known]).all(-1)]


@pytest.mark.parametrize("kind", KINDS)
def test_completing_everything_or_nothing_is_refused_in_one_sentence(kind: str) -> None:
    model = shaken(kind, CARDS["binary 3x4"])
    for known, words in ((torch.ones(12), "everything is known"), (torch.zeros(12), "nothing is known")):
        with pytest.raises(SpecError, match=words):
            list(model.complete(model.blank(1), known.bool(), 2, seeded(0)))


# ---- labels and answers


@pytest.mark.parametrize("kind", KINDS)
def test_labels_are_demanded_where_they_are_needed_and_refused_where_they_are_not(kind: str) -> None:
    from dataclasses import replace

    bare = replace(CARDS["binary 3x4"], classes=())
    with pytest.raises(SpecError, match="no labels"):
        build({"kind": kind, "labels": True}, bare)
    model = shaken(kind, CARDS["binary 3x4"])
    assert "classes" not in model.offers()
    with pytest.raises(SpecError, match="learned no classes"):
        model.sample(2, seeded(0), torch.tensor([0, 1]))
    labelled = shaken(kind, CARDS["binary 3x4"], labels=True)
    assert "classes" in labelled.offers()
    with pytest.raises(SpecError, match="no labels"):
        labelled.train().met(None)


@pytest.mark.parametrize("kind", KINDS)
def test_a_posterior_with_missing_pixels_is_that_of_enumeration_where_they_can_be_summed_out(kind: str) -> None:
    model = shaken(kind, CARDS["binary 3x4"], labels=True)
    known = torch.zeros(12, dtype=torch.bool)
    known[model.visits()[:5]] = True
    assert model.marginalises(known)
    x = everything(model)[77:78]
    with torch.no_grad():
        found = model.class_log_joint(x, known)[0]
        expected = model.class_log_joint(_alike(model, x, known)).logsumexp(0)
    assert torch.allclose(found, expected, atol=1e-10)


@pytest.mark.parametrize("kind", KINDS)
def test_frames_rebuild_the_picture_and_answers_refuse_what_does_not_fit(kind: str) -> None:
    model = shaken(kind, CARDS["binary 3x4"], labels=True).float()
    scene = Scene(model, MadeUp(model.card), seeded(1), torch.device("cpu"))
    frames = [frame for frame in answer(FillQuery(n=3, y=1), scene) if frame is not None]
    first: Any = frames[0]
    picture = first.start.transpose(0, 3, 1, 2).reshape(3, -1).copy()
    for frame in frames[1:]:
        picture[:, frame.sites] = frame.values  # type: ignore[attr-defined]
    y = torch.ones(3, dtype=torch.int64)
    expected = to_picture(model.sample(3, seeded(1), y), model.card)
    assert (picture == expected.transpose(0, 3, 1, 2).reshape(3, -1)).all()
    wrong = expected[:1, :2]
    for query in (CompleteQuery(given=wrong, known=wrong > 0), PosteriorQuery(given=wrong)):
        with pytest.raises(SpecError, match="this model takes"):
            list(answer(query, scene))


def test_an_order_that_is_no_permutation_is_refused_in_one_sentence() -> None:
    model: type[GenerativeModel] = find_models()["independent"]
    assert model is not None
    for sites in ([0, 1, 2], [0] * 12, list(range(1, 13))):
        with pytest.raises(SpecError, match="expected each number from 0 to 11 once"):
            build({"kind": "independent", "order": "own", "sites": sites}, CARDS["binary 3x4"])


def test_sitewise_models_are_met_here() -> None:
    assert KINDS and all(issubclass(find_models()[kind], Sitewise) for kind in KINDS)
