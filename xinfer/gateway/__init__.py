"""The byte path from client to engine; nothing else is hot."""
