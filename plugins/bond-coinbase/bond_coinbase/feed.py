"""Coinbase's feed: one family of connections, each with heartbeats, numbered message by message.

A topic is named CHANNEL PRODUCT here, by the channel that is subscribed to.
"""

import re

import msgspec
from bond_venuekit import FormingCandles, NumberedConnectionFeed

from bond_coinbase.apart import NAMED, by_product, products
from bond_coinbase.endpoints import LIMITS, PUBLIC, Connection
from bond_coinbase.listing import coinbase_markets, names_of
from bond_coinbase.messages import decode_other
from bond_coinbase.states import BookState, TickerState, TradesState, read_candles
from bond_coinbase.symbols import EXCHANGE, TITLE, check_served, product_id
from bond_core import Batch
from bond_core.feeds import Handshake, Limits, Moment, Reset, Send, Subscription
from bond_core.venues import (
  SECOND,
  Answer,
  Confirmed,
  Denied,
  FeedControl,
  Operation,
  RequestForm,
  SubscriptionState,
  Topic,
  TopicMessage,
  Unknown,
)

CHANNELS = ("trades", "orderbook", "ticker", "candle")
HEARTBEATS = b'{"type":"subscribe","channel":"heartbeats"}'
SILENT_NS = 10 * SECOND
"""A heartbeat comes every second."""
LATE_NS = 50 * SECOND
"""What sends other messages lives; but without heartbeats the venue closes channels after 60 s."""
KEPT_NS = 60 * SECOND
"""So long at least messages of a product may come that is no longer subscribed to."""

_NAMES = {
  "trades": "market_trades",
  "orderbook": "level2",
  "ticker": "ticker",
  "candle": "candles",
}
_SENT_AS = {
  b"l2_data": b"level2",
  b"market_trades": b"market_trades",
  b"ticker": b"ticker",
  b"candles": b"candles",
}
_DATA = b"|".join(_SENT_AS)
_NUMBER = re.compile(rb'"sequence_num":\s{0,8}(\d{1,15})[,}\s]').search
_BEGIN = re.compile(rb'\{"channel":"(%b)"' % _DATA).match
_CHANNEL = re.compile(rb'"channel":\s?"(%b|heartbeats|subscriptions)"' % _DATA).search
_PRODUCT = b'"product_id":"'
_NO_ROWS = re.compile(rb'"(trades|tickers|candles)":\s?\[\s?\]').search


def coinbase_feed(connection: Connection) -> "CoinbaseFeed":
  """The feed of one connection identity."""
  return CoinbaseFeed(connection)


class CoinbaseFeed(NumberedConnectionFeed):
  """Subscribes to heartbeats as well, and resets a connection that lacks them."""

  def __init__(self, connection: Connection) -> None:
    numbers = self._of_messages = Numbers()
    self._kept_ns = 0
    super().__init__(
      EXCHANGE,
      TITLE,
      number_of=numbers.number_of,
      split=by_product,
      names=names_of(connection),
      channels=CHANNELS,
      topics=CoinbaseTopics(connection, numbers),
      requests=RequestForm(encode_request, together=lambda argument: argument.split(" ")[0]),
      read_answer=self.read_answer,
      opening=b"",
      closing=b"",
      key_of=key_of,
      markets=coinbase_markets(connection),
    )
    self._heard: dict[int, int] = {}
    """When each connection was opened or last had a heartbeat (monotonic ns)."""
    self._spoke: dict[int, int] = {}
    """When each connection last had any message."""
    self._greeted: set[int] = set()
    """Connections on which the subscription to heartbeats was answered."""

  def opening_messages(self, group: str, subscriptions: list[Subscription]) -> list[bytes]:
    return [HEARTBEATS, *super().opening_messages(group, subscriptions)]

  def on_open(
    self, connection: int, subscriptions: list[Subscription], *, overlap: bool, now: Moment
  ) -> None:
    self._heard[connection] = now.mono_ns
    self.actions.append(Send(connection, HEARTBEATS))
    super().on_open(connection, subscriptions, overlap=overlap, now=now)

  def on_close(self, connection: int) -> None:
    self._heard.pop(connection, None)
    self._spoke.pop(connection, None)
    self._greeted.discard(connection)
    super().on_close(connection)

  def on_frames(self, connection: int, frames: list[bytes], received: Moment) -> Batch:
    if connection in self._heard:
      self._spoke[connection] = received.mono_ns
    return super().on_frames(connection, frames, received)

  def on_timer(self, now: Moment) -> Batch:
    for connection, heard in self._heard.items():
      silent = now.mono_ns - self._spoke.get(connection, 0) > SILENT_NS
      limit = SILENT_NS if silent else LATE_NS
      if now.mono_ns - heard > limit:
        self._heard[connection] = now.mono_ns
        reason = f"{TITLE} sent no heartbeat for {limit // SECOND} s"
        self.actions.append(Reset(connection, reason))
    if now.mono_ns - self._kept_ns > KEPT_NS:
      self._kept_ns = now.mono_ns
      carried = (product_id(state.subscription.instrument) for state in self.states())
      self._of_messages.keep({product.encode() for product in carried})
    return super().on_timer(now)

  def read_answer(self, connection: int, frame: bytes) -> Answer | None:
    """What a message means that does not begin as a topic's does."""
    other = decode_other(frame)
    match other.channel:
      case "heartbeats":
        self._heard[connection] = self.now_ns
        return None
      case "subscriptions":
        # One for each request, in their order; the first request is the one for heartbeats.
        if connection in self._greeted:
          return Confirmed(None)
        self._greeted.add(connection)
        return None
      case "l2_data" | "market_trades" | "ticker" | "candles":
        channel = _SENT_AS[other.channel.encode()].decode()
        named = [product for event in other.events for product in products(event)]
        return TopicMessage(f"{channel} {named[0]}" if named else "")
      case _ if other.type == "error":
        return Denied(None, other.message)
      case _:
        return Unknown()


