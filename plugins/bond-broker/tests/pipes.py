"""Transports that a test opens and closes like a tap, and what came through them."""

import msgspec
import trio

from bond_core._ws.frames import text_frame


class Pipe:
  """A client's socket whose reader is the test. `room` is what the kernel would take; None is no
  limit."""

  waits = False
  address = "test"

  def __init__(self):
    self.room = None
    self.gone = False
    self.received = bytearray()
    self.held = 0
    self._opened = trio.Event()

  def _take(self, data):
    if self.gone:
      raise ConnectionResetError
    taken = len(data) if self.room is None else min(self.room, len(data))
    if self.room is not None:
      self.room -= taken
    self.received += data[:taken]
    return taken

  def send_now(self, data):
    taken = self._take(data)
    if not taken:
      raise BlockingIOError
    return taken

  async def send(self, data):
    self.held = len(data)
    while self.room == 0 and not self.gone:
      await self._opened.wait()
    await trio.lowlevel.checkpoint()
    return self._take(data)

  async def receive(self):
    await trio.sleep_forever()

  def open(self, room=None):
    self.room = room
    self._opened.set()
    self._opened = trio.Event()

  def close(self):
    self.gone = True

  def messages(self):
    """The whole messages that have come; the rest stays."""
    found = []
    data = self.received
    at = 0
    while len(data) - at >= 2:
      length, start = data[at + 1], at + 2
      if length == 126:
        length, start = int.from_bytes(data[at + 2 : at + 4], "big"), at + 4
      elif length == 127:
        length, start = int.from_bytes(data[at + 2 : at + 10], "big"), at + 10
      if len(data) < start + length:
        break
      if data[at] == 0x81:
        found.append(msgspec.json.decode(bytes(data[start : start + length])))
      at = start + length
    del data[:at]
    return found


class Waiting(Pipe):
  """The same for a socket that can only be written to by waiting, as with TLS."""

  waits = True

  def send_now(self, data):
    raise BlockingIOError


__all__ = ["Pipe", "Waiting", "text_frame"]
