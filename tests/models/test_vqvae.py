"""VQ-VAE: the prior is exactly the registry's model, the bound lies below the truth by enumeration, stages in a run."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from torch import Tensor

from gm_core import api
from gm_core.data.feed import Feed
from gm_core.data.registry import make_data
from gm_core.model import Batch, build, find_models
from gm_core.models.vqvae import VQVAE, PriorName, code_card, prior_settings
from gm_core.parts.autoregressive import Autoregressive
from gm_core.protocol.cards import DataCard
from gm_core.spec import SpecError, TrainSpec
from gm_core.spec.base import choices
from gm_core.train.loop import Training

PRIORS = cast(tuple[PriorName, ...], choices(PriorName))
TINY = DataCard("tiny", "Tiny 4x4", (1, 4, 4), "binary", (0.0, 1.0), levels=2, classes=("a", "b"))
SMALL: dict[str, Any] = {"codes": 3, "dim": 2, "channels": [4], "residual": 0, "prior_size": 8, "prior_layers": 1}


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def tiny(card: DataCard = TINY, **options: Any) -> VQVAE:
    """A model of 2x2 codes out of 3, in eval mode, whose prior has left its birth by random numbers."""
    made = build({"kind": "vqvae", **SMALL, **options}, card, 1).eval()
    assert isinstance(made, VQVAE)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(0.3 * torch.randn(parameter.shape, generator=seeded(5)))
        if "counts" in dict(made.prior.named_buffers()):
            counts = made.prior.get_buffer("counts")
            counts.copy_(torch.randint(9, counts.shape, generator=seeded(6)))
    return made


def coins(n: int, card: DataCard = TINY) -> Tensor:
    """Binary pictures."""
    return torch.randint(2, (n, *card.shape), generator=seeded(2)).float()


def all_codes(made: VQVAE) -> Tensor:
    """Every grid of codes."""
    cells = made.grid[0] * made.grid[1]
    return torch.tensor(list(itertools.product(range(made.codebook_size), repeat=cells))).reshape(-1, *made.grid)


# ---- the prior by composition


def test_every_prior_that_may_be_chosen_is_registered_and_states_levels_one_after_another() -> None:
    for prior in PRIORS:
        assert issubclass(find_models()[prior], Autoregressive)


@pytest.mark.parametrize("prior", PRIORS)
@pytest.mark.parametrize("labels", [False, True])
def test_the_prior_is_exactly_the_model_of_the_registry(prior: PriorName, labels: bool) -> None:
    made = tiny(prior=prior, labels=labels)
    alone = build({"kind": prior, **prior_settings(made.spec)}, code_card(3, (2, 2), TINY)).eval()
    alone.load_state_dict(made.prior.state_dict())
    assert type(alone) is type(made.prior)
    codes = all_codes(made)
    x = codes.unsqueeze(1).float()
    with torch.no_grad():
        assert torch.equal(made.codes_log_prob(codes), alone.log_prob(x, seeded(0)))  # type: ignore[operator]
        drawn = alone.sample(9, seeded(3), None)  # type: ignore[operator]
        assert torch.equal(made.draw_codes(9, seeded(3)).unsqueeze(1).float(), drawn)


@pytest.mark.parametrize("prior", PRIORS)
@pytest.mark.parametrize("labels", [False, True])
def test_the_prior_over_all_grids_of_codes_sums_to_one(prior: PriorName, labels: bool) -> None:
    made = tiny(prior=prior, labels=labels)
    with torch.no_grad():
        assert float(made.codes_log_prob(all_codes(made)).double().exp().sum()) == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize("prior", PRIORS)
@pytest.mark.parametrize("codes", [2, 512])
def test_a_prior_takes_the_smallest_and_the_largest_book_or_says_why_not(prior: PriorName, codes: int) -> None:
    options = {**SMALL, "codes": codes, "prior": prior}
    if (prior, codes) == ("markov", 512):
        with pytest.raises(SpecError, match=r"model\.prior is 'markov', which cannot learn these codes: .* counts"):
            build({"kind": "vqvae", **options}, TINY)
        return
    made = build({"kind": "vqvae", **options}, TINY).eval()
    assert isinstance(made, VQVAE)
    with torch.no_grad():
        drawn = made.draw_codes(3, seeded(1))
        assert drawn.min() >= 0 and drawn.max() < codes
        assert made.codes_log_prob(drawn).isfinite().all()


def test_the_weights_of_the_prior_follow_the_seed_of_the_whole_model() -> None:
    first, same, other = (build({"kind": "vqvae", **SMALL}, TINY, seed).state_dict() for seed in (3, 3, 4))
    name = "prior.out.weight"
    assert torch.equal(first[name], same[name]) and not torch.equal(first[name], other[name])


def test_labels_choose_among_priors_and_without_them_they_are_refused() -> None:
    made = tiny(labels=True)
    x = made.as_examples(all_codes(made))
    with torch.no_grad():
        one, other = (made.prior.log_prob(x, seeded(0), torch.full((81,), y)) for y in (0, 1))
    assert not torch.allclose(one, other)
    with pytest.raises(SpecError, match="learned no classes"):
        tiny().sample(2, seeded(1), torch.zeros(2, dtype=torch.int64))
    with pytest.raises(SpecError, match=r"model\.labels is on but Bare has no labels"):
        build({"kind": "vqvae", "labels": True}, DataCard("bare", "Bare", (1, 8, 8), "binary", (0.0, 1.0), levels=2))


# ---- the bound


@pytest.mark.parametrize("learning", ["averages", "gradient"])
@pytest.mark.parametrize("labels", [False, True])
def test_the_bound_never_exceeds_the_sum_over_all_grids_of_codes(learning: str, labels: bool) -> None:
    made, x = tiny(learning=learning, labels=labels), coins(40)
    codes = all_codes(made)
    with torch.no_grad():
        prior = made.codes_log_prob(codes).double()
        h = made.decode(codes)
        given = torch.stack([made.likelihood.log_prob(one.expand(81, 1, 4, 4), h).double() for one in x])
        exact = (given + prior).logsumexp(1)
        bound = made.log_prob(x, seeded(0)).double()
    assert (bound <= exact + 1e-5).all()
    assert (exact - bound).max() > 0.05, "a bound that is never strict would be the density itself"


def test_the_densities_of_all_pictures_together_stay_below_one() -> None:
    card = DataCard("mini", "Mini 4x4", (1, 4, 4), "binary", (0.0, 1.0), levels=2)
    made = tiny(card)
    pictures = torch.tensor(list(itertools.product((0.0, 1.0), repeat=16))).reshape(-1, 1, 4, 4)
    with torch.no_grad():
        mass = sum(float(made.log_prob(part, seeded(0)).double().exp().sum()) for part in pictures.split(8192))
    assert 0.0 < mass < 1.0


def test_validation_reports_reconstruction_and_codes_together_as_the_negative_bound() -> None:
    made, x = tiny(), coins(30)
    with torch.no_grad():
        told = made.scores(Batch(x), seeded(0))
        bound = made.log_prob(x, seeded(0)).mean()
    torch.testing.assert_close(told["total"], -bound)
    torch.testing.assert_close(told["prior_bits"], told["prior"] / (4 * torch.tensor(2.0).log()))


def test_a_cross_entropy_on_grey_values_is_no_density_and_is_not_offered_as_one() -> None:
    grey = DataCard("grey", "Grey", (1, 8, 8), "levels", (0.0, 1.0), levels=17)
    assert "density" not in build({"kind": "vqvae"}, grey).offers()
    assert "density" in tiny().offers()


# ---- shapes, and what cannot be


@pytest.mark.parametrize(
    ("size", "channels", "grid"),
    [((28, 28), [8, 8], (7, 7)), ((8, 8), [8], (4, 4)), ((9, 11), [8, 8], (3, 3)), ((5, 30), [8], (3, 15))],
)
def test_any_size_of_picture_comes_back_at_its_own_size(size: tuple[int, int], channels: list[int], grid: Any) -> None:
    card = DataCard("any", "Any", (3, *size), "continuous", (-1.0, 1.0), dequantised=True)
    made = build({"kind": "vqvae", **SMALL, "channels": channels}, card).eval()
    assert isinstance(made, VQVAE) and made.grid == grid
    with torch.no_grad():
        x = 2 * torch.rand(2, 3, *size, generator=seeded(0)) - 1
        assert made.to_codes(x).shape == (2, *grid)
        assert made.reconstruct(x, seeded(0)).shape == made.sample(2, seeded(0)).shape == x.shape
        assert made.log_prob(x, seeded(0)).isfinite().all()


def test_a_cell_says_nothing_of_pixels_far_away() -> None:
    """The decoder is made of convolutions: another code in one corner leaves the opposite corner as it was."""
    card = DataCard("b", "B", (1, 28, 28), "binary", (0.0, 1.0), levels=2)
    made = build({"kind": "vqvae", "codes": 8}, card).eval()
    assert isinstance(made, VQVAE)
    codes = torch.zeros(2, 7, 7, dtype=torch.int64)
    codes[1, 0, 0] = 5
    with torch.no_grad():
        one, other = made.from_codes(codes)
    assert not torch.allclose(one[:, :4, :4], other[:, :4, :4]) and torch.equal(one[:, 20:, 20:], other[:, 20:, 20:])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"channels": []}, "model.channels is empty"),
        ({"codes": 513}, "codes is 513; the range is 2 to 512"),
        ({"prior": "vae"}, "prior is 'vae'; expected one of"),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence(options: dict[str, Any], words: str) -> None:
    with pytest.raises(SpecError, match=words):
        build({"kind": "vqvae", **options}, TINY)


def test_pictures_too_small_for_cells_are_refused() -> None:
    with pytest.raises(SpecError, match="pictures of 3x9; codes on a grid need 4x4 or more"):
        build({"kind": "vqvae"}, DataCard("flat", "Flat", (1, 3, 9), "binary", (0.0, 1.0), levels=2))


# ---- training


def training(steps: int, scores: list[dict[str, float]] | None = None, **options: Any) -> Training:
    """A short run on small digits."""
    data = make_data({"kind": "digits", "limit": 200})
    train = {"steps": steps, "batch": 40, "lr": 3e-3, "validate_every": 1000, "threads": 1}
    spec = TrainSpec.read({**train, **{k: options.pop(k) for k in list(options) if k in TrainSpec.model_fields}})
    small = {"kind": "vqvae", "channels": [16], "codes": 16, "residual": 0, "prior_size": 16, "prior_layers": 1}
    made = build({**small, **options}, data.card)
    kept = [] if scores is None else scores
    feed = Feed(data, spec.batch, "cpu", 0)
    return Training(made, feed, spec, torch.device("cpu"), lambda step, seconds, found: kept.append(dict(found)))


def run(it: Training, until: int | None = None) -> Training:
    for _ in it.steps():
        if until is not None and it.step >= until:
            break
    return it


@pytest.mark.parametrize("options", [{"prior": "markov"}, {"learning": "gradient"}, {"prior": "made", "labels": True}])
def test_codes_are_learned_first_then_their_prior_and_neither_spoils_the_other(options: dict[str, Any]) -> None:
    scores: list[dict[str, float]] = []
    run(training(100, scores, lr=6e-3, **options))
    born, coded, done = scores
    assert coded["reconstruction"] < 0.6 * born["reconstruction"]
    assert coded["used"] >= 8 and coded["perplexity"] > 4
    assert done["prior_bits"] < coded["prior_bits"] - 0.3
    for name in ("reconstruction", "commitment", "perplexity", "used"):
        assert done[name] == coded[name], "the second stage leaves the codes alone"
    assert done["total"] < coded["total"] < born["total"]


@pytest.mark.parametrize("options", [{}, {"learning": "gradient"}, {"prior": "independent"}, {"microbatch": 16}])
@pytest.mark.parametrize("at", [4, 6, 8])
def test_a_run_continues_bit_for_bit_from_either_stage(options: dict[str, Any], at: int) -> None:
    whole, half, other = run(training(10, **options)), run(training(10, **options), at), training(10, **options)
    other.restore(half.snapshot())
    run(other)
    a, b = whole.snapshot(), other.snapshot()
    assert a.tensors.keys() == b.tensors.keys() and a.facts == {**b.facts, "seconds": a.facts["seconds"]}
    assert all(torch.equal(a.tensors[name], b.tensors[name]) for name in a.tensors)


def test_live_changes_reach_the_codes_and_the_prior() -> None:
    it = training(4)
    made = it.model
    assert isinstance(made, VQVAE)
    it.edit(it.spec, made.spec.replace("temperature", 0.5))
    assert made.prior.temperature() == 0.5
    it.edit(it.spec, made.spec.replace("restart", 0.0))
    assert made.spec.restart == 0.0


def test_a_run_reports_each_stage_under_its_own_names_and_can_go_back_into_the_first(tmp_path: Path) -> None:
    engine = api.open_engine(tmp_path / "runs", "inline")
    engine.start()
    model = {"kind": "vqvae", **SMALL, "channels": [8]}
    train = {"steps": 10, "batch": 20, "validate_every": 1000, "validate_examples": 20, "threads": 1}
    engine.send(api.Start({"name": "vq", "model": model, "data": {"kind": "digits", "limit": 100}, "train": train}))
    events = _drained(engine)
    assert _steps(events, "codes_total") == list(range(1, 7)) and _steps(events, "prior_total") == list(range(7, 11))
    kept = [event.steps for event in events if isinstance(event, api.Kept)][-1]
    assert 4 in kept
    engine.send(api.Rollback("vq", 4))
    engine.send(api.Resume("vq"))
    events = _drained(engine)
    assert _steps(events, "codes_total") == [5, 6] and _steps(events, "prior_total") == list(range(7, 11))
    card = [event.card for event in events if isinstance(event, api.RunChanged)][-1]
    assert (card.state, card.step) == ("finished", 10)
    assert not [event.words for event in events if isinstance(event, api.Trouble)]
    engine.close()


def _drained(engine: Any) -> list[Any]:
    events: list[Any] = []
    while engine.pump():
        events += engine.drain()
    return events + engine.drain()


def _steps(events: list[Any], name: str) -> list[int]:
    found = [e for e in events if isinstance(e, api.Scalars) and e.split == "train" and name in e.names]
    return [int(step) for event in found for step in event.steps]
