"""What a card says of one number, one step or one outcome: the words that its pages share."""

from __future__ import annotations

from math import isnan
from typing import Final

from edgefair.bundle.manifest import Normalize, PreprocessingStep, RepeatChannels, ResizeArea
from edgefair.compress.evidence.facts import CardFacts
from edgefair.compress.gate.records import GateResult
from edgefair.compress.gate.words import headline
from edgefair.compress.recipe import TeacherChoice
from edgefair.records import Interval

__all__ = [
    "DISCLAIMER",
    "NOT_STATED",
    "gate_in_words",
    "input_in_words",
    "interval_in_words",
    "loss_in_words",
    "megabytes",
    "output_in_words",
    "stated",
    "step_in_words",
    "teacher_in_words",
]

NOT_STATED: Final = "not stated by the builder"

DISCLAIMER: Final = "For research only. Not a medical device."


def stated(text: str) -> str:
    """Return the builder's words, or that there are none."""
    return text or NOT_STATED


def interval_in_words(interval: Interval | None) -> str:
    """Return a rate or an area with its limits.

    Examples
    --------
    >>> interval_in_words(Interval(0.9, 0.8, 0.95, 0.95, 40))
    '0.900 [0.800, 0.950]'
    >>> interval_in_words(None)
    'not estimable'
    """
    if interval is None or isnan(interval.estimate):
        return "not estimable"
    return f"{interval.estimate:.3f} [{interval.lower:.3f}, {interval.upper:.3f}]"


def loss_in_words(interval: Interval) -> str:
    """Return a change with its sign, in points of a hundred.

    Examples
    --------
    >>> loss_in_words(Interval(0.021, -0.01, 0.05, 0.95, 40))
    '+2.1 [-1.0, +5.0]'
    """
    if isnan(interval.estimate):
        return "not estimable"
    values = (interval.estimate, interval.lower, interval.upper)
    estimate, lower, upper = (f"{100 * value:+.1f}" for value in values)
    return f"{estimate} [{lower}, {upper}]"


def megabytes(size_bytes: int | None) -> str:
    """Return a size for a reader; a dash where there is no file."""
    return "-" if size_bytes is None else f"{size_bytes / 1e6:.2f} MB"


def step_in_words(step: PreprocessingStep) -> str:
    """Return what one step of the preprocessing does."""
    match step:
        case ResizeArea(height_px=height, width_px=width):
            return f"stretch to {width} x {height} px by area"
        case Normalize(mean=mean, std=std):
            return f"subtract {mean:g} and divide by {std:g}, of intensities in [0, 1]"
        case RepeatChannels(channels=channels):
            return f"repeat the grey channel {channels} times"


def input_in_words(facts: CardFacts) -> str:
    """Return which images the model reads."""
    accepts = facts.recipe.accepts
    return (
        f"{', '.join(accepts.modalities) or 'any modality'}; "
        f"{', '.join(accepts.body_parts) or 'any body part'}; "
        f"shorter side at least {accepts.min_side_px} px"
    )


def output_in_words(facts: CardFacts) -> str:
    """Return what the model gives for one image."""
    outputs = facts.contract.outputs
    return (
        "a logit and a calibrated probability per finding, a decision with its reason, an "
        f"embedding of {outputs.embedding_size} numbers, a heat map of "
        f"{outputs.heat_map_height} x {outputs.heat_map_width} places"
    )


def teacher_in_words(teacher: TeacherChoice, sha256: str = "") -> str:
    """Return which foundation model the student learnt from, and where it came from."""
    given = teacher.input
    weights = teacher.weights
    name = teacher.name or teacher.path.rpartition("/")[2]
    parts = [f"{name} ({teacher.kind})" if name else str(teacher.kind)]
    if weights:
        licence, sha256 = weights.licence, weights.sha256
        parts.append(f"{weights.file.rpartition('/')[2]} from {weights.package} {weights.version}")
    else:
        licence = teacher.licence
    parts.append(f"licence {stated(licence)}")
    if sha256:
        parts.append(f"SHA-256 {sha256}")
    parts.append(f"sees {given.side_px} x {given.side_px} px in {len(given.mean)} channels")
    return "; ".join(parts)


def gate_in_words(gate: GateResult | None) -> str:
    """Return the verdict of the gate in a sentence, with who answers for what it left open."""
    if gate is None:
        return "This bundle passed no gate: nobody checked group by group what compression cost."
    outcome = headline(gate).partition("\n")[0]
    if gate.accepted is None:
        return outcome
    return f"{outcome} {gate.accepted.by}: {gate.accepted.reason}"
