"""Sessions: conversations that are no venue's WebSocket, without I/O.

A plugin writes a `Session` (what messages mean) and gives a `Transport` (how they are carried); the
core connects, retries, watches for silence and shares the session among sources of one connection.
`open_websocket_transport` is the transport of those that speak over a WebSocket: their targets are
a `Handshake` of bond_core.feeds.
"""

from bond_core._sessions.contract import Member, Session, Transport
from bond_core._sessions.websocket import WebSocketTransport, open_websocket_transport

__all__ = ["Member", "Session", "Transport", "WebSocketTransport", "open_websocket_transport"]
