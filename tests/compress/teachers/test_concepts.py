"""Concept files: what holds becomes records, what does not is refused in one sentence."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from edgefair.compress.teachers.concepts import (
    Concept,
    ConceptName,
    check_concepts,
    parse_concepts,
    read_concepts,
)
from edgefair.errors import InputError

EFFUSION = {"names": {"en": "pleural effusion", "fr": "épanchement pleural"}, "vector": [3.0, 4.0]}
NODULE = {"names": {"en": "nodule"}, "vector": [0.0, 1.0]}


def _json(**changes: object) -> bytes:
    return json.dumps({"concepts": [EFFUSION, NODULE], **changes}).encode()


def _npz(vectors: object, concepts: object) -> bytes:
    file = io.BytesIO()
    np.savez(file, vectors=np.asarray(vectors), concepts=np.asarray(concepts))
    return file.getvalue()


def test_concepts_are_read_with_their_names_and_unit_vectors(tmp_path: Path) -> None:
    path = tmp_path / "concepts.json"
    path.write_bytes(_json(teacher="ab12"))

    read = read_concepts(path)

    assert read.teacher == "ab12"
    assert read.concepts[0].names == (
        ConceptName(language="en", text="pleural effusion"),
        ConceptName(language="fr", text="épanchement pleural"),
    )
    assert read.vectors.tolist() == [pytest.approx([0.6, 0.8]), [0.0, 1.0]]
    assert read.vectors.dtype == np.float32


@given(arrays(np.float32, (3, 5), elements=st.floats(0.5, 1e3, width=32)))
def test_json_and_npz_say_the_same(vectors: np.ndarray) -> None:
    names = [{"names": {"en": f"concept {number}"}} for number in range(3)]
    rows = [{**row, "vector": vector} for row, vector in zip(names, vectors.tolist(), strict=True)]

    from_json = parse_concepts(json.dumps({"concepts": rows}).encode(), name="a")
    from_npz = parse_concepts(_npz(vectors, json.dumps({"concepts": names})), name="b")

    assert from_json.concepts == from_npz.concepts
    assert from_json.vectors.tolist() == from_npz.vectors.tolist()
    assert np.linalg.norm(from_json.vectors, axis=1) == pytest.approx(1, abs=1e-6)


def test_a_name_is_found_in_the_first_language_that_has_one() -> None:
    effusion = Concept(
        names=(
            ConceptName(language="en", text="effusion"),
            ConceptName(language="pt-BR", text="derrame"),
        )
    )

    assert effusion.name_in("pt-BR") == "derrame"
    assert effusion.name_in("PT-br") == "derrame"
    assert effusion.name_in("sw", "en-GB") == "effusion"
    assert effusion.name_in("sw") == "effusion"


@pytest.mark.parametrize(
    "tag", ["en", "pt-BR", "zh-Hant-TW", "zh-yue", "es-419", "sl-rozaj", "ha"]
)
def test_language_tags_as_in_bcp_47_are_taken(tag: str) -> None:
    row = {"names": {tag: "x"}, "vector": [1.0]}

    read = parse_concepts(json.dumps({"concepts": [row]}).encode(), name="x")

    assert read.concepts[0].names[0].language == tag


def _with(**changes: object) -> bytes:
    return _json(concepts=[{**EFFUSION, **changes}, NODULE])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param(b"", "neither JSON nor", id="empty"),
        pytest.param(b"[" * 100_000, "neither JSON nor", id="deep"),
        pytest.param(b"\xff\xfe", "do not hold", id="no text"),
        pytest.param(b"[]", "no object", id="a list"),
        pytest.param(_json(concepts=[]), "lists no concepts", id="none"),
        pytest.param(_json(teacher=7), "teacher is no text", id="teacher"),
        pytest.param(_json(extra=1), "alone", id="surplus"),
        pytest.param(_with(names={}), "concept 1 has no name", id="nameless"),
        pytest.param(_with(names={"english!": "a"}), "no language tag", id="tag"),
        pytest.param(_with(names={"en": " "}), "no text for its name in en", id="blank"),
        pytest.param(_with(names={"en": "Nodule"}), "1 and 2 are both called", id="twice"),
        pytest.param(_with(vector=[1.0]), "not equally long", id="ragged"),
        pytest.param(_with(vector=[1.0, "b"]), "not equally long", id="text in a vector"),
        pytest.param(_with(vector=[0, 0]), "concept 1 has no length", id="zero"),
        pytest.param(_with(vector=[float("nan"), 1]), "concept 1 has no length", id="nan"),
        pytest.param(b"PK\x03\x04 cut", "damaged", id="cut archive"),
        pytest.param(_npz([[1.0]], 3), "no single text", id="number for text"),
        pytest.param(_npz([[1.0]], json.dumps({"concepts": [EFFUSION]})), "names", id="both"),
        pytest.param(
            _npz([1.0], json.dumps({"concepts": [{"names": {"en": "a"}}]})), "shape", id="rank"
        ),
    ],
)
def test_what_does_not_hold_is_said_in_one_sentence(content: bytes, said: str) -> None:
    with pytest.raises(InputError, match=said) as caught:
        parse_concepts(content, name="c.json")

    assert caught.value.message.startswith("The concepts in c.json do not hold")
    assert caught.value.message.count("\n") == 0
    assert caught.value.hint


def test_a_pickle_in_an_archive_is_not_opened() -> None:
    file = io.BytesIO()
    np.savez(file, vectors=np.array([{}], dtype=object), concepts=np.array("{}"))

    with pytest.raises(InputError, match="something else than arrays"):
        parse_concepts(file.getvalue(), name="c.npz")


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read: No such file"):
        read_concepts(tmp_path / "none.json")


def test_concepts_of_another_teacher_are_refused() -> None:
    concepts = parse_concepts(_json(teacher="ab12"), name="c")

    check_concepts(concepts, teacher="ab12", embedding_size=2)

    with pytest.raises(InputError, match="2 numbers each, the teacher's embedding 3"):
        check_concepts(concepts, teacher="ab12", embedding_size=3)
    with pytest.raises(InputError, match="made with the teacher ab12, not with cd34"):
        check_concepts(concepts, teacher="cd34", embedding_size=2)


def test_concepts_that_name_no_teacher_fit_any_of_their_size() -> None:
    check_concepts(parse_concepts(_json(), name="c"), teacher="cd34", embedding_size=2)
