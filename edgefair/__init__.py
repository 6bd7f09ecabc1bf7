"""edgefair: small medical-imaging models for clinics without internet, and for whom they work.

Research use only; not a medical device.

Examples
--------
>>> import edgefair
>>> found = edgefair.audit(
...     y_true=[1, 1, 0, 0, 1, 0], y_pred=[1, 0, 0, 0, 1, 1], sensitive_features=list("FMFMMF")
... )
>>> [verdict.kind.value for verdict in found.verdicts]
['NOT ENOUGH DATA', 'NOT ENOUGH DATA', 'NOT ENOUGH DATA', 'NOT ENOUGH DATA']
"""

from __future__ import annotations

import importlib

__all__ = ["Prediction", "__version__", "audit", "load"]

__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    """Return one of the names above, importing it now: ``import edgefair`` itself stays light."""
    if name == "audit":
        return importlib.import_module("edgefair.audit")  # the package itself is the function
    if name == "load":
        return importlib.import_module("edgefair.runtime.pipeline").load
    if name == "Prediction":
        return importlib.import_module("edgefair.records").Prediction
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
