"""WebSockets: a client on trio, and the reader that splits one read into a batch of messages. A
source that reads answers with another client hands their headers to `note_answer`, since those of
simulators say what they are."""

from bond_core._simulated import SIMULATOR, note_answer
from bond_core._ws.client import HandshakeRefused, WebSocket, open_websocket
from bond_core._ws.frames import FrameReader, text_frame

__all__ = [
  "SIMULATOR",
  "FrameReader",
  "HandshakeRefused",
  "WebSocket",
  "note_answer",
  "open_websocket",
  "text_frame",
]
