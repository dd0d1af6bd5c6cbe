"""Trains a preset for some epochs of MNIST and prints the test nats, the seconds of training and the steps as JSON.

    python -m tests.benchmarks.likelihood_probe PRESET EPOCHS SEED
"""

from __future__ import annotations

import json
import os
import sys

os.environ.setdefault("OMP_WAIT_POLICY", "passive")


def main(preset: str, epochs: float, seed: int) -> None:
    """The preset's own settings, with a number of steps that makes so many epochs; scored on the whole test set."""
    import torch

    from gm_core.data.feed import Feed
    from gm_core.data.registry import make_data
    from gm_core.evaluate.likelihood import log_likelihood
    from gm_core.model import build
    from gm_core.presets import find_preset
    from gm_core.spec import RunSpec
    from gm_core.train.loop import Training

    spec = RunSpec.read(find_preset(preset).spec)
    data = make_data(spec.data)
    assert data.card.binarisation == "dynamic", "only like is compared with like"
    steps = round(epochs * data.card.splits["train"] / spec.train.batch)
    settled = ("train.steps", steps), ("train.validate_every", steps), ("train.seed", seed)
    for path, value in settled:
        spec = spec.replace(path, value)
    device = torch.device("cpu")
    model = build(spec.model, data.card, seed)
    training = Training(model, Feed(data, spec.train.batch, device, seed), spec.train, device)
    for _ in training.steps():
        pass
    rng = torch.Generator().manual_seed(seed)
    with training.mirrors.lease(training.weights(), None) as twin:
        *_, last = log_likelihood(twin, training.feed, "test", rng, portion=200)  # type: ignore[arg-type]
    found = {"nats": -float(last.mean), "error": float(last.error), "seconds": training.seconds, "steps": training.step}
    print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), int(sys.argv[3]))
