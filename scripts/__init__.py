"""Programs for people who work on xinfer."""
