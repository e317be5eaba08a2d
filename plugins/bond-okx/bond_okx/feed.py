"""OKX's dialect as a Feed: one public and one business family of connections.

A name here is CHANNEL:INSTRUMENT, or CHANNEL:FAMILY for what is told of a whole family.
"""

import re
from collections.abc import Iterable

from bond_core import Batch, Refused
from bond_core.config import did_you_mean
from bond_core.feeds import (
  Expire,
  Fetch,
  Handshake,
  Limits,
  Moment,
  Pong,
  Reset,
  Response,
  Subscription,
)
from bond_core.venues import (
  SECOND,
  UNREADABLE,
  LatestFromMessage,
  OpenConnection,
  SubscriptionState,
  Topic,
  TopicFeed,
)
from bond_okx.books import BookState
from bond_okx.contracts import Contract, read_contracts
from bond_okx.endpoints import BUSINESS, LIMITS, PUBLIC, REQUEST_CHARACTERS, Connection
from bond_okx.intervals import channel as candle_channel
from bond_okx.liquidations import Liquidations, LiquidationsState
from bond_okx.messages import Arg, Other, read_other
from bond_okx.states import (
  CandlesState,
  QuotesState,
  read_funding_event,
  read_open_interest_event,
  read_stats_event,
)
from bond_okx.symbols import EXCHANGE, SPOT, SWAP, family, spelling, venue_symbol
from bond_okx.trades import TradesState

_CHANNELS = (
  "trades", "orderbook", "ticker", "funding", "open_interest", "liquidation", "candle"
)  # fmt: skip
_ON_DERIVATIVES = ("open_interest", "liquidation")
_IN_CONTRACTS = ("trades", "orderbook", "liquidation")
"""Channels whose sizes are counted in contracts on derivatives; so are quotes."""

_NAMED = re.compile(r"channel\s*:\s*([\w-]+)\s*,\s*inst(?:Id|Type|Family)\s*:\s*([\w-]+)")
_SUBSCRIPTION_LIMIT = "60014"
_SOON_CLOSED = "64008"

SEE = "; see the venue's list of markets"

LISTING_TRIES = 5
LISTING_WITHIN_NS = 30 * SECOND


