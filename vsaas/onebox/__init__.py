"""Everything on one machine. Nothing else knows of it."""
