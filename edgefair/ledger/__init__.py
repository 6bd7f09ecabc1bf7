"""The record of what the model said and what turned out to be true, in one SQLite file."""
