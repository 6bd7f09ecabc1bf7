"""How well sex, age, view and the like can be read off an embedding.

A model whose embedding tells an attribute may use it as a shortcut; that it can be read off does
not prove that it is used. The probe is linear and is scored on patients that it was not fitted
on; it is evidence beside the gate and decides nothing.

References
----------
.. [1] J. W. Gichoya et al., "AI recognition of patient race in medical imaging: a modelling
   study", Lancet Digital Health 4 (2022) e406-e414.
.. [2] B. Glocker, C. Jones, M. Bernhardt, S. Winzeck, "Algorithmic encoding of protected
   characteristics in chest X-ray disease detection models", eBioMedicine 89 (2023) 104467: and
   what such a probe does not show.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from edgefair.audit.auroc import auroc
from edgefair.audit.groups import By
from edgefair.audit.inputs import patient_numbers
from edgefair.compress.data.cases import Cases
from edgefair.compress.gate.records import EncodingRow
from edgefair.records import UNKNOWN, Interval

__all__ = ["WITH_FINDING", "encoding_rows"]

WITH_FINDING: Final = "with it"

_FOLDS: Final = 5
_FEWEST: Final = 10
"""Cases with a value, and with another, below which a probe of five folds learns nothing."""

_PENALTY: Final = 0.01
"""Inverse strength: embeddings often have more numbers than there are cases."""


def encoding_rows(
    embedding: str,
    values: NDArray[np.float32],
    cases: Cases,
    findings: tuple[str, ...],
    *,
    ways: tuple[str, ...],
    seed: int = 0,
) -> tuple[EncodingRow, ...]:
    """Return how well each value of each attribute, and each label, can be read off.

    Parameters
    ----------
    embedding : str
        Name of the model.
    values : ndarray of float32, shape (n, d)
        Its embeddings of the cases.
    cases : Cases
        The n cases.
    findings : tuple of str
        Names of the columns of the labels, which are probed for comparison.
    ways : tuple of str
        As the gate groups by; crossed columns are taken one by one, each once.
    seed : int
        Of the folds.
    """
    terms = dict.fromkeys(term for way in ways for term in By.parse(way).terms)
    single = [
        f"{term.name}:{','.join(f'{edge:g}' for edge in term.edges)}" if term.edges else term.name
        for term in terms
    ]
    rows: list[EncodingRow] = []
    for grouping in cases.grouped(single):
        labels = [group.attributes[0].value for group in grouping.groups]
        known = np.array([labels[code] != UNKNOWN for code in grouping.codes], dtype=bool)
        patients = _of(cases, known)
        probed = _probed(values[known], grouping.codes[known], patients, seed)
        rows += _rows(embedding, grouping.attribute, labels, *probed, patients)
    for column, finding in enumerate(findings):
        known = ~np.isnan(cases.labels[:, column])
        codes = cases.labels[known, column].astype(np.int64)
        patients = _of(cases, known)
        probed = _probed(values[known], codes, patients, seed)
        names = ["without it", WITH_FINDING]
        rows += list(_rows(embedding, finding, names, *probed, patients))[1:]
    return tuple(rows)


def _of(cases: Cases, rows: NDArray[np.bool_]) -> NDArray[np.str_]:
    return np.array(cases.patients)[rows]


def _probed(
    values: NDArray[np.float32],
    codes: NDArray[np.int64],
    patients: NDArray[np.str_],
    seed: int,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the codes of n cases, and each code's probability of each, from other patients.

    Shape (n, codes); codes that a fold did not see have probability 0.
    """
    scores = np.zeros((len(codes), int(codes.max(initial=-1)) + 1))
    common = [int(c) for c in np.unique(codes) if np.sum(codes == c) >= _FEWEST]
    if len(common) < 2 or len(set(patients.tolist())) < _FOLDS:
        return codes, scores
    folds = GroupKFold(_FOLDS, shuffle=True, random_state=seed)
    for learn, held_out in folds.split(values, codes, patients):
        if len(np.unique(codes[learn])) < 2:
            continue
        probe = make_pipeline(StandardScaler(), LogisticRegression(C=_PENALTY, max_iter=500))
        probe.fit(values[learn], codes[learn])
        scores[np.ix_(held_out, probe.classes_)] = probe.predict_proba(values[held_out])
    return codes, scores


def _rows(
    embedding: str,
    attribute: str,
    labels: Sequence[str],
    codes: NDArray[np.int64],
    scores: NDArray[np.float64],
    patients: NDArray[np.str_],
) -> Iterator[EncodingRow]:
    """Yield one row for each value but Unknown."""
    people = patient_numbers(patients)
    for code, label in enumerate(labels):
        if label == UNKNOWN:
            continue
        is_it = codes == code
        enough = min(is_it.sum(), (~is_it).sum()) >= _FEWEST
        yield EncodingRow(
            embedding=embedding,
            attribute=attribute,
            value=label,
            n=len(codes),
            share=float(is_it.mean()) if len(codes) else float("nan"),
            auroc=auroc(is_it, scores[:, code], patients=people)
            if enough
            else Interval.vacuous(level=0.95, n=len(codes)),
        )
