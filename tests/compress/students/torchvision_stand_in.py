"""The names that timm takes from torchvision when it is imported, with nothing behind them.

The CPU build of torch has no torchvision that imports beside it; building timm's networks needs
none of what it is for, only that the names are there.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import sys
import types
from collections.abc import Sequence


class _Empty(type):
    """A class whose attributes are their own names, as an enumeration's could be."""

    def __getattr__(cls, name: str) -> str:
        return _plain(name)


class _Named(types.ModuleType):
    """A module that has every name asked of it, each an empty class."""

    def __getattr__(self, name: str) -> type:
        return _Empty(_plain(name), (), {})


def _plain(name: str) -> str:
    if name.startswith("__"):
        raise AttributeError(name)
    return name


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: types.ModuleType | None = None,
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname.partition(".")[0] != "torchvision":
            return None
        return importlib.machinery.ModuleSpec(fullname, self, is_package=True)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        return _Named(spec.name)

    def exec_module(self, module: types.ModuleType) -> None:
        pass


def stand_in() -> None:
    """Let this process find the names."""
    sys.meta_path.insert(0, _Finder())
