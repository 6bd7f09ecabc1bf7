"""A curated manifest: copies and unusable rows out, patients in one split, and what was changed.

The rules, in their order:

1. A row without an image, with one that cannot be read, or without a patient is left out.
2. A label that is none is emptied.
3. Of a picture that is there more than once the largest image stays, of equally large ones the
   first; where its labels conflict, none.
4. Patients who share a picture count as one. Whoever is in one split stays there; whoever is in
   several goes where most of the images are, at a tie to the first of train, val, test.
5. Everybody is dealt anew, by group and label, only if a row has no split, a split lacks positives
   or negatives, or the splits differ in a group's or a label's share by more than chance.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from math import sqrt
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edgefair.compress.data.splits import SPLITS, split_patients
from edgefair.compress.datasheet.composition import conflicts
from edgefair.compress.datasheet.copies import joined
from edgefair.compress.datasheet.describe import Examined
from edgefair.compress.datasheet.rows import Rows
from edgefair.compress.recipe import SplitFractions
from edgefair.errors import NotEnoughData
from edgefair.interop.files import replaced_whole
from edgefair.interop.rows import Format, write_rows

__all__ = ["Change", "Curation", "curate"]

_SHARES: Final = SplitFractions(val=0.15, test=0.15)
_BEYOND_CHANCE: Final = 3.09
"""Normal quantile of one in a thousand."""

_COLUMNS: Final = ("line", "image", "change", "why")


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What was done to one row of the manifest, whose header is line 1."""

    line: int
    image: str
    change: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Curation:
    """The curated manifest.

    Attributes
    ----------
    columns : tuple of str
        As in the manifest, with one for the split if it had none.
    rows : tuple of tuple of str
        Those that stay, in their order.
    changes : tuple of Change
    split_rule : str
        How the splits came about, in words.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...] = field(repr=False)
    changes: tuple[Change, ...] = field(repr=False)
    split_rule: str

    @property
    def summary(self) -> tuple[str, ...]:
        """What was changed, in words with counts."""
        counted = Counter((change.change, _kind(change.why)) for change in self.changes)
        told = [f"{change}: {n:,}, {why}." for (change, why), n in counted.items()]
        return (*told, self.split_rule, f"{len(self.rows):,} rows stay.")

    def write(self, path: Path) -> Path:
        """Write the manifest, and the list of changes beside it; return the path of the list.

        Raises
        ------
        EdgefairError
            If a file cannot be written; each appears whole or not at all.
        """
        changes = path.with_name(f"{path.stem}.changes.csv")
        with replaced_whole(changes) as stream:
            listed = [(c.line, c.image, c.change, c.why) for c in self.changes]
            write_rows(stream, _COLUMNS, listed, Format.CSV)
        with replaced_whole(path) as stream:
            write_rows(stream, self.columns, self.rows, Format.CSV)
        return changes


def _kind(why: str) -> str:
    return why.partition(":")[0]


def curate(examined: Examined) -> Curation:
    """Return the manifest that these rules make of what was examined.

    Raises
    ------
    NotEnoughData
        If no row stays.
    """
    rows = examined.rows
    out = _unusable(examined)
    out |= _surplus(examined, np.array([row not in out for row in range(len(rows))]))
    kept = np.array([row for row in range(len(rows)) if row not in out], dtype=np.intp)
    if not len(kept):
        raise NotEnoughData(
            "No row of the manifest can stay.", hint="The datasheet says what is wrong with them."
        )
    splits, rule = _splits(rows, kept, _persons(examined))
    changes = [
        Change(line=rows.table.lines[row], image=rows.images[row], change="left out", why=w)
        for row, w in out.items()
    ]
    changes += _emptied(rows, kept)
    changes += _moved(rows, kept, splits)
    columns, cells = _cells(rows, kept, splits)
    return Curation(
        columns=columns,
        rows=cells,
        changes=tuple(sorted(changes, key=lambda change: change.line)),
        split_rule=rule,
    )


def _unusable(examined: Examined) -> dict[int, str]:
    rows = examined.rows
    out: dict[int, str] = {}
    for row, reason in enumerate(examined.looks.reasons):
        if not rows.images[row]:
            out[row] = "no image named"
        elif reason:
            out[row] = f"image cannot be read: {reason.replace('_', ' ')}"
        elif not rows.patients[row]:
            out[row] = "no patient"
    return out


def _surplus(examined: Examined, usable: NDArray[np.bool_]) -> dict[int, str]:
    rows = examined.rows
    out: dict[int, str] = {}
    area = examined.looks.measure("width_px") * examined.looks.measure("height_px")
    members: dict[int, list[int]] = defaultdict(list)
    for row in np.flatnonzero(usable).tolist():
        members[int(examined.copies.same[row])].append(row)
    for places in members.values():
        if len(places) < 2:
            continue
        if conflicts(rows.labels[places]):
            names = ", ".join(rows.images[row] for row in places[:3])
            out |= dict.fromkeys(places, f"same picture with conflicting labels: {names}")
            continue
        best = min(places, key=lambda row: (-area[row], row))
        out |= {r: f"same picture as another: {rows.images[best]}" for r in places if r != best}
    return out


def _persons(examined: Examined) -> NDArray[np.int64]:
    """Return a number for each row's person, patients who share a picture being one."""
    persons, same = examined.rows.persons, examined.copies.same
    named = np.array([bool(patient) for patient in examined.rows.patients])
    sharing = np.flatnonzero(named & named[same])
    roots = joined(np.arange(int(persons.max()) + 1), persons[sharing], persons[same[sharing]])
    return np.asarray(roots[persons])


