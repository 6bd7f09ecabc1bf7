"""What whoever trains on the data has to know, in words, the most serious first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from math import isnan
from typing import Final

from edgefair.compress.datasheet.records import (
    Catchment,
    CatchmentRow,
    CollectionProcess,
    Composition,
    Finding,
    GroupQuality,
    Noise,
    Severity,
    Shortcut,
    ShortcutKind,
    Subpopulation,
    Uses,
)
from edgefair.records import UNKNOWN
from edgefair.report.words import in_sentence

__all__ = ["find", "headline"]

_FEW_PATIENTS: Final = 30
"""Below, not even a rate of one half is known to within 18 points (Wilson, 95 %)."""

_BEYOND_CHANCE: Final = 3.0
_TOO_FEW: Final = 0.8
"""Share of a group's stated share below which it is called too small."""

_APART: Final = 0.5
"""Standardised difference called medium by J. Cohen, "Statistical power analysis", 1988."""

_LEAST_IMAGES: Final = 20
_UNKNOWN_SHARE: Final = 0.05
_UNREADABLE_SHARE: Final = 0.01
_MOST_NAMED: Final = 6
_FIX: Final = "`--fix` keeps one image of each."

_BIASES, _LIMITATIONS = "rai:dataBiases", "rai:dataLimitations"
_MISSING, _ANNOTATION = "rai:dataCollectionMissingData", "rai:dataAnnotationAnalysis"


def find(
    composition: Composition, collection: CollectionProcess, uses: Uses
) -> tuple[Finding, ...]:
    """Return the findings, the most serious first."""
    noise = composition.noise
    found = chain(
        _of_leaks(noise),
        _of_shortcuts(uses.shortcuts),
        _of_copies(noise),
        _of_faults(noise, composition.images),
        _of_labels(composition),
        _of_catchment(collection.catchment),
        _of_groups(composition),
        _of_quality(collection),
    )
    order = list(Severity)
    return tuple(sorted(found, key=lambda finding: order.index(finding.severity)))


def headline(findings: Sequence[Finding]) -> str:
    """Return the verdict on the data in one sentence.

    Examples
    --------
    >>> headline(())
    'No fault was found in what could be checked.'
    """
    serious = sum(f.severity is Severity.SERIOUS for f in findings)
    warnings = sum(f.severity is Severity.WARNING for f in findings)
    if serious:
        return (
            f"{_counted(serious, 'serious fault')}: a model trained on these data as they are "
            "could look better than it is."
        )
    if warnings:
        return f"No serious fault was found, and {_counted(warnings, 'warning')}."
    return "No fault was found in what could be checked."


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def _named(names: Sequence[str], *, most: int = _MOST_NAMED) -> str:
    """Return the first names, and how many more there are."""
    shown = ", ".join(in_sentence(name) for name in names[:most])
    return shown + (f" and {len(names) - most:,} more" if len(names) > most else "")


def _such_as(names: Sequence[str], *, of: Sequence[str] = ()) -> str:
    """Return examples to end a clause with; nothing where names are withheld."""
    patients = f" of {_named(of)}" if of else ""
    return f", e.g. {_named(names)}{patients}" if names else ""


def _percent(share: float) -> str:
    return f"{100 * share:.1f}%"


def _of_leaks(noise: Noise) -> Iterator[Finding]:
    if noise.leaking_patients:
        names = [leak.patient for leak in noise.leaks]
        yield Finding(
            severity=Severity.SERIOUS,
            topic="leak",
            sentence=f"{_counted(noise.leaking_patients, 'patient')} with images in more than one "
            f"split{_such_as(names)}. A test on patients seen in training flatters the model.",
            advice="`--fix` keeps all images of a patient in one split.",
            rai=_LIMITATIONS,
        )


def _of_copies(noise: Noise) -> Iterator[Finding]:
    across = noise.copy_sets_across_splits
    if across:
        yield Finding(
            severity=Severity.SERIOUS,
            topic="duplicates across splits",
            sentence=f"{_counted(across, 'picture')} in more than one split"
            f"{_such_as(noise.copies[0].images)}. The test then asks what training has answered.",
            advice=_FIX,
            rai=_LIMITATIONS,
        )
    conflicting = [one for one in noise.copies if one.conflicting]
    if conflicting:
        yield Finding(
            severity=Severity.SERIOUS,
            topic="conflicting labels",
            sentence=f"{_counted(len(conflicting), 'picture')} labelled both with and without a "
            f"finding{_such_as(conflicting[0].images)}.",
            advice="`--fix` leaves all copies of these out, since one label of them is wrong.",
            rai=_ANNOTATION,
        )
    several = [one for one in noise.copies if len(one.patients) > 1]
    if several:
        yield Finding(
            severity=Severity.WARNING,
            topic="duplicates of several patients",
            sentence=f"{_counted(len(several), 'picture')} under more than one patient"
            f"{_such_as(several[0].images, of=several[0].patients)}: one person with two "
            "numbers, or a wrong file.",
            advice="Look at them; `--fix` keeps one, and these patients in one split.",
            rai=_LIMITATIONS,
        )
    if noise.copy_sets:
        exact = sum(one.kind == "exact" for one in noise.copies)
        yield Finding(
            severity=Severity.WARNING,
            topic="duplicates",
            sentence=f"{_counted(noise.copy_sets, 'picture')} there more than once, {exact} to "
            f"the byte{_such_as(noise.copies[0].images)}.",
            advice=_FIX,
            rai=_LIMITATIONS,
        )


