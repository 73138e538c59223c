"""The `xinfer` command."""
