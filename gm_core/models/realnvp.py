"""RealNVP: bend space, step by step and never tearing it, until the data look like a Gaussian; then read off p(x).

    z = f(x),   ln p(x) = ln N(f(x); 0, I) + ln |det df/dx|,   x = f^-1(z)           (eq. 2 and 3)
    f is a chain of affine couplings with alternating masks                          (eq. 9; `nn.coupling`)
    pictures: u in 0..1, then logit(alpha + (1 - 2 alpha) u), whose own volume counts too     (section 4.1)

Dinh, Sohl-Dickstein & Bengio 2017, "Density estimation using Real NVP", arXiv:1605.08803. Everything is exact: the
density, drawing, the code of an example and the way back. Departures: no batch normalisation; conditioners are small
perceptrons or plain convolutions; nothing is factored out between scales; alpha + (1 - 2 alpha) u is symmetric, where
the paper has alpha + (1 - alpha) u. Grey levels are dequantised here where the data are not already.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from gm_core.capabilities.classes import Classes
from gm_core.capabilities.density import Density
from gm_core.capabilities.encodes import Encodes
from gm_core.capabilities.latent import Latent
from gm_core.capabilities.reconstruct import Reconstructs
from gm_core.capabilities.samples import Samples
from gm_core.capabilities.stepwise import Conditional
from gm_core.maths.gaussian import log_prob_standard, noise_like
from gm_core.model import Batch, ModelSpec, model
from gm_core.nn.coupling import AffineCoupling, ConvConditioner, DenseConditioner, by_channel, checkerboard
from gm_core.parts.labels import Labelled
from gm_core.protocol.cards import Chart, DataCard
from gm_core.spec import SpecError, param

MOST_CODES = 256
"""Pictures of more numbers than this are not offered as codes: nobody could set so many."""


class RealNVPSpec(ModelSpec):
    """What can be chosen of a RealNVP: how many couplings, and what decides how each stretches."""

    couplings: int = param(8, "Couplings in the chain; at least two, so that every number is changed.", lo=2, hi=64)
    width: int = param(64, "Units or channels of a hidden layer of a conditioner.", lo=4, hi=1024, log=True)
    depth: int = param(2, "Hidden layers of a conditioner.", lo=1, hi=8)
    scale: float = param(
        1.0, "Points and vectors are divided by this; their standard deviation is good.", lo=1e-3, hi=1e3, log=True
    )
    alpha: float = param(
        0.05, "How far pixels are kept from black and white before the logit (images).", lo=1e-6, hi=0.4, log=True
    )
    labels: bool = param(False, "Learn p(x|y) for each label y, and classify by Bayes' rule.")


@model("realnvp", title="Normalising flow (RealNVP)", paper="Dinh et al. 2017, arXiv:1605.08803")
class RealNVP(Labelled, Samples, Density, Latent, Encodes, Reconstructs, Conditional, Classes):
    """Learns an invertible map from data to a Gaussian, and so knows the exact density of every example."""

    Spec = RealNVPSpec
    charts: tuple[Chart, ...] = (
        Chart("nll", "Negative log-likelihood", tip="Mean of -ln p(x), exactly.", is_loss=True),
        Chart("bits", "Bits per dimension", "bits per dimension", tip="The same for one pixel of the grey levels."),
        Chart("volume", "Log volume change", "nats per example", "neither", tip="Mean of ln |det df/dx|."),
    )
    accepts = frozenset({"points", "vectors", "images", "continuous", "levels"})
    density_kind = "exact"
    spec: RealNVPSpec

    def __init__(self, spec: ModelSpec, card: DataCard) -> None:
        super().__init__(spec, card)
        if card.size < 2:
            raise SpecError("data", f"{card.title} has examples of one number; a coupling needs at least two")
        self.learn_labels(self.spec.labels)
        self.latent_size = card.size
        self.small = card.kind != "images"
        self.long_operations = not self.small
        self.chain = nn.ModuleList(self._coupling(number) for number in range(self.spec.couplings))
        if card.kind != "images" or not card.levels:
            self.charts = tuple(chart for chart in self.charts if chart.name != "bits")

    def _coupling(self, number: int) -> AffineCoupling:
        """Checkerboards; the second half of the chain on pictures of even sides squeezes, and masks by channel."""
        spec, shape = self.spec, self.card.shape
        if self.card.kind != "images":
            return AffineCoupling(
                checkerboard((1, *shape), number % 2 == 1)[0],
                DenseConditioner(self.card.size, spec.width, spec.depth, self.classes),
            )
        c, h, w = shape
        late = number - spec.couplings // 2
        if late < 0 or h % 2 or w % 2:
            mask = checkerboard(shape, number % 2 == 1)
            return AffineCoupling(mask, ConvConditioner(c, spec.width, spec.depth, self.classes))
        mask = by_channel(4 * c, late, (h // 2, w // 2))
        return AffineCoupling(mask, ConvConditioner(4 * c, spec.width, spec.depth, self.classes), squeezed=True)

    # ---- learning

    def loss(self, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """The mean of -ln p(x), or of -ln p(x|y) with labels."""
        x, before = self._spread(batch.x, rng)
        z, volume = self.forth(x, self.met(batch.y))
        nll = -(log_prob_standard(z).flatten(1).sum(1) + volume + before).mean()
        found = {"total": nll, "nll": nll, "volume": (volume + before).mean().detach()}
        if any(chart.name == "bits" for chart in self.charts):
            found["bits"] = self.bits(nll.detach())
        return found

    def bits(self, nll: Tensor) -> Tensor:
        """Nats of an example in the card's range as bits of one number of its grey levels."""
        lo, hi = self.card.range
        return ((nll / self.card.size) - math.log(hi - lo) + math.log(self.card.levels)) / math.log(2.0)

    # ---- the map

    def forth(self, x: Tensor, y: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """From prepared data (n, ...) to z of the same shape, and ln |det dz/dx| (n,). Eq. 9, one after another."""
        volume = x.new_zeros(len(x))
        for coupling in self._couplings():
            x, more = coupling(x, y)
            volume = volume + more
        return x, volume

    def back(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """The inverse of `forth`."""
        for coupling in reversed(self._couplings()):
            z = coupling.inverse(z, y)
        return z

    def _couplings(self) -> list[AffineCoupling]:
        return [coupling for coupling in self.chain if isinstance(coupling, AffineCoupling)]

    def _spread(self, x: Tensor, rng: torch.Generator | None) -> tuple[Tensor, Tensor]:
        """Data of the card's range on the whole line (n, ...), and ln |det| of that (n,).

        Grey levels are first spread over their cells, by `rng` or, without one, to the middles.
        """
        size = self.card.size
        if self.card.kind != "images":
            return x / self.spec.scale, x.new_full((len(x),), -size * math.log(self.spec.scale))
        (lo, hi), alpha = self.card.range, self.spec.alpha
        unit = (x - lo) / (hi - lo)
        if self._coarse:
            levels = self.card.levels
            within = 0.5 if rng is None else torch.rand(x.shape, generator=rng, device=rng.device).to(x)
            unit = ((unit * (levels - 1)).round() + within) / levels
        inner = alpha + (1.0 - 2.0 * alpha) * unit
        each = math.log1p(-2.0 * alpha) - inner.log() - (1.0 - inner).log()
        return inner.logit(), each.flatten(1).sum(1) - size * math.log(hi - lo)

    def _gathered(self, x: Tensor, rounded: bool = False) -> Tensor:
        """The inverse of `_spread`, in the card's range; grey levels that were spread are rounded, if wished."""
        if self.card.kind != "images":
            return x * self.spec.scale
        (lo, hi), alpha = self.card.range, self.spec.alpha
        unit = ((x.sigmoid() - alpha) / (1.0 - 2.0 * alpha)).clamp(0.0, 1.0)
        if self._coarse:
            level = unit * self.card.levels - 0.5  # the middle of a cell is its level
            unit = ((level.round() if rounded else level) / (self.card.levels - 1)).clamp(0.0, 1.0)
        return lo + (hi - lo) * unit

    @property
    def _coarse(self) -> bool:
        """Whether pixels are grey levels that no noise was added to."""
        return self.card.values == "levels"

    # ---- capabilities

    def offers(self) -> frozenset[str]:
        """A density of continuous data only, codes of few numbers, classes where labels were learned."""
        lacking: set[str] = set()
        if self.card.values != "continuous":
            lacking |= {Density.word, Classes.word}
        if self.card.kind == "images" and self.card.size > MOST_CODES:
            lacking |= {Latent.word, Encodes.word, Reconstructs.word}
        if not self.classes:
            lacking |= {Conditional.word, Classes.word}
        return super().offers() - lacking

    def log_prob(self, x: Tensor, rng: torch.Generator, y: Tensor | None = None, samples: int = 0) -> Tensor:
        """ln p(x), or ln p(x|y), exactly: (n,), in nats; eq. 3. Of p(x|y) without y, the sum over classes."""
        self.check_labels(y)
        if self.classes and y is None:
            return self.class_log_joint(x).logsumexp(-1)
        inner, before = self._spread(x, rng)
        z, volume = self.forth(inner, y)
        return log_prob_standard(z).flatten(1).sum(1) + volume + before

    def class_log_joint(self, x: Tensor, known: Tensor | None = None) -> Tensor:
        """ln p(x|y) + ln p(y), (n, classes), exactly; missing numbers cannot be summed out."""
        if not self.classes:
            raise SpecError("y", "this model learned no classes; train it with model.labels on")
        if known is not None and not self.marginalises(known):
            raise SpecError("known", "a flow needs every number of an example: missing ones cannot be summed out")
        prior = self.class_log_prior().to(x)
        if known is not None and not bool(known.any()):
            return prior.expand(len(x), -1)
        inner, before = self._spread(x, None)
        found = []
        for label in self.each_label(x):
            z, volume = self.forth(inner, label)
            found.append(log_prob_standard(z).flatten(1).sum(1) + volume + before)
        return torch.stack(found, -1) + prior

    def marginalises(self, known: Tensor) -> bool:
        """Only where nothing is missing, or everything."""
        return bool(known.all()) or not bool(known.any())

    def prior(self, n: int, rng: torch.Generator) -> Tensor:
        """Codes from N(0, I): (n, latent_size)."""
        return noise_like(next(self.parameters()), rng, (n, self.latent_size))

    def sample(self, n: int, rng: torch.Generator, y: Tensor | None = None) -> Tensor:
        """Gaussian noise bent back into data, with labels y, or from p(y) if the model knows some."""
        y = self.some_labels(n, rng, y)
        return self._gathered(self.back(self.prior(n, rng).reshape(n, *self.card.shape), y), rounded=True)

    def decode(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """f^-1(z) for codes (n, latent_size), or its mean over p(y): (n, *card.shape)."""
        self.check_labels(y)
        if self.classes and y is None:
            each = torch.stack([self.decode(z, label) for label in self.each_label(z)], -1)
            return each @ self.class_log_prior().exp().to(each)
        return self._gathered(self.back(z.reshape(len(z), *self.card.shape), y))

    def encode(self, x: Tensor, y: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """f(x), surely: (n, latent_size) with a standard deviation of 0; without y, with the likeliest class."""
        z, _ = self.forth(self._spread(x, None)[0], self._told(x, y))
        return z.flatten(1), torch.zeros_like(z.flatten(1))

    def reconstruct(self, x: Tensor, rng: torch.Generator, y: Tensor | None = None) -> Tensor:
        """f^-1(f(x)): x again, but for rounding."""
        y = self._told(x, y)
        return self.decode(self.encode(x, y)[0], y)

    def _told(self, x: Tensor, y: Tensor | None) -> Tensor | None:
        """The labels that are given, or the likeliest ones where a model of labels is given none."""
        if not self.classes:
            return None
        return self.class_log_joint(x).argmax(-1) if y is None else y
