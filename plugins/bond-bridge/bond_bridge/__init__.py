"""asyncio and blocking libraries under trio."""

from bond_bridge.bridge import AsyncioThread, iterate_in_thread

__all__ = ["AsyncioThread", "iterate_in_thread"]
