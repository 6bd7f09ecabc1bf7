"""Concepts: directions in a teacher's embedding that have names in several languages.

They come from the text side of a vision-language model, or from images that show the concept
against images that do not (Kim et al., "Interpretability beyond feature attribution: TCAV", ICML
2018). How they were found is the concern of who found them; here is how they are carried.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edgefair.errors import InputError

__all__ = [
    "Concept",
    "ConceptName",
    "Concepts",
    "check_concepts",
    "parse_concepts",
    "read_concepts",
]

MAX_BYTES: Final = 256_000_000

# language with extensions of it, script, region, variants, extensions, private use
_LANGUAGE_TAG: Final = re.compile(
    r"([a-z]{2,3}(-[a-z]{3}){0,3}|[a-z]{4,8})"
    r"(-[a-z]{4})?(-([a-z]{2}|[0-9]{3}))?(-([a-z0-9]{5,8}|[0-9][a-z0-9]{3}))*"
    r"(-[0-9a-wy-z](-[a-z0-9]{2,8})+)*(-x(-[a-z0-9]{1,8})+)?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConceptName:
    """What a concept is called in one language.

    Attributes
    ----------
    language : str
        A BCP 47 tag, e.g. ``en`` or ``pt-BR``.
    text : str
    """

    language: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Concept:
    """One concept by its names, at least one, each language once."""

    names: tuple[ConceptName, ...]

    def name_in(self, *languages: str) -> str:
        """Return the name in the first of these languages that it has, else its first name.

        A tag with a region falls back to its bare language (RFC 4647, lookup).

        Examples
        --------
        >>> names = (ConceptName(language="en", text="effusion"),
        ...          ConceptName(language="fr", text="épanchement"))
        >>> Concept(names=names).name_in("fr-CM", "en")
        'épanchement'
        """
        texts = {name.language.lower(): name.text for name in self.names}
        for language in languages:
            parts = language.lower().split("-")
            for length in range(len(parts), 0, -1):
                found = texts.get("-".join(parts[:length]))
                if found is not None:
                    return found
        return self.names[0].text


@dataclass(frozen=True, slots=True, kw_only=True)
class Concepts:
    """k concepts in one teacher's embedding of size d.

    Attributes
    ----------
    concepts : tuple of Concept, length k
    vectors : ndarray of float32, shape (k, d)
        Their directions, each of length 1, in the order of `concepts`.
    teacher : str or None
        Digest of the teacher whose embedding they live in, where the file names it.
    """

    concepts: tuple[Concept, ...]
    vectors: NDArray[np.float32] = field(repr=False)
    teacher: str | None = None


def read_concepts(path: Path) -> Concepts:
    """Return the concepts of a JSON or ``.npz`` file.

    Raises
    ------
    InputError
        If the file cannot be read or does not hold, with its first fault.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise InputError(
            f"The concepts {path} cannot be read: {error.strerror or error}.", hint=_HINT
        ) from error
    return parse_concepts(content, name=path.name)


def parse_concepts(content: bytes, *, name: str) -> Concepts:
    """Return the concepts that a file's bytes hold.

    JSON is an object with a list of `concepts`, each with `names` by language and a `vector`,
    and with the digest of the `teacher` or without. An ``.npz`` archive has the vectors as an
    array `vectors` of shape (k, d), and the rest as JSON text in an array `concepts` of no
    dimension. Vectors of any length above 0 are brought to length 1.

    Parameters
    ----------
    content : bytes
    name : str
        What to call the file in errors.

    Raises
    ------
    InputError
        If it does not hold, with its first fault.

    Examples
    --------
    >>> text = b'{"concepts": [{"names": {"en": "effusion"}, "vector": [0.0, 2.0]}]}'
    >>> parse_concepts(text, name="concepts.json").vectors
    array([[0., 1.]], dtype=float32)
    """
    try:
        if len(content) > MAX_BYTES:
            raise ValueError(f"it is larger than {MAX_BYTES / 1e6:.0f} MB")
        tree, stored = _from_npz(content) if content.startswith(b"PK") else _from_json(content)
        return _concepts(tree, stored)
    except ValueError as error:
        raise InputError(f"The concepts in {name} do not hold: {error}.", hint=_HINT) from error


