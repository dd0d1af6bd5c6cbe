"""Reflow: a flow is straightened by learning once more from the pairs of noise and data that it made itself.

    eps ~ N(0, I),   x = the flow's own way from eps to data;   then   || v((1 - t) eps + t x, t) - (x - eps) ||^2

Liu, Gong & Liu 2022, "Flow straight and fast", arXiv:2209.03003, algorithm 1 and section 2.2. The law of x stays what
it was, the ways get straighter, and few steps suffice. Departures: the pairs come from an average of the first flow's
weights over its training; they are made as they are needed, an eighth of a batch a step, and used about eight times.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.func import functional_call

from gm_core.maths.solvers import evenly, solve

SLOWEST = 0.999
"""The most that one step leaves of the average."""
FRESH = 8
"""One in so many of a batch's pairs is new."""


class Teacher(nn.Module):
    """The first flow, averaged and then frozen, and a pool of pairs that it made: buffers alone, nothing to learn.

    `steps` steps of the midpoint rule make a pair. The pool holds `pairs` of them, with labels where there are classes.
    """

    count: Tensor
    noises: Tensor
    examples: Tensor
    labels: Tensor

    def __init__(self, network: nn.Module, shape: tuple[int, ...], pairs: int, steps: int) -> None:
        super().__init__()
        self.pairs, self.steps = pairs, steps
        self.names = [name for name, _ in network.named_parameters()]
        for name, parameter in network.named_parameters():
            self.register_buffer(_flat(name), parameter.detach().clone())
        self.register_buffer("count", torch.zeros((), dtype=torch.int64))
        self.register_buffer("noises", torch.zeros(pairs, *shape))
        self.register_buffer("examples", torch.zeros(pairs, *shape))
        self.register_buffer("labels", torch.zeros(pairs, dtype=torch.int64))

    def follow(self, network: nn.Module, step: int) -> None:
        """Take the weights after `step` finished steps into the average."""
        kept = min(SLOWEST, (1 + step) / (10 + step))
        live = [parameter.detach() for _, parameter in network.named_parameters()]
        torch._foreach_lerp_([self.get_buffer(_flat(name)) for name in self.names], live, 1.0 - kept)

    def velocity(self, network: nn.Module, x: Tensor, t: Tensor, y: Tensor | None) -> Tensor:
        """What the averaged weights say in the place of the network's own."""
        weights = {name: self.get_buffer(_flat(name)) for name in self.names}
        found: Tensor = functional_call(network, weights, (x, t, y))
        return found

    @torch.no_grad()
    def carried(self, network: nn.Module, eps: Tensor, y: Tensor | None) -> Tensor:
        """Where the first flow carries noises eps (n, ...)."""

        def field(x: Tensor, t: float) -> Tensor:
            return self.velocity(network, x, torch.full((len(x),), t, dtype=x.dtype, device=x.device), y)

        *_, last = solve(field, eps, evenly(0.0, 1.0, self.steps), "midpoint")
        return last.x

    @torch.no_grad()
    def draw(
        self, network: nn.Module, n: int, y: Tensor | None, rng: torch.Generator
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """n pairs (eps, x, y) from the pool, after new ones took the place of the oldest; labels y (n,) are a wish.

        Nothing here waits for the device: which places are taken is known to tensors alone.
        """
        fresh = min(self.pairs, -(-n // FRESH))
        eps = torch.randn((fresh, *self.noises.shape[1:]), generator=rng, device=rng.device).to(self.noises.device)
        wished = None if y is None else y[:fresh]
        places = (self.count + torch.arange(fresh, device=self.count.device)) % self.pairs
        self.noises[places] = eps
        self.examples[places] = self.carried(network, eps, wished)
        if wished is not None:
            self.labels[places] = wished
        self.count += fresh
        u = torch.rand(n, generator=rng, device=rng.device).to(self.noises.device)
        chosen = (u * self.count.clamp(max=self.pairs)).long().clamp(max=self.pairs - 1)
        return self.noises[chosen], self.examples[chosen], None if y is None else self.labels[chosen]


def _flat(name: str) -> str:
    """The name of a weight as that of a buffer."""
    return "averaged_" + name.replace(".", "_")
