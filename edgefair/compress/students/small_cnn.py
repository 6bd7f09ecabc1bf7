"""A few convolutions, for phantoms and trials."""

from __future__ import annotations

from torch import Tensor, nn

from edgefair.compress.students.network import Backbone

__all__ = ["SmallCnn"]


class SmallCnn(Backbone):
    """A few convolutions, most of them separable, trained from nothing: for phantoms and trials.

    Depthwise and pointwise convolutions as in Howard et al., "MobileNets", 2017.
    """

    feature_size = 96
    stride = 16

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *_convolution(1, 16, kernel=3, stride=2),
            *_convolution(16, 24, kernel=3, stride=2),
            *_separable(24, 48, stride=2),
            *_separable(48, 64, stride=1),
            *_separable(64, 96, stride=2),
            *_separable(96, self.feature_size, stride=1),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Return features, shape (n, 96, h / 16, w / 16)."""
        features: Tensor = self.layers(images)
        return features


def _convolution(
    inputs: int, outputs: int, *, kernel: int, stride: int = 1, groups: int = 1
) -> tuple[nn.Module, ...]:
    return (
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU6(),
    )


def _separable(inputs: int, outputs: int, *, stride: int) -> tuple[nn.Module, ...]:
    return (
        *_convolution(inputs, inputs, kernel=3, stride=stride, groups=inputs),
        *_convolution(inputs, outputs, kernel=1),
    )
