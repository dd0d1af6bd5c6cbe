"""Adversarial objectives: what the discriminator and the generator lower, from the discriminator's numbers alone.

With l = f(x) for real examples, m = f(G(z)) for generated ones and s(l) = 1 / (1 + exp(-l)):

                      discriminator                                      generator
    minimax           -E ln s(l) - E ln (1 - s(m))                       E ln (1 - s(m))      Goodfellow 2014, eq. 1
    non_saturating    the same                                           -E ln s(m)           there, section 3
    least_squares     1/2 E (l - 1)^2 + 1/2 E m^2                        1/2 E (m - 1)^2      Mao 2017, eq. 2, b=c=1
    hinge             E max(0, 1 - l) + E max(0, 1 + m)                  -E m                 Miyato 2018, eq. 16, 17
    wgan_gp           E m - E l (and the penalty below)                  -E m                 Gulrajani 2017, eq. 2, 3

Penalties keep the slope of f in check; both differentiate through a gradient:

    interpolated      E (||grad f(u)|| - 1)^2,  u = e x + (1 - e) G(z), e uniform    Gulrajani 2017, eq. 3
    r1                1/2 E ||grad f(x)||^2  over real x                             Mescheder 2018, eq. 9

Sources: Goodfellow et al. 2014, arXiv:1406.2661; Mao et al. 2017, arXiv:1611.04076; Miyato et al. 2018,
arXiv:1802.05957; Gulrajani et al. 2017, arXiv:1704.00028; Mescheder et al. 2018, arXiv:1801.04406. Logarithms are
natural, so the first two count nats. The notes write minimax; its gradient dies where the discriminator is sure
(d/dm ln(1 - s(m)) = -s(m), near 0 for m << 0), which is why the non-saturating form is the default.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

ObjectiveName = Literal["non_saturating", "minimax", "least_squares", "hinge", "wgan_gp"]
PenaltyName = Literal["none", "interpolated", "r1"]
Critic = Callable[[Tensor], Tensor]
"""Examples (n, ...) to one number each, (n,)."""


class Adversarial(ABC):
    """A game between two players, on the discriminator's numbers (logits) of real and generated examples."""

    name: ClassVar[ObjectiveName]
    unit: ClassVar[Literal["probability", "value"]] = "value"
    """What `opinion` says: a probability of being real, or a number on a scale of its own."""
    loss_unit: ClassVar[str] = ""
    penalty: ClassVar[PenaltyName] = "r1"
    """The penalty that belongs to it where nobody chose another."""

    @abstractmethod
    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """What the discriminator lowers, given its logits (n,) and (m,): a mean."""

    @abstractmethod
    def generator(self, fake: Tensor) -> Tensor:
        """What the generator lowers, for each of its examples: logits (n,) to (n,)."""

    def opinion(self, logits: Tensor) -> Tensor:
        """The logits as they should be shown: same shape, in `unit`."""
        return logits

    def value(self, real: Tensor, fake: Tensor) -> Tensor:
        """What the discriminator raises, without any penalty."""
        return -self.discriminator(real, fake)

    def best(self, log_p: Tensor, log_q: Tensor) -> Tensor | None:
        """The logits of the best discriminator where the densities of data and generator are p and q.

        None where the objective alone has no such answer.
        """
        return None


class _Logistic(Adversarial):
    """The discriminator is a classifier: s(l) is its probability that an example is real."""

    unit = "probability"
    loss_unit = "nats per example"

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """-V of Goodfellow et al. 2014, eq. 1."""
        return -F.logsigmoid(real).mean() - F.logsigmoid(-fake).mean()

    def opinion(self, logits: Tensor) -> Tensor:
        """The probability of being real."""
        return logits.sigmoid()

    def best(self, log_p: Tensor, log_q: Tensor) -> Tensor:
        """ln p - ln q, which stands for p / (p + q): Goodfellow et al. 2014, eq. 2."""
        return log_p - log_q


