"""How test images look: one a patient, no group of few, and no row of anybody."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from edgefair.bundle.embedding_reference import (
    EmbeddingReference,
    embedding_reference_from_json,
    embedding_reference_to_json,
)
from edgefair.bundle.projection import SIZE
from edgefair.compress.data.cases import Cases, Column
from edgefair.compress.evidence.embeddings import measure_embeddings

COUNT = 240
DIMENSIONS = 40


def _embeddings(count: int, seed: int) -> NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    return (rng.normal(size=(count, DIMENSIONS)) * np.linspace(2, 0.1, DIMENSIONS)).astype("f4")


@pytest.fixture(scope="module")
def cases() -> Cases:
    """Return two images of each of 120 patients, of whom nine are old."""
    patients = [f"P{number // 2}" for number in range(COUNT)]
    return Cases(
        images=(Path("none.png"),) * COUNT,
        labels=np.zeros((COUNT, 1), np.float32),
        splits=("test",) * COUNT,
        patients=tuple(patients),
        columns=(
            Column(name="sex", values=tuple("FM"[i // 2 % 2] for i in range(COUNT))),
            Column(name="age", values=tuple("85" if i < 18 else "50" for i in range(COUNT))),
        ),
    )


@pytest.fixture(scope="module")
def reference(cases: Cases) -> EmbeddingReference:
    found = measure_embeddings(
        cases, _embeddings(COUNT, 0), _embeddings(100, 1), ("sex", "age:0,60,80", "sex+age:0,60")
    )
    assert found is not None
    return found


def test_one_image_of_each_patient_is_counted_and_no_group_of_few(
    reference: EmbeddingReference,
) -> None:
    counted = {str(look.group): look.n for look in reference.looks}

    assert counted == {"everybody": 120, "sex F": 60, "sex M": 60, "age 0-59": 111}
    assert "each of 120 patients" in reference.measured_on


def test_what_is_written_is_what_was_measured(reference: EmbeddingReference) -> None:
    content = embedding_reference_to_json(reference)
    found = embedding_reference_from_json(content, embedding_size=DIMENSIONS)

    embeddings = _embeddings(5, 2)
    np.testing.assert_array_equal(
        found.projection.of(embeddings), reference.projection.of(embeddings)
    )
    assert embedding_reference_to_json(found) == content


def test_the_part_holds_no_row_of_anybody(cases: Cases, reference: EmbeddingReference) -> None:
    points = reference.projection.of(_embeddings(COUNT, 0))
    numbers = np.concatenate([[*look.mean, *look.waves] for look in reference.looks])

    assert len(embedding_reference_to_json(reference)) < 100 * COUNT
    assert not np.isclose(points[:, :1], numbers, rtol=1e-6).any(axis=1)[:20].all()
    assert reference.looks[0].mean == pytest.approx(points[::2].mean(axis=0), abs=1e-4)


def test_the_directions_are_orthonormal_and_of_unit_variance_elsewhere(
    reference: EmbeddingReference,
) -> None:
    directions = reference.projection.directions
    points = reference.projection.of(_embeddings(4000, 3))

    np.testing.assert_allclose(directions @ directions.T, np.eye(SIZE - 1), atol=2e-3)
    assert points.std(axis=0) == pytest.approx(np.ones(SIZE), abs=0.35)


def test_of_too_few_patients_nothing_is_told(cases: Cases) -> None:
    few = cases.take(np.arange(20))

    assert measure_embeddings(few, _embeddings(20, 0), _embeddings(100, 1), ("sex",)) is None
    assert measure_embeddings(cases, _embeddings(COUNT, 0), _embeddings(9, 1), ("sex",)) is None


def test_the_same_answers_make_the_same_part(cases: Cases, reference: EmbeddingReference) -> None:
    again = measure_embeddings(
        cases, _embeddings(COUNT, 0), _embeddings(100, 1), ("sex", "age:0,60,80")
    )

    assert again is not None
    assert embedding_reference_to_json(again) == embedding_reference_to_json(reference)
