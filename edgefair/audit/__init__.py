"""For whom a model works: pure functions of arrays, no file, no clock, no network."""
