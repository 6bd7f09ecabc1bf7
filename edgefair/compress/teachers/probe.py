"""What a teacher's embedding says of the findings: a linear probe, fitted to the labels there are.

A foundation model has no logits for the findings of a recipe. A linear classifier on its
embedding gives it some (Alain and Bengio, "Understanding intermediate layers using linear
classifier probes", 2016): they soften the labels the student learns from, and they are what the
gate holds the student against.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from edgefair.bundle.manifest import Task
from edgefair.compress.data.cases import Cases

__all__ = ["probe_logits"]

_PENALTIES: Final = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1)
"""Candidates for scikit-learn's C on standardised features, the strongest penalty first."""

_FOLDS: Final = 5


def probe_logits(embeddings: NDArray[np.float32], cases: Cases, task: Task) -> NDArray[np.float32]:
    """Return the probe's logits for every case, shape (n, findings).

    Those of the training cases come from folds that were fitted without any image of the same
    patient: a probe that has seen a label would only repeat it. The penalty is the one with the
    smallest log loss over these folds.

    Parameters
    ----------
    embeddings : ndarray of float32, shape (n, d)
    cases : Cases
        Fitted on those of the split ``train`` whose label is known.
    task : Task
    """
    is_train = np.array(cases.splits) == "train"
    patients = np.array(cases.patients)[is_train]
    labels = cases.labels[is_train]
    features = embeddings.astype(np.float64)
    logits = np.zeros(cases.labels.shape)
    for columns, truth in _targets(labels, task):
        known = ~np.isnan(truth)
        folds = _folds(features[is_train], truth, patients)
        penalty = min(_PENALTIES, key=lambda c: _loss(features[is_train], truth, folds, c))
        logits[:, columns] = _fitted(features[is_train][known], truth[known], features, penalty)
        logits[np.ix_(is_train, columns)] = _out_of_fold(features[is_train], truth, folds, penalty)
    return logits.astype(np.float32)


def _targets(
    labels: NDArray[np.float32], task: Task
) -> Iterator[tuple[list[int], NDArray[np.float64]]]:
    """Yield which columns of logits one fit gives, and its targets, nan where unknown."""
    if task is Task.MULTI_CLASS:
        known = ~np.isnan(labels).any(axis=1)
        classes = np.where(known, labels.argmax(axis=1), np.nan)
        yield list(range(labels.shape[1])), classes
        return
    for column in range(labels.shape[1]):
        yield [column], labels[:, column].astype(np.float64)


def _folds(
    features: NDArray[np.float64], truth: NDArray[np.float64], patients: NDArray[np.str_]
) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    folds = GroupKFold(min(_FOLDS, len(np.unique(patients)))).split(features, groups=patients)
    return [(learn[~np.isnan(truth[learn])], held_out) for learn, held_out in folds]


def _loss(
    features: NDArray[np.float64],
    truth: NDArray[np.float64],
    folds: list[tuple[NDArray[np.intp], NDArray[np.intp]]],
    penalty: float,
) -> float:
    logits = _out_of_fold(features, truth, folds, penalty)
    known = ~np.isnan(truth)
    if logits.shape[1] == 1:
        odds = logits[known, 0]
        probabilities = np.stack([1 / (1 + np.exp(odds)), 1 / (1 + np.exp(-odds))], axis=1)
    else:
        exponentials = np.exp(logits[known] - logits[known].max(axis=1, keepdims=True))
        probabilities = exponentials / exponentials.sum(axis=1, keepdims=True)
    classes = np.arange(probabilities.shape[1])
    return float(log_loss(truth[known], probabilities, labels=classes))


def _out_of_fold(
    features: NDArray[np.float64],
    truth: NDArray[np.float64],
    folds: list[tuple[NDArray[np.intp], NDArray[np.intp]]],
    penalty: float,
) -> NDArray[np.float64]:
    parts = [
        (held_out, _fitted(features[learn], truth[learn], features[held_out], penalty))
        for learn, held_out in folds
    ]
    logits = np.zeros((len(features), parts[0][1].shape[1]))
    for held_out, found in parts:
        logits[held_out] = found
    return logits


def _fitted(
    features: NDArray[np.float64],
    truth: NDArray[np.float64],
    asked: NDArray[np.float64],
    penalty: float,
) -> NDArray[np.float64]:
    """Fit on some rows and return the logits of others, shape (n, 1) or (n, classes)."""
    model = make_pipeline(StandardScaler(), LogisticRegression(C=penalty, max_iter=5000, tol=1e-6))
    found: NDArray[np.float64] = model.fit(features, truth).decision_function(asked)
    return found.reshape(len(asked), -1)
