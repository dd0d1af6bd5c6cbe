"""Trains a preset of a diffusion and prints, as one line of JSON, what it reaches; or what sampling costs beside it.

python -m tests.benchmarks.diffusion_probe ring SEED         modes and quality of 4000 draws of ddpm-ring
python -m tests.benchmarks.diffusion_probe digits FOLDER     own-classifier score and Frechet distance of what a
                                                             finished run of ddpm-conditional-mnist draws
python -m tests.benchmarks.diffusion_probe overhead KIND     seconds of each sampler over those of its network
"""

from __future__ import annotations

import json
import math
import os
import sys
import time

os.environ.setdefault("OMP_WAIT_POLICY", "passive")
DRAWS = 4000
PER_CLASS = 100


def ring(seed: int) -> dict[str, float]:
    """The preset as it is, on another seed."""
    import torch

    from gm_core.data.feed import Feed
    from gm_core.data.registry import make_data
    from gm_core.maths.coverage import mode_coverage
    from gm_core.model import build
    from gm_core.presets import find_preset
    from gm_core.spec import RunSpec
    from gm_core.train.loop import Training

    spec = RunSpec.read(find_preset("ddpm-ring").spec).replace("train.seed", seed)
    data, device = make_data(spec.data), torch.device("cpu")
    training = Training(
        build(spec.model, data.card, seed), Feed(data, spec.train.batch, device, seed), spec.train, device
    )
    for _ in training.steps():
        pass
    angles = torch.arange(8) * (math.pi / 4)
    with training.mirrors.lease(training.weights(), None) as twin, torch.no_grad():
        drawn = twin.sample(DRAWS, torch.Generator().manual_seed(seed + 1))
    found = mode_coverage(drawn, 2.0 * torch.stack([angles.cos(), angles.sin()], 1), 0.2)
    share = found.high_quality.value
    return {"steps": training.step, "modes": found.hit, "quality": share, "seconds": training.seconds}


def digits(folder: str) -> dict[str, float]:
    """PER_CLASS draws of each class at guidance 1 and 2, against as many test digits, by a classifier of our own."""
    import torch

    from gm_core.capabilities.stepwise import Route
    from gm_core.data.feed import Feed
    from gm_core.data.registry import make_data
    from gm_core.maths import recogniser, two_sample
    from gm_core.scripting import load_run

    loaded = load_run(folder)
    data = make_data(loaded.spec.data)
    rng = torch.Generator().manual_seed(0)

    def real(split: str, n: int) -> tuple[torch.Tensor, torch.Tensor]:
        chosen = torch.randperm(data.card.splits[split], generator=rng)[:n]
        x, y = Feed(data, 100, torch.device("cpu"), 0).examples(split, chosen, rng)
        assert y is not None
        return x, y

    network = two_sample.whole(recogniser.learn(*real("train", 20_000), 10))
    test, truth = real("test", 2 * 10 * PER_CLASS)
    half = len(test) // 2
    with torch.no_grad():
        seen = network.features(test)
        found = {
            "real_right": recogniser.right(network(test), truth).value,
            "real_frechet": two_sample.frechet(seen[:half], seen[half:]).value,
        }
        y = torch.arange(10).repeat_interleave(PER_CLASS)
        for guidance in (1.0, 2.0):
            parts = []
            for label in y.split(100):
                for state in loaded.model.trajectory(len(label), rng, label, Route(guidance=guidance)):  # type: ignore
                    last = state.x
                parts.append(last)
            drawn = torch.cat(parts)
            found[f"right_{guidance:g}"] = recogniser.right(network(drawn), y).value
            found[f"score_{guidance:g}"] = recogniser.recognised(network(drawn)).value
            found[f"frechet_{guidance:g}"] = two_sample.frechet(seen[:half], network.features(drawn)).value
    return found


def overhead(kind: str) -> dict[str, dict[str, float]]:
    """For every sampler, processor seconds of `sample`, and of the network within the very same calls: medians.

    Two loops by turns, the network alone and the sampler, differ by far more than what is to be measured: by what else
    runs on the machine. A clock around the network, within the sampler, sees the same machine.
    """
    from gm_core.parts.samplers import SAMPLERS

    return {name: _overhead(kind, name) for name in SAMPLERS}


def _overhead(kind: str, sampler: str) -> dict[str, float]:
    import statistics

    import torch

    from gm_core.model import build
    from gm_core.parts.denoising import Denoising
    from gm_core.protocol.cards import DataCard

    torch.set_num_threads(1)
    card = DataCard("mnist", "MNIST", (1, 28, 28), "levels", (-1.0, 1.0), levels=256)
    if kind == "points":
        card = DataCard("plane", "Plane", (2,), "continuous", (-4.0, 4.0))
    model = build({"kind": "ddpm", "sampler": sampler, "sample_steps": 25, "schedule": "cosine"}, card).eval()
    assert isinstance(model, Denoising)
    n, rounds = (2000, 60) if kind == "points" else (16, 20)
    rng = torch.Generator().manual_seed(0)
    inside, network = [0.0], model.network

    class Clocked(torch.nn.Module):
        """The network with a clock around each call, which no sampler can tell from the network."""

        def __call__(self, *inputs: object) -> torch.Tensor:
            begun = time.process_time()
            output: torch.Tensor = network(*inputs)
            inside[0] += time.process_time() - begun
            return output

    model.network = Clocked()
    bare, whole = [], []
    with torch.no_grad():
        model.sample(n, rng)
        for _ in range(rounds):
            inside[0], begun = 0.0, time.process_time()
            model.sample(n, rng)
            whole.append(time.process_time() - begun)
            bare.append(inside[0])
    shares = [total / alone - 1.0 for total, alone in zip(whole, bare, strict=True)]
    alone, sampling = statistics.median(bare), statistics.median(whole)
    return {"bare": alone, "sampling": sampling, "overhead": statistics.median(shares)}


if __name__ == "__main__":
    what, argument = sys.argv[1:3]
    found = ring(int(argument)) if what == "ring" else digits(argument) if what == "digits" else overhead(argument)
    print(json.dumps(found), flush=True)
