"""The reference: every case is counted once per attribute, as other programs count."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix, roc_auc_score

from edgefair.audit import audit
from edgefair.bundle.manifest import OperatingPoint
from edgefair.compress.data.cases import Cases, Column
from edgefair.compress.evidence.evaluation import group_rows
from edgefair.compress.evidence.reference import BINS, measure_reference
from edgefair.compress.evidence.scoring import Answers
from edgefair.runtime.scores import flagged

POINT = OperatingPoint(
    name="balanced",
    finding="opacity",
    threshold=0.4,
    refer_half_width=0.01,
    chosen_for="a test",
    chosen_on="nothing",
)
COUNT = 200


@pytest.fixture(scope="module")
def probabilities() -> NDArray[np.float64]:
    return np.random.default_rng(0).random((COUNT, 1)).round(2)


@pytest.fixture(scope="module")
def cases(probabilities: NDArray[np.float64]) -> Cases:
    rng = np.random.default_rng(1)
    labels = (rng.random((COUNT, 1)) < probabilities).astype(np.float32)
    labels[::10] = np.nan
    sexes = tuple(rng.choice(["F", "M", ""], COUNT).tolist())
    return Cases(
        images=(Path("none.png"),) * COUNT,
        labels=labels,
        splits=("test",) * COUNT,
        patients=tuple(map(str, range(COUNT))),
        columns=(Column(name="sex", values=sexes),),
    )


def test_card_reference_and_audit_agree_on_several_images_of_a_patient(
    cases: Cases, probabilities: NDArray[np.float64]
) -> None:
    # images of a patient score alike
    place = np.argsort(np.argsort(probabilities[:, 0])) // 3
    several = replace(cases, patients=tuple(map(str, place.tolist())))
    known = ~np.isnan(cases.labels[:, 0])
    audited = audit(
        y_true=cases.labels[known, 0],
        y_pred=flagged(probabilities[known, 0], POINT),
        y_score=probabilities[known, 0],
        sensitive_features={"sex": np.array(cases.columns[0].values)[known]},
        patients=np.array(several.patients)[known],
    )
    answers = Answers(
        logits=probabilities.astype(np.float32), embeddings=np.zeros((COUNT, 2), np.float32)
    )
    reference = measure_reference(several, probabilities, answers, (POINT,), ("sex",))
    rows = group_rows(several, probabilities, probabilities, (POINT,), ("sex",))

    found = {(str(cell.group), cell.metric): cell.value for cell in audited.by_group}
    for cell, row in zip(reference.cells[1:], rows[1:], strict=True):
        assert cell.auroc == row.auroc
        for metric, interval in (
            ("auroc", row.auroc),
            ("sensitivity", row.sensitivity),
            ("specificity", row.specificity),
        ):
            wanted = found[str(cell.group), metric]
            assert interval is not None
            assert (interval.estimate, interval.n) == (wanted.estimate, wanted.n)
            assert interval.lower == pytest.approx(wanted.lower, abs=1e-9)
            assert interval.upper == pytest.approx(wanted.upper, abs=1e-9)
    alone = group_rows(cases, probabilities, probabilities, (POINT,), ("sex",))
    assert alone[0].auroc != rows[0].auroc


def test_counts_and_areas_are_those_of_scikit_learn(
    cases: Cases, probabilities: NDArray[np.float64]
) -> None:
    embeddings = np.random.default_rng(2).normal(3, 2, (COUNT, 4)).astype(np.float32)
    answers = Answers(logits=probabilities.astype(np.float32), embeddings=embeddings)

    reference = measure_reference(cases, probabilities, answers, (POINT,), ("sex",))

    known = ~np.isnan(cases.labels[:, 0])
    truth, scores = cases.labels[known, 0] == 1, probabilities[known, 0]
    (tn, fp), (fn, tp) = confusion_matrix(truth, scores >= 0.4)
    everybody, *groups = reference.cells
    found = everybody.confusion
    assert (found.true_negatives, found.false_positives) == (tn, fp)
    assert (found.false_negatives, found.true_positives) == (fn, tp)
    assert everybody.auroc is not None
    assert everybody.auroc.estimate == pytest.approx(roc_auc_score(truth, scores))
    assert [str(cell.group) for cell in groups] == ["sex F", "sex M", "sex Unknown"]
    assert sum(cell.confusion.n for cell in groups) == found.n == known.sum()
    (histogram,) = reference.score_histograms
    assert len(histogram.positives) == len(histogram.negatives) == BINS
    assert (sum(histogram.positives), sum(histogram.negatives)) == (truth.sum(), (~truth).sum())
    assert reference.embedding_mean == pytest.approx(embeddings.mean(axis=0), rel=1e-5)
    assert reference.embedding_std == pytest.approx(embeddings.std(axis=0), rel=1e-5)


def test_a_group_with_one_class_has_counts_and_no_area(
    cases: Cases, probabilities: NDArray[np.float64]
) -> None:
    healthy = cases.take(np.flatnonzero(cases.labels[:, 0] == 0))
    scores = probabilities[: len(healthy)]
    answers = Answers(
        logits=scores.astype(np.float32), embeddings=np.ones((len(healthy), 2), np.float32)
    )

    reference = measure_reference(healthy, scores, answers, (POINT,), ())

    assert reference.cells[0].auroc is None
    assert reference.cells[0].confusion.positives == 0
