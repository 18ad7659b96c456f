"""What a user or an operator can do: one module for each, to be read from top to bottom.

A flow is a frozen dataclass. Its fields are the parts that it needs, and calling it runs it.
"""
