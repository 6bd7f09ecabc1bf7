"""Manifests that a quick look does not read: every fault in one, told at once with its path.

Only for a bundle that is refused, so that no other start waits for cattrs to be imported.
"""

from __future__ import annotations

import cattrs
from cattrs.strategies import configure_tagged_union

from edgefair.bundle.manifest import STEP_NAMES, Manifest, PreprocessingStep, Task
from edgefair.bundle.strict import strict_converter

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
    made = strict_converter()
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
