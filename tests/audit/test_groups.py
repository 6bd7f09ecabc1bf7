"""Groups: every row is in exactly one, and who says nothing is in one of their own."""

from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgefair.audit.groups import By, group_by
from edgefair.errors import InputError

CLINIC_AGES = "age:0,18,40,60,80"


def names_and_codes(text: str, **columns: object) -> tuple[list[str], list[int]]:
    features = {name: np.asarray(column) for name, column in columns.items()}
    (grouping,) = group_by([By.parse(text)], features)
    return [str(group) for group in grouping.groups], grouping.codes.tolist()


def test_ages_fall_into_the_bin_that_holds_their_lower_edge() -> None:
    names, codes = names_and_codes(CLINIC_AGES, age=[0, 17.99, 18, 39, 40, 79.5, 80, 120])

    assert names == ["age 0-17", "age 18-39", "age 40-59", "age 60-79", "age 80+"]
    assert codes == [0, 0, 1, 1, 2, 3, 4, 4]


def test_a_bin_without_anybody_is_kept() -> None:
    names, _ = names_and_codes(CLINIC_AGES, age=[30.0])

    assert len(names) == 5


def test_what_lies_below_the_first_bin_is_not_lost() -> None:
    names, codes = names_and_codes("age:18,60", age=[5, 20])

    assert names[codes[0]] == "age under 18"


@pytest.mark.parametrize(
    "missing", [None, "", "  ", "nan", "NaN", "None", "<NA>", "unknown", float("nan")]
)
def test_whoever_says_nothing_is_unknown_and_last(missing: object) -> None:
    names, codes = names_and_codes("sex", sex=np.array(["M", missing, "F"], dtype=object))

    assert names == ["sex F", "sex M", "sex Unknown"]
    assert codes == [1, 2, 0]


@pytest.mark.parametrize("missing", [None, "", "n/a", float("nan")])
def test_an_age_that_is_no_number_is_unknown(missing: object) -> None:
    names, codes = names_and_codes(CLINIC_AGES, age=np.array([30, missing], dtype=object))

    assert names[codes[1]] == "age Unknown"


def test_crossed_attributes_give_the_combinations_that_occur() -> None:
    names, codes = names_and_codes("sex+age:0,60", sex=["F", "M", "F"], age=[70, 10, 5])

    assert names == ["sex F, age 0-59", "sex F, age 60+", "sex M, age 0-59"]
    assert codes == [1, 2, 0]


def test_numbers_sort_as_numbers_and_need_no_decimals() -> None:
    names, _ = names_and_codes("ward", ward=[10.0, 9.0, 2.5])

    assert names == ["ward 2.5", "ward 9", "ward 10"]


def test_values_of_any_kind_make_groups() -> None:
    days = np.array([date(2026, 1, 2), date(2026, 1, 1)], dtype=object)

    assert names_and_codes("day", day=days)[0] == ["day 2026-01-01", "day 2026-01-02"]


def test_a_column_with_a_plus_in_its_name_can_be_named() -> None:
    by = By.parse("HIV+ status", columns=["HIV+ status", "sex"])

    assert [term.name for term in by.terms] == ["HIV+ status"]


@given(
    st.lists(
        st.tuples(
            st.one_of(st.none(), st.text(max_size=3), st.integers(-3, 3)),
            st.one_of(st.none(), st.floats(), st.text(max_size=2)),
        ),
        max_size=40,
    )
)
def test_every_row_is_in_exactly_one_group_of_each_way(
    rows: list[tuple[object, object]],
) -> None:
    features = {}
    for i, name in enumerate(("ward", "age")):
        column = np.empty(len(rows), dtype=object)
        column[:] = [row[i] for row in rows]
        features[name] = column
    ways = [By.parse("ward"), By.parse("age:0,18,60"), By.parse("ward+age:0,18,60")]

    for grouping in group_by(ways, features):
        assert len(grouping.codes) == len(rows)
        assert len({str(group) for group in grouping.groups}) == len(grouping.groups)
        assert np.all((grouping.codes >= 0) & (grouping.codes < max(1, len(grouping.groups))))


@pytest.mark.parametrize("text", ["", "+", "sex+", "age:", "age:1,b", "age:18,18", "a+a:0,1"])
def test_a_grouping_that_says_nothing_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="grouping"):
        By.parse(text)


def test_a_column_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(InputError, match="no column 'ward'") as refused:
        group_by([By.parse("ward")], {"sex": np.array(["F"])})

    assert "sex" in refused.value.hint
