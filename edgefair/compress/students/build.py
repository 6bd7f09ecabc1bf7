"""A student by its name."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

from edgefair.compress.students.efficientnet import EfficientNetLite0
from edgefair.compress.students.mobilenetv4 import MobileNetV4ConvSmall
from edgefair.compress.students.names import NAMES
from edgefair.compress.students.network import Backbone
from edgefair.compress.students.outside import TimmBackbone, TransformersBackbone
from edgefair.compress.students.resnet import ResNet
from edgefair.compress.students.small_cnn import SmallCnn
from edgefair.compress.students.vit import VisionTransformer

__all__ = ["build_backbone"]


def build_backbone(name: str, *, side_px: int = 224) -> Backbone:
    """Return a backbone with random weights by its name in a recipe.

    A folder named by ``transformers:`` comes with the weights that lie in it.

    Parameters
    ----------
    name : str
        One of `edgefair.compress.students.names.NAMES`, ``timm:ARCHITECTURE``, or
        ``transformers:`` and a local folder or a type of model.
    side_px : int
        Height and width of its input; only architectures from outside need to know beforehand.

    Raises
    ------
    ValueError
        If there is none of that name here.
    InputError
        If the package that `name` asks for is not installed, or has no such architecture that
        gives a feature map.
    """
    package, _, architecture = name.partition(":")
    if package == "timm" and architecture:
        return TimmBackbone(architecture, side_px=side_px)
    if package == "transformers" and architecture:
        return TransformersBackbone(architecture, side_px=side_px)
    if name not in NAMES:
        raise ValueError(f"no backbone is named {name!r}")
    return _OWN[name]()


_OWN: Final[dict[str, Callable[[], Backbone]]] = {
    "efficientnet-lite0": EfficientNetLite0,
    "mobilenetv4-conv-small": MobileNetV4ConvSmall,
    "resnet-18": ResNet.of_18_layers,
    "resnet-50": ResNet.of_50_layers,
    "vit-tiny": partial(VisionTransformer, width=192, depth=12, heads=3),
    "vit-small": partial(VisionTransformer, width=384, depth=12, heads=6),
    "small-cnn": SmallCnn,
}
