"""Tied weights: a decoder that uses the encoder's weights, transposed, and has only biases of its own."""

from __future__ import annotations

import math

from torch import Tensor, nn
from torch.nn.functional import linear

from gm_core.nn.mlp import MLP, Activation, activation


class TiedDecoder(nn.Module):
    """The way back through an MLP: W^T for each of its layers, last one first, with biases of its own.

    The encoder is handed over at each call and not kept, so that each weight is one parameter of one module, saved
    and counted once; its gradient is the sum of those of both ways.
    """

    def __init__(self, encoder: MLP, shape: tuple[int, ...], bend: Activation) -> None:
        super().__init__()
        self.shape = shape
        self.biases = nn.ParameterList()
        for layer in _layers(encoder):
            reach = 1.0 / math.sqrt(layer.out_features)  # as the bias of a linear layer of its own would start
            self.biases.append(nn.init.uniform_(layer.weight.new_empty(layer.in_features), -reach, reach))
        self.bend = activation(bend)

    def forward(self, z: Tensor, encoder: MLP) -> Tensor:
        """Codes (n, d_in) to (n, *shape)."""
        for number, (layer, bias) in enumerate(zip(_layers(encoder), self.biases, strict=True)):
            z = linear(self.bend(z) if number else z, layer.weight.T, bias)
        return z.reshape(*z.shape[:-1], *self.shape)


def _layers(encoder: MLP) -> list[nn.Linear]:
    """Its linear layers, the last one first."""
    return [layer for layer in encoder if isinstance(layer, nn.Linear)][::-1]
