"""The endpoints: each parses, calls one flow, and writes the answer down. No decisions here."""
