"""What the clinic's version has in place of scipy's own ``__init__`` files.

scipy is BSD-licensed and may be changed; this is said in the licences that travel along.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

__all__ = ["SHIMS", "wanted_functions"]

_SAYS: Final = (
    '"""scipy {version}, cut down to the compiled functions of scipy.special.\n\n'
    "What is missing was left out: a clinic's computer needs no more.\n"
    '"""\n\n'
)

# as scipy's own does: Windows looks for no library that it was not told the folder of
_FIND_LIBRARIES: Final = """import os as _os
import sys as _sys

if _sys.platform == "win32":
    _site = _os.path.dirname(_os.path.dirname(_os.path.abspath(__file__)))
    _os.add_dll_directory(_os.path.join(_site, "scipy.libs"))

"""

SHIMS: Final = {
    "scipy/__init__.py": _SAYS + _FIND_LIBRARIES + '__version__ = "{version}"\n',
    "scipy/_lib/__init__.py": _SAYS,
    "scipy/linalg/__init__.py": _SAYS,
    "scipy/special/__init__.py": _SAYS
    + "from scipy.special._gufuncs import *\n"
    + "from scipy.special._special_ufuncs import *\n"
    + "from scipy.special._ufuncs import *\n\n"
    + "digamma = psi\n",
}
"""Path and text of each; ``{version}`` is scipy's."""


def wanted_functions(package: Path) -> frozenset[str]:
    """Return what edgefair imports from ``scipy.special``.

    Parameters
    ----------
    package : Path
        Folder of edgefair's own modules; what is for builders is passed over.

    Raises
    ------
    ValueError
        If another part of scipy is imported, which no clinic has.
    """
    return frozenset(
        name
        for path in sorted(package.rglob("*.py"))
        if "compress" not in path.relative_to(package).parts
        for name in _imported(path)
    )


def _imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            modules, names = [alias.name for alias in node.names], []
        elif isinstance(node, ast.ImportFrom):
            modules, names = [node.module or ""], [alias.name for alias in node.names]
        else:
            continue
        for module in modules:
            if module.partition(".")[0] == "scipy":
                if module != "scipy.special":
                    raise ValueError(f"{path} imports {module}, which no clinic has")
                yield from names
