"""Images on their way into the network: read and prepared as a clinic's PC will do it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edgefair.bundle.manifest import Accepts, Contract, Input, ResizeArea
from edgefair.records import Image
from edgefair.runtime.images import Limits, read_frames
from edgefair.runtime.preprocess import prepare

__all__ = ["prepared", "read_image", "read_pictures"]

_MARGIN: Final = 8 / 7
"""Pictures are kept this much larger than the input, for augmentation to turn and scale."""

_READERS: Final = 2
_BATCH: Final = 32


def read_pictures(
    paths: tuple[Path, ...],
    accepts: Accepts,
    contract: Contract,
    *,
    on_picture: Callable[[int], None] = lambda _: None,
) -> NDArray[np.uint8]:
    """Return all images in memory for training, shape (n, h, w), 255 white.

    Parameters
    ----------
    paths : tuple of Path
        The first frame of each is taken.
    accepts : Accepts
        What the model will refuse is refused here too.
    contract : Contract
        Of a network whose input is a seventh smaller than h = w.
    on_picture : callable, optional
        Called with the number of images read so far.

    Raises
    ------
    InputError
        If an image cannot be read.
    """
    kept_px = round(contract.input.height_px * _MARGIN)
    kept = replace(
        contract,
        input=Input(name="pictures", channels=1, height_px=kept_px, width_px=kept_px),
        preprocessing=(ResizeArea(height_px=kept_px, width_px=kept_px),),
    )
    pictures = np.empty((len(paths), kept_px, kept_px), dtype=np.uint8)
    with ThreadPoolExecutor(_READERS) as pool:
        read = pool.map(lambda path: _pixels(path, accepts, kept_px), paths)
        for place, pixels in enumerate(read):
            pictures[place] = np.rint(prepare(pixels, kept)[0] * 255)
            on_picture(place + 1)
    return pictures


def prepared(
    paths: tuple[Path, ...], accepts: Accepts, contract: Contract
) -> Iterator[NDArray[np.float32]]:
    """Yield the images as the network's input in batches (n, channels, height_px, width_px).

    Raises
    ------
    InputError
        If an image cannot be read.
    """
    side_px = max(contract.input.height_px, contract.input.width_px)
    with ThreadPoolExecutor(_READERS) as pool:
        for first in range(0, len(paths), _BATCH):
            some = paths[first : first + _BATCH]
            read = pool.map(lambda path: prepare(_pixels(path, accepts, side_px), contract), some)
            yield np.stack(list(read))


def read_image(path: Path, accepts: Accepts, side_px: int) -> Image:
    """Return an image's first frame, reduced as long as both sides keep `side_px` pixels.

    Raises
    ------
    InputError
        If it cannot be read, or the model will refuse it.
    """
    limits = Limits(
        min_side_px=accepts.min_side_px,
        modalities=accepts.modalities,
        body_parts=accepts.body_parts,
    )
    frames = read_frames(path, name=path.name, min_side_px=side_px, limits=limits, frame=0)
    return next(iter(frames))


def _pixels(path: Path, accepts: Accepts, side_px: int) -> NDArray[np.float32]:
    return read_image(path, accepts, side_px).pixels
