"""Where two builds differ, should they."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["differences"]


def differences(first: Mapping[str, bytes], second: Mapping[str, bytes]) -> list[str]:
    """Return a sentence for every file that is not the same in both builds.

    Examples
    --------
    >>> differences({"a": b"12"}, {"a": b"13"})
    ['a: 2 and 2 bytes, the first difference at byte 1']
    """
    found = []
    for name in sorted(first.keys() | second.keys()):
        one, other = first.get(name), second.get(name)
        if one is None or other is None:
            found.append(f"{name}: in one build alone")
        elif one != other:
            pairs = enumerate(zip(one, other, strict=False))
            at = next((n for n, (a, b) in pairs if a != b), min(len(one), len(other)))
            found.append(
                f"{name}: {len(one)} and {len(other)} bytes, the first difference at byte {at}"
            )
    return found