def _splits(
    rows: Rows, kept: NDArray[np.intp], persons: NDArray[np.int64]
) -> tuple[tuple[str, ...], str]:
    stated = [rows.splits[row] for row in kept]
    of_person: dict[int, Counter[str]] = defaultdict(Counter)
    for person, split in zip(persons[kept].tolist(), stated, strict=True):
        of_person[person][split] += 1
    settled = {person: _settled(counted) for person, counted in of_person.items()}
    splits = tuple(settled[person] for person in persons[kept].tolist())
    why = _why_anew(rows, kept, persons, splits)
    if not why:
        return splits, "Splits: every patient in one split stays in it."
    dealt = split_patients(
        [str(person) for person in persons[kept].tolist()],
        _strata(rows, kept),
        _shares(rows, splits),
        seed=rows.brief.seed,
    )
    return dealt, f"Splits: all patients are dealt anew by group and label, since {why}."


def _settled(counted: Counter[str]) -> str:
    known = [split for split in SPLITS if counted[split]]
    return max(known, key=lambda split: counted[split], default="")


def _shares(rows: Rows, splits: tuple[str, ...]) -> SplitFractions:
    asked = rows.brief.data.split_fractions
    if asked is not None:
        return asked
    val, test = (splits.count(name) / len(splits) for name in ("val", "test"))
    return SplitFractions(val=val, test=test) if val and test and val + test < 1 else _SHARES


def _why_anew(
    rows: Rows, kept: NDArray[np.intp], persons: NDArray[np.int64], splits: tuple[str, ...]
) -> str:
    places = np.array([SPLITS.index(split) if split else -1 for split in splits])
    if (places < 0).any():
        return "a row has no split"
    labels = rows.labels[kept]
    for place, split in enumerate(SPLITS):
        part = labels[places == place]
        if not ((part == 1).any(axis=0) & (part == 0).any(axis=0)).all():
            return f"{split} lacks positives or negatives"
    _, first = np.unique(persons[kept], return_index=True)
    for way in _single(rows):
        if _is_uneven(rows.grouped(way).codes[kept][first], places[first]):
            return f"the splits differ in {way.partition(':')[0]}"
    for finding, label in zip(rows.brief.findings, labels.T, strict=True):
        if _is_uneven((label[first] == 1).astype(np.int64), places[first]):
            return f"the splits differ in {finding}"
    return ""


def _single(rows: Rows) -> tuple[str, ...]:
    return tuple(way for way in rows.brief.data.groups if "+" not in way)


def _is_uneven(strata: NDArray[np.int64], splits: NDArray[np.int64]) -> bool:
    """Return whether the strata are in the splits in unlike shares, by more than chance.

    Pearson's chi-squared, made normal by E. B. Wilson, M. M. Hilferty, "The distribution of
    chi-square", PNAS 17 (1931) 684-688.
    """
    table = np.zeros((int(strata.max()) + 1, len(SPLITS)))
    np.add.at(table, (strata, splits), 1)
    table = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0]
    freedom = (table.shape[0] - 1) * (table.shape[1] - 1)
    if not freedom:
        return False
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    squared = float(((table - expected) ** 2 / expected).sum())
    spread = 2 / (9 * freedom)
    return bool(((squared / freedom) ** (1 / 3) - (1 - spread)) / sqrt(spread) > _BEYOND_CHANCE)


def _strata(rows: Rows, kept: NDArray[np.intp]) -> NDArray[np.float32]:
    """Return what patients are dealt by: labels, and a column for each group, shape (n, k)."""
    columns = [rows.labels[kept]]
    for way in _single(rows):
        grouping = rows.grouped(way)
        codes = grouping.codes[kept]
        columns.append(
            (codes[:, np.newaxis] == np.arange(len(grouping.groups))).astype(np.float32)
        )
    return np.concatenate(columns, axis=1)


def _emptied(rows: Rows, kept: NDArray[np.intp]) -> Iterable[Change]:
    for row in kept.tolist():
        if rows.faulty[row].any():
            yield Change(
                line=rows.table.lines[row],
                image=rows.images[row],
                change="label emptied",
                why="it was none of the labels",
            )


def _moved(rows: Rows, kept: NDArray[np.intp], splits: tuple[str, ...]) -> Iterable[Change]:
    for row, split in zip(kept.tolist(), splits, strict=True):
        was = rows.splits[row]
        if was != split:
            yield Change(
                line=rows.table.lines[row],
                image=rows.images[row],
                change="split changed",
                why=f"from {was or 'none'} to {split}",
            )


def _cells(
    rows: Rows, kept: NDArray[np.intp], splits: tuple[str, ...]
) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    data, table = rows.brief.data, rows.table
    split_column = data.split_column or ("split" if "split" not in table else "curated_split")
    emptied = {
        name: rows.faulty[:, 0 if data.classes else place]
        for place, name in enumerate(data.labels)
    }
    columns: dict[str, tuple[str, ...]] = {}
    for name in table.columns:
        cells = table.column(name)
        faulty = emptied.get(name)
        columns[name] = tuple(
            "" if faulty is not None and faulty[row] else cells[row] for row in kept.tolist()
        )
    columns[split_column] = splits
    return tuple(columns), tuple(zip(*columns.values(), strict=True))
