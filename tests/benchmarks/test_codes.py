"""What codes of four autoencoders are worth to a linear classifier: the comparison of Rifai et al. 2011, made small.

Protocol, the same for all: one layer of 500 sigmoids with tied weights, cross-entropy, the first 10 000 training images
of MNIST, 15 passes in batches of 100, Adam with 0.001. Then the codes of those images, their labels and softmax
regression (the probe of the representation panel: standardised, weight penalty 1), scored on the 10 000 test images.
The weights of the penalties are those of the Deep Learning Tutorials where these name one, and were not tuned here.

The papers start a perceptron from the weights and train on by labels, with 60 000 images, and so come to 1.1 to 1.8 %;
these figures cannot be compared with theirs, only with each other. They are printed as they are, not judged.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from gm_core.data.feed import Feed
from gm_core.data.registry import make_data
from gm_core.maths.probes import linear_probe
from gm_core.model import build
from gm_core.models.autoencoder import Autoencoder
from gm_core.spec import TrainSpec
from gm_core.train.loop import Training

IMAGES, PASSES, BATCH = 10_000, 15, 100
SEEDS = (0, 1, 2)
NETWORK: dict[str, Any] = {"kind": "autoencoder", "latent": 500, "hidden": [], "code": "sigmoid", "tied": True}
KINDS: dict[str, dict[str, Any]] = {
    "plain": {},
    "weight decay (0.001)": {"decay": 0.001},
    "denoising (masking 0.3)": {"corruption": "masking", "amount": 0.3},
    "contractive (0.1)": {"contraction": 0.1},
}
Note = Callable[[str, str, str], None]


def examples(feed: Feed, split: str) -> tuple[Tensor, Tensor]:
    """All images of a split with their labels."""
    x, y = feed.examples(split, torch.arange(feed.count(split)), torch.Generator())
    assert y is not None
    return x, y


def error(codes: Tensor, y: Tensor, held: Tensor, truth: Tensor) -> float:
    """The percentage of held-out codes that the linear classifier gets wrong."""
    fit = linear_probe(codes, y, 10, held)
    while True:
        try:
            next(fit)
        except StopIteration as done:
            return 100.0 * float((done.value != truth).float().mean())


@pytest.fixture(scope="module")
def feed(mnist_folder: Path) -> Feed:
    """The images, on one thread."""
    spec = {"kind": "mnist", "limit": IMAGES, "validation": 0, "folder": str(mnist_folder)}
    return Feed(make_data(spec), BATCH)


def test_what_the_pixels_themselves_are_worth(feed: Feed, note: Note) -> None:
    """The line to beat."""
    (x, y), (held, truth) = examples(feed, "train"), examples(feed, "test")
    found = error(x.flatten(1), y, held.flatten(1), truth)
    note("Error of a linear classifier on pixels, 10 000 images of MNIST", f"{found:.2f} %", "printed")


@pytest.mark.parametrize("kind", KINDS)
def test_what_the_codes_of_an_autoencoder_are_worth(feed: Feed, note: Note, kind: str) -> None:
    """Mean and standard deviation over three seeds, of the error and of the Jacobian's norm on the test images."""
    (x, y), (held, truth) = examples(feed, "train"), examples(feed, "test")
    errors, slopes = [], []
    for seed in SEEDS:
        steps = PASSES * IMAGES // BATCH
        spec = TrainSpec.read(
            {"steps": steps, "batch": BATCH, "lr": 1e-3, "seed": seed, "validate_every": steps, "threads": 1}
        )
        model = build({**NETWORK, **KINDS[kind]}, feed.card, seed)
        assert isinstance(model, Autoencoder)
        for _ in Training(model, Feed(feed.data, BATCH, "cpu", seed), spec, torch.device("cpu")).steps():
            pass
        model.eval()
        with torch.no_grad():
            slopes.append(float(model.slopes(held).mean()))
            errors.append(error(model.encode(x)[0], y, model.encode(held)[0], truth))
    spread = f" +- {statistics.stdev(errors):.2f}" if len(errors) > 1 else ""
    note(
        f"Error of a linear classifier on codes: {kind}",
        f"{statistics.mean(errors):.2f}{spread} % ({', '.join(f'{e:.2f}' for e in errors)}); "
        f"||J||^2 {statistics.mean(slopes):.3g}",
        "printed",
    )
    assert all(0.0 < found < 20.0 for found in errors), "codes are worth less than ten guesses of twelve"
