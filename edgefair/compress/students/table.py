"""How fast, how large and how hungry each student is on this machine, in full precision and INT8.

Weights are random and so are the images: time, size and memory do not depend on them. How well a
student answers is not asked here.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.flop_counter import FlopCounterMode

from edgefair.bundle.archive import Bundle, PartContent
from edgefair.bundle.manifest import (
    FORMAT,
    Accepts,
    Contract,
    Input,
    Manifest,
    Normalize,
    Outputs,
    Reference,
    ResizeArea,
    Task,
)
from edgefair.compress.export import export_onnx
from edgefair.compress.quantization.quantize import quantize_onnx
from edgefair.compress.students.build import build_backbone
from edgefair.compress.students.network import Network
from edgefair.runtime.session import Session

__all__ = [
    "Conditions",
    "StudentRow",
    "exported",
    "in_words",
    "macs_of",
    "measure_students",
    "session_of",
]

ROUNDS: Final = 15
_IN_A_ROW: Final = 3
_CALIBRATION_IMAGES: Final = 8
LITTLE: Final = 1.5
"""INT8 that is less than this much faster is not worth what it costs in exactness."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """What is measured under.

    Attributes
    ----------
    side_px : int
        Height and width of the image.
    threads : int
        Inside one call of the session.
    rounds : int
        Each student takes its turn once a round.
    seed : int
        Of the weights and images.
    """

    side_px: int = 224
    threads: int = 1
    rounds: int = ROUNDS
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class StudentRow:
    """One student, with a classifier for one finding.

    Attributes
    ----------
    parameters : int
    macs : int
        Multiplications of one image in convolutions and matrix products.
    full_precision_ms, int8_ms : float
        Median of one image through the session.
    full_precision_bytes, int8_bytes : int
        Of the ONNX file.
    full_precision_peak_bytes, int8_peak_bytes : int or None
        Most memory a fresh process held while it loaded the model and read images, above what it
        held before; None where the system does not tell.
    """

    name: str
    parameters: int
    macs: int
    full_precision_ms: float
    int8_ms: float
    full_precision_bytes: int
    int8_bytes: int
    full_precision_peak_bytes: int | None
    int8_peak_bytes: int | None

    @property
    def speedup(self) -> float:
        """How many times as long full precision takes."""
        return self.full_precision_ms / self.int8_ms


def measure_students(
    names: tuple[str, ...],
    conditions: Conditions,
    *,
    progress: Callable[[str, int, int], None] = lambda *_: None,
) -> tuple[StudentRow, ...]:
    """Return one row for each student, in the order of the names.

    Times are taken in rounds, all students in turn, so that what else the machine does falls on
    all of them alike; a row's time is the median.

    Parameters
    ----------
    names : tuple of str
        As `build_backbone` knows them.
    conditions : Conditions
    progress : callable, optional
        Called with the stage, how much of it is done, and how much there is.

    Raises
    ------
    InputError
        If a student's package is not installed.
    UnsafeModel
        If a student uses an operator that bundles may not.
    """
    prepared = []
    for done, name in enumerate(names):
        progress("building students", done, len(names))
        prepared.append(_prepare(name, conditions))
    progress("building students", len(names), len(names))
    sessions = [
        session_of(form, student.contract, conditions)
        for student in prepared
        for form in (student.full_precision, student.int8)
    ]
    times_ms = _take_turns(sessions, conditions, progress)
    del sessions
    peaks = [
        _peak_bytes(form, conditions)
        for student in prepared
        for form in (student.full_precision, student.int8)
    ]
    return tuple(
        StudentRow(
            name=student.name,
            parameters=student.parameters,
            macs=student.macs,
            full_precision_ms=times_ms[2 * place],
            int8_ms=times_ms[2 * place + 1],
            full_precision_bytes=len(student.full_precision),
            int8_bytes=len(student.int8),
            full_precision_peak_bytes=peaks[2 * place],
            int8_peak_bytes=peaks[2 * place + 1],
        )
        for place, student in enumerate(prepared)
    )


def in_words(rows: tuple[StudentRow, ...]) -> tuple[str, ...]:
    """Return a sentence on each student that INT8 does little for.

    Examples
    --------
    >>> row = StudentRow(
    ...     name="slow", parameters=1, macs=1, full_precision_ms=4.0, int8_ms=5.0,
    ...     full_precision_bytes=4, int8_bytes=1, full_precision_peak_bytes=None,
    ...     int8_peak_bytes=None,
    ... )
    >>> in_words((row,))
    ('slow is slower in INT8 on this machine (5.0 ms) than in full precision (4.0 ms).',)
    """
    sentences = []
    for row in rows:
        times = f"{row.int8_ms:.1f} ms", f"{row.full_precision_ms:.1f} ms"
        if row.speedup < 1:
            sentences.append(
                f"{row.name} is slower in INT8 on this machine ({times[0]}) than in full "
                f"precision ({times[1]})."
            )
        elif row.speedup < LITTLE:
            sentences.append(
                f"{row.name} gains little by INT8 on this machine: {times[0]} after {times[1]}."
            )
    return tuple(sentences)


def macs_of(network: Network, side_px: int) -> int:
    """Return the multiplications of one image in convolutions and matrix products.

    Parameters
    ----------
    network : Network
    side_px : int
        Height and width of the image.
    """
    # a multiplication and the addition behind it are two operations there
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network.eval()(torch.zeros(1, 1, side_px, side_px))
    return int(counter.get_total_flops()) // 2


@dataclass(frozen=True, slots=True, kw_only=True)
class _Prepared:
    """A student in its two forms."""

    name: str
    parameters: int
    macs: int
    contract: Contract
    full_precision: bytes
    int8: bytes


def _prepare(name: str, conditions: Conditions) -> _Prepared:
    torch.manual_seed(conditions.seed)
    backbone = build_backbone(name, side_px=conditions.side_px)
    network = Network(backbone, 1, dropout=0.0).eval()
    full_precision, contract = exported(name, network, conditions)
    images = _images(conditions, _CALIBRATION_IMAGES)
    return _Prepared(
        name=name,
        parameters=sum(parameter.numel() for parameter in network.parameters()),
        macs=macs_of(network, conditions.side_px),
        contract=contract,
        full_precision=full_precision,
        int8=quantize_onnx(full_precision, contract, [image[np.newaxis] for image in images]),
    )


def exported(name: str, network: Network, conditions: Conditions) -> tuple[bytes, Contract]:
    """Return a network as float32 ONNX, and the contract that it carries.

    Parameters
    ----------
    name : str
        Goes into the contract.
    network : Network
    conditions : Conditions
    """
    contract = _contract(name, network, conditions.side_px)
    return export_onnx(network, contract), contract


def _images(conditions: Conditions, count: int) -> NDArray[np.float32]:
    rng = np.random.default_rng(conditions.seed)
    shape = (count, 1, conditions.side_px, conditions.side_px)
    return rng.standard_normal(shape, dtype=np.float32)


def _contract(name: str, network: Network, side_px: int) -> Contract:
    map_side = side_px // network.backbone.stride
    return Contract(
        name=name,
        version="0.0.0",
        task=Task.BINARY,
        findings=tuple(f"finding {place}" for place in range(network.classifier.out_channels)),
        input=Input(name="image", channels=1, height_px=side_px, width_px=side_px),
        preprocessing=(
            ResizeArea(height_px=side_px, width_px=side_px),
            Normalize(mean=0.5, std=0.25),
        ),
        outputs=Outputs(
            logits="logits",
            embedding="embedding",
            embedding_size=network.backbone.feature_size,
            heat_map="heat_map",
            heat_map_height=map_side,
            heat_map_width=map_side,
        ),
    )


def session_of(model: bytes, contract: Contract, conditions: Conditions) -> Session:
    """Return a model loaded under the same checks as a clinic's.

    Parameters
    ----------
    model : bytes
        From `exported`, or INT8 made of it.
    contract : Contract
    conditions : Conditions
    """
    manifest = Manifest(
        format=FORMAT,
        contract=contract,
        intended_use="",
        accepts=Accepts(modalities=(), body_parts=(), min_side_px=1),
        calibration=(),
        operating_points=(),
        reference=Reference(
            measured_on="", cells=(), score_histograms=(), embedding_mean=(), embedding_std=()
        ),
        parts=(),
    )
    part = PartContent(path="model.onnx", role="model", content=model)
    return Session(Bundle(manifest=manifest, digest="", parts=(part,)), threads=conditions.threads)


def _take_turns(
    sessions: list[Session], conditions: Conditions, progress: Callable[[str, int, int], None]
) -> list[float]:
    """Return each session's median time of one image, in milliseconds."""
    (image,) = _images(conditions, 1)
    times_s: list[list[float]] = [[] for _ in sessions]
    for done in range(conditions.rounds):
        progress("taking times", done, conditions.rounds)
        for session, taken in zip(sessions, times_s, strict=True):
            # the first finds its weights gone from the caches, as no second image would
            session.run(image[np.newaxis])
            for _ in range(_IN_A_ROW):
                started = time.perf_counter()
                session.run(image[np.newaxis])
                taken.append(time.perf_counter() - started)
    progress("taking times", conditions.rounds, conditions.rounds)
    return [1000 * median(taken) for taken in times_s]


