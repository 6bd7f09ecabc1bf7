"""The networks a bundle can carry: small enough for a CPU, friendly to INT8."""
