"""Heat maps to files, one for each finding of each image read."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from edgefair.errors import EdgefairError
from edgefair.runtime.heatmaps import overlay_png

if TYPE_CHECKING:
    from edgefair.records import Image, Prediction
    from edgefair.runtime.pipeline import Observer

__all__ = ["overlay_writer"]


def overlay_writer(folder: Path) -> Observer:
    """Return what writes ``STEM-DIGEST-FINDING.png`` into `folder` for each image it is shown.

    The first digits of the image's digest keep apart two files of one name.

    Raises
    ------
    EdgefairError
        From the returned function, if the folder cannot be written.
    """

    def write(image: Image, prediction: Prediction) -> None:
        if prediction.heat_map is None:
            return
        for score, heat in zip(prediction.scores, prediction.heat_map, strict=True):
            caption = f"{score.finding} {score.probability:.3f} {score.decision.value}"
            png = overlay_png(
                image.pixels,
                heat,
                caption=f"{caption} - relative evidence; research use only",
            )
            _write(folder / _file_name(image, score.finding), png)

    return write


def _file_name(image: Image, finding: str) -> str:
    frame = f"-frame{image.frame}" if image.frame else ""
    stem = f"{Path(image.name).stem}-{image.digest[:8]}{frame}-{finding}"
    return re.sub(r"[^\w.-]+", "_", stem) + ".png"


def _write(path: Path, content: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as error:
        raise EdgefairError(
            f"The heat map {path} could not be written: {error.strerror or error}.",
            hint="Check the folder, its permissions and the free space.",
        ) from error
