"""Runs a Dockerfile without Docker, to prove what it says."""