class OkxFeed(TopicFeed):
  """One connection's worth of OKX. Derivatives are asked for when it is known what a contract is
  worth."""

  exchange = EXCHANGE
  venue = "OKX"
  opening = b'{"arg":{"channel":"'
  closing = b'"}'

  def __init__(self, connection: Connection) -> None:
    super().__init__()
    self._endpoint = connection
    self._contracts: dict[str, dict[str, Contract]] = {}
    self._listing: dict[str, int] = {}
    """When a family's listing was asked for (monotonic ns)."""
    self._tries: dict[str, int] = {}

  # What the venue has --------------------------------------------------------------------------

  def group(self, subscription: Subscription) -> str:
    channel, instrument = subscription.channel, subscription.instrument
    kind = family(instrument)
    if channel not in _CHANNELS:
      raise Refused(f"OKX has no stream of {channel}; it has {', '.join(_CHANNELS)}")
    if (channel in _ON_DERIVATIVES and kind == SPOT) or (channel == "funding" and kind != SWAP):
      perpetual = spelling(instrument._replace(market_type="perp", expiry=None))
      raise Refused(f"{subscription}: only contracts have that; the perpetual is {perpetual}")
    return BUSINESS if channel == "candle" else PUBLIC

  def limits(self, group: str) -> Limits:
    return LIMITS

  def handshake(self, group: str, subscriptions: list[Subscription]) -> Handshake:
    return Handshake(self._endpoint.websocket(group))

  def topic_of(self, subscription: Subscription) -> str:
    options = dict(subscription.options)
    instrument = subscription.instrument
    match subscription.channel:
      case "trades":
        channel = "trades"
      case "orderbook":
        channel = "books"
      case "ticker":
        channel = "bbo-tbt" if options.get("stream") == "quotes" else "tickers"
      case "funding":
        channel = "funding-rate"
      case "open_interest":
        channel = "open-interest"
      case "candle":
        channel = candle_channel(options.get("interval", "1m"))
      case _:
        return f"liquidation-orders:{family(instrument)}"
    return f"{channel}:{venue_symbol(instrument)}"

  def state_of(self, subscription: Subscription, name: str) -> SubscriptionState:
    instrument = subscription.instrument
    symbol, kind = venue_symbol(instrument), family(instrument)

    def contract() -> Contract | None:
      return self._contracts.get(kind, {}).get(symbol)

    match name.partition(":")[0]:
      case "trades":
        return TradesState(subscription, name, contract)
      case "books":
        return BookState(subscription, name, lambda name: self.renew(PUBLIC, name), contract)
      case "bbo-tbt":
        return QuotesState(subscription, name, contract)
      case "tickers":
        return LatestFromMessage(subscription, name, read_stats_event)
      case "funding-rate":
        return LatestFromMessage(subscription, name, read_funding_event)
      case "open-interest":
        return LatestFromMessage(subscription, name, read_open_interest_event)
      case "liquidation-orders":
        return LiquidationsState(subscription, name, symbol, contract)
      case _:
        return CandlesState(subscription, name)

  def topic(self, name: str) -> Topic:
    return Liquidations(name) if name.startswith("liquidation-orders:") else Topic(name)

  def key(self, name: str) -> bytes:
    channel, _, of = name.partition(":")
    field = "instType" if channel == "liquidation-orders" else "instId"
    return f'{channel}","{field}":"{of}'.encode()

  def written(self, name: str) -> str:
    return f'{{"channel":"{self.key(name).decode()}"}}'

  def request(self, operation: str, arguments: str, number: int) -> bytes:
    return f'{{"id":"{number}","op":"{operation}","args":[{arguments}]}}'.encode()

  def characters_per_request(self, group: str) -> int:
    return REQUEST_CHARACTERS

  # Contracts -----------------------------------------------------------------------------------

  def ready(self, group: str, name: str) -> bool:
    topic = self._topics.get(group, {}).get(name)
    streams = () if topic is None else topic.states
    return all(not _needs_contract(s) or family(s.instrument) in self._contracts for s in streams)

  def prepare(self, group: str, subscriptions: Iterable[Subscription]) -> None:
    for kind in sorted({family(s.instrument) for s in subscriptions if _needs_contract(s)}):
      if kind in self._contracts:
        self._check_listed(kind)
      elif kind not in self._listing:
        self._ask_listing(kind)

  def _ask_listing(self, kind: str) -> None:
    self._listing[kind] = self.now_ns
    self._tries[kind] = self._tries.get(kind, 0) + 1
    url = self._endpoint.listing(kind)
    self.actions.append(Fetch(url, f"contracts of {kind}", PUBLIC))

  def on_response(self, fetch: Fetch, response: Response, received: Moment) -> Batch:
    self.now_ns = received.mono_ns
    kind = fetch.purpose.rpartition(" ")[2]
    told = self.explain(response.status, response.body) or f"HTTP {response.status}"
    if response.status == 200:
      try:
        self._contracts[kind] = read_contracts(response.body)
      except UNREADABLE as exc:
        told = str(exc)
      else:
        self._listing.pop(kind, None)
        self._tries.pop(kind, None)
        self._check_listed(kind)
        self.proceed()
        return []
    if self._tries.get(kind, 0) >= LISTING_TRIES:
      self._give_up(kind, f"the worth of its contracts cannot be learned from OKX: {told[:200]}")
    return []

  def on_timer(self, now: Moment) -> Batch:
    out = super().on_timer(now)
    for kind, asked in list(self._listing.items()):
      # Ever more rarely, and not while an answer may still come.
      wait = min(1 << self._tries.get(kind, 0), 30) * SECOND
      if now.mono_ns - asked > wait:
        self._ask_listing(kind)
    return out

  def _check_listed(self, kind: str) -> None:
    """Gives up the contracts that the venue does not list."""
    known = self._contracts[kind]
    for stream in list(self.states()):
      subscription = stream.subscription
      symbol = venue_symbol(subscription.instrument)
      if (
        family(subscription.instrument) == kind
        and _needs_contract(subscription)
        and symbol not in known
      ):
        reason = f"{subscription}: OKX has no {symbol}{did_you_mean(symbol, known, SEE, 0.7)}"
        self.reject(subscription, reason)

  def _give_up(self, kind: str, reason: str) -> None:
    self._listing.pop(kind, None)
    self._tries.pop(kind, None)
    for stream in list(self.states()):
      subscription = stream.subscription
      if family(subscription.instrument) == kind and _needs_contract(subscription):
        self.reject(subscription, f"{subscription}: {reason}")

  # Answers -------------------------------------------------------------------------------------

  def other(self, line: OpenConnection, frame: bytes, received: Moment, out: Batch) -> None:
    if frame == b"pong":
      self.actions.append(Pong(line.number))
      return
    other = read_other(frame)
    if other.arg is not None and bytes(other.data):
      self.take_named(line, _name(other.arg), frame, received, out)
    elif other.event == "error":
      self._error(line, other)
    elif other.event in ("subscribe", "unsubscribe"):
      number = int(other.id) if other.id is not None and other.id.isdecimal() else None
      self.confirmed(line, number, None if other.arg is None else _name(other.arg))
    elif other.event == "notice":
      if other.code == _SOON_CLOSED:
        self.actions.append(Expire(line.number, "OKX is about to close this connection"))
    elif not other.event:
      self.unknown += 1

  def _error(self, line: OpenConnection, other: Other) -> None:
    said = f"{other.msg} (code {other.code})"
    if other.code == _SUBSCRIPTION_LIMIT:
      self.actions.append(Reset(line.number, f"OKX: {said[:200]}"))
      return
    number = int(other.id) if other.id is not None and other.id.isdecimal() else None
    named = [f"{channel}:{of}" for channel, of in _NAMED.findall(other.msg)]
    self.refused(line, number, said, named)


def _needs_contract(subscription: Subscription) -> bool:
  """Whether what a contract is worth has to be known to read it."""
  if family(subscription.instrument) == SPOT:
    return False
  return subscription.channel in _IN_CONTRACTS or ("stream", "quotes") in subscription.options


def _name(arg: Arg) -> str:
  return f"{arg.channel}:{arg.instrument or arg.family}"
