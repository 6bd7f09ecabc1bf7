"""What stands on the datasheet's page: words, positions and tables, before any markup."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import isnan
from typing import Final

from edgefair.compress.datasheet.records import (
    AcquisitionShare,
    Catchment,
    Composition,
    CopySet,
    Datasheet,
    GroupQuality,
    GroupRow,
    Prevalence,
    Shortcut,
    ShortcutKind,
    Subpopulation,
)
from edgefair.report.page import Table
from edgefair.report.words import percent, shorten

__all__ = [
    "Bar",
    "Bars",
    "Dot",
    "Dots",
    "bars_of_catchment",
    "bars_of_groups",
    "documentation",
    "dots",
    "missing_table",
    "splits_table",
    "tables_of_errors",
    "tables_of_prevalence",
    "tables_of_quality",
    "values_table",
]

_MOST_DOTS: Final = 40
_MOST_COPIES: Final = 12
_FINDINGS_A_TABLE: Final = 4
_COIN_TOSS: Final = 0.5
_LONGEST: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One row with a bar: `width` in per cent, a `mark` to hold it against, and figures."""

    name: str
    width: float
    mark: float | None
    figures: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bars:
    """A table with a bar in each row; `head` names the first column, the bar and the figures."""

    title: str
    caption: str
    head: tuple[str, ...]
    rows: tuple[Bar, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dot:
    """One attribute on the axis from a coin toss to certainty; positions in per cent."""

    name: str
    origin: str
    kind: ShortcutKind
    at: float
    lower: float
    upper: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Dots:
    """What each attribute alone reaches for one finding; `left_out` more are in the JSON."""

    finding: str
    rows: tuple[Dot, ...]
    left_out: int


def _count(number: int) -> str:
    return f"{number:,}"


def bars_of_groups(composition: Composition) -> tuple[Bars, ...]:
    """Return one table for each way to part the images: shares, counts, splits."""
    splits = tuple(s.split or "no split" for s in composition.splits)
    # one finding fits into the same table; several get their own
    only = tuple(c.finding for c in composition.labels) if len(composition.labels) == 1 else ()
    return tuple(
        Bars(
            title=_capital(parted.attribute),
            caption=f"Images by {parted.attribute}{_with_prevalence(only)}",
            head=("Group", "Share of the images", "", "Images", "Patients", *splits, *only),
            rows=tuple(_group_bar(row) for row in parted.groups),
        )
        for parted in composition.subpopulations
    )


def _with_prevalence(findings: tuple[str, ...]) -> str:
    return f", and the share of the labelled ones with {findings[0]} (95%)" if findings else ""


def _group_bar(row: GroupRow) -> Bar:
    counts = (row.images, row.patients, *row.by_split)
    single = len(row.prevalences) == 1
    prevalence = [_rate(p) for p in row.prevalences if single]
    return Bar(
        name=row.group,
        width=round(100 * row.share, 1),
        mark=None,
        figures=(percent(row.share), *(_count(n) for n in counts), *prevalence),
    )


def tables_of_prevalence(composition: Composition) -> tuple[Table, ...]:
    """Return how often each finding is in each group, a few findings a table."""
    findings = tuple(count.finding for count in composition.labels)
    parts = [
        findings[start : start + _FINDINGS_A_TABLE]
        for start in range(0, len(findings), _FINDINGS_A_TABLE)
    ]
    return tuple(
        Table(
            title="Prevalence",
            caption=f"Share with {', '.join(part)}, of the labelled images (Wilson, 95%)",
            head=("Group", *part),
            rows=tuple(_prevalence_rows(composition.subpopulations, part)),
        )
        for part in parts
        if composition.subpopulations and len(findings) > 1
    )


def _prevalence_rows(
    subpopulations: Sequence[Subpopulation], part: tuple[str, ...]
) -> Iterable[tuple[str, ...]]:
    for parted in subpopulations:
        for row in parted.groups:
            shown = [p for p in row.prevalences if p.finding in part]
            yield (f"{parted.attribute}: {row.group}", *(_prevalence(p) for p in shown))


def _prevalence(one: Prevalence) -> str:
    counts = f"{one.positives:,} of {one.labelled:,}: " if one.labelled else ""
    return f"{counts}{_rate(one)}"


def _rate(one: Prevalence) -> str:
    if not one.labelled:
        return "no label"
    rate = one.rate
    return f"{percent(rate.estimate)} [{100 * rate.lower:.1f}, {100 * rate.upper:.1f}]"


def bars_of_catchment(catchments: Sequence[Catchment]) -> tuple[Bars, ...]:
    """Return one table for each attribute whose population is stated."""
    return tuple(
        Bars(
            title=_capital(one.by.partition(":")[0]),
            caption=f"Patients by {one.by.partition(':')[0]} (bar) against the catchment (line). "
            f"Jensen-Shannon distance {one.jensen_shannon_distance:.3f}: 0 is the same mix, "
            f"1 has no group in common{_left_out(one.unknown)}",
            head=("Group", "Found and stated", "", "Stated", "Patients", "Expected", "Residual"),
            rows=tuple(
                Bar(
                    name=row.group,
                    width=0.0 if isnan(row.found) else round(100 * row.found, 1),
                    mark=round(100 * row.stated, 1),
                    figures=(
                        percent(row.found),
                        percent(row.stated),
                        _count(row.patients),
                        f"{row.expected:,.0f}",
                        "n/a"
                        if isnan(row.standardised_residual)
                        else _signed(row.standardised_residual),
                    ),
                )
                for row in one.rows
            ),
        )
        for one in catchments
    )


def _left_out(patients: int) -> str:
    return f". {patients:,} patients without this value are left out" if patients else ""


def splits_table(composition: Composition) -> Table:
    """Return images, patients and labels by split."""
    findings = [count.finding for count in composition.labels][:_FINDINGS_A_TABLE]
    return Table(
        title="Splits",
        caption="Images, patients and labels by split (with / without the finding)",
        head=("Split", "Images", "Patients", *findings),
        rows=tuple(
            (
                split.split or "no split",
                _count(split.images),
                _count(split.patients),
                *(f"{c.positives:,} / {c.negatives:,}" for c in split.labels[: len(findings)]),
            )
            for split in composition.splits
        ),
    )


def missing_table(composition: Composition) -> Table:
    """Return the empty cells of each column that has any."""
    return Table(
        title="Missing",
        caption="Empty cells by column",
        head=("Column", "Empty", "Share"),
        rows=tuple(
            (m.column, _count(m.rows), percent(m.share))
            for m in composition.missing_information
            if m.rows
        ),
    )


def tables_of_errors(composition: Composition) -> tuple[Table, ...]:
    """Return leaks, copies, unusable rows and unreadable images, as far as there are any."""
    noise = composition.noise
    tables = (
        Table(
            title="Leaks",
            caption=f"Patients in more than one split ({noise.leaking_patients:,})",
            head=("Patient", "Splits", "Images"),
            rows=tuple(
                (leak.patient, ", ".join(leak.splits), _count(leak.images))
                for leak in noise.leaks[:_MOST_COPIES]
            ),
        ),
        Table(
            title="Duplicates",
            caption=f"Pictures that are there more than once ({noise.copy_sets:,})",
            head=("Images", "How alike", "Patients", "Splits", "Labels"),
            rows=tuple(_copy_row(one) for one in noise.copies[:_MOST_COPIES]),
        ),
        Table(
            title="Rows",
            caption="Rows that cannot be used as they are",
            head=("A row that ...", "Rows", "Where"),
            rows=tuple((f.reason, _count(f.rows), ", ".join(f.examples)) for f in noise.faults),
        ),
        Table(
            title="Unreadable",
            caption="Images that could not be read",
            head=("Why", "Images", "Examples"),
            rows=tuple(
                (f.reason.replace("_", " "), _count(f.rows), shorten(", ".join(f.examples), 200))
                for f in noise.unreadable
            ),
        ),
    )
    return tuple(table for table in tables if table.rows)


def _copy_row(one: CopySet) -> tuple[str, ...]:
    alike = (
        "the same bytes"
        if one.kind == "exact"
        else f"{one.hamming} of 64 hash bits apart, detail correlates {one.correlation:.3f}"
    )
    images = ", ".join(one.images[:3]) + (
        f" and {len(one.images) - 3} more" if len(one.images) > 3 else ""
    )
    return (
        shorten(images, 3 * _LONGEST),
        alike,
        shorten(", ".join(one.patients), _LONGEST),
        ", ".join(split or "none" for split in one.splits),
        "conflict" if one.conflicting else "agree",
    )


def tables_of_quality(
    quality: Sequence[GroupQuality], acquisition: Sequence[AcquisitionShare]
) -> tuple[Table, ...]:
    """Return the measures of each group's images, and the ways they were made."""
    measures = tuple(dict.fromkeys(q.measure for q in quality))
    by_group: dict[str, list[GroupQuality]] = {}
    for one in quality:
        by_group.setdefault(one.group, []).append(one)
    made: dict[str, dict[str, list[str]]] = {}
    for share in acquisition:
        row = made.setdefault(share.group, {}).setdefault(share.attribute, [])
        row.append(f"{share.value} {percent(share.share, decimals=0)}")
    ways = tuple(dict.fromkeys(share.attribute for share in acquisition))
    tables = (
        Table(
            title="Quality",
            caption="Median of each measure, and by how many standard deviations the group's mean "
            "lies above or below all others'",
            head=("Group", "Images", *(_spoken(measure) for measure in measures)),
            rows=tuple(
                (group, _count(rows[0].images), *(_quality(one) for one in rows))
                for group, rows in by_group.items()
            ),
        ),
        Table(
            title="Made how",
            caption="How the images of each group were made",
            head=("Group", *ways),
            rows=tuple(
                (group, *(", ".join(by_way.get(way, ())) for way in ways))
                for group, by_way in made.items()
            ),
        ),
    )
    return tuple(table for table in tables if table.rows)


def _quality(one: GroupQuality) -> str:
    if isnan(one.median):
        return "n/a"
    apart = one.standardised_difference
    size = f"{one.median:.0f}" if one.median >= 10 else f"{one.median:.2f}"
    return size if isnan(apart) else f"{size} ({_signed(apart)})"


def _signed(value: float) -> str:
    return f"{value:+.1f}".replace("-", "\N{MINUS SIGN}")


def dots(shortcuts: Sequence[Shortcut], findings: Sequence[str]) -> tuple[Dots, ...]:
    """Return for each finding what each attribute alone reaches, the most telling first."""
    most = max(8, _MOST_DOTS // max(len(findings), 1))
    plots = []
    for finding in findings:
        mine = [s for s in shortcuts if s.finding == finding]
        plots.append(
            Dots(
                finding=finding,
                rows=tuple(_dot(one) for one in mine[:most]),
                left_out=max(0, len(mine) - most),
            )
        )
    return tuple(plots)


def _dot(one: Shortcut) -> Dot:
    area = one.auroc
    text = (
        f"{area.estimate:.3f} [{area.lower:.3f}, {area.upper:.3f}]"
        if area.is_estimable
        else "not estimable"
    )
    at, lower, upper = (
        round(100 * min(max((x - _COIN_TOSS) / (1 - _COIN_TOSS), 0), 1), 1)
        for x in ((area.estimate if area.is_estimable else _COIN_TOSS), area.lower, area.upper)
    )
    return Dot(
        name=_spoken(one.attribute) if one.origin == "pixels" else one.attribute,
        origin=f"{one.origin}, {one.encoding}",
        kind=one.kind,
        at=at,
        lower=lower,
        upper=upper,
        text=text,
    )


def values_table(shortcuts: Sequence[Shortcut]) -> Table:
    """Return the values that tell most, of each attribute that tells something."""
    shown = [s for s in shortcuts if s.kind is not ShortcutKind.NOT_SHOWN][: _MOST_DOTS // 2]
    return Table(
        title="Values",
        caption="The values that tell most, of each attribute that tells something",
        head=(
            "Attribute",
            "Value",
            "Images",
            "Of those with it",
            "Of those without",
            "Prevalence",
        ),
        rows=tuple(
            (
                f"{s.attribute}, {s.finding}",
                shorten(v.value, _LONGEST),
                _count(v.images),
                percent(v.share_of_positives),
                percent(v.share_of_negatives),
                percent(v.prevalence),
            )
            for s in shown
            for v in s.values
        ),
    )


def documentation(datasheet: Datasheet) -> tuple[tuple[str, str], ...]:
    """Return the questions that no program answers, with what the recipe says."""
    d = datasheet
    return (
        ("Motivation: what are they for?", d.motivation.purpose),
        ("Composition: what are they?", d.motivation.title),
        ("Collection: where are they from?", d.collection_process.source),
        ("Distribution: under which licence?", d.distribution.licence),
        ("How to cite them", d.distribution.citation),
        ("Acknowledgement", d.distribution.acknowledgement),
    )


def _spoken(measure: str) -> str:
    return measure.replace("_px", ", px").replace("_", " ")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
