"""The gate's result as it may travel: without the names of images, which can be of people."""

from __future__ import annotations

from dataclasses import replace

from edgefair.compress.data.cases import Cases
from edgefair.compress.gate.records import GateResult

__all__ = ["without_image_names"]


def without_image_names(result: GateResult, cases: Cases) -> GateResult:
    """Return the result with each flipped case called by its place among the cases.

    Whoever has the data finds the image again; whoever has only the bundle learns nothing.

    Parameters
    ----------
    result : GateResult
    cases : Cases
        Those that were judged, in their order; ``case 1`` is the first.
    """
    places = {path.name: f"case {place}" for place, path in enumerate(cases.images, 1)}
    flips = tuple(replace(flip, image=places[flip.image]) for flip in result.flips)
    return replace(result, flips=flips)
