"""Adversarial objectives and penalties against closed forms: see reference equations in `parts.adversarial`."""

from __future__ import annotations

import math

import pytest
import torch
from scipy.special import expit
from torch import Tensor

from gm_core.parts.adversarial import OBJECTIVES, interpolated_penalty, r1_penalty, slopes

LOGITS = torch.linspace(-30.0, 30.0, 61, dtype=torch.float64)
P = torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64)
Q = torch.tensor([0.2, 0.2, 0.6], dtype=torch.float64)


def slope_of(loss: object, logits: Tensor) -> Tensor:
    """dL/dm for each logit."""
    at = logits.clone().requires_grad_(True)
    (found,) = torch.autograd.grad(loss(at).sum(), at)  # type: ignore[operator]
    return found


def as_logits(p: Tensor, q: Tensor, copies: int = 10) -> tuple[Tensor, Tensor]:
    """The best logits at as many real and generated draws of a law on three places as their probabilities say."""
    best = OBJECTIVES["non_saturating"].best(p.log(), q.log())
    assert best is not None
    counts = [(law * copies).round().long() for law in (p, q)]
    return best.repeat_interleave(counts[0]), best.repeat_interleave(counts[1])


def test_the_generators_slopes_are_those_of_the_book() -> None:
    sigmoid = torch.from_numpy(expit(LOGITS.numpy()))
    minimax = slope_of(OBJECTIVES["minimax"].generator, LOGITS)
    non_saturating = slope_of(OBJECTIVES["non_saturating"].generator, LOGITS)
    assert torch.allclose(minimax, -sigmoid, rtol=0, atol=1e-12)
    assert torch.allclose(non_saturating, -torch.from_numpy(expit(-LOGITS.numpy())), rtol=0, atol=1e-12)
    sure = LOGITS <= -20
    assert minimax[sure].abs().max() < 1e-8 and non_saturating[sure].abs().min() > 0.99, "the first saturates"


def test_the_discriminators_slopes_are_those_of_a_classifier() -> None:
    nothing = torch.zeros(1, dtype=torch.float64)
    for name in ("minimax", "non_saturating"):
        game = OBJECTIVES[name]
        real = slope_of(lambda at, game=game: game.discriminator(at, nothing) * len(at), LOGITS)
        fake = slope_of(lambda at, game=game: game.discriminator(nothing, at) * len(at), LOGITS)
        assert torch.allclose(real, -torch.from_numpy(expit(-LOGITS.numpy())), rtol=0, atol=1e-12)
        assert torch.allclose(fake, torch.from_numpy(expit(LOGITS.numpy())), rtol=0, atol=1e-12)


def test_the_best_discriminator_is_p_over_p_plus_q_and_its_value_two_js_above_minus_log_four() -> None:
    game = OBJECTIVES["non_saturating"]
    best = game.best(P.log(), Q.log())
    assert best is not None
    assert torch.allclose(game.opinion(best), P / (P + Q), rtol=0, atol=1e-15)
    middle = (P + Q) / 2
    js = 0.5 * (P * (P / middle).log()).sum() + 0.5 * (Q * (Q / middle).log()).sum()
    value = game.value(*as_logits(P, Q))
    assert float(value) == pytest.approx(-math.log(4) + 2 * float(js), abs=1e-12)
    same = game.value(*as_logits(P, P))
    assert float(same) == pytest.approx(-math.log(4), abs=1e-12)


def test_no_discriminator_beats_the_best_one() -> None:
    rng = torch.Generator().manual_seed(0)
    for name, game in OBJECTIVES.items():
        best = game.best(P.log(), Q.log())
        if best is None:
            assert name == "wgan_gp"
            continue
        counts = [(law * 10).round().long() for law in (P, Q)]

        def value(logits: Tensor, game: object = game, counts: list[Tensor] = counts) -> float:
            return float(game.value(*(logits.repeat_interleave(c) for c in counts)))  # type: ignore[attr-defined]

        for _ in range(200):
            other = best + torch.randn(3, generator=rng, dtype=torch.float64)
            assert value(other) <= value(best) + 1e-12, name


def test_what_the_discriminator_reaches_is_what_it_lowers_with_the_sign_turned() -> None:
    real, fake = LOGITS[:20] / 10, LOGITS[20:30] / 10
    for game in OBJECTIVES.values():
        assert float(game.value(real, fake) + game.discriminator(real, fake)) == 0.0


