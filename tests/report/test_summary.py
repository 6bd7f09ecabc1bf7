"""The headline: harm first, missing data counted, and never more than was shown."""

from __future__ import annotations

import pytest

from edgefair.records import VerdictKind
from edgefair.report import Report
from edgefair.report.summary import headline


def test_one_harmed_group_is_told_in_cases_of_a_hundred(several_findings: Report) -> None:
    said = headline(several_findings.result)

    assert said.kind is VerdictKind.HARM_SHOWN
    assert said.sentence == (
        "Pneumonia: harm by missed cases is shown for sex F. Of 100 who have it, the model misses "
        "41; of 100 others who have it, 12."
    )


def test_several_harmed_groups_are_named_the_surest_first(harm: Report) -> None:
    said = headline(harm.result)

    assert said.sentence == (
        "Pneumonia: harm by missed cases is shown for 2 groups (sex F; sex F, age 60+)."
    )
    assert said.further == (
        "Surest for sex F: of 100 who have it, the model misses 41; of 100 others who have it, "
        "12.",
        "Pneumonia: harm by false alarms is shown for age 60+. Of 100 who do not have it, the "
        "model wrongly flags 17; of 100 others who do not have it, 6.",
        "Missed cases: harm shown for 2 groups, not enough data for 4, shown ok for 2.",
        "False alarms: harm shown for 1 group, not enough data for 5, shown ok for 2.",
    )


def test_each_of_several_findings_is_tallied_by_name(several_findings: Report) -> None:
    said = headline(several_findings.result)

    assert "Pleural effusion, missed cases: not enough data for 2 groups." in (said.further)


def test_many_harmed_groups_are_counted_after_three_names(hostile: Report) -> None:
    said = headline(hostile.result)

    assert said.sentence.endswith("and 4 more).")


def test_missing_data_is_the_headline_where_no_harm_was_shown(mixed: Report) -> None:
    said = headline(mixed.result)

    assert said.kind is VerdictKind.NOT_ENOUGH_DATA
    assert said.sentence == (
        "No harm was shown, but for 1 of 3 groups there is not enough data yet."
    )
    assert said.further == (
        "Missed cases: not enough data for 1 group, shown ok for 2.",
        "False alarms: not enough data for 1 group, shown ok for 2.",
    )


def test_too_little_data_is_no_all_clear(too_little: Report) -> None:
    said = headline(too_little.result)

    assert said.kind is VerdictKind.NOT_ENOUGH_DATA
    assert said.sentence == (
        "There is not enough data yet to say anything about any of the 3 groups."
    )
    assert said.further == ("This is not a sign that the model works equally well for all.",)


def test_all_shown_ok_says_for_whom_and_no_further(no_harm: Report) -> None:
    said = headline(no_harm.result)

    assert said.kind is VerdictKind.SHOWN_OK
    assert said.sentence == (
        "No harm was shown: in all 2 groups the errors were shown to stay within the limit."
    )


def test_an_audit_without_groups_judges_nothing(nothing_judged: Report) -> None:
    said = headline(nothing_judged.result)

    assert said.kind is VerdictKind.NOT_ENOUGH_DATA
    assert said.sentence.startswith("Nothing could be judged")


@pytest.mark.parametrize("name", ["harm", "no_harm", "too_little", "mixed", "hostile"])
def test_no_headline_says_fair(name: str, request: pytest.FixtureRequest) -> None:
    report = request.getfixturevalue(name)
    said = headline(report.result)

    assert "fair" not in " ".join((said.sentence, *said.further)).lower()
