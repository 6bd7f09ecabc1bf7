"""Image to prediction: reading, preparing, running and scoring joined, for one or for many."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, date, datetime
from importlib import import_module
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from edgefair.bundle.archive import Bundle
from edgefair.bundle.home import default_home
from edgefair.bundle.manifest import Manifest
from edgefair.bundle.shelf import open_bundle
from edgefair.bundle.site import SiteDecisions
from edgefair.bundle.trust import Trust, notices
from edgefair.errors import ContractMismatch
from edgefair.records import Image, Prediction
from edgefair.runtime.scores import operating_points
from edgefair.runtime.session import Session
from edgefair.runtime.variants import Way

if TYPE_CHECKING:
    from concurrent.futures import Future

    from edgefair.runtime.worker import Worker

__all__ = ["Model", "Source", "available_threads", "load"]

Source: TypeAlias = Path | str | bytes | NDArray[np.generic]
"""A path, the bytes of a file, or an array of grey (h, w) or colour (h, w, 3) pixels."""

Clock: TypeAlias = Callable[[], datetime]
Observer: TypeAlias = Callable[[Image, Prediction], None]
Item = TypeVar("Item")

_BATCH: Final = 2
_BATCHES_AHEAD: Final = 4


def load(
    path: str | Path,
    *,
    threads: int | None = None,
    home: Path | None = None,
    allow_unsigned: bool = False,
    wait: bool = True,
) -> Model:
    """Return the model in a bundle, ready to read images.

    Parameters
    ----------
    path : str or Path
        A bundle file, or the name of one that is installed or that the package carries, e.g.
        ``chest-xray``.
    threads : int, optional
        Images read at once; by default one for each core this process may use.
    home : Path, optional
        Where this PC keeps its models and the keys it trusts; see `default_home`.
    allow_unsigned : bool, optional
        Let bundles through that nobody vouches for: for builders. Predictions say so.
    wait : bool, optional
        Whether to return only once onnxruntime has loaded the model; see `Model`.

    Raises
    ------
    BundleNotFound, BundleAltered, ContractMismatch, UnsafeModel
        If there is no bundle, or it is not what it promises.
    Untrusted, Downgrade
        If nobody whom this PC trusts vouches for it, or it is older than what was seen.

    Examples
    --------
    >>> import numpy as np
    >>> model = load("phantom")
    >>> noise = np.random.default_rng(0).integers(0, 255, (256, 256), dtype=np.uint8)
    >>> [prediction.status.value for prediction in model.predict(noise)]
    ['ok']
    """
    bundle = open_bundle(path, home or default_home(), allow_unsigned=allow_unsigned)
    return Model(bundle, threads=threads or available_threads(), wait=wait)


def available_threads() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Model:
    """A checked bundle and its session.

    Each worker thread decodes, prepares and runs its own small batch with a single-threaded
    call of the session: on a PC with few cores that keeps every core busy with whole images,
    and hands nothing larger than a prediction from thread to thread.

    Parameters
    ----------
    bundle : Bundle
    threads : int
        Images read at once, at least 1.
    way : Way, optional
        The one way to run it; what is best on this processor if left out.
    wait : bool, optional
        Whether to return only once onnxruntime has loaded it. If not, the first image is decoded
        meanwhile, and what onnxruntime says against the model is raised by the first prediction,
        or where `engine` or `note` is asked for.
    """

    def __init__(
        self, bundle: Bundle, *, threads: int, way: Way | None = None, wait: bool = True
    ) -> None:
        self._threads = threads
        self._manifest = bundle.manifest
        self._label, self._trust = bundle.label, bundle.trust
        self._digest = bundle.digest
        self._session = Session(bundle, threads=1, way=way, wait=False)
        _import_readers()
        if wait:
            self._session.wait()

    @property
    def manifest(self) -> Manifest:
        """What the bundle promises."""
        return self._manifest

    @property
    def digest(self) -> str:
        """SHA-256 of the bundle's manifest."""
        return self._digest

    @property
    def engine(self) -> str:
        """What runs on this processor, e.g. ``int8 x64quantprecision``; in every prediction."""
        return self._session.engine

    @property
    def note(self) -> str:
        """A sentence on that for whoever reads the results; mostly empty."""
        return self._session.note

    @property
    def trust(self) -> Trust:
        """Who vouches for the bundle."""
        return self._trust

    def notices(self, today: date) -> tuple[str, ...]:
        """Return what whoever reads the results must know of the bundle, in sentences."""
        return notices(self._manifest.label, self._trust, self._manifest.expires, today)

    def predict(
        self,
        source: Source | Sequence[Source],
        *,
        operating_point: str | SiteDecisions | None = None,
    ) -> list[Prediction]:
        """Return one prediction per frame of one source or of each in a list, in order.

        An image that cannot be read is a prediction too, with its `status` and `message`.

        Parameters
        ----------
        source : path, str, bytes, ndarray, or a list or tuple of these
        operating_point : str or SiteDecisions, optional
            Which of the bundle's operating points decides, or what a site has adopted in their
            place; the bundle's first by default.
        """
        sources = (source,) if isinstance(source, Path | str | bytes | np.ndarray) else source
        return list(self.predict_many(sources, operating_point=operating_point))

    def predict_many(
        self,
        sources: Iterable[Source],
        *,
        operating_point: str | SiteDecisions | None = None,
        frame: int | None = None,
        observer: Observer | None = None,
        clock: Clock = lambda: datetime.now(UTC),
    ) -> Iterator[Prediction]:
        """Yield predictions in the order of the sources, while later ones are being read.

        Memory stays the same however many sources there are.

        Parameters
        ----------
        sources : iterable of Source
        operating_point : str or SiteDecisions, optional
            As for `predict`. What a site adopted decides on the subject that the file names.
        frame : int, optional
            Frame of multi-frame files to read, from 0; every frame by default.
        observer : callable, optional
            Called with each image read and its prediction, in the worker thread.
        clock : callable, optional
            Gives the time that is written into the predictions.

        Raises
        ------
        ContractMismatch
            If the bundle has no such operating point, or the site's decisions are of another.
        """
        from edgefair.runtime.worker import Worker

        site = operating_point if isinstance(operating_point, SiteDecisions) else None
        name = operating_point if isinstance(operating_point, str) else None
        if site and site.bundle_digest != self._digest:
            raise ContractMismatch(
                f"What this site adopted is for another model than {self._manifest.label}.",
                hint="Thresholds hold for the one model that they were chosen with: make a new "
                "proposal for this one.",
            )

        worker = Worker(
            manifest=self._manifest,
            label=self._label,
            digest=self._digest,
            session=self._session,
            points=operating_points(self._manifest, name),
            site=site,
            frame=frame,
            observer=observer,
            clock=clock,
        )
        if self._threads == 1:
            for batch in _batches(sources, _BATCH):
                yield from worker.read(batch)
        else:
            yield from _side_by_side(worker, _out_of_step(sources), self._threads)


