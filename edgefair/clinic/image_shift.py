"""What the ledger keeps of embeddings, beside those of the bundle's reference and the first here.

Images at a site mostly look other than those a model was measured on: another country, another
device. That is worth knowing once. What has changed since is told by holding the later images
against the site's own first ones, which works for every bundle.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from edgefair.audit.embedding_shift import EmbeddingSummary
from edgefair.audit.image_shift import Against, ImageReference, MappedCloud
from edgefair.audit.mean_maps import FEWEST, MeanMap
from edgefair.bundle.archive import Bundle
from edgefair.bundle.embedding_reference import EmbeddingReference, embedding_reference_of
from edgefair.bundle.manifest import Reference
from edgefair.bundle.projection import unpacked
from edgefair.clinic.in_groups import are_in
from edgefair.clinic.subjects import features_of
from edgefair.ledger import ScoredCases, SmallEmbeddings
from edgefair.records import Attribute, Group

__all__ = ["FIRST", "Images", "images_of"]

FIRST: Final = 200
"""Patients of a site that its later ones are held against."""

_GROUPS: Final = tuple(
    Group(attributes=(Attribute(name=name, value=value),))
    for name, value in (
        ("sex", "F"),
        ("sex", "M"),
        ("age", "0-17"),
        ("age", "18-39"),
        ("age", "40-59"),
        ("age", "60-79"),
        ("age", "80+"),
    )
)
"""What the later images are compared by, with a bundle that names no groups."""

_Floats: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Images:
    """Everything about the look of the images that goes into one look.

    Attributes
    ----------
    before : tuple of ImageReference
    now : tuple of ndarray of float64, shape (m, k)
        In the same order.
    notes : tuple of str
    """

    before: tuple[ImageReference, ...] = ()
    now: tuple[_Floats, ...] = field(default=(), repr=False)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Cloud:
    """Small embeddings, one image of each patient, with what is known of them."""

    points: _Floats
    features: Mapping[str, NDArray[Any]]

    @classmethod
    def of(
        cls, scored: ScoredCases, rows: Sequence[int], vectors: Mapping[str, bytes], size: int
    ) -> _Cloud:
        points = [unpacked(vectors[scored.case[row]]) for row in rows]
        return cls(
            points=np.array(points, np.float64).reshape(len(rows), size),
            features=features_of([scored.subject[row] for row in rows]),
        )

    def within(self, group: Group) -> _Floats:
        return self.points[are_in(group, self.features, n=len(self.points))]


def images_of(
    scored: ScoredCases, kept: SmallEmbeddings, bundle: Bundle | None, *, since: str
) -> Images:
    """Return what images are held against, and those here, everybody first and then by group.

    Parameters
    ----------
    scored : ScoredCases
        All that the model scored, in the order of reading.
    kept : SmallEmbeddings
        Of the same model.
    bundle : Bundle or None
        With it, images are held against its reference too.
    since : str
        First day of the stream, ISO 8601; empty for all of it. The site's first images are the
        first of all.

    Raises
    ------
    ContractMismatch
        If what the bundle tells of embeddings is not what it must be.
    """
    reference = embedding_reference_of(bundle) if bundle else None
    projection = _projection(reference, bundle, kept)
    vectors = {} if projection is None else _of_one_size(kept.of(projection))
    if not vectors:
        return Images(notes=(_nothing(kept, reference),))
    size = len(next(iter(vectors.values()))) // 2
    everybody = _one_a_patient(scored, vectors, "")
    current = _one_a_patient(scored, vectors, since)
    now = _Cloud.of(scored, list(current.values()), vectors, size)
    befores = tuple(_before_release(reference, bundle, size))
    first = dict(list(everybody.items())[:FIRST])
    later = [row for who, row in current.items() if who not in first]
    since_first = (
        _Cloud.of(scored, list(first.values()), vectors, size),
        _Cloud.of(scored, later, vectors, size),
    )
    groups = tuple(b.group for b in befores) if reference else (Group(), *_GROUPS)
    pairs = [(before, now.within(before.group)) for before in befores]
    if len(later) >= FEWEST:
        pairs += list(_since_first(*since_first, groups))
    tested = [pair for pair in pairs if not pair[0].group.attributes or len(pair[1]) >= FEWEST]
    return Images(
        before=tuple(before for before, _ in tested),
        now=tuple(points for _, points in tested),
        notes=(
            *_notes_on_kept(scored, vectors, since, len(current)),
            *_notes_on_reference(reference, bundle),
            *_notes_on_first(len(first), len(later)),
        ),
    )


def _projection(
    reference: EmbeddingReference | None, bundle: Bundle | None, kept: SmallEmbeddings
) -> str | None:
    """Return the name of the projection whose vectors are compared."""
    if reference is not None:
        return reference.projection.name
    if bundle is not None:
        from edgefair.bundle.embedding_reference import projection_of

        return projection_of(bundle).name
    # without the bundle, what was kept last can still be compared with itself
    return next((one.projection for one in reversed(kept.by_case.values())), None)


def _of_one_size(vectors: Mapping[str, bytes]) -> dict[str, bytes]:
    size = len(next(iter(vectors.values()), b""))
    return {case: vector for case, vector in vectors.items() if len(vector) == size}


def _one_a_patient(
    scored: ScoredCases, vectors: Mapping[str, bytes], since: str
) -> dict[str, int]:
    """Return the first row of each patient with a small embedding, from a day on."""
    first: dict[str, int] = {}
    for row, (case, patient, day) in enumerate(
        zip(scored.case, scored.patient, scored.predicted_at, strict=True)
    ):
        if case in vectors and day[:10] >= since:
            first.setdefault(patient or f"\0{case}", row)
    return first


def _before_release(
    reference: EmbeddingReference | None, bundle: Bundle | None, size: int
) -> Iterator[ImageReference]:
    if reference is not None:
        for look in reference.looks:
            yield ImageReference(
                group=look.group,
                against=Against.RELEASE,
                before=MappedCloud(
                    mean=look.mean,
                    spread=look.spread,
                    mapped=MeanMap(n=look.n, waves=look.waves, traces=look.traces),
                    frequencies=reference.frequencies,
                ),
            )
    elif bundle is not None and bundle.manifest.reference.embedding_mean:
        # of an older bundle the mean alone is known, which the projection takes to nought
        yield ImageReference(
            group=Group(),
            against=Against.RELEASE,
            before=EmbeddingSummary(
                mean=np.zeros(size),
                std=np.ones(size),
                n=_images_of(bundle.manifest.reference),
            ),
        )


def _images_of(reference: Reference) -> int:
    return max(
        (sum(h.positives) + sum(h.negatives) for h in reference.score_histograms), default=0
    )


def _since_first(
    first: _Cloud, later: _Cloud, groups: Sequence[Group]
) -> Iterator[tuple[ImageReference, _Floats]]:
    for group in groups:
        before = first.within(group)
        if len(before) >= FEWEST:
            reference = ImageReference(group=group, against=Against.FIRST_HERE, before=before)
            yield reference, later.within(group)


def _nothing(kept: SmallEmbeddings, reference: EmbeddingReference | None) -> str:
    if not kept.by_case:
        why = (
            "the ledger keeps no embedding of them. Those that `edgefair predict --ledger` reads "
            "from now on are kept, and so are those of images that it reads again"
        )
    else:
        why = "their embeddings were made small by another arithmetic than this bundle's"
    return f"The look of the images themselves was not compared: {why}."


def _notes_on_kept(
    scored: ScoredCases, vectors: Mapping[str, bytes], since: str, patients: int
) -> Iterator[str]:
    images = {
        case
        for case, day in zip(scored.case, scored.predicted_at, strict=True)
        if day[:10] >= since
    }
    missing = len(images - vectors.keys())
    yield (
        f"The look of images was compared on one image of each of {patients:,} patients; groups "
        f"of fewer than {FEWEST} are left out."
    )
    if missing:
        yield (
            f"Of {len(images):,} images {missing:,} were read before embeddings were kept, or by "
            "another arithmetic, and are not among them; read again, they are."
        )


def _notes_on_reference(
    reference: EmbeddingReference | None, bundle: Bundle | None
) -> Iterator[str]:
    if bundle is None:
        return
    if reference is None:
        yield (
            "This bundle brings no embedding reference: against release, the look of images was "
            "compared by its mean alone, and not by group."
        )
    else:
        yield f"How images looked before release: {reference.measured_on}."


def _notes_on_first(first: int, later: int) -> Iterator[str]:
    if later >= FEWEST:
        yield (
            f"The first images here are those of the first {first:,} patients whose embeddings "
            f"are kept; {later:,} came later."
        )
    else:
        yield (
            f"Whether images change over time is told once {FIRST + FEWEST:,} patients' "
            "embeddings are kept."
        )