def check_concepts(concepts: Concepts, *, teacher: str, embedding_size: int) -> None:
    """Refuse concepts that live in another teacher's embedding.

    Parameters
    ----------
    concepts : Concepts
    teacher : str
        The digest of the teacher in use.
    embedding_size : int
        Its d.

    Raises
    ------
    InputError
        If the concepts name another teacher, or have another d.
    """
    found = concepts.vectors.shape[1]
    if found != embedding_size:
        raise InputError(
            f"The concepts have {found} numbers each, the teacher's embedding {embedding_size}.",
            hint="Make the concepts with the teacher that the recipe names.",
        )
    if concepts.teacher not in (None, teacher):
        raise InputError(
            f"The concepts were made with the teacher {concepts.teacher}, not with {teacher}.",
            hint="Make the concepts with the teacher that the recipe names.",
        )


_HINT: Final = (
    'Write {"concepts": [{"names": {"en": "pleural effusion"}, "vector": [0.1, ...]}, ...]}.'
)


def _from_json(content: bytes) -> tuple[object, None]:
    try:
        return json.loads(content.decode("utf-8")), None
    except (json.JSONDecodeError, RecursionError) as error:
        raise ValueError("it is neither JSON nor an .npz archive") from error


def _from_npz(content: bytes) -> tuple[object, object]:
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            vectors, text = archive["vectors"], archive["concepts"]
    except KeyError as error:
        raise ValueError("the archive needs the arrays vectors and concepts") from error
    except (zipfile.BadZipFile, EOFError, OSError, ValueError) as error:
        raise ValueError("the archive is damaged or holds something else than arrays") from error
    if text.ndim or text.dtype.kind != "U":
        raise ValueError("the array concepts is no single text")
    return _from_json(str(text).encode())[0], vectors


def _concepts(tree: object, stored: object) -> Concepts:
    if not isinstance(tree, dict) or set(tree) - {"concepts", "teacher"}:
        raise ValueError("it is no object with concepts and teacher alone")
    rows, teacher = tree.get("concepts"), tree.get("teacher")
    if not isinstance(rows, list) or not rows:
        raise ValueError("it lists no concepts")
    if not isinstance(teacher, str | None):
        raise ValueError("teacher is no text")
    fields = {"names"} if stored is not None else {"names", "vector"}
    concepts = tuple(_concept(row, place, fields) for place, row in enumerate(rows, 1))
    _check_distinct(concepts)
    vectors = [row["vector"] for row in rows] if stored is None else stored
    return Concepts(
        concepts=concepts, vectors=_unit_vectors(vectors, len(concepts)), teacher=teacher
    )


def _concept(row: object, place: int, fields: set[str]) -> Concept:
    if not isinstance(row, dict) or set(row) != fields:
        raise ValueError(f"concept {place} is no object with {' and '.join(sorted(fields))}")
    names = row["names"]
    if not isinstance(names, dict) or not names:
        raise ValueError(f"concept {place} has no name")
    return Concept(names=tuple(_name(language, text, place) for language, text in names.items()))


def _name(language: str, text: object, place: int) -> ConceptName:
    if _LANGUAGE_TAG.fullmatch(language) is None:
        raise ValueError(f"concept {place} has a name in {language!r}, which is no language tag")
    if not isinstance(text, str) or not text.strip():
        raise ValueError(f"concept {place} has no text for its name in {language}")
    return ConceptName(language=language, text=text.strip())


def _check_distinct(concepts: tuple[Concept, ...]) -> None:
    seen: dict[tuple[str, str], int] = {}
    for place, concept in enumerate(concepts, 1):
        for name in concept.names:
            first = seen.setdefault((name.language.lower(), name.text.casefold()), place)
            if first != place:
                raise ValueError(f"concepts {first} and {place} are both called {name.text!r}")


def _unit_vectors(stored: Any, count: int) -> NDArray[np.float32]:
    try:
        vectors = np.array(stored, dtype=np.float64)
    except (ValueError, TypeError) as error:
        raise ValueError("the vectors are not equally long lists of numbers") from error
    if vectors.ndim != 2 or len(vectors) != count or not vectors.size:
        raise ValueError(f"the vectors are of shape {vectors.shape}, not ({count}, d)")
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    wrong = np.flatnonzero(~np.isfinite(lengths) | (lengths == 0))
    if len(wrong):
        raise ValueError(f"the vector of concept {wrong[0] + 1} has no length")
    units: NDArray[np.float32] = (vectors / lengths).astype(np.float32)
    return units
