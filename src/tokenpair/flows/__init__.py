"""What a person can do: one module each, the story told from top to bottom.

A flow is a frozen dataclass whose fields are the ports it needs; calling it does the thing.
"""
