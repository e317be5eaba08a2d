"""One WebSocket of OKX: subscribe and unsubscribe, answered channel by channel, errors and the text
ping ("WebSocket": subscribe, unsubscribe, notification, error codes)."""

from collections import Counter
from typing import Any

import msgspec
from bond_simkit import ClientConnection, RateMeter

from bond_sim.okx.markets import OkxMarkets, OkxSocketPath

REQUESTS, REQUESTS_SECONDS = 480, 3600.0
MAX_CHANNEL_BYTES = 64 * 1024


class OkxClientHandler:
  """The subscriptions of one connection."""

  def __init__(
    self,
    markets: OkxMarkets,
    connection: ClientConnection,
    path: OkxSocketPath,
    violations: Counter[str],
  ) -> None:
    self._markets = markets
    self._connection = connection
    self._path = path
    self._violations = violations
    self._id = f"{connection.number:08x}"
    self._requests = RateMeter(REQUESTS, REQUESTS_SECONDS)
    self._topics: set[str] = set()
    markets.fanout.open(connection, self.notice)

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
    self._markets.fanout.close(self._connection)

  def notice(self) -> bytes | None:
    """The notice before the venue closes a connection for a service upgrade."""
    return msgspec.json.encode(
      {
        "event": "notice",
        "code": "64008",
        "msg": "The connection will soon be closed for a service upgrade. Please reconnect.",
        "connId": self._id,
      }
    )

  def _admitted(self, size: int, number: str | None) -> bool:
    """Whether a request is within the published limits."""
    if not self._requests.admit():
      self._violations["requests an hour"] += 1
      self._error("60014", "Requests too frequent.", number)
      return False
    if size > MAX_CHANNEL_BYTES:
      self._violations["bytes of channels"] += 1
      self._error("60012", "Illegal request: the channels are longer than 64 KB", number)
      return False
    return True

  def _carry_out(self, operation: str, arg: dict[str, Any], number: str | None) -> None:
    name, symbol = str(arg.get("channel", "")), str(arg.get("instId", ""))
    channel = self._markets.find(self._path, name, symbol, str(arg.get("instType", "")))
    if channel is None:
      of = f"instId:{symbol}" if symbol else f"instType:{arg.get('instType', '')}"
      self._error(
        "60018",
        f"Wrong URL or channel:{name},{of} doesn't exist. Please use the correct URL, channel "
        "and parameters referring to API document.",
        number,
      )
      return
    fanout, topic = self._markets.fanout, channel.topic
    subscribes = operation == "subscribe" and topic not in self._topics
    first = channel.first() if subscribes else []
    answer = {"event": operation, "arg": arg, "connId": self._id}
    self._connection.send_text(
      msgspec.json.encode(answer if number is None else {"id": number, **answer})
    )
    if subscribes:
      self._topics.add(topic)
      for message in first:
        self._connection.send_text(message)
      fanout.subscribe(self._connection, topic)
    elif operation == "unsubscribe" and topic in self._topics:
      self._topics.remove(topic)
      fanout.unsubscribe(self._connection, topic)

  def _error(self, code: str, message: str, number: str | None) -> None:
    body = {"event": "error", "code": code, "msg": message, "connId": self._id}
    self._connection.send_text(
      msgspec.json.encode(body if number is None else {"id": number, **body})
    )


def _channels(args: object) -> bool:
  """Whether these are channels as a request lists them."""
  return isinstance(args, list) and all(isinstance(arg, dict) for arg in args)
