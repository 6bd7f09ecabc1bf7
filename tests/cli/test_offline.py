"""Offline: the kernel kills the process at its first attempt to open a network socket."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

# A seccomp filter in classic BPF: load the architecture's system call number; if it is socket(2)
# with AF_INET or AF_INET6 as its first argument, kill the process; else allow. See seccomp(2).
WITHOUT_NETWORK = """
import ctypes, platform, runpy, struct, sys
number = {"x86_64": 41, "aarch64": 198}[platform.machine()]
def step(code, if_true, if_false, value):
    return struct.pack("HBBI", code, if_true, if_false, value)
LOAD, EQUAL, RETURN, KILL, ALLOW = 0x20, 0x15, 0x06, 0x80000000, 0x7FFF0000
program = b"".join([
    step(LOAD, 0, 0, 0),            # seccomp_data.nr
    step(EQUAL, 0, 4, number),
    step(LOAD, 0, 0, 16),           # seccomp_data.args[0], low word
    step(EQUAL, 1, 0, 2),           # AF_INET
    step(EQUAL, 0, 1, 10),          # AF_INET6
    step(RETURN, 0, 0, KILL),
    step(RETURN, 0, 0, ALLOW),
])
class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("steps", ctypes.c_char_p)]
libc = ctypes.CDLL(None, use_errno=True)
assert libc.prctl(38, 1, 0, 0, 0) == 0                                   # PR_SET_NO_NEW_PRIVS
assert libc.prctl(22, 2, ctypes.byref(Program(7, program)), 0, 0) == 0   # PR_SET_SECCOMP
sys.argv = sys.argv[1:]
"""

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="seccomp is Linux's")


def run_without_network(
    code: str, *arguments: str, home: Path
) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "CI"}
    environment.pop("ORT_DISABLE_TELEMETRY", None)
    environment |= {"HOME": str(home), "XDG_CACHE_HOME": str(home / ".cache")}
    return subprocess.run(
        [sys.executable, "-c", WITHOUT_NETWORK + code, *arguments],
        capture_output=True,
        text=True,
        env=environment,
        cwd=home.parent,
        check=False,
    )


def test_the_filter_kills_whoever_opens_a_socket(tmp_path: Path) -> None:
    done = run_without_network("import socket; socket.socket()", home=tmp_path)

    assert done.returncode == -31  # SIGSYS


def test_the_whole_loop_opens_no_socket_and_leaves_no_file_in_the_home(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    done = run_without_network(
        "import edgefair.cli.main as m; m.main(sys.argv)",
        "demo",
        "--folder",
        str(tmp_path / "demo"),
        home=home,
    )

    assert done.returncode == 0, done.stderr
    assert list(home.rglob("*")) == []
