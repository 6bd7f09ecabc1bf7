"""A group of commands that imports each when it is called, so that ``--help`` stays quick."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import NamedTuple

import click

__all__ = ["Entry", "lazy_group"]


class Entry(NamedTuple):
    """Where a command is, as ``command`` of a module, and what it does in a line."""

    module: str
    summary: str


def lazy_group(entries: Mapping[str, Entry]) -> type[click.Group]:
    """Return a class of groups that hold these commands, in this order."""

    class LazyGroup(click.Group):
        def list_commands(self, ctx: click.Context) -> list[str]:
            """Return the names of the commands, in the order they were given in."""
            return list(entries)

        def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
            """Return a command by its name, its module imported only now."""
            if cmd_name not in entries:
                return None
            command: click.Command = importlib.import_module(entries[cmd_name].module).command
            return command

        def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
            """Write what each command is for, without importing any."""
            with formatter.section("Commands"):
                formatter.write_dl([(name, entry.summary) for name, entry in entries.items()])

    return LazyGroup
