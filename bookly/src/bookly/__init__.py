"""Bookly: a books API, and the reference application of tokenpair."""
