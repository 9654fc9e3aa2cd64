"""The on-premise recorder: it records cameras, seals what it records and pushes it outbound."""

__version__ = "0.1.0"
