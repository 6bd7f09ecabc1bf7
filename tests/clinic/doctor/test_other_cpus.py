"""The doctor on processors that qemu stands in for: what it says, and that the answers hold."""

import json
import shutil
import subprocess
import sys
from typing import Any

import pytest

pytestmark = pytest.mark.skipif(
    shutil.which("qemu-x86_64") is None, reason="qemu-x86_64 (package qemu-user) is not installed"
)

CHILD = """
import json
import sys
from edgefair.bundle.archive import read_bundle
from edgefair.bundle.shelf import find_bundle
from edgefair.clinic.doctor.model import check_answers, examine_model
from edgefair.runtime.pipeline import Model
from edgefair.runtime.variants import every_way
model = sys.argv[1]
bundle = read_bundle(find_bundle(model))
told = {check.name: [check.result, check.sentence] for check in examine_model(model)}
for way in every_way(bundle):
    told[way.engine] = check_answers(bundle, Model(bundle, threads=1, way=way)).result
print(json.dumps(told))
"""


def told_by(cpu: str, model: str) -> dict[str, Any]:
    done = subprocess.run(
        ["qemu-x86_64", "-cpu", cpu, sys.executable, "-c", CHILD, model],
        capture_output=True,
        text=True,
        check=True,
    )
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def test_with_avx2_and_no_vnni_the_doctor_finds_the_sums_cut_off_and_the_model_right() -> None:
    told = told_by("Haswell", "chest-xray")

    assert "Cut off on this processor: 524,272 in place of 1,036,320" in told["INT8 sums"][1]
    assert "Runs as int8 x64quantprecision" in told["engine"][1]
    assert told["answers"][0] == "ok"
    # what would have happened, and what would be fallen back to
    assert told["int8"] == "failed"
    assert told["int8 in float"] == "ok"


def test_with_sse42_alone_the_sums_are_exact_and_the_answers_within_the_tolerance() -> None:
    told = told_by("Nehalem", "phantom")

    assert "Exact on this processor" in told["INT8 sums"][1]
    assert "Runs as int8," in told["engine"][1]
    assert told["answers"][0] == "ok"
