"""Small vision transformers: plain ones, whose patches are the places of the feature map."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from edgefair.compress.students.network import Backbone, fixed_sizes

__all__ = ["VisionTransformer"]

_PATCH_PX: Final = 16
_MLP_RATIO: Final = 4
_TEMPERATURE: Final = 10_000.0
"""Longest wave of the positions' sines."""


class VisionTransformer(Backbone):
    """A vision transformer without class token, its positions fixed sines in two dimensions.

    So any size that is a multiple of 16 will do, and the mean over patches, which is what a
    finding's logit is read from, is what the network is trained for [2]. Published weights have
    learned positions and a class token: ``timm:`` takes these.

    Parameters
    ----------
    width : int
        Size of a token, a multiple of 4 and of `heads`.
    depth : int
        Number of blocks.
    heads : int

    References
    ----------
    .. [1] A. Dosovitskiy et al., "An image is worth 16x16 words: transformers for image
       recognition at scale", ICLR 2021.
    .. [2] L. Beyer, X. Zhai, A. Kolesnikov, "Better plain ViT baselines for ImageNet-1k", 2022.
    .. [3] H. Touvron et al., "Training data-efficient image transformers", ICML 2021, table 1,
       for the widths and depths of Ti and S.
    """

    stride = _PATCH_PX

    def __init__(self, *, width: int, depth: int, heads: int) -> None:
        super().__init__()
        self.feature_size = width
        self.patches = nn.Conv2d(1, width, _PATCH_PX, _PATCH_PX)
        self.blocks = nn.Sequential(*(_Block(width, heads) for _ in range(depth)))
        self.norm = nn.LayerNorm(width, eps=1e-6)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=0.02)
                nn.init.zeros_(module.bias)

    def forward(self, images: Tensor) -> Tensor:
        """Return features, shape (n, width, h / 16, w / 16)."""
        patches = self.patches(images)
        size, height, width = fixed_sizes(patches)
        tokens = patches.reshape(-1, size, height * width).transpose(1, 2)
        tokens = tokens + _positions(height, width, size).to(tokens.device)
        tokens = self.norm(self.blocks(tokens)).transpose(1, 2)
        features: Tensor = tokens.reshape(-1, size, height, width)
        return features


class _Block(nn.Module):
    """Attention and a perceptron, each behind a layer norm and beside a shortcut."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=1e-6)
        self.attention = _Attention(width, heads)
        self.norm2 = nn.LayerNorm(width, eps=1e-6)
        self.widen = nn.Linear(width, width * _MLP_RATIO)
        self.narrow = nn.Linear(width * _MLP_RATIO, width)

    def forward(self, tokens: Tensor) -> Tensor:
        tokens = tokens + self.attention(self.norm1(tokens))
        wide = functional.gelu(self.widen(self.norm2(tokens)))
        narrowed: Tensor = self.narrow(wide)
        return tokens + narrowed


class _Attention(nn.Module):
    """Every token gathers from all others, by several heads; Vaswani et al., 2017."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self._heads = heads
        self._scale = (width // heads) ** -0.5
        self.qkv = nn.Linear(width, 3 * width)
        self.joined = nn.Linear(width, width)

    def forward(self, tokens: Tensor) -> Tensor:
        count, width = fixed_sizes(tokens)
        parts = self.qkv(tokens).reshape(-1, count, 3 * self._heads, width // self._heads)
        query, key, value = parts.transpose(1, 2).split(self._heads, dim=1)
        weights = torch.softmax(query @ key.transpose(-2, -1) * self._scale, dim=-1)
        by_token = (weights @ value).transpose(1, 2).reshape(-1, count, width)
        gathered: Tensor = self.joined(by_token)
        return gathered


def _positions(height: int, width: int, size: int) -> Tensor:
    """Return a token's worth of sines and cosines for each place, shape (h * w, size)."""
    quarter = size // 4
    waves = _TEMPERATURE ** (-torch.arange(quarter) / (quarter - 1))
    down = torch.arange(height).unsqueeze(1) * waves
    across = torch.arange(width).unsqueeze(1) * waves
    rows = torch.cat([down.sin(), down.cos()], dim=1).unsqueeze(1).expand(-1, width, -1)
    columns = torch.cat([across.sin(), across.cos()], dim=1).unsqueeze(0).expand(height, -1, -1)
    return torch.cat([rows, columns], dim=2).flatten(0, 1)
