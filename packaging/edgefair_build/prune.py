"""What stays out of a clinic's version: each pattern with its reason."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final

__all__ = ["LEFT_OUT_PACKAGES", "PRUNED", "Rule", "is_pruned"]

LEFT_OUT_PACKAGES: Final = {
    "onnx": "the graph is inspected without it; builders alone export",
    "scikit-learn": "the audit's statistics are written out; builders alone need it",
    "packaging": "onnxruntime's tools for builders",
    "protobuf": "onnxruntime's tools for builders",
    "flatbuffers": "onnxruntime's tools for builders",
    "filelock": "freeze-core's tools for builders",
    "pycparser": "parses C when an extension is built",
}
"""Dependencies, direct or not, that the lock file names and no clinic gets."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Files that are not needed.

    Attributes
    ----------
    pattern : str
        As a shell's, over the path within site-packages; ``*`` crosses folders.
    why : str
    kept : tuple of str
        Patterns of exceptions.
    """

    pattern: str
    why: str
    kept: tuple[str, ...] = ()


PRUNED: Final = (
    Rule(pattern="*/tests/*", why="test suites", kept=("*/tests/__init__.py",)),
    Rule(pattern="*.pyi", why="types for builders"),
    Rule(pattern="*.pxd", why="for compiling"),
    Rule(pattern="*.pyx", why="for compiling"),
    Rule(pattern="*.h", why="headers"),
    Rule(pattern="*.hpp", why="headers"),
    Rule(pattern="*.a", why="static libraries"),
    Rule(pattern="*.lib", why="static libraries"),
    Rule(pattern="*/py.typed", why="types for builders"),
    Rule(pattern="*.data/scripts/*", why="programs nobody calls"),
    Rule(pattern="bin/*", why="programs nobody calls"),
    Rule(
        pattern="*.dist-info/*",
        why="what installed them",
        kept=("*/METADATA", "*/WHEEL", "*/licenses/*", "*/LICEN[CS]E*", "*/COPYING*", "*/NOTICE*"),
    ),
    Rule(pattern="onnxruntime/capi/libonnxruntime.so*", why="the library a second time"),
    Rule(pattern="onnxruntime/capi/onnxruntime.dll", why="the library a second time"),
    Rule(pattern="onnxruntime/capi/convert_npz*", why="for builders"),
    *(
        Rule(pattern=f"onnxruntime/{name}/*", why="for builders")
        for name in ("backend", "datasets", "quantization", "tools", "transformers")
    ),
    Rule(pattern="cv2/data/*", why="face detectors"),
    Rule(pattern="cv2/opencv_videoio_ffmpeg*", why="films"),
    Rule(pattern="cv2/load_config_py2*", why="Python 2"),
    Rule(pattern="cv2/gapi/*", why="never imported"),
    Rule(pattern="cv2/samples/*", why="samples"),
    Rule(pattern="cv2/typing/*", why="types for builders"),
    Rule(
        pattern="scipy/*",
        why="the audit calls functions of scipy.special alone, and they are compiled",
        kept=(
            "scipy/_cyutility.*",
            "scipy/_lib/_ccallback.py",
            "scipy/_lib/_ccallback_c.*",
            "scipy/linalg/cython_blas.*",
            "scipy/linalg/cython_lapack.*",
            "scipy/special/_ellip_harm_2.*",
            "scipy/special/_gufuncs.*",
            "scipy/special/_sf_error.py",
            "scipy/special/_special_ufuncs.*",
            "scipy/special/_ufuncs.*",
            "scipy/special/_ufuncs_cxx.*",
            "scipy/special/sf_error.py",
        ),
    ),
    Rule(pattern="scipy-*.whl", why="no file of the package"),
    Rule(pattern="numpy/_core/include/*", why="headers"),
    Rule(pattern="numpy/_core/_*_tests.*", why="test suites"),
    Rule(pattern="numpy/_core/_simd.*", why="test suites"),
    Rule(pattern="numpy/_core/lib/*", why="for compiling"),
    Rule(pattern="numpy/_pyinstaller/*", why="for builders"),
    Rule(pattern="numpy/f2py/*", why="for compiling Fortran"),
    Rule(pattern="numpy/random/_examples/*", why="examples"),
    Rule(pattern="numpy/typing/*", why="types for builders", kept=("numpy/typing/__init__.py",)),
    Rule(pattern="numpy/conftest.py", why="test suites"),
    Rule(pattern="PIL/_avif.*", why="a format no X-ray machine writes"),
    Rule(pattern="PIL/_imagingcms.*", why="colour management for print"),
    Rule(pattern="PIL/_imagingft.*", why="fonts"),
    Rule(pattern="PIL/_imagingtk.*", why="windows"),
    Rule(pattern="PIL/_webp.*", why="a format no X-ray machine writes"),
    Rule(pattern="pydicom/data/test_files/*", why="test files"),
    Rule(pattern="pydicom/data/charset_files/*", why="test files"),
    Rule(pattern="pydicom/cli/*", why="programs nobody calls"),
    Rule(pattern="_gdcm/gdcm[a-z]*", why="programs nobody calls", kept=("_gdcm/gdcmswig.py",)),
    Rule(pattern="_gdcm/scripts/*", why="programs nobody calls"),
    Rule(pattern="_gdcm/pkgconfig/*", why="for compiling"),
    Rule(pattern="_gdcm/XML/*", why="dictionaries for programs nobody calls"),
    Rule(pattern="cffi/*", why="cryptography needs its compiled part alone"),
)
"""The first rule whose pattern fits decides."""


def is_pruned(path: str, rules: Iterable[Rule] = PRUNED) -> bool:
    """Return whether a file of site-packages stays out.

    Examples
    --------
    >>> is_pruned("numpy/f2py/auxfuncs.py"), is_pruned("numpy/linalg/__init__.py")
    (True, False)
    """
    for rule in rules:
        if fnmatchcase(path, rule.pattern):
            return not any(fnmatchcase(path, kept) for kept in rule.kept)
    return False
