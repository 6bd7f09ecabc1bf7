"""`edgefair.audit(...)` in its callers' hands: odd containers, nothing lost, one name for two."""

from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import edgefair
from edgefair.audit.view import Audit
from edgefair.errors import BadTable

CASES = 200


@pytest.fixture(scope="module")
def columns() -> dict[str, Any]:
    rng = np.random.default_rng(11)
    ill = rng.random(CASES) < 0.4
    return {
        "y_true": ill.astype(int),
        "y_pred": (rng.normal(1.5 * ill) > 0.7).astype(int),
        "sensitive_features": {
            "sex": rng.choice(["F", "M"], CASES),
            "site": rng.choice(["north", "south", "west"], CASES, p=[0.2, 0.3, 0.5]),
        },
    }


def same(found: Audit, other: Audit) -> bool:
    """Whether two results are equal, nan where nan."""
    return repr(found.result) == repr(other.result)


class FrameLike:
    """A data frame that is no pandas one: columns by name, each array-like."""

    def __init__(self, columns: dict[str, Any]) -> None:
        self._columns = columns

    @property
    def columns(self) -> list[str]:
        return list(self._columns)

    def __getitem__(self, name: str) -> Any:
        return self._columns[name]


@pytest.mark.parametrize("container", [MappingProxyType, FrameLike])
def test_any_container_that_gives_columns_by_name_will_do(
    columns: dict[str, Any], container: Any
) -> None:
    features = container(columns["sensitive_features"])

    found = edgefair.audit(**{**columns, "sensitive_features": features})
    assert same(found, edgefair.audit(**columns))


@pytest.mark.parametrize(
    "made",
    [
        tuple,
        pd.Series,
        lambda y: y.astype(bool),
        lambda y: y.astype(float),
        lambda y: [str(value) for value in y],
        lambda y: [bool(value) for value in y],
    ],
    ids=["tuple", "series", "bool", "float", "text", "python bool"],
)
def test_labels_of_any_kind_mean_the_same(columns: dict[str, Any], made: Any) -> None:
    changed = {**columns, "y_true": made(columns["y_true"]), "y_pred": made(columns["y_pred"])}

    assert same(edgefair.audit(**changed), edgefair.audit(**columns))


@pytest.mark.parametrize("short", ["y_true", "y_pred"])
def test_a_column_that_is_too_short_is_refused_whichever_it_is(
    columns: dict[str, Any], short: str
) -> None:
    with pytest.raises(BadTable, match="differ in length"):
        edgefair.audit(**{**columns, short: columns[short][1:]})


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([0, 1, None]), st.sampled_from([0, 1]), st.sampled_from(["a", "b", ""])
        ),
        min_size=1,
        max_size=80,
    ).filter(lambda rows: any(row[0] is not None for row in rows))
)
def test_no_case_is_lost_and_every_interval_holds_its_estimate(
    rows: list[tuple[int | None, int, str]],
) -> None:
    y_true, y_pred, ward = (list(column) for column in zip(*rows, strict=True))
    found = edgefair.audit(y_true=y_true, y_pred=y_pred, sensitive_features={"ward": ward})
    everybody, *parts = (confusion for _, _, confusion in found.result.confusion)

    assert everybody.n + sum(e.rows for e in found.result.exclusions) == len(rows)
    assert sum(part.n for part in parts) == everybody.n
    for cell in found.by_group:
        for interval in (cell.value, cell.rest, cell.difference):
            if interval.is_estimable:
                assert interval.lower - 1e-12 <= interval.estimate <= interval.upper + 1e-12
        assert np.isnan(cell.p_value) or 0 <= cell.p_value <= 1


def test_a_summary_pays_for_picking_the_extremes(columns: dict[str, Any]) -> None:
    found = edgefair.audit(**columns, by=["site"])
    sensitivities = [c.value for c in found.by_group if c.metric == "sensitivity"]
    picked = min(sensitivities, key=lambda value: value.estimate)
    smallest = found.group_min("sensitivity")

    assert smallest.estimate == picked.estimate
    assert smallest.lower < picked.lower


def test_a_name_the_package_does_not_have_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'fairness'"):
        edgefair.fairness  # type: ignore[attr-defined]  # noqa: B018
