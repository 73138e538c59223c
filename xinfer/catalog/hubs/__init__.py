"""One place that model files come from per module."""
