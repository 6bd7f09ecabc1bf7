"""One at a time, also when the one before was killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from edgefair.bundle.locking import exclusive
from edgefair.errors import EdgefairError

HOLDER = """
import sys, time
from pathlib import Path
from edgefair.bundle.locking import exclusive
with exclusive(Path(sys.argv[1]), what="the models"):
    print("held", flush=True)
    time.sleep(60)
"""


def holder(path: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", HOLDER, str(path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdout.readline() == "held\n"
    return process


def test_the_second_one_waits_and_then_says_why_it_stops(tmp_path: Path) -> None:
    path = tmp_path / "models.lock"
    with holder(path) as process:
        began = time.monotonic()
        with (
            pytest.raises(EdgefairError, match="Another edgefair is changing the models"),
            exclusive(path, what="the models", wait_s=0.3),
        ):
            pass
        waited = time.monotonic() - began
        process.kill()

    assert waited >= 0.3


def test_what_is_given_back_while_waiting_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "models.lock"
    with holder(path) as process:
        threading.Timer(0.2, process.terminate).start()
        began = time.monotonic()
        with exclusive(path, what="the models", wait_s=20):
            waited = time.monotonic() - began

    assert 0.1 < waited < 20


@pytest.mark.skipif(os.name == "nt", reason="there is no kill -9 there")
def test_a_killed_process_keeps_no_lock(tmp_path: Path) -> None:
    path = tmp_path / "models.lock"
    with holder(path) as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
    with exclusive(path, what="the models", wait_s=0):
        taken = path.exists()

    assert taken
