"""`edgefair demo`: finds the disparity that was hidden, and none where none was."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from edgefair.records import VerdictKind


def demo(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    code = "from edgefair.cli.main import main; main()"
    command = [sys.executable, "-c", code, "demo", "--folder", str(folder), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def harmed(folder: Path) -> set[tuple[str, str]]:
    """Return (group, metric) of every cell of the demo's ledger in which harm is shown."""
    code = "from edgefair.cli.main import main; main()"
    command = [sys.executable, "-c", code, "audit", "--ledger", str(folder / "clinic.ledger")]
    done = subprocess.run([*command, "--json"], capture_output=True, text=True, check=True)
    return {
        (
            " ".join(f"{a['name']}={a['value']}" for a in cell["group"]["attributes"]),
            cell["metric"],
        )
        for cell in json.loads(done.stdout)["result"]["by_group"]
        if cell["verdict"] and cell["verdict"]["kind"] == VerdictKind.HARM_SHOWN
    }


def test_the_hidden_disparity_is_found_and_reported(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    done = demo(folder)

    assert done.returncode == 0, done.stderr
    assert "HARM SHOWN" in done.stdout
    assert done.stdout.rstrip().endswith(str(folder / "report.html"))
    assert (folder / "report.html").stat().st_size > 10_000
    assert harmed(folder) == {("sex=F", "false_negative_rate")}


def test_where_nothing_is_hidden_no_harm_is_shown(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    done = demo(folder, "--plant", "none")

    assert done.returncode == 0, done.stderr
    assert harmed(folder) == set()


@pytest.mark.parametrize("plant", ["sex=X:0.5", "sex", "sex=F:2"])
def test_a_disparity_that_cannot_be_planted_is_told(tmp_path: Path, plant: str) -> None:
    done = demo(tmp_path / "demo", "--plant", plant)

    assert done.returncode == 3
    assert "hint:" in done.stderr
    assert not (tmp_path / "demo").exists()
