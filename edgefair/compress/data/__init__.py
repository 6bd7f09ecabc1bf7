"""Labelled images: the manifest, its splits, and the pictures on their way to a network."""
