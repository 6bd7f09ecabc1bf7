"""The same bundle on processors without VNNI, which qemu stands in for.

    python -m tests.benchmarks.other_cpus [--model chest-xray] [--images 4]

Each row is one processor and one way to run: whether its INT8 sums saturate, how far the logits
are from this machine's, and whether they are the same bits. The first rows run the bundle's model
as it is; then with exact sums; then in float; then as `Session` chooses by itself; the last a
small network with 7-bit weights. Without ``qemu-x86_64`` (package qemu-user, 7.2 or later) only
this machine runs.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from torch import nn

from edgefair.bundle.archive import read_bundle
from edgefair.bundle.shelf import find_bundle
from edgefair.compress.data.pictures import prepared
from edgefair.compress.quantization.forms import PLAIN, Form
from edgefair.compress.quantization.quantize import quantize_onnx
from edgefair.phantom.clinic import Clinic
from edgefair.phantom.folder import write_clinic
from tests.compress.quantization.conftest import exported

CPUS = ("Haswell", "Skylake-Server", "Nehalem")
REAL_IMAGES = Path(__file__).resolve().parents[3] / "shared" / "data" / "nih1000" / "images"

# runs under qemu: nothing but what a clinic has
CHILD = """
import json, sys
import numpy as np
from pathlib import Path
from edgefair.bundle.archive import read_bundle
from edgefair.runtime.engine import open_engine
from edgefair.runtime.saturation import saturates
from edgefair.runtime.session import Session

found = {"saturates": saturates()}
folder, bundle = Path(sys.argv[1]), read_bundle(Path(sys.argv[2]))
batch = np.load(folder / "batch.npy")
def logits(model, batch, precise=False, in_float=False):
    engine = open_engine(model, threads=1, x64_quant_precision=precise, in_float=in_float)
    given = engine.get_inputs()[0].name
    return [engine.run(["logits"], {given: image[None]})[0].tolist() for image in batch]
model = bundle.content("model")
found["as it is"] = logits(model, batch)
found["x64quantprecision"] = logits(model, batch, precise=True)
found["in float"] = logits(model, batch, in_float=True)
session = Session(bundle, threads=1)
found["chosen"] = [session.run(image[None]).logits.tolist() for image in batch]
found["variant"] = session.engine
tiny = np.load(folder / "tiny.npy")
for form in ("8-bit weights", "7-bit weights"):
    found["small network, " + form] = logits((folder / f"{form}.onnx").read_bytes(), tiny)
print(json.dumps(found))
"""


def main() -> None:
    """Run everywhere and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="chest-xray")
    parser.add_argument("--images", type=int, default=4)
    asked = parser.parse_args()
    bundle = find_bundle(asked.model)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = _write_inputs(folder, bundle, asked.images)
        here = _run((), folder, bundle)
        print(f"{asked.model}, {asked.images} images of {source}; logits against this machine's")
        _print_row("processor", "saturates", "way", "largest difference", "same bits")
        _print_rows("this machine", here, here)
        if shutil.which("qemu-x86_64") is None:
            print("qemu-x86_64 is not installed: no other processor was tried.")
            return
        for cpu in CPUS:
            _print_rows(cpu, _run(("qemu-x86_64", "-cpu", cpu), folder, bundle), here)


def _write_inputs(folder: Path, bundle: Path, count: int) -> str:
    manifest = read_bundle(bundle).manifest
    source, images = "NIH ChestX-ray14", sorted(REAL_IMAGES.glob("*.jpg"))
    if not images:
        source, clinic = "phantoms", Clinic(seed=0, count=count, size_px=256, prevalence=0.5)
        write_clinic(clinic, folder / "clinic")
        images = sorted((folder / "clinic").rglob("*.png"))
    chosen = tuple(images[:count])
    batches = prepared(chosen, manifest.accepts, manifest.contract)
    np.save(folder / "batch.npy", np.concatenate(list(batches)))
    tiny = exported(nn.ReLU)
    np.save(folder / "tiny.npy", tiny.images[:count])
    for name, form in (("8-bit weights", PLAIN), ("7-bit weights", Form(reduced_range=True))):
        (folder / f"{name}.onnx").write_bytes(
            quantize_onnx(tiny.model, tiny.contract, [tiny.images], form)
        )
    return source


def _run(emulator: tuple[str, ...], folder: Path, bundle: Path) -> dict[str, object]:
    command = [*emulator, sys.executable, "-c", CHILD, str(folder), str(bundle)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return found


def _print_rows(cpu: str, found: dict[str, object], here: dict[str, object]) -> None:
    saturates = "yes" if found["saturates"] else "no"
    for way, logits in found.items():
        if way in ("saturates", "variant"):
            continue
        gap = np.abs(np.array(logits) - np.array(here[way])).max()
        told = f"chosen: {found['variant']}" if way == "chosen" else way
        _print_row(cpu, saturates, told, f"{gap:.5f}", "yes" if logits == here[way] else "no")


def _print_row(*cells: str) -> None:
    widths = (14, 9, 28, 18, 9)
    print("  ".join(f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True)))


if __name__ == "__main__":
    main()
