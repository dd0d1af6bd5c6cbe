"""Our optimisers are torch's own, bit for bit, and bring no compiler with them."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from gm_core.maths import optimisers

KINDS: list[tuple[type[torch.optim.Optimizer], type[torch.optim.Optimizer], dict[str, Any]]] = [
    (optimisers.Adam, torch.optim.Adam, {"lr": 0.01}),
    (optimisers.Adam, torch.optim.Adam, {"lr": 0.01, "betas": (0.5, 0.9), "weight_decay": 0.1, "fused": True}),
    (optimisers.AdamW, torch.optim.AdamW, {"lr": 0.01, "weight_decay": 0.1, "fused": True}),
    (optimisers.SGD, torch.optim.SGD, {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.01}),
    (optimisers.SGD, torch.optim.SGD, {"lr": 0.1}),
]


def walk(kind: type[torch.optim.Optimizer], options: dict[str, Any], rounds: int = 20) -> tuple[list[Tensor], Any]:
    """The weights of a small network after so many steps, and the optimiser's memory."""
    rng = torch.Generator().manual_seed(3)
    network = nn.Sequential(nn.Linear(5, 7), nn.Tanh(), nn.Linear(7, 2))
    with torch.no_grad():
        for weight in network.parameters():
            weight.copy_(torch.randn(weight.shape, generator=rng))
    optimiser = kind(network.parameters(), **options)
    for _ in range(rounds):
        x = torch.randn(16, 5, generator=rng)
        optimiser.zero_grad(set_to_none=True)
        (network(x) - x[:, :2]).square().mean().backward()
        optimiser.step()
    return [weight.detach() for weight in network.parameters()], optimiser.state_dict()


@pytest.mark.parametrize(("ours", "theirs", "options"), KINDS)
def test_steps_are_those_of_torch(
    ours: type[torch.optim.Optimizer], theirs: type[torch.optim.Optimizer], options: dict[str, Any]
) -> None:
    (mine, memory), (other, remembered) = walk(ours, options), walk(theirs, options)
    assert all(torch.equal(a, b) for a, b in zip(mine, other, strict=True))
    assert memory["param_groups"] == remembered["param_groups"]
    for number, held in remembered["state"].items():
        for what, value in held.items():
            assert torch.equal(torch.as_tensor(memory["state"][number][what]), torch.as_tensor(value))


def test_a_step_leaves_gradients_switched_as_they_were() -> None:
    weight = nn.Parameter(torch.ones(2))
    optimiser = optimisers.Adam([weight])
    weight.square().sum().backward()
    with torch.enable_grad():
        optimiser.step()
        assert torch.is_grad_enabled()
    assert weight.is_leaf and weight.grad_fn is None
    assert optimiser.step(lambda: weight.square().sum()) is not None  # a closure sees gradients


def test_training_loads_no_compiler() -> None:
    """In a process of its own, as libraries that other tests compare with bring it along."""
    code = (
        "import sys, tempfile; from pathlib import Path; from gm_core import api;"
        "engine = api.open_engine(Path(tempfile.mkdtemp()), 'inline'); engine.start();"
        "engine.send(api.Start(api.RunSpec.read(\n"
        "    {'model': {'kind': 'vae'}, 'data': {'kind': 'moons'}, 'train': {'steps': 3}}).plain())); last = 0\n"
        "for _ in range(2000):\n"
        "    engine.pump(); events = engine.drain()\n"
        "    if any(isinstance(e, api.RunChanged) and e.card.state == 'finished' for e in events): last = 1; break\n"
        "engine.close(); print(last, 'torch._dynamo' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.stdout.split() == ["1", "False"], done.stderr
