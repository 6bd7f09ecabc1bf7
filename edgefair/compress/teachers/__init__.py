"""Foundation models that a student learns from: loaded from local files, asked once, kept."""
