"""Sending a tenant's audit log on to systems of its own: at least once, in order, from a cursor per destination."""
