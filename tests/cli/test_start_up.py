"""Starting up: help is quick because it imports nothing heavy."""

import subprocess
import sys

import pytest

HEAVY = ("sklearn", "scipy", "onnx", "onnxruntime", "cv2", "pydicom", "numpy", "torch", "pandas")

PROBE = """
import sys
from edgefair.cli.main import main
try:
    main(sys.argv[1:])
except SystemExit as left:
    print("LEFT", left.code)
print("LOADED", *sorted({name.partition(".")[0] for name in sys.modules}))
"""


def loaded_after(*arguments: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *arguments], capture_output=True, text=True, check=True
    )
    assert "LEFT 0" in done.stdout
    return set(done.stdout.rpartition("LOADED")[2].split())


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--version"],
        ["predict", "-h"],
        ["audit", "-h"],
        ["outcomes", "-h"],
        ["recheck", "-h"],
        ["plan", "-h"],
        ["ledger", "-h"],
        ["model", "-h"],
        ["compress", "-h"],
        ["phantom", "-h"],
        ["demo", "-h"],
        ["doctor", "-h"],
        ["propose", "-h"],
        ["plan", "adopt", "-h"],
    ],
    ids=" ".join,
)
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    assert loaded_after(*arguments).isdisjoint(HEAVY)


def test_importing_the_package_imports_nothing_heavy() -> None:
    code = "import sys, edgefair; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert set(done.stdout.split()).isdisjoint(HEAVY)


def test_prediction_imports_no_statistics_package_and_no_onnx() -> None:
    code = (
        "import sys, edgefair; edgefair.load('phantom'); "
        "print(*{m.partition('.')[0] for m in sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert set(done.stdout.split()).isdisjoint({"sklearn", "scipy", "pandas", "onnx", "torch"})


def test_a_bundle_that_holds_is_read_without_the_library_that_tells_its_faults() -> None:
    code = "import sys, edgefair; edgefair.load('phantom'); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert "cattrs" not in done.stdout.split()


def test_what_reads_images_is_at_hand_once_a_model_is_loaded() -> None:
    code = "import sys, edgefair; edgefair.load('phantom'); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert {"edgefair.runtime.worker", "cv2"} <= set(done.stdout.split())


def test_one_image_is_read_without_a_pool_of_threads_and_without_what_audits_say() -> None:
    code = (
        "import sys, numpy, edgefair; "
        "[found] = edgefair.load('phantom', threads=2).predict(numpy.eye(256, dtype='uint8')); "
        "print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    unwanted = {
        "concurrent.futures.thread",
        "edgefair.records.audits",
        "edgefair.records.outcomes",
    }

    assert set(done.stdout.split()).isdisjoint(unwanted)
