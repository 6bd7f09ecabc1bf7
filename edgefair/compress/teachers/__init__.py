"""Foundation models to learn from, by a name in the recipe, without any network."""
