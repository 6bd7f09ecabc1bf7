"""The offline side: from labelled images to a small model bundle. Needs the extra `compress`."""

import os

from edgefair.compress.kernels import pin_kernels

# torch reads these when it is first imported. Threads that spin while they wait take the core from
# the thread that prepares the next batch, and on a busy machine training takes ten times as long
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
pin_kernels(os.environ)
