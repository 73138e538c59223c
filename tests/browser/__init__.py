"""The web UI in a browser without a screen, against a real server."""
