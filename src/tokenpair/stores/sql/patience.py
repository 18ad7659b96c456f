"""How long anybody waits for a database, in seconds, before it is told to come back."""

CONNECT_SECONDS = 5
"""For a server to take the call: one that says nothing for so long is none."""

POOL_SECONDS = 10
"""For a connection, or for a turn to write."""

RENEWAL_SECONDS = 3
"""Of a renewal, for whoever holds its session's row."""

READER_SECONDS = 5
"""Of one who only reads, for a lock or an answer."""

WRITER_LOCK_SECONDS = 5
"""Of a unit of work, for whoever holds what it wants."""

UNIT_SECONDS = 15
"""Of whoever reads or writes: each statement by the server's clock, and all by ours.

The feed is looked back into for four times as long: see `postgres_feed`.
"""

FAREWELL_SECONDS = 1
"""For a server to take leave: it may be out of reach, and never hear it."""
