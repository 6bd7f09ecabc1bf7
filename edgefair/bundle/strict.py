"""JSON into records without a guess: a number is a number, text is text, nothing is left over."""

from __future__ import annotations

import cattrs

__all__ = ["strict_converter"]


def strict_converter() -> cattrs.Converter:
    """Return a converter that refuses unknown fields and values of another kind.

    It gathers every fault of a tree, each with its path, before it raises.
    """
    converter = cattrs.Converter(forbid_extra_keys=True, detailed_validation=True)
    converter.register_structure_hook(float, _number)
    converter.register_structure_hook(int, _whole_number)
    converter.register_structure_hook(bool, _truth)
    converter.register_structure_hook(str, _text)
    return converter


def _number(value: object, _: type) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"expected a number, got {value!r:.40}")
    return float(value)


def _whole_number(value: object, _: type) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"expected a whole number, got {value!r:.40}")
    return value


def _truth(value: object, _: type) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"expected true or false, got {value!r:.40}")
    return value


def _text(value: object, _: type) -> str:
    if not isinstance(value, str):
        raise ValueError(f"expected text, got {value!r:.40}")
    return value
