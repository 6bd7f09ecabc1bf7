"""The manifest: everything a bundle promises, as records, and their JSON form.

The `Contract` part is also kept in the ONNX file's metadata, so that a graph and the promise
made for it cannot part.
"""

from __future__ import annotations

import json
from enum import StrEnum
from functools import cache
from typing import Final, Literal, TypeAlias

from edgefair.bundle.trees import NO_RECORD, Read, reader_of, tree_of
from edgefair.errors import ContractMismatch
from edgefair.records import Confusion, Group, Interval
from edgefair.records.record import record

__all__ = [
    "CONTRACT_KEY",
    "FORMAT",
    "STEP_NAMES",
    "Accepts",
    "Calibration",
    "Contract",
    "FindingName",
    "Input",
    "Manifest",
    "Normalize",
    "OperatingPoint",
    "Outputs",
    "Part",
    "PreprocessingStep",
    "Reference",
    "ReferenceCell",
    "RepeatChannels",
    "ResizeArea",
    "ScoreHistogram",
    "Task",
    "Variant",
    "contract_to_json",
    "manifest_from_json",
    "manifest_to_json",
]

FORMAT: Final = 1
"""Version of the manifest's form; a reader refuses any other."""

_VALUES_LOOKED_THROUGH: Final = 10_000
"""Of a tree that is no manifest: in a larger one only its first fault is looked for."""
_FAULTS_TOLD: Final = 100

CONTRACT_KEY: Final = "edgefair.contract"
"""Key of the contract in the ONNX file's metadata."""


class Task(StrEnum):
    """What the logits mean."""

    BINARY = "binary"
    MULTI_LABEL = "multi_label"
    MULTI_CLASS = "multi_class"


@record(frozen=True, slots=True, kw_only=True)
class ResizeArea:
    """Stretch to a fixed size by averaging the area under each new pixel."""

    height_px: int
    width_px: int


@record(frozen=True, slots=True, kw_only=True)
class Normalize:
    """Subtract the mean and divide by the standard deviation, of intensities in [0, 1]."""

    mean: float
    std: float


@record(frozen=True, slots=True, kw_only=True)
class RepeatChannels:
    """Repeat the one grey channel, for a backbone that was trained on colour."""

    channels: int


PreprocessingStep: TypeAlias = ResizeArea | Normalize | RepeatChannels
"""The closed set of steps; a new kind of step is a new version of the format."""

STEP_NAMES: Final = {
    ResizeArea: "resize_area",
    Normalize: "normalize",
    RepeatChannels: "repeat_channels",
}
"""What the steps are called in the JSON."""


@record(frozen=True, slots=True, kw_only=True)
class Input:
    """The graph's one input: float32, shape (n, channels, height_px, width_px)."""

    name: str
    channels: int
    height_px: int
    width_px: int


@record(frozen=True, slots=True, kw_only=True)
class Outputs:
    """Names of the graph's three outputs and their sizes.

    Attributes
    ----------
    logits : str
        float32, shape (n, findings).
    embedding : str
        float32, shape (n, embedding_size).
    heat_map : str
        float32, shape (n, findings, heat_map_height, heat_map_width).
    """

    logits: str
    embedding: str
    embedding_size: int
    heat_map: str
    heat_map_height: int
    heat_map_width: int


@record(frozen=True, slots=True, kw_only=True)
class Contract:
    """What goes into the graph and what comes out."""

    name: str
    version: str
    task: Task
    findings: tuple[str, ...]
    input: Input
    preprocessing: tuple[PreprocessingStep, ...]
    outputs: Outputs


@record(frozen=True, slots=True, kw_only=True)
class Accepts:
    """Which images the model was made for; an empty tuple accepts any, a missing tag passes.

    Attributes
    ----------
    modalities : tuple of str
        DICOM Modality (0008,0060).
    body_parts : tuple of str
        DICOM Body Part Examined (0018,0015).
    min_side_px : int
        Shorter side below which an image is refused.
    """

    modalities: tuple[str, ...]
    body_parts: tuple[str, ...]
    min_side_px: int


