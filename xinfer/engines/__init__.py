"""One file per engine: what to run, not how to infer."""
