"""What a generative model is: a distribution that one can draw from, score examples with, and explain examples by.

The model of this page is the simplest with all three, a mixture p(x) = sum_k pi_k p(x|k): of Gaussians for points on
the plane, of products of Bernoullis for small digits, both fitted by maximum likelihood (see maths/mixtures.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from gm_core.concepts import small_digits
from gm_core.concepts.base import Column, Columns, ConceptFrame, Query, answers_alone

if TYPE_CHECKING:
    import torch

    from gm_core.maths.mixtures import BernoulliMixture, GaussianMixture

GRID = 72
SIDE = 2.5
"""The plane is drawn from -SIDE to SIDE."""
POINTS = 600
ROUNDS = 25
MOST = 30
"""Parts that a mixture may have."""
SHOWN = 40
"""Digits drawn at once."""


@dataclass(frozen=True, slots=True)
class OverviewQuery(Query):
    """A mixture of `parts` fitted to the moons and to the digits; what it says of the point (x, y) and of a digit.

    `example` counts the test digits; `inverted` swaps its black and white.
    """

    parts: int = 8
    x: float = 0.0
    y: float = 0.5
    example: int = 0
    inverted: bool = False
    wants: str = "sampling"


@dataclass(frozen=True, slots=True)
class OverviewFrame(ConceptFrame):
    """Points: data (m, 2), samples (m, 2), log density (GRID, GRID) with row 0 lowest, the most probable part of each
    cell, p(k|point) (k,), and ends of the axes. Digits: samples (n, 8, 8), the example (8, 8), p(k|example) (k,), the
    parts (k, 8, 8) as probabilities, and ln p(x) in nats of all test digits and of their inversions (m,)."""

    data: Column
    samples: Column
    log_density: Column
    owner: Column
    posterior: Column
    drawn: Column
    example: Column
    example_posterior: Column
    prototypes: Column
    test_scores: Column
    inverted_scores: Column

    def columns(self) -> Columns:
        """Posteriors and scores."""
        return {
            "p(k|point)": self.posterior, "p(k|digit)": self.example_posterior,
            "ln p of test digits": self.test_scores, "ln p inverted": self.inverted_scores,
        }  # fmt: skip


@cache
def _moons() -> torch.Tensor:
    import torch

    from gm_core.data.toys import Moons, MoonsSpec

    exact = Moons(MoonsSpec()).exact
    assert exact is not None
    return exact.sample(1500, torch.Generator().manual_seed(0)).double()


@cache
def _digits() -> tuple[torch.Tensor, torch.Tensor]:
    import torch

    learn, held = small_digits.halves()
    return torch.from_numpy(learn).double(), torch.from_numpy(held).double()


_POINTS: dict[int, GaussianMixture] = {}
_DIGITS: dict[int, BernoulliMixture] = {}
"""The mixtures that were fitted, by their parts: each takes a tenth of a second, once."""


def _fit(parts: int) -> Iterator[None]:
    """Fit both mixtures, if they are not there yet; safe to be left after any round."""
    import torch

    from gm_core.maths.mixtures import fit_bernoullis, fit_gaussians

    if parts not in _POINTS:
        held = None
        for now in fit_gaussians(_moons()[:1000], parts, ROUNDS, torch.Generator().manual_seed(1)):
            held = now
            yield None
        assert held is not None
        _POINTS[parts] = held
    if parts not in _DIGITS:
        kept = None
        for made in fit_bernoullis(_digits()[0], parts, ROUNDS, torch.Generator().manual_seed(2)):
            kept = made
            yield None
        assert kept is not None
        _DIGITS[parts] = kept


@cache
def _plane(parts: int) -> tuple[Column, Column]:
    import torch

    half = SIDE / GRID
    line = torch.linspace(-SIDE + half, SIDE - half, GRID, dtype=torch.float64)
    ys, xs = torch.meshgrid(line, line, indexing="ij")
    joint = _POINTS[parts].joint(torch.stack((xs, ys), -1).reshape(-1, 2))
    return joint.logsumexp(1).reshape(GRID, GRID).numpy(), joint.argmax(1).reshape(GRID, GRID).numpy()


@cache
def _scores(parts: int) -> tuple[Column, Column]:
    model, test = _DIGITS[parts], _digits()[1]
    return model.joint(test).logsumexp(1).numpy(), model.joint(1 - test).logsumexp(1).numpy()


@answers_alone(OverviewQuery)
def _overview(query: OverviewQuery, rng: torch.Generator) -> Iterator[OverviewFrame | None]:
    import torch

    yield from _fit(query.parts)
    points, digits, (_, test) = _POINTS[query.parts], _DIGITS[query.parts], _digits()
    log_density, owner = _plane(query.parts)
    test_scores, inverted_scores = _scores(query.parts)
    here = points.joint(torch.tensor([[query.x, query.y]], dtype=torch.float64))[0]
    row = test[query.example % len(test)]
    row = 1 - row if query.inverted else row
    joint = digits.joint(row[None])[0]
    log_p, log_digit = float(here.logsumexp(0)), float(joint.logsumexp(0))
    posterior, digit_posterior = here.softmax(0), joint.softmax(0)
    held_out = points.joint(_moons()[1000:]).logsumexp(1)
    numbers = {
        "log_p": log_p, "density": float(np.exp(log_p)), "log_digit": log_digit, "best": float(digit_posterior.max()),
        "part": int(digit_posterior.argmax()) + 1, "held_out": float(held_out.mean()),
        "digits_held_out": float(test_scores.mean()), "parts": query.parts, "point_best": float(posterior.max()),
        "rank": float((test_scores < log_digit).mean()),
    }  # fmt: skip
    yield OverviewFrame(
        numbers,
        _moons()[:POINTS].numpy(),
        points.draw(POINTS, rng).numpy(),
        log_density,
        owner,
        posterior.numpy(),
        digits.draw(SHOWN, rng).reshape(-1, 8, 8).numpy(),
        row.reshape(8, 8).numpy(),
        digit_posterior.numpy(),
        digits.on.reshape(-1, 8, 8).numpy(),
        test_scores,
        inverted_scores,
    )
    for near in range(1, MOST):  # while nobody asks anything else: all that a hand may choose next
        for parts in (query.parts + near, query.parts - near):
            if 1 <= parts <= MOST:
                yield from _fit(parts)
                _plane(parts)
                yield None
                _scores(parts)
                yield None


@dataclass(frozen=True, slots=True)
class Family:
    """A family of models: whether it has a density that can be written down (explicit), how well ln p(x) is known
    ("exact", "bound", "solver", "unnormalised" or "none"), whether it has a latent, in how many steps it draws."""

    name: str
    explicit: bool
    density: str
    latent: bool
    steps: str
    learns: str
    preset: str
    panel: str


FAMILIES: tuple[Family, ...] = (
    Family("Independent pixels", True, "exact", False, "one", "counting", "independent-digits", "gallery"),
    Family("Autoregressive (NADE, MADE, PixelCNN)", True, "exact", False, "one a pixel", "maximum likelihood",
           "made-digits", "sites"),
    Family("Probabilistic PCA", True, "exact", True, "one", "closed form", "ppca-digits", "latent"),
    Family("Variational autoencoder", True, "bound", True, "one", "maximising the ELBO", "vae-digits", "latent"),
    Family("Normalising flow (RealNVP)", True, "exact", True, "one", "maximum likelihood", "realnvp-moons", "plane"),
    Family("Adversarial (GAN)", False, "none", True, "one", "a game of two networks", "gan-ring", "duel"),
    Family("Energy-based", True, "unnormalised", False, "many", "contrast with own samples", "energy-ring", "plane"),
    Family("Diffusion (DDPM) and scores", True, "bound", True, "many", "denoising", "ddpm-digits", "steps"),
    Family("Flow matching", True, "solver", True, "many", "regression on velocities", "flow_matching-ring", "steps"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class FamiliesQuery(Query):
    """How many of the families are explicit, exact, latent, and slow."""


@dataclass(frozen=True, slots=True)
class FamiliesFrame(ConceptFrame):
    """The table of the families as 0 and 1."""

    explicit: Column
    exact: Column
    latent: Column
    many: Column

    def columns(self) -> Columns:
        """The table, in the order of FAMILIES."""
        return {"explicit": self.explicit, "exact": self.exact, "latent": self.latent, "many steps": self.many}


@answers_alone(FamiliesQuery)
def _families(query: FamiliesQuery, rng: torch.Generator) -> Iterator[FamiliesFrame]:
    facts = [(f.explicit, f.density == "exact", f.latent, f.steps != "one") for f in FAMILIES]
    made = list(np.array(facts, float).T)
    numbers = {
        "families": len(FAMILIES), "explicit": float(made[0].sum()), "exact": float(made[1].sum()),
        "latent": float(made[2].sum()), "many": float(made[3].sum()),
    }  # fmt: skip
    yield FamiliesFrame(numbers, *made)
