"""WebSockets: a client on trio, and the reader that splits one read into a batch of messages."""

from bond_core._ws.client import HandshakeRefused, WebSocket, open_websocket
from bond_core._ws.frames import FrameReader, text_frame

__all__ = ["FrameReader", "HandshakeRefused", "WebSocket", "open_websocket", "text_frame"]
