"""The datasheet in short, for a terminal: the verdict, what was found, and where to read on."""

from __future__ import annotations

import textwrap
import unicodedata
from typing import Final

from edgefair.compress.datasheet.findings import headline
from edgefair.compress.datasheet.records import Datasheet, Severity

__all__ = ["render_datasheet_text"]

_SIGNS: Final = {Severity.SERIOUS: "\u25b2", Severity.WARNING: "\u25cb", Severity.NOTE: "\u00b7"}


def render_datasheet_text(datasheet: Datasheet, *, width: int = 80) -> str:
    """Return the findings as lines of at most `width` columns, the most serious first."""
    composition = datasheet.composition
    lines = [f"Datasheet of {datasheet.name}", "", *_wrapped(headline(datasheet.findings), width)]
    for severity in Severity:
        found = [f for f in datasheet.findings if f.severity is severity]
        if found:
            lines += ["", f"{_SIGNS[severity]} {severity}"]
        for finding in found:
            lines += _wrapped(finding.sentence, width, indent="  ")
            lines += _wrapped(f"> {finding.advice}", width, indent="    ")
    splits = ", ".join(f"{s.split or 'no split'} {s.images:,}" for s in composition.splits)
    lines += [
        "",
        *_wrapped(
            f"{composition.images:,} images of {composition.patients:,} patients; {splits}.", width
        ),
        *(
            f"{c.finding}: {c.positives:,} with, {c.negatives:,} without, {c.unknown:,} unknown"
            for c in composition.labels
        ),
    ]
    return "".join(f"{_plain(line)}\n" for line in lines)


def _wrapped(text: str, width: int, *, indent: str = "") -> list[str]:
    return textwrap.wrap(_plain(text), width, initial_indent=indent, subsequent_indent=indent) or [
        ""
    ]


def _plain(text: str) -> str:
    """Return `text` without control and format characters, which could steer a terminal."""
    return "".join(c for c in text if not unicodedata.category(c).startswith("C"))
