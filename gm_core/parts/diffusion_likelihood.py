"""How probable a diffusion finds examples: by the variational bound, or by solving its probability flow."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from gm_core.capabilities.density import Density, DensityKind
from gm_core.maths import divergence_trace
from gm_core.maths.binning import uniform
from gm_core.parts.denoising import Denoising
from gm_core.parts.diffusion_bound import variational_bound
from gm_core.parts.likelihood_ode import flow_log_prob

TERMS, PICTURE_TERMS = 100, 12
"""Terms of the bound that are computed for each example unless the caller says otherwise: points, and images."""
SOLVER_STEPS = 20
"""Steps of RK4 along the probability flow."""
FEW = 3
"""Numbers of an example up to which the divergence is exact; beyond, one random direction estimates it."""


class Scored(Denoising, Density):
    """Base of the diffusions that give log p(x), as the spec says: "solver" or "bound"."""

    @property
    def density_kind(self) -> DensityKind:
        """"solver" where the probability flow is solved: on the plane, unless the spec says otherwise."""
        wish = self.spec.likelihood
        return "solver" if wish == "solver" or (wish == "auto" and self.card.kind == "points") else "bound"

    def log_prob(self, x: Tensor, rng: torch.Generator, y: Tensor | None = None, samples: int = 0) -> Tensor:
        """log p(x), or log p(x|y), in nats: (n,). A probability for levels, a density for continuous data.

        `samples` is the number of terms of the bound, or of random directions where the flow's divergence is estimated.
        Levels are spread over their cells for the flow: its density then bounds their probability (Theis et al. 2016).
        Guidance plays no part: what it draws has no density that could be written down.
        """
        self.check_labels(y)
        if not self.classes or y is not None or self.spec.drop:
            return self._scored(x, rng, y, samples)
        joint = torch.stack([self._scored(x, rng, label, samples) for label in self.each_label(x)], -1)
        return (joint + self.class_log_prior().to(joint)).logsumexp(-1)

    def _scored(self, x: Tensor, rng: torch.Generator, y: Tensor | None, samples: int) -> Tensor:
        x = x.to(self.origin.dtype)
        return self._flow(x, rng, y, samples) if self.density_kind == "solver" else self._bound(x, rng, y, samples)

    def _bound(self, x: Tensor, rng: torch.Generator, y: Tensor | None, samples: int) -> Tensor:
        bins = 0 if self.card.values == "continuous" else self.card.levels
        low, high = self.card.range
        span = ((low - self.centre) / self.spread, (high - self.centre) / self.spread)
        draws = samples or (PICTURE_TERMS if self.card.kind == "images" else TERMS)
        found = variational_bound(
            self.chain(),
            self.denoiser(y),
            self.inside(x),
            rng,
            self.spec.variance,
            self.first_spread(),
            draws,
            span,
            bins,
        )
        return found if bins else found - self.card.size * math.log(self.spread)

    def _flow(self, x: Tensor, rng: torch.Generator, y: Tensor | None, samples: int) -> Tensor:
        cell = 1.0
        if self.card.values != "continuous":
            low, high = self.card.range
            cell = (high - low) / (self.card.levels - 1)
            x = x + cell * (uniform(x.shape, rng, x.device, x.dtype) - 0.5)
        divergence: divergence_trace.Divergence = divergence_trace.exact
        if self.card.size > FEW:
            divergence = divergence_trace.by_probes(divergence_trace.signs(x, samples or 1, rng))
        chain = self.chain()
        found = flow_log_prob(
            self.denoiser(y, gradients=True),
            self.between,
            chain[-2],
            chain[0],
            self.first_spread(),
            self.inside(x),
            divergence,
            SOLVER_STEPS,
        )
        return found + self.card.size * math.log(cell / self.spread)
