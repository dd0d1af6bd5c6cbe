"""Generative adversarial network: a generator learns to fool a discriminator, which learns to tell it from the data.

    min_G max_D  V(D, G) = E_x ln D(x) + E_z ln (1 - D(G(z))),  z ~ N(0, I)              Eq. 1
    D*(x) = p(x) / (p(x) + q(x)),   V(D*, G) = -ln 4 + 2 JS(p, q)                        Eq. 2 and 6

Goodfellow et al. 2014, "Generative adversarial nets", arXiv:1406.2661. There is no likelihood: q, the density of G(z),
is never written down. Other objectives and penalties: see `parts.adversarial`; p(x|y) by projection (Miyato & Koyama
2018, arXiv:1802.05637) or concatenation (Mirza & Osindero 2014, arXiv:1411.1784); spectral norms: `nn.spectral`.

Departures: the generator's default loss is the non-saturating one (their section 3), since the gradient of eq. 1 dies
where D is sure; of the two players only the generator is averaged where averages are kept, so that the discriminator on
view is the one that teaches. Truncation multiplies codes by psi (Karras et al. 2019, appendix B, in the space of z):
below 1 samples come from the middle of the prior, better ones and fewer kinds.

There is no loss whose fall means progress. What validation reports as `total` is the sliced Wasserstein-2 distance of
as many generated as held-out examples: it judges the generator alone, and both may well get better while it stays.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import field_validator
from torch import Tensor, nn

from gm_core.capabilities.critic import Critic
from gm_core.capabilities.latent import Latent
from gm_core.capabilities.samples import Samples
from gm_core.capabilities.stepwise import Conditional
from gm_core.model import Batch, ModelSpec, Phase, Stage, model
from gm_core.nn import spectral
from gm_core.nn.conv import stages
from gm_core.nn.dcgan import Grower, Shrinker
from gm_core.nn.judge import Judge, Perceptron
from gm_core.nn.mlp import MLP, Activation
from gm_core.parts.adversarial import OBJECTIVES, ObjectiveName, interpolated_penalty, r1_penalty
from gm_core.parts.labels import Labelled
from gm_core.parts.ranges import Ranged
from gm_core.protocol.cards import Chart, DataCard
from gm_core.spec import param

DIRECTIONS = 64
"""Random directions of the sliced distance that validation reports."""
SMALL_PARAMETERS = 100_000


class GANSpec(ModelSpec):
    """What can be chosen of a GAN: the game, its referee, and both networks."""

    objective: ObjectiveName = param(
        "non_saturating",
        "The game: a classifier against its gradient (non_saturating) or as written (minimax), squared error "
        "(least_squares), margins (hinge), or a distance (wgan_gp).",
    )
    penalty: Literal["auto", "none", "interpolated", "r1"] = param(
        "auto",
        "What keeps the discriminator from growing steep: its slope between real and generated examples "
        "(interpolated) or at real ones (r1); auto takes the former for wgan_gp, the latter for all others.",
    )
    penalty_weight: float = param(1.0, "Weight of the penalty (lambda, or gamma of r1).", lo=0.0, hi=100.0, live=True)
    critic_steps: int = param(1, "Steps of the discriminator for each one of the generator.", lo=1, hi=50)
    spectral: bool = param(False, "Divide each layer of the discriminator by its largest stretch (spectral norm).")
    labels: Literal["none", "projection", "concatenation"] = param(
        "none", "Learn p(x|y): the class as a direction of the discriminator's features, or as a further input."
    )
    latent: int = param(2, "Numbers in one code z.", lo=1, hi=1024, log=True)
    truncation: float = param(
        1.0, "psi: codes of samples are multiplied by this; below 1 they are safer and less varied.",
        lo=0.0, hi=2.0, live=True,
    )  # fmt: skip
    width: int = param(128, "Units of a hidden layer of both networks (points and vectors).", lo=4, hi=2048, log=True)
    depth: int = param(3, "Hidden layers of both networks (points and vectors).", lo=1, hi=12)
    activation: Activation = param("relu", "The bend between two layers (points and vectors).")
    channels: tuple[int, ...] = param(
        (32, 64), "Channels of the stages of both networks, fine to coarse, each half as large (images).", lo=1, hi=1024
    )
    norm: Literal["group", "none"] = param("group", "Normalisation inside the generator (images).")

    _has_stages = field_validator("channels")(stages)


@model("gan", title="GAN", paper="Goodfellow et al. 2014, arXiv:1406.2661")
class GAN(Labelled, Ranged, Samples, Latent, Conditional, Critic):
    """Two networks play: one makes examples out of noise, the other learns to tell them from data and so teaches it.

    Inside, images live in -1..1; every method takes and gives the card's own range.
    """

    Spec = GANSpec
    charts: tuple[Chart, ...] = (
        Chart("real", "D(real)", unit="probability", better="neither", tip="What D says of real examples: the mean."),
        Chart("fake", "D(fake)", unit="probability", better="neither", tip="What D says of generated ones: the mean."),
        Chart(
            "value",
            "Value of the game",
            better="neither",
            tip="What D raises and G lowers: E ln D(x) + E ln(1 - D(G(z))). -ln 4 = -1.386 where D can only guess, "
            "0 where it is always right.",
        ),
        Chart(
            "total",
            "Distance to the data",
            unit="distance",
            tip="Sliced Wasserstein-2 distance of generated to held-out examples, in the units of the data. Validation "
            "alone: neither player lowers it, and as many real examples would not come to 0 either.",
        ),
        Chart(
            "penalty",
            "Gradient penalty",
            unit="squared slope",
            tip="How far the slope of D is from what its penalty wants, before its weight.",
        ),
    )
    accepts = frozenset({"points", "vectors", "images", "binary", "continuous", "levels"})
    spec: GANSpec

    def __init__(self, spec: GANSpec, card: DataCard) -> None:
        super().__init__(spec, card)
        self.game = OBJECTIVES[spec.objective]
        self.opinion_unit = self.game.unit
        self.penalty = self.game.penalty if spec.penalty == "auto" else spec.penalty
        self.learn_labels(spec.labels != "none")
        self.take_range()
        self.latent_size = spec.latent
        projection = spec.labels == "projection"
        told = 0 if projection else self.classes
        into = spec.latent + self.classes
        features: Shrinker | Perceptron
        if card.kind == "images":
            c, h, w = card.shape
            self.small, self.long_operations = False, True
            self.generator: nn.Module = Grower(into, card.shape, spec.channels, spec.norm == "group")
            features = Shrinker((c + told, h, w), spec.channels)
        else:
            self.generator = MLP(into, (spec.width,) * spec.depth, card.size, spec.activation)
            features = Perceptron(card.size + told, spec.width, spec.depth, spec.activation)
            self.small = sum(p.numel() for p in self.generator.parameters()) < SMALL_PARAMETERS
        self.discriminator = Judge(features, features.size, self.classes, projection)
        if spec.spectral:
            spectral.normalise(self.discriminator)
        self.charts = self._charts()

    def _charts(self) -> tuple[Chart, ...]:
        """What this game reports, in its own units."""
        real, fake, value, total, penalty = GAN.charts
        unit = self.game.unit
        real, fake = replace(real, unit=unit), replace(fake, unit=unit)
        if unit != "probability":
            words = "What D raises and G lowers, without the penalty."
            value = replace(value, unit=self.game.loss_unit or unit, tip=words)
        return (real, fake, value, total, *((penalty,) if self.penalty != "none" else ()))

    # ---- learning

    def stages(self) -> list[Stage]:
        """One stage of two phases: the discriminator, some steps on fresh batches, and then the generator."""
        judge, maker = list(self.discriminator.parameters()), list(self.generator.parameters())

        def improve(rng: torch.Generator) -> None:
            spectral.improve(self.discriminator)

        phases = [
            Phase("discriminator", judge, self.discriminator_loss, self.spec.critic_steps, improve),
            Phase("generator", maker, self.generator_loss),
        ]
        return [Stage("train", phases)]

    def averaged(self) -> Mapping[str, nn.Parameter]:
        """The generator's parameters alone: the discriminator that is looked at is the one that teaches."""
        return {f"generator.{name}": parameter for name, parameter in self.generator.named_parameters()}

    def discriminator_loss(self, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """What the discriminator lowers on a batch and as many examples of the generator, which stands still."""
        y = self._shares(self.met(batch.y), len(batch.x))
        real = self.inside(batch.x)
        with torch.no_grad():
            fake = self._make(self._noise(len(real), rng), y)
        return self._judged(real, fake, y, rng)

    def _judged(self, real: Tensor, fake: Tensor, y: Tensor | None, rng: torch.Generator) -> dict[str, Tensor]:
        judged_real, judged_fake = self._judge(real, y), self._judge(fake, y)
        total = self.game.discriminator(judged_real, judged_fake)
        terms = {
            "value": self.game.value(judged_real, judged_fake).detach(),
            "real": self.game.opinion(judged_real).mean().detach(),
            "fake": self.game.opinion(judged_fake).mean().detach(),
        }
        if self.penalty != "none":

            def critic(x: Tensor) -> Tensor:
                return self._judge(x, y)

            if self.penalty == "r1":
                penalty = r1_penalty(critic, real).mean()
            else:
                penalty = interpolated_penalty(critic, real, fake, rng).mean()
            total, terms["penalty"] = total + self.spec.penalty_weight * penalty, penalty.detach()
        return {"total": total, **terms}

    def generator_loss(self, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """What the generator lowers, with the labels of the batch if there are some; the discriminator stands still."""
        y = self._shares(batch.y if self.classes else None, len(batch.x))
        with _still(self.discriminator):
            judged = self._judge(self._make(self._noise(len(batch.x), rng), y), y)
        return {"total": self.game.generator(judged).mean()}

    def loss(self, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """All that is reported of a batch; `total` is the distance of as many generated examples to it."""
        y = self._shares(self.met(batch.y), len(batch.x))
        real, fake = self.inside(batch.x), self._make(self._noise(len(batch.x), rng), y)
        terms = {name: value.detach() for name, value in self._judged(real, fake, y, rng).items()}
        return {**terms, "total": self._distance(batch.x, self.outside(fake), rng)}

    def _distance(self, x: Tensor, other: Tensor, rng: torch.Generator) -> Tensor:
        """The sliced Wasserstein-2 distance of two sets of one size, without a wait; in general: `maths.two_sample`."""
        way = torch.randn(self.card.size, DIRECTIONS, generator=rng, device=rng.device, dtype=x.dtype).to(x.device)
        way = F.normalize(way, dim=0)
        ours, theirs = ((part.flatten(1) @ way).sort(0).values for part in (x, other))
        return (ours - theirs).square().mean().sqrt()

    # ---- the two players

    def _noise(self, n: int, rng: torch.Generator) -> Tensor:
        """Codes z ~ N(0, I), (n, latent), whatever the truncation."""
        z = torch.randn(n, self.latent_size, generator=rng, device=rng.device)
        return z.to(self.discriminator.out.bias.device)

    def _make(self, z: Tensor, y: Tensor | None) -> Tensor:
        """Examples in the model's own range from codes (n, latent) and shares of the classes."""
        made: Tensor = self.generator(z if y is None else torch.cat([z, y.to(z.dtype)], 1))
        return made

    def _judge(self, x: Tensor, y: Tensor | None) -> Tensor:
        """Logits of examples in the model's own range: (n,)."""
        judged: Tensor = self.discriminator(x, y)
        return judged

    def _shares(self, y: Tensor | None, n: int) -> Tensor | None:
        """Labels (n,) as weights of the classes (n, classes); p(y) where no label is given, None without classes."""
        if not self.classes:
            return None
        if y is None:
            return self.class_log_prior().exp().float().expand(n, -1)
        return F.one_hot(y, self.classes).float()

    # ---- capabilities

    def prior(self, n: int, rng: torch.Generator) -> Tensor:
        """z ~ N(0, psi^2 I), with psi the truncation."""
        return self._noise(n, rng) * self.spec.truncation

    def decode(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """G(z, y), or its mean over p(y) where the model has classes and none is given: (n, *card.shape)."""
        self.check_labels(y)
        if not self.classes or y is not None:
            return self.outside(self._make(z, self._shares(y, len(z))))
        means = torch.stack([self.decode(z, label) for label in self.each_label(z)], -1)
        return means @ self.class_log_prior().exp().to(means)

    def sample(self, n: int, rng: torch.Generator, y: Tensor | None = None) -> Tensor:
        """G of n codes from the (truncated) prior, with labels from p(y) where it has classes and none is given."""
        z = self.prior(n, rng)
        return self.decode(z, self.some_labels(n, rng, y))

    def judge(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        """f(x, y) of examples in the card's range; without a label, as an example of all classes in their shares."""
        self.check_labels(y)
        return self._judge(self.inside(x), self._shares(y, len(x)))

    def opinion(self, judged: Tensor) -> Tensor:
        """The probability of being real, or the raw number where the game has no probabilities."""
        return self.game.opinion(judged)

    def complaints(self, judged: Tensor) -> Tensor:
        """The generator's loss, example by example."""
        return self.game.generator(judged)

    def game_value(self, real: Tensor, fake: Tensor) -> Tensor:
        """What the discriminator raises, without its penalty."""
        return self.game.value(real, fake)

    def best(self, log_p: Tensor, log_q: Tensor) -> Tensor | None:
        """The raw numbers of the best discriminator: ln p - ln q for probabilities (eq. 2)."""
        return self.game.best(log_p, log_q)

    def offers(self) -> frozenset[str]:
        """All of its class line; p(x|y) only where classes are learned."""
        return super().offers() if self.classes else super().offers() - {Conditional.word}


@contextmanager
def _still(network: nn.Module) -> Iterator[None]:
    """Within, a network passes gradients on to its input and gathers none for its weights."""
    learning = [parameter for parameter in network.parameters() if parameter.requires_grad]
    for parameter in learning:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in learning:
            parameter.requires_grad_(True)
