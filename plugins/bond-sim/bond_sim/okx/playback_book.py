"""The book of a recorded market, for clients that subscribe in the middle of the recording."""

import zlib
from typing import Any

import msgspec

CHECKSUM_LEVELS = 25
"""Levels a side that the checksum covers ("Order book channel", checksum)."""

_Row = list[str]


class _Levels(msgspec.Struct):
  asks: list[_Row]
  bids: list[_Row]


class _Message(msgspec.Struct):
  action: str
  data: list[_Levels]


_read = msgspec.json.Decoder(_Message).decode


class OkxPlaybackBook:
  """Rows by price, as the venue wrote them. `began` is true once a snapshot was played."""

  def __init__(self) -> None:
    self.began = False
    self._bids: dict[float, _Row] = {}
    self._asks: dict[float, _Row] = {}
    self._last: dict[str, Any] = {}

  def played(self, data: bytes) -> None:
    """Applies a message of the channel that was published."""
    message = _read(data)
    self._last = msgspec.json.decode(data)
    if message.action == "snapshot":
      self.began = True
      self._bids.clear()
      self._asks.clear()
    for levels in message.data:
      for side, rows in ((self._bids, levels.bids), (self._asks, levels.asks)):
        for row in rows:
          if float(row[1]):
            side[float(row[0])] = row
          else:
            side.pop(float(row[0]), None)

  def rows(self, levels: int) -> dict[str, list[_Row]]:
    """The best rows of both sides."""
    bids = [row for _, row in sorted(self._bids.items(), reverse=True)[:levels]]
    asks = [row for _, row in sorted(self._asks.items())[:levels]]
    return {"asks": asks, "bids": bids}

  def snapshot(self) -> bytes:
    """The first message for a client that subscribes now: all levels, with the time and numbers of
    the last message that was played, and a checksum of these rows."""
    [data] = self._last["data"]
    rows = self.rows(400)
    data = {**data, **rows, "checksum": checksum(rows["bids"], rows["asks"])}
    if "prevSeqId" in data:
      data["prevSeqId"] = -1
    return msgspec.json.encode({**self._last, "action": "snapshot", "data": [data]})


def checksum(bids: list[_Row], asks: list[_Row]) -> int:
  """CRC32, signed, of price:size of the best levels, bids and asks in turn."""
  parts: list[str] = []
  for number in range(CHECKSUM_LEVELS):
    parts += [":".join(side[number][:2]) for side in (bids, asks) if number < len(side)]
  crc = zlib.crc32(":".join(parts).encode())
  return crc - (1 << 32) if crc >= 1 << 31 else crc
