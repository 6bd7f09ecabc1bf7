"""The clinic's desk: reading joined to recording, recording joined to the re-check."""
