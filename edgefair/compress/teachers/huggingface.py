"""Vision models of Hugging Face from a local folder; no hub is asked, no code of theirs is run.

A folder is what `save_pretrained` writes: ``config.json`` beside ``model.safetensors``, its
parts, or ``pytorch_model.bin``. Of a model with an image and a text side, such as CLIP or
SigLIP, the image side is taken. A folder of open_clip, such as BiomedCLIP's, has
``open_clip_config.json`` instead, and its image side is one of timm's. Where the recipe's output
is ``projection``, the embedding is the one that the two sides share, in which text-born concepts
live.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

# the hub's package reads these once, when it is imported
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"

from torch import Tensor, nn
from torch.nn import functional

from edgefair.compress.recipe import TeacherChoice
from edgefair.compress.teachers.checkpoints import (
    Checkpoint,
    check_names,
    read_bytes,
    take_over,
    tensors_in,
)
from edgefair.compress.teachers.inputs import stretched
from edgefair.compress.teachers.network import NetworkTeacher, pooled_tokens
from edgefair.compress.teachers.teacher import facts_of, refusal
from edgefair.compress.teachers.timm_model import TimmNetwork, build_timm
from edgefair.errors import InputError, UnsafeModel

__all__ = ["load_huggingface"]

_CONFIG: Final = "config.json"
_SAFETENSORS: Final = ("model.safetensors", "model.safetensors.index.json")
_PICKLED: Final = "pytorch_model.bin"

_OPEN_CLIP_CONFIG: Final = "open_clip_config.json"
_OPEN_CLIP_WEIGHTS: Final = ("open_clip_model.safetensors", "open_clip_pytorch_model.bin")
_OPEN_CLIP_TRUNK: Final = "visual.trunk."
_OPEN_CLIP_PROJECTION: Final = "visual.head.proj.weight"

_PROJECTION: Final = "projection"

# made from the last hidden state, which is what is pooled; many checkpoints come without
_POOLER: Final = ("pooler.",)
_UNREAD: Final = (*_POOLER, "visual_projection.", "text_projection.")


def load_huggingface(choice: TeacherChoice, *, beside: Path) -> NetworkTeacher:
    """Return the vision model in a local folder.

    Raises
    ------
    InputError
        If the folder, a file in it, or a package is not there.
    ModelError, UnsafeModel
        If the configuration is of no model that is known, the weights do not fit it, are damaged
        or hold code.
    """
    folder = beside / choice.path
    if choice.weights is not None or choice.output not in ("", _PROJECTION):
        raise InputError(
            "A teacher of the kind huggingface is a folder, with the output projection or none.",
            hint="Write teacher.path in the recipe, and take out teacher.weights.",
        )
    if not folder.is_dir():
        raise InputError(
            f"There is no folder {folder} for the teacher.",
            hint="Correct teacher.path in the recipe; it is relative to the recipe.",
        )
    if (folder / _OPEN_CLIP_CONFIG).is_file() and not (folder / _CONFIG).is_file():
        return _load_open_clip(choice, folder)
    config = _read_json(folder / _CONFIG)
    files = _weight_files(folder)
    for file in files:
        _check_whole(file)
    model = _model(folder, config, spared=_POOLER if choice.output else _UNREAD)
    shas = [_sha256(path) for path in (folder / _CONFIG, *files)]
    network = _Projected(model) if choice.output else _Tower(_image_side(model), choice)
    return NetworkTeacher(network, facts_of(choice, folder.name, shas), prepare=stretched)


class _Tower(nn.Module):
    """A vision model whose last hidden state becomes one vector."""

    def __init__(self, tower: Any, choice: TeacherChoice) -> None:
        super().__init__()
        self.tower = tower
        self._pooling = choice.pooling
        side, patch = choice.input.side_px, _one(getattr(tower.config, "patch_size", None))
        self._places = (side // patch) ** 2 if patch else None
        # positions were learned for one size; those of another lie between them
        self._interpolates = (
            "interpolate_pos_encoding" in inspect.signature(tower.forward).parameters
            and _one(getattr(tower.config, "image_size", None)) != side
        )

    def forward(self, images: Tensor) -> Tensor:
        if self._interpolates:
            answer = self.tower(pixel_values=images, interpolate_pos_encoding=True)
        else:
            answer = self.tower(pixel_values=images)
        tokens: Tensor = answer.last_hidden_state
        if tokens.ndim == 4:
            tokens = tokens.flatten(2).transpose(1, 2)
        return pooled_tokens(tokens, self._pooling, prefix=self._prefix(tokens.shape[1]))

    def _prefix(self, count: int) -> int:
        """Return how many tokens stand before those of the places: class token, registers."""
        return 0 if self._places is None or count < self._places else count - self._places


class _Projected(nn.Module):
    """A model with an image and a text side, whose shared embedding of the image is taken."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        if not hasattr(model, "get_image_features"):
            raise refusal(
                "The teacher has no text side, and so no embedding that two sides share.",
                "Take teacher.output out of the recipe.",
            )
        self.model = model

    def forward(self, images: Tensor) -> Tensor:
        features = self.model.get_image_features(pixel_values=images)
        # older releases return it bare
        shared: Tensor = getattr(features, "pooler_output", features)
        return shared


class _ProjectedTrunk(nn.Module):
    """A trunk of timm and the linear layer that leads to the shared embedding."""

    def __init__(self, trunk: TimmNetwork, weight: Tensor) -> None:
        super().__init__()
        self.trunk = trunk
        self.weight = nn.Parameter(weight)

    def forward(self, images: Tensor) -> Tensor:
        return functional.linear(self.trunk(images), self.weight)


