"""Completing by replacement: what is known stays, what is missing follows, and more rounds come closer."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from gm_core.capabilities.base import Scene, answer, to_picture
from gm_core.capabilities.complete import CompleteQuery, Completions
from gm_core.maths.schedules import Level
from gm_core.parts.repaint import repaint
from gm_core.parts.samplers import Guess
from gm_core.spec import SpecError

from .diffusions import CENTRED, PLANE, ddpm, edm, generator, karras, stirred

RHO = 0.9


def correlated(x: Tensor, level: Level) -> Guess:
    """The exact denoiser of two numbers N(0, [[1, rho], [rho, 1]])."""
    covariance = torch.tensor([[1.0, RHO], [RHO, 1.0]], dtype=torch.float64)
    whole = level.signal**2 * covariance + level.sigma**2 * torch.eye(2, dtype=torch.float64)
    eps = level.sigma * torch.linalg.solve(whole, x.T).T
    return Guess(x, level, eps=eps)


def completed(rounds: int, n: int = 3000) -> Tensor:
    given = torch.tensor([[1.0, 0.0]], dtype=torch.float64)
    start = 20.0 * torch.randn(n, 2, generator=generator(), dtype=torch.float64)
    way = karras(40, 0.01, 20.0)
    *_, (progress, last) = repaint(way, correlated, given, torch.tensor([True, False]), start, generator(1), rounds)
    assert progress == 1.0
    return last


def test_completions_of_a_gaussian_come_near_its_conditional_distribution_with_more_rounds() -> None:
    """x_2 given x_1 = 1 is N(0.9, 0.19): mean within 0.05 and variance within 15 % after 20 rounds, worse after one."""
    many, one = completed(20), completed(1)
    assert torch.equal(many[:, 0], torch.ones(3000, dtype=torch.float64))
    assert float(many[:, 1].mean()) == pytest.approx(RHO, abs=0.05)
    assert float(many[:, 1].var()) == pytest.approx(1 - RHO**2, rel=0.15)

    def off(x: Tensor) -> float:
        return abs(float(x[:, 1].mean()) - RHO) + abs(float(x[:, 1].var()) - (1 - RHO**2))

    assert off(many) < off(one)


@pytest.mark.parametrize("kind", ["ddpm", "edm"])
def test_what_is_known_is_not_touched_and_progress_rises_to_one(kind: str) -> None:
    model = ddpm(CENTRED, sample_steps=6, resample=2) if kind == "ddpm" else edm(CENTRED, sample_steps=6, resample=2)
    stirred(model)
    x = (torch.rand(1, 1, 8, 8, generator=generator()) * 16).round() / 8 - 1
    known = torch.arange(64) % 3 > 0
    states = list(model.complete(x, known, 4, generator(1)))
    assert len(states) == 6 * 2 - 1, "the last step is made once"
    progress = [state.progress for state in states]
    assert progress == sorted(progress) and progress[-1] == 1.0
    for state in states:
        assert torch.equal(state.x.flatten(1)[:, known], x.flatten(1)[:, known].expand(4, -1))
    last = states[-1].x.flatten(1)[:, ~known]
    assert not torch.equal(last[0], last[1]) and float(last.abs().max()) <= 1.0 + 1e-6
    assert states[-1].log_prob is None
    again = list(model.complete(x, known, 4, generator(1)))
    assert torch.equal(states[-1].x, again[-1].x)


def test_the_answer_says_how_and_claims_no_probability() -> None:
    model = ddpm(CENTRED, sample_steps=5)
    stirred(model)
    picture = to_picture(torch.zeros(1, 1, 8, 8), CENTRED)
    known = np.arange(64).reshape(8, 8) % 2 > 0
    scene = Scene(model, None, generator(), torch.device("cpu"))  # type: ignore[arg-type]
    frames = [f for f in answer(CompleteQuery(given=picture, known=known, n=3), scene) if isinstance(f, Completions)]
    assert len(frames) > 1 and all(np.isnan(frame.log_probs).all() for frame in frames[:-1])
    assert frames[-1].log_probs.shape == (0,) and frames[-1].items.shape == (3, 8, 8, 1)
    assert not frames[-1].exact and "RePaint" in frames[-1].how and frames[-1].particles == 1


def test_nothing_missing_and_nothing_known_are_refused_in_one_sentence() -> None:
    model = ddpm(PLANE, sample_steps=3)
    for known, words in ((torch.ones(2), "everything is known"), (torch.zeros(2), "nothing is known")):
        with pytest.raises(SpecError, match=words):
            next(model.complete(torch.zeros(1, 2), known.bool(), 2, generator()))
    *_, last = model.complete(torch.zeros(1, 2), torch.tensor([True, False]), 2, generator())
    assert bool(last.x.isfinite().all())
