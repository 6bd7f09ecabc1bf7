"""Independent random streams: what one draws never moves what another draws."""

from __future__ import annotations

from enum import IntEnum

import numpy as np

__all__ = ["Stream", "stream"]


class Stream(IntEnum):
    """What a stream decides. The numbers are part of every clinic's identity: never reuse one."""

    PATIENT = 0
    BUILD = 1
    TEXTURE = 2
    STUDY = 3
    POSE = 4
    OPACITY = 5
    ACQUISITION = 6


def stream(seed: int, kind: Stream, index: int) -> np.random.Generator:
    """Return the generator of one patient's or image's decisions of one kind.

    Examples
    --------
    >>> stream(1, Stream.STUDY, 7).random() == stream(1, Stream.STUDY, 7).random()
    True
    """
    return np.random.default_rng([seed, int(kind), index])
