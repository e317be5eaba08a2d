"""One WebSocket of Binance: the streams in its URL, control messages, and the split of USD-M
futures by path (a stream on the wrong path is accepted and never served, as on the venue)."""

from collections.abc import Callable

import msgspec
from bond_simkit import BARE, ClientConnection, CloseFrame, Envelope

from bond_sim.binance import limits
from bond_sim.binance.control_messages import (
  BinanceControlError,
  BinanceControlMessage,
  property_value,
  read_message,
  stream_names,
)
from bond_sim.binance.markets import BinanceMarkets
from bond_sim.binance.paths import SPOT, USDM, BinancePath
from bond_sim.binance.stream_names import parse_stream_name


def is_stream_path(path: str) -> bool:
  """Whether a path is /ws, /ws/<streams> or /stream."""
  return path in ("/ws", "/stream", "/stream/") or path.startswith("/ws/")


class BinanceClientHandler:
  """The subscriptions of one connection. `ignored` is called with each name that will not be
  served, and why."""

  def __init__(
    self,
    markets: BinanceMarkets,
    connection: ClientConnection,
    location: BinancePath,
    ignored: Callable[[str, str], None],
  ) -> None:
    self._markets = markets
    self._connection = connection
    self._location = location
    self._ignored = ignored
    self._combined = location.path.startswith("/stream")
    self._subscriptions: dict[str, tuple[str, Envelope] | None] = {}
    """Topic and envelope by stream name, None for a name that is not served."""
    markets.fanout.open(connection, self.notice)
    listed = connection.request.param("streams") if self._combined else location.path[4:]
    self._subscribe([name for name in (listed or "").split("/") if name])

  def received(self, data: bytes, *, binary: bool) -> None:
    if binary:
      self._connection.finish(CloseFrame(1008, "Invalid request"))
      return
    try:
      message = read_message(data, spot=self._location.market == SPOT)
      result = self._carry_out(message)
      answer = {"result": result, "id": message.id}
    except BinanceControlError as error:
      answer = error.body
    self._connection.send_text(msgspec.json.encode(answer))

  def closed(self) -> None:
    self._markets.fanout.close(self._connection)

  def notice(self) -> bytes | None:
    """The serverShutdown event of spot; futures document none."""
    if self._location.market != SPOT:
      return None
    event = msgspec.json.encode({"e": "serverShutdown", "E": self._markets.now_ms()})
    envelope = self._envelope("!serverShutdown")
    return envelope.prefix + event + envelope.suffix

  def _carry_out(self, message: BinanceControlMessage) -> list[str] | bool | None:
    if message.method == "SUBSCRIBE":
      self._subscribe(stream_names(message))
    elif message.method == "UNSUBSCRIBE":
      for name in stream_names(message):
        self._unsubscribe(name)
    elif message.method == "LIST_SUBSCRIPTIONS":
      return list(self._subscriptions)
    else:
      value = property_value(message)
      if value is None:
        return self._combined
      if value != self._combined:
        names = list(self._subscriptions)
        for name in names:
          self._unsubscribe(name)
        self._combined = value
        self._subscribe(names)
    return None

  def _subscribe(self, names: list[str]) -> None:
    for name in names:
      if name in self._subscriptions:
        continue
      topic = self._topic(name)
      self._subscriptions[name] = None if topic is None else (topic, self._envelope(name))
      if topic is not None:
        self._markets.fanout.subscribe(self._connection, topic, self._envelope(name))
    if len(self._subscriptions) > limits.MAX_STREAMS[self._location.market]:
      # The limit is published, the venue's answer is not.
      self._connection.finish(CloseFrame(1008, "Too many subscriptions"))

  def _unsubscribe(self, name: str) -> None:
    subscription = self._subscriptions.pop(name, None)
    if subscription is not None:
      self._markets.fanout.unsubscribe(self._connection, *subscription)

  def _topic(self, name: str) -> str | None:
    stream = parse_stream_name(self._location.market, name)
    if stream is None:
      self._ignored(name, "no such stream")
      return None
    # A connection without a route gets what is served on /public.
    if self._location.market == USDM and (self._location.route or "public") != stream.routed:
      self._ignored(name, f"served on /{stream.routed} only")
      return None
    topic = self._markets.resolve(self._location.market, name)
    if topic is None:
      self._ignored(name, "the market has no such symbol, or the recording no such stream")
    return topic

  def _envelope(self, name: str) -> Envelope:
    if not self._combined:
      return BARE
    return Envelope(b'{"stream":%b,"data":' % msgspec.json.encode(name), b"}")
