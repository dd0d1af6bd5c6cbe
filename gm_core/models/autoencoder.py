"""Autoencoders: a narrow or a disturbed passage from the example to itself makes the model find what matters.

    h = f(x)    r = g(h)    total = E |x - r|^2  or  E cross-entropy(x, r)                           (plain)

    x' ~ C(x' | x), r = g(f(x')), still held against x     Vincent et al. 2008 and 2010            (denoising)
    ... + lambda E ||df/dx||_F^2                           Rifai et al. 2011, eq. 5                (contractive)
    ... + decay sum W^2                                    the "AE + wd" that they compare with
    decoder weights = transposed encoder weights           `tied`, as in all three papers

What combines freely in the spec here are different models in the papers: a contractive autoencoder that also denoises
is as good as any. For one layer of sigmoids the Jacobian is a closed form (Rifai eq. 7), for anything deeper it is
computed by exact differentiation, not estimated.

An autoencoder has no prior and so cannot be sampled from. What `prior` and `sample` draw from is fitted afterwards to
the codes of the training examples, one Gaussian with full covariance: the "ex-post density" of Ghosh et al. 2020
(arXiv:1903.12436, section 4). Mean and covariance are kept while the model trains, over the last hundred steps or so.

Our departures: Adam on mini-batches, nothing stacked layer by layer, no fine-tuning by labels.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Literal

import torch
from torch import Tensor, nn

from gm_core.capabilities.denoises import CorruptionName, Denoises
from gm_core.capabilities.encodes import Encodes
from gm_core.capabilities.latent import Latent
from gm_core.capabilities.reconstruct import Reconstructs
from gm_core.capabilities.samples import Samples
from gm_core.maths import bernoulli, gaussian, jacobian, moments
from gm_core.maths.corruption import CORRUPTIONS
from gm_core.model import Batch, GenerativeModel, ModelSpec, Phase, Stage, model
from gm_core.nn.conv import ConvDecoder, ConvEncoder, conv_fault
from gm_core.nn.mlp import Activation, FlatDecoder, FlatEncoder, activation
from gm_core.nn.tied import TiedDecoder
from gm_core.parts.filters import LayerFilters
from gm_core.protocol.cards import Chart, DataCard
from gm_core.spec import SpecError, param

MEMORY = 0.01
"""The weight of the newest batch in the moments of the codes, once a hundred batches were met."""
EASE = 1e-6
"""The least variance of the codes in any direction, as a part of the largest, so that dead axes do no harm."""
DECODED_AT_ONCE = 512
"""Codes decoded to see which axes matter."""
SMALL_PARAMETERS = 100_000
CODE_RANGE = {"linear": (-math.inf, math.inf), "sigmoid": (0.0, 1.0), "tanh": (-1.0, 1.0), "relu": (0.0, math.inf)}


@model("autoencoder", title="Autoencoder", paper="Vincent et al. 2010, JMLR 11; Rifai et al. 2011, ICML")
class Autoencoder(GenerativeModel, Samples, Reconstructs, Latent, Encodes, LayerFilters, Denoises):
    """Learns to give back what it is shown, through a bottleneck, through noise, or with a code that resists change."""

    class Spec(ModelSpec):
        """What can be chosen of an autoencoder."""

        latent: int = param(16, "Numbers in one code.", lo=1, hi=2048, log=True)
        network: Literal["mlp", "conv"] = param("mlp", "Fully connected layers, or convolutions for pictures.")
        hidden: tuple[int, ...] = param(
            (256,), "Widths of the layers before the code (mlp); none: one layer each way.", lo=1, hi=4096
        )
        channels: tuple[int, ...] = param((32, 64), "Channels of the stages, each half as large (conv).", lo=1, hi=1024)
        activation: Activation = param("relu", "The bend between two layers.")
        code: Literal["linear", "sigmoid", "tanh", "relu"] = param("linear", "The bend of the code itself.")
        tied: bool = param(False, "Decode with the encoder's weights, transposed (mlp): half the parameters.")
        error: Literal["auto", "squared", "cross_entropy"] = param(
            "auto",
            "How a reconstruction is held against the example; auto takes the cross-entropy for binary data and for "
            "pictures in 0..1, else the squared error.",
        )
        corruption: Literal["none", "gaussian", "masking", "salt_and_pepper"] = param(
            "none", "How examples are spoilt before they are encoded; the clean ones must come back."
        )
        amount: float = param(
            0.3,
            "Standard deviation of the Gaussian noise (of pictures: as a part of their range), or the part of the "
            "numbers that is spoilt.",
            lo=0.0,
            hi=1.0,
            live=True,
        )
        contraction: float = param(
            0.0,
            "Weight of the squared Jacobian of the code: how stubbornly codes resist change. Nearly free for one layer "
            "of sigmoids, several times a step's price for deeper ones, and dear for convolutions.",
            lo=0,
            hi=100,
            live=True,
        )
        decay: float = param(0.0, "Weight of the sum of all squared weights; biases are free.", lo=0, hi=1, live=True)

    spec: Spec
    charts: tuple[Chart, ...] = (
        Chart(
            "reconstruction",
            "Reconstruction",
            tip="What comes back held against what was shown before it was spoilt; for grey values a cross-entropy "
            "has a floor above 0.",
        ),
        Chart(
            "jacobian",
            "Jacobian of the code",
            unit="squared norm",
            tip="||df/dx||^2, the mean over examples: how strongly codes answer to small changes.",
        ),
        Chart("weights", "Squared weights", unit="sum", tip="The sum of all squared weights."),
    )
    accepts = frozenset({"points", "vectors", "images", "binary", "continuous", "levels"})
    seen: Tensor
    code_mean: Tensor
    code_covariance: Tensor

    def __init__(self, spec: Spec, card: DataCard) -> None:
        super().__init__(spec, card)
        if (why := _cannot(spec, card)) is not None:
            raise why
        coins = card.values == "binary" or (card.kind == "images" and card.range == (0.0, 1.0) and not card.dequantised)
        self.coins = spec.error == "cross_entropy" or (spec.error == "auto" and coins)
        self.latent_size = spec.latent
        self.encoder: nn.Module
        self.decoder: nn.Module
        if spec.network == "conv":
            self.encoder = ConvEncoder(card.shape, spec.channels, spec.latent, spec.activation)
            self.decoder = ConvDecoder(spec.latent, spec.channels, card.shape, spec.activation)
        else:
            self.encoder = FlatEncoder(card.shape, spec.hidden, spec.latent, spec.activation)
            if spec.tied:
                self.decoder = TiedDecoder(self.encoder.net, card.shape, spec.activation)
            else:
                self.decoder = FlatDecoder(spec.latent, spec.hidden[::-1], card.shape, spec.activation)
        self.bend = nn.Identity() if spec.code == "linear" else activation(spec.code)
        self.register_buffer("seen", torch.zeros(()))
        self.register_buffer("code_mean", torch.zeros(spec.latent))
        self.register_buffer("code_covariance", torch.eye(spec.latent))
        self._codes: list[Tensor] = []
        self.long_operations = spec.network == "conv"
        self.small = spec.network == "mlp" and sum(p.numel() for p in self.parameters()) < SMALL_PARAMETERS
        self.charts = self._charts(spec)

    def _charts(self, spec: Spec) -> tuple[Chart, ...]:
        """The terms that the loss has with the spec at birth: a Jacobian that nobody asked for costs too much."""
        error, slope, weights = Autoencoder.charts
        error = error if self.coins else replace(error, unit="squared error per example")
        return (error, *((slope,) if spec.contraction > 0 else ()), *((weights,) if spec.decay > 0 else ()))

    # Training -------------------------------------------------------------------------------------------------------

    def stages(self) -> list[Stage]:
        """One stage; after each step the codes of its batch are added to the moments."""
        return [Stage("train", [Phase("model", list(self.parameters()), self.loss, after=self.remember)])]

    def at(self, step: int) -> None:
        """Forget the codes of a step that was never taken."""
        self._codes.clear()

    def loss(self, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """The error of what comes back, and the penalties of the spec."""
        x, spec = batch.x, self.spec
        h = self.codes(self.spoil(x, rng))
        reconstruction = self.errors(x, self.outputs(h)).mean()
        total, terms = reconstruction, {"reconstruction": reconstruction.detach()}
        clean = h if spec.corruption == "none" else None
        reported = {chart.name for chart in self.charts}
        if spec.contraction > 0 or "jacobian" in reported:
            slope = self.slopes(x, clean).mean()
            total, terms = total + spec.contraction * slope, {**terms, "jacobian": slope.detach()}
        if spec.decay > 0 or "weights" in reported:
            weights = torch.stack([p.square().sum() for p in self.parameters() if p.ndim > 1]).sum()
            total, terms = total + spec.decay * weights, {**terms, "weights": weights.detach()}
        if self.training:
            with torch.no_grad():
                self._codes.append((self.codes(x) if clean is None else clean).detach().float())
        return {"total": total, **{name: value for name, value in terms.items() if name in reported}}

    def spoil(self, x: Tensor, rng: torch.Generator) -> Tensor:
        """x' ~ C(x' | x), the corruption of the spec; x itself where there is none."""
        kind = self.spec.corruption
        return x if kind == "none" else CORRUPTIONS[kind](x, self.spec.amount, self.card, rng)

    def codes(self, x: Tensor) -> Tensor:
        """h = f(x): (n, latent_size)."""
        h: Tensor = self.bend(self.encoder(x))
        return h

    def outputs(self, h: Tensor) -> Tensor:
        """What the decoder says before it is brought to the card's range: (n, *card.shape)."""
        if isinstance(self.decoder, TiedDecoder):
            assert isinstance(self.encoder, FlatEncoder)
            return self.decoder(h, self.encoder.net)  # type: ignore[no-any-return]
        out: Tensor = self.decoder(h)
        return out

    def errors(self, x: Tensor, out: Tensor) -> Tensor:
        """Squared error or cross-entropy of each example, summed over its numbers: (n,)."""
        if not self.coins:
            return (x - self._in_range(out)).flatten(1).square().sum(1)
        lo, hi = self.card.range
        unit = x if (lo, hi) == (0.0, 1.0) else (x - lo) / (hi - lo)
        return -bernoulli.log_prob(unit, out).flatten(1).sum(1)

    def slopes(self, x: Tensor, h: Tensor | None = None) -> Tensor:
        """||df/dx||_F^2 at each example, exactly: (n,). `h` spares the closed form to encode x again."""
        if self.spec.network == "mlp" and not self.spec.hidden and self.spec.code == "sigmoid":
            assert isinstance(self.encoder, FlatEncoder)
            last = self.encoder.net[-1]
            assert isinstance(last, nn.Linear)
            return jacobian.squared_norm_of_sigmoid_layer(self.codes(x) if h is None else h, last.weight)
        return jacobian.squared_norm(self.codes, x)

    def remember(self, rng: torch.Generator) -> None:
        """Add the codes of the step just taken to their running mean and covariance; draws nothing."""
        if not self._codes:
            return
        met = torch.cat(self._codes)
        self._codes.clear()
        self.seen += 1
        share = (1.0 / self.seen).clamp(min=MEMORY)
        mean, covariance = moments.merge(self.code_mean, self.code_covariance, *moments.mean_and_covariance(met), share)
        self.code_mean.copy_(mean)
        self.code_covariance.copy_(covariance)

    # Capabilities ---------------------------------------------------------------------------------------------------

    def prior(self, n: int, rng: torch.Generator) -> Tensor:
        """Codes from the Gaussian that was fitted to those of the training examples, held in the code's range.

        N(0, I) before the first step. Shape (n, latent_size).
        """
        values, axes = self._spread()
        eps = gaussian.noise_like(self.code_mean, rng, (n, self.latent_size))
        z: Tensor = self.code_mean + eps @ (axes * values.sqrt()).T
        return z.clamp(*CODE_RANGE[self.spec.code])

    def log_prior(self, z: Tensor) -> Tensor:
        """ln N(z; mean, covariance) of the codes met in training, (n,) in nats; their range plays no part."""
        values, axes = self._spread()
        along = (z - self.code_mean) @ axes
        return gaussian.log_prob(along, torch.zeros_like(along), values.log()).sum(1)

    def _spread(self) -> tuple[Tensor, Tensor]:
        """Variances (k,) and axes (k, k) of the codes' covariance, on which more codes than causes leave no width."""
        covariance = self.code_covariance
        covariance = covariance.to("cpu") if covariance.device.type == "mps" else covariance  # no eigenvalues there
        values, axes = torch.linalg.eigh(covariance.double())
        values = values.clamp(min=EASE * values[-1] + 1e-12)
        return values.to(self.code_mean), axes.to(self.code_mean)

    def sample(self, n: int, rng: torch.Generator, y: Tensor | None = None) -> Tensor:
        """Decode codes from `prior`."""
        return self.decode(self.prior(n, rng), y)

    def decode(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """g(z) for codes (n, latent_size): (n, *card.shape) in the card's range."""
        if y is not None:
            raise SpecError("y", "y is given but an autoencoder learns no classes; leave y out")
        return self._in_range(self.outputs(z))

    def _in_range(self, out: Tensor) -> Tensor:
        """Pictures and coins by a sigmoid that is stretched to the card's range; other numbers as they are."""
        if not self.coins and self.card.kind != "images":
            return out
        lo, hi = self.card.range
        return out.sigmoid() * (hi - lo) + lo

    def encode(self, x: Tensor, y: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The code of x and a standard deviation of 0, each (n, latent_size): an autoencoder is sure of every code."""
        h = self.codes(x)
        return h, torch.zeros_like(h)

    def use(self, mu: Tensor, std: Tensor) -> Tensor:
        """How much each axis changes what is decoded, (k,): the mean squared change of an example for one step.

        A step is the standard deviation of the codes along the axis, half of it to either side. The variance of the
        codes themselves would say nothing, because the decoder may shrink one axis and stretch another.
        """
        k = self.latent_size
        some = mu[: max(1, DECODED_AT_ONCE // (2 * k))]
        steps = torch.diag(0.5 * mu.std(0, correction=0))
        ends = [self.decode((some[:, None] + sign * steps).flatten(0, 1)) for sign in (1.0, -1.0)]
        return (ends[0] - ends[1]).flatten(1).square().sum(1).reshape(len(some), k).mean(0)

    def reconstruct(self, x: Tensor, rng: torch.Generator, y: Tensor | None = None) -> Tensor:
        """g(f(x)), of x as it is: nothing is spoilt."""
        return self.decode(self.codes(x))

    def denoise(self, x: Tensor, sigma: float | None = None, y: Tensor | None = None) -> Tensor:
        """g(f(x)); only as good as the corruption that it was trained on, whatever sigma is."""
        return self.decode(self.codes(x))

    def atoms(self) -> Tensor | None:
        """What the units of the last hidden layer draw; tied weights draw what the first layer looks for."""
        return self.filters() if self.spec.tied else super().atoms()

    def undoes(self) -> tuple[CorruptionName | Literal["none"], float]:
        """The corruption of the spec as it is now."""
        kind = self.spec.corruption
        return (kind, self.spec.amount) if kind != "none" else ("none", 0.0)


def _cannot(spec: Autoencoder.Spec, card: DataCard) -> SpecError | None:
    """Why a spec and a card do not go together, if they do not."""
    fault = conv_fault(card, spec.channels) if spec.network == "conv" else None
    if fault is not None:
        return fault
    if spec.network == "conv" and spec.tied:
        wanted = "only an 'mlp' can share its weights: choose one of both"
        return SpecError("model.tied", f"model.tied is true but model.network is 'conv'; {wanted}")
    if spec.error == "cross_entropy" and card.kind != "images" and card.values != "binary":
        found = f"'cross_entropy' but the numbers of {card.title} are {card.values}"
        return SpecError("model.error", f"model.error is {found}; it needs binary data or pictures: choose 'squared'")
    return None
