"""What every student is: a backbone, and a classifier on each place of its feature map."""

from __future__ import annotations

import warnings
from typing import Self

from torch import Tensor, nn
from torch.jit._trace import TracerWarning
from torch.nn import functional

__all__ = ["Backbone", "Network", "fixed_sizes", "grey_stem"]


class Backbone(nn.Module):
    """A network from images (n, 1, h, w) to features (n, feature_size, h / stride, w / stride)."""

    feature_size: int
    stride: int
    is_pretrained = False

    def load_pretrained(self, weights: dict[str, Tensor]) -> None:
        """Take over weights, by default all of them under their own names.

        Raises
        ------
        RuntimeError
            If names or shapes are not this network's.
        """
        self.load_state_dict(weights)
        self.is_pretrained = True


class Network(nn.Module):
    """A backbone with a linear classifier on every place of its feature map.

    A finding's logit is the mean of its heat map, which is the same as a linear layer behind
    global average pooling, so the map shows where the logit comes from: the class activation
    map of Zhou et al., "Learning deep features for discriminative localization", CVPR 2016.

    Parameters
    ----------
    backbone : Backbone
    findings : int
        Number of logits.
    dropout : float
        Share of the features left out at each training step, in [0, 1).
    """

    def __init__(self, backbone: Backbone, findings: int, *, dropout: float) -> None:
        super().__init__()
        self.backbone = backbone
        self.dropout = nn.Dropout2d(dropout)
        self.classifier = nn.Conv2d(backbone.feature_size, findings, kernel_size=1)
        nn.init.normal_(self.classifier.weight, std=0.01)
        nn.init.zeros_(self.classifier.bias)  # type: ignore[arg-type]  # a bias was asked for

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return logits (n, findings), embedding (n, d) and heat map (n, findings, h, w)."""
        features = self.backbone(images)
        heat_map = self.classifier(self.dropout(features))
        return _mean_over_places(heat_map), _mean_over_places(features), heat_map

    def train(self, mode: bool = True) -> Self:
        """Switch between training and evaluation; pretrained batch norms always evaluate.

        A few hundred images would tell them less than the millions they have seen.
        """
        super().train(mode)
        if self.backbone.is_pretrained:
            self.backbone.eval()
        return self


def grey_stem(weights: dict[str, Tensor], name: str) -> dict[str, Tensor]:
    """Return the weights with a colour stem made grey.

    An image whose three channels are equal meets the sum of a stem's weights over them, so one
    channel and that sum give the same, and cost a third.

    Parameters
    ----------
    weights : dict of str to Tensor
        A state dictionary.
    name : str
        Of the first convolution's weight in it, shape (channels, 3 or 1, h, w).

    Examples
    --------
    >>> import torch
    >>> grey_stem({"stem": torch.ones(2, 3, 1, 1)}, "stem")["stem"].flatten().tolist()
    [3.0, 3.0]
    """
    if name not in weights:
        return weights
    return {**weights, name: weights[name].sum(dim=1, keepdim=True)}


def fixed_sizes(batch: Tensor) -> tuple[int, ...]:
    """Return the sizes behind the batch axis as plain numbers.

    An exported graph is for one size of image. As plain numbers, its sizes are constants there;
    as torch traces them, they would be computed anew for each image.

    Examples
    --------
    >>> import torch
    >>> fixed_sizes(torch.zeros(2, 8, 3, 4))
    (8, 3, 4)
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TracerWarning)
        return tuple(int(size) for size in batch.shape[1:])


def _mean_over_places(maps: Tensor) -> Tensor:
    return functional.adaptive_avg_pool2d(maps, 1).flatten(1)
