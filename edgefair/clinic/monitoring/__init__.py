"""The re-check that may be run every day: plan, counting, verdicts, and the ledger under them."""

from edgefair.clinic.monitoring.plans import PlanChoice, plan_in_force, put_in_force
from edgefair.clinic.monitoring.recheck import recheck, replayed

__all__ = ["PlanChoice", "plan_in_force", "put_in_force", "recheck", "replayed"]