def _import_readers() -> None:
    import_module("edgefair.runtime.worker")
    import_module("edgefair.runtime.dicom_strips")  # nearly all that a clinic has is DICOM


def _side_by_side(
    worker: Worker, batches: Iterator[tuple[Source, ...]], threads: int
) -> Iterator[Prediction]:
    first = tuple(islice(batches, 2))
    if len(first) < 2:  # the work of one thread: a cold start feels the pool's import
        for batch in first:
            yield from worker.read(batch)
        return
    from concurrent.futures import ThreadPoolExecutor

    pool = ThreadPoolExecutor(threads, thread_name_prefix="edgefair")
    under_way: deque[Future[list[Prediction]]] = deque()
    try:
        for batch in chain(first, batches):
            under_way.append(pool.submit(worker.read, batch))
            if len(under_way) >= threads * _BATCHES_AHEAD:
                yield from under_way.popleft().result()
        while under_way:
            yield from under_way.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _out_of_step(sources: Iterable[Source]) -> Iterator[tuple[Source, ...]]:
    """Yield batches, the first of one: so one thread decodes while another runs the session.

    Begun together they would go on together where a decoder holds the interpreter, as Pillow's for
    JPEG 2000 does: each waiting for the other image by image, and then both running the session.
    """
    iterator = iter(sources)
    yield from _batches(islice(iterator, 1), 1)
    yield from _batches(iterator, _BATCH)


def _batches(items: Iterable[Item], size: int) -> Iterator[tuple[Item, ...]]:
    iterator = iter(items)
    while batch := tuple(islice(iterator, size)):
        yield batch
