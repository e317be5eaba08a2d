"""Sessions: conversations that are no venue's WebSocket, without I/O.

A plugin writes a `Session` (what messages mean) and a `Transport` (how they are carried); the core
connects, retries, watches for silence and shares the session among sources of one connection.
"""

from bond_core._sessions.contract import Member, Session, Transport

__all__ = ["Member", "Session", "Transport"]