_WATCHED: Final = """
import json, os, sys
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
import numpy as np
import onnxruntime

def held_kb(name):
    with open("/proc/self/status") as file:
        return next((int(line.split()[1]) for line in file if line.startswith(name)), 0)

path, side_px, threads = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
try:
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")  # forget the most that was held so far
    before = held_kb("VmRSS")
except OSError:
    before = None
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = threads
options.inter_op_num_threads = 1
session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
for _ in range(3):
    session.run(None, {"image": np.zeros((1, 1, side_px, side_px), dtype=np.float32)})
print(json.dumps(None if before is None else 1024 * (held_kb("VmHWM") - before)))
"""
"""Loads a model and reads three images; nothing else of edgefair is in the process."""


def _peak_bytes(model: bytes, conditions: Conditions) -> int | None:
    with _as_file(model) as path:
        numbers = (str(conditions.side_px), str(conditions.threads))
        run = subprocess.run(  # noqa: S603 - our own script, our own file
            [sys.executable, "-c", _WATCHED, str(path), *numbers],
            check=True,
            capture_output=True,
            text=True,
        )
    peak = json.loads(run.stdout)
    return None if peak is None else int(peak)


@contextmanager
def _as_file(model: bytes) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="edgefair-") as folder:
        path = Path(folder, "model.onnx")
        path.write_bytes(model)
        yield path
