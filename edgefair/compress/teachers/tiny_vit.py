"""TinyViT as the SAM family uses it: the image encoder of MobileSAM and LiteMedSAM.

Parameters are named as in the published checkpoints, so that those load as they are.

References
----------
.. [1] K. Wu et al., "TinyViT: fast pretraining distillation for small vision transformers",
   ECCV 2022, section 3.2 and table 1 (5M).
.. [2] C. Zhang et al., "Faster Segment Anything: towards lightweight SAM for mobile
   applications", 2023.
.. [3] J. Ma et al., "Segment anything in medical images", Nature Communications 15 (2024) 654;
   LiteMedSAM is its distilled form.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["NECK_CHANNELS", "STRIDE", "WIDTHS", "TinyVit"]

WIDTHS: Final = (64, 128, 160, 320)
"""Channels of the four stages."""

NECK_CHANNELS: Final = 256

STRIDE: Final = {"lite-medsam": 4, "mobile-sam": 16}
"""Pixels a place of the last feature map stands for, down and across."""

_DEPTHS: Final = (2, 2, 6, 2)
_HEADS: Final = (2, 4, 5, 10)
_WINDOWS: Final = (7, 7, 14, 7)
_EXPANSION: Final = 4


class TinyVit(nn.Module):
    """The image encoder: images (n, 3, h, w) to features before and after its neck.

    Parameters
    ----------
    kernel : int
        Of the two convolutions that cut the image into patches: 3, each of stride 2, in
        MobileSAM; 1, each of stride 1, in LiteMedSAM, whose images are a quarter as wide.
    """

    def __init__(self, *, kernel: int) -> None:
        super().__init__()
        self.patch_embed = _PatchEmbedding(kernel)
        # the last stage keeps the resolution of the one before it [2]
        self.layers = nn.ModuleList(
            [
                _ConvolutionStage(WIDTHS[0], WIDTHS[1]),
                _AttentionStage(1, _Merging(WIDTHS[1], WIDTHS[2], stride=2)),
                _AttentionStage(2, _Merging(WIDTHS[2], WIDTHS[3], stride=1)),
                _AttentionStage(3, None),
            ]
        )
        self.neck = nn.Sequential(
            nn.Conv2d(WIDTHS[3], NECK_CHANNELS, 1, bias=False),
            _ChannelNorm(NECK_CHANNELS),
            nn.Conv2d(NECK_CHANNELS, NECK_CHANNELS, 3, padding=1, bias=False),
            _ChannelNorm(NECK_CHANNELS),
        )

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return features (n, 320, h / stride, w / stride), and (n, 256, ...) after the neck."""
        features = self.patch_embed(images)
        for layer in self.layers:
            features = layer(features)
        return features, self.neck(features)


class _NormedConv(nn.Module):
    """A convolution without bias, then batch norm."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int, *, stride: int = 1, groups: int = 1
    ) -> None:
        super().__init__()
        self.c = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
        self.bn = nn.BatchNorm2d(outputs)

    def forward(self, features: Tensor) -> Tensor:
        normed: Tensor = self.bn(self.c(features))
        return normed


class _PatchEmbedding(nn.Module):
    def __init__(self, kernel: int) -> None:
        super().__init__()
        stride = 2 if kernel > 1 else 1
        self.seq = nn.Sequential(
            _NormedConv(3, WIDTHS[0] // 2, kernel, stride=stride),
            nn.GELU(),
            _NormedConv(WIDTHS[0] // 2, WIDTHS[0], kernel, stride=stride),
        )

    def forward(self, images: Tensor) -> Tensor:
        embedded: Tensor = self.seq(images)
        return embedded


class _InvertedBottleneck(nn.Module):
    """MBConv: expand, convolve each channel by itself, project, add, activate."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        wide = channels * _EXPANSION
        self.conv1 = _NormedConv(channels, wide, 1)
        self.conv2 = _NormedConv(wide, wide, 3, groups=wide)
        self.conv3 = _NormedConv(wide, channels, 1)

    def forward(self, features: Tensor) -> Tensor:
        wide = functional.gelu(self.conv1(features))
        wide = functional.gelu(self.conv2(wide))
        return functional.gelu(features + self.conv3(wide))


class _Merging(nn.Module):
    """Downsampling by a convolution, between two that set the width."""

    def __init__(self, inputs: int, outputs: int, *, stride: int) -> None:
        super().__init__()
        self.conv1 = _NormedConv(inputs, outputs, 1)
        self.conv2 = _NormedConv(outputs, outputs, 3, stride=stride, groups=outputs)
        self.conv3 = _NormedConv(outputs, outputs, 1)

    def forward(self, features: Tensor) -> Tensor:
        merged = functional.gelu(self.conv1(features))
        merged = functional.gelu(self.conv2(merged))
        projected: Tensor = self.conv3(merged)
        return projected


