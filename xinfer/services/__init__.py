"""Use cases, one verb family per module: no HTTP, no SQL."""
