"""A teacher's embeddings, computed once: shards on disk that survive a kill at any moment.

A shard is an array file, ``TEACHER-00000.npy``, and beside it an index in JSON that says which
images its rows are of and what SHA-256 the array has. The array is written first, so that an
index vouches only for what is whole. Rows are found by the images' digests: a manifest that has
grown or been sorted anew costs only the images that are new.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import xxhash
from numpy.typing import NDArray

from edgefair.bundle.manifest import Accepts
from edgefair.compress.data.pictures import read_image
from edgefair.compress.teachers.teacher import Teacher
from edgefair.errors import EdgefairError, InputError
from edgefair.records import Image

__all__ = ["embed_images", "open_embeddings"]

SHARD_IMAGES: Final = 128
"""At most this many images' work is lost with the power."""

_FORM: Final = 1
_READERS: Final = 2
_AHEAD: Final = 4
_NAME_DIGITS: Final = 16


def embed_images(
    teacher: Teacher,
    paths: tuple[Path, ...],
    accepts: Accepts,
    folder: Path,
    *,
    on_image: Callable[[int], None] = lambda done: None,
    on_fault: Callable[[str], None] = lambda sentence: None,
) -> NDArray[np.float32]:
    """Return the teacher's embedding of each image, shape (n, d), asking it for new images only.

    Killed at any moment, the same call goes on where it was and returns the same bits.

    Parameters
    ----------
    teacher : Teacher
    paths : tuple of Path
        The first frame of each is taken.
    accepts : Accepts
        What the model will refuse is refused here too.
    folder : Path
        Of the shards; made if it is not there. Several teachers can share it.
    on_image : callable, optional
        Called with the number of images done so far, those from before included.
    on_fault : callable, optional
        Called with one sentence for each shard that was damaged and is computed again.

    Raises
    ------
    InputError
        If an image cannot be read.
    EdgefairError
        If the folder cannot be written, e.g. because the disk is full.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return _embedded(
            teacher, paths, accepts, _Shelf(folder, teacher.digest, on_fault), on_image
        )
    except OSError as error:
        raise EdgefairError(
            f"The teacher's embeddings cannot be kept in {folder}: {error.strerror or error}.",
            hint="Check the folder, its permissions and the free space; what is done is kept.",
        ) from error


def open_embeddings(folder: Path, paths: tuple[Path, ...], *, teacher: str) -> NDArray[np.float32]:
    """Return embeddings that were computed before, shape (n, d), each shard checked.

    Parameters
    ----------
    folder : Path
        As given to `embed_images`.
    paths : tuple of Path
        In any order; only the content of a file counts.
    teacher : str
        The teacher's digest.

    Raises
    ------
    InputError
        If an image cannot be read, or some have no embedding in a whole shard.
    """
    digests = _digests(paths)
    known = _Shelf(folder, teacher, lambda sentence: None).rows()
    missing = [path for path, digest in zip(paths, digests, strict=True) if digest not in known]
    if missing or not paths:
        raise InputError(
            f"{len(missing)} of {len(paths)} images have no embedding in {folder}"
            + (f", the first of them {missing[0].name}." if missing else "."),
            hint="Compute them first; only those that are missing are computed.",
        )
    return np.stack([known[digest] for digest in digests])


def _embedded(
    teacher: Teacher,
    paths: tuple[Path, ...],
    accepts: Accepts,
    shelf: _Shelf,
    on_image: Callable[[int], None],
) -> NDArray[np.float32]:
    digests = _digests(paths)
    known = shelf.rows()
    fresh = {d: p for d, p in zip(digests, paths, strict=True) if d not in known}
    done = len(set(digests)) - len(fresh)
    on_image(done)
    pending = _Shard()
    images = _images(tuple(fresh.values()), accepts, teacher.side_px)
    try:
        for digest, image in zip(fresh, images, strict=True):
            known[digest] = _row(teacher, image, digest)
            pending.add(digest, known[digest])
            if len(pending.digests) == SHARD_IMAGES:
                shelf.put(pending)
                pending = _Shard()
            done += 1
            on_image(done)
    finally:
        # an image that cannot be read, or an impatient user, costs nothing that was done
        if pending.digests:
            shelf.put(pending)
    rows = [known[digest] for digest in digests]
    return np.stack(rows) if rows else np.empty((0, teacher.embedding_size), np.float32)


def _row(teacher: Teacher, image: Image, digest: str) -> NDArray[np.float32]:
    if image.digest != digest:
        raise InputError(
            f"The image {image.name} was changed while it was read.",
            hint="Leave the images alone while the teacher sees them, and start again.",
        )
    row: NDArray[np.float32] = teacher.embed(image.pixels[np.newaxis])[0]
    return row


@dataclass(slots=True, kw_only=True)
class _Shard:
    """Rows that wait to be written, with the digests of their images."""

    digests: list[str] = field(default_factory=list)
    rows: list[NDArray[np.float32]] = field(default_factory=list)

    def add(self, digest: str, row: NDArray[np.float32]) -> None:
        self.digests.append(digest)
        self.rows.append(row)


class _Unusable(Exception):
    """Why a shard is not used."""


class _Shelf:
    """The shards of one teacher in a folder.

    Parameters
    ----------
    folder : Path
    teacher : str
        The teacher's digest.
    on_fault : callable
        Called with one sentence for each shard that is not used.
    """

    def __init__(self, folder: Path, teacher: str, on_fault: Callable[[str], None]) -> None:
        self._folder, self._teacher, self._on_fault = folder, teacher, on_fault
        self._stem = teacher[:_NAME_DIGITS]
        self._whole: set[Path] = set()

    def rows(self) -> dict[str, NDArray[np.float32]]:
        """Return every row of every whole shard by its image's digest."""
        known: dict[str, NDArray[np.float32]] = {}
        for array in sorted(self._folder.glob(f"{self._stem}-*.npy")):
            try:
                known.update(self._shard_rows(array))
                self._whole.add(array)
            except _Unusable as why:
                self._on_fault(
                    f"The shard {array.name} of the teacher's embeddings is not used: {why}."
                )
        return known

    def put(self, shard: _Shard) -> None:
        """Write a shard under the next free number: its array whole, then its index whole."""
        content = _npy(np.stack(shard.rows))
        path = self._next_path()
        index = {
            "form": _FORM,
            "teacher": self._teacher,
            "images": shard.digests,
            "sha256": hashlib.sha256(content).hexdigest(),
        }
        _write_whole(path, content)
        _write_whole(path.with_suffix(".json"), json.dumps(index, indent=1).encode())
        self._whole.add(path)

    def _shard_rows(self, path: Path) -> dict[str, NDArray[np.float32]]:
        index_path = path.with_suffix(".json")
        if not index_path.is_file():
            raise _Unusable("it was not finished")
        try:
            index = json.loads(index_path.read_bytes())
            form, teacher, sha256 = index["form"], index["teacher"], index["sha256"]
            images = tuple(index["images"])
        except (ValueError, KeyError, TypeError) as error:
            raise _Unusable("its index is damaged") from error
        if (form, teacher) != (_FORM, self._teacher):
            raise _Unusable("it is of another teacher")
        content = path.read_bytes()
        if hashlib.sha256(content).hexdigest() != sha256:
            raise _Unusable("its content is not what its index says")
        rows = np.load(io.BytesIO(content), allow_pickle=False)
        if len(images) != len(rows):
            raise _Unusable("its index lists another number of images")
        return dict(zip(images, rows, strict=True))

    def _next_path(self) -> Path:
        """Return the first path that no whole shard has; an unusable one is written over."""
        number = 0
        while (path := self._folder / f"{self._stem}-{number:05}.npy") in self._whole:
            number += 1
        return path


