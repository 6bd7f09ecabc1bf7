"""The table of models: areas as scikit-learn has them, over the cases whose label is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from edgefair.compress.data.cases import Cases, Column
from edgefair.compress.evidence.comparison import auroc_cells

COUNT = 120


@pytest.fixture
def cases() -> Cases:
    rng = np.random.default_rng(4)
    labels = (rng.random((COUNT, 2)) < 0.5).astype(np.float32)
    labels[::9, 1] = np.nan
    return Cases(
        images=(Path("none.png"),) * COUNT,
        patients=tuple(f"P{i}" for i in range(COUNT)),
        labels=labels,
        splits=("test",) * COUNT,
        columns=(
            Column(name="sex", values=tuple("FM" * (COUNT // 2))),
            Column(name="age", values=tuple(str(20 + i % 60) for i in range(COUNT))),
        ),
    )


def test_everybody_and_each_group_have_the_area_of_scikit_learn(cases: Cases) -> None:
    logits = np.random.default_rng(5).normal(cases.labels.copy(), 1.0)
    logits[np.isnan(logits)] = 0.0

    cells = auroc_cells(cases, logits, ("a", "b"), ("sex", "age:0,40", "sex+age:0,40"))

    found = {(cell.finding, cell.group): cell for cell in cells}
    # crossed groups are in the group table, not here
    groups = ["everybody", "sex F", "sex M", "age 0-39", "age 40+"]
    assert list(found) == [(finding, group) for finding in "ab" for group in groups]
    is_woman = np.arange(COUNT) % 2 == 0
    known = ~np.isnan(cases.labels[:, 1]) & is_woman
    women = found["b", "sex F"]
    assert women.n == known.sum()
    assert women.auroc is not None
    assert women.auroc.estimate == pytest.approx(
        roc_auc_score(cases.labels[known, 1], logits[known, 1])
    )


def test_a_group_with_one_class_has_its_count_and_no_area(cases: Cases) -> None:
    healthy = cases.take(np.flatnonzero(cases.labels[:, 0] == 0))

    cells = auroc_cells(healthy, np.zeros((len(healthy), 2)), ("a", "b"), ())

    assert cells[0].auroc is None
    assert cells[0].n == len(healthy)
