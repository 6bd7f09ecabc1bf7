"""For whom a model works: pure functions of arrays, no file, no clock, no network.

The package itself is the function: ``edgefair.audit(y_true=..., sensitive_features=...)``.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

from edgefair.audit.face import audit
from edgefair.audit.view import Audit

__all__ = ["Audit", "audit"]


class _CallableModule(ModuleType):
    """A package that can be called.

    The function that everybody looks for and the package of its parts bear one name, and an
    import of any part would put the package in the function's place. So the package is both
    (Python's data model, "Customizing module attribute access", allows for the class).
    """

    def __call__(self, **arguments: Any) -> Audit:
        return audit(**arguments)


sys.modules[__name__].__class__ = _CallableModule
__wrapped__ = audit  # what `inspect.signature` shows
