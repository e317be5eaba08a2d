"""asyncio and blocking libraries under trio."""

from bond_bridge.bridge import AsyncioThread, LibraryError, iterate_in_thread

__all__ = ["AsyncioThread", "LibraryError", "iterate_in_thread"]
