"""Cold starts and peak memory, each against what it cannot avoid."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from edgefair.bundle.archive import read_bundle
from edgefair.bundle.shelf import find_bundle
from tests.benchmarks.images import make_images

__all__ = ["start_up_rows"]

# what reading one DICOM file cannot do without, and the session's load; {} is what its form needs
BARE = """
import sys, click, numpy, cv2, os, {}
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
import onnxruntime
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
onnxruntime.InferenceSession(sys.argv[1], options, providers=["CPUExecutionProvider"])
"""
RUN = "from edgefair.cli.main import run; run()"
WATCH = """
import os, subprocess, sys
quiet = subprocess.DEVNULL
child = subprocess.Popen(sys.argv[1:], stdout=quiet, stderr=quiet)
_, status, used = os.wait4(child.pid, 0)
print(used.ru_maxrss)
sys.exit(status)
"""
MANY = 1000


def start_up_rows(model: str, folder: Path, *, rounds: int) -> list[tuple[str, ...]]:
    """Return the rows of the table: what, measured, against, ratio, bar."""
    (plain,) = make_images(folder, "dicom_2048", 1)
    (compressed,) = make_images(folder, "jpeg2000_2048", 1)
    graph = folder / "model.onnx"
    graph.write_bytes(read_bundle(find_bundle(model)).content("model"))
    cold, packed, bare, bare_pillow, bare_pydicom, shown, nothing = _taking_turns(
        folder,
        rounds,
        ("-c", RUN, "predict", str(plain), "-m", model),
        ("-c", RUN, "predict", str(compressed), "-m", model),
        ("-c", BARE.format("xxhash"), str(graph)),
        ("-c", BARE.format("PIL.Jpeg2KImagePlugin"), str(graph)),
        ("-c", BARE.format("pydicom"), str(graph)),
        ("-c", RUN, "--help"),
        ("-c", "pass"),
    )
    peak_mb = _peak_memory_mb(model, folder)
    return [
        _row("uncompressed DICOM, cold", cold, "bare imports and session", bare, "1.3"),
        _row("JPEG 2000 DICOM, cold", packed, "the same and Pillow", bare_pillow, "1.3"),
        _row("uncompressed DICOM, cold", cold, "the same and pydicom", bare_pydicom, ""),
        _row("--help", shown, "python -c pass", nothing, "6"),
        (f"{MANY} images of 2048 px", f"{peak_mb:.0f} MB", "", "", "350 MB"),
    ]


def _row(what: str, took: float, against: str, base: float, bar: str) -> tuple[str, ...]:
    return (
        what,
        f"{1000 * took:.0f} ms",
        f"{against} {1000 * base:.0f} ms",
        f"{took / base:.2f}",
        bar,
    )


def _taking_turns(folder: Path, rounds: int, *commands: Sequence[str]) -> list[float]:
    # an installed package has its bytecode, a checkout need not: here both get it, once
    environment = os.environ | {"PYTHONPYCACHEPREFIX": str(folder / "bytecode")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    taken: list[list[float]] = [[] for _ in commands]
    for _ in range(1 + rounds):
        for times, command in zip(taken, commands, strict=True):
            began = time.perf_counter()
            subprocess.run(
                [sys.executable, *command], check=True, capture_output=True, env=environment
            )
            times.append(time.perf_counter() - began)
    return [statistics.median(times[1:]) for times in taken]


def _peak_memory_mb(model: str, folder: Path) -> float:
    """Return the peak resident size of reading a folder of many large images of every form."""
    many = folder / "many"
    many.mkdir(exist_ok=True)
    forms = ("dicom_2048", "jpeg2000_2048", "jpegls_2048", "png_2048")
    sources = [path for form in forms for path in make_images(folder, form, 5)]
    for number in range(MANY):
        source = sources[number % len(sources)]
        link = many / f"{number:04d}{source.suffix}"
        if not link.exists():
            os.link(source, link)
    # Linux counts what a child was forked from as its own memory: so this process, which has
    # everything loaded, starts a small one that starts the one to be measured
    command = [sys.executable, "-c", RUN, "predict", str(many), "-m", model, "--jsonl"]
    done = subprocess.run(
        [sys.executable, "-c", WATCH, *command], check=True, capture_output=True, text=True
    )
    return int(done.stdout) / 1000
