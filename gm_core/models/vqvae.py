"""The VQ-VAE: pictures are written as a grid of codes from a small book, and a second model learns which grids occur.

    z(x) = encoder(x), a grid of vectors;     k = nearest codes;     p(x | k) = likelihood(decoder(e_k))

    stage 1   total = -ln p(x | k) + beta sum |z - sg[e_k]|^2,  codes as moving averages of their vectors  (eq. 3, A.1)
              or    + sum |sg[z] - e_k|^2,  codes by gradient                                                   (eq. 3)
    stage 2   total = -ln p(k), with the codes held fast                                                      (sec. 3.3)

    ln p(x) = ln sum_k' p(x | k') p(k')  >=  ln p(x | k) + ln p(k)         one term of a sum of positive ones (sec. 3.2)

van den Oord, Vinyals & Kavukcuoglu 2017, "Neural discrete representation learning", arXiv:1711.00937. The prior over
codes is any autoregressive model of this program, built for a picture of one channel whose levels are the codes.

Our departures: distances are summed over the cells, as the reconstruction is over pixels; 3x3 convolutions on the way
down; codes that hardly any vector takes begin anew (Jukebox, arXiv:2005.00341); a likelihood of any kind.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from gm_core.capabilities.codebook import Codebook
from gm_core.capabilities.density import Density
from gm_core.capabilities.reconstruct import Reconstructs
from gm_core.capabilities.samples import Samples
from gm_core.model import Batch, GenerativeModel, ModelSpec, Phase, Stage, build, model
from gm_core.nn.codebook import Learning, Quantised, VectorQuantiser, perplexity
from gm_core.nn.conv import halvings
from gm_core.nn.grid import GridDecoder, GridEncoder
from gm_core.nn.mlp import Activation
from gm_core.parts.autoregressive import Autoregressive
from gm_core.parts.likelihoods import LikelihoodName, make_likelihood
from gm_core.protocol.cards import Chart, DataCard
from gm_core.spec import SpecError, param

PriorName = Literal["pixel_cnn", "gated_pixel_cnn", "pixel_transformer", "made", "nade", "markov", "independent"]
SMALLEST = 4
"""Pixels on a side below which there is nothing to divide into cells."""


@model("vqvae", title="VQ-VAE", paper="van den Oord, Vinyals & Kavukcuoglu 2017, arXiv:1711.00937")
class VQVAE(GenerativeModel, Samples, Reconstructs, Density, Codebook):
    """Writes pictures as grids of codes from a small book, then learns which grids of codes occur."""

    class Spec(ModelSpec):
        """What can be chosen of a VQ-VAE."""

        codes: int = param(64, "How many codes the book has.", lo=2, hi=512, log=True)
        dim: int = param(16, "Numbers in the vector behind one code.", lo=1, hi=256, log=True)
        channels: tuple[int, ...] = param(
            (32, 64), "Channels of the stages; each halves height and width, so two leave cells of 4x4 pixels.",
            lo=1, hi=1024,
        )  # fmt: skip
        residual: int = param(1, "Residual blocks in the encoder and in the decoder.", lo=0, hi=8)
        activation: Activation = param("relu", "The bend between two layers.")
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
        beta: float = param(0.25, "Commitment: how strongly vectors are pulled to their codes.", lo=0, hi=20, live=True)
        learning: Learning = param("averages", "Codes follow their vectors as moving averages, or by the gradient.")
        decay: float = param(0.99, "Memory of the moving averages, per step.", lo=0.0, hi=0.9999, live=True)
        restart: float = param(
            0.5,
            "Codes that cells take less often than so in a step, on average, begin anew at a vector of the batch; "
            "0: never.",
            lo=0.0, hi=100.0, live=True,
        )  # fmt: skip
        share: float = param(0.6, "Part of all steps in which codes are learned; then comes the prior.", lo=0.0, hi=1.0)
        prior: PriorName = param("pixel_cnn", "The model that learns which grids of codes occur.")
        prior_size: int = param(64, "Width of the prior's layers; a multiple of 4 is best.", lo=4, hi=512, log=True)
        prior_layers: int = param(3, "Layers of the prior.", lo=1, hi=12)
        labels: bool = param(False, "Learn a prior for each label, so that classes can be asked for.")
        temperature: float = param(
            1.0, "Below 1, drawing prefers probable codes.", lo=0.05, hi=5.0, log=True, live=True
        )
        pictures: Literal["mean", "draw"] = param(
            "mean", "Whether a sampled picture is the mean of p(x|codes), or a draw from it with all its pixel noise."
        )

    spec: Spec
    charts = (
        Chart(
            "reconstruction",
            "Reconstruction",
            tip="-ln p(x|codes): what an example costs once its codes are known; a cross-entropy for grey values.",
        ),
        Chart("prior", "Codes", tip="-ln p(codes): what the codes of an example cost under the prior (stage 2)."),
        Chart(
            "prior_bits", "Bits per code", unit="bits per code",
            tip="The same for each cell; of a prior that knows nothing, log2 of the book.",
        ),
        Chart(
            "commitment", "Commitment", unit="squared distance",
            tip="How far the vectors of an example are from their codes, squared and summed over its cells.",
        ),
        Chart(
            "perplexity", "Perplexity", unit="codes", better="higher",
            tip="exp of the entropy of code use in a batch: as many codes in equal use would be as hard to guess.",
        ),
        Chart("used", "Codes in use", unit="codes", better="higher", tip="Codes that occur at all in a batch."),
    )  # fmt: skip
    accepts = frozenset({"images", "binary", "continuous", "levels"})
    density_kind = "bound"
    small = False
    long_operations = True

    def __init__(self, spec: Spec, card: DataCard) -> None:
        super().__init__(spec, card)
        why = _cannot(spec, card)
        if why is not None:
            raise why
        self.codebook_size = spec.codes
        self.grid = halvings(card.shape[1], card.shape[2], len(spec.channels))[-1]
        self.encoder = GridEncoder(card.shape, spec.channels, spec.residual, spec.dim, spec.activation)
        self.quantiser = VectorQuantiser(spec.codes, spec.dim, spec.learning)
        self.decoder = GridDecoder(spec.dim, spec.channels, spec.residual, card.shape, spec.activation)
        self.likelihood = make_likelihood(spec.likelihood, card, spec.sigma, spec.variance == "learned")
        self.prior = make_prior(spec, code_card(spec.codes, self.grid, card))

    # Stage 1: codes -------------------------------------------------------------------------------------------------

    def stages(self) -> list[Stage]:
        """The codes first, then their prior, by whatever stages that model has."""
        parts = (self.encoder, self.quantiser, self.decoder, self.likelihood)
        parameters = [parameter for part in parts for parameter in part.parameters()]
        first = Stage("codes", [Phase("codes", parameters, self.loss, after=self.settle)], share=self.spec.share)
        rest = 1.0 - self.spec.share
        return [first, *(self._on_codes(stage, self.spec.share + rest * stage.share) for stage in self.prior.stages())]

    def loss(self, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """The loss of the first stage: reconstruction, commitment, and the pull on codes that follow a gradient."""
        found = self.quantise(batch.x)
        terms = self._code_terms(batch.x, found)
        total = terms["reconstruction"] + self.spec.beta * terms["commitment"] + found.pull.sum((1, 2)).mean()
        return {"total": total, **{name: term.detach() for name, term in terms.items()}}

    def _code_terms(self, x: Tensor, found: Quantised) -> dict[str, Tensor]:
        spread, used = perplexity(found.codes, self.codebook_size)
        h = self.decoder(found.q.movedim(-1, 1))
        return {
            "reconstruction": -self.likelihood.log_prob(x, h).mean(),
            "commitment": found.commitment.sum((1, 2)).mean(),
            "perplexity": spread,
            "used": used,
        }

    def quantise(self, x: Tensor) -> Quantised:
        """The codes of examples x (n, ...) with their vectors (n, h, w, d)."""
        return self.quantiser.quantise(self.encoder(x).movedim(1, -1))

    def settle(self, rng: torch.Generator) -> None:
        """After a step of the first stage: move the averages, restart idle codes."""
        self.quantiser.settle(self.spec.decay, self.spec.restart, rng)

    def at(self, step: int) -> None:
        """A new step begins; what was met in one that was given up is dropped."""
        self.quantiser.forget()
        self.prior.at(step)

    def edit(self, spec: ModelSpec) -> None:
        """Take live changes, and hand on those that the prior has."""
        super().edit(spec)
        self.prior.edit(type(self.prior).Spec.read(prior_settings(self.spec)))

    # Stage 2: their prior -------------------------------------------------------------------------------------------

    def _on_codes(self, stage: Stage, share: float) -> Stage:
        """A stage of the prior, fed with codes instead of pictures and reporting under our names."""
        phases = []
        for phase in stage.phases:
            name = "prior" if phase.name == "model" else f"prior_{phase.name}"
            phases.append(Phase(name, phase.parameters, self._loss_on_codes(phase), phase.repeat, phase.after))
        fit = None if stage.fit is None else lambda feed: self._fit_on_codes(stage, feed)
        return Stage("prior", phases, fit, share)

    def _loss_on_codes(self, phase: Phase) -> Any:
        def loss(batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
            return _named(phase.loss(self.as_codes(batch), rng))

        return loss

    def _fit_on_codes(self, stage: Stage, feed: Any) -> Iterator[Mapping[str, Tensor]]:
        assert stage.fit is not None
        for found in stage.fit(_CodeFeed(self, feed)):
            yield _named(dict(found))

    @torch.no_grad()
    def as_codes(self, batch: Batch) -> Batch:
        """A batch of pictures as a batch of their codes, as the prior takes them."""
        return Batch(self.as_examples(self.to_codes(batch.x)), batch.y, batch.index)

    def as_examples(self, codes: Tensor) -> Tensor:
        """Codes (n, h, w) as examples of the prior, float (n, 1, h, w)."""
        return codes.unsqueeze(1).to(self.quantiser.vectors.dtype)

    # Both -----------------------------------------------------------------------------------------------------------

    def scores(self, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """All charts in either stage; the total is reconstruction and codes together, the negative bound on ln p(x)."""
        found = self.quantise(batch.x)
        terms = self._code_terms(batch.x, found)
        told = self.prior.scores(Batch(self.as_examples(found.codes), batch.y, batch.index), rng)
        named = _named(told)
        return {**terms, **named, "total": terms["reconstruction"] + named["prior"]}

    def offers(self) -> frozenset[str]:
        """No density where the likelihood is none for such data, such as a cross-entropy on grey values."""
        offered = super().offers()
        return offered if self.likelihood.is_density else offered - {Density.word}

    def to_codes(self, x: Tensor) -> Tensor:
        """The nearest codes of the vectors of x: int64 (n, h, w)."""
        return self.quantiser.nearest(self.encoder(x).movedim(1, -1))

    def decode(self, codes: Tensor) -> Tensor:
        """What the decoder says of codes (n, h, w), as the likelihood takes it: (n, *card.shape)."""
        h: Tensor = self.decoder(self.quantiser.look_up(codes).movedim(-1, 1))
        return h

    def from_codes(self, codes: Tensor) -> Tensor:
        """E[x | codes] in the card's range."""
        return self.likelihood.mean(self.decode(codes))

    def reconstruct(self, x: Tensor, rng: torch.Generator, y: Tensor | None = None) -> Tensor:
        """What is drawn from the codes of x; labels do not matter."""
        return self.from_codes(self.to_codes(x))

    def codes_log_prob(self, codes: Tensor) -> Tensor:
        """ln p(codes) under the prior; of a prior with labels, their sum over labels."""
        unused = torch.Generator(codes.device)
        return self.prior.log_prob(self.as_examples(codes), unused)

    def draw_codes(self, n: int, rng: torch.Generator, y: Tensor | None = None) -> Tensor:
        """Codes from the prior, int64 (n, h, w)."""
        drawn: Tensor = self.prior.to_values(self.prior.sample(n, rng, y)).unflatten(1, self.grid)
        return drawn

    def sample(self, n: int, rng: torch.Generator, y: Tensor | None = None) -> Tensor:
        """Draw codes from the prior, then pictures from the codes, as `pictures` says."""
        codes = self.draw_codes(n, rng, y)
        return self.from_codes(codes) if self.spec.pictures == "mean" else self.likelihood.draw(self.decode(codes), rng)

    def log_prob(self, x: Tensor, rng: torch.Generator, y: Tensor | None = None, samples: int = 0) -> Tensor:
        """ln p(x|codes) + ln p(codes), a lower bound on ln p(x) that no draw changes: (n,) in nats."""
        codes = self.to_codes(x)
        return self.likelihood.log_prob(x, self.decode(codes)) + self.prior.log_prob(self.as_examples(codes), rng, y)


