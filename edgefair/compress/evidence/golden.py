"""Golden answers made: phantoms drawn, and what this machine says of them in every way."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from edgefair.bundle.archive import Bundle, PartContent
from edgefair.bundle.golden import (
    GOLDEN_FORMAT,
    GOLDEN_ROLE,
    IMAGE_ROLE,
    EngineAnswers,
    Golden,
    golden_to_json,
)
from edgefair.bundle.manifest import Manifest
from edgefair.phantom.clinic import MAX_SIZE_PX, MIN_SIZE_PX, Clinic
from edgefair.phantom.folder import to_grey8
from edgefair.phantom.generate import phantoms
from edgefair.runtime.engine import VERSION
from edgefair.runtime.images import Limits, read_frames
from edgefair.runtime.pipeline import Model
from edgefair.runtime.preprocess import prepare
from edgefair.runtime.session import Session
from edgefair.runtime.variants import Sums, Way, every_way

__all__ = ["golden_parts", "without_golden"]

_IMAGES: Final = 6
_SEED: Final = 20261124
_LARGER: Final = 9 / 8
"""Than the network's input, so that a clinic's way of shrinking images is tried too."""

_LEVELS: Final = 16
"""Greys in an image: fewer make it smaller, and nobody is to look at it."""

_DRAWS: Final = 8
_ROOM: Final = 2.0
_FLOAT_ROOM: Final = 10 * 4e-5
"""Ten times what float32 networks were seen to differ across processors, in standard deviations
of a logit."""

_TOLERANCE_FROM: Final = (
    f"{_ROOM:g} times the most that rounding moved any logit on the builder's machine: of every "
    f"prepared pixel by one in its last bit, in {_DRAWS} draws, or of sums in float in place of "
    f"integers; at least {_FLOAT_ROOM:g} of the logits' standard deviation"
)


def golden_parts(manifest: Manifest, contents: Sequence[PartContent]) -> tuple[PartContent, ...]:
    """Return the parts that let a clinic's PC compare itself with this machine.

    A processor that rounds otherwise, as those without AVX2 do where an image is shrunk and
    between a network's layers, moves INT8 logits a little; one that cuts sums off moves them
    far. The tolerance is measured to lie between: see `Golden.tolerance_from`.

    Parameters
    ----------
    manifest : Manifest
        Complete but for its list of parts.
    contents : sequence of PartContent
        Holds the model, and its variants where there are any.

    Raises
    ------
    UnsafeModel, ContractMismatch
        If a clinic would refuse the model.
    """
    bundle = Bundle(manifest=manifest, digest="", parts=tuple(contents))
    images = _drawn(manifest)
    batch = np.stack([_prepared(image.content, manifest) for image in images])
    ways = every_way(bundle)
    logits = {way: _read(bundle, _safest(way, ways), images) for way in ways}
    golden = Golden(
        format=GOLDEN_FORMAT,
        images=tuple(image.path for image in images),
        findings=manifest.contract.findings,
        answers=tuple(
            EngineAnswers(
                engine=way.engine,
                logits=tuple(map(tuple, logits[way].tolist())),
                tolerance=_tolerance(bundle, way, logits, batch),
            )
            for way in ways
        ),
        tolerance_from=_TOLERANCE_FROM,
        made_with=f"onnxruntime {VERSION}",
    )
    answers = PartContent(
        path="golden/answers.json", role=GOLDEN_ROLE, content=golden_to_json(golden)
    )
    return (answers, *images)


def without_golden(contents: Sequence[PartContent]) -> tuple[PartContent, ...]:
    """Return all other parts, e.g. of a bundle whose model is about to change."""
    return tuple(part for part in contents if part.role not in (GOLDEN_ROLE, IMAGE_ROLE))


def _drawn(manifest: Manifest) -> tuple[PartContent, ...]:
    given = manifest.contract.input
    side_px = max(round(_LARGER * max(given.height_px, given.width_px)), MIN_SIZE_PX)
    side_px = min(max(side_px, manifest.accepts.min_side_px), MAX_SIZE_PX)
    clinic = Clinic(seed=_SEED, count=_IMAGES, size_px=side_px, prevalence=0.5)
    step = 256 // _LEVELS
    return tuple(
        PartContent(
            path=f"golden/{image.name}.png",
            role=IMAGE_ROLE,
            content=_png(to_grey8(image) // step * step),
        )
        for image in phantoms(clinic)
    )


def _png(pixels: NDArray[np.uint8]) -> bytes:
    file = io.BytesIO()
    Pillow.fromarray(pixels).save(file, "PNG", optimize=True)
    return file.getvalue()


def _prepared(png: bytes, manifest: Manifest) -> NDArray[np.float32]:
    contract = manifest.contract
    limits = Limits(min_side_px=manifest.accepts.min_side_px, modalities=(), body_parts=())
    side_px = max(contract.input.height_px, contract.input.width_px)
    (image,) = read_frames(png, name="golden", min_side_px=side_px, limits=limits)
    return prepare(image.pixels, contract)


def _safest(way: Way, ways: Sequence[Way]) -> Way:
    """Return the way with exact sums that gives the same bits, should this machine saturate."""
    twins = (w for w in ways if w.part == way.part and w.sums is Sums.EXACT)
    return next(twins, way) if way.sums is Sums.PLAIN else way


def _read(bundle: Bundle, way: Way, images: tuple[PartContent, ...]) -> NDArray[np.float64]:
    """Return the logits, shape (n, findings), by the same steps as a clinic's predictions."""
    read = Model(bundle, threads=1, way=way).predict([image.content for image in images])
    return np.array([[score.logit for score in prediction.scores] for prediction in read])


def _tolerance(
    bundle: Bundle, way: Way, logits: dict[Way, NDArray[np.float64]], batch: NDArray[np.float32]
) -> float:
    session = Session(bundle, threads=1, way=_safest(way, tuple(logits)))
    moved = _moved_by_rounding(session, batch)
    for other, found in logits.items():
        if other.part == way.part:
            moved = max(moved, float(np.abs(found - logits[way]).max()))
    return max(_ROOM * moved, _FLOAT_ROOM * float(logits[way].std(axis=0).max()))


def _moved_by_rounding(session: Session, batch: NDArray[np.float32]) -> float:
    """Return the most that a logit moves where pixels are one unit in the last place off."""
    rng = np.random.default_rng(_SEED)
    before = _logits(session, batch)
    moved = 0.0
    for _ in range(_DRAWS):
        towards = np.where(rng.random(batch.shape) < 0.5, -np.inf, np.inf).astype(np.float32)
        after = _logits(session, np.nextafter(batch, towards))
        moved = max(moved, float(np.abs(after - before).max()))
    return moved


def _logits(session: Session, batch: NDArray[np.float32]) -> NDArray[np.float32]:
    # one by one, as a clinic's PC reads a single image
    return np.concatenate([session.run(image[np.newaxis]).logits for image in batch])
