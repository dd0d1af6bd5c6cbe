"""Diffusions that are told the class: what is offered, learned, drawn, leaned on, refused, and still loads."""

from __future__ import annotations

import pytest
import torch

from gm_core.capabilities.stepwise import Route
from gm_core.model import Batch, GenerativeModel
from gm_core.models.ddpm import DDPMSpec
from gm_core.spec import SpecError

from .diffusions import PLANE, TOLD, ddpm, edm, generator, stirred

CENTRES = torch.tensor([[2.0, 0.0], [-1.0, 1.7], [-1.0, -1.7]])


def told(kind: str, **chosen: object) -> GenerativeModel:
    model = ddpm(TOLD, labels=True, **chosen) if kind == "ddpm" else edm(TOLD, labels=True, **chosen)
    stirred(model)
    return model


KINDS = pytest.mark.parametrize("kind", ["ddpm", "edm"])


@KINDS
def test_classes_are_offered_with_labels_and_guidance_with_the_empty_class_too(kind: str) -> None:
    assert told(kind).offers() >= {"conditional", "guided"}
    assert told(kind, drop=0.0).offers() & {"conditional", "guided"} == {"conditional"}
    plain = ddpm(TOLD) if kind == "ddpm" else edm(TOLD)
    assert not plain.offers() & {"conditional", "guided"}


@KINDS
@pytest.mark.parametrize("sampler", ["ddpm", "ddim", "heun", "dpm++"])
def test_guidance_0_is_p_of_x_and_1_is_p_of_x_given_y_all_the_way(kind: str, sampler: str) -> None:
    model = told(kind).double()
    y = torch.tensor([0, 1, 2])

    def drawn(label: torch.Tensor | None, guidance: float | None) -> torch.Tensor:
        *_, last = model.trajectory(3, generator(1), label, Route(sampler, 6, guidance))
        return last.x

    assert torch.allclose(drawn(y, 0.0), drawn(None, None), atol=1e-9)
    assert torch.equal(drawn(y, 1.0), drawn(y, None))
    assert not torch.allclose(drawn(y, 1.0), drawn(y, 0.0), atol=1e-2)
    assert not torch.allclose(drawn(y, 3.0), drawn(y, 1.0), atol=1e-2)


@KINDS
def test_a_mix_on_one_class_is_that_class_and_what_guidance_adds_is_shown(kind: str) -> None:
    model = told(kind).double()
    y = torch.tensor([0, 2])
    one = torch.nn.functional.one_hot(y, 4).double()
    by_label = list(model.trajectory(2, generator(1), y, Route("euler", 5, 2.0)))
    by_mix = list(model.trajectory(2, generator(1), None, Route("euler", 5, 2.0, mix=one)))
    for a, b in zip(by_label, by_mix):
        assert torch.allclose(a.x, b.x, atol=1e-9)
    assert [state.cost for state in by_label] == [0, 2, 4, 6, 8, 10], "two evaluations a guess"
    plain = list(model.trajectory(2, generator(1), y, Route("euler", 5)))
    assert "guidance" not in plain[0].views and plain[-1].cost == 5
    noise = {name: next(iter(model.trajectory(2, generator(1), y, Route("euler", 5, s)))).views["noise"]
             for name, s in (("none", 0.0), ("class", 1.0), ("two", 2.0))}  # fmt: skip
    added = by_label[0].views["guidance"]
    # All from the same noise: (s - 1)(eps_y - eps_0) = eps_2 - eps_1 = eps_1 - eps_0.
    assert torch.allclose(added, noise["two"] - noise["class"], atol=1e-9)
    assert torch.allclose(added, noise["class"] - noise["none"], atol=1e-9)
    assert by_label[0].numbers["guidance"] > 0


@KINDS
def test_each_class_is_learned_and_p_of_x_with_them(kind: str) -> None:
    """Three spots, one a class: 500 steps of training put nearly every conditional draw next to its own spot."""
    chosen = {"timesteps": 50, "beta_start": 1e-3, "beta_end": 0.25, "predict": "v"} if kind == "ddpm" else {}
    model = ddpm(TOLD, labels=True, scale=1.5, **chosen) if kind == "ddpm" else edm(TOLD, labels=True, scale=3.0)
    optimiser = torch.optim.Adam(model.parameters(), 3e-3)
    rng = generator(0)
    for _ in range(500):
        y = torch.randint(3, (256,), generator=rng)
        x = CENTRES[y] + 0.2 * torch.randn(256, 2, generator=rng)
        optimiser.zero_grad()
        model.loss(Batch(x, y), rng)["total"].backward()
        optimiser.step()
    model.eval()
    assert int(model.label_counts.sum()) == 500 * 256
    wanted = torch.arange(300) % 3

    def nearest(label: torch.Tensor | None) -> torch.Tensor:
        return torch.cdist(model.sample(300, generator(4), label), CENTRES).argmin(1)

    assert float((nearest(wanted) == wanted).double().mean()) > 0.97
    shares = torch.bincount(nearest(None), minlength=3) / 300
    assert float(shares.min()) > 1 / 3 - 5 * (2 / 9 / 300) ** 0.5 - 0.05, "no class is lost without a label"


@KINDS
def test_a_model_that_never_saw_the_empty_class_draws_a_class_first(kind: str) -> None:
    model = told(kind, drop=0.0)
    model.label_counts += torch.tensor([0, 1000, 0])
    drawn = model.sample(4, generator(2))
    assert drawn.shape == (4, 2) and bool(drawn.isfinite().all())
    with pytest.raises(SpecError, match="never saw the empty class"):
        next(model.trajectory(2, generator(), None, Route(guidance=2.0)))


@KINDS
def test_labels_and_guidance_that_a_model_does_not_know_are_refused_in_one_sentence(kind: str) -> None:
    plain = ddpm(TOLD) if kind == "ddpm" else edm(TOLD)
    title = plain.title.replace("(", r"\(").replace(")", r"\)")
    with pytest.raises(SpecError, match=f"guidance is 3, but {title} learned no classes; train it with labels on"):
        next(plain.trajectory(2, generator(), None, Route(guidance=3.0)))
    with pytest.raises(SpecError, match="y is given but this model learned no classes"):
        plain.sample(2, generator(), torch.zeros(2, dtype=torch.int64))
    with pytest.raises(SpecError, match="has no labels; turn it off, or choose data with labels"):
        ddpm(PLANE, labels=True)
    for chosen, words in (({}, "labels is off"), ({"labels": True, "drop": 0.0}, "drop is 0, so p")):
        with pytest.raises(SpecError, match=f"guidance is 3, but {words}"):
            DDPMSpec.read({"guidance": 3.0, **chosen})
    with pytest.raises(SpecError, match="these examples have no labels"):
        told(kind).loss(Batch(torch.zeros(2, 2)), generator())
