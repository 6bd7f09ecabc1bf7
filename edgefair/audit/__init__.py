"""For whom a model works: pure functions of arrays, no file, no clock, no network.

The package itself is the function: ``edgefair.audit(y_true=..., sensitive_features=...)``.
Models that do not say yes or no have functions beside it: ``edgefair.audit.audit_ordinal(...)``.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

from edgefair.audit.face import audit
from edgefair.audit.tasks.multiclass import audit_multiclass
from edgefair.audit.tasks.ordinal import audit_ordinal
from edgefair.audit.tasks.regression import audit_regression
from edgefair.audit.tasks.segmentation import audit_segmentation
from edgefair.audit.view import Audit

__all__ = [
    "Audit",
    "audit",
    "audit_multiclass",
    "audit_ordinal",
    "audit_regression",
    "audit_segmentation",
]


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
