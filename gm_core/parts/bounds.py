"""Bounds: how probable a model with codes finds examples, and Bayes' rule where p(x|y) is known only from below.

    ln p(x) >= E ln 1/k sum_i p(x|z_i) p(z_i) / q(z_i|x),  z_i ~ q(z|x)             (Burda et al. 2015, eq. 8)
    p(y|x) = p(x|y) p(y) / sum_y' p(x|y') p(y'),  with the bound in the place of p(x|y)

Burda, Grosse & Salakhutdinov 2015, "Importance weighted autoencoders", arXiv:1509.00519.
"""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor

from gm_core.capabilities.classes import Classes
from gm_core.capabilities.density import Density
from gm_core.maths.estimators import importance_bound
from gm_core.parts.labels import Labelled
from gm_core.parts.posteriors import Gaussians
from gm_core.spec import SpecError

BOUND_DRAWS, CLASS_DRAWS = 100, 20
"""Draws for each example in `log_prob` unless the caller says otherwise, and for each class in `class_log_joint`."""
NUMBERS_AT_ONCE = 2**22
"""Activations held at once while a bound is computed: 16 MiB of float32 in the widest layer."""


class Bounded(Labelled, Density, Classes):
    """Base of the models with a posterior over codes; those that learn labels also classify."""

    density_kind = "bound"

    # ---- what a model brings

    @abstractmethod
    def posterior(self, x: Tensor, y: Tensor | None = None) -> Gaussians:
        """q(z|x), or q(z|x, y), of examples x (n, ...) with labels y (n,) or None: n Gaussians."""

    @abstractmethod
    def log_weights(self, x: Tensor, z: Tensor, guess: Gaussians, y: Tensor | None = None) -> Tensor:
        """ln p(x|z) + ln p(z) - ln q(z|x) for codes z (k, n, latent_size) of examples x (n, ...): (k, n)."""

    @abstractmethod
    def width(self) -> int:
        """Numbers in the widest layer for one code."""

    # ---- what follows

    def log_prob(self, x: Tensor, rng: torch.Generator, y: Tensor | None = None, samples: int = 0) -> Tensor:
        """The importance-weighted bound on ln p(x), or on ln p(x|y) where labels are given to a model of labels.

        `samples` draws of z for each example (BOUND_DRAWS unless given), in portions that fit NUMBERS_AT_ONCE. With one
        draw it is an estimate of the ELBO; more draws come closer to the truth, from below on average. (n,) in nats.
        """
        draws = samples or BOUND_DRAWS
        if not self.classes or y is not None:
            return self.bound(x, y, draws, rng)
        joint = torch.stack([self.bound(x, label, draws, rng) for label in self.each_label(x)], -1)
        return (joint + self.class_log_prior().to(joint)).logsumexp(-1)

    def bound(self, x: Tensor, y: Tensor | None, draws: int, rng: torch.Generator) -> Tensor:
        """The bound for labels y (n,) or None, in portions of examples and of draws: (n,)."""
        rows = max(1, NUMBERS_AT_ONCE // self.width())
        found = []
        for first in range(0, len(x), rows):
            part, label = x[first : first + rows], None if y is None else y[first : first + rows]
            guess = self.posterior(part, label)
            portion = max(1, rows // len(part))
            sizes = [min(portion, draws - start) for start in range(0, draws, portion)]
            weights = [self.log_weights(part, guess.draw(rng, size), guess, label) for size in sizes]
            found.append(importance_bound(torch.cat(weights)))
        return torch.cat(found)

    def class_log_joint(self, x: Tensor, known: Tensor | None = None) -> Tensor:
        """The bound on log p(x|y) with CLASS_DRAWS draws, plus log p(y): (n, classes).

        All classes meet the same noise, and always the same, so that asking twice gives the same answer.
        """
        if not self.classes:
            raise SpecError("y", "this model learned no classes; train it with model.labels on")
        if known is not None and not self.marginalises(known):
            raise SpecError("known", "the encoder must see every pixel, so that missing ones cannot be summed out")
        prior = self.class_log_prior().to(x)
        if known is not None and not bool(known.any()):
            return prior.expand(len(x), -1)
        noises = [torch.Generator(x.device).manual_seed(0) for _ in range(self.classes)]
        scores = [self.bound(x, y, CLASS_DRAWS, noise) for y, noise in zip(self.each_label(x), noises)]
        return torch.stack(scores, -1) + prior

    def marginalises(self, known: Tensor) -> bool:
        """Only where nothing is missing, or everything."""
        return bool(known.all()) or not bool(known.any())

    def likeliest(self, x: Tensor) -> Tensor:
        """The label with the largest p(x|y) p(y) by Laplace's approximation, one weight at the mean code: (n,)."""
        scores = []
        for label in self.each_label(x):
            guess = self.posterior(x, label)
            scores.append(self.log_weights(x, guess.mu.unsqueeze(0), guess, label)[0])
        joint = torch.stack(scores, -1)
        return (joint + self.class_log_prior().to(joint)).argmax(-1)
