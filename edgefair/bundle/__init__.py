"""What a model promises, and how the promise is checked."""
