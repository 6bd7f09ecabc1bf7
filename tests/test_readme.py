"""The README's commands and code run as they are printed."""

import os
import re
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
README = (CHECKOUT / "README.md").read_text(encoding="utf-8")


def test_every_command_by_role_runs_in_the_order_of_the_text(tmp_path: Path) -> None:
    commands = [
        line.removeprefix("$ ")
        for block in re.findall(r"```console\n(.*?)```", README, re.DOTALL)
        for line in block.splitlines()
    ]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for command in commands:
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=tmp_path,
            env=os.environ | {"PATH": path},
            capture_output=True,
            text=True,
            check=False,
        )

        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    assert len(commands) >= 6


def test_the_python_in_the_text_runs() -> None:
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(blocks)], capture_output=True, text=True, check=False
    )

    assert blocks
    assert done.returncode == 0, done.stderr


def test_the_quickstart_is_two_commands() -> None:
    quickstart = README.partition("## Quickstart")[2].partition("\n## ")[0]
    commands = [line for line in quickstart.splitlines() if line.startswith("    $ ")]

    assert len(commands) == 2
    assert commands[0].endswith("edgefair demo")
    assert "pytest" in commands[1]


def test_every_file_the_text_links_to_is_there() -> None:
    links = re.findall(r"\]\((?!http)([^)#]+)", README)

    assert all((CHECKOUT / link).exists() for link in links)
