"""Findings added to a finished model from concepts, by a few kilobytes and without retraining."""
