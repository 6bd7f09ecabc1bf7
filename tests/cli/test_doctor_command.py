"""`edgefair doctor`, as its user runs it."""

import json
import subprocess
import sys
from pathlib import Path

from edgefair.ledger import Ledger


def doctor(*arguments: str) -> subprocess.CompletedProcess[str]:
    code = "from edgefair.cli.main import main; main()"
    command = [sys.executable, "-c", code, "doctor", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_fit_computer_is_told_so_first_with_every_check_below(tmp_path: Path) -> None:
    ledger = tmp_path / "clinic.ledger"
    Ledger.open(ledger, create=True).close()
    done = doctor("-m", "phantom", "--ledger", str(ledger))

    assert done.returncode == 0, done.stdout
    assert done.stdout.startswith("Fit: edgefair can work on this computer.")
    names = ("processor", "memory", "system", "versions", "disk", "clock", "ledger", "bundle")
    more = ("signature", "INT8 sums", "engine", "answers", "telemetry", "network")
    assert all(f" {name} " in done.stdout for name in (*names, *more))
    assert "every page and row as it was written, 0 predictions" in " ".join(done.stdout.split())


def test_json_has_every_check_with_its_result() -> None:
    done = doctor("-m", "phantom", "--json")
    told = json.loads(done.stdout)

    assert (told["format"], told["passed"], told["exit_code"]) == (1, True, 0)
    results = {check["name"]: check["result"] for check in told["checks"]}
    assert (results["answers"], results["ledger"]) == ("ok", "not_checked")
    assert set(told["checks"][0]) == {"area", "name", "result", "sentence", "hint"}


def test_a_model_that_is_no_bundle_leaves_with_4(tmp_path: Path) -> None:
    path = tmp_path / "no.efb"
    path.write_bytes(b"nothing")
    done = doctor("-m", str(path))

    assert done.returncode == 4
    assert done.stdout.startswith("NOT FIT: bundle failed.")
    assert "FAILED   bundle" in done.stdout


def test_a_ledger_that_is_none_leaves_with_5(tmp_path: Path) -> None:
    path = tmp_path / "no.ledger"
    path.write_bytes(b"nothing")
    done = doctor("-m", "phantom", "--ledger", str(path))

    assert done.returncode == 5
    assert path.read_bytes() == b"nothing"


def test_help_shows_examples_and_exit_codes() -> None:
    told = doctor("-h").stdout

    assert "edgefair doctor --ledger clinic.ledger" in told
    assert "Exit code 0 where nothing failed" in told