@record(frozen=True, slots=True, kw_only=True)
class Calibration:
    """How one finding's logit becomes a probability.

    ``platt``: sigmoid(slope * logit + intercept), Platt (1999).
    ``temperature``: softmax(slope * logits), Guo et al. (2017); the intercept is 0.

    Attributes
    ----------
    fitted_on : str
        On which cases, in words.
    """

    finding: str
    method: Literal["platt", "temperature"]
    slope: float
    intercept: float
    fitted_on: str


@record(frozen=True, slots=True, kw_only=True)
class OperatingPoint:
    """The probability at which a finding is called positive, and what it was chosen for.

    Attributes
    ----------
    threshold : float
        In [0, 1]; at or above it the decision is positive.
    refer_half_width : float
        Probabilities closer than this to the threshold are referred: the compressed and the
        full-precision model may disagree there.
    chosen_for, chosen_on : str
        The aim, and the cases it was met on, in words.
    """

    name: str
    finding: str
    threshold: float
    refer_half_width: float
    chosen_for: str
    chosen_on: str


@record(frozen=True, slots=True, kw_only=True)
class ReferenceCell:
    """What the model did in one group before release: counts at the first operating point."""

    finding: str
    group: Group
    confusion: Confusion
    auroc: Interval | None


@record(frozen=True, slots=True, kw_only=True)
class ScoreHistogram:
    """Counts of calibrated probabilities in equal bins over [0, 1], by truth."""

    finding: str
    positives: tuple[int, ...]
    negatives: tuple[int, ...]


@record(frozen=True, slots=True, kw_only=True)
class Reference:
    """What was measured before release, for a clinic to compare itself with."""

    measured_on: str
    cells: tuple[ReferenceCell, ...]
    score_histograms: tuple[ScoreHistogram, ...]
    embedding_mean: tuple[float, ...]
    embedding_std: tuple[float, ...]


@record(frozen=True, slots=True, kw_only=True)
class Part:
    """One file inside the bundle.

    Attributes
    ----------
    path : str
        Name inside the archive, relative, with forward slashes.
    role : str
        ``model``, ``variant``, ``card``, ``recipe``, ``plan``, ``embedding_reference``,
        ``golden`` (the answers), ``golden_image``, ``licence``, ...
    """

    path: str
    role: str
    sha256: str
    size_bytes: int


@record(frozen=True, slots=True, kw_only=True)
class Variant:
    """What one kind of processor runs.

    Attributes
    ----------
    cpu : str
        ``exact``: sums of INT8 products are exact, e.g. by VNNI; ``saturating``: large ones are
        cut off, as with AVX2 alone.
    part : str
        Path of the part to load.
    x64_quant_precision : bool
        Whether onnxruntime is told to keep the sums exact, which is slower there.
    measured : str
        How it was found to answer on such a processor, in words.
    """

    cpu: Literal["exact", "saturating"]
    part: str
    x64_quant_precision: bool
    measured: str


@record(frozen=True, slots=True, kw_only=True)
class FindingName:
    """What a finding is called in one language.

    Attributes
    ----------
    language : str
        A BCP 47 tag, e.g. ``fr``.
    """

    finding: str
    language: str
    name: str


