"""A recipe's stages, from images to a bundle: each made once, and again only where it must be."""
