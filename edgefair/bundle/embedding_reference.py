"""How images looked to the model before release, as a part of the bundle that is checked first.

The part holds no image's numbers: of each group a count and means of bounded waves over its
images, by which two samples can be compared in any respect (their mean maps), and the arithmetic
that made embeddings small. Rows would serve as well, and allow permutations; but rows are
patients, and who has the image could tell whether it is among them.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from dataclasses import dataclass, field
from functools import cache
from math import isfinite
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from edgefair.bundle.archive import Bundle
from edgefair.bundle.projection import SIZE, Projection
from edgefair.bundle.trees import NO_RECORD, Read, reader_of, tree_of
from edgefair.errors import ContractMismatch
from edgefair.records import Group

__all__ = [
    "FEWEST",
    "PATH",
    "ROLE",
    "EmbeddingReference",
    "GroupLook",
    "embedding_reference_from_json",
    "embedding_reference_of",
    "embedding_reference_to_json",
    "projection_of",
]

PATH: Final = "embedding.json"
ROLE: Final = "embedding_reference"

FEWEST: Final = 30
"""Patients of a group below which nothing is kept of it: means of few tell of each."""

_FORMAT: Final = 1
_MAX_BYTES: Final = 4_000_000
_MOST_GROUPS: Final = 200
_MOST_WAVES: Final = 512
_MOST_DIMENSIONS: Final = 65_536
_LARGEST: Final = 1e6

_Floats: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GroupLook:
    """How the images of one group looked, one image a patient.

    Attributes
    ----------
    group : Group
    n : int
        Patients.
    mean : ndarray of float64, shape (k,)
        Of the small embeddings.
    spread : float
        Trace of their covariance.
    waves : ndarray of float64, shape (2 waves,)
        Mean of the random Fourier features, each in [-1, 1].
    traces : (float, float, float)
        Of the features' covariance, of its square and of its cube.
    """

    group: Group
    n: int
    mean: _Floats = field(repr=False)
    spread: float
    waves: _Floats = field(repr=False)
    traces: tuple[float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EmbeddingReference:
    """What a bundle tells of its reference's embeddings.

    Attributes
    ----------
    measured_on : str
        In words.
    projection : Projection
        Fitted on other images than the groups' looks were taken over: on the same ones they
        would look more alike than any further image.
    frequencies : ndarray of float64, shape (waves, k)
    looks : tuple of GroupLook
        Everybody first.
    """

    measured_on: str
    projection: Projection
    frequencies: _Floats = field(repr=False)
    looks: tuple[GroupLook, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    group: Group
    n: int
    mean: tuple[float, ...]
    spread: float
    waves: tuple[float, ...]
    traces: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tree:
    """The part's JSON; arrays are base64 of little-endian floats, row by row."""

    format: int
    measured_on: str
    embedding_size: int
    centre: str
    directions: str
    scales: tuple[float, ...]
    rest_mean: float
    rest_scale: float
    frequencies: str
    looks: tuple[_Look, ...]


def embedding_reference_of(bundle: Bundle) -> EmbeddingReference | None:
    """Return what a bundle tells of its reference's embeddings; None where it tells nothing.

    Raises
    ------
    ContractMismatch
        If the part is not what it must be.
    """
    if not any(part.role == ROLE for part in bundle.parts):
        return None
    size = bundle.manifest.contract.outputs.embedding_size
    return embedding_reference_from_json(bundle.content(ROLE), embedding_size=size)


def projection_of(bundle: Bundle) -> Projection:
    """Return what makes the embeddings of a bundle's model small, whether or not it brings it.

    Raises
    ------
    ContractMismatch
        As for `embedding_reference_of`.
    """
    found = embedding_reference_of(bundle)
    if found is not None:
        return found.projection
    reference, size = bundle.manifest.reference, bundle.manifest.contract.outputs.embedding_size
    if not 0 < size <= _MOST_DIMENSIONS:
        raise _mismatch(f"embedding_size is {size}, {_MOST_DIMENSIONS:,} at most is read")
    if {len(reference.embedding_mean), len(reference.embedding_std)} != {size}:
        return Projection.by_signs(np.zeros(size), np.ones(size))
    return Projection.by_signs(reference.embedding_mean, reference.embedding_std)


def embedding_reference_to_json(reference: EmbeddingReference) -> bytes:
    """Return the part as canonical UTF-8 JSON: sorted keys, no NaN, one final newline."""
    projection = reference.projection
    if projection.rest is None:
        raise ValueError("a bundle's projection tells of the rest")
    tree = _Tree(
        format=_FORMAT,
        measured_on=reference.measured_on,
        embedding_size=len(projection.centre),
        centre=_encoded(projection.centre, "<f4"),
        directions=_encoded(projection.directions, "<f2"),
        scales=tuple(projection.scales.tolist()),
        rest_mean=projection.rest[0],
        rest_scale=projection.rest[1],
        frequencies=_encoded(reference.frequencies, "<f4"),
        looks=tuple(
            _Look(
                group=look.group,
                n=look.n,
                mean=tuple(look.mean.tolist()),
                spread=look.spread,
                waves=tuple(look.waves.tolist()),
                traces=look.traces,
            )
            for look in reference.looks
        ),
    )
    text = json.dumps(tree_of(tree, {}), sort_keys=True, ensure_ascii=False, allow_nan=False)
    return (text + "\n").encode()