def _of_faults(noise: Noise, images: int) -> Iterator[Finding]:
    for fault in noise.faults:
        yield Finding(
            severity=Severity.SERIOUS,
            topic="rows",
            sentence=f"{_counted(fault.rows, 'row')} that {fault.reason}"
            f"{_such_as(fault.examples)}.",
            advice="Correct the manifest; `--fix` leaves out or repairs what it can.",
            rai=_LIMITATIONS,
        )
    for fault in noise.unreadable:
        many = fault.rows > _UNREADABLE_SHARE * images
        yield Finding(
            severity=Severity.SERIOUS if many else Severity.WARNING,
            topic="unreadable",
            sentence=f"{_counted(fault.rows, 'image')} could not be read "
            f"({fault.reason.replace('_', ' ')}){_such_as(fault.examples)}.",
            advice="Export them again; `--fix` leaves them out.",
            rai=_MISSING,
        )


def _of_labels(composition: Composition) -> Iterator[Finding]:
    for count in composition.labels:
        if not (count.positives and count.negatives):
            kind = "positives" if not count.positives else "negatives"
            yield Finding(
                severity=Severity.SERIOUS,
                topic="labels",
                sentence=f"There are no {kind} of {in_sentence(count.finding)}.",
                advice="Nothing can be learnt from one class.",
                rai=_LIMITATIONS,
            )
        if count.unknown:
            yield Finding(
                severity=Severity.NOTE,
                topic="labels",
                sentence=f"{_counted(count.unknown, 'image')} without a label for "
                f"{in_sentence(count.finding)}.",
                advice="They can serve distillation, which needs no labels.",
                rai=_MISSING,
            )
    named = [split for split in composition.splits if split.split]
    if not named:
        yield Finding(
            severity=Severity.WARNING,
            topic="splits",
            sentence="No split is stated: nobody can say what was trained on.",
            advice="`--fix` deals patients into train, val and test.",
            rai=_LIMITATIONS,
        )
    for split in named:
        poor = [c.finding for c in split.labels if not (c.positives and c.negatives)]
        if poor:
            yield Finding(
                severity=Severity.SERIOUS,
                topic="splits",
                sentence=f"The split {in_sentence(split.split)} lacks positives or negatives of "
                f"{_named(poor)}.",
                advice="`--fix` deals the patients anew.",
                rai=_LIMITATIONS,
            )


def _of_shortcuts(shortcuts: Iterable[Shortcut]) -> Iterator[Finding]:
    shown = [s for s in shortcuts if s.kind is not ShortcutKind.NOT_SHOWN]
    for one in shown:
        if one.kind is ShortcutKind.RESTATES:
            yield Finding(
                severity=Severity.NOTE,
                topic="restates the label",
                sentence=f"{in_sentence(one.attribute)} says {in_sentence(one.finding)} in other "
                f"words: alone it reaches an AUROC of {_area(one)}.",
                advice="Never hand this column to a model.",
                rai=_ANNOTATION,
            )
        elif one.kind is ShortcutKind.STRONG or one.origin != "pixels":
            is_strong = one.kind is ShortcutKind.STRONG
            yield Finding(
                severity=Severity.SERIOUS if is_strong else Severity.WARNING,
                topic="shortcut",
                sentence=f"{in_sentence(_spoken(one))} alone predicts "
                f"{in_sentence(one.finding)} with an AUROC of {_area(one)}. {_why(one)}",
                advice=_against(one),
                rai=_BIASES,
            )
    yield from _of_weaker_pixels([s for s in shown if s.origin == "pixels"])


def _of_weaker_pixels(shortcuts: Sequence[Shortcut]) -> Iterator[Finding]:
    for finding in dict.fromkeys(s.finding for s in shortcuts):
        weaker = [
            f"{_spoken(s)} {s.auroc.estimate:.3f}"
            for s in shortcuts
            if s.finding == finding and s.kind is ShortcutKind.SHOWN
        ]
        if weaker:
            yield Finding(
                severity=Severity.WARNING,
                topic="shortcut",
                sentence=f"Measures of the whole image alone predict {in_sentence(finding)}: "
                f"AUROC of {_named(weaker, most=12)}.",
                advice="Part of it may be the disease itself; what is left is how the image was "
                "made. Augment exposure, and mask corners and borders.",
                rai=_BIASES,
            )


def _spoken(one: Shortcut) -> str:
    return one.attribute.replace("_", " ") if one.origin == "pixels" else one.attribute


def _area(one: Shortcut) -> str:
    area = one.auroc
    return f"{area.estimate:.3f} [{area.lower:.3f}, {area.upper:.3f}]"


