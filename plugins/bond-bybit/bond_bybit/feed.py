"""Bybit's feed: a family of connections for each category."""

import re

from bond_venuekit import LatestCandles, LatestValue, NamedFeed, check_contract, request_number

from bond_bybit.books import BookState, read_quotes
from bond_bybit.endpoints import CHARACTERS, Connection, limits_of
from bond_bybit.listing import bybit_markets
from bond_bybit.messages import decode_other
from bond_bybit.names import names_of
from bond_bybit.states import INTERVALS, LiquidationsState, read_candles
from bond_bybit.symbols import EXCHANGE, TITLE, Category, category, settled_in, venue_symbol
from bond_bybit.tickers import FundingPart, OpenInterestPart, StatsPart, TickerTopic
from bond_bybit.trades import TradesState
from bond_core.feeds import Handshake, Limits, Pong, Subscription
from bond_core.venues import (
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

CHANNELS = (
  "trades", "orderbook", "ticker", "funding", "open_interest", "liquidation", "candle"
)  # fmt: skip
_OF_CONTRACTS = ("funding", "open_interest", "liquidation")


_ALREADY = re.compile(r"already subscribed,\s*topic:([\w.-]+)")
_WRONG = re.compile(r"handler not found|invalid|params error|not (exist|support)", re.IGNORECASE)
"""What says that a topic is wrong. Any other refusal is of the moment."""


def bybit_feed(connection: Connection) -> NamedFeed:
  """The feed of one connection identity."""
  return NamedFeed(
    EXCHANGE,
    TITLE,
    names=names_of(connection),
    channels=CHANNELS,
    topics=BybitTopics(connection),
    requests=RequestForm(encode_request, characters=CHARACTERS, all_or_nothing=True),
    read_answer=read_answer,
    opening=b'{"topic":"',
    closing=b'"',
    markets=bybit_markets(connection),
  )


class BybitTopics:
  """Which topic carries a subscription, on which connection, and what reads it."""

  def __init__(self, connection: Connection) -> None:
    self._endpoint = connection

  def group(self, subscription: Subscription) -> Category:
    group = category(subscription.instrument)
    venue_symbol(subscription.instrument)
    if subscription.channel in _OF_CONTRACTS:
      check_contract(subscription, settled_in, perpetual=subscription.channel == "funding")
    return group

  def limits(self, group: str) -> Limits:
    return limits_of(group)

  def handshake(self, group: str, names: list[str]) -> Handshake:
    return Handshake(self._endpoint.websocket(group))

  def topic(self, subscription: Subscription) -> Topic:
    options = dict(subscription.options)
    symbol = venue_symbol(subscription.instrument)
    match subscription.channel:
      case "trades":
        return Topic(f"publicTrade.{symbol}")
      case "orderbook":
        return Topic(f"orderbook.{options.get('levels', '50')}.{symbol}")
      case "ticker" if options.get("stream") == "quotes":
        return Topic(f"orderbook.1.{symbol}")
      case "candle":
        return Topic(f"kline.{INTERVALS[options.get('interval', '1m')]}.{symbol}")
      case "liquidation":
        return Topic(f"allLiquidation.{symbol}", one_connection=True)
      case _:
        return TickerTopic(f"tickers.{symbol}")

  def state(self, subscription: Subscription, name: str, feed: FeedControl) -> SubscriptionState:
    match subscription.channel:
      case "trades":
        return TradesState(subscription, name)
      case "orderbook":
        return BookState(subscription, name, feed)
      case "ticker" if ("stream", "quotes") in subscription.options:
        return LatestValue(subscription, name, read_quotes(subscription), counted=True)
      case "ticker":
        return StatsPart(subscription, name)
      case "funding":
        return FundingPart(subscription, name)
      case "open_interest":
        return OpenInterestPart(subscription, name)
      case "liquidation":
        return LiquidationsState(subscription, name)
      case _:
        return LatestCandles(subscription, name, read_candles(subscription))


def encode_request(operation: Operation, arguments: str, number: int) -> bytes:
  """A request to subscribe or unsubscribe."""
  return f'{{"req_id":"{number}","op":"{operation}","args":[{arguments}]}}'.encode()


def read_answer(connection: int, frame: bytes) -> Answer:
  """What a message means that does not begin with its topic."""
  other = decode_other(frame)
  if other.topic:
    return TopicMessage(other.topic)
  if "pong" in (other.op, other.ret_msg):
    return Pong(connection)
  if other.success is None:
    return Unknown()
  number, said = request_number(other.req_id), other.ret_msg or ""
  if other.success:
    return Confirmed(number)
  if found := _ALREADY.search(said):
    # What else was in the request has no answer, and is subscribed to on a new connection.
    return Confirmed(number, found[1])
  return Denied(number, said, passing=not _WRONG.search(said))