def embedding_reference_from_json(content: bytes, *, embedding_size: int) -> EmbeddingReference:
    """Return the part, checked.

    Parameters
    ----------
    content : bytes
    embedding_size : int
        Of the model's contract.

    Raises
    ------
    ContractMismatch
        If it is no JSON of that form, of another format, size or model, or holds a number that
        is none or none of its kind; nothing is computed from it then.
    """
    if len(content) > _MAX_BYTES:
        raise _mismatch(f"it is larger than {_MAX_BYTES // 1_000_000} MB")
    try:
        tree: _Tree = _reader()(json.loads(content))
    except NO_RECORD as error:  # UnicodeDecodeError and JSON's own are ValueErrors
        raise _mismatch(f"{error!s:.200}" or type(error).__name__) from error
    try:
        faults = _faults(tree, embedding_size)
        if faults:
            raise _mismatch("; ".join(faults[:20]))
        return _structured(tree)
    except ValueError as error:  # base64, or another count than the sizes say
        raise _mismatch(f"{error!s:.200}") from error


@cache
def _reader() -> Read:
    return reader_of(_Tree, {})


def _faults(tree: _Tree, embedding_size: int) -> list[str]:
    groups = [look.group for look in tree.looks]
    rules = [
        (tree.format == _FORMAT, f"format is {tree.format}, and this edgefair reads {_FORMAT}"),
        (
            tree.embedding_size == embedding_size,
            f"embedding_size is {tree.embedding_size}, the model's is {embedding_size}",
        ),
        (len(tree.scales) == SIZE - 1, f"scales must be {SIZE - 1}"),
        (
            _all_within((*tree.scales, tree.rest_mean, tree.rest_scale)),
            "scales and rest must be finite",
        ),
        (
            0 < len(groups) <= _MOST_GROUPS
            and groups[0] == Group()
            and len(set(groups)) == len(groups),
            f"looks must be of distinct groups, everybody first, {_MOST_GROUPS} at most",
        ),
    ]
    faults = [fault for holds, fault in rules if not holds]
    return faults + [fault for look in tree.looks for fault in _faults_of(look)]


def _faults_of(look: _Look) -> list[str]:
    numbers = (*look.mean, look.spread, *look.waves, *look.traces)
    rules = [
        (FEWEST <= look.n < 2**53, f"n must be {FEWEST} or more"),
        (len(look.mean) == SIZE, f"mean must be of {SIZE} numbers"),
        (
            len(look.waves) in range(2, 2 * _MOST_WAVES + 1, 2),
            f"waves must come in pairs, {_MOST_WAVES} at most",
        ),
        (len(look.traces) == 3, "traces must be three"),
        (_all_within(numbers), "every number must be finite"),
        (min(look.spread, *look.traces) >= 0, "spread and traces must not be negative"),
        (max(map(abs, look.waves), default=2) <= 1, "waves must lie in [-1, 1]"),
    ]
    return [f"{look.group!s:.80}: {fault}" for holds, fault in rules if not holds]


def _all_within(numbers: tuple[float, ...]) -> bool:
    return all(isfinite(number) and abs(number) <= _LARGEST for number in numbers)


def _structured(tree: _Tree) -> EmbeddingReference:
    size, waves = tree.embedding_size, len(tree.looks[0].waves) // 2
    if any(len(look.waves) != 2 * waves for look in tree.looks):
        raise ValueError("every look must have as many waves")
    return EmbeddingReference(
        measured_on=tree.measured_on,
        projection=Projection(
            centre=_decoded(tree.centre, "<f4", (size,)).astype(np.float32),
            directions=_decoded(tree.directions, "<f2", (SIZE - 1, size)).astype(np.float32),
            scales=np.array(tree.scales, np.float32),
            rest=(tree.rest_mean, tree.rest_scale),
        ),
        frequencies=_decoded(tree.frequencies, "<f4", (waves, SIZE)),
        looks=tuple(
            GroupLook(
                group=look.group,
                n=look.n,
                mean=np.array(look.mean, np.float64),
                spread=look.spread,
                waves=np.array(look.waves, np.float64),
                traces=(look.traces[0], look.traces[1], look.traces[2]),
            )
            for look in tree.looks
        ),
    )


def _encoded(values: NDArray[Any], kind: str) -> str:
    return b64encode(np.ascontiguousarray(values, dtype=kind).tobytes()).decode("ascii")


def _decoded(text: str, kind: str, shape: tuple[int, ...]) -> _Floats:
    values = np.frombuffer(b64decode(text, validate=True), dtype=kind)
    if values.size != np.prod(shape):
        raise ValueError(f"{values.size} numbers stand where {np.prod(shape)} must")
    found = values.reshape(shape).astype(np.float64)
    if not (np.abs(found) <= _LARGEST).all():  # nor any nan
        raise ValueError("every number must be finite")
    return found


def _mismatch(what: str) -> ContractMismatch:
    return ContractMismatch(
        f"What the bundle tells of its reference's embeddings does not hold: {what}.",
        hint="Get the bundle again, or ask its builder.",
    )
