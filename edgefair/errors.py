"""What can go wrong, as one tree; each leaf has an exit code and a reason a row can carry.

::

    EdgefairError                1  ours
    ├── InputError               3  something given to us cannot be used
    │   ├── NotAnImage              no image at all: skipped and counted
    │   ├── UnreadableImage         an image that no decoder opens
    │   │   ├── TruncatedImage      the file ends too early
    │   │   └── DecompressionBomb   more pixels than the limit
    │   ├── UnusableImage           it opens, but this model must not read it
    │   │   ├── WrongModality
    │   │   ├── WrongBodyPart
    │   │   ├── TooSmall
    │   │   └── BlankImage
    │   ├── BadTable                a CSV with the wrong columns or values
    │   ├── EvidenceAltered         an evidence pack whose numbers do not follow from its counts
    │   └── BadKey                  a file that holds no key, or not the one it should
    ├── ModelError               4  the model is refused
    │   ├── BundleNotFound
    │   ├── BundleAltered           a hash, a path or a size that does not hold
    │   ├── ContractMismatch        manifest and graph disagree
    │   ├── UnsafeModel             external data, custom operator, unknown opset
    │   ├── Untrusted               nobody whom this PC trusts vouches for it
    │   │   ├── Unsigned
    │   │   ├── UnknownKey
    │   │   ├── RevokedKey
    │   │   ├── WrongSignature      the signature is over other bytes, or is none
    │   │   └── Withdrawn           its builder took it back
    │   └── Downgrade               older than what this PC has already seen
    ├── LedgerError              5
    │   ├── LedgerDamaged
    │   ├── LedgerBusy
    │   └── LedgerReadOnly
    ├── NotEnoughData            6
    └── GateFailed               7

Exit code 0 is success, 2 a wrong command line (click's), 8 harm shown under ``--fail-on``.
"""

from __future__ import annotations

from typing import ClassVar

__all__ = [
    "BadKey",
    "BadTable",
    "BlankImage",
    "BundleAltered",
    "BundleNotFound",
    "ContractMismatch",
    "DecompressionBomb",
    "Downgrade",
    "EdgefairError",
    "EvidenceAltered",
    "GateFailed",
    "InputError",
    "LedgerBusy",
    "LedgerDamaged",
    "LedgerError",
    "LedgerReadOnly",
    "ModelError",
    "NotAnImage",
    "NotEnoughData",
    "RevokedKey",
    "TooSmall",
    "TruncatedImage",
    "UnknownKey",
    "UnreadableImage",
    "UnsafeModel",
    "Unsigned",
    "Untrusted",
    "UnusableImage",
    "Withdrawn",
    "WrongBodyPart",
    "WrongModality",
    "WrongSignature",
]


class EdgefairError(Exception):
    """An error a user meets: one sentence, and a hint on what to do next.

    Parameters
    ----------
    message : str
        What happened, in one sentence that a clinician can read.
    hint : str
        What to do next, on its own line.

    Attributes
    ----------
    exit_code : int
        What the command line returns, 1 to 7.
    reason : str
        Short code a row of results carries when one item of a batch fails.

    Examples
    --------
    >>> error = TooSmall("scan.png is 40 x 40 pixels.", hint="Export it at full size.")
    >>> error.exit_code, error.reason, str(error)
    (3, 'too_small', 'scan.png is 40 x 40 pixels.')
    """

    exit_code: ClassVar[int] = 1
    reason: ClassVar[str] = "error"

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class InputError(EdgefairError):
    """Something given to edgefair cannot be used."""

    exit_code = 3
    reason = "input"


class NotAnImage(InputError):
    """The file is no image of a kind edgefair knows."""

    reason = "not_an_image"


class UnreadableImage(InputError):
    """The file claims to be an image, but no decoder opens it."""

    reason = "unreadable"


class TruncatedImage(UnreadableImage):
    """The image file ends before its pixels do."""

    reason = "truncated"


class DecompressionBomb(UnreadableImage):
    """The image declares more pixels than the limit."""

    reason = "decompression_bomb"


class UnusableImage(InputError):
    """The image opens, but this model must not read it."""

    reason = "unusable"


class WrongModality(UnusableImage):
    """The image was made by another kind of machine than the model was made for."""

    reason = "wrong_modality"


class WrongBodyPart(UnusableImage):
    """The image shows another part of the body than the model was made for."""

    reason = "wrong_body_part"


class TooSmall(UnusableImage):
    """The image has fewer pixels than the model needs."""

    reason = "too_small"


class BlankImage(UnusableImage):
    """The image is one shade throughout."""

    reason = "blank"


class BadTable(InputError):
    """A table with missing columns or values of the wrong kind."""

    reason = "bad_table"


class EvidenceAltered(InputError):
    """An evidence pack says what does not follow from what was counted."""

    reason = "evidence_altered"


class BadKey(InputError):
    """A file that holds no key of edgefair's, or not the one that it should."""

    reason = "bad_key"


class ModelError(EdgefairError):
    """The model is refused."""

    exit_code = 4
    reason = "model"


class BundleNotFound(ModelError):
    """No bundle at that path or of that name."""

    reason = "bundle_not_found"


class BundleAltered(ModelError):
    """A part of the bundle is not what the manifest promises."""

    reason = "bundle_altered"


class ContractMismatch(ModelError):
    """The manifest and the graph disagree, or the manifest is no manifest."""

    reason = "contract_mismatch"


class UnsafeModel(ModelError):
    """The graph holds external data, a custom operator or an unknown opset: not run."""

    reason = "unsafe_model"


class Untrusted(ModelError):
    """Nobody whom this PC trusts vouches for the bundle."""

    reason = "untrusted"


class Unsigned(Untrusted):
    """The bundle carries no signature, and did not come with edgefair."""

    reason = "unsigned"


class UnknownKey(Untrusted):
    """It is signed, by a key that this PC does not trust."""

    reason = "unknown_key"


class RevokedKey(Untrusted):
    """It is signed by a key that has been revoked."""

    reason = "revoked_key"


class WrongSignature(Untrusted):
    """The signature is none, or is over other bytes than these."""

    reason = "wrong_signature"


class Withdrawn(Untrusted):
    """The bundle's builder took it back."""

    reason = "withdrawn"


class Downgrade(ModelError):
    """The bundle or list is older than one that this PC has already seen."""

    reason = "downgrade"


class LedgerError(EdgefairError):
    """The ledger cannot be read or written."""

    exit_code = 5
    reason = "ledger"


class LedgerDamaged(LedgerError):
    """The file is no ledger or no longer a whole one."""

    reason = "ledger_damaged"


class LedgerBusy(LedgerError):
    """Another process holds the ledger for longer than the wait allowed."""

    reason = "ledger_busy"


class LedgerReadOnly(LedgerError):
    """The ledger, its folder or its disk takes no more writes."""

    reason = "ledger_read_only"


class NotEnoughData(EdgefairError):
    """Too few cases to say anything."""

    exit_code = 6
    reason = "not_enough_data"


class GateFailed(EdgefairError):
    """A candidate model lost more for some group than the margin allows."""

    exit_code = 7
    reason = "gate_failed"
