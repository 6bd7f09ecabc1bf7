"""Write models/DIGESTS: which bundles the package carries. Run after a bundle was rebuilt.

python packaging/pin_bundles.py
"""

from __future__ import annotations

import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(CHECKOUT))


def digests() -> str:
    """Return the file's content: a digest and a label on each line."""
    from edgefair.bundle.archive import read_bundle
    from edgefair.bundle.shelf import carried_bundles

    bundles = (read_bundle(path) for path in carried_bundles())
    return "".join(f"{bundle.digest}  {bundle.manifest.label}\n" for bundle in bundles)


if __name__ == "__main__":
    (CHECKOUT / "models" / "DIGESTS").write_text(digests(), encoding="ascii", newline="\n")
