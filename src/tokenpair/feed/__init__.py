"""The feed of revocations: how every worker learns within moments what has been revoked.

The table in the storage is the truth, and each worker polls it. A wake-up only makes the next
poll happen now: it carries no content and may be lost.
"""

from tokenpair.feed.follow import Feed

__all__ = ["Feed"]
