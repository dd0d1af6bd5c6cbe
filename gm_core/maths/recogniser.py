"""A small classifier of our own that looks at drawn pictures: can one see what they are, and are all classes there?

    recognised   exp E_x KL(p(y|x) || p(y)), 1 to K      Salimans et al. 2016, arXiv:1606.03498, with our classifier
    class KL     KL(how often each class is seen || how often it should be), in nats

It is trained in seconds on the labels of the training examples, from a fixed seed, so that its numbers can be compared
between models of one data set, and with nobody else's.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from gm_core.maths.optimisers import Adam
from gm_core.maths.two_sample import Measure, Steps

CHANNELS = (16, 32)
PENULTIMATE = 64
"""Features before the last layer, on which a Frechet distance can be taken."""
BATCH = 64
UPDATES = 300
RATE = 2e-3


class Recogniser(nn.Module):
    """Two convolutions, 64 features, one logit a class; takes pictures (n, c, h, w) in any range."""

    def __init__(self, shape: tuple[int, ...], classes: int, mean: float, std: float, rng: torch.Generator) -> None:
        super().__init__()
        channels, height, width = shape
        first, second = CHANNELS
        stride = 2 if min(height, width) > 16 else 1
        self.mean, self.std = mean, std
        convolutions = [nn.Conv2d(channels, first, 3, stride, 1), nn.Conv2d(first, second, 3, 2, 1)]
        for _ in range(2):
            height, width = height if stride == 1 else (height + 1) // 2, width if stride == 1 else (width + 1) // 2
            stride = 2
        self.look = nn.Sequential(convolutions[0], nn.ReLU(), convolutions[1], nn.ReLU(), nn.Flatten())
        self.gather = nn.Linear(second * height * width, PENULTIMATE)
        self.decide = nn.Linear(PENULTIMATE, classes)
        with torch.no_grad():
            for name, parameter in self.named_parameters():
                if name.endswith("bias"):
                    parameter.zero_()
                else:
                    parameter.normal_(0.0, math.sqrt(2.0 / parameter[0].numel()), generator=rng)

    def features(self, x: Tensor) -> Tensor:
        """What it sees in pictures (n, c, h, w): (n, 64)."""
        seen: Tensor = self.gather(self.look((x.float() - self.mean) / self.std))
        return seen.relu()

    def forward(self, x: Tensor) -> Tensor:
        """Logits (n, classes)."""
        logits: Tensor = self.decide(self.features(x))
        return logits


def learn(x: Tensor, y: Tensor, classes: int, seed: int = 0, updates: int = UPDATES) -> Steps[Recogniser]:
    """Train a recogniser on pictures x (n, c, h, w) with labels y (n,); a safe point after each of its updates.

    Adam with a step size that falls to 0 along a cosine; everything follows from the seed.
    """
    rng = torch.Generator().manual_seed(seed)
    shape = tuple(x.shape[1:])
    with torch.random.fork_rng(devices=[]):  # torch fills layers from its global generator before we do
        network = Recogniser(shape, classes, float(x.mean()), float(x.std()) or 1.0, rng).to(x.device)
    optimiser = Adam(network.parameters(), RATE)
    order = torch.empty(0, dtype=torch.int64)
    for update in range(updates):
        if len(order) < BATCH:
            order = torch.cat([order, torch.randperm(len(x), generator=rng)])
        chosen, order = order[:BATCH].to(x.device), order[BATCH:]
        optimiser.param_groups[0]["lr"] = RATE * 0.5 * (1 + math.cos(math.pi * update / updates))
        with torch.enable_grad():
            loss = nn.functional.cross_entropy(network(x[chosen]), y[chosen])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        yield None
    return network.eval().requires_grad_(False)


def right(logits: Tensor, y: Tensor) -> Measure:
    """The share of pictures that are taken for the class y (n,) that they should be of."""
    share = float((logits.argmax(1) == y).double().mean())
    return Measure(share, math.sqrt(share * (1 - share) / len(y)))


def recognised(logits: Tensor) -> Measure:
    """exp E KL(p(y|x) || p(y)) of logits (n, K): K where each picture is surely of one class and all are there, else
    less; 1 where every picture looks the same. The error is that of the mean KL."""
    logs = torch.log_softmax(logits.double(), 1)
    p = logs.exp()
    mean = p.mean(0).clamp(min=1e-300).log()
    nats = (p * (logs - mean)).sum(1)
    score = float(nats.mean().exp())
    return Measure(score, score * float(nats.std()) / math.sqrt(len(nats)))


def class_divergence(logits: Tensor, due: Tensor) -> Measure:
    """KL(seen || due) in nats, where logits (n, K) say which class each picture is taken for and `due` (K,) how often
    each should come; about (K - 1) / 2n by chance alone. Infinite where a class is seen that is never due."""
    guesses = logits.argmax(1)
    seen = torch.bincount(guesses, minlength=len(due)).double() / len(guesses)
    ratio = torch.where(seen > 0, seen / due.to(seen), 1.0).log()
    spread = float((seen * ratio.square()).sum() - (seen * ratio).sum().square())
    return Measure(float((seen * ratio).sum()), math.sqrt(max(0.0, spread) / len(guesses)))
