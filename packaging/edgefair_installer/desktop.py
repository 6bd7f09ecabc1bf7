"""What makes an installation easy to find: a command, a menu entry, completion in three shells."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edgefair_installer.layout import Layout
from edgefair_installer.storage import discard, write_whole

__all__ = ["Places", "place_all", "places", "remove_all"]

_LAUNCHER: Final = """#!/bin/sh
# edgefair: starts the version that is current. Made by the installer.
EDGEFAIR_HOME=${EDGEFAIR_HOME:-@ROOT@}
ORT_DISABLE_TELEMETRY=1
export EDGEFAIR_HOME ORT_DISABLE_TELEMETRY
release=
read -r release < "$EDGEFAIR_HOME/current" 2>/dev/null || :
python=$EDGEFAIR_HOME/releases/$release/python/python
if [ -z "$release" ] || [ ! -x "$python" ]; then
  echo "error: no edgefair is installed in $EDGEFAIR_HOME" >&2
  echo "hint: start the installer again" >&2
  exit 1
fi
exec "$python" -m edgefair_installer.launch "$@"
"""
_PROMPT: Final = """#!/bin/sh
# a terminal in which `edgefair` is known; started by the menu entry
PATH=@BIN@:$PATH
export PATH
mkdir -p @DATA@ && cd @DATA@ || exit 1
edgefair --help
exec "${SHELL:-/bin/sh}"
"""
_ENTRY: Final = """[Desktop Entry]
Type=Application
Name=edgefair
Comment=Reads radiographs without internet, and checks for whom that works
Comment[fr]=Lit des radiographies sans internet, et vérifie pour qui cela fonctionne
Exec="@PROMPT@"
Terminal=true
Categories=Science;MedicalSoftware;
"""
_CMD: Final = """@echo off\r
setlocal\r
if not defined EDGEFAIR_HOME set "EDGEFAIR_HOME=%~dp0.."\r
set "ORT_DISABLE_TELEMETRY=1"\r
set "release="\r
set "pointer=%EDGEFAIR_HOME%\\current"\r
if exist "%pointer%" (\r
  for /f "usebackq delims=" %%r in ("%pointer%") do if not defined release set "release=%%r"\r
)\r
if not defined release (\r
  echo error: no edgefair is installed in %EDGEFAIR_HOME% 1>&2\r
  exit /b 1\r
)\r
set "python=%EDGEFAIR_HOME%\\releases\\%release%\\python\\python.exe"\r
"%python%" -X utf8 -m edgefair_installer.launch %*\r
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Files outside of a version's folder.

    Attributes
    ----------
    launcher : Path
        The command ``edgefair``.
    prompt, entry : Path or None
        Menu entry, and what it starts; none on Windows, where the installer makes a shortcut.
    completions : mapping
        Each completion's name in the version's folder, and where its shell looks.
    """

    launcher: Path
    prompt: Path | None
    entry: Path | None
    completions: Mapping[str, Path]

    def all(self) -> tuple[Path, ...]:
        """Return every path."""
        alone = (self.launcher, self.prompt, self.entry)
        return (*(path for path in alone if path), *self.completions.values())


def places(layout: Layout, environment: Mapping[str, str] = os.environ) -> Places:
    """Return where the files belong for this user."""
    if sys.platform == "win32":
        launcher = layout.root / "bin" / "edgefair.cmd"
        return Places(launcher=launcher, prompt=None, entry=None, completions={})
    home = Path(environment.get("HOME") or Path.home())
    data = Path(environment.get("XDG_DATA_HOME") or home / ".local" / "share")
    config = Path(environment.get("XDG_CONFIG_HOME") or home / ".config")
    return Places(
        launcher=home / ".local" / "bin" / "edgefair",
        prompt=layout.root / "bin" / "edgefair-prompt",
        entry=data / "applications" / "edgefair.desktop",
        completions={
            "edgefair.bash": data / "bash-completion" / "completions" / "edgefair",
            "edgefair.zsh": data / "zsh" / "site-functions" / "_edgefair",
            "edgefair.fish": config / "fish" / "completions" / "edgefair.fish",
        },
    )


def place_all(layout: Layout, release: Path, found: Places) -> None:
    """Write every file, each whole."""
    if sys.platform == "win32":
        _place(found.launcher, _CMD, mode=0o644)
        return
    bin_folder, data = found.launcher.parent, layout.data
    launcher = _LAUNCHER.replace("@ROOT@", shlex.quote(str(layout.root)))
    _place(found.launcher, launcher, mode=0o755)
    if found.prompt and found.entry:
        prompt = _PROMPT.replace("@BIN@", shlex.quote(str(bin_folder)))
        _place(found.prompt, prompt.replace("@DATA@", shlex.quote(str(data))), mode=0o755)
        _place(found.entry, _ENTRY.replace("@PROMPT@", str(found.prompt)), mode=0o644)
    for name, path in found.completions.items():
        source = release / "share" / "completions" / name
        if source.is_file():
            _place(path, source.read_text(encoding="utf-8"), mode=0o644)


def _place(path: Path, text: str, *, mode: int) -> None:
    content = text.encode()
    if path.is_file() and path.read_bytes() == content:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, content, mode=mode)


def remove_all(found: Places) -> None:
    """Remove every file, and the folders that are empty then."""
    for path in found.all():
        discard(path)
        for folder in list(path.parents)[:3]:
            try:
                folder.rmdir()
            except OSError:
                break
