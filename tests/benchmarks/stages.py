"""How much of an image's time goes into each stage."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from edgefair.bundle.archive import read_bundle
from edgefair.bundle.shelf import find_bundle
from edgefair.ledger import Ledger
from edgefair.runtime.images import Limits, read_frames
from edgefair.runtime.pipeline import Model
from edgefair.runtime.preprocess import prepare
from edgefair.runtime.scores import operating_points, score
from edgefair.runtime.scratch import Scratch
from edgefair.runtime.session import Session

__all__ = ["STAGES", "stage_shares"]

STAGES = ("decode", "preprocess", "inference", "scores", "ledger")


def stage_shares(model: str, paths: Sequence[Path], rounds: int) -> list[float]:
    """Return the median share of each stage, in the order of `STAGES`."""
    bundle = read_bundle(find_bundle(model))
    contract = bundle.manifest.contract
    session = Session(bundle, threads=1)
    points = operating_points(bundle.manifest, None)
    predictions = Model(bundle, threads=1).predict(list(paths))
    side = max(contract.input.height_px, contract.input.width_px)
    scratch, seconds = Scratch(), []
    for _ in range(rounds):
        spent = np.zeros(len(STAGES))
        for path in paths:
            clock = [time.perf_counter()]
            (image,) = read_frames(
                path, name=path.name, min_side_px=side, limits=Limits(), scratch=scratch
            )
            clock.append(time.perf_counter())
            tensor = prepare(image.pixels, contract)[np.newaxis]
            clock.append(time.perf_counter())
            outputs = session.run(tensor)
            clock.append(time.perf_counter())
            score(outputs.logits, bundle.manifest, points)
            clock.append(time.perf_counter())
            spent[:4] += np.diff(clock)
        with (
            tempfile.TemporaryDirectory() as folder,
            Ledger.open(Path(folder, "bench.ledger"), create=True) as ledger,
        ):
            began = time.perf_counter()
            for start in range(0, len(predictions), 16):
                ledger.record(predictions[start : start + 16])
            spent[4] = time.perf_counter() - began
        seconds.append(spent / spent.sum())
    return [statistics.median(column) for column in zip(*seconds, strict=True)]
