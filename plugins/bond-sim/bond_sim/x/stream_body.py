"""The body of a filtered stream's response."""

import zlib
from collections.abc import Callable
from typing import Literal

import trio
from bond_simkit import Abort

HEARTBEAT = 5.0
"""Seconds after which a blank line is sent."""

_GZIP = 31
"""The window of zlib that makes gzip."""

StreamFault = Literal["drop", "silence", "end"]


class XStreamBody:
  """What one connection is sent: `backfill`, then lines from the channel, blank lines where there
  are none, until a fault; as gzip, line by line, where it is `packed`. `gone` is called when it
  ends: at the latest with the object, since the server drops it when the client has gone."""

  def __init__(
    self,
    receive: "trio.MemoryReceiveChannel[bytes | StreamFault]",
    backfill: list[bytes],
    gone: Callable[[], None],
    *,
    packed: bool = False,
  ) -> None:
    self._receive, self._gone = receive, gone
    self._packer = zlib.compressobj(wbits=_GZIP) if packed else None
    self._first = b"".join(backfill) or b"\r\n"

  def __aiter__(self) -> "XStreamBody":
    return self

  async def __anext__(self) -> bytes:
    if self._first:
      first, self._first = self._first, b""
      return self._packed(first)
    line: bytes | StreamFault = b"\r\n"
    try:
      with trio.move_on_after(HEARTBEAT):
        line = await self._receive.receive()
    except trio.EndOfChannel:
      # The client was too slow: X ends the connection, and the posts in it are lost.
      line = "end"
    if isinstance(line, bytes):
      return self._packed(line)
    # Here, and not only when the object is deleted: the client may be back before that.
    self._gone()
    if line == "drop":
      raise Abort
    if line == "silence":
      await trio.sleep_forever()
    raise StopAsyncIteration

  def _packed(self, data: bytes) -> bytes:
    if self._packer is None:
      return data
    return self._packer.compress(data) + self._packer.flush(zlib.Z_SYNC_FLUSH)

  def __del__(self) -> None:
    self._gone()
