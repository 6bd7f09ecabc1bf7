"""Runs on the interpreter that travels along: puts compiled modules in the sources' place.

Without sources a version is smaller, starts as fast the first time as the second, and never
writes into its own folder. The files carry no time, so that two builds are the same.
"""

import py_compile
import sys
from pathlib import Path

KEPT_AS_SOURCE = ("cv2/config.py", "cv2/config-3.py")  # OpenCV reads them as text


def main(folder: Path) -> None:
    """Compile every module below `folder` and remove its source."""
    for source in sorted(folder.rglob("*.py")):
        relative = source.relative_to(folder).as_posix()
        if relative in KEPT_AS_SOURCE:
            continue
        py_compile.compile(
            str(source),
            cfile=str(source.with_suffix(".pyc")),
            dfile=relative,
            doraise=True,
            invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
        )
        source.unlink()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
