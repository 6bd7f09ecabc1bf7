"""EfficientNet-Lite0, the default student: pretrained weights at hand, made for INT8."""

from __future__ import annotations

from typing import Final, NamedTuple

from torch import Tensor, nn
from torch.nn import functional

from edgefair.compress.students.network import Backbone, grey_stem

__all__ = ["EfficientNetLite0"]


class EfficientNetLite0(Backbone):
    """EfficientNet-Lite0: EfficientNet-B0 made for INT8, with ReLU6, no squeeze-and-excitation.

    The parameters are named as in the published PyTorch weights. Those are for colour; grey
    images would repeat their one channel, which is the same as one channel with the sum of the
    stem's weights (`grey_stem`), and cheaper.

    References
    ----------
    .. [1] M. Tan, Q. Le, "EfficientNet: rethinking model scaling for convolutional neural
       networks", ICML 2019, table 1.
    .. [2] R. Liu, "Higher accuracy on vision models with EfficientNet-Lite", TensorFlow blog,
       2020.
    """

    feature_size = 1280
    stride = 32

    def __init__(self) -> None:
        super().__init__()
        self._conv_stem = _SameConv2d(1, 32, kernel=3, stride=2)
        self._bn0 = _batch_norm(32)
        self._blocks = nn.ModuleList(_lite0_blocks())
        self._conv_head = _SameConv2d(320, self.feature_size, kernel=1)
        self._bn1 = _batch_norm(self.feature_size)

    def forward(self, images: Tensor) -> Tensor:
        """Return features, shape (n, 1280, h / 32, w / 32)."""
        features = functional.relu6(self._bn0(self._conv_stem(images)))
        for block in self._blocks:
            features = block(features)
        return functional.relu6(self._bn1(self._conv_head(features)))

    def load_pretrained(self, weights: dict[str, Tensor]) -> None:
        """Take over published weights, all but their classifier.

        The first layers, which see edges in any picture, are not trained further: half of the
        time of a training step would go into them.

        Parameters
        ----------
        weights : dict of str to Tensor
            A state dictionary, from `edgefair.compress.weights.load_weights`.

        Raises
        ------
        RuntimeError
            If names or shapes are not this network's.
        """
        kept = {name: value for name, value in weights.items() if not name.startswith("_fc.")}
        kept = grey_stem(kept, "_conv_stem.weight")
        super().load_pretrained(kept)
        for layer in (self._conv_stem, self._bn0, *self._blocks[:_KEPT_BLOCKS]):
            layer.requires_grad_(False)


_KEPT_BLOCKS: Final = 3
"""Blocks of EfficientNet-Lite0 up to a quarter of the input's size."""


class _Stage(NamedTuple):
    """Row of table 1 in [1], with the widths of B0."""

    repeats: int
    kernel: int
    stride: int
    expansion: int
    channels: int


_LITE0_STAGES: Final = (
    _Stage(repeats=1, kernel=3, stride=1, expansion=1, channels=16),
    _Stage(repeats=2, kernel=3, stride=2, expansion=6, channels=24),
    _Stage(repeats=2, kernel=5, stride=2, expansion=6, channels=40),
    _Stage(repeats=3, kernel=3, stride=2, expansion=6, channels=80),
    _Stage(repeats=3, kernel=5, stride=1, expansion=6, channels=112),
    _Stage(repeats=4, kernel=5, stride=2, expansion=6, channels=192),
    _Stage(repeats=1, kernel=3, stride=1, expansion=6, channels=320),
)


def _lite0_blocks() -> list[_InvertedResidual]:
    blocks = []
    channels = 32
    for stage in _LITE0_STAGES:
        for repeat in range(stage.repeats):
            first = stage._replace(stride=stage.stride if repeat == 0 else 1)
            blocks.append(_InvertedResidual(channels, first))
            channels = stage.channels
    return blocks


class _InvertedResidual(nn.Module):
    """Expand, convolve each channel by itself, project; Sandler et al., "MobileNetV2", 2018."""

    def __init__(self, channels: int, stage: _Stage) -> None:
        super().__init__()
        wide = channels * stage.expansion
        self._has_residual = stage.stride == 1 and channels == stage.channels
        self._has_expansion = stage.expansion > 1
        if self._has_expansion:
            self._expand_conv = _SameConv2d(channels, wide, kernel=1)
            self._bn0 = _batch_norm(wide)
        self._depthwise_conv = _SameConv2d(
            wide, wide, kernel=stage.kernel, stride=stage.stride, groups=wide
        )
        self._bn1 = _batch_norm(wide)
        self._project_conv = _SameConv2d(wide, stage.channels, kernel=1)
        self._bn2 = _batch_norm(stage.channels)

    def forward(self, features: Tensor) -> Tensor:
        wide = features
        if self._has_expansion:
            wide = functional.relu6(self._bn0(self._expand_conv(features)))
        wide = functional.relu6(self._bn1(self._depthwise_conv(wide)))
        projected: Tensor = self._bn2(self._project_conv(wide))
        return features + projected if self._has_residual else projected


class _SameConv2d(nn.Conv2d):
    """A convolution without bias, padded as TensorFlow's ``SAME``, as the weights want it.

    With stride 2 on an even size that is one pixel more at the right and the bottom.
    """

    def __init__(
        self, inputs: int, outputs: int, *, kernel: int, stride: int = 1, groups: int = 1
    ) -> None:
        is_even = stride == 1
        margin = kernel // 2 if is_even else 0
        super().__init__(inputs, outputs, kernel, stride, margin, groups=groups, bias=False)
        before, after = (kernel - stride) // 2, (kernel - 1) // 2
        self._extra = None if is_even else (before, after, before, after)

    def forward(self, input: Tensor) -> Tensor:
        padded = functional.pad(input, self._extra) if self._extra else input
        return super().forward(padded)


def _batch_norm(channels: int) -> nn.BatchNorm2d:
    # the epsilon that the published weights were trained with
    return nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01)
