"""xinfer: a declarative appliance that serves models."""

__version__ = "0.1.0"
