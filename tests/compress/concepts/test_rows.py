"""Rows: what can be read off the student's embedding is, and what cannot is not pretended."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from edgefair.compress.concepts.rows import concept_rows
from edgefair.errors import NotEnoughData


def _planted(n: int, d: int, noise: float) -> tuple[NDArray[np.float32], ...]:
    """Return embeddings of a student and of a teacher that see the same three attributes."""
    rng = np.random.default_rng(1)
    attributes = rng.standard_normal((n, 3))
    student = attributes @ rng.standard_normal((3, d)) + noise * rng.standard_normal((n, d)) + 4
    directions, _ = np.linalg.qr(rng.standard_normal((16, 3)))
    teacher = 10 * np.ones(16) @ np.eye(16) / 16 + attributes @ directions.T
    return (
        student.astype(np.float32),
        teacher.astype(np.float32),
        directions.T.astype(np.float32),
    )


def test_an_attribute_that_both_see_is_found() -> None:
    student, teacher, concepts = _planted(200, 24, noise=0.1)

    rows = concept_rows(student, teacher, concepts)

    assert rows.weights.shape == (3, 24)
    assert rows.images == 200
    assert min(rows.correlations) > 0.95
    units = teacher / np.linalg.norm(teacher, axis=1, keepdims=True)
    answers = student @ rows.weights.T + rows.biases
    for answer, wanted in zip(answers.T, (units @ concepts.T).T, strict=True):
        assert np.corrcoef(answer, wanted)[0, 1] > 0.95


def test_more_directions_than_images_do_not_fit_everything() -> None:
    student, teacher, concepts = _planted(60, 300, noise=3.0)
    nonsense = np.random.default_rng(2).permutation(teacher)

    real, shuffled = (concept_rows(student, seen, concepts) for seen in (teacher, nonsense))

    assert min(real.correlations) > 0.7
    assert max(shuffled.correlations) < 0.4
    assert max(shuffled.r_squared) < 0.2


def test_rows_answer_in_standard_deviations() -> None:
    student, teacher, concepts = _planted(200, 24, noise=0.01)

    rows = concept_rows(student, teacher, concepts)

    answers = student @ rows.weights.T + rows.biases
    np.testing.assert_allclose(answers.mean(axis=0), 0, atol=1e-4)
    assert np.all((answers.std(axis=0) > 0.9) & (answers.std(axis=0) <= 1))


def test_the_length_of_a_teachers_vector_says_nothing() -> None:
    student, teacher, concepts = _planted(80, 12, noise=0.1)
    stretched = teacher * np.linspace(1, 9, 80, dtype=np.float32)[:, np.newaxis]

    plain, again = (concept_rows(student, seen, 7 * concepts) for seen in (teacher, stretched))

    np.testing.assert_allclose(plain.weights, again.weights, atol=1e-4)


def test_ridge_is_the_closed_form_of_its_penalty() -> None:
    student, teacher, concepts = _planted(50, 4, noise=0.5)
    units = teacher / np.linalg.norm(teacher, axis=1, keepdims=True)
    wanted = units @ concepts[:1].T
    wanted = (wanted - wanted.mean()) / wanted.std()
    centred = student - student.mean(axis=0)

    row = concept_rows(student, teacher, concepts[:1]).weights[0]

    # (X'X + penalty) w = X'y for one penalty: what is left of X'y lies along the row
    left = centred.T @ wanted[:, 0] - centred.T @ centred @ row
    penalty = left @ row / (row @ row)
    assert penalty >= -1e-3
    np.testing.assert_allclose(left, penalty * row, atol=2e-3 * float(np.abs(left).max() + 1))


def test_the_same_embeddings_give_the_same_rows() -> None:
    given = _planted(64, 8, noise=0.2)

    first, second = concept_rows(*given), concept_rows(*given)

    assert np.array_equal(first.weights, second.weights)
    assert first.correlations == second.correlations


def test_a_concept_nobody_sees_is_a_row_of_nothing() -> None:
    student, teacher, concepts = _planted(64, 8, noise=0.2)

    rows = concept_rows(student, np.ones_like(teacher), concepts)

    assert np.array_equal(rows.weights, np.zeros((3, 8)))
    assert rows.correlations == (0.0, 0.0, 0.0)


def test_a_handful_of_images_is_refused() -> None:
    student, teacher, concepts = _planted(9, 8, noise=0.2)

    with pytest.raises(NotEnoughData, match="from 9 images"):
        concept_rows(student, teacher, concepts)
