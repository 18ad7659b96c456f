"""The reference storage, in memory: for tests and for reading."""

from tokenpair.stores.memory.storage import MemoryStorage

__all__ = ["MemoryStorage"]
