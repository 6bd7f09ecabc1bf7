"""The doctor's findings for people and for programs, byte for byte.

After a change that is meant to show, look at the new files, then keep them::

    UPDATE_GOLDEN=1 pytest tests/clinic/doctor/test_words.py
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from edgefair.clinic.doctor.checks import Area, Check, Examination, Result
from edgefair.clinic.doctor.words import examination_json, render_examination

GOLDEN = Path(__file__).parent / "golden"

EXAMINATION = Examination(
    made_at="2027-03-01T08:00:00+01:00",
    edgefair_version="0.1.0",
    checks=(
        Check(
            area=Area.MACHINE,
            name="memory",
            result=Result.OK,
            sentence="4.1 GB, 2.2 GB of it free.",
        ),
        Check(
            area=Area.STORAGE,
            name="clock",
            result=Result.FAILED,
            sentence="2009-01-01 00:07 (CET), which is before this edgefair was made "
            "(2026-11-01).",
            hint="Set date and time; a battery on the mainboard may be empty.",
        ),
        Check(
            area=Area.STORAGE,
            name="ledger",
            result=Result.NOT_CHECKED,
            sentence="No ledger was named; --ledger FILE checks one.",
        ),
        Check(
            area=Area.MODEL,
            name="signature",
            result=Result.WARNING,
            sentence="radiographie 1.0.0 is unsigned: nobody vouches for where it comes from.",
            hint="Use it only if you know who made it.",
        ),
    ),
)


@pytest.mark.parametrize("suffix", ["txt", "json"])
def test_the_findings_are_told_as_it_was_agreed(suffix: str) -> None:
    told = {
        "txt": render_examination(EXAMINATION, width=80),
        "json": examination_json(EXAMINATION),
    }[suffix] + "\n"
    golden = GOLDEN / f"examination.{suffix}"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(told, encoding="utf-8")

    assert told == golden.read_text(encoding="utf-8")


def test_no_line_is_wider_than_asked_for() -> None:
    lines = render_examination(EXAMINATION, width=60).splitlines()

    assert max(map(len, lines)) <= 60


@pytest.mark.parametrize(
    ("area", "name", "exit_code"),
    [
        (Area.MACHINE, "memory", 1),
        (Area.STORAGE, "disk", 1),
        (Area.STORAGE, "ledger", 5),
        (Area.MODEL, "answers", 4),
        (Area.PRIVACY, "network", 1),
    ],
)
def test_the_exit_code_tells_what_failed(area: Area, name: str, exit_code: int) -> None:
    fine = EXAMINATION.checks[0]
    failed = replace(fine, area=area, name=name, result=Result.FAILED)

    assert replace(EXAMINATION, checks=(fine, failed)).exit_code == exit_code
    assert replace(EXAMINATION, checks=(fine,)).exit_code == 0


def test_warnings_do_not_fail_and_are_counted() -> None:
    warned = replace(EXAMINATION, checks=(EXAMINATION.checks[3],))

    assert warned.exit_code == 0
    assert render_examination(warned, width=80).startswith(
        "Fit: edgefair can work on this computer. 1 warning below."
    )
