"""Test vectors of the format, and what generates them. README.md tells their shape."""
