"""The variational autoencoder: an encoder guesses the code behind an example, a decoder turns codes into examples.

    p(z) = N(0, I)        p(x|z) = likelihood(decoder(z))        q(z|x) = N(mu(x), diag sigma(x)^2)

    ln p(x) >= ELBO(x) = E_q [ln p(x|z)] - KL(q(z|x) || p(z))                              (eq. 3)
    z = mu + sigma * eps, eps ~ N(0, I), so that gradients reach mu and sigma              (eq. 10)

Kingma & Welling 2013, "Auto-Encoding Variational Bayes", arXiv:1312.6114. What is minimised is

    total = -E_q [ln p(x|z)] + beta * KL                                                   (Higgins et al. 2017, eq. 4)

with a beta that may warm up from 0; the curve named ELBO always has beta = 1, or it would be no bound.

Everything in these lines can be exchanged for another part: the prior (`parts.priors`), the posterior, the likelihood,
the objective and its gradient. IWAE (Burda et al. 2015), beta-TC-VAE (Chen et al. 2018), the VampPrior (Tomczak &
Welling 2018) and the conditional VAE, p(x|y) = E_p(z) p(x|z, y) (Kingma et al. 2014; Sohn et al. 2015), are settings
of this file, and so are their mixtures.

Our departures: tanh became ReLU and Adagrad became Adam; no prior on the weights; the learned variance of the Gaussian
is one number, not one for each pixel; `log_prob` is the bound with many draws of Burda et al. 2015 (arXiv:1509.00519).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

import torch
from torch import Tensor, nn

from gm_core.capabilities.classes import Classes
from gm_core.capabilities.density import Density
from gm_core.capabilities.encodes import Encodes
from gm_core.capabilities.latent import Latent
from gm_core.capabilities.reconstruct import Reconstructs
from gm_core.capabilities.samples import Samples
from gm_core.model import Batch, ModelSpec, Stage, model
from gm_core.nn.conv import ConvDecoder, ConvEncoder
from gm_core.nn.mlp import Activation, FlatDecoder, FlatEncoder
from gm_core.parts import objectives, posteriors
from gm_core.parts.bounds import Bounded
from gm_core.parts.filters import LayerFilters
from gm_core.parts.likelihoods import LikelihoodName, make_likelihood
from gm_core.parts.objectives import CHARTS, Draws, GradientName, ObjectiveName, negative_elbo, negative_iwae
from gm_core.parts.posteriors import Gaussians, PosteriorName
from gm_core.parts.priors import PriorName, VampPrior, make_prior
from gm_core.protocol.cards import DataCard
from gm_core.spec import SpecError, param

SMALL_PARAMETERS = 100_000


@model("vae", title="Variational autoencoder", paper="Kingma & Welling 2013, arXiv:1312.6114")
class VAE(Bounded, Samples, Reconstructs, Latent, Encodes, LayerFilters, Density, Classes):
    """Compresses examples into a few numbers with a known distribution, and so can make new ones from such numbers."""

    class Spec(ModelSpec):
        """What can be chosen of a VAE."""

        latent: int = param(20, "Numbers in one code; with 2 the whole latent space fits on a map.", lo=2, hi=128)
        network: Literal["mlp", "conv"] = param("mlp", "Fully connected layers, or convolutions for pictures.")
        hidden: tuple[int, ...] = param((400,), "Widths of the hidden layers (mlp); none: linear.", lo=1, hi=4096)
        channels: tuple[int, ...] = param((32, 64), "Channels of the stages, each half as large (conv).", lo=1, hi=1024)
        activation: Activation = param("relu", "The bend between two layers.")
        labels: bool = param(False, "Learn p(x|y) for each label y, and classify by Bayes' rule.")
        likelihood: LikelihoodName = param(
            "auto",
            "What a decoded number means: a coin's probability (a cross-entropy for grey values, a density if "
            "continuous), the middle of a Gaussian, or of a logistic cut into levels; auto takes coins for binary data "
            "and for pictures in 0..1.",
        )
        variance: Literal["fixed", "learned"] = param(
            "learned", "Whether the width of the Gaussian or logistic is learned."
        )
        sigma: float = param(
            0.5, "Width of the Gaussian or logistic, or where it starts to learn.", lo=0.001, hi=10.0, log=True
        )
        posterior: PosteriorName = param("diagonal", "Whether numbers of a code are independent given the example.")
        prior: PriorName = param(
            "normal", "Where codes come from: one Gaussian, a learned mixture, or guesses at learned examples (vamp)."
        )
        components: int = param(50, "Gaussians in a learned prior (mixture, vamp).", lo=1, hi=2000, log=True)
        pseudo_inputs: Literal["data", "noise"] = param("data", "What the learned examples begin as (vamp).")
        objective: ObjectiveName = param(
            "elbo", "What is raised: the ELBO, the tighter IWAE bound, or the ELBO with beta on total correlation (tc)."
        )
        draws: int = param(1, "Codes drawn for each example of a batch.", lo=1, hi=1000, log=True)
        gradient: GradientName = param(
            "reparameterisation", "How gradients reach the encoder: through the draws, or by the score (REINFORCE)."
        )
        beta: float = param(1.0, "Weight of the KL; more: simpler codes, blurrier pictures.", lo=0, hi=20, live=True)
        beta_warmup: int = param(0, "Steps over which beta grows from 0.", lo=0, hi=1_000_000, unit="steps")
        free_bits: float = param(0.0, "KL that each number of a code has for free.", lo=0.0, hi=10.0, unit="nats")
        pictures: Literal["mean", "draw"] = param(
            "mean", "Whether a sampled picture is the mean of p(x|z), or a draw from it with all its pixel noise."
        )

    spec: Spec
    charts = CHARTS
    accepts = frozenset({"points", "vectors", "images", "binary", "continuous", "levels"})

    def __init__(self, spec: Spec, card: DataCard) -> None:
        super().__init__(spec, card)
        if (why := _cannot(spec, card)) is not None:
            raise why
        self.learn_labels(spec.labels)
        self.latent_size = spec.latent
        told = self.classes
        size = posteriors.numbers(spec.posterior, spec.latent)
        self.encoder: nn.Module
        self.decoder: nn.Module
        self.plane: nn.Linear | None = None
        if spec.network == "conv":
            c, h, w = card.shape
            if told:
                self.plane = nn.Linear(told, h * w)  # a label as one more channel
            self.encoder = ConvEncoder((c + bool(told), h, w), spec.channels, size, spec.activation)
            self.decoder = ConvDecoder(spec.latent + told, spec.channels, card.shape, spec.activation)
        else:
            self.encoder = FlatEncoder((card.size + told,), spec.hidden, size, spec.activation)
            self.decoder = FlatDecoder(spec.latent + told, spec.hidden[::-1], card.shape, spec.activation)
        self.likelihood = make_likelihood(spec.likelihood, card, spec.sigma, spec.variance == "learned")
        self.codes = make_prior(spec.prior, spec.latent, spec.components, card, told)
        self.long_operations = spec.network == "conv"
        self.small = spec.network == "mlp" and sum(p.numel() for p in self.parameters()) < SMALL_PARAMETERS
        self.charts = objectives.charts(spec.objective)
        alone = spec.gradient != "score" or spec.draws > 1  # else the other examples say what a reward is worth
        self.splittable = spec.objective != "tc" and not spec.free_bits and alone
        self.at(0)

    # Training -------------------------------------------------------------------------------------------------------

    def stages(self) -> list[Stage]:
        """One stage, before which pseudo-inputs may be taken from the data."""
        start = [Stage("pseudo-inputs", fit=self._begin)] if isinstance(self.codes, VampPrior) else []
        return [*start, *super().stages()] if self.spec.pseudo_inputs == "data" else super().stages()

    def _begin(self, feed: Any) -> Iterator[Mapping[str, Tensor]]:
        """Take the first examples as pseudo-inputs; no step of training passes."""
        batches: list[Batch] = []
        while sum(len(batch.x) for batch in batches) < self.spec.components:
            batches.append(feed.next())
        x = torch.cat([batch.x for batch in batches])[: self.spec.components]
        y = None if not self.classes else torch.cat([batch.y for batch in batches if batch.y is not None])[: len(x)]
        assert isinstance(self.codes, VampPrior)
        self.codes.begin(x, y)
        yield from ()

    def at(self, step: int) -> None:
        """Set the weight of the KL term after so many finished steps."""
        self.finished = step

    @property
    def warmth(self) -> float:
        """The share of beta that the warm-up has reached."""
        return min(1.0, self.finished / self.spec.beta_warmup) if self.spec.beta_warmup else 1.0

    @property
    def weight(self) -> float:
        """What beta has grown to."""
        return self.spec.beta * self.warmth

    def loss(self, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """The negative objective with the present weight of the KL term."""
        return self._terms(batch, rng, self.warmth)

    def scores(self, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """As the loss, but with the final beta, so that validations during a warm-up can be compared."""
        return self._terms(batch, rng, 1.0)

    def _terms(self, batch: Batch, rng: torch.Generator, warmth: float) -> dict[str, Tensor]:
        spec, x, share = self.spec, batch.x, self._shares(self.met(batch.y))
        guess = self._guess(x, share)
        z = guess.draw(rng, spec.draws)
        z = z.detach() if spec.gradient == "score" else z
        draws = Draws(guess, self.codes.density(self._guess), z, self._log_likelihood(x, z, share))
        if spec.objective == "iwae":
            total = negative_iwae(draws, warmth * spec.beta, spec.gradient)
        elif spec.objective == "tc":
            total = negative_elbo(draws, warmth, warmth * (spec.beta - 1.0), spec.free_bits, spec.gradient)
        else:
            total = negative_elbo(draws, warmth * spec.beta, 0.0, spec.free_bits, spec.gradient)
        return {"total": total, **objectives.report(draws, spec.objective)}

    # The parts together ---------------------------------------------------------------------------------------------

    def posterior(self, x: Tensor, y: Tensor | None = None) -> Gaussians:
        """q(z|x), or q(z|x, y) with the likeliest label where a model of labels is given none: n Gaussians."""
        return self._guess(x, self._shares(self._told(x, y)))

    def log_weights(self, x: Tensor, z: Tensor, guess: Gaussians, y: Tensor | None = None) -> Tensor:
        """ln p(x|z) + ln p(z) - ln q(z|x) for codes z (k, n, latent_size) of examples x (n, ...): (k, n)."""
        prior = self.codes.density(self._guess)
        return Draws(guess, prior, z, self._log_likelihood(x, z, self._shares(y))).log_weights()

    def _guess(self, x: Tensor, share: Tensor | None) -> Gaussians:
        """q(z|x, y) for examples x (n, ...) and shares of each label (n, classes), all on the right one, or None."""
        if self.plane is not None:
            assert share is not None
            x = torch.cat([x, self.plane(share).unflatten(-1, (1, *x.shape[2:]))], 1)
        elif share is not None:
            x = torch.cat([x.flatten(1), share], 1)
        return posteriors.read(self.spec.posterior, self.encoder(x), self.latent_size)

    def _decoded(self, z: Tensor, share: Tensor | None) -> Tensor:
        """The decoder's output for codes z (..., n, k) and shares (n, classes): (..., n, *card.shape)."""
        if share is not None:
            z = torch.cat([z, share.expand(*z.shape[:-1], -1)], -1)
        h: Tensor = self.decoder(z.flatten(0, -2)).unflatten(0, z.shape[:-1])
        return h

    def _log_likelihood(self, x: Tensor, z: Tensor, share: Tensor | None) -> Tensor:
        return self.likelihood.log_prob(x, self._decoded(z, share))

    def _told(self, x: Tensor, y: Tensor | None) -> Tensor | None:
        """The labels that are given, or the likeliest ones where a model of labels is given none."""
        return self.likeliest(x) if self.classes and y is None else y

    def _shares(self, y: Tensor | None) -> Tensor | None:
        """Labels (n,) as one-hot rows (n, classes) for a model of labels; one of none ignores them."""
        if y is None or not self.classes:
            return None
        shares: Tensor = nn.functional.one_hot(y, self.classes).to(next(self.parameters()))
        return shares

    # Capabilities ---------------------------------------------------------------------------------------------------

    def offers(self) -> frozenset[str]:
        """No density where the likelihood is none for such data, such as a cross-entropy on grey values; no classes
        where it is none or no labels were learned."""
        lacking = set() if self.likelihood.is_density else {Density.word, Classes.word}
        return super().offers() - (lacking if self.classes else lacking | {Classes.word})

    def prior(self, n: int, rng: torch.Generator) -> Tensor:
        """Codes from p(z): (n, latent_size)."""
        return self.codes.density(self._guess).draw(n, rng)

    def sample(self, n: int, rng: torch.Generator, y: Tensor | None = None) -> Tensor:
        """Decode codes from the prior, with labels y, or from p(y) if the model knows some.

        Points and vectors are drawn from p(x|z), pictures as `pictures` says.
        """
        share = self._shares(self.some_labels(n, rng, y))
        h = self._decoded(self.prior(n, rng), share)
        if self.card.kind == "images" and self.spec.pictures == "mean":
            return self.likelihood.mean(h)
        return self.likelihood.draw(h, rng)

    def decode(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """E[x|z, y], or E[x|z], its mean over p(y), for codes (n, latent_size): (n, *card.shape)."""
        self.check_labels(y)
        if not self.classes or y is not None:
            return self.likelihood.mean(self._decoded(z, self._shares(y)))
        means = torch.stack([self.decode(z, label) for label in self.each_label(z)], -1)
        return means @ self.class_log_prior().exp().to(means)

    def encode(self, x: Tensor, y: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation of the posterior's numbers, each (n, latent_size); for y see `posterior`."""
        guess = self.posterior(x, y)
        return guess.mu, guess.std

    def covariance(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        """Covariance of the posterior, (n, latent_size, latent_size)."""
        return self.posterior(x, y).covariance

    def log_prior(self, z: Tensor) -> Tensor:
        """ln p(z) of codes (n, latent_size): (n,) in nats."""
        return self.codes.density(self._guess).log_prob(z)

    def use(self, mu: Tensor, std: Tensor) -> Tensor:
        """The mean KL to N(0, 1); with a learned prior, which has no fixed scale, the nats 1/2 ln(1 + signal / noise)
        that a Gaussian channel of such means and widths carries: (k,)."""
        if self.spec.prior == "normal":
            return super().use(mu, std)
        return 0.5 * (mu.var(0, unbiased=False) / std.square().mean(0)).log1p()

    def reconstruct(self, x: Tensor, rng: torch.Generator, y: Tensor | None = None) -> Tensor:
        """Decode the mean code of x, as the label that is given or the likeliest one."""
        share = self._shares(self._told(x, y))
        return self.likelihood.mean(self._decoded(self._guess(x, share).mu, share))

    def width(self) -> int:
        """Numbers in the widest layer for one code."""
        spec = self.spec
        held = 1 if spec.prior == "normal" else spec.components * spec.latent
        if spec.network == "conv":
            return max(held, self.card.size * max(1, spec.channels[0] // self.card.shape[0]))
        return max(held, self.card.size, *spec.hidden)


def _cannot(spec: VAE.Spec, card: DataCard) -> SpecError | None:
    """Why choices do not go together with each other or with such data, if they do not."""
    if spec.network == "conv" and (card.kind != "images" or min(card.shape[1:]) < 8):
        found = f"'conv' but {card.title} has examples of shape {card.shape}"
        return SpecError("model.network", f"model.network is {found}; it needs pictures of 8x8 or more: choose 'mlp'")
    if spec.network == "conv" and not spec.channels:
        return SpecError("model.channels", "model.channels is empty; expected one number a stage, such as [32, 64]")
    if spec.gradient == "doubly_reparameterised" and spec.objective != "iwae":
        words = f"model.gradient is 'doubly_reparameterised' but model.objective is '{spec.objective}'"
        return SpecError("model.gradient", f"{words}; it is one of the IWAE bound: choose 'iwae' or another gradient")
    if spec.gradient == "score" and spec.objective == "tc":
        words = "model.gradient is 'score' but model.objective is 'tc', which needs draws that let gradients through"
        return SpecError("model.gradient", f"{words}: choose 'reparameterisation', or 'elbo'")
    if spec.free_bits and (spec.objective == "iwae" or spec.prior != "normal"):
        words = f"model.free_bits is {spec.free_bits:g} with objective '{spec.objective}' and prior '{spec.prior}'"
        return SpecError("model.free_bits", f"{words}; they need a KL in closed form: set 0, or 'elbo' and 'normal'")
    return None
