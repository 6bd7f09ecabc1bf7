"""The model card: what a bundle is, for whom it works, and how every number was come by."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from importlib.metadata import version
from math import isnan
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from edgefair.bundle.manifest import (
    Calibration,
    Contract,
    Normalize,
    PreprocessingStep,
    RepeatChannels,
    ResizeArea,
)
from edgefair.compress.evidence.evaluation import Measured
from edgefair.compress.recipe import Recipe
from edgefair.compress.training.loop import TrainingLog
from edgefair.records import Interval

__all__ = ["CardFacts", "Latencies", "Sizes", "render_card", "render_speed"]

_PACKAGES: Final = ("edgefair", "torch", "onnx", "onnxruntime", "scikit-learn", "numpy")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """Bytes of the ONNX files."""

    full_precision: int
    int8: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Latencies:
    """Median milliseconds of one image, one thread, without decoding."""

    full_precision_ms: float
    int8_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CardFacts:
    """Everything a card is written from."""

    recipe: Recipe
    command: str
    contract: Contract
    calibration: tuple[Calibration, ...]
    calibration_images: int
    log: TrainingLog
    measured: Measured
    sizes: Sizes


def render_card(facts: CardFacts) -> str:
    """Return the card in Markdown; the same facts give the same text on the same machine."""
    environment = Environment(
        loader=PackageLoader("edgefair.compress.evidence"),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - Markdown of our own recipe and numbers, not HTML
    )
    environment.filters["interval"] = _in_words
    return environment.get_template("card.md.jinja").render(
        recipe=facts.recipe,
        command=facts.command,
        contract=facts.contract,
        calibration=facts.calibration,
        calibration_images=facts.calibration_images,
        log=facts.log,
        measured=facts.measured,
        sizes=facts.sizes,
        preprocessing=[_step_in_words(step) for step in facts.contract.preprocessing],
        environment=_environment(),
    )


def render_speed(latencies: Latencies, command: str) -> str:
    """Return the card's section on speed.

    It stands only in the copy beside the bundle: a bundle made twice must be the same to the
    bit, and no two measurements of time are.
    """
    ratio = latencies.full_precision_ms / latencies.int8_ms
    return (
        "\n## Speed where it was made\n\n"
        "Median of 30 images through the network alone, one at a time, one thread, "
        f"{platform.machine()}, by `{command}`:\n\n"
        "| | ms an image |\n|---|---|\n"
        f"| full precision | {latencies.full_precision_ms:.2f} |\n"
        f"| INT8 | {latencies.int8_ms:.2f} |\n\n"
        f"Full precision takes {ratio:.2f} times as long. This section is not in the bundle.\n"
    )


def _in_words(interval: Interval | None) -> str:
    if interval is None or isnan(interval.estimate):
        return "not estimable"
    return f"{interval.estimate:.3f} [{interval.lower:.3f}, {interval.upper:.3f}]"


def _step_in_words(step: PreprocessingStep) -> str:
    match step:
        case ResizeArea(height_px=height, width_px=width):
            return f"stretch to {width} x {height} px by area"
        case Normalize(mean=mean, std=std):
            return f"subtract {mean:g} and divide by {std:g}, of intensities in [0, 1]"
        case RepeatChannels(channels=channels):
            return f"repeat the grey channel {channels} times"


def _environment() -> list[tuple[str, str]]:
    return [
        ("Python", platform.python_version()),
        *((package, version(package)) for package in _PACKAGES),
    ]
