"""Whether memory stays flat however many phantoms are made, and how long one takes.

    python -m tests.benchmarks.phantoms [--counts 100 1000 5000] [--folder DIR]

Each count is a fresh process of `edgefair phantom`, whose images are deleted afterwards. The CPU
time is what a quiet machine would take; the time on the clock says what this one took.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

COMMAND = "import sys; from edgefair.cli.main import main; main(sys.argv[1:])"
# Linux counts what a child was forked from as its own memory: a small process starts it
WATCH = """
import os, subprocess, sys
quiet = subprocess.DEVNULL
child = subprocess.Popen(sys.argv[1:], stdout=quiet, stderr=quiet)
_, status, used = os.wait4(child.pid, 0)
print(used.ru_maxrss, used.ru_utime + used.ru_stime)
sys.exit(status != 0)
"""


def main() -> None:
    """Make the clinics one after another, and print a row for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--counts", type=int, nargs="+", default=[100, 1000, 5000])
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    given = parser.parse_args()
    print("images   peak MB  CPU ms an image  ms an image  MB on disk")
    print("-------  -------  ---------------  -----------  ----------")
    for count in given.counts:
        print(_row(count, given.folder), flush=True)


def _row(count: int, folder: Path) -> str:
    target = Path(tempfile.mkdtemp(prefix="edgefair-phantoms-", dir=folder))
    command = [sys.executable, "-c", COMMAND, "phantom", str(target), "--count", str(count)]
    try:
        began = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-c", WATCH, *command], check=True, capture_output=True, text=True
        )
        took = time.perf_counter() - began
        size = sum(file.stat().st_size for file in target.rglob("*") if file.is_file())
    finally:
        shutil.rmtree(target)
    peak_kb, cpu_s = (float(word) for word in done.stdout.split())
    return (
        f"{count:<7}  {peak_kb / 1000:<7.0f}  {1000 * cpu_s / count:<15.2f}  "
        f"{1000 * took / count:<11.2f}  {size / 1e6:.0f}"
    )


if __name__ == "__main__":
    main()
