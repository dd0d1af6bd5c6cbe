"""The early point that every VAE on MNIST should meet (784-400-20, batch 100, dynamic binarisation, Adam 1e-3)."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from gm_core.data.feed import Feed
from gm_core.data.registry import make_data
from gm_core.model import build
from gm_core.presets import find_preset
from gm_core.spec import RunSpec
from gm_core.train.loop import Training


@pytest.mark.slow
def test_ten_epochs_of_mnist_bring_the_negative_elbo_to_103_5_nats(mnist_folder: Path) -> None:
    spec = RunSpec.read(find_preset("vae-mnist").spec)
    assert (spec.model["latent"], tuple(spec.model["hidden"])) == (20, (400,))
    assert (spec.train.batch, spec.train.steps) == (100, 6000)
    data = make_data({**spec.data, "folder": str(mnist_folder)})
    assert (data.card.binarisation, data.card.splits["train"]) == ("dynamic", 60_000)
    feed = Feed(data, spec.train.batch, "cpu", spec.train.seed)
    training = Training(build(spec.model, data.card, spec.train.seed), feed, spec.train, torch.device("cpu"))
    for _ in training.steps():
        pass
    rng = torch.Generator().manual_seed(0)
    with torch.no_grad():
        scores = [training.model.scores(batch, rng)["elbo"] for batch in feed.fixed("test", 10_000, 0, 500)]
    negative_elbo = -torch.stack(scores).mean().item()
    assert 95.0 < negative_elbo <= 103.5