class CoinbaseTopics:
  """Which topic carries a subscription, and what reads it."""

  def __init__(self, connection: Connection, numbers: "Numbers") -> None:
    self._endpoint = connection
    self._numbers = numbers

  def group(self, subscription: Subscription) -> str:
    check_served(subscription.instrument)
    return PUBLIC

  def limits(self, group: str) -> Limits:
    return LIMITS

  def handshake(self, group: str, names: list[str]) -> Handshake:
    return Handshake(self._endpoint.websocket)

  def topic(self, subscription: Subscription) -> Topic:
    product = product_id(subscription.instrument)
    self._numbers.add(product.encode())
    name = f"{_NAMES[subscription.channel]} {product}"
    # What two connections carry has other numbers and times on each.
    alone = subscription.channel != "trades"
    return Topic(name, argument=name, one_connection=alone)

  def state(self, subscription: Subscription, name: str, feed: FeedControl) -> SubscriptionState:
    match subscription.channel:
      case "trades":
        return TradesState(subscription, name)
      case "orderbook":
        return BookState(subscription, name, feed)
      case "ticker":
        return TickerState(subscription, name)
      case _:
        return FormingCandles(subscription, name, read_candles)


def encode_request(operation: Operation, arguments: str, number: int) -> bytes:
  """A request to subscribe or unsubscribe to products of one channel."""
  named = [argument.split(" ") for argument in arguments.split(",")]
  products = [product for _, product in named]
  return msgspec.json.encode({"type": operation, "product_ids": products, "channel": named[0][0]})


class Numbers:
  """Reads the numbers of messages. One that does not show what it is about, of all that was
  subscribed to lately, counts as one that did not come."""

  def __init__(self) -> None:
    self.products: set[bytes] = set()
    """Those that are subscribed to, or were until lately."""
    self._ended: set[bytes] = set()
    """Those of them that were not carried at the last call."""

  def add(self, product: bytes) -> None:
    """Notes a product that is subscribed to."""
    self.products.add(product)
    self._ended.discard(product)

  def keep(self, carried: set[bytes]) -> None:
    """Forgets the products that are not carried now, and were not at the last call."""
    ended = self.products - carried
    self.products -= ended & self._ended
    self._ended = ended

  def number_of(self, frame: bytes) -> int | None:
    """The number of a message in its connection, None for none."""
    channel = _CHANNEL(frame)
    if channel is None:
      return None
    if channel[1] in _SENT_AS and not _NO_ROWS(frame):
      named = NAMED(frame)
      if named is None or named[1] not in self.products:
        return None
    return number_of(frame)


def number_of(frame: bytes) -> int | None:
  """The number of a message in its connection; None also for one that is cut short."""
  found = _NUMBER(frame)
  if found is None or frame.count(b"{") != frame.count(b"}"):
    return None
  return int(found[1])


def key_of(frame: bytes) -> bytes:
  """The key of the topic of a message, b"" where it does not begin as usual."""
  found = _BEGIN(frame)
  begin = frame.find(_PRODUCT) + len(_PRODUCT)
  if found is None or begin < len(_PRODUCT):
    return b""
  return _SENT_AS[found[1]] + b" " + frame[begin : frame.find(b'"', begin)]
