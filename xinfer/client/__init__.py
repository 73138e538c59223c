"""Python client; imports nothing else of xinfer."""
