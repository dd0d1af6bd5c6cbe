"""Trains a VAE preset for some epochs of MNIST; prints, as a line of JSON for each mark, what it has reached by then.

    python -m tests.benchmarks.bounds_probe PRESET SEED EPOCHS[,EPOCHS ...] DRAWS [model.beta=4 ...]

Each line holds the epochs, the bound on the nats of the whole test set with so many draws, its standard error, the
negative ELBO, the active units (variance of the mean code over the test set above 0.01) and the seconds of training.
"""

from __future__ import annotations

import json
import os
import sys

os.environ.setdefault("OMP_WAIT_POLICY", "passive")


def main(preset: str, seed: int, marks: list[float], draws: int, changes: list[str]) -> None:
    """The preset's own settings; only the number of steps, the seed and what is changed by name differ."""
    import torch
    import yaml

    from gm_core.data.feed import Feed
    from gm_core.data.registry import make_data
    from gm_core.evaluate.likelihood import log_likelihood
    from gm_core.model import build
    from gm_core.models.vae import VAE
    from gm_core.parts.objectives import ACTIVE
    from gm_core.presets import find_preset
    from gm_core.spec import RunSpec
    from gm_core.train.loop import Training

    spec = RunSpec.read(find_preset(preset).spec)
    for change in changes:
        path, _, value = change.partition("=")
        spec = spec.replace(path, yaml.safe_load(value))
    data = make_data(spec.data)
    assert data.card.binarisation == "dynamic", "only like is compared with like"
    at = [round(epochs * data.card.splits["train"] / spec.train.batch) for epochs in marks]
    for path, value in (("train.steps", at[-1]), ("train.validate_every", at[-1]), ("train.seed", seed)):
        spec = spec.replace(path, value)
    device = torch.device("cpu")
    training = Training(
        build(spec.model, data.card, seed), Feed(data, spec.train.batch, device, seed), spec.train, device
    )
    for _ in training.steps():
        if training.midway or training.step not in at:
            continue
        epochs = marks[at.index(training.step)]
        at[at.index(training.step)] = -1  # the loop rests more than once at its last step
        with training.mirrors.lease(training.weights(), None) as twin, torch.no_grad():
            assert isinstance(twin, VAE)
            rng = torch.Generator().manual_seed(seed)
            *_, last = log_likelihood(twin, training.feed, "test", rng, samples=draws, portion=200)
            batches = list(training.feed.fixed("test", 10_000, seed, 500))
            elbo = torch.stack([twin.scores(batch, rng)["elbo"] for batch in batches]).mean()
            varies = torch.cat([twin.encode(batch.x, batch.y)[0] for batch in batches]).var(0)
        found = {
            "epochs": epochs,
            "nats": -float(last.mean),
            "error": float(last.error),
            "elbo": -float(elbo),
            "active": int((varies > ACTIVE).sum()),
            "units": len(varies),
            "seconds": training.seconds,
        }
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), [float(m) for m in sys.argv[3].split(",")], int(sys.argv[4]), sys.argv[5:])
