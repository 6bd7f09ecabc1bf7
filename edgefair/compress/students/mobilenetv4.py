"""MobileNetV4-conv-small: the fastest student, ReLU and no squeeze-and-excitation."""

from __future__ import annotations

from typing import Final, NamedTuple

from torch import Tensor, nn
from torch.nn import functional

from edgefair.compress.students.network import Backbone, grey_stem

__all__ = ["MobileNetV4ConvSmall"]


class MobileNetV4ConvSmall(Backbone):
    """MobileNetV4-conv-small up to its last feature map.

    The published network has one more layer, of 1280, behind global pooling; a logit from there
    would not be the mean of a map, so it is left out, and with it half of the parameters.

    The parameters are named as in timm's published weights. Those are for colour; grey images
    would repeat their one channel, see `grey_stem`.

    References
    ----------
    .. [1] D. Qin et al., "MobileNetV4: universal models for the mobile ecosystem", ECCV 2024,
       section 3.1 (universal inverted bottleneck) and the table of conv-small.
    """

    feature_size = 960
    stride = 32

    def __init__(self) -> None:
        super().__init__()
        self.conv_stem = nn.Conv2d(1, _STEM, 3, 2, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(_STEM)
        self.blocks = nn.Sequential(*_stages())
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, images: Tensor) -> Tensor:
        """Return features, shape (n, 960, h / 32, w / 32)."""
        features: Tensor = self.blocks(functional.relu(self.bn1(self.conv_stem(images))))
        return features

    def load_pretrained(self, weights: dict[str, Tensor]) -> None:
        """Take over timm's published weights, all but the layers behind the pooling.

        Raises
        ------
        RuntimeError
            If names or shapes are not this network's.
        """
        kept = {
            name: value for name, value in weights.items() if not name.startswith(_BEHIND_POOLING)
        }
        super().load_pretrained(grey_stem(kept, "conv_stem.weight"))


_STEM: Final = 32
_BEHIND_POOLING: Final = ("conv_head.", "norm_head.", "classifier.")


class _Plain(NamedTuple):
    """A convolution, batch norm and ReLU."""

    kernel: int
    stride: int
    channels: int


class _Universal(NamedTuple):
    """A universal inverted bottleneck; a kernel of 0 leaves that depthwise convolution out."""

    start: int
    middle: int
    stride: int
    expansion: int
    channels: int


_STAGES: Final[tuple[tuple[_Plain | _Universal, ...], ...]] = (
    (_Plain(3, 2, 32), _Plain(1, 1, 32)),
    (_Plain(3, 2, 96), _Plain(1, 1, 64)),
    (
        _Universal(5, 5, 2, 3, 96),
        *(_Universal(0, 3, 1, 2, 96),) * 4,
        _Universal(3, 0, 1, 4, 96),
    ),
    (
        _Universal(3, 3, 2, 6, 128),
        _Universal(5, 5, 1, 4, 128),
        _Universal(0, 5, 1, 4, 128),
        _Universal(0, 5, 1, 3, 128),
        *(_Universal(0, 3, 1, 4, 128),) * 2,
    ),
    (_Plain(1, 1, 960),),
)
"""Rows of the table of conv-small in [1], behind the stem."""


def _stages() -> list[nn.Sequential]:
    stages = []
    channels = _STEM
    for rows in _STAGES:
        blocks: list[nn.Module] = []
        for row in rows:
            if isinstance(row, _Plain):
                blocks.append(_PlainBlock(channels, row))
            else:
                blocks.append(_UniversalBlock(channels, row))
            channels = row.channels
        stages.append(nn.Sequential(*blocks))
    return stages


class _PlainBlock(nn.Module):
    def __init__(self, inputs: int, row: _Plain) -> None:
        super().__init__()
        margin = row.kernel // 2
        self.conv = nn.Conv2d(inputs, row.channels, row.kernel, row.stride, margin, bias=False)
        self.bn1 = nn.BatchNorm2d(row.channels)

    def forward(self, features: Tensor) -> Tensor:
        return functional.relu(self.bn1(self.conv(features)))


class _UniversalBlock(nn.Module):
    """Depthwise, expand, depthwise, project; only the wide layers are followed by ReLU."""

    def __init__(self, inputs: int, row: _Universal) -> None:
        super().__init__()
        wide = inputs * row.expansion
        self._has_residual = row.stride == 1 and inputs == row.channels
        # the later of the two depthwise convolutions takes the stride
        first_stride = 1 if row.middle else row.stride
        self.dw_start = _normed(inputs, inputs, row.start, stride=first_stride)
        self.pw_exp = _normed(inputs, wide, 1)
        self.dw_mid = _normed(wide, wide, row.middle, stride=row.stride)
        self.pw_proj = _normed(wide, row.channels, 1)

    def forward(self, features: Tensor) -> Tensor:
        wide = functional.relu(self.pw_exp(self.dw_start(features)))
        if len(self.dw_mid):
            wide = functional.relu(self.dw_mid(wide))
        projected: Tensor = self.pw_proj(wide)
        return features + projected if self._has_residual else projected


def _normed(inputs: int, outputs: int, kernel: int, *, stride: int = 1) -> nn.Sequential:
    """Return a convolution and its batch norm, by channels where `kernel` is above 1."""
    layers = nn.Sequential()
    if kernel:
        groups = inputs if kernel > 1 else 1
        layers.add_module(
            "conv",
            nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        )
        layers.add_module("bn", nn.BatchNorm2d(outputs))
    return layers
