"""What INT8 does to numbers, done to a network in float: while it learns, or to look at it.

Weights are rounded as `quantize_onnx` rounds them, signed, per output channel, symmetric about
0. Rounding before or after a batch norm is folded into the convolution comes to the same: that
multiplies a channel's weights and with them its scale.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial

import torch
from torch import Tensor, nn

__all__ = ["fake_int8", "fake_uint8", "rounded_inputs", "rounded_layers", "rounded_weights"]


def fake_int8(weight: Tensor) -> Tensor:
    """Return weights rounded to 255 steps of each output channel's largest magnitude.

    Parameters
    ----------
    weight : Tensor, shape (outputs, ...)

    Examples
    --------
    >>> fake_int8(torch.tensor([[1.27, 0.014], [0.0, 0.0]]))
    tensor([[1.2700, 0.0100],
            [0.0000, 0.0000]])
    """
    peaks = weight.abs().amax(dim=tuple(range(1, weight.dim())), keepdim=True)
    scale = peaks.clamp(min=torch.finfo(weight.dtype).tiny * 127) / 127
    return (weight / scale).round() * scale


def fake_uint8(values: Tensor, low: float, high: float) -> Tensor:
    """Return values rounded to 256 steps from `low` to `high`, one of which is 0.

    Parameters
    ----------
    values : Tensor
    low, high : float
        Smallest and largest value that is kept.

    Examples
    --------
    >>> fake_uint8(torch.tensor([-1.0, 0.003, 0.6, 300.0]), 0.0, 255.0)
    tensor([  0.,   0.,   1., 255.])
    """
    low, high = min(low, 0.0), max(high, 0.0)
    if high == low:
        return values
    scale = (high - low) / 255
    zero = round(-low / scale)
    return ((values / scale).round() + zero).clamp(0, 255).sub(zero).mul(scale)


def rounded_layers(network: nn.Module) -> tuple[tuple[str, nn.Module], ...]:
    """Return the layers whose weights INT8 rounds, by name: convolutions and linear ones."""
    kinds = (nn.Conv1d, nn.Conv2d, nn.Linear)
    return tuple((name, part) for name, part in network.named_modules() if isinstance(part, kinds))


@contextmanager
def rounded_weights(network: nn.Module) -> Iterator[None]:
    """Let a network work with rounded weights, and give it the true ones back afterwards.

    A step that ends its backward pass inside leaves gradients for the true weights as if the
    rounding were not there: the straight-through estimator (Bengio et al., 2013).
    """
    weights = [layer.get_parameter("weight") for _, layer in rounded_layers(network)]
    true = [weight.data for weight in weights]
    for weight in weights:
        weight.data = fake_int8(weight.data)
    try:
        yield
    finally:
        for weight, data in zip(weights, true, strict=True):
            weight.data = data


@contextmanager
def rounded_inputs(
    network: nn.Module, ranges: Mapping[str, tuple[float, float]] | None = None
) -> Iterator[None]:
    """Let a network round what goes into each layer that INT8 rounds; gradients pass through.

    Parameters
    ----------
    network : Module
    ranges : mapping of str to (float, float), optional
        Smallest and largest value for each layer, by name; by default those of each batch.
    """
    with ExitStack() as stack:
        for name, layer in rounded_layers(network):
            known = None if ranges is None else ranges[name]
            stack.enter_context(layer.register_forward_pre_hook(partial(_round_input, known)))
        yield


def _round_input(
    known: tuple[float, float] | None, _layer: nn.Module, inputs: tuple[Tensor, ...]
) -> tuple[Tensor, ...]:
    values = inputs[0]
    with torch.no_grad():
        low, high = known or (float(values.min()), float(values.max()))
        change = fake_uint8(values, low, high) - values
    return (values + change, *inputs[1:])
