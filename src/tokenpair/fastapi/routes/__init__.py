"""The endpoints: each parses, calls one flow, and writes the answer down. No decisions here."""

OPEN = ("/signup", "/login", "/refresh_token", "/logout")
"""Those, below the prefix, that want no access token: a password, or a token of either kind."""
