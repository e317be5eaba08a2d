"""OKX's feed: one public and one business family of connections.

A topic is named CHANNEL:INSTRUMENT here, or CHANNEL:FAMILY for what covers a whole family.
"""

import re

from bond_venuekit import (
  LatestCandles,
  LatestValue,
  NamedFeed,
  VenueMarkets,
  check_contract,
  request_number,
)

from bond_core.feeds import Expire, Handshake, Limits, Pong, Reset, Subscription, own_words
from bond_core.venues import (
  Answer,
  Confirmed,
  Denied,
  FeedControl,
  RequestForm,
  SubscriptionState,
  Topic,
  TopicMessage,
  Unknown,
)
from bond_okx.books import BookState
from bond_okx.endpoints import BUSINESS, LIMITS, PUBLIC, REQUEST_CHARACTERS, Connection, Group
from bond_okx.intervals import channel as candle_channel
from bond_okx.latest import (
  read_candles,
  read_funding,
  read_open_interest,
  read_quotes,
  read_stats,
)
from bond_okx.liquidations import LiquidationsState, LiquidationsTopic
from bond_okx.listing import OkxMarket, contract_in, okx_markets
from bond_okx.messages import Arg, Other, decode_other
from bond_okx.names import names_of
from bond_okx.requests import argument_of, encode_request, key_of
from bond_okx.symbols import EXCHANGE, TITLE, family, settled_in, venue_symbol
from bond_okx.trades import TradesState

CHANNELS = (
  "trades", "orderbook", "ticker", "funding", "open_interest", "liquidation", "candle"
)  # fmt: skip
_OF_CONTRACTS = ("funding", "open_interest", "liquidation")

_NAMED = re.compile(r"channel\s*:\s*([\w-]+)\s*,\s*inst(?:Id|Type|Family)\s*:\s*([\w-]+)")
_SUBSCRIPTION_LIMIT = "60014"
_SOON_CLOSED = "64008"
_WRONG = ("60012", "60018", "51001")
"""The codes of a request or a channel that is wrong, and of an instrument that does not exist."""


def okx_feed(connection: Connection) -> NamedFeed:
  """The feed of one connection identity."""
  markets = okx_markets(connection)
  return NamedFeed(
    EXCHANGE,
    TITLE,
    names=names_of(connection),
    channels=CHANNELS,
    topics=OkxTopics(connection, markets),
    requests=RequestForm(encode_request, characters=REQUEST_CHARACTERS),
    read_answer=markets.hearing(read_answer),
    opening=b'{"arg":{"channel":"',
    closing=b'"}',
    markets=markets,
  )


class OkxTopics:
  """Which topic carries a subscription, on which connection, and what reads it."""

  def __init__(self, connection: Connection, markets: VenueMarkets[OkxMarket]) -> None:
    self._endpoint = connection
    self._markets = markets

  def group(self, subscription: Subscription) -> Group:
    family(subscription.instrument)
    if subscription.channel in _OF_CONTRACTS:
      check_contract(subscription, settled_in, perpetual=subscription.channel == "funding")
    return BUSINESS if subscription.channel == "candle" else PUBLIC

  def limits(self, group: str) -> Limits:
    return LIMITS

  def handshake(self, group: str, names: list[str]) -> Handshake:
    return Handshake(self._endpoint.websocket(group))

  def topic(self, subscription: Subscription) -> Topic:
    options = dict(subscription.options)
    symbol = venue_symbol(subscription.instrument)
    match subscription.channel:
      case "trades":
        return _topic("trades", symbol)
      case "orderbook":
        return _topic("books", symbol)
      case "ticker" if options.get("stream") == "quotes":
        return _topic("bbo-tbt", symbol)
      case "ticker":
        return _topic("tickers", symbol)
      case "funding":
        return _topic("funding-rate", symbol)
      case "open_interest":
        return _topic("open-interest", symbol)
      case "candle":
        return _topic(candle_channel(options.get("interval", "1m")), symbol)
      case _:
        channel, kind = "liquidation-orders", family(subscription.instrument)
        key = key_of(channel, "instType", kind)
        return LiquidationsTopic(f"{channel}:{kind}", key=key, argument=argument_of(key))

  def state(self, subscription: Subscription, name: str, feed: FeedControl) -> SubscriptionState:
    contract = contract_in(self._markets, subscription.instrument)
    match subscription.channel:
      case "trades":
        return TradesState(subscription, name, contract)
      case "orderbook":
        return BookState(subscription, name, feed, contract)
      case "ticker" if ("stream", "quotes") in subscription.options:
        return LatestValue(subscription, name, read_quotes(contract), counted=True)
      case "ticker":
        return LatestValue(subscription, name, read_stats)
      case "funding":
        return LatestValue(subscription, name, read_funding)
      case "open_interest":
        return LatestValue(subscription, name, read_open_interest)
      case "liquidation":
        return LiquidationsState(subscription, name, contract)
      case _:
        return LatestCandles(subscription, name, read_candles(subscription))


def read_answer(connection: int, frame: bytes) -> Answer | None:
  """What a message means that does not begin as a topic's does."""
  if frame.strip() == b"pong":
    return Pong(connection)
  other = decode_other(frame)
  if other.arg is not None and bytes(other.data):
    return TopicMessage(_name(other.arg))
  match other.event:
    case "error":
      return _read_error(connection, other)
    case "subscribe" | "unsubscribe":
      name = None if other.arg is None else _name(other.arg)
      return Confirmed(request_number(other.id), name)
    case "notice" if str(other.code) == _SOON_CLOSED:
      return Expire(connection, "OKX is about to close this connection")
    case None | "":
      return Unknown()
    case _:
      return None


def _read_error(connection: int, other: Other) -> Answer:
  said, code = other.msg or "", str(other.code or "")
  reason = f"{said} (code {code})"
  if code == _SUBSCRIPTION_LIMIT:
    return Reset(connection, f"OKX: {own_words(reason, 200)}")
  names = tuple(f"{channel}:{of}" for channel, of in _NAMED.findall(said))
  # Any other refusal is of the moment, such as of a busy system.
  return Denied(request_number(other.id), reason, names, passing=code not in _WRONG)


def _topic(channel: str, symbol: str) -> Topic:
  key = key_of(channel, "instId", symbol)
  return Topic(f"{channel}:{symbol}", key=key, argument=argument_of(key))


def _name(arg: Arg) -> str:
  return f"{arg.channel}:{arg.instrument or arg.family}"
