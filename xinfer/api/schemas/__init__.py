"""msgspec structs of the HTTP edge."""
