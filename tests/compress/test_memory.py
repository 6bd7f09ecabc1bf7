"""Memory: a large block that was freed is there for the next that asks."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

PROGRAM = """
import resource
import sys

import numpy as np

from edgefair.compress.memory import keep_freed_memory

if sys.argv[1] == "kept":
    assert keep_freed_memory()
for block in range(21):
    if block == 1:
        first = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    np.ones(16_000_000)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - first)
"""


def test_where_freed_memory_is_kept_the_kernel_hardly_maps_any_page_twice() -> None:
    if platform.libc_ver()[0] != "glibc":
        pytest.skip("only glibc can be told to keep what is freed")
    given_back, kept = (_faults(way) for way in ("given back", "kept"))

    assert kept < given_back / 10


def _faults(way: str) -> int:
    said = subprocess.run(
        [sys.executable, "-c", PROGRAM, way], capture_output=True, text=True, check=True
    )
    return int(said.stdout)
