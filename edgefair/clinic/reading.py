"""Files to predictions, each completed with who is on it, and on record before it is shown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import field, replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from edgefair.bundle.projection import Projection
from edgefair.bundle.site import Adopted, SiteDecisions
from edgefair.records import Prediction, Status
from edgefair.records.record import record
from edgefair.runtime.pipeline import Clock, Model, Observer, Source
from edgefair.runtime.scores import at_site
from edgefair.runtime.sources import FoundFile, Unreachable, find_files

if TYPE_CHECKING:  # most runs need neither, and a cold start feels their import
    from edgefair.interop.demographics import Demographics
    from edgefair.ledger import Ledger
    from edgefair.ledger.small_embeddings import MakeSmall, SmallEmbedding

__all__ = ["STANDARD_INPUT", "Reader", "WorkList"]

STANDARD_INPUT: Final = "-"

_RECORDED_TOGETHER: Final = 16
"""Predictions in one durable transaction: few enough that a power cut repeats little work."""


@record(frozen=True, slots=True, kw_only=True)
class WorkList:
    """What is to be read.

    Attributes
    ----------
    files : tuple of Path
    named : frozenset of str
        Those of them that the user named, rather than a folder they lie in.
    unreachable : tuple of Unreachable
    standard_input : bytes or None
        One image that came through a pipe.
    """

    files: tuple[Path, ...]
    named: frozenset[str] = frozenset()
    unreachable: tuple[Unreachable, ...] = ()
    standard_input: bytes | None = field(default=None, repr=False)

    @classmethod
    def of(cls, paths: Iterable[Path], *, standard_input: bytes | None = None) -> WorkList:
        """Return the list of every file that the paths mean."""
        found = tuple(find_files(paths))
        files = tuple(item for item in found if isinstance(item, FoundFile))
        return cls(
            files=tuple(file.path for file in files),
            named=frozenset(str(file.path) for file in files if file.named),
            unreachable=tuple(item for item in found if isinstance(item, Unreachable)),
            standard_input=standard_input,
        )

    def __len__(self) -> int:
        return len(self.files) + len(self.unreachable) + (self.standard_input is not None)

    def sources(self) -> Iterator[Source]:
        """Yield what the model is to read, in order."""
        if self.standard_input is not None:
            yield self.standard_input
        yield from self.files

    def passes_over(self, prediction: Prediction) -> bool:
        """Whether this is a file beside the images of a folder, which nobody asked to read."""
        is_other = prediction.status is Status.NOT_AN_IMAGE
        return is_other and prediction.image not in self.named | {STANDARD_INPUT}


@record(frozen=True, slots=True, kw_only=True)
class Reader:
    """A model with everything a reading needs beside it.

    Attributes
    ----------
    model : Model
    demographics : Demographics or None
        What a table says of the images, beside what their own tags say.
    ledger : Ledger or None
        Where predictions are kept; None keeps none.
    operating_point : str or None
        One of the bundle's. If None, what the site has adopted in the ledger, else its first.
    frame : int or None
        Frame of multi-frame files; every one if None.
    observer : callable or None
        Sees each image beside its prediction.
    projection : Projection or None
        What makes embeddings small enough for the ledger; None keeps none.
    """

    model: Model
    demographics: Demographics | None = None
    ledger: Ledger | None = None
    operating_point: str | None = None
    frame: int | None = None
    observer: Observer | None = None
    projection: Projection | None = None

    def read(
        self, work: WorkList, *, clock: Clock = lambda: datetime.now(UTC)
    ) -> Iterator[Prediction]:
        """Yield a prediction per frame; with a ledger, only once it is safely on disk.

        Parameters
        ----------
        work : WorkList
        clock : callable, optional
            Gives the time of each prediction.
        """
        predictions = self._predictions(work, clock)
        if self.ledger is None:
            yield from predictions
            return
        make_small = self._make_small()
        while together := list(islice(predictions, _RECORDED_TOGETHER)):
            recorded = (p for p in together if not work.passes_over(p))
            self.ledger.record(recorded, make_small=make_small)
            yield from together

    def case_code(self, prediction: Prediction) -> str | None:
        """Return the short code under which the ledger keeps this image; None without one."""
        return self.ledger.case_code(prediction) if self.ledger else None

    def adopted(self) -> tuple[Adopted, ...]:
        """Return what the site adopted for this model in place of the bundle's decisions."""
        return self._site().adopted

    def _make_small(self) -> MakeSmall:
        """Return what makes an embedding small; a refused image has none to keep."""
        projection = self.projection
        if projection is None:
            return lambda prediction: None
        from edgefair.ledger import SmallEmbedding

        name = projection.name

        def make_small(prediction: Prediction) -> SmallEmbedding | None:
            embedding = prediction.embedding
            if embedding is None or not prediction.scores or not np.isfinite(embedding).all():
                return None
            return SmallEmbedding(projection=name, vector=projection.packed(embedding))

        return make_small

    def _site(self) -> SiteDecisions:
        if self.ledger is None:
            return SiteDecisions(bundle_digest=self.model.digest)
        from edgefair.clinic.adopting import site_decisions

        return site_decisions(self.ledger, self.model.digest)

    def _predictions(self, work: WorkList, clock: Clock) -> Iterator[Prediction]:
        now = clock().isoformat(timespec="seconds")
        for item in work.unreachable:
            yield Prediction(
                image=str(item.path),
                status=Status.UNREADABLE,
                message=f"{item.path}: {item.why}.",
                model=self.model.manifest.label,
                bundle_digest=self.model.digest,
                engine=self.model.engine,
                predicted_at=now,
            )
        site = self._site()
        decides = site.adopted and self.operating_point is None
        read = self.model.predict_many(
            work.sources(),
            operating_point=site if decides else self.operating_point,
            frame=self.frame,
            observer=self.observer,
            clock=clock,
        )
        for prediction in read:
            subject = prediction.subject
            if self.demographics is not None:
                subject = self.demographics.completed(prediction.image, subject)
            scores = prediction.scores
            if decides and subject != prediction.subject:
                scores = at_site(scores, self.model.manifest, site, subject)
            yield replace(prediction, subject=subject, scores=scores)