def _why(one: Shortcut) -> str:
    if one.block:
        return one.block
    most = max(
        one.values, key=lambda v: abs(v.share_of_positives - v.share_of_negatives), default=None
    )
    if most is None:
        return ""
    return (
        f"It is {in_sentence(most.value)} for {100 * most.share_of_negatives:.0f}% of the images "
        f"without the finding and {100 * most.share_of_positives:.0f}% of those with it."
    )


def _against(one: Shortcut) -> str:
    if one.encoding == "blocks of numbers":
        return (
            "Positives and negatives were collected apart: take both from the same patients' "
            "range, and test on images from one source."
        )
    return (
        "Balance it between the classes, test within each of its values, or show that it is the "
        "disease's own pattern."
    )


def _of_catchment(catchments: Sequence[Catchment]) -> Iterator[Finding]:
    if not catchments:
        yield Finding(
            severity=Severity.NOTE,
            topic="catchment",
            sentence="No catchment population is stated, so that nobody can say who is missing.",
            advice="State its shares as data.catchment in the recipe, or with --catchment.",
            rai=_BIASES,
        )
    for catchment in catchments:
        for row in catchment.rows:
            if _is_too_small(row):
                yield Finding(
                    severity=Severity.SERIOUS if row.found < row.stated / 2 else Severity.WARNING,
                    topic="catchment",
                    sentence=f"{in_sentence(catchment.by.partition(':')[0])} "
                    f"{in_sentence(row.group)}: {_percent(row.stated)} of the catchment, "
                    f"{_percent(row.found)} of the patients ({row.patients:,} where "
                    f"{row.expected:.0f} were expected).",
                    advice="Collect more of this group, or say that the model is not for it.",
                    rai=_BIASES,
                )


def _is_too_small(row: CatchmentRow) -> bool:
    z = row.standardised_residual
    if isnan(z) or row.stated == 0:
        return False
    return z < -_BEYOND_CHANCE and row.found < _TOO_FEW * row.stated


def _of_groups(composition: Composition) -> Iterator[Finding]:
    for parted in composition.subpopulations:
        yield from _of_unknown(parted)
        known = [row for row in parted.groups if UNKNOWN not in row.group.split(", ")]
        if len([row for row in known if row.images]) < 2:
            yield Finding(
                severity=Severity.WARNING,
                topic="groups",
                sentence=f"{in_sentence(parted.attribute)} has fewer than two groups with images: "
                "nothing can be compared by it.",
                advice="Collect the others, or leave this grouping out.",
                rai=_BIASES,
            )
        few = [f"{row.group} ({row.patients})" for row in known if row.patients < _FEW_PATIENTS]
        if few:
            yield Finding(
                severity=Severity.WARNING,
                topic="groups",
                sentence=f"By {in_sentence(parted.attribute)}, fewer than {_FEW_PATIENTS} "
                f"patients in {_named(few)}.",
                advice="No verdict on these groups will hold; collect more of them.",
                rai=_BIASES,
            )
        one_sided = [
            row.group
            for row in known
            if row.images
            and any(p.labelled and p.positives in (0, p.labelled) for p in row.prevalences)
        ]
        if one_sided:
            yield Finding(
                severity=Severity.WARNING,
                topic="groups",
                sentence=f"By {in_sentence(parted.attribute)}, {_named(one_sided)} "
                f"{'has' if len(one_sided) == 1 else 'have'} labels of one class only.",
                advice="The group itself then stands for the label; collect the other class.",
                rai=_BIASES,
            )


def _of_unknown(parted: Subpopulation) -> Iterator[Finding]:
    share = sum(row.share for row in parted.groups if UNKNOWN in row.group.split(", "))
    if share > 0:
        yield Finding(
            severity=Severity.WARNING if share > _UNKNOWN_SHARE else Severity.NOTE,
            topic="missing",
            sentence=f"{in_sentence(parted.attribute)} is unknown for {_percent(share)} of the "
            "images.",
            advice="Fill it in from the source; the audit keeps them as a group of their own.",
            rai=_MISSING,
        )


def _of_quality(collection: CollectionProcess) -> Iterator[Finding]:
    apart = [
        q
        for q in collection.image_quality
        if q.images >= _LEAST_IMAGES
        and abs(q.standardised_difference) >= _APART
        and UNKNOWN not in q.group
    ]
    for measure in dict.fromkeys(q.measure for q in apart):
        groups = [_lower_or_higher(q) for q in apart if q.measure == measure]
        yield Finding(
            severity=Severity.WARNING,
            topic="image quality",
            sentence=f"The {measure.replace('_', ' ')} of images differs by group: "
            f"{_named(groups)}, in standard deviations from all others.",
            advice="Check how they were made; a model may know the group by it.",
            rai=_BIASES,
        )


def _lower_or_higher(one: GroupQuality) -> str:
    way = "higher" if one.standardised_difference > 0 else "lower"
    return f"{one.group} {way} by {abs(one.standardised_difference):.1f}"
