"""What a network looks for first and draws with last: the weights next to the example, shaped like pieces of it."""

from __future__ import annotations

from torch import Tensor, nn


def first_filters(encoder: nn.Module, shape: tuple[int, ...]) -> Tensor:
    """The weights of the first layer of an encoder of examples of this shape: (m, c, h, w), one for each unit.

    A fully connected layer looks at the whole example, so h and w are those of the example ((1, 1, d) for vectors); a
    convolution looks at one small piece. What an encoder is told after the example (a label, as more numbers or more
    channels) is left out. Raises ValueError where the first layer is of another kind or too small.
    """
    for layer in encoder.modules():
        if isinstance(layer, nn.Linear):
            return as_pieces(layer.weight.detach(), shape)
        if isinstance(layer, nn.Conv2d):
            return layer.weight.detach()[:, : shape[0]]
    raise ValueError(f"{type(encoder).__name__} has neither a linear layer nor a convolution")


def last_atoms(decoder: nn.Module, shape: tuple[int, ...]) -> Tensor:
    """What each unit of the last hidden layer adds to an example of this shape: (m, c, h, w).

    The columns of a fully connected layer, or the kernels of a transposed convolution. Raises ValueError where the last
    layer is of another kind or size.
    """
    for layer in reversed(list(decoder.modules())):
        if isinstance(layer, nn.Linear):
            return as_pieces(layer.weight.detach().T, shape)
        if isinstance(layer, nn.ConvTranspose2d):
            return layer.weight.detach()
    raise ValueError(f"{type(decoder).__name__} has neither a linear layer nor a transposed convolution")


def as_pieces(weight: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Rows of at least as many numbers as an example has, (m, size), as (m, c, h, w); what is beyond is left out."""
    whole = shape if len(shape) == 3 else (1, 1, shape[0])
    size = whole[0] * whole[1] * whole[2]
    if weight.shape[1] < size:
        raise ValueError(f"a layer of {weight.shape[1]} numbers does not look at examples of shape {shape}")
    return weight[:, :size].reshape(-1, *whole)
