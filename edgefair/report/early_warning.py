"""Early warning, no evidence: who is seen, what has shifted, what no label confirms.

One record that text, JSON and page take alike.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isfinite, isnan, nan

from edgefair.records import Interval
from edgefair.report import words
from edgefair.report.tables import Table
from edgefair.report.wrapping import cell_width, padded, wrapped

__all__ = [
    "SCHEMA",
    "EarlyWarnings",
    "Guess",
    "SeenGroup",
    "ShiftTest",
    "early_warnings_to_json",
    "notes_in_words",
    "render_early_warnings",
    "shown_in_words",
    "tables_of",
]

SCHEMA = "edgefair-shift/1"

_GAP = 2

_AGAINST = {"images": "release", "images since the first here": "first here"}


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenGroup:
    """One group among the patients, beside its share of the population.

    Attributes
    ----------
    by, group : str
    seen : int
        Patients.
    share_seen, share : float
        Of the patients whose group is known, and of the population.
    residual : float
        Standard normal if people come in proportion; below 0 for a group that comes less often.
    adjusted : float
        p-value, corrected by Benjamini and Hochberg over all groups of the look.
    is_shown : bool
    """

    by: str
    group: str
    seen: int
    share_seen: float
    share: float
    residual: float
    adjusted: float
    is_shown: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftTest:
    """One test of whether the stream differs from what the model was measured on.

    Attributes
    ----------
    about, group, test : str
        Attribute or finding; whom it is about; ``mix of groups``, ``scores``, ``prevalence``,
        ``misfit``, ``flagged share``, ``images`` or ``images since the first here``.
    statistic, p_value, adjusted : float
    is_shown : bool
    kind : str
        What the shift of scores is: ``prevalence``, ``covariate``, ``mixed``, ``unexplained`` or
        ``none shown``; empty where the test does not tell.
    prevalence : Interval or None
        Estimated without labels, if nothing else has shifted.
    stability_index : float
        For display only.
    n : int
        Images here that a test of images rests on; 0 for the others.
    moved : float
        How far images have moved, in standard deviations of single images; nan for the others.
    told_apart : float
        Share of pairs, one image from before and one from now, that could be told apart.
    spread : float
        How many times more images differ among themselves than before.
    sentence : str
    """

    about: str
    group: str
    test: str
    statistic: float
    p_value: float
    adjusted: float
    is_shown: bool
    kind: str
    prevalence: Interval | None
    stability_index: float
    n: int = 0
    moved: float = nan
    told_apart: float = nan
    spread: float = nan
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Guess:
    """A rate guessed without labels in one group: no interval, since none would be true."""

    finding: str
    group: str
    metric: str
    estimate: float
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlyWarnings:
    """What can be seen without a single outcome, and why it proves nothing.

    Attributes
    ----------
    model, bundle_digest : str
    reference : str
        What the model was measured on; empty where no reference was at hand.
    patients, images : int
        The stream: one image of each known patient was used.
    since : str
        First day of the stream, ISO 8601; empty for all of it.
    alpha : float
        Expected share of false discoveries among those shown, at most.
    seen : tuple of SeenGroup
    distances : tuple of (str, float)
        Jensen-Shannon distance of the patients' mix from the population's, by attribute.
    tests : tuple of ShiftTest
    guesses : tuple of Guess
    caution : str
        Why the guesses are no evidence of fairness; shown wherever they are.
    notes : tuple of str
    """

    model: str
    bundle_digest: str
    reference: str
    patients: int
    images: int
    since: str
    alpha: float
    seen: tuple[SeenGroup, ...]
    distances: tuple[tuple[str, float], ...]
    tests: tuple[ShiftTest, ...]
    guesses: tuple[Guess, ...]
    caution: str
    notes: tuple[str, ...]


def early_warnings_to_json(warnings: EarlyWarnings) -> str:
    """Return the record as JSON: keys sorted, null for what is not known."""
    from cattrs import Converter

    converter = Converter()
    converter.register_unstructure_hook(float, lambda x: x if isfinite(x) else None)
    document = {"schema": SCHEMA, **converter.unstructure(warnings)}
    return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)


def tables_of(warnings: EarlyWarnings) -> tuple[Table, ...]:
    """Return who is seen, the tests and the guesses as tables; what is empty is left out."""
    tables = (
        _seen_table(warnings),
        _test_table(warnings),
        _image_table(warnings),
        _guess_table(warnings),
    )
    return tuple(table for table in tables if table.rows)


def render_early_warnings(warnings: EarlyWarnings, *, width: int) -> str:
    """Return the record as lines for a terminal, none wider than `width` (80 or more)."""
    parts = [
        list(_head(warnings, width)),
        *([*wrapped(t.caption, width), *_lines(t, width)] for t in tables_of(warnings)),
        list(_foot(warnings, width)),
    ]
    return "\n\n".join("\n".join(part) for part in parts if part) + "\n"


def _head(warnings: EarlyWarnings, width: int) -> Iterator[str]:
    yield from wrapped(f"Who is seen, and what has shifted: {warnings.model}", width)
    yield ""
    yield "EARLY WARNING, NO EVIDENCE"
    for sentence in shown_in_words(warnings):
        yield from wrapped(sentence, width, indent="- ", hang="  ")


def shown_in_words(warnings: EarlyWarnings) -> tuple[str, ...]:
    """Return what is shown, in sentences; one that says that nothing is, where nothing is."""
    shown = [*_shown(warnings.tests), *(_said(one) for one in warnings.seen if one.is_shown)]
    return tuple(shown) or ("No shift is shown, which does not rule one out.",)


def _shown(tests: Sequence[ShiftTest]) -> Iterator[str]:
    """Yield what is shown in sentences; those on many groups as one."""
    flagged: dict[str, list[str]] = {}
    images: dict[str, list[ShiftTest]] = {}
    for one in tests:
        if one.is_shown and one.test == "flagged share":
            flagged.setdefault(one.about, []).append(one.group)
        elif one.is_shown and _is_of_images(one) and one.group != "everybody":
            images.setdefault(one.test, []).append(one)
        elif one.is_shown:
            yield one.sentence
    for test, found in images.items():
        yield _shown_of_images(test, found)
    for finding, groups in flagged.items():
        yield (
            f"The share of cases flagged for {finding} has shifted in {'; '.join(groups)}, "
            "against what the model was measured on."
        )


def _shown_of_images(test: str, found: Sequence[ShiftTest]) -> str:
    before = {
        "images": "those that the model was measured on",
        "images since the first here": "the first ones here",
    }[test]
    ordered = sorted(found, key=lambda one: -one.moved)
    groups = "; ".join(
        f"{one.group} (moved by {_figure(one.moved, '{:.1f}')}, "
        f"{_figure(100 * one.told_apart, '{:.0f}%')} told apart)"
        for one in ordered
    )
    return f"By group, images look other than {before} in {groups}."


def _said(one: SeenGroup) -> str:
    word = "fewer" if one.residual < 0 else "more"
    return (
        f"Of patients, {word} are {one.by.partition(':')[0]} {one.group} than in the catchment: "
        f"{words.percent(one.share_seen)} against {words.percent(one.share)}."
    )


def notes_in_words(warnings: EarlyWarnings) -> tuple[str, ...]:
    """Return what the look rests on, in lines."""
    stream = (
        f"{warnings.patients:,} patients, {warnings.images:,} images"
        f"{f', since {warnings.since}' if warnings.since else ''}"
    )
    return (
        f"Stream: {stream}",
        *([f"Held against: {warnings.reference}"] if warnings.reference else []),
        *warnings.notes,
    )


def _foot(warnings: EarlyWarnings, width: int) -> Iterator[str]:
    for line in (*notes_in_words(warnings), "Research use only. Not a medical device."):
        yield from wrapped(line, width, hang="  ")


def _seen_table(warnings: EarlyWarnings) -> Table:
    far = ", ".join(f"{by} {distance:.2f}" for by, distance in warnings.distances)
    return Table(
        title="Who is seen",
        caption=f"Who is seen, against the catchment. Jensen-Shannon distance, 0 to 1: {far}",
        head=("Group", "Patients", "Share", "Catchment", "Residual", "p"),
        rows=tuple(
            (
                f"{one.by.partition(':')[0]} {one.group}",
                f"{one.seen:,}",
                words.percent(one.share_seen),
                words.percent(one.share),
                "n/a" if isnan(one.residual) else f"{one.residual:+.1f}",
                words.p_value(one.adjusted),
            )
            for one in warnings.seen
        ),
    )


def _test_table(warnings: EarlyWarnings) -> Table:
    return Table(
        title="What has shifted",
        caption="What has shifted against what the model was measured on. p-values are corrected: "
        f"of the shifts shown, at most {100 * warnings.alpha:g}% are expected to be false. "
        "Prevalence is estimated without labels, and right only if nothing else has shifted",
        head=("About", "Test", "p", "Shown", "Kind", "Prevalence"),
        rows=tuple(
            (
                one.about if one.group == "everybody" else f"{one.about}, {one.group}",
                one.test,
                words.p_value(one.adjusted),
                _whether(one),
                one.kind,
                words.rate(one.prevalence, "prevalence", decimals=0) if one.prevalence else "",
            )
            for one in warnings.tests
            if not _is_of_images(one)
        ),
    )


def _is_of_images(one: ShiftTest) -> bool:
    return one.test.startswith("images")


def _image_table(warnings: EarlyWarnings) -> Table:
    return Table(
        title="How images look to the model",
        caption="How images look to the model: early warning, no evidence. Moved: in standard "
        "deviations of single images, less what chance shows. Told apart: of pairs of one image "
        "from before and one from now, 50% by a coin. Wider: how many times more they differ "
        "among themselves. p-values are corrected together with those above",
        head=("Against, who", "Images", "Moved", "Told apart", "Wider", "p", "Shown"),
        rows=tuple(
            (
                f"{_AGAINST.get(one.test, one.test)}, {one.group}",
                f"{one.n:,}",
                _figure(one.moved, "{:.1f}"),
                "n/a" if isnan(one.told_apart) else words.percent(one.told_apart, decimals=0),
                _figure(one.spread, "{:.1f}x"),
                words.p_value(one.adjusted),
                _whether(one),
            )
            for one in warnings.tests
            if _is_of_images(one)
        ),
    )


def _figure(value: float, form: str) -> str:
    return "n/a" if isnan(value) else form.format(value)


def _whether(one: ShiftTest) -> str:
    return "yes" if one.is_shown else "too few" if isnan(one.p_value) else "no"


def _guess_table(warnings: EarlyWarnings) -> Table:
    metrics = tuple(dict.fromkeys(one.metric for one in warnings.guesses))
    by_row: dict[tuple[str, str], dict[str, Guess]] = {}
    for one in warnings.guesses:
        by_row.setdefault((one.finding, one.group), {})[one.metric] = one
    return Table(
        title="Guessed without labels",
        caption="Guessed without labels: an early warning, no evidence of fairness. "
        f"{warnings.caution}",
        head=("Finding, group", "Cases", *(_short(m) for m in metrics)),
        rows=tuple(
            (
                f"{finding}, {group}",
                f"{next(iter(found.values())).n:,}",
                *(words.percent(found[m].estimate, decimals=0) for m in metrics),
            )
            for (finding, group), found in by_row.items()
        ),
    )


def _short(metric: str) -> str:
    return metric.upper() if metric in ("ppv", "npv") else words.metric_words(metric).title


def _lines(table: Table, width: int) -> Iterator[str]:
    columns = list(zip(table.head, *table.rows, strict=True))
    widths = [max(map(cell_width, column)) for column in columns]
    widths[0] = max(12, min(widths[0], width - 2 - sum(w + _GAP for w in widths[1:])))
    for name, *cells in (table.head, *table.rows):
        first = wrapped(words.shorten(name, widths[0]), widths[0])[0]
        texts = (padded(text, w) for text, w in zip(cells, widths[1:], strict=True))
        yield f"  {padded(first, widths[0])}{' ' * _GAP}{(' ' * _GAP).join(texts)}".rstrip()
