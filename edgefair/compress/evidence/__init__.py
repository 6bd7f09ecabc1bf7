"""What is measured of a finished model and how it is told: reference, tables, card."""
