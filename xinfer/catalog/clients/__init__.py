"""The hubs' own libraries, each run in a process of its own: ending it is how a fetch is ended."""
