"""Where a training stands, on disk: whole or not at all, checked, and only ever its own."""

from __future__ import annotations

import hashlib
import io
import os
import pickle
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

from edgefair.compress.training.parallel import ALONE, Team
from edgefair.errors import EdgefairError

__all__ = ["Keeper", "key_of"]

_MAGIC: Final = b"edgefair checkpoint 1\n"
_SHARE: Final = 0.05
_AT_LEAST_S: Final = 0.25


def key_of(*parts: object) -> str:
    """Return a digest of everything that decides how a training goes.

    Parameters
    ----------
    *parts : object
        Arrays and state dictionaries count with every number, anything else as its ``repr``.

    Examples
    --------
    >>> key_of(1, np.zeros(2)) == key_of(1, np.zeros(2)), key_of(1) == key_of(2)
    (True, False)
    """
    # another version of torch may add in another order
    digest = hashlib.sha256(torch.__version__.encode())
    for part in parts:
        for piece in _pieces(part):
            digest.update(hashlib.sha256(piece).digest())
    return digest.hexdigest()


def _pieces(part: object) -> Iterable[bytes]:
    match part:
        case np.ndarray():
            return (f"{part.dtype} {part.shape}".encode(), np.ascontiguousarray(part).tobytes())
        case Tensor():
            return _pieces(part.detach().cpu().contiguous().numpy())
        case dict():
            return [piece for pair in part.items() for each in pair for piece in _pieces(each)]
    return (repr(part).encode(),)


class Keeper:
    """Writes and finds the checkpoint of one training.

    Parameters
    ----------
    path : Path or None
        None keeps nothing.
    key : str
        From `key_of`; a file with another key is another training's, and is not used.
    team : Team
        Its first process writes; all of them go on from what it finds.
    """

    def __init__(self, path: Path | None, key: str, team: Team = ALONE) -> None:
        self._path = path
        self._key = key
        self._team = team
        self._due_s = 0.0

    @property
    def is_due(self) -> bool:
        """Whether to write again: at most a twentieth of the time goes into it."""
        is_writer = self._path is not None and self._team.rank == 0
        return is_writer and time.monotonic() >= self._due_s

    def save(self, state: dict[str, Any]) -> None:
        """Write the file, replacing the earlier one in one move.

        Raises
        ------
        EdgefairError
            If the disk does not take it.
        """
        if self._path is None or self._team.rank != 0:
            return
        started_s = time.monotonic()
        content = io.BytesIO()
        torch.save({"key": self._key, "state": state}, content)
        try:
            _write(self._path, content.getvalue())
        except OSError as error:
            raise EdgefairError(
                f"The checkpoint {self._path} cannot be written: {error.strerror or error}.",
                hint="Free some space or name another folder; the last checkpoint is still good.",
            ) from error
        done_s = time.monotonic()
        self._due_s = done_s + max(_AT_LEAST_S, (done_s - started_s) / _SHARE)

    def load(self) -> dict[str, Any] | None:
        """Return the state of this very training; None where there is none to go on from.

        A damaged file counts as none: the training starts anew rather than from a guess.
        """
        content = self._team.from_first(self._read() if self._team.rank == 0 else None)
        return None if content is None else _opened(content)["state"]

    def _read(self) -> bytes | None:
        try:
            whole = self._path.read_bytes() if self._path is not None else b""
        except OSError:  # where nothing can be read, writing will say why
            return None
        start = len(_MAGIC) + 64
        magic, stated, content = whole[: len(_MAGIC)], whole[len(_MAGIC) : start], whole[start:]
        is_whole = magic == _MAGIC and hashlib.sha256(content).hexdigest().encode() == stated
        is_own = is_whole and _opened(content).get("key") == self._key
        return content if is_own else None


def _opened(content: bytes) -> dict[str, Any]:
    try:
        # nothing but tensors and plain values: whoever wrote the file, no code of it is run
        held = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError):
        return {}
    return held if isinstance(held, dict) else {}


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    with partial.open("wb") as file:
        file.write(_MAGIC)
        file.write(hashlib.sha256(content).hexdigest().encode())
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
