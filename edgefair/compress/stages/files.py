"""What a stage leaves on disk, read back as the records it was."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

import cattrs
import torch
from torch import nn

__all__ = ["load_network", "read_record", "save_network", "write_record"]

_Record = TypeVar("_Record")


def write_record(path: Path, record: Any) -> None:
    """Write a frozen dataclass as JSON."""
    path.write_text(json.dumps(asdict(record), indent=1), encoding="utf-8")


def read_record(path: Path, kind: type[_Record]) -> _Record:
    """Return the record that `write_record` wrote."""
    return cattrs.structure(json.loads(path.read_bytes()), kind)


def save_network(path: Path, network: nn.Module) -> None:
    """Write a network's state dictionary."""
    torch.save(network.state_dict(), path)


def load_network(path: Path, network: nn.Module) -> None:
    """Give a network the state that `save_network` wrote."""
    network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    network.eval()
