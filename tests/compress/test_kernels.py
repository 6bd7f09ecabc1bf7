"""Kernels: AVX2 where there is AVX2, and what the user wants where the user has said so."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from edgefair.compress.kernels import pin_kernels

LONGER = "processor\t: 0\nmodel name\t: Some Core\nflags\t\t: fpu sse4_2 avx avx2 avx512f\n"
OLDER = "processor\t: 0\nflags\t\t: fpu sse4_2 avx\n"


@pytest.fixture
def cpuinfo(tmp_path: Path) -> Path:
    path = tmp_path / "cpuinfo"
    path.write_text(LONGER)
    return path


def test_a_processor_with_more_than_avx2_is_asked_for_avx2(cpuinfo: Path) -> None:
    environment: dict[str, str] = {}

    pin_kernels(environment, cpuinfo)

    assert environment == {
        "ATEN_CPU_CAPABILITY": "avx2",
        "ONEDNN_MAX_CPU_ISA": "AVX2",
        "MKL_CBWR": "AVX2",
    }


def test_a_processor_without_avx2_is_asked_for_nothing(cpuinfo: Path) -> None:
    cpuinfo.write_text(OLDER)
    environment: dict[str, str] = {}

    pin_kernels(environment, cpuinfo)

    assert environment == {}


def test_what_the_user_has_set_stays(cpuinfo: Path) -> None:
    environment = {"ATEN_CPU_CAPABILITY": "avx512", "MKL_CBWR": "AUTO"}

    pin_kernels(environment, cpuinfo)

    assert environment["ATEN_CPU_CAPABILITY"] == "avx512"
    assert environment["MKL_CBWR"] == "AUTO"


def test_torch_calculates_with_avx2_once_the_offline_side_is_imported() -> None:
    flags = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").is_file() else ""
    if " avx2" not in flags:
        pytest.skip("this processor has no AVX2")
    program = "import edgefair.compress, torch; print(torch.backends.cpu.get_cpu_capability())"
    clean = {name: value for name, value in os.environ.items() if name != "ATEN_CPU_CAPABILITY"}

    said = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env=clean
    )

    assert said.stdout.strip() == "AVX2"
