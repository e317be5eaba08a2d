"""One WebSocket of Coinbase: subscribe and unsubscribe, each answered with all subscriptions,
errors, heartbeats; every message has the connection's next number ("WebSocket Overview")."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import msgspec
from bond_simkit import ClientConnection, RateMeter, VenueTime

from bond_sim.coinbase.markets import CHANNELS, CoinbaseMarkets
from bond_sim.coinbase.writer import message

MESSAGES, MESSAGES_SECONDS = 8, 1.0
HEARTBEATS = "heartbeats"
_NUMBER = b'"sequence_num":0'


class CoinbaseClientHandler:
  """The subscriptions of one connection."""

  def __init__(
    self,
    markets: CoinbaseMarkets,
    connection: ClientConnection,
    clock: VenueTime,
    messages: RateMeter,
    violations: Counter[str],
    closed: Callable[["CoinbaseClientHandler"], object],
  ) -> None:
    self._markets = markets
    self._connection = connection
    self._clock = clock
    self._messages = messages
    self._violations = violations
    self._closed = closed
    self._subscriptions: dict[str, dict[str, str]] = {}
    """Topic of the fan-out by channel and product."""
    self._beats = False
    self._number = 0
    markets.fanout.open(connection, stamp=self._stamp)

  def received(self, data: bytes, *, binary: bool) -> None:
    if not self._messages.admit(self._connection.request.peer):
      self._violations["messages a second"] += 1
      self._error("rate limit exceeded")
      return
    try:
      request = msgspec.json.decode(data, type=dict[str, Any])
      channel, products = request["channel"], request.get("product_ids", [])
      if request["type"] not in ("subscribe", "unsubscribe") or not isinstance(products, list):
        raise ValueError(request["type"])
    except (ValueError, KeyError):
      self._error("failed to parse the message")
      return
    if channel == HEARTBEATS:
      self._beats = request["type"] == "subscribe"
      self._answer()
    elif channel not in CHANNELS or not products:
      self._error(f"channel {channel!r} cannot be subscribed to with these products")
    elif request["type"] == "subscribe":
      self._subscribe(channel, [str(product) for product in products])
    else:
      carried = self._subscriptions.get(channel, {})
      for product in products:
        if (topic := carried.pop(product, None)) is not None and topic not in carried.values():
          self._markets.fanout.unsubscribe(self._connection, topic)
      self._answer()

  def closed(self) -> None:
    self._closed(self)
    self._markets.fanout.close(self._connection)

  def beat(self, counter: int) -> None:
    """Sends a heartbeat where they are subscribed to."""
    if self._beats:
      now = self._clock.now_ms()
      event = {"current_time": f"{now / 1000:.3f}", "heartbeat_counter": counter}
      self._send(message(HEARTBEATS, now, [event]))

  def _subscribe(self, channel: str, products: list[str]) -> None:
    found = [(product, self._markets.find(channel, product)) for product in products]
    if wrong := next((product for product, one in found if one is None), None):
      self._error(f"{wrong} is not a valid product")
      return
    carried = self._subscriptions.setdefault(channel, {})
    new = [(product, one) for product, one in found if one is not None and product not in carried]
    carried.update((product, one.topic) for product, one in new)
    self._answer()
    for _, one in new:
      for first in one.first():
        self._send(first)
      if not self._reads(one.topic):
        self._markets.fanout.subscribe(self._connection, one.topic)

  def _reads(self, topic: str) -> bool:
    return any(topic == name for name, _ in self._markets.fanout.subscriptions[self._connection])

  def _answer(self) -> None:
    named = {channel: list(products) for channel, products in self._subscriptions.items()}
    named = {channel: products for channel, products in named.items() if products}
    if self._beats:
      named[HEARTBEATS] = [HEARTBEATS]
    self._send(message("subscriptions", self._clock.now_ms(), [{"subscriptions": named}]))

  def _error(self, text: str) -> None:
    self._connection.send_text(msgspec.json.encode({"type": "error", "message": text}))

  def _send(self, data: bytes) -> None:
    self._connection.send_text(self._stamp(data))

  def _stamp(self, data: bytes) -> bytes:
    """The message with the connection's next number."""
    number, self._number = self._number, self._number + 1
    return data.replace(_NUMBER, b'"sequence_num":%d' % number, 1)
