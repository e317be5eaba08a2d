"""One WebSocket of OKX: subscribe and unsubscribe, answered one by one, errors and the text ping
("WebSocket": subscribe, unsubscribe, notification, error codes)."""

from collections import Counter, deque
from typing import Any

import msgspec
import trio

from bond_sim.hub import Wrap
from bond_sim.okx.source import Source
from bond_sim.websocket import Connection

REQUESTS, REQUESTS_SECONDS = 480, 3600.0
MAX_CHANNEL_BYTES = 64 * 1024


class OkxSession:
  """The subscriptions of one connection."""

  def __init__(
    self, source: Source, connection: Connection, path: str, violations: Counter[str]
  ) -> None:
    self._source = source
    self._connection = connection
    self._path = path
    self._violations = violations
    self._id = f"{connection.number:08x}"
    self._asked: deque[float] = deque()
    self._joined: set[str] = set()
    source.hub.open(connection, self.notice)

  def received(self, data: bytes, *, binary: bool) -> None:
    if data == b"ping":
      self._connection.send_text(b"pong")
      return
    try:
      request = msgspec.json.decode(data, type=dict[str, Any])
      operation, args = request["op"], request["args"]
      if operation not in ("subscribe", "unsubscribe") or not _channels(args):
        raise ValueError(operation)
    except (ValueError, KeyError):
      text = data.decode(errors="replace")
      self._error("60012", f"Illegal request: {text[:200]}", None)
      return
    number = request.get("id")
    number = number if isinstance(number, str) and len(number) <= 32 else None
    if not self._admitted(len(data), number):
      return
    for arg in args:
      self._carry_out(operation, arg, number)

  def closed(self) -> None:
    self._source.hub.close(self._connection)

  def notice(self) -> bytes | None:
    """What the venue says before it closes a connection for a service upgrade."""
    return msgspec.json.encode(
      {
        "event": "notice",
        "code": "64008",
        "msg": "The connection will soon be closed for a service upgrade. Please reconnect.",
        "connId": self._id,
      }
    )

  def _admitted(self, size: int, number: str | None) -> bool:
    """Whether the request keeps the published limits."""
    now = trio.current_time()
    while self._asked and self._asked[0] <= now - REQUESTS_SECONDS:
      self._asked.popleft()
    self._asked.append(now)
    if len(self._asked) > REQUESTS:
      self._violations["requests an hour"] += 1
      self._error("60014", "Requests too frequent.", number)
      return False
    if size > MAX_CHANNEL_BYTES:
      self._violations["bytes of channels"] += 1
      self._error("60012", "Illegal request: the channels are longer than 64 KB", number)
      return False
    return True

  def _carry_out(self, operation: str, arg: dict[str, Any], number: str | None) -> None:
    channel, symbol = str(arg.get("channel", "")), str(arg.get("instId", ""))
    found = self._source.find(self._path, channel, symbol, str(arg.get("instType", "")))
    if found is None:
      of = f"instId:{symbol}" if symbol else f"instType:{arg.get('instType', '')}"
      self._error(
        "60018",
        f"Wrong URL or channel:{channel},{of} doesn't exist. Please use the correct URL, channel "
        "and parameters referring to API document.",
        number,
      )
      return
    hub, name = self._source.hub, found.name
    joins = operation == "subscribe" and name not in self._joined
    firsts = found.first() if joins else []
    answer = {"event": operation, "arg": arg, "connId": self._id}
    self._connection.send_text(
      msgspec.json.encode(answer if number is None else {"id": number, **answer})
    )
    if joins:
      self._joined.add(name)
      for first in firsts:
        self._connection.send_text(first)
      hub.join(self._connection, name, Wrap())
    elif operation == "unsubscribe" and name in self._joined:
      self._joined.remove(name)
      hub.leave(self._connection, name, Wrap())

  def _error(self, code: str, message: str, number: str | None) -> None:
    body = {"event": "error", "code": code, "msg": message, "connId": self._id}
    self._connection.send_text(
      msgspec.json.encode(body if number is None else {"id": number, **body})
    )


def _channels(args: object) -> bool:
  """Whether these are channels as a request lists them."""
  return isinstance(args, list) and all(isinstance(arg, dict) for arg in args)
