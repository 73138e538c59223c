"""Falcon resources: parse, one service call, render."""
