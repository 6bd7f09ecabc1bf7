"""Any architecture of timm, with a local checkpoint."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal

from torch import Tensor, nn

from edgefair.compress.recipe import TeacherChoice
from edgefair.compress.teachers.checkpoints import read_checkpoint, take_over
from edgefair.compress.teachers.inputs import stretched
from edgefair.compress.teachers.network import NetworkTeacher, pooled_tokens
from edgefair.compress.teachers.teacher import facts_of, refusal
from edgefair.errors import InputError

__all__ = ["TimmNetwork", "build_timm", "load_timm"]

# anything else, such as hf-hub:..., makes timm look elsewhere
_NAME: Final = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)?")

# a masked autoencoder's other half, e.g. in RETFound's checkpoints
_DECODER: Final = ("decoder_", "mask_token")


def load_timm(choice: TeacherChoice, *, beside: Path, weights: Path) -> NetworkTeacher:
    """Return an architecture of timm with the weights of a checkpoint.

    Raises
    ------
    InputError
        If timm or torchvision is missing, timm has no such architecture, or the file is not
        there.
    ModelError, UnsafeModel
        If the checkpoint is not this architecture's, is damaged or holds code.
    """
    network = build_timm(choice.name, choice.pooling)
    checkpoint = read_checkpoint(choice, beside=beside, weights=weights)
    unused = (*network.classifier, *_DECODER)
    take_over(network.trunk, checkpoint.tensors, source=checkpoint.name, unused=unused)
    facts = facts_of(choice, choice.name, [checkpoint.sha256])
    return NetworkTeacher(network, facts, prepare=stretched)


class TimmNetwork(nn.Module):
    """A trunk of timm whose tokens or places become one vector.

    Attributes
    ----------
    trunk : nn.Module
    classifier : tuple of str
        Beginnings of the names that its classifier's weights have in a checkpoint.
    """

    def __init__(self, trunk: nn.Module, pooling: Literal["mean", "cls"]) -> None:
        super().__init__()
        self.trunk = trunk
        self.classifier = _classifier(trunk)
        self._pooling = pooling
        self._prefix = int(getattr(trunk, "num_prefix_tokens", 0))
        self._has_channels_last = str(getattr(trunk, "output_fmt", "NCHW")) == "NHWC"

    def forward(self, images: Tensor) -> Tensor:
        """Return embeddings, shape (n, d)."""
        features: Tensor = self.trunk.forward_features(images)  # type: ignore[operator]  # untyped
        if features.ndim == 4:
            tokens = features if self._has_channels_last else features.permute(0, 2, 3, 1)
            features = tokens.flatten(1, 2)
        return pooled_tokens(features, self._pooling, prefix=self._prefix)


def build_timm(name: str, pooling: Literal["mean", "cls"]) -> TimmNetwork:
    """Return an architecture of timm with random weights and no classifier.

    Raises
    ------
    InputError
        If timm or torchvision is missing, or timm has no architecture of that name.
    """
    timm = _timm()
    if _NAME.fullmatch(name) is None or not timm.is_model(name.partition(".")[0]):
        raise InputError(
            f"timm {timm.__version__} has no architecture {name!r}.",
            hint="Correct teacher.name in the recipe; timm.list_models() lists them.",
        )
    try:
        trunk = timm.create_model(name, pretrained=False, num_classes=0)
    except (RuntimeError, ValueError, TypeError) as error:
        raise refusal(
            f"timm {timm.__version__} cannot build {name} without its classifier: {error}",
            "Name another architecture, or export this one to ONNX.",
        ) from error
    return TimmNetwork(trunk, pooling)


def _timm() -> Any:
    try:
        import timm
    # torchvision beside another build of torch fails with a RuntimeError
    except (ImportError, RuntimeError, AttributeError) as error:
        why = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(
            f"timm, which this teacher needs with torchvision, cannot be imported: {why}",
            hint="Install timm and the torchvision made for this torch, or use an ONNX teacher.",
        ) from error
    return timm


def _classifier(trunk: nn.Module) -> tuple[str, ...]:
    settings = getattr(trunk, "pretrained_cfg", None)
    found = settings.get("classifier") if isinstance(settings, Mapping) else None
    names = (found,) if isinstance(found, str) else tuple(found or ())
    return tuple(f"{name}." for name in names)
