"""Telemetry and sockets: quiet here, and noticed where a test breaks the quiet."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from edgefair.clinic.doctor.checks import Result
from edgefair.clinic.doctor.privacy import check_sockets, check_telemetry, listening_ports

TELEMETRY = """
import sys
if sys.argv[1] == "onnxruntime first":
    import onnxruntime
from pathlib import Path
from edgefair.clinic.doctor.privacy import check_telemetry
print(check_telemetry(Path(sys.argv[2])).result)
"""

needs_proc = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")


def told(order: str, folder: Path) -> str:
    environment = {k: v for k, v in os.environ.items() if k not in ("ORT_DISABLE_TELEMETRY", "CI")}
    done = subprocess.run(
        [sys.executable, "-c", TELEMETRY, order, str(folder)],
        env=environment | {"HOME": str(folder), "XDG_CACHE_HOME": str(folder / "cache")},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_telemetry_is_off_whatever_the_environment_said(tmp_path: Path) -> None:
    assert told("edgefair first", tmp_path) == "ok"


def test_onnxruntime_loaded_before_its_telemetry_was_off_fails(tmp_path: Path) -> None:
    assert told("onnxruntime first", tmp_path) == "failed"


def test_a_file_queued_since_the_start_fails_and_an_older_one_is_anothers(tmp_path: Path) -> None:
    queue = tmp_path / ".onnxruntime" / "onnxruntime.db"
    queue.parent.mkdir()
    queue.touch()
    now = time.time()

    ours = check_telemetry(tmp_path, is_off=True, since_s=now - 60)
    anothers = check_telemetry(tmp_path, is_off=True, since_s=now + 60)

    assert ours.result is Result.FAILED
    assert str(queue) in ours.sentence
    assert anothers.result is Result.OK
    assert "another program" in anothers.sentence


@needs_proc
@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6], ids=["IPv4", "IPv6"])
def test_a_listening_socket_of_this_process_is_found(family: socket.AddressFamily) -> None:
    before = listening_ports()
    with socket.create_server(("", 0), family=family) as server:
        port = server.getsockname()[1]
        during = listening_ports()
        check = check_sockets(during)
    after = listening_ports()

    assert before == after == []
    assert during == [port]
    assert check.result is Result.FAILED
    assert f"listens on port {port}" in check.sentence


@needs_proc
def test_a_socket_that_waits_for_datagrams_is_found_too() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as waiting:
        waiting.bind(("127.0.0.1", 0))

        assert listening_ports() == [waiting.getsockname()[1]]


def test_where_nobody_tells_the_ports_nothing_is_claimed() -> None:
    assert check_sockets(None).result is Result.NOT_CHECKED
    assert check_sockets([]).result is Result.OK
