"""Nouns and rules. Pure: standard library only, no I/O, nothing else of xinfer but `errors`."""