@dataclass(frozen=True)
class Minimax(_Logistic):
    """The game as it is written: the generator lowers what the discriminator raises. Its gradient may vanish."""

    name = "minimax"

    def generator(self, fake: Tensor) -> Tensor:
        """ln (1 - s(m))."""
        return F.logsigmoid(-fake)


@dataclass(frozen=True)
class NonSaturating(_Logistic):
    """The generator raises its chance to be taken for real: the same fixed point, and a gradient where it is bad."""

    name = "non_saturating"

    def generator(self, fake: Tensor) -> Tensor:
        """-ln s(m)."""
        return -F.logsigmoid(fake)


@dataclass(frozen=True)
class LeastSquares(Adversarial):
    """The discriminator aims at 1 for real and 0 for generated examples, by squared error."""

    name = "least_squares"

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Mao et al. 2017, eq. 2 with a = 0 and b = 1."""
        return 0.5 * ((real - 1.0).square().mean() + fake.square().mean())

    def generator(self, fake: Tensor) -> Tensor:
        """The same with c = 1."""
        return 0.5 * (fake - 1.0).square()

    def best(self, log_p: Tensor, log_q: Tensor) -> Tensor:
        """p / (p + q), the mean of the targets where both meet."""
        return (log_p - log_q).sigmoid()


@dataclass(frozen=True)
class Hinge(Adversarial):
    """The discriminator wants real examples above 1 and generated ones below -1, and cares for no more."""

    name = "hinge"

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Miyato et al. 2018, eq. 16."""
        return F.relu(1.0 - real).mean() + F.relu(1.0 + fake).mean()

    def generator(self, fake: Tensor) -> Tensor:
        """Miyato et al. 2018, eq. 17."""
        return -fake

    def best(self, log_p: Tensor, log_q: Tensor) -> Tensor:
        """1 where p is larger, -1 where q is."""
        return torch.sign(log_p - log_q)


@dataclass(frozen=True)
class Wasserstein(Adversarial):
    """The critic spreads real and generated examples apart as far as a slope of 1 lets it: their distance."""

    name = "wgan_gp"
    penalty = "interpolated"

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Gulrajani et al. 2017, eq. 3 without its penalty; minus it bounds W1 from below where the slope is <= 1."""
        return fake.mean() - real.mean()

    def generator(self, fake: Tensor) -> Tensor:
        """-m."""
        return -fake


OBJECTIVES: dict[ObjectiveName, Adversarial] = {
    kind.name: kind for kind in (NonSaturating(), Minimax(), LeastSquares(), Hinge(), Wasserstein())
}


def slopes(critic: Critic, x: Tensor) -> Tensor:
    """The squared norm of the gradient of f at each example: (n, ...) to (n,), itself differentiable."""
    with torch.enable_grad():
        at = x.detach().requires_grad_(True)
        (gradient,) = torch.autograd.grad(critic(at).sum(), at, create_graph=True)
    return gradient.flatten(1).square().sum(1)


def interpolated_penalty(critic: Critic, real: Tensor, fake: Tensor, rng: torch.Generator) -> Tensor:
    """(||grad f(u)|| - 1)^2 at one point between each pair of a real and a generated example: (n,).

    Gulrajani et al. 2017, eq. 3, without its weight. `real` and `fake` have the same shape.
    """
    share = torch.rand(len(real), generator=rng, device=rng.device, dtype=real.dtype).to(real.device)
    share = share.reshape(-1, *(1,) * (real.ndim - 1))
    squared = slopes(critic, share * real.detach() + (1.0 - share) * fake.detach())
    # The root has no gradient at 0: a critic that is flat there is told nothing, rather than NaN.
    flat = squared <= 0.0
    norm = torch.where(flat, torch.zeros_like(squared), torch.where(flat, torch.ones_like(squared), squared).sqrt())
    return (norm - 1.0).square()


def r1_penalty(critic: Critic, real: Tensor) -> Tensor:
    """1/2 ||grad f(x)||^2 at each real example: (n,). Mescheder et al. 2018, eq. 9, without its weight gamma."""
    return 0.5 * slopes(critic, real)
