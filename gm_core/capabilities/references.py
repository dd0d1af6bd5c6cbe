"""What drawn examples are held against: real ones, the features to compare by, and what real ones reach themselves.

All of it follows from the data alone, and is kept for the last few data sets: the lanes of a race share it.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gm_core.capabilities.base import Scene
from gm_core.capabilities.metrics import ALL_DATA, KEYS, LEAST, OF_CLASSES, OF_MODES
from gm_core.spec import SpecError

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from gm_core.maths.coverage import Balls
    from gm_core.maths.recogniser import Recogniser
    from gm_core.maths.two_sample import Measure
    from gm_core.maths.whitening import Whitening

LEARNED = 6000
"""Training examples to which features are fitted and from which the classifier learns."""
PORTION = 500
LOOKED = 100
"""Pictures that the classifier looks at between two safe points."""
HELD = 6
"""So many references are kept; each is a few megabytes."""
SMALL = 16
"""Up to so many numbers, examples are compared as they are."""
APART = 4.0
"""Modes are counted where a typical one is so many sigmas from the next."""


@dataclass
class Reference:
    """n real examples of one split, as many of the training split, and how to compare others with them.

    `real` and `other` are the examples (n, ...), on the CPU, `at` (n, f) those of `real` as they are compared;
    `one` is the only class among them, where there is but one.
    """

    n: int
    one: int | None
    real: Tensor
    other: Tensor
    at: Tensor
    classes: Tensor | None
    other_classes: Tensor | None
    modes: tuple[Tensor, float, Tensor] | None
    whitening: Whitening | None
    recogniser: Recogniser | None
    due: Tensor
    width: float
    words: str
    notes: dict[str, str] = field(default_factory=dict)
    floors: dict[str, float] = field(default_factory=dict)

    @property
    def fitting(self) -> tuple[str, ...]:
        """The metrics that such data allow, in their order."""
        able = {*ALL_DATA}
        if self.modes is not None:
            able |= {*OF_MODES}
        if self.recogniser is not None:
            able |= {*OF_CLASSES} if self.one is None else {"accuracy"}
        return tuple(name for name in KEYS if name in able)

    def floor(self, names: tuple[str, ...]) -> Generator[None, None, list[float]]:
        """Metrics of other real examples; each is measured once."""
        lacking = [name for name in names if name not in self.floors]
        others = Against(self, self.other, self.other_classes)
        for name in lacking:
            self.floors[name] = (yield from others.measure(name)).value
        return [self.floors[name] for name in names]


class Against:
    """Examples x (n, ...), drawn for the labels y (n,) where there are such, held against a reference.

    What several metrics need, such as features, is computed once.
    """

    def __init__(self, reference: Reference, x: Tensor, y: Tensor | None) -> None:
        self.reference = reference
        self.x, self.y = x.detach().cpu(), None if y is None else y.cpu()
        self.at = compared(self.x, reference.whitening)
        self._balls: Balls | None = None
        self._seen: tuple[Tensor, Tensor] | None = None

    def measure(self, name: str) -> Generator[None, None, Measure]:
        """One metric; it must be among those that fit the reference."""
        from gm_core.maths import coverage, two_sample
        from gm_core.maths.two_sample import Measure

        if name in OF_CLASSES:
            return (yield from self._of_classes(name))
        real = self.reference.at
        if name in OF_MODES:
            assert self.reference.modes is not None
            found = coverage.mode_coverage(self.x, *self.reference.modes)
            yield None
            if name == "high_quality":
                return found.high_quality
            return Measure(float(found.hit)) if name == "modes" else Measure(found.kl)
        if name == "mmd":
            return (yield from two_sample.mmd2_steps(real, self.at, self.reference.width))
        if name == "kid":
            return (yield from two_sample.discrepancy_steps(real, self.at, two_sample.cubic))
        if name == "sliced":
            return (yield from two_sample.sliced_wasserstein_steps(real, self.at))
        if name == "c2st":
            return (yield from two_sample.c2st_steps(real, self.at))
        if name == "frechet":
            yield None
            return two_sample.frechet(real, self.at)
        if self._balls is None:
            self._balls = yield from coverage.balls_steps(real, self.at)
        measure: Measure = getattr(self._balls, name)
        return measure

    def _of_classes(self, name: str) -> Generator[None, None, Measure]:
        """What the classifier makes of pictures."""
        from gm_core.maths import recogniser
        from gm_core.maths.two_sample import frechet

        network = self.reference.recogniser
        assert network is not None
        if self._seen is None:
            self._seen = yield from _looked(network, self.x)
        features, logits = self._seen
        if name == "accuracy":
            assert self.y is not None
            return recogniser.right(logits, self.y)
        if name == "recognised":
            return recogniser.recognised(logits)
        if name == "class_kl":
            return recogniser.class_divergence(logits, self.reference.due)
        wanted, _ = yield from _looked(network, self.reference.real)
        return frechet(wanted, features)


def _looked(network: Recogniser, x: Tensor) -> Generator[None, None, tuple[Tensor, Tensor]]:
    """Features (n, 64) and logits (n, K) of pictures."""
    import torch

    features = []
    for part in x.split(LOOKED):
        features.append(network.features(part))
        yield None
    together = torch.cat(features)
    return together, network.decide(together)


KEPT: OrderedDict[bytes, Reference] = OrderedDict()
"""By what the data are, byte for byte: asking again gives the same, so keeping it only saves time."""


def reference_of(split: str, n: int, y: int | None, scene: Scene) -> Generator[None, None, Reference]:
    """The reference of at most n examples of a split (of one class); raises SpecError where the data are too few."""
    import torch

    data = scene.data
    rng = torch.Generator(scene.rng.device).manual_seed(0)  # the same real examples whatever seed draws the others
    other_split = "train" if split != "train" else "validation"
    n = min(n, data.count(split), data.count(other_split))
    if n < LEAST:
        raise SpecError(
            "split",
            f"the {split} split of {data.card.title} leaves {n} examples to compare with; expected {LEAST} or "
            "more: choose another split or more data",
        )
    real, classes = yield from _some(split, n, y, scene, rng)
    other, other_classes = yield from _some(other_split, n, y, scene, rng)
    n = min(len(real), len(other))
    if n < LEAST:
        raise SpecError("y", f"class {y} has {n} real examples; expected {LEAST} or more: choose another class")
    key = hashlib.blake2b(f"{data.card}{split}{y}".encode())
    for part in (real, other):
        key.update(part.numpy().tobytes())
    if key.digest() in KEPT:
        KEPT.move_to_end(key.digest())
        return KEPT[key.digest()]
    made = yield from _made(n, y, (real, classes), (other, other_classes), scene, rng)
    KEPT[key.digest()] = made
    while len(KEPT) > HELD:
        KEPT.popitem(last=False)
    return made


def _some(
    split: str, n: int, y: int | None, scene: Scene, rng: torch.Generator
) -> Generator[None, None, tuple[Tensor, Tensor | None]]:
    """n examples of a split on the CPU, of one class if wished, with their labels."""
    import torch

    order = torch.randperm(scene.data.count(split), generator=rng, device=rng.device)
    xs, ys, found = [], [], 0
    for part in order.split(PORTION):
        x, labels = scene.data.examples(split, part, rng)
        if y is not None and labels is not None:
            x, labels = x[labels == y], labels[labels == y]
        xs.append(x.cpu())
        if labels is not None:
            ys.append(labels.cpu())
        found += len(x)
        yield None
        if found >= n:
            break
    return torch.cat(xs)[:n], torch.cat(ys)[:n] if ys else None


def _made(
    n: int,
    one: int | None,
    real: tuple[Tensor, Tensor | None],
    other: tuple[Tensor, Tensor | None],
    scene: Scene,
    rng: torch.Generator,
) -> Generator[None, None, Reference]:
    """Fit features and, for pictures with labels, train the classifier."""
    import torch

    from gm_core.maths.recogniser import learn, right
    from gm_core.maths.two_sample import median_distance
    from gm_core.maths.whitening import FEATURES, whitening

    card = scene.data.card
    seer, fitted, words = None, None, ""
    due = torch.ones(max(1, len(card.classes)), dtype=torch.float64)
    notes: dict[str, str] = {}
    if card.size > SMALL:
        x, y = yield from _some("train", min(LEARNED, scene.data.count("train")), None, scene, rng)
        fitted = whitening(x, min(FEATURES, max(2, n // 4)))
        yield None
        words = f"Compared by {fitted.directions.shape[1]} whitened principal components of {len(x)} training examples."
        notes["sliced"] = "In standard deviations of the features."
        if card.kind == "images" and card.classes and y is not None and len(y.unique()) > 1:
            seer = yield from learn(x, y, len(card.classes))
            due = torch.bincount(y, minlength=len(card.classes)).double()
            with torch.no_grad():
                told = right(seer(real[0]), real[1]) if real[1] is not None else None
            if told is not None:
                for name in OF_CLASSES:
                    notes[name] = (
                        f"By a classifier of our own that is right about {100 * told.value:.0f} % of real ones."
                    )
    at = compared(real[0][:n], fitted)
    labels = (None if real[1] is None else real[1][:n], None if other[1] is None else other[1][:n])
    width, shares = median_distance(at), due / due.sum()
    return Reference(
        n, one, real[0][:n], other[0][:n], at, *labels, _modes(scene), fitted, seer, shares, width, words, notes
    )


def compared(x: Tensor, whitening: Whitening | None) -> Tensor:
    """Examples (n, ...) as they are compared: (n, f) float64 on the CPU."""
    x = x.detach().cpu()
    return x.flatten(1).double() if whitening is None else whitening(x)


def _modes(scene: Scene) -> tuple[Tensor, float, Tensor] | None:
    """Centres, sigma and weights of modes that are truly apart, where the data are known to have such."""
    import torch

    if not scene.data.card.exact:
        return None
    found: tuple[Tensor, float, Tensor] | None = scene.data.exact.modes()  # type: ignore[attr-defined]  # by the trait
    if found is None or len(found[0]) < 2:
        return None
    apart = torch.cdist(found[0], found[0]).fill_diagonal_(torch.inf).amin(1)
    return found if float(apart.median()) >= APART * found[1] else None
