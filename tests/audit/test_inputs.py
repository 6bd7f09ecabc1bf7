"""Columns from anywhere, and the values that labels, decisions and scores may have."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from edgefair.audit.inputs import columns_of, decisions, outcomes, scores
from edgefair.errors import BadTable
from edgefair.records import Decision

nan = float("nan")


class ArrowLike:
    """A table as pyarrow has it: names in one attribute, columns without names in another."""

    column_names = ("a", "b")
    columns = ([1, 2], [3, 4])

    def __getitem__(self, name: str) -> list[int]:
        return dict(zip(self.column_names, self.columns, strict=True))[name]


@pytest.mark.parametrize(
    "table",
    [
        {"a": [1, 2], "b": (3, 4)},
        {"a": np.array([1, 2]), "b": pd.Series([3, 4])},
        pd.DataFrame({"a": [1, 2], "b": [3, 4]}),
        ArrowLike(),
    ],
    ids=["dict of lists", "dict of arrays", "pandas", "arrow"],
)
def test_columns_come_from_any_table(table: Any) -> None:
    columns = columns_of(table, unnamed="x")

    assert {name: column.tolist() for name, column in columns.items()} == {
        "a": [1, 2],
        "b": [3, 4],
    }


@pytest.mark.parametrize("column", [[1, 2], (1, 2), np.array([1, 2]), pd.Series([1, 2])])
def test_a_plain_column_gets_the_name_it_needs(column: Any) -> None:
    assert list(columns_of(column, unnamed="x")) == ["x"]


def test_a_series_brings_its_name() -> None:
    assert list(columns_of(pd.Series([1], name="sex"), unnamed="x")) == ["sex"]


@pytest.mark.parametrize("values", [[[1, 2], [3, 4]], 5, {"a": [[1], [2]]}])
def test_a_column_of_other_than_one_dimension_is_refused(values: Any) -> None:
    with pytest.raises(BadTable, match="dimension"):
        columns_of(values, unnamed="x")


@pytest.mark.parametrize(
    "column",
    [
        np.array([1.0, 0.0, nan]),
        np.array(["1", "0", ""]),
        np.array(["1.0", " 0 ", "nan"]),
        np.array(["TRUE", "False", "None"]),
        np.array([True, False, None], dtype=object),
        np.asarray(pd.array([1, 0, None], dtype="Int64")),
    ],
)
def test_outcomes_may_be_numbers_words_or_missing(column: Any) -> None:
    assert outcomes(column, "y").tolist() == [1, 0, -1]


def test_true_and_false_are_outcomes() -> None:
    assert outcomes(np.array([True, False]), "y").tolist() == [1, 0]


@pytest.mark.parametrize(
    "column", [np.array([0, 1, 2]), np.array([0, 1, -1.0]), np.array(["0", "1", "sick"])]
)
def test_another_outcome_is_refused_with_its_row(column: Any) -> None:
    with pytest.raises(BadTable, match="in row 3"):
        outcomes(column, "y")


def test_positive_and_refer_are_both_flagged() -> None:
    column = np.array([*Decision, "Positive", "refer", 1, None], dtype=object)

    assert decisions(column, "p").tolist() == [1, 0, 1, 1, 1, 1, -1]


def test_an_unknown_decision_is_refused() -> None:
    with pytest.raises(BadTable, match="'maybe' in row 2"):
        decisions(np.array(["positive", "maybe"]), "p")


@pytest.mark.parametrize(
    "column",
    [
        np.array([0.5, nan]),
        np.array(["0.5", ""]),
        np.array(["5e-1", "NaN"]),
        np.array([0.5, None], dtype=object),
    ],
)
def test_scores_may_be_missing(column: Any) -> None:
    assert scores(column, "s").tolist() == pytest.approx([0.5, nan], nan_ok=True)


@pytest.mark.parametrize("column", [np.array([0.5, np.inf]), np.array(["0.5", "-inf"])])
def test_infinite_scores_are_refused(column: Any) -> None:
    with pytest.raises(BadTable, match="infinite in row 2"):
        scores(column, "s")


def test_scores_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(BadTable, match="no number"):
        scores(np.array(["0.5", "high"]), "s")
