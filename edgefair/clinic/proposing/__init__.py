"""What a site could decide differently, and what that would change: to be signed by a person."""

from edgefair.clinic.proposing.propose import (
    Ask,
    TableRoles,
    propose_from_ledger,
    propose_from_table,
)

__all__ = ["Ask", "TableRoles", "propose_from_ledger", "propose_from_table"]
