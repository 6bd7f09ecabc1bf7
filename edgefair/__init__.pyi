"""What type checkers see of the names that `edgefair/__init__.py` imports only when asked for."""

from edgefair.audit.face import audit as audit
from edgefair.records import Prediction as Prediction
from edgefair.runtime.pipeline import load as load

__all__ = ["Prediction", "__version__", "audit", "load"]

__version__: str
