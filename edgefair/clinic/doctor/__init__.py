"""Whether this computer is fit, the model whole and right on it, and nothing phones home.

`machine`, `storage`, `model` and `privacy` each look at one area; `run` joins them; `words` tells
what they found.
"""
