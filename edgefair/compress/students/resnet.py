"""ResNet-18 and ResNet-50: the students that lose least under INT8."""

from __future__ import annotations

from typing import Final, Self

from torch import Tensor, nn
from torch.nn import functional

from edgefair.compress.students.network import Backbone, grey_stem

__all__ = ["ResNet"]

_WIDTHS: Final = (64, 128, 256, 512)
"""Channels inside the blocks of each stage; all but the first stage halve the map."""


class ResNet(Backbone):
    """A residual network, the stride of its bottlenecks in the 3 x 3 convolution ("v1.5").

    The parameters are named as in torchvision's published weights. Those are for colour; grey
    images would repeat their one channel, see `grey_stem`.

    Parameters
    ----------
    blocks : tuple of int
        Blocks of each of the four stages.
    has_bottlenecks : bool
        Three convolutions a block, the middle one narrow, instead of two.

    References
    ----------
    .. [1] K. He, X. Zhang, S. Ren, J. Sun, "Deep residual learning for image recognition",
       CVPR 2016, table 1.
    .. [2] P. Goyal et al., "Accurate, large minibatch SGD", 2017, section 5.1, for the stride.
    """

    stride = 32

    def __init__(self, blocks: tuple[int, int, int, int], *, has_bottlenecks: bool) -> None:
        super().__init__()
        growth = _Bottleneck.growth if has_bottlenecks else 1
        self.feature_size = _WIDTHS[-1] * growth
        self.conv1 = nn.Conv2d(1, _WIDTHS[0], 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(_WIDTHS[0])
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        inputs = _WIDTHS[0]
        for stage, (width, count) in enumerate(zip(_WIDTHS, blocks, strict=True), 1):
            kind = _Bottleneck if has_bottlenecks else _Basic
            layers: list[nn.Module] = [kind(inputs, width, stride=1 if stage == 1 else 2)]
            inputs = width * growth
            layers += [kind(inputs, width, stride=1) for _ in range(count - 1)]
            self.add_module(f"layer{stage}", nn.Sequential(*layers))
        self._start_well()

    @classmethod
    def of_18_layers(cls) -> Self:
        """Return ResNet-18 with random weights."""
        return cls((2, 2, 2, 2), has_bottlenecks=False)

    @classmethod
    def of_50_layers(cls) -> Self:
        """Return ResNet-50 with random weights."""
        return cls((3, 4, 6, 3), has_bottlenecks=True)

    def forward(self, images: Tensor) -> Tensor:
        """Return features, shape (n, 512 or 2048, h / 32, w / 32)."""
        features: Tensor = self.maxpool(functional.relu(self.bn1(self.conv1(images))))
        for stage in range(1, len(_WIDTHS) + 1):
            features = self.get_submodule(f"layer{stage}")(features)
        return features

    def load_pretrained(self, weights: dict[str, Tensor]) -> None:
        """Take over torchvision's published weights, all but their classifier.

        Raises
        ------
        RuntimeError
            If names or shapes are not this network's.
        """
        kept = {name: value for name, value in weights.items() if not name.startswith("fc.")}
        super().load_pretrained(grey_stem(kept, "conv1.weight"))

    def _start_well(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")


class _Basic(nn.Module):
    """Two 3 x 3 convolutions beside a shortcut; figure 5, left, in [1]."""

    def __init__(self, inputs: int, width: int, *, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample = _shortcut(inputs, width, stride)

    def forward(self, features: Tensor) -> Tensor:
        inner = functional.relu(self.bn1(self.conv1(features)))
        inner = self.bn2(self.conv2(inner))
        return functional.relu(inner + self.downsample(features))


class _Bottleneck(nn.Module):
    """Narrow, convolve, widen beside a shortcut; figure 5, right, in [1]."""

    growth: Final = 4

    def __init__(self, inputs: int, width: int, *, stride: int) -> None:
        super().__init__()
        outputs = width * self.growth
        self.conv1 = nn.Conv2d(inputs, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, outputs, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.downsample = _shortcut(inputs, outputs, stride)

    def forward(self, features: Tensor) -> Tensor:
        inner = functional.relu(self.bn1(self.conv1(features)))
        inner = functional.relu(self.bn2(self.conv2(inner)))
        inner = self.bn3(self.conv3(inner))
        return functional.relu(inner + self.downsample(features))


def _shortcut(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    """Return a 1 x 1 convolution where the shape changes, and else nothing."""
    if stride == 1 and inputs == outputs:
        return nn.Sequential()
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
    )
