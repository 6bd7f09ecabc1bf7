"""How a student learns: from labels, from a teacher, and with an eye on its groups."""
