"""Makes installers: one file per platform, from pinned parts, the same bytes every time."""
