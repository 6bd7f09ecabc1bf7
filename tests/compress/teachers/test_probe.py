"""A linear probe gives a teacher an opinion of the findings, and never repeats a label."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from edgefair.bundle.manifest import Task
from edgefair.compress.data.cases import Cases
from edgefair.compress.teachers.probe import probe_logits

COUNT = 240


def _cases(labels: NDArray[np.float32], patients: list[str]) -> Cases:
    return Cases(
        images=(Path("none.png"),) * COUNT,
        labels=labels,
        splits=("train", "train", "val", "test") * (COUNT // 4),
        patients=tuple(patients),
        columns=(),
    )


@pytest.fixture
def embeddings() -> NDArray[np.float32]:
    return np.random.default_rng(0).normal(size=(COUNT, 12)).astype(np.float32)


@pytest.fixture
def patients() -> list[str]:
    return [f"P{number}" for number in range(COUNT)]


def test_what_is_linear_in_the_embedding_is_read_off_it(
    embeddings: NDArray[np.float32], patients: list[str]
) -> None:
    truth = embeddings[:, :2] > 0
    labels = truth.astype(np.float32)
    labels[::7, 0] = np.nan

    logits = probe_logits(embeddings, _cases(labels, patients), Task.MULTI_LABEL)

    assert logits.shape == (COUNT, 2)
    assert roc_auc_score(truth[:, 0], logits[:, 0]) > 0.95
    assert roc_auc_score(truth[:, 1], logits[:, 1]) > 0.95


def test_classes_have_a_logit_each(embeddings: NDArray[np.float32], patients: list[str]) -> None:
    classes = embeddings[:, :3].argmax(axis=1)
    labels = np.eye(3, dtype=np.float32)[classes]
    labels[5] = np.nan

    logits = probe_logits(embeddings, _cases(labels, patients), Task.MULTI_CLASS)

    assert (logits.argmax(axis=1) == classes).mean() > 0.85


def test_noise_says_nothing_of_the_labels_it_was_fitted_to(
    embeddings: NDArray[np.float32], patients: list[str]
) -> None:
    truth = np.random.default_rng(1).random(COUNT) < 0.5

    logits = probe_logits(
        embeddings, _cases(truth[:, np.newaxis].astype(np.float32), patients), Task.BINARY
    )

    train = np.arange(COUNT) % 4 < 2
    assert abs(roc_auc_score(truth[train], logits[train, 0]) - 0.5) < 0.15


def test_images_of_one_patient_do_not_tell_each_others_label() -> None:
    rng = np.random.default_rng(2)
    people = np.repeat(np.arange(COUNT // 8), 8)
    # each patient looks the same on all images, and the label is a property of the patient
    embeddings = rng.normal(size=(COUNT // 8, 40))[people].astype(np.float32)
    truth = (rng.random(COUNT // 8) < 0.5)[people]
    patients = [f"P{person}" for person in people]

    logits = probe_logits(
        embeddings, _cases(truth[:, np.newaxis].astype(np.float32), patients), Task.BINARY
    )

    train = np.arange(COUNT) % 4 < 2
    assert roc_auc_score(truth[train], logits[train, 0]) < 0.75