def _digests(paths: tuple[Path, ...]) -> list[str]:
    with ThreadPoolExecutor(_READERS) as pool:
        return list(pool.map(_digest, paths))


def _digest(path: Path) -> str:
    """Return what `Image.digest` will be."""
    hasher = xxhash.xxh3_128()
    try:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                hasher.update(block)
    except OSError as error:
        raise InputError(
            f"The image {path} cannot be read: {error.strerror or error}.",
            hint="Correct the manifest, or take its row out.",
        ) from error
    return hasher.hexdigest()


def _images(paths: tuple[Path, ...], accepts: Accepts, side_px: int) -> Iterator[Image]:
    """Yield the images in order, a few of them read ahead of the network."""
    with ThreadPoolExecutor(_READERS) as pool:
        ahead: deque[Future[Image]] = deque()
        for path in paths:
            ahead.append(pool.submit(read_image, path, accepts, side_px))
            if len(ahead) > _AHEAD:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()


def _npy(rows: NDArray[np.float32]) -> bytes:
    file = io.BytesIO()
    np.save(file, rows, allow_pickle=False)
    return file.getvalue()


def _write_whole(path: Path, content: bytes) -> None:
    # always the same name, so that what a killed run has left is written over
    partial = path.with_name(f".{path.name}.partial")
    try:
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