@record(frozen=True, slots=True, kw_only=True)
class Manifest:
    """Everything a bundle promises.

    Attributes
    ----------
    variants : tuple of Variant
        One for each kind of processor; empty in a bundle that tells them not apart.
    finding_names : tuple of FindingName
        What findings are called in other languages, as far as somebody said.
    sequence : int
        Rises with each bundle of this name; 0 where nobody signed and counted.
    expires : str
        Day after which the builder no longer stands for it, ISO 8601; empty for none.
    """

    format: int
    contract: Contract
    intended_use: str
    accepts: Accepts
    calibration: tuple[Calibration, ...]
    operating_points: tuple[OperatingPoint, ...]
    reference: Reference
    parts: tuple[Part, ...]
    variants: tuple[Variant, ...] = ()
    finding_names: tuple[FindingName, ...] = ()
    sequence: int = 0
    expires: str = ""

    @property
    def label(self) -> str:
        """Name and version, e.g. ``chest-xray 0.1.0``."""
        return f"{self.contract.name} {self.contract.version}"

    def calibration_of(self, finding: str) -> Calibration:
        """Return the calibration of one finding."""
        return next(c for c in self.calibration if c.finding == finding)

    def operating_points_of(self, finding: str) -> tuple[OperatingPoint, ...]:
        """Return the operating points of one finding, the default first."""
        return tuple(p for p in self.operating_points if p.finding == finding)


def manifest_to_json(manifest: Manifest) -> bytes:
    """Return the manifest as canonical UTF-8 JSON: sorted keys, no NaN, one final newline."""
    tree = tree_of(manifest, STEP_NAMES)
    for name in ("variants", "finding_names", "sequence", "expires"):
        if not tree[name]:
            del tree[name]  # older versions read such a bundle too
    text = json.dumps(tree, sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False)
    return (text + "\n").encode()


def contract_to_json(contract: Contract) -> str:
    """Return the contract as canonical JSON, as it stands in the ONNX metadata."""
    tree = tree_of(contract, STEP_NAMES)
    return json.dumps(tree, sort_keys=True, ensure_ascii=False, allow_nan=False)


def manifest_from_json(text: bytes) -> Manifest:
    """Return the manifest, or say every fault in it at once.

    Parameters
    ----------
    text : bytes
        UTF-8 JSON.

    Raises
    ------
    ContractMismatch
        If it is no JSON, of another format, or has missing, unknown or wrong fields; the
        message names each with its path.
    """
    try:
        tree = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ContractMismatch(
            f"The bundle's manifest is no JSON: {error}.", hint="Get the bundle again."
        ) from error
    found = tree.get("format") if isinstance(tree, dict) else None
    if found != FORMAT:
        raise ContractMismatch(
            f"The bundle's manifest has format {found!r}; this edgefair reads format {FORMAT}.",
            hint="Install the edgefair version that the bundle was made for.",
        )
    from edgefair.bundle.manifest_faults import faults_of

    manifest = _structured(tree)
    faults = faults_of(manifest)
    if faults:
        raise _mismatch(faults)
    return manifest


def _structured(tree: object) -> Manifest:
    try:
        manifest: Manifest = _reader()(tree)
    except NO_RECORD as first:
        if _count(tree) > _VALUES_LOOKED_THROUGH:  # a huge one, made to take long
            raise _mismatch([str(first) or type(first).__name__]) from None
        from edgefair.bundle.manifest_by_cattrs import manifest_by_cattrs

        slowly, faults = manifest_by_cattrs(tree)
        if slowly is None:
            raise _mismatch(faults) from None
        return slowly
    return manifest


@cache
def _reader() -> Read:
    return reader_of(Manifest, STEP_NAMES)


def _mismatch(faults: list[str]) -> ContractMismatch:
    more = f"; and {len(faults) - _FAULTS_TOLD} more" if len(faults) > _FAULTS_TOLD else ""
    return ContractMismatch(
        "The bundle's manifest does not hold: " + "; ".join(faults[:_FAULTS_TOLD]) + more + ".",
        hint="Get the bundle again, or ask its builder.",
    )


def _count(tree: object) -> int:
    """Return how many values a tree of JSON holds."""
    left, count = [tree], 0
    while left:
        value = left.pop()
        count += 1
        if isinstance(value, dict | list):
            left.extend(value.values() if isinstance(value, dict) else value)
    return count
