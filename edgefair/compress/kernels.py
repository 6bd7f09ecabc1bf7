"""Which kernels torch calculates with: the same on every processor that has AVX2.

Left to itself torch takes the widest instructions that a processor has, and each kind adds in
another order: a recipe trained on AVX-512 and on AVX2 gives two models, whose answers differ by
more than rounding, since training multiplies every difference. On an AMD EPYC with AVX-512 a
step of EfficientNet-Lite0 takes as long with either (3.3 and 3.4 s of processor time, 32 images
of 256 x 256).
"""

from __future__ import annotations

from collections.abc import MutableMapping
from pathlib import Path
from typing import Final

__all__ = ["pin_kernels"]

_AVX2: Final = {
    "ATEN_CPU_CAPABILITY": "avx2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "MKL_CBWR": "AVX2",
}


def pin_kernels(
    environment: MutableMapping[str, str], cpuinfo: Path = Path("/proc/cpuinfo")
) -> None:
    """Ask torch, oneDNN and MKL for their AVX2 kernels, where the processor is known to have it.

    They read the environment when they are first imported. What somebody has set stays.

    Parameters
    ----------
    environment : mapping of str to str
        Changed in place.
    cpuinfo : Path
        What Linux says of the processor; where there is none, nothing is asked for, since torch
        takes the word for it and would stop on an instruction that is not there.

    Examples
    --------
    >>> found = {"ATEN_CPU_CAPABILITY": "avx512"}
    >>> pin_kernels(found, Path("no such file"))
    >>> found
    {'ATEN_CPU_CAPABILITY': 'avx512'}
    """
    try:
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return
    flags = next((line for line in lines if line.startswith("flags")), "")
    if "avx2" in flags.split():
        for name, value in _AVX2.items():
            environment.setdefault(name, value)
