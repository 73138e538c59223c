"""Materialise roles as processes; the one place where everything is wired."""
