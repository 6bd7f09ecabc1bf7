"""The offline side: from labelled images to a small model bundle. Needs the extra `compress`."""

import os

# torch reads this when it is first imported: threads that spin while they wait take the core from
# the thread that prepares the next batch, and on a busy machine training takes ten times as long
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
