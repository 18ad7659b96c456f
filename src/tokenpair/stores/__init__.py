"""Adapters that keep users and sessions: memory, the reference; and SQL."""
