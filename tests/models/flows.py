"""Closed-form velocities of Gaussian mixtures, put in the place of a network: what flows must make of them is known."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gm_core.model import build
from gm_core.models.flow_matching import FlowMatching
from gm_core.protocol.cards import DataCard

PLANE = DataCard("plane", "Plane", (2,), "continuous", (-6.0, 6.0))


class Known(nn.Module):
    """E[x - eps | x_t] for data sum_k w_k N(m_k, s^2 I) and independent noise, in the place of a trained network.

    x and x_t are jointly Gaussian within a component: with c = t^2 s^2 + (1 - t)^2 the velocity of component k is
    m_k + (t s^2 - (1 - t)) / c (x_t - t m_k), and components are weighted by their share in x_t.
    """

    def __init__(self, centres: Tensor, sigma: float, weights: Tensor | None = None) -> None:
        super().__init__()
        self.centres, self.sigma = centres.double(), sigma
        self.logs = (torch.ones(len(centres)) / len(centres) if weights is None else weights).double().log()
        self.anchor = nn.Parameter(torch.zeros((), dtype=torch.float64))  # says type and device, as weights would
        self.calls = 0

    def forward(self, x: Tensor, t: Tensor, y: Tensor | None = None) -> Tensor:
        """(n, d) and (n,) to (n, d)."""
        self.calls += 1
        t = t[:, None]
        spread = t.square() * self.sigma**2 + (1 - t).square()
        away = x[:, None] - t[:, None] * self.centres
        share = (self.logs - 0.5 * away.square().sum(-1) / spread).softmax(-1)
        each = self.centres + (t * self.sigma**2 - (1 - t))[:, None] / spread[:, None] * away
        return (share[..., None] * each).sum(1)

    def log_prob(self, x: Tensor) -> Tensor:
        """The mixture's own ln p."""
        parts = torch.distributions.MultivariateNormal(self.centres, self.sigma**2 * torch.eye(x.shape[1]).double())
        shares = torch.distributions.Categorical(logits=self.logs)
        return torch.distributions.MixtureSameFamily(shares, parts).log_prob(x)

    def marginal(self, t: float) -> Known:
        """The same of p_t: its log_prob is that of x_t."""
        return Known(t * self.centres, (t**2 * self.sigma**2 + (1 - t) ** 2) ** 0.5, self.logs.exp())


def knowing(network: nn.Module, card: DataCard = PLANE, **spec: object) -> FlowMatching:
    """A flow whose velocity is known."""
    model = build({"kind": "flow_matching", **spec}, card)
    assert isinstance(model, FlowMatching)
    model.network = network
    return model.eval()


def blobs() -> Known:
    """Three spots of different weight."""
    return Known(torch.tensor([[2.0, 0.0], [-1.0, 1.5], [-0.5, -2.0]]), 0.4, torch.tensor([0.5, 0.3, 0.2]))


def seeded(seed: int) -> torch.Generator:
    """A generator on the CPU."""
    return torch.Generator().manual_seed(seed)
