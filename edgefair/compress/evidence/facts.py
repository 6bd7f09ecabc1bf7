"""Everything a bundle's evidence is written from, as records."""

from __future__ import annotations

import platform
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Final

from edgefair.bundle.manifest import Calibration, Contract
from edgefair.compress.evidence.comparison import ModelRow
from edgefair.compress.evidence.evaluation import Measured
from edgefair.compress.gate.records import GateResult
from edgefair.compress.recipe import Recipe
from edgefair.compress.training.loop import TrainingLog

__all__ = [
    "CardFacts",
    "DistillationFacts",
    "Latencies",
    "ModelLatency",
    "QuantizationFacts",
    "Sizes",
    "TriedForm",
    "Variant",
    "training_environment",
]

_PACKAGES: Final = ("edgefair", "torch", "onnx", "onnxruntime", "scikit-learn", "numpy")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """Bytes of the ONNX files."""

    full_precision: int
    int8: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelLatency:
    """Median milliseconds of one image, one thread, and the bytes of the file; None if none."""

    name: str
    ms: float
    size_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Latencies:
    """Median milliseconds of one image, one thread, without decoding.

    Attributes
    ----------
    models : tuple of ModelLatency
        The rows of the table of models, in its order; the first, the teacher as a rule, is the
        one that the others are told to be faster and smaller than.
    """

    full_precision_ms: float
    int8_ms: float
    models: tuple[ModelLatency, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DistillationFacts:
    """How well the student learnt the teacher's embedding, on images that it did not learn from.

    Attributes
    ----------
    images : int
        That were learnt from.
    epochs : int
        That were run.
    measured_on : str
        In words, e.g. ``val split, 101 images``.
    r_squared : float or None
        Share of the embedding's variance that the student reproduces.
    cosine : float or None
        Mean cosine between the two embeddings.
    teacher_sha256 : str
        Of the file that the teacher was loaded from; empty for a folder of several.
    """

    images: int
    epochs: int
    measured_on: str
    r_squared: float | None = None
    cosine: float | None = None
    teacher_sha256: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TriedForm:
    """One INT8 form that was tried, and whether it held for every group.

    Attributes
    ----------
    form : str
        In words.
    worst : str
        The largest loss of any group, in words; empty if none was measured.
    """

    form: str
    passed: bool
    worst: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """Which part of the bundle which processors run, in words."""

    part: str
    processors: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantizationFacts:
    """The INT8 form that was taken, those tried before it, and the models for other processors.

    Attributes
    ----------
    form : str
        In words, to stand after "Quantisation:".
    embedding_cosine, worst_embedding_cosine : float or None
        Between the embeddings of INT8 and of full precision about their centre, the mean over
        the test images and the smallest: students of some teachers collapse under INT8, and it
        would show here.
    """

    form: str
    embedding_cosine: float | None = None
    worst_embedding_cosine: float | None = None
    tried: tuple[TriedForm, ...] = ()
    variants: tuple[Variant, ...] = ()


def training_environment() -> tuple[tuple[str, str], ...]:
    """Return what the model is made with: system, Python and packages, each with its version."""
    return (
        ("System", f"{platform.system()} {platform.machine()}"),
        ("Python", platform.python_version()),
        *((package, version(package)) for package in _PACKAGES),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class CardFacts:
    """Everything a card is written from; what a recipe has no such part of is None or empty.

    Attributes
    ----------
    recipe_sha256 : str
        Of the recipe's bytes, hexadecimal.
    data_digest : str
        Of the contents of manifest and images, hexadecimal: the same on every machine.
    comparison : tuple of ModelRow
        In the order to show; all of the same cases.
    datasheet_headlines : tuple of str
        Sentences of the datasheet to show; the whole of it is a part of the bundle.
    environment : tuple of (name, version)
    """

    recipe: Recipe
    command: str
    contract: Contract
    calibration: tuple[Calibration, ...]
    calibration_images: int
    log: TrainingLog
    measured: Measured
    sizes: Sizes
    recipe_sha256: str = ""
    data_digest: str = ""
    gate: GateResult | None = None
    comparison: tuple[ModelRow, ...] = ()
    distillation: DistillationFacts | None = None
    quantization: QuantizationFacts | None = None
    datasheet_headlines: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = field(default_factory=training_environment)
