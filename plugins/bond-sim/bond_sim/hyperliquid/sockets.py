"""One WebSocket of Hyperliquid: subscribe, unsubscribe, ping and post ("WebSocket"). A coin that
does not exist ends the connection without a word, as recorded sessions show; candles that do not
are refused, as its clients' authors have seen it."""

from collections import Counter
from typing import Any

import msgspec
from bond_simkit import ClientConnection, RateMeter, TcpClose

from bond_sim.hyperliquid.markets import HyperliquidMarkets, HyperliquidSubscription

MESSAGES, MESSAGES_SECONDS = 2_000, 60.0
SUBSCRIPTIONS = 1_000


class Addresses:
  """What each address does, all its connections together, against the published limits."""

  def __init__(self) -> None:
    self.violations: Counter[str] = Counter()
    self.subscriptions: Counter[str] = Counter()
    self.connections: Counter[str] = Counter()
    self.messages = RateMeter(MESSAGES, MESSAGES_SECONDS)


class HyperliquidClientHandler:
  """The subscriptions of one connection."""

  def __init__(
    self, markets: HyperliquidMarkets, connection: ClientConnection, addresses: Addresses
  ) -> None:
    self._markets = markets
    self._connection = connection
    self._addresses = addresses
    self._peer = connection.request.peer
    self._topics: dict[str, str] = {}
    """Topic of the fan-out by what was subscribed to."""
    addresses.connections[self._peer] += 1
    markets.fanout.open(connection)

  def received(self, data: bytes, *, binary: bool) -> None:
    if not self._addresses.messages.admit(self._peer):
      self._addresses.violations["messages a minute"] += 1
      self._error("Too many websocket messages")
      return
    try:
      request = msgspec.json.decode(data, type=dict[str, Any])
      match request.get("method"):
        case "ping":
          self._send({"channel": "pong"})
        case "post":
          self._post(request)
        case "subscribe" | "unsubscribe" as method:
          wanted = msgspec.convert(request["subscription"], HyperliquidSubscription)
          (self._subscribe if method == "subscribe" else self._unsubscribe)(wanted)
        case method:
          raise ValueError(method)
    except (ValueError, KeyError, TypeError):
      text = data.decode(errors="replace")
      self._error(f"Error parsing JSON into valid websocket request: {text[:500]}")

  def closed(self) -> None:
    self._addresses.connections[self._peer] -= 1
    self._addresses.subscriptions[self._peer] -= len(self._topics)
    self._markets.fanout.close(self._connection)

  def _subscribe(self, wanted: HyperliquidSubscription) -> None:
    if wanted.topic in self._topics:
      self._error(f"Already subscribed: {msgspec.json.encode(wanted.echo()).decode()}")
      return
    channel = self._markets.find(wanted)
    if channel is None and wanted.type == "candle":
      self._error(f"Invalid subscription {msgspec.json.encode(wanted.echo()).decode()}")
      return
    if channel is None:
      self._connection.finish(TcpClose.FIN)
      return
    if self._addresses.subscriptions[self._peer] >= SUBSCRIPTIONS:
      self._addresses.violations["subscriptions"] += 1
      self._error("Cannot track more than 1000 total subscriptions.")
      return
    self._addresses.subscriptions[self._peer] += 1
    self._topics[wanted.topic] = channel.topic
    self._respond("subscribe", wanted)
    for message in channel.first():
      self._connection.send_text(message)
    self._markets.fanout.subscribe(self._connection, channel.topic)

  def _unsubscribe(self, wanted: HyperliquidSubscription) -> None:
    topic = self._topics.pop(wanted.topic, None)
    if topic is None:
      self._error(f"Already unsubscribed: {msgspec.json.encode(wanted.echo()).decode()}")
      return
    self._addresses.subscriptions[self._peer] -= 1
    self._markets.fanout.unsubscribe(self._connection, topic)
    self._respond("unsubscribe", wanted)

  def _post(self, request: dict[str, Any]) -> None:
    number, inner = int(request["id"]), request["request"]
    if inner["type"] != "info":
      raise ValueError(inner["type"])
    payload = inner["payload"]
    data = {"type": payload["type"], "data": self._markets.info(payload)}
    response = {"type": "info", "payload": data}
    self._send({"channel": "post", "data": {"id": number, "response": response}})

  def _respond(self, method: str, wanted: HyperliquidSubscription) -> None:
    data = {"method": method, "subscription": wanted.echo()}
    self._send({"channel": "subscriptionResponse", "data": data})

  def _error(self, text: str) -> None:
    self._send({"channel": "error", "data": text})

  def _send(self, message: dict[str, Any]) -> None:
    self._connection.send_text(msgspec.json.encode(message))
