"""A clinic that never was: radiograph-like images of known truth, from a seed."""
