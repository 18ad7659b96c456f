"""New identifiers: UUIDs of version 7, ordered by creation (RFC 9562 §5.7)."""

import sys

if sys.version_info >= (3, 14):
    from uuid import uuid7
else:
    from uuid_utils.compat import uuid7

__all__ = ["uuid7"]
