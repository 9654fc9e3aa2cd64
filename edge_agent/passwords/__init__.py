"""Passwords of cameras: made here, set, tried, reported; a power cut at any point leaves one that is known and works."""
