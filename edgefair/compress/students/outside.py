"""Students whose architecture another package knows: timm's and transformers'."""

from __future__ import annotations

import importlib
from math import isqrt
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from edgefair.compress.students.network import Backbone
from edgefair.errors import InputError

__all__ = ["TimmBackbone", "TransformersBackbone"]


class _OutsideBackbone(Backbone):
    """A network from elsewhere, whose answer to one image tells what it is.

    Its features may come as a map, with the channels first or last, or as tokens, the patches
    last; `forward` gives a map with the channels first.
    """

    def __init__(self, name: str, inner: nn.Module, channels: int, *, side_px: int) -> None:
        super().__init__()
        self.inner = inner.eval()
        self._channels = channels
        try:
            with torch.no_grad():
                found: Any = self._raw(torch.zeros(1, 1, side_px, side_px))
        # what a network that does not read images, or none of this size, may say
        except (AttributeError, TypeError, ValueError, RuntimeError) as error:
            raise _no_map(name) from error
        self.inner.train()
        if not isinstance(found, Tensor) or found.ndim not in (3, 4):
            raise _no_map(name)
        self._is_last = found.ndim == 4 and found.shape[1] == found.shape[2] != found.shape[3]
        self._side = isqrt(found.shape[1]) if found.ndim == 3 else found.shape[2]
        self.feature_size = found.shape[-1 if found.ndim == 3 or self._is_last else 1]
        self.stride = side_px // self._side
        if self.stride * self._side != side_px:
            raise _no_map(name)

    def forward(self, images: Tensor) -> Tensor:
        """Return features, shape (n, feature_size, h / stride, w / stride)."""
        found = self._raw(images)
        if found.ndim == 3:
            # a class token and registers stand before the patches
            patches = found[:, -(self._side**2) :].transpose(1, 2)
            return patches.reshape(-1, self.feature_size, self._side, self._side)
        return found.permute(0, 3, 1, 2) if self._is_last else found

    def _raw(self, images: Tensor) -> Tensor:
        if self._channels > 1:
            images = torch.cat([images] * self._channels, dim=1)
        return self._features(images)

    def _features(self, images: Tensor) -> Tensor:
        raise NotImplementedError


class TimmBackbone(_OutsideBackbone):
    """An architecture of timm (PyTorch Image Models), with random weights.

    Parameters
    ----------
    architecture : str
        timm's name, e.g. ``convnext_atto``.
    side_px : int
        Height and width of the input.

    Raises
    ------
    InputError
        If timm is not installed, has no such architecture, or it gives no feature map.
    """

    def __init__(self, architecture: str, *, side_px: int) -> None:
        timm = _imported("timm", f"timm:{architecture}")
        if not timm.is_model(architecture):
            raise InputError(
                f"timm {timm.__version__} has no architecture {architecture}.",
                hint="python -c 'import timm; print(timm.list_models())' lists them.",
            )
        inner = _created(timm, architecture, side_px)
        super().__init__(f"timm:{architecture}", inner, 1, side_px=side_px)

    def load_pretrained(self, weights: dict[str, Tensor]) -> None:
        """Take over timm's published weights, all but the layers behind the feature map.

        A stem for colour is made grey, see `grey_stem`.

        Raises
        ------
        RuntimeError
            If names or shapes are not this network's.
        """
        own = self.inner.state_dict()
        kept = {name: _fitting(value, own[name]) for name, value in weights.items() if name in own}
        super().load_pretrained({f"inner.{name}": value for name, value in kept.items()})

    def _features(self, images: Tensor) -> Tensor:
        found: Tensor = self.inner.forward_features(images)  # type: ignore[operator]  # timm's word
        return found


class TransformersBackbone(_OutsideBackbone):
    """A vision model of transformers: from a local folder, or of a type with random weights.

    Nothing is fetched, no code from the folder is run, and weights are read from safetensors
    files alone.

    Parameters
    ----------
    model : str
        A folder with ``config.json``, whose weights are taken where they lie in it, or a type of
        model in its default configuration, e.g. ``dinov2``.
    side_px : int
        Height and width of the input.

    Raises
    ------
    InputError
        If transformers is not installed, the folder cannot be used, there is no such type, or it
        gives no feature map.
    """

    def __init__(self, model: str, *, side_px: int) -> None:
        name = f"transformers:{model}"
        transformers = _imported("transformers", name)
        folder = Path(model)
        is_folder = (folder / "config.json").is_file()
        has_weights = is_folder and any(folder.glob("*.safetensors"))
        try:
            if has_weights:
                inner = transformers.AutoModel.from_pretrained(
                    folder, local_files_only=True, trust_remote_code=False, use_safetensors=True
                )
            else:
                config = (
                    transformers.AutoConfig.from_pretrained(folder, local_files_only=True)
                    if is_folder
                    else transformers.AutoConfig.for_model(
                        model, num_channels=1, image_size=side_px
                    )
                )
                inner = transformers.AutoModel.from_config(config, trust_remote_code=False)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"transformers cannot build {model}: {_first_sentence(error)}.",
                hint="Name a local folder with config.json, or a type of vision model, e.g. vit.",
            ) from error
        super().__init__(name, inner, getattr(inner.config, "num_channels", 3), side_px=side_px)
        self.is_pretrained = has_weights

    def _features(self, images: Tensor) -> Tensor:
        found: Tensor = self.inner(pixel_values=images).last_hidden_state
        return found


def _imported(package: str, name: str) -> ModuleType:
    try:
        return importlib.import_module(package)
    except (ImportError, RuntimeError) as error:  # RuntimeError: a torchvision of another torch
        raise InputError(
            f"The student {name} needs the package {package}, which does not import here: "
            f"{_first_sentence(error)}.",
            hint=f"pip install {package}, or choose a student that edgefair builds by itself.",
        ) from error


def _first_sentence(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].partition(". ")[0].rstrip(".")


def _created(timm: ModuleType, architecture: str, side_px: int) -> nn.Module:
    options: dict[str, Any] = {"pretrained": False, "in_chans": 1, "num_classes": 0}
    try:
        # transformers are made for one size of image
        created: nn.Module = timm.create_model(architecture, img_size=side_px, **options)
    except TypeError:  # and convolutions do not ask
        created = timm.create_model(architecture, **options)
    return created


def _fitting(value: Tensor, own: Tensor) -> Tensor:
    is_colour = value.ndim == own.ndim == 4 and value.shape[1] > own.shape[1] == 1
    return value.sum(dim=1, keepdim=True) if is_colour else value


def _no_map(name: str) -> InputError:
    return InputError(
        f"The student {name} gives no square feature map to read a heat map off.",
        hint="Choose another architecture, or an input size that its stride divides.",
    )
