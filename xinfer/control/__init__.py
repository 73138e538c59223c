"""Desired to assigned: the loop that plans. No network I/O."""
