"""Whether a network will bear INT8: how far its numbers spread, and what rounding does to them.

Students of some teachers lose in INT8 what plainly trained ones keep. It shows beforehand: a few
very large values in a layer's input make its 256 steps coarse for all others, and the embedding
of the rounded network turns away from that of the exact one.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from edgefair.bundle.manifest import Contract
from edgefair.compress.students.network import Network
from edgefair.compress.training.answers import Embedding, answers_of
from edgefair.compress.training.machine import Machine
from edgefair.compress.training.noise import rounded_inputs, rounded_layers, rounded_weights

__all__ = ["Int8Fidelity", "LayerSpread", "activation_spread", "int8_fidelity"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerSpread:
    """How far the numbers spread that go into a layer.

    Attributes
    ----------
    name : str
        Of the layer in the backbone.
    low, high : float
    peak_to_rms : float
        Largest magnitude over root mean square: 1.7 for a uniform spread; at 100, one step of
        256 is as large as most values.
    kurtosis : float
        Fourth moment about the mean over the squared variance: 3 for a normal distribution.
    """

    name: str
    low: float
    high: float
    peak_to_rms: float
    kurtosis: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Int8Fidelity:
    """How near the embeddings of a network rounded as INT8 are to its exact ones.

    Attributes
    ----------
    cosine : float
        Mean over pictures of the cosine between both, from the centre of the exact ones: what
        all pictures share would make any two embeddings alike.
    worst_cosine : float
        The smallest.
    relative_error : float
        Root of the squared distance over the exact ones' variance; 0 is a copy, at 1 the
        embedding says nothing any more.
    layers : tuple of LayerSpread
        In the order of the network.
    """

    cosine: float
    worst_cosine: float
    relative_error: float
    layers: tuple[LayerSpread, ...] = field(repr=False)

    @property
    def widest(self) -> LayerSpread:
        """The layer whose input spreads furthest."""
        return max(self.layers, key=lambda layer: layer.peak_to_rms)


def activation_spread(
    network: Network, pictures: NDArray[np.uint8], contract: Contract
) -> tuple[LayerSpread, ...]:
    """Return how far the inputs spread of every layer that INT8 rounds.

    Parameters
    ----------
    network : Network
        Left in evaluation; on a CPU.
    pictures : ndarray of uint8, shape (n, h, w)
    contract : Contract
        Names the preprocessing.
    """
    return _watched(network, pictures, contract)[1]


def int8_fidelity(
    network: Network, pictures: NDArray[np.uint8], contract: Contract
) -> Int8Fidelity:
    """Return what rounding as INT8 does to a network's embeddings.

    Weights are rounded per output channel, the inputs of layers to 256 steps over the range that
    these pictures span; the classifier stays exact. That is `quantize_onnx`, less the rounding
    of sums.

    Parameters
    ----------
    network, pictures, contract
        As in `activation_spread`; at least two pictures.
    """
    exact, layers = _watched(network, pictures, contract)
    ranges = {layer.name: (layer.low, layer.high) for layer in layers}
    with rounded_weights(network.backbone), rounded_inputs(network.backbone, ranges):
        rounded = answers_of(Embedding(network), pictures, contract, _CPU)
    centre = exact.mean(axis=0, dtype=np.float64)
    one, other = exact - centre, rounded - centre
    lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    cosines = (one * other).sum(axis=1) / np.where(lengths > 0, lengths, 1)
    variance = np.square(one).sum()
    error = np.sqrt(np.square(other - one).sum() / variance) if variance > 0 else 0.0
    return Int8Fidelity(
        cosine=float(cosines.mean()),
        worst_cosine=float(cosines.min()),
        relative_error=float(error),
        layers=layers,
    )


_CPU = Machine(device=torch.device("cpu"))


class _Moments:
    """Sums of powers of what has gone into a layer, and its smallest and largest value."""

    def __init__(self) -> None:
        self.low, self.high = np.inf, -np.inf
        self.count = 0
        self.powers = np.zeros(4)

    def add(self, values: Tensor) -> None:
        self.low, self.high = (
            min(self.low, float(values.min())),
            max(self.high, float(values.max())),
        )
        self.count += values.numel()
        power = values.double()
        for exponent in range(4):
            self.powers[exponent] += float(power.sum())
            power = power * values

    def spread(self, name: str) -> LayerSpread:
        first, second, third, fourth = self.powers / max(self.count, 1)
        variance = second - first**2
        moment = fourth - 4 * first * third + 6 * first**2 * second - 3 * first**4
        peak = max(abs(self.low), abs(self.high))
        return LayerSpread(
            name=name,
            low=self.low,
            high=self.high,
            peak_to_rms=float(peak / np.sqrt(second)) if second > 0 else 0.0,
            kurtosis=float(moment / variance**2) if variance > 0 else 0.0,
        )


def _watched(
    network: Network, pictures: NDArray[np.uint8], contract: Contract
) -> tuple[NDArray[np.float32], tuple[LayerSpread, ...]]:
    """Return the exact embeddings, and how far the inputs of the layers spread meanwhile."""
    layers = rounded_layers(network.backbone)
    moments = {name: _Moments() for name, _ in layers}
    with ExitStack() as stack:
        for name, layer in layers:
            stack.enter_context(layer.register_forward_pre_hook(partial(_note, moments[name])))
        exact = answers_of(Embedding(network), pictures, contract, _CPU)
    return exact, tuple(moments[name].spread(name) for name, _ in layers)


def _note(moments: _Moments, _layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
    moments.add(inputs[0])