class _ConvolutionStage(nn.Module):
    def __init__(self, channels: int, outputs: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(_InvertedBottleneck(channels) for _ in range(_DEPTHS[0]))
        self.downsample = _Merging(channels, outputs, stride=2)

    def forward(self, features: Tensor) -> Tensor:
        for block in self.blocks:
            features = block(features)
        merged: Tensor = self.downsample(features)
        return merged


class _AttentionStage(nn.Module):
    def __init__(self, stage: int, downsample: _Merging | None) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(_Block(stage) for _ in range(_DEPTHS[stage]))
        self.downsample = downsample

    def forward(self, features: Tensor) -> Tensor:
        for block in self.blocks:
            features = block(features)
        return features if self.downsample is None else self.downsample(features)


class _Block(nn.Module):
    """Attention within windows, a local convolution between them, a perceptron [1]."""

    def __init__(self, stage: int) -> None:
        super().__init__()
        channels = WIDTHS[stage]
        self._window = _WINDOWS[stage]
        self.attn = _Attention(channels, heads=_HEADS[stage], window=self._window)
        self.local_conv = _NormedConv(channels, channels, 3, groups=channels)
        self.mlp = _Perceptron(channels)

    def forward(self, features: Tensor) -> Tensor:
        attended = features.permute(0, 2, 3, 1)
        attended = attended + self._attend(attended)
        places: Tensor = self.local_conv(attended.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        places = places + self.mlp(places)
        return places.permute(0, 3, 1, 2)

    def _attend(self, places: Tensor) -> Tensor:
        """Return what attention within each window adds, shape (n, h, w, channels) as given."""
        n, height, width, channels = places.shape
        side = self._window
        if (height, width) == (side, side):
            whole: Tensor = self.attn(places.reshape(n, side * side, channels))
            return whole.reshape(places.shape)
        # windows that reach beyond the map see zeros there, which the norm turns to its bias
        padded = functional.pad(places, (0, 0, 0, -width % side, 0, -height % side))
        down, across = padded.shape[1] // side, padded.shape[2] // side
        windows = padded.reshape(n, down, side, across, side, channels).transpose(2, 3)
        attended: Tensor = self.attn(windows.reshape(-1, side * side, channels))
        tiles = attended.reshape(n, down, across, side, side, channels).transpose(2, 3)
        return tiles.reshape(padded.shape)[:, :height, :width]


class _Attention(nn.Module):
    """Self-attention with a learned bias for each head and each distance, down and across.

    The distance has no sign: a window's biases look the same from its left and its right.
    """

    def __init__(self, channels: int, *, heads: int, window: int) -> None:
        super().__init__()
        self._heads = heads
        self.norm = nn.LayerNorm(channels)
        self.qkv = nn.Linear(channels, 3 * channels)
        self.proj = nn.Linear(channels, channels)
        self.attention_biases = nn.Parameter(torch.zeros(heads, window * window))
        row, column = (
            torch.arange(window * window) // window,
            torch.arange(window * window) % window,
        )
        down = (row[:, None] - row).abs()
        across = (column[:, None] - column).abs()
        # follows from the window, so checkpoints leave it out
        self.register_buffer("_distance", down * window + across, persistent=False)

    def forward(self, tokens: Tensor) -> Tensor:
        n, count, channels = tokens.shape
        # each head's query, key and value lie side by side
        joint = self.qkv(self.norm(tokens)).reshape(n, count, self._heads, -1)
        query, key, value = joint.transpose(1, 2).chunk(3, dim=-1)
        bias = self.attention_biases[:, self.get_buffer("_distance")]
        attended = functional.scaled_dot_product_attention(query, key, value, attn_mask=bias)
        projected: Tensor = self.proj(attended.transpose(1, 2).reshape(n, count, channels))
        return projected


class _Perceptron(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.fc1 = nn.Linear(channels, _EXPANSION * channels)
        self.fc2 = nn.Linear(_EXPANSION * channels, channels)

    def forward(self, tokens: Tensor) -> Tensor:
        wide = functional.gelu(self.fc1(self.norm(tokens)))
        narrow: Tensor = self.fc2(wide)
        return narrow


class _ChannelNorm(nn.Module):
    """Layer norm over the channels of each place, as in SAM's neck."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, features: Tensor) -> Tensor:
        last = features.permute(0, 2, 3, 1)
        normed = functional.layer_norm(last, last.shape[-1:], self.weight, self.bias, eps=1e-6)
        return normed.permute(0, 3, 1, 2)