@dataclass(frozen=True)
class _CodeFeed:
    """A feed whose batches are written in codes, for priors that are fitted by exact passes."""

    of: VQVAE
    feed: Any

    def next(self) -> Batch:
        """The next batch of codes."""
        return self.of.as_codes(self.feed.next())


def code_card(size: int, grid: tuple[int, int], card: DataCard) -> DataCard:
    """What the prior learns: pictures of one channel whose levels are the codes."""
    values: Literal["binary", "levels"] = "binary" if size == 2 else "levels"
    words = f"Codes of {card.title}"
    return DataCard("codes", words, (1, *grid), values, (0.0, size - 1.0), levels=size, classes=card.classes)


def prior_settings(spec: VQVAE.Spec) -> dict[str, Any]:
    """The spec of the prior without its kind: width and layers under the names that it has for them."""
    size, layers = spec.prior_size, spec.prior_layers
    own: dict[str, dict[str, Any]] = {
        "pixel_cnn": {"channels": size, "layers": layers, "inputs": "one_hot"},
        "gated_pixel_cnn": {"channels": size, "layers": layers, "inputs": "one_hot"},
        "pixel_transformer": {"size": size, "layers": layers, "heads": 4 if size % 4 == 0 else 1},
        "made": {"hidden": [size] * layers},
        "nade": {"hidden": [size]},
    }
    return {"labels": spec.labels, "temperature": spec.temperature, **own.get(spec.prior, {})}


