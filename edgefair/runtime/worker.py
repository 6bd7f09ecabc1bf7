"""What one thread does with a few sources: reads, prepares, runs and scores them.

A cold start imports this, and with it the decoders, while it loads the session.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from dataclasses import field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from edgefair.bundle.manifest import Manifest, OperatingPoint
from edgefair.bundle.site import SiteDecisions
from edgefair.errors import InputError
from edgefair.records import FindingScore, Image, Prediction, Status
from edgefair.records.record import record
from edgefair.runtime.images import Limits, Scratch, read_frames
from edgefair.runtime.preprocess import prepare
from edgefair.runtime.scores import at_site, score

if TYPE_CHECKING:
    from edgefair.runtime.pipeline import Clock, Observer, Source
    from edgefair.runtime.session import Session

__all__ = ["Worker"]

_BATCH: Final = 2
"""Frames that go through the session at once."""


class _ThreadMemory(threading.local):
    """What each thread has of its own."""

    def __init__(self) -> None:
        self.scratch = Scratch()


@record(frozen=True, slots=True, kw_only=True)
class Worker:
    """Everything one thread needs to turn a few sources into predictions.

    Attributes
    ----------
    manifest, label, digest
        Of the bundle.
    session : Session
    points : tuple of OperatingPoint
        One per finding.
    site : SiteDecisions or None
        What a site adopted in their place.
    frame, observer, clock
        As `Model.predict_many` has them.
    memory : object
        What each thread has of its own.
    """

    manifest: Manifest
    label: str
    digest: str
    session: Session
    points: tuple[OperatingPoint, ...]
    site: SiteDecisions | None
    frame: int | None
    observer: Observer | None
    clock: Clock
    memory: _ThreadMemory = field(default_factory=_ThreadMemory)

    def read(self, sources: Iterable[Source]) -> list[Prediction]:
        """Return a prediction per frame of the sources, in order."""
        predictions: list[Prediction] = []
        frames = self._frames(sources)
        # a file of many frames goes through in as small pieces as many files of one frame
        while batch := tuple(islice(frames, _BATCH)):
            predictions += self._predict(batch)
        return predictions

    def _frames(self, sources: Iterable[Source]) -> Iterator[Image | Prediction]:
        accepts, given = self.manifest.accepts, self.manifest.contract.input
        limits = Limits(
            min_side_px=accepts.min_side_px,
            modalities=accepts.modalities,
            body_parts=accepts.body_parts,
        )
        for source in sources:
            name, opened = _opened(source)
            try:
                yield from read_frames(
                    opened,
                    name=name,
                    min_side_px=max(given.height_px, given.width_px),
                    limits=limits,
                    frame=self.frame,
                    scratch=self.memory.scratch,
                )
            except InputError as error:
                yield self._refused(name, error)

    def _predict(self, frames: tuple[Image | Prediction, ...]) -> Iterator[Prediction]:
        images = [frame for frame in frames if isinstance(frame, Image)]
        if images:
            contract = self.manifest.contract
            outputs = self.session.run(np.stack([prepare(i.pixels, contract) for i in images]))
            scores = iter(score(outputs.logits, self.manifest, self.points))
            rest = zip(scores, outputs.embedding, outputs.heat_map, strict=True)
        for frame in frames:
            if isinstance(frame, Prediction):
                yield frame
            else:
                yield self._scored(frame, *next(rest))

    def _scored(
        self,
        image: Image,
        scores: tuple[FindingScore, ...],
        embedding: NDArray[np.float32],
        heat_map: NDArray[np.float32],
    ) -> Prediction:
        if self.site is not None:
            scores = at_site(scores, self.manifest, self.site, image.subject)
        prediction = Prediction(
            image=image.name,
            frame=image.frame,
            digest=image.digest,
            scores=scores,
            subject=image.subject,
            model=self.label,
            bundle_digest=self.digest,
            engine=self.session.engine,
            predicted_at=self.clock().isoformat(timespec="seconds"),
            embedding=embedding,
            heat_map=heat_map,
        )
        if self.observer is not None:
            self.observer(image, prediction)
        return prediction

    def _refused(self, name: str, error: InputError) -> Prediction:
        return Prediction(
            image=name,
            frame=self.frame or 0,
            status=Status(error.reason),
            message=f"{error.message} {error.hint}".strip(),
            model=self.label,
            bundle_digest=self.digest,
            engine=self.session.engine,
            predicted_at=self.clock().isoformat(timespec="seconds"),
        )


def _opened(source: Source) -> tuple[str, Path | bytes | NDArray[np.generic]]:
    if isinstance(source, str | Path):
        return str(source), Path(source)
    return ("-" if isinstance(source, bytes) else "array"), source
