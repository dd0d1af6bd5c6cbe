"""The bare loop of a preset without window, engine or curves: counts its steps into a file, until it is ended.

    python -m tests.benchmarks.bare_probe PRESET COUNTER [--all]

With as many threads as the window's worker would take, or with --all as many as there are cores, as a plain script has.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tests.benchmarks.turns import Counter

os.environ.setdefault("OMP_WAIT_POLICY", "passive")


def main(preset: str, counter: Counter, every_core: bool) -> None:
    """The same model, batches and optimiser as in the window, stepped by a plain loop."""
    import torch

    from gm_core.data.feed import Feed
    from gm_core.data.registry import make_data
    from gm_core.model import build
    from gm_core.presets import find_preset
    from gm_core.spec import RunSpec
    from gm_core.train.device import use_threads
    from gm_core.train.optim import make_optimiser
    from gm_core.weights.ema import Ema

    spec = RunSpec.read(find_preset(preset).spec)
    device = torch.device("cpu")
    data = make_data(spec.data)
    model = build(spec.model, data.card, spec.train.seed)
    feed = Feed(data, spec.train.batch, device, spec.train.seed)
    optimiser = make_optimiser(model.parameters(), spec.train, device)
    ema = Ema(model.averaged(), spec.train.ema) if spec.train.ema else None
    use_threads(spec.train.threads, model.small, model.long_operations)
    if every_core:
        torch.set_num_threads(os.cpu_count() or 1)
    rng = torch.Generator().manual_seed(0)
    step = 0
    while True:
        optimiser.zero_grad(set_to_none=True)
        model.loss(feed.next(), rng)["total"].backward()
        if spec.train.clip:
            torch.nn.utils.clip_grad_norm_(model.parameters(), spec.train.clip)
        optimiser.step()
        step += 1
        if ema is not None:
            ema.update(step, spec.train.batch)
        counter.write(step)


if __name__ == "__main__":
    main(sys.argv[1], Counter(Path(sys.argv[2])), "--all" in sys.argv)