def make_prior(spec: VQVAE.Spec, card: DataCard) -> Autoregressive:
    """The model of codes that the spec names, by the registry; raises SpecError where it cannot learn such codes."""
    try:
        made = build({"kind": spec.prior, **prior_settings(spec)}, card, int(torch.randint(2**31 - 1, ())))
    except SpecError as error:
        if error.path == "model.labels":
            raise
        words = f"model.prior is {spec.prior!r}, which cannot learn these codes: {error}"
        raise SpecError("model.prior", words) from None
    assert isinstance(made, Autoregressive)
    return made


def _named(found: dict[str, Tensor]) -> dict[str, Tensor]:
    """What a prior reports, under the names of our charts."""
    return {"total": found["total"], "prior": found["total"].detach(), "prior_bits": found["bits"]}


def _cannot(spec: VQVAE.Spec, card: DataCard) -> SpecError | None:
    """Why a spec and a card do not go together, if they do not."""
    if not spec.channels:
        return SpecError("model.channels", "model.channels is empty; expected one number a stage, such as [32, 64]")
    if min(card.shape[1:]) < SMALLEST:
        found = f"{card.title} has pictures of {card.shape[1]}x{card.shape[2]}"
        wanted = f"{SMALLEST}x{SMALLEST} or more: choose larger pictures"
        return SpecError("model.kind", f"{found}; codes on a grid need {wanted}")
    if spec.labels and not card.classes:
        found = f"model.labels is on but {card.title} has no labels"
        return SpecError("model.labels", f"{found}; turn it off, or choose data with labels")
    return None
