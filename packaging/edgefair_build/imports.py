"""Every import of edgefair's, the lazy ones too, tried on the Python that travels along.

A file pruned too many shows here, not at a clinic that reads its first JPEG-LS image.
"""

from __future__ import annotations

import ast
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

__all__ = ["imports_of", "try_imports"]

_TRY: Final = """
import importlib, json, sys
failed = []
for module, name in json.loads(sys.argv[1]):
    try:
        found = importlib.import_module(module)
        if name and not hasattr(found, name):
            importlib.import_module(module + "." + name)
    except ImportError as error:
        failed.append(f"{module} {name}: {error}")
print("\\n".join(failed))
"""
_OF_BUILDERS: Final = ("compress",)
_ELSEWHERE: Final = ("fcntl", "msvcrt", "resource", "winreg")
"""Modules of one system that are asked for on that system alone."""


def imports_of(package: Path) -> list[tuple[str, str]]:
    """Return module and name of each import below `package`, what is for builders left out."""
    found = {
        pair
        for path in package.rglob("*.py")
        if not set(_OF_BUILDERS) & set(path.relative_to(package).parts)
        for pair in _imports_in(path)
    }
    return sorted(found)


def _imports_in(path: Path) -> Iterator[tuple[str, str]]:
    for node in _run_nodes(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            pairs = [(alias.name, "") for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            pairs = [(node.module, alias.name) for alias in node.names]
        else:
            continue
        for module, name in pairs:
            parts = set(module.split(".")) | {name}
            if not parts & {*_OF_BUILDERS, *_ELSEWHERE}:
                yield module, name


def _run_nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield every node but those under ``if TYPE_CHECKING``."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        yield node
        yield from _run_nodes(node)


def try_imports(python: Path, package: Path) -> None:
    """Return if each import works on the interpreter `python`.

    Raises
    ------
    ValueError
        With all that fail.
    """
    pairs = [pair for pair in imports_of(package) if pair[0] != "__future__"]
    done = subprocess.run(
        [str(python), "-c", _TRY, json.dumps(pairs)], capture_output=True, text=True, check=False
    )
    if done.returncode or done.stdout.strip():
        raise ValueError(f"pruned too much: {done.stdout.strip()} {done.stderr.strip()}")
