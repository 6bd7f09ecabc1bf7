"""One tiny network in float32, and images for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from edgefair.bundle.manifest import Contract, Input, Outputs, Task
from edgefair.compress.export import export_onnx

SIDE_PX = 16


class Tiny(nn.Module):
    """A stem, a separable convolution and a residual, as the students have them."""

    feature_size = 16
    stride = 4

    def __init__(self, activation: Callable[[], nn.Module]) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, 8, 3, 2, 1)
        self.depthwise = nn.Conv2d(8, 8, 3, 1, 1, groups=8)
        self.pointwise = nn.Conv2d(8, 16, 1)
        self.last = nn.Conv2d(16, 16, 3, 2, 1)
        self.again = nn.Conv2d(16, 16, 3, 1, 1)
        self.classifier = nn.Conv2d(16, 2, 1)
        self.activation = activation()

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        features = self.activation(self.depthwise(self.activation(self.stem(images))))
        features = self.activation(self.last(self.activation(self.pointwise(features))))
        features = self.activation(features + self.again(features))
        heat_map = self.classifier(features)
        return heat_map.mean((2, 3)), features.mean((2, 3)), heat_map


@dataclass(frozen=True, slots=True, kw_only=True)
class Floating:
    """A float32 model, what it promises, and images for it."""

    model: bytes
    contract: Contract
    images: NDArray[np.float32]


def exported(activation: Callable[[], nn.Module]) -> Floating:
    torch.manual_seed(7)
    network = Tiny(activation)
    with torch.no_grad():  # channels on very different scales, as trained networks have them
        for layer in (network.stem, network.depthwise, network.pointwise):
            layer.weight *= torch.logspace(-1, 1, len(layer.weight)).reshape(-1, 1, 1, 1)
    contract = Contract(
        name="tiny",
        version="1.0.0",
        task=Task.MULTI_LABEL,
        findings=("a", "b"),
        input=Input(name="image", channels=1, height_px=SIDE_PX, width_px=SIDE_PX),
        preprocessing=(),
        outputs=Outputs(
            logits="logits",
            embedding="embedding",
            embedding_size=16,
            heat_map="heat_map",
            heat_map_height=4,
            heat_map_width=4,
        ),
    )
    images = np.random.default_rng(3).normal(size=(24, 1, SIDE_PX, SIDE_PX)).astype(np.float32)
    model = export_onnx(network, contract)  # type: ignore[arg-type]  # it is as good as a Network
    return Floating(model=model, contract=contract, images=images)


@pytest.fixture(scope="session")
def tiny() -> Floating:
    """Return the tiny network with ReLU."""
    return exported(nn.ReLU)


@pytest.fixture(scope="session")
def tiny_relu6() -> Floating:
    """Return the tiny network with ReLU6."""
    return exported(nn.ReLU6)