def _one(size: object) -> int | None:
    """Return a side that configurations give as a number or as a pair."""
    if isinstance(size, (list, tuple)):
        size = size[0] if size else None
    return size if isinstance(size, int) else None


def _image_side(model: Any) -> Any:
    return model.vision_model if hasattr(model, "vision_model") else model


def _model(folder: Path, config: Mapping[str, Any], *, spared: tuple[str, ...]) -> Any:
    transformers = _transformers()
    has_safetensors = any((folder / name).is_file() for name in _SAFETENSORS)
    try:
        settings = transformers.AutoConfig.from_pretrained(
            str(folder), local_files_only=True, trust_remote_code=False
        )
        model, report = transformers.AutoModel.from_pretrained(
            str(folder),
            config=settings,
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=has_safetensors,
            weights_only=True,
            ignore_mismatched_sizes=True,
            output_loading_info=True,
            dtype="float32",
        )
    # every package below raises its own kind; the weights were found whole before
    except (OSError, RuntimeError, ValueError, KeyError, TypeError, AttributeError) as error:
        why = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise refusal(
            f"The teacher in {folder.name} (model_type {config.get('model_type')!r}) cannot be "
            f"loaded: {why}",
            "Only models that transformers itself knows are read; export others to ONNX.",
        ) from error
    check_names(
        folder.name,
        missing=sorted(n for n in report["missing_keys"] if not n.startswith(spared)),
        surplus=[],
        misshapen=sorted(str(mismatch[0]) for mismatch in report["mismatched_keys"]),
    )
    return model


def _transformers() -> Any:
    try:
        import transformers
    except ImportError as error:
        raise InputError(
            f"transformers, which this teacher needs, cannot be imported: {error}",
            hint="Install it: pip install transformers; or export the teacher to ONNX.",
        ) from error
    quiet: Any = transformers.utils.logging
    quiet.set_verbosity_error()
    quiet.disable_progress_bar()
    return transformers


def _read_json(path: Path) -> Mapping[str, Any]:
    try:
        tree = json.loads(read_bytes(path).decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise refusal(f"The teacher's file {path} is no JSON.", "Get the folder again.") from error
    if not isinstance(tree, dict):
        raise refusal(f"The teacher's file {path} holds no object.", "Get the folder again.")
    return tree


def _weight_files(folder: Path) -> tuple[Path, ...]:
    whole, index = (folder / name for name in _SAFETENSORS)
    if whole.is_file():
        return (whole,)
    if index.is_file():
        parts = _read_json(index).get("weight_map")
        names = sorted(set(parts.values())) if isinstance(parts, dict) else []
        if not names or any(not isinstance(n, str) or Path(n).name != n for n in names):
            raise UnsafeModel(
                f"The teacher's file {index} names weights outside its folder, or none.",
                hint="Get the folder again.",
            )
        return tuple(folder / name for name in names)
    if (folder / _PICKLED).is_file():
        return (folder / _PICKLED,)
    raise InputError(
        f"The folder {folder} holds neither {_SAFETENSORS[0]} nor {_PICKLED}.",
        hint="Get the whole folder, weights included.",
    )


def _check_whole(path: Path) -> None:
    """Read the tensors once under our own rules, for one sentence on what is wrong with them."""
    tensors_in(read_bytes(path), path.name)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _load_open_clip(choice: TeacherChoice, folder: Path) -> NetworkTeacher:
    config = _read_json(folder / _OPEN_CLIP_CONFIG)
    architecture = _timm_name(config)
    if architecture is None:
        raise refusal(
            f"The teacher in {folder.name} is a model of open_clip whose image side is none of "
            "timm's.",
            "Export its image side to ONNX.",
        )
    network = build_timm(architecture, choice.pooling)
    found = [path for name in _OPEN_CLIP_WEIGHTS if (path := folder / name).is_file()]
    if not found:
        raise InputError(
            f"The folder {folder} holds none of {' and '.join(_OPEN_CLIP_WEIGHTS)}.",
            hint="Get the whole folder, weights included.",
        )
    content = read_bytes(found[0])
    checkpoint = Checkpoint(
        name=found[0].name,
        sha256=hashlib.sha256(content).hexdigest(),
        tensors=tensors_in(content, found[0].name),
    )
    take_over(
        network.trunk,
        checkpoint.under(_OPEN_CLIP_TRUNK),
        source=checkpoint.name,
        unused=network.classifier,
    )
    shas = [_sha256(folder / _OPEN_CLIP_CONFIG), checkpoint.sha256]
    whole = _with_projection(network, checkpoint) if choice.output else network
    return NetworkTeacher(whole, facts_of(choice, folder.name, shas), prepare=stretched)


def _with_projection(network: TimmNetwork, checkpoint: Checkpoint) -> nn.Module:
    weight = checkpoint.tensors.get(_OPEN_CLIP_PROJECTION)
    if weight is None or weight.ndim != 2:
        raise refusal(
            f"The teacher's file {checkpoint.name} has no linear {_OPEN_CLIP_PROJECTION}.",
            "Take teacher.output out of the recipe.",
        )
    return _ProjectedTrunk(network, weight)


def _timm_name(config: Mapping[str, Any]) -> str | None:
    found: Any = config
    for key in ("model_cfg", "vision_cfg", "timm_model_name"):
        found = found.get(key) if isinstance(found, dict) else None
    return found if isinstance(found, str) else None
