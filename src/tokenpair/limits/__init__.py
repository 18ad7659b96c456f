"""Counters of rate limits outside the storage, which has some of its own (`Storage.limits`)."""
