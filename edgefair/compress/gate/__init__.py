"""The gate: whether compression cost any group more than it may, on the same cases."""
