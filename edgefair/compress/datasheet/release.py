"""A datasheet fit to travel with a model: what was found, without whom it was found in."""

from __future__ import annotations

from dataclasses import replace

from edgefair.compress.datasheet.findings import find
from edgefair.compress.datasheet.records import CopySet, Datasheet, Fault, Noise, Shortcut, Uses

__all__ = ["without_names"]


def without_names(datasheet: Datasheet) -> Datasheet:
    """Return the datasheet without patients' numbers and names of images.

    Counts, groups and shortcuts stay. The values of other columns stay too: a manifest must not
    hold names of people in them.
    """
    composition, uses = datasheet.composition, datasheet.uses
    composition = replace(composition, noise=_noise(composition.noise))
    uses = Uses(
        intended=uses.intended,
        findings=uses.findings,
        shortcuts=tuple(_shortcut(one) for one in uses.shortcuts),
        not_tried=uses.not_tried,
    )
    return replace(
        datasheet,
        composition=composition,
        uses=uses,
        findings=find(composition, datasheet.collection_process, uses),
    )


def _noise(noise: Noise) -> Noise:
    return replace(
        noise,
        faults=tuple(_fault(one) for one in noise.faults),
        unreadable=tuple(_fault(one) for one in noise.unreadable),
        copies=tuple(_copies(one) for one in noise.copies),
        leaks=(),
    )


def _fault(one: Fault) -> Fault:
    return replace(one, examples=())


def _copies(one: CopySet) -> CopySet:
    # how many patients share a picture is a finding; who they are is not
    patients = tuple(f"patient {n + 1}" for n in range(len(one.patients)))
    return replace(one, images=(), patients=patients, lines=())


def _shortcut(one: Shortcut) -> Shortcut:
    if one.encoding != "blocks of numbers":
        return one
    block = "One of the classes comes from one block of these numbers." if one.block else ""
    return replace(one, values=(), block=block)
