"""The body of a filtered stream's response."""

from collections.abc import Callable
from typing import Literal

import trio
from bond_simkit import Abort

HEARTBEAT = 5.0
"""Seconds after which a blank line is sent."""

StreamFault = Literal["drop", "silence", "end"]


class XStreamBody:
  """What one connection is sent: `backfill`, then lines from the channel, blank lines where there
  are none, until a fault. `gone` is called when it ends: at the latest with the object, since the
  server drops it when the client has gone."""

  def __init__(
    self,
    receive: "trio.MemoryReceiveChannel[bytes | StreamFault]",
    backfill: list[bytes],
    gone: Callable[[], None],
  ) -> None:
    self._receive, self._gone = receive, gone
    self._first = b"".join(backfill) or b"\r\n"

  def __aiter__(self) -> "XStreamBody":
    return self

  async def __anext__(self) -> bytes:
    if self._first:
      first, self._first = self._first, b""
      return first
    line: bytes | StreamFault = b"\r\n"
    try:
      with trio.move_on_after(HEARTBEAT):
        line = await self._receive.receive()
    except trio.EndOfChannel:
      # The client was too slow: X ends the connection, and the posts in it are lost.
      line = "end"
    if isinstance(line, bytes):
      return line
    # Here, and not only when the object is deleted: the client may be back before that.
    self._gone()
    if line == "drop":
      raise Abort
    if line == "silence":
      await trio.sleep_forever()
    raise StopAsyncIteration

  def __del__(self) -> None:
    self._gone()
