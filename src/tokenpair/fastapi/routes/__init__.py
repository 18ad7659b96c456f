"""The endpoints: each parses the request, calls one flow and writes the answer."""