def test_squares_margins_and_distances_have_their_textbook_values() -> None:
    real, fake = torch.tensor([2.0, 0.5]), torch.tensor([0.5, -3.0, 1.0])
    squares, hinge, distance = (OBJECTIVES[name] for name in ("least_squares", "hinge", "wgan_gp"))
    assert float(squares.discriminator(real, fake)) == pytest.approx(0.5 * (1 + 0.25) / 2 + 0.5 * (0.25 + 9 + 1) / 3)
    assert squares.generator(fake).tolist() == pytest.approx([0.125, 8.0, 0.0])
    assert float(hinge.discriminator(real, fake)) == pytest.approx(0.25 + (1.5 + 0 + 2) / 3)
    assert hinge.generator(fake).tolist() == distance.generator(fake).tolist() == [-0.5, 3.0, -1.0]
    assert float(distance.discriminator(real, fake)) == pytest.approx(-0.5 - 1.25)


# ---- penalties


def linear(w: Tensor) -> object:
    return lambda x: x.flatten(1) @ w


@pytest.mark.parametrize("shape", [(2,), (5,), (1, 2, 3)])
def test_the_penalties_of_a_linear_critic_are_exact_and_their_gradients_flow(shape: tuple[int, ...]) -> None:
    rng = torch.Generator().manual_seed(1)
    size = math.prod(shape)
    w = torch.randn(size, generator=rng, dtype=torch.float64).requires_grad_(True)
    real, fake = (torch.randn(7, *shape, generator=rng, dtype=torch.float64) for _ in range(2))
    norm = w.norm()
    between = interpolated_penalty(linear(w), real, fake, rng)  # type: ignore[arg-type]
    assert torch.allclose(between, (norm - 1).square().expand(7), rtol=0, atol=1e-12)
    (slope,) = torch.autograd.grad(between.mean(), w)
    assert torch.allclose(slope, 2 * (norm - 1) * w / norm, rtol=0, atol=1e-12)
    at_real = r1_penalty(linear(w), real)  # type: ignore[arg-type]
    assert torch.allclose(at_real, (0.5 * norm.square()).expand(7), rtol=0, atol=1e-12)
    (slope,) = torch.autograd.grad(at_real.mean(), w)
    assert torch.allclose(slope, w, rtol=0, atol=1e-12)


def test_the_gradient_of_a_bent_critics_penalty_is_that_of_finite_differences() -> None:
    rng = torch.Generator().manual_seed(2)
    x, z = (torch.randn(3, 2, generator=rng, dtype=torch.float64) for _ in range(2))
    w = torch.randn(2, generator=rng, dtype=torch.float64).requires_grad_(True)

    def penalty(w: Tensor) -> Tensor:
        def critic(at: Tensor) -> Tensor:
            return (at @ w).sin() + (at * w).square().sum(1)

        fixed = torch.Generator().manual_seed(5)
        return interpolated_penalty(critic, x, z, fixed).sum() + r1_penalty(critic, x).sum()

    assert torch.autograd.gradcheck(penalty, (w,))


def test_a_flat_critic_has_a_penalty_of_one_and_a_gradient_that_is_a_number() -> None:
    w = torch.zeros(2, requires_grad=True)
    x, rng = torch.randn(4, 2, generator=torch.Generator().manual_seed(0)), torch.Generator().manual_seed(0)
    found = interpolated_penalty(linear(w), x, -x, rng)  # type: ignore[arg-type]
    assert found.tolist() == [1.0] * 4
    (slope,) = torch.autograd.grad(found.sum(), w)
    assert slope.isfinite().all()


def test_the_penalty_looks_between_the_pairs_and_nowhere_else() -> None:
    seen: list[Tensor] = []

    def critic(at: Tensor) -> Tensor:
        seen.append(at.detach())
        return at.sum(1)

    real, fake = torch.zeros(200, 3), torch.ones(200, 3)
    interpolated_penalty(critic, real, fake, torch.Generator().manual_seed(0))
    (places,) = seen
    assert torch.equal(places[:, 0], places[:, 1]), "one share for all numbers of an example"
    assert 0 <= places.min() < 0.05 and 0.95 < places.max() <= 1 and places[:, 0].std() > 0.25


def test_slopes_need_no_gradients_of_the_weights_and_work_where_gradients_are_off() -> None:
    w = torch.tensor([3.0, 4.0])
    with torch.no_grad():
        assert slopes(linear(w), torch.zeros(2, 2)).tolist() == [25.0, 25.0]  # type: ignore[arg-type]
