"""A clinic that never was: radiograph-like images of known truth, from a seed.

`clinic` says what to make, `generate` makes it in memory, `folder` writes it to disk.
"""

from edgefair.phantom.clinic import Clinic, Phantom, Plant, parse_plant

__all__ = ["Clinic", "Phantom", "Plant", "parse_plant"]
