"""How the process ends: at once, with its exit code, and nothing that was printed lost."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

BEFORE = {
    "nothing": "",
    "what is due at exit": "import atexit; atexit.register(print, 'was due')\n",
    "a thread at work": """
import threading, time
def work():
    time.sleep(0.3)
    print("worked on")
threading.Thread(target=work).start()
""",
}


def ended(before: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    code = f"{BEFORE[before]}from edgefair.cli.main import run; run()"
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(("arguments", "code"), [(["--version"], 0), (["audit"], 2)])
def test_the_process_ends_with_the_commands_exit_code(arguments: list[str], code: int) -> None:
    assert ended("nothing", *arguments).returncode == code


def test_all_that_was_printed_comes_through_a_pipe() -> None:
    shown = ended("nothing", "model", "show", "chest-xray", "--json")

    assert shown.returncode == 0
    assert shown.stdout.rstrip().endswith("}")
    assert len(shown.stdout) > 1 << 16  # what a pipe holds


@pytest.mark.parametrize(
    ("before", "said"), [("what is due at exit", "was due"), ("a thread at work", "worked on")]
)
def test_nothing_that_is_due_is_cut_off(before: str, said: str) -> None:
    done = ended(before, "--version")

    assert done.returncode == 0
    assert said in done.stdout


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device here that is always full")
def test_output_that_could_not_be_written_is_no_success() -> None:
    code = "from edgefair.cli.main import run; run()"
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-c", code, "--version"],
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )

    assert done.returncode != 0
    assert b"No space left" in done.stderr
