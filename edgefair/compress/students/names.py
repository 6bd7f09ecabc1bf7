"""The students by name. Imports no torch, so that a recipe can be checked in no time."""

from __future__ import annotations

from typing import Final

__all__ = ["DEFAULT", "NAMES", "OUTSIDE", "is_known"]

DEFAULT: Final = "efficientnet-lite0"
"""The student whose pretrained weights are at hand."""

NAMES: Final = (
    DEFAULT,
    "mobilenetv4-conv-small",
    "resnet-18",
    "resnet-50",
    "vit-tiny",
    "vit-small",
    "small-cnn",
)
"""Students that edgefair builds by itself."""

OUTSIDE: Final = ("timm", "transformers")
"""Packages whose architectures are students too, as ``PACKAGE:ARCHITECTURE``."""


def is_known(name: str) -> bool:
    """Return whether a name is of a student here, or names an architecture of a package.

    Whether that package has it is known only once it is asked to build it.

    Examples
    --------
    >>> is_known("resnet-18"), is_known("timm:convnext_atto"), is_known("resnet-19")
    (True, True, False)
    """
    package, colon, architecture = name.partition(":")
    return name in NAMES or bool(package in OUTSIDE and colon and architecture)
