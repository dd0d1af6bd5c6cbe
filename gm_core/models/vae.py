"""The variational autoencoder: an encoder guesses the code behind an example, a decoder turns codes into examples.

    p(z) = N(0, I)        p(x|z) = likelihood(decoder(z))        q(z|x) = N(mu(x), diag sigma(x)^2)

    ln p(x) >= ELBO(x) = E_q [ln p(x|z)] - KL(q(z|x) || p(z))                              (eq. 3)
    z = mu + sigma * eps, eps ~ N(0, I), so that gradients reach mu and sigma              (eq. 10, one draw)
    KL = 1/2 sum_j (mu_j^2 + sigma_j^2 - 1 - ln sigma_j^2)                                 (appendix B)

Kingma & Welling 2013, "Auto-Encoding Variational Bayes", arXiv:1312.6114. What is minimised is

    total = -E_q [ln p(x|z)] + beta * KL                                                   (Higgins et al. 2017, eq. 4)

with a beta that may warm up from 0; the curve named ELBO always has beta = 1, or it would be no bound.

Our departures: tanh became ReLU and Adagrad became Adam; no prior on the weights; the learned variance of the Gaussian
is one number, not one for each pixel; `log_prob` is the bound with many draws of Burda et al. 2015 (arXiv:1509.00519).
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from gm_core.capabilities import Density, Encodes, Latent, Reconstructs, Samples
from gm_core.maths import gaussian
from gm_core.maths.estimators import importance_bound
from gm_core.model import Batch, GenerativeModel, ModelSpec, model
from gm_core.nn.conv import ConvDecoder, ConvEncoder
from gm_core.nn.mlp import Activation, FlatDecoder, FlatEncoder
from gm_core.parts.likelihoods import LikelihoodName, make_likelihood
from gm_core.protocol.cards import Chart, DataCard
from gm_core.spec import SpecError, param

BOUND_DRAWS = 100
"""Draws for each example in `log_prob` unless the caller says otherwise."""
NUMBERS_AT_ONCE = 2**22
"""Activations held at once while a bound is computed: 16 MiB of float32 in the widest layer."""
SMALL_PARAMETERS = 100_000


@model("vae", title="Variational autoencoder", paper="Kingma & Welling 2013, arXiv:1312.6114")
class VAE(GenerativeModel, Samples, Reconstructs, Latent, Encodes, Density):
    """Compresses examples into a few numbers with a known distribution, and so can make new ones from such numbers."""

    class Spec(ModelSpec):
        """What can be chosen of a VAE."""

        latent: int = param(20, "Numbers in one code; with 2 the whole latent space fits on a map.", lo=2, hi=128)
        network: Literal["mlp", "conv"] = param("mlp", "Fully connected layers, or convolutions for pictures.")
        hidden: tuple[int, ...] = param((400,), "Widths of the hidden layers (mlp); none: linear.", lo=1, hi=4096)
        channels: tuple[int, ...] = param((32, 64), "Channels of the stages, each half as large (conv).", lo=1, hi=1024)
        activation: Activation = param("relu", "The bend between two layers.")
        likelihood: LikelihoodName = param(
            "auto",
            "What a decoded number means: a coin's probability (a cross-entropy for grey values), or the middle of a "
            "Gaussian; auto takes coins for binary data and for pictures in 0..1.",
        )
        variance: Literal["fixed", "learned"] = param("learned", "Whether the Gaussian's width is learned (gaussian).")
        sigma: float = param(0.5, "The Gaussian's width, or where it starts to learn.", lo=0.001, hi=10.0, log=True)
        beta: float = param(1.0, "Weight of the KL; more: simpler codes, blurrier pictures.", lo=0, hi=20, live=True)
        beta_warmup: int = param(0, "Steps over which beta grows from 0.", lo=0, hi=1_000_000, unit="steps")
        pictures: Literal["mean", "draw"] = param(
            "mean", "Whether a sampled picture is the mean of p(x|z), or a draw from it with all its pixel noise."
        )

    spec: Spec
    charts = (
        Chart(
            "reconstruction",
            "Reconstruction",
            tip="-E_q ln p(x|z): what an example costs once its code is known; a cross-entropy for grey values.",
        ),
        Chart("kl", "KL", better="neither", tip="KL(q(z|x) || p(z)): how much the codes say about the examples."),
        Chart(
            "elbo",
            "ELBO",
            better="higher",
            tip="Evidence lower bound, always with beta = 1: below ln p(x) on average, where the likelihood is one.",
        ),
        Chart(
            "kl_dimensions",
            "KL of each dimension",
            better="neither",
            vector=True,
            tip="How much each number of the code says; one near 0 is not used.",
        ),
    )
    accepts = frozenset({"points", "vectors", "images", "binary", "continuous", "levels"})
    density_kind = "bound"

    def __init__(self, spec: Spec, card: DataCard) -> None:
        super().__init__(spec, card)
        why = _cannot(spec, card)
        if why is not None:
            raise why
        self.latent_size = spec.latent
        self.encoder: nn.Module
        self.decoder: nn.Module
        if spec.network == "conv":
            self.encoder = ConvEncoder(card.shape, spec.channels, 2 * spec.latent, spec.activation)
            self.decoder = ConvDecoder(spec.latent, spec.channels, card.shape, spec.activation)
        else:
            self.encoder = FlatEncoder(card.shape, spec.hidden, 2 * spec.latent, spec.activation)
            self.decoder = FlatDecoder(spec.latent, spec.hidden[::-1], card.shape, spec.activation)
        self.likelihood = make_likelihood(spec.likelihood, card, spec.sigma, spec.variance == "learned")
        self.small = spec.network == "mlp" and sum(p.numel() for p in self.parameters()) < SMALL_PARAMETERS
        self.at(0)

    # Training -------------------------------------------------------------------------------------------------------

    def at(self, step: int) -> None:
        """Set the weight of the KL term after so many finished steps."""
        self.finished = step
        warmth = min(1.0, step / self.spec.beta_warmup) if self.spec.beta_warmup else 1.0
        self.weight = self.spec.beta * warmth

    def edit(self, spec: ModelSpec) -> None:
        """Take a new beta at once."""
        super().edit(spec)
        self.at(self.finished)

    def loss(self, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """The negative ELBO with the present weight of the KL term, from one draw of z for each example."""
        return self._terms(batch.x, rng, self.weight)

    def scores(self, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """As the loss, but with the final beta, so that validations during a warm-up can be compared."""
        return self._terms(batch.x, rng, self.spec.beta)

    def _terms(self, x: Tensor, rng: torch.Generator, weight: float) -> dict[str, Tensor]:
        mu, logvar = self.posterior(x)
        z = gaussian.draw(mu, logvar, rng)
        reconstruction = -self.likelihood.log_prob(x, self.decoder(z)).mean()
        kl_dimensions = gaussian.kl_standard(mu, logvar).mean(0)
        kl = kl_dimensions.sum()
        return {
            "total": reconstruction + weight * kl,
            "reconstruction": reconstruction.detach(),
            "kl": kl.detach(),
            "elbo": -(reconstruction + kl).detach(),
            "kl_dimensions": kl_dimensions.detach(),
        }

    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log variance of q(z|x), each (n, latent_size)."""
        mu, logvar = self.encoder(x).chunk(2, -1)
        return mu, logvar

    # Capabilities ---------------------------------------------------------------------------------------------------

    def offers(self) -> frozenset[str]:
        """No density where the likelihood is none for such data, such as a cross-entropy on grey values."""
        offered = super().offers()
        return offered if self.likelihood.is_density else offered - {Density.word}

    def prior(self, n: int, rng: torch.Generator) -> Tensor:
        """Codes from N(0, I): (n, latent_size)."""
        return gaussian.noise_like(next(self.parameters()), rng, (n, self.latent_size))

    def sample(self, n: int, rng: torch.Generator, y: Tensor | None = None) -> Tensor:
        """Decode codes from the prior; points and vectors are drawn from p(x|z), pictures as `pictures` says."""
        _refuse(y)
        h = self.decoder(self.prior(n, rng))
        if self.card.kind == "images" and self.spec.pictures == "mean":
            return self.likelihood.mean(h)
        return self.likelihood.draw(h, rng)

    def decode(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """E[x|z] for codes (n, latent_size): (n, *card.shape) in the card's range."""
        _refuse(y)
        return self.likelihood.mean(self.decoder(z))

    def encode(self, x: Tensor, y: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation of q(z|x), each (n, latent_size); labels of the examples do not matter."""
        mu, logvar = self.posterior(x)
        return mu, (0.5 * logvar).exp()

    def reconstruct(self, x: Tensor, rng: torch.Generator, y: Tensor | None = None) -> Tensor:
        """Decode the mean code of x; labels of the examples do not matter."""
        return self.decode(self.posterior(x)[0])

    def log_prob(self, x: Tensor, rng: torch.Generator, y: Tensor | None = None, samples: int = 0) -> Tensor:
        """Importance-weighted bound on ln p(x) (Burda et al. 2015, eq. 8), (n,) in nats; labels do not matter.

        `samples` draws of z for each example (BOUND_DRAWS unless given), in portions that fit NUMBERS_AT_ONCE. With one
        draw it is an estimate of the ELBO; more draws come closer to ln p(x), from below on average.
        """
        draws = samples or BOUND_DRAWS
        rows = max(1, NUMBERS_AT_ONCE // self._width())
        return torch.cat([self._bound(part, draws, rows, rng) for part in x.split(rows)])

    def _bound(self, x: Tensor, draws: int, rows: int, rng: torch.Generator) -> Tensor:
        mu, logvar = self.posterior(x)
        portion = max(1, rows // max(len(x), 1))
        weights = []
        for start in range(0, draws, portion):
            z = gaussian.draw(mu, logvar, rng, min(portion, draws - start))
            weights.append(self.log_weights(x, z, mu, logvar))
        return importance_bound(torch.cat(weights))

    def _width(self) -> int:
        """Numbers in the widest layer for one code."""
        if self.spec.network == "conv":
            return self.card.size * max(1, self.spec.channels[0] // self.card.shape[0])
        return max(self.card.size, *self.spec.hidden, 1)

    def log_weights(self, x: Tensor, z: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
        """ln p(x|z) + ln p(z) - ln q(z|x) for codes z (k, n, latent_size) of examples x (n, ...): (k, n)."""
        h = self.decoder(z.flatten(0, 1)).unflatten(0, z.shape[:2])
        prior = gaussian.log_prob_standard(z).sum(-1)
        guess = gaussian.log_prob(z, mu, logvar).sum(-1)
        return self.likelihood.log_prob(x, h) + prior - guess


def _cannot(spec: VAE.Spec, card: DataCard) -> SpecError | None:
    """Why a spec and a card do not go together, if they do not."""
    if spec.network == "conv" and (card.kind != "images" or min(card.shape[1:]) < 8):
        found = f"'conv' but {card.title} has examples of shape {card.shape}"
        return SpecError("model.network", f"model.network is {found}; it needs pictures of 8x8 or more: choose 'mlp'")
    if spec.network == "conv" and not spec.channels:
        return SpecError("model.channels", "model.channels is empty; expected one number a stage, such as [32, 64]")
    if spec.likelihood == "bernoulli" and card.kind != "images" and card.values != "binary":
        found = f"'bernoulli' but the numbers of {card.title} are {card.values}"
        wanted = "coins need binary data or pictures: choose 'gaussian' or 'auto'"
        return SpecError("model.likelihood", f"model.likelihood is {found}; {wanted}")
    return None


def _refuse(y: Tensor | None) -> None:
    if y is not None:
        raise SpecError("y", "y is given but this model learned no classes; leave y out, or train a model with classes")
