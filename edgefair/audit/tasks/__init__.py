"""The audit of models that do not say yes or no: classes, grades, quantities and outlines."""
