"""Bybit's dialect as a Feed: a family of connections for each category."""

from collections.abc import Iterable

from bond_bybit.books import BookState, QuotesState
from bond_bybit.endpoints import CHARACTERS, Connection, limits_of
from bond_bybit.messages import read_other
from bond_bybit.states import INTERVALS, CandlesState, LiquidationsState
from bond_bybit.symbols import EXCHANGE, SPOT, category, spelling, venue_symbol
from bond_bybit.tickers import FundingStream, OpenInterestStream, StatsStream, Tickers
from bond_bybit.trades import TradesState
from bond_core import Batch, Refused
from bond_core.feeds import Handshake, Limits, Moment, Pong, Subscription
from bond_core.venues import OpenConnection, SubscriptionState, Topic, TopicFeed

_CHANNELS = (
  "trades", "orderbook", "ticker", "funding", "open_interest", "liquidation", "candle"
)  # fmt: skip
_ON_CONTRACTS = ("funding", "open_interest", "liquidation")


class BybitFeed(TopicFeed):
  """One connection's worth of Bybit. One name that the venue does not have fails a whole request,
  so halves of it are tried until it is found."""

  exchange = EXCHANGE
  venue = "Bybit"
  opening = b'{"topic":"'
  closing = b'"'
  all_or_nothing = True

  def __init__(self, connection: Connection) -> None:
    super().__init__()
    self._endpoint = connection

  # What the venue has --------------------------------------------------------------------------

  def group(self, subscription: Subscription) -> str:
    channel, instrument = subscription.channel, subscription.instrument
    kind = category(instrument)
    venue_symbol(instrument)
    if channel not in _CHANNELS:
      raise Refused(f"Bybit has no stream of {channel}; it has {', '.join(_CHANNELS)}")
    perpetual = spelling(instrument._replace(market_type="perp", expiry=None))
    if channel in _ON_CONTRACTS and kind == SPOT:
      raise Refused(f"{subscription}: only contracts have that; the perpetual is {perpetual}")
    if channel == "funding" and instrument.expiry is not None:
      raise Refused(f"{subscription}: a dated contract pays none; the perpetual is {perpetual}")
    return kind

  def limits(self, group: str) -> Limits:
    return limits_of(group)

  def handshake(self, group: str, subscriptions: list[Subscription]) -> Handshake:
    return Handshake(self._endpoint.websocket(group))

  def topic_of(self, subscription: Subscription) -> str:
    options = dict(subscription.options)
    match subscription.channel:
      case "trades":
        kind = "publicTrade"
      case "orderbook":
        kind = f"orderbook.{options.get('levels', '50')}"
      case "ticker" if options.get("stream") == "quotes":
        kind = "orderbook.1"
      case "candle":
        kind = f"kline.{INTERVALS[options.get('interval', '1m')]}"
      case "liquidation":
        kind = "allLiquidation"
      case _:
        kind = "tickers"
    return f"{kind}.{venue_symbol(subscription.instrument)}"

  def state_of(self, subscription: Subscription, name: str) -> SubscriptionState:
    match subscription.channel:
      case "trades":
        return TradesState(subscription, name)
      case "orderbook":
        group = self.group(subscription)
        return BookState(subscription, name, lambda name: self.renew(group, name))
      case "ticker" if ("stream", "quotes") in subscription.options:
        return QuotesState(subscription, name)
      case "ticker":
        return StatsStream(subscription, name)
      case "funding":
        return FundingStream(subscription, name)
      case "open_interest":
        return OpenInterestStream(subscription, name)
      case "liquidation":
        return LiquidationsState(subscription, name)
      case _:
        return CandlesState(subscription, name)

  def topic(self, name: str) -> Topic:
    if name.startswith("tickers."):
      return Tickers(name)
    topic = Topic(name)
    topic.lone = name.startswith("allLiquidation.")
    return topic

  def prepare(self, group: str, subscriptions: Iterable[Subscription]) -> None:
    """Nothing has to be known before."""

  def written(self, name: str) -> str:
    return f'"{name}"'

  def request(self, operation: str, arguments: str, number: int) -> bytes:
    return f'{{"req_id":"{number}","op":"{operation}","args":[{arguments}]}}'.encode()

  def characters_per_request(self, group: str) -> int:
    return CHARACTERS

  # Answers -------------------------------------------------------------------------------------

  def other(self, line: OpenConnection, frame: bytes, received: Moment, out: Batch) -> None:
    other = read_other(frame)
    if other.topic:
      self.take_named(line, other.topic, frame, received, out)
    elif "pong" in (other.op, other.ret_msg):
      self.actions.append(Pong(line.number))
    elif other.success is not None:
      number = int(other.req_id) if other.req_id.isdecimal() else None
      if other.success:
        self.confirmed(line, number)
      else:
        self.refused(line, number, other.ret_msg)
    else:
      self.unknown += 1
