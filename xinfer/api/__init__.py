"""HTTP in and out of the supervisor (Falcon)."""
