"""Manifests that a quick look does not read: every fault in one, told at once with its path.

Only for a bundle that is refused, so that no other start waits for cattrs to be imported.
"""

from __future__ import annotations

import cattrs
from cattrs.strategies import configure_tagged_union

from edgefair.bundle.manifest import STEP_NAMES, Manifest, PreprocessingStep, Task

__all__ = ["converter", "manifest_by_cattrs"]


def manifest_by_cattrs(tree: object) -> tuple[Manifest | None, list[str]]:
    """Return the manifest that a tree of JSON means, or None and all that is wrong with it.

    Examples
    --------
    >>> manifest_by_cattrs({"format": "1", "extra": 2})[1][-2:]
    ['required field missing @ manifest.parts', 'extra fields found (extra) @ manifest']
    """
    try:
        return converter().structure(tree, Manifest), []
    except cattrs.BaseValidationError as error:
        faults = cattrs.transform_error(error, path="manifest", format_exception=_in_words)
        return None, faults
    except RecursionError as error:
        return None, [str(error) or type(error).__name__]


def converter() -> cattrs.Converter:
    """Return what structures manifests strictly, and unstructures them as they are written."""
    made = cattrs.Converter(forbid_extra_keys=True, detailed_validation=True)
    made.register_structure_hook(float, _strict_number)
    made.register_structure_hook(int, _strict_whole_number)
    made.register_structure_hook(bool, _strict_truth)
    made.register_structure_hook(str, _strict_text)
    # an enumeration of strings is a str too, and must stay one of its members
    made.register_structure_hook(Task, lambda value, _: Task(value))
    configure_tagged_union(
        PreprocessingStep, made, tag_generator=STEP_NAMES.__getitem__, tag_name="step"
    )
    return made


def _in_words(error: BaseException, kind: type | None) -> str:
    if isinstance(error, KeyError) and kind == PreprocessingStep:
        return f"no such step: {error}"
    return cattrs.v.format_exception(error, kind)


def _strict_number(value: object, _: type) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"expected a number, got {value!r:.40}")
    return float(value)


def _strict_whole_number(value: object, _: type) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"expected a whole number, got {value!r:.40}")
    return value


def _strict_truth(value: object, _: type) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"expected true or false, got {value!r:.40}")
    return value


def _strict_text(value: object, _: type) -> str:
    if not isinstance(value, str):
        raise ValueError(f"expected text, got {value!r:.40}")
    return value
