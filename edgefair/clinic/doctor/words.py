"""An examination for people, and the same for programs."""

from __future__ import annotations

import json
from typing import Final

from edgefair.clinic.doctor.checks import Check, Examination, Result
from edgefair.report.wrapping import padded, wrapped

__all__ = ["FORMAT", "examination_json", "render_examination"]

FORMAT: Final = 1
"""Version of the JSON form; fields are added, never changed."""

_MARKS: Final = {
    Result.OK: "ok",
    Result.WARNING: "WARNING",
    Result.FAILED: "FAILED",
    Result.NOT_CHECKED: "-",
}
_MARK_WIDTH, _NAME_WIDTH = 9, 12


def render_examination(examination: Examination, *, width: int) -> str:
    """Return the verdict and below it every check, in lines of at most `width` columns."""
    lines = wrapped(_verdict(examination), width)
    for area in dict.fromkeys(check.area for check in examination.checks):
        lines += ["", area.value.capitalize()]
        for check in examination.checks:
            if check.area is area:
                lines += _told(check, width)
    return "\n".join(line.rstrip() for line in lines)


def examination_json(examination: Examination) -> str:
    """Return the examination as JSON with sorted keys."""
    tree = {
        "format": FORMAT,
        "edgefair_version": examination.edgefair_version,
        "made_at": examination.made_at,
        "passed": examination.exit_code == 0,
        "exit_code": examination.exit_code,
        "checks": [
            {
                "area": check.area.name.lower(),
                "name": check.name,
                "result": check.result.value.replace(" ", "_"),
                "sentence": check.sentence,
                "hint": check.hint,
            }
            for check in examination.checks
        ],
    }
    return json.dumps(tree, sort_keys=True, indent=1, ensure_ascii=False)


def _told(check: Check, width: int) -> list[str]:
    start = "  " + padded(_MARKS[check.result], _MARK_WIDTH) + padded(check.name, _NAME_WIDTH)
    hang = " " * len(start)
    lines = wrapped(check.sentence, width, indent=start, hang=hang)
    if check.hint:
        lines += wrapped(check.hint, width, indent=f"{hang}> ", hang=f"{hang}  ")
    return lines


def _verdict(examination: Examination) -> str:
    failed, warnings = examination.count(Result.FAILED), examination.count(Result.WARNING)
    rest = f" {warnings} {'warning' if warnings == 1 else 'warnings'} below." if warnings else ""
    if not failed:
        return f"Fit: edgefair can work on this computer.{rest}"
    names = [check.name for check in examination.checks if check.result is Result.FAILED]
    return f"NOT FIT: {', '.join(names)} failed. Read on before you use edgefair here.{rest}"
